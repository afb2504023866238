/*
 * fuzz_file.c - libFuzzer: any bytes as a safetensors file or as an index of two. What is refused needs a sentence
 * and leaves no handle; what is opened lies inside its mapping, and comes back the same when it is saved and opened
 * again.
 */
#define _GNU_SOURCE
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "../../kernels/files/files.h"
#include "list.h"

static char folder[64], given[128], again[128], said[ADAMW_FILE_SENTENCE_SIZE];

static void write_bytes(const char *path, const uint8_t *data, size_t size)
{
    FILE *const to = fopen(path, "wb");
    if (to == NULL || fwrite(data, 1, size, to) != size || fclose(to) != 0)
        abort();
}

static void end(void)
{
    static const char *const names[] = {"given", "again", "a", "b"};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        char path[128];
        snprintf(path, sizeof path, "%s/%s", folder, names[i]);
        unlink(path);
    }
    rmdir(folder);
}

/* The folder, and the two files that an index may name. */
static void begin(void)
{
    static const char *const names[] = {"w[0:2]", "w[2:5]"};
    static uint64_t shapes[] = {2, 3};
    static float values[3] = {1, 2, 3};
    const adamw_file_entry entry = {"adamw.shape.w", "5"};
    snprintf(folder, sizeof folder, "%s/adamw-fuzz-XXXXXX", access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp");
    if (mkdtemp(folder) == NULL)
        abort();
    snprintf(given, sizeof given, "%s/given", folder);
    snprintf(again, sizeof again, "%s/again", folder);
    for (int i = 0; i < 2; i++) {
        char path[128];
        adamw_file_tensor t = {names[i], ADAMW_FILE_F32, 1, &shapes[i], values, 0};
        snprintf(path, sizeof path, "%s/%c", folder, 'a' + i);
        expect(adamw_save(path, &t, 1, &entry, 1, said, sizeof said) == ADAMW_OK, "a shard", said);
    }
    atexit(end);
}

/* Reads every byte, where a sanitizer sees it. */
static unsigned touch(const adamw_file *file)
{
    unsigned sum = 0;
    for (size_t i = 0; i < adamw_file_count(file); i++) {
        const adamw_file_tensor *const t = adamw_file_at(file, i);
        expect(adamw_file_find(file, t->name) == t, "find", t->name);
        for (uint64_t k = 0; k < t->bytes; k++)
            sum += ((const unsigned char *)t->data)[k];
        for (size_t k = 0; k < t->rank; k++)
            sum += (unsigned)t->shape[k];
    }
    for (size_t i = 0; i < adamw_file_metadata_count(file); i++) {
        const adamw_file_entry *const x = adamw_file_metadata_at(file, i);
        expect(adamw_file_metadata(file, x->key) == x->value, "metadata", x->key);
        sum += (unsigned)strlen(x->value);
    }
    return sum;
}

static bool same(const adamw_file *a, const adamw_file *b)
{
    if (adamw_file_count(a) != adamw_file_count(b) || adamw_file_metadata_count(a) != adamw_file_metadata_count(b))
        return false;
    for (size_t i = 0; i < adamw_file_count(a); i++) {
        const adamw_file_tensor *const x = adamw_file_at(a, i), *const y = adamw_file_at(b, i);
        if (strcmp(x->name, y->name) != 0 || x->dtype != y->dtype || x->rank != y->rank || x->bytes != y->bytes ||
            (x->rank > 0 && memcmp(x->shape, y->shape, x->rank * sizeof *x->shape) != 0) ||
            (x->bytes > 0 && memcmp(x->data, y->data, x->bytes) != 0))
            return false;
    }
    for (size_t i = 0; i < adamw_file_metadata_count(a); i++)
        if (strcmp(adamw_file_metadata_at(a, i)->key, adamw_file_metadata_at(b, i)->key) != 0 ||
            strcmp(adamw_file_metadata_at(a, i)->value, adamw_file_metadata_at(b, i)->value) != 0)
            return false;
    return true;
}

static void save_again(const adamw_file *file)
{
    const size_t count = adamw_file_count(file), entries = adamw_file_metadata_count(file);
    adamw_file_tensor *const tensors = calloc(count + 1, sizeof *tensors);
    adamw_file_entry *const metadata = calloc(entries + 1, sizeof *metadata);
    adamw_file *back = NULL;
    if (tensors == NULL || metadata == NULL)
        abort();
    for (size_t i = 0; i < count; i++)
        tensors[i] = *adamw_file_at(file, i);
    for (size_t i = 0; i < entries; i++)
        metadata[i] = *adamw_file_metadata_at(file, i);
    expect(adamw_save(again, tensors, count, metadata, entries, said, sizeof said) == ADAMW_OK, "not saved", said);
    expect(adamw_open(&back, again, said, sizeof said) == ADAMW_OK, "not opened again", said);
    expect(adamw_file_check(back, NULL, said, sizeof said) == ADAMW_OK, "damaged again", said);
    expect(same(file, back), "another file came back", said);
    adamw_file_close(back);
    free(tensors);
    free(metadata);
}

/* Loading into a run of one parameter, which may succeed or not, and nothing is written where it does not. */
static void load(const adamw_file *file)
{
    float values[5][5] = {{0}}, before[5][5] = {{0}};
    const char *const name = "w";
    adamw_config config;
    adamw_tensor tensor = {
        .n = 5, .param = values[0], .exp_avg = values[1], .exp_avg_sq = values[2], .param_ema = values[4]};
    adamw_state state = {.names = &name, .tensors = &tensor, .count = 1, .partial = true};
    if (adamw_load_state(file, &state, said, sizeof said) != ADAMW_OK)
        expect(memcmp(values, before, sizeof values) == 0 && strcmp(said, "ok") != 0, "half loaded", said);
    adamw_config_init(&config);
    adamw_load_config(file, name, &config, said, sizeof said);
    adamw_file_read(file, name, ADAMW_FILE_F32, 1, 3, values[0], said, sizeof said);
}

static void open_given(void)
{
    adamw_file *file = (adamw_file *)given;
    const adamw_status status = adamw_open(&file, given, said, sizeof said);
    expect((status == ADAMW_OK) == (strcmp(said, "ok") == 0) && said[0] != '\0', "the sentence", said);
    expect(strlen(said) < sizeof said - 1 && strchr(said, '\n') == NULL, "the sentence's form", said);
    expect((status == ADAMW_OK) == (file != NULL), "the handle", said);
    if (status == ADAMW_OK) {
        touch(file);
        adamw_file_check(file, NULL, said, sizeof said);
        load(file);
        save_again(file);
    }
    adamw_file_close(file);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char mark[] = "\"adamw.checksum\":\"";
    uint64_t length;
    if (folder[0] == '\0')
        begin();
    write_bytes(given, data, size);
    open_given();
    /* With a right checksum of the header, so that what is behind it is reached. */
    if (size < 8)
        return 0;
    memcpy(&length, data, sizeof length);
    if (length > size - 8)
        return 0;
    uint8_t *const copy = malloc(size);
    if (copy == NULL)
        abort();
    memcpy(copy, data, size);
    char *const sum = memmem(copy, (size_t)length + 8, mark, sizeof mark - 1);
    if (sum != NULL && (size_t)(sum - (char *)copy) + sizeof mark - 1 + 16 <= length + 8) {
        adamw_files_write_hex(sum + sizeof mark - 1,
                              adamw_files_header_sum((char *)copy, (size_t)length + 8, sum + sizeof mark - 1));
        write_bytes(given, copy, size);
        open_given();
    }
    free(copy);
    return 0;
}
