/*
 * files.c - files of named tensors: what is saved is read, laid out as promised, and every wrong list, damaged byte
 * or cut is refused by name. The state of a run is files_state.c's, how a file is replaced files_replace.c's.
 */
#define _GNU_SOURCE /* newlocale */
#include "files.h"

#include <locale.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../../kernels/files/files.h"

static char said[ADAMW_FILE_SENTENCE_SIZE];

/* Tensors of every dtype: scalar, empty, odd and whole cache lines, names that JSON must escape. */
enum { LIST = 3 * (ADAMW_FILE_C64 + 1) + 2, BYTES = 64 * 8 };
static uint64_t list_shapes[LIST][3];
static char list_names[LIST][64];
static unsigned char list_data[LIST][BYTES];
static const adamw_file_entry list_metadata[] = {{"format", "pt"},
                                                 {"note", "two\nlines, a \"quote\" and \\ and \x01"},
                                                 {"", ""},
                                                 {"\xF0\x9F\x90\x99", "\xE2\x82\xAC"}};
enum { METADATA = sizeof list_metadata / sizeof list_metadata[0] };

static void make_list(adamw_file_tensor *list, uint64_t seed)
{
    static const uint64_t shapes[][3] = {{1, 1, 1}, {8, 2, 4}, {3, 5, 1}};
    for (size_t i = 0; i < LIST; i++) {
        const size_t kind = i % 3, rank = i == LIST - 1 ? 3 : kind == 0 ? 0 : kind + 1;
        memcpy(list_shapes[i], shapes[kind], sizeof shapes[0]);
        if (i == LIST - 1)
            list_shapes[i][1] = 0;
        snprintf(list_names[i], sizeof list_names[0], "%c/%s.\"%zu\"\n\xE2\x82\xAC", 'a' + (int)(mix64(i) % 26),
                 i % 2 ? "w" : "", i);
        for (size_t b = 0; b < BYTES; b++)
            list_data[i][b] = (unsigned char)mix64(seed * 77 + i * BYTES + b);
        list[i] = (adamw_file_tensor){list_names[i], (adamw_file_dtype)(i / 3 % (ADAMW_FILE_C64 + 1)),
                                      rank,          rank > 0 ? list_shapes[i] : NULL,
                                      list_data[i],  0};
    }
}

static bool same_tensor(const adamw_file_tensor *a, const adamw_file_tensor *b)
{
    uint64_t values, bytes;
    return a->dtype == b->dtype && a->rank == b->rank &&
           (a->rank == 0 || memcmp(a->shape, b->shape, a->rank * sizeof *a->shape) == 0) &&
           adamw_files_size_of(a->dtype, a->shape, a->rank, &values, &bytes) && bytes == b->bytes &&
           (bytes == 0 || memcmp(a->data, b->data, bytes) == 0);
}

static bool check_list(const char *path, const adamw_file_tensor *list)
{
    adamw_file *file;
    if (adamw_open(&file, path, said, sizeof said) != ADAMW_OK)
        return check_fail("%s", said);
    bool right = adamw_file_count(file) == LIST && adamw_file_metadata_count(file) == METADATA;
    for (size_t i = 0; i < LIST && right; i++) {
        const adamw_file_tensor *const t = adamw_file_find(file, list[i].name);
        right = t != NULL && same_tensor(&list[i], t);
        const size_t to = t == NULL || t->bytes % 64 == 0 ? 64 : adamw_file_dtype_size(t->dtype);
        if (right && (uintptr_t)t->data % to != 0)
            right = check_fail("'%s' is not aligned to %zu bytes", t->name, to);
        right = right && adamw_file_check(file, list[i].name, said, sizeof said) == ADAMW_OK;
    }
    for (size_t i = 0; i < METADATA && right; i++) {
        const char *const value = adamw_file_metadata(file, list_metadata[i].key);
        right = value != NULL && strcmp(value, list_metadata[i].value) == 0;
    }
    for (size_t i = 1; i < LIST && right; i++)
        right = strcmp(adamw_file_at(file, i - 1)->name, adamw_file_at(file, i)->name) < 0;
    right = right && adamw_file_find(file, "none") == NULL && adamw_file_metadata(file, "none") == NULL &&
            adamw_file_at(file, LIST) == NULL && adamw_file_metadata_at(file, METADATA) == NULL;
    /* The mapping is private: what is written into it stays here. */
    if (right)
        *(char *)adamw_file_find(file, list[1].name)->data ^= 1;
    adamw_file_close(file);
    return right || check_fail("another list came back: %s", said);
}

/* The same bytes where numbers have a comma; skipped where no such locale is installed. */
static bool check_locale(const folder *f, const adamw_file_tensor *list, const char *bytes, size_t size)
{
    static const char *const names[] = {"de_DE.UTF-8", "de_DE", "fr_FR.UTF-8", "ru_RU.UTF-8", "pt_BR.UTF-8"};
    locale_t comma = (locale_t)0;
    for (size_t i = 0; i < sizeof names / sizeof names[0] && comma == (locale_t)0; i++)
        comma = newlocale(LC_ALL_MASK, names[i], (locale_t)0);
    if (comma == (locale_t)0) {
        check_skip("files under another locale: none with a decimal comma is installed");
        return true;
    }
    const locale_t before = uselocale(comma);
    size_t other_size = 0;
    const char *const path = in_folder(f, "locale");
    const bool saved = adamw_save(path, list, LIST, list_metadata, METADATA, said, sizeof said) == ADAMW_OK &&
                       check_list(path, list);
    char *const other = bytes_of_file(path, &other_size);
    const bool right = saved && other != NULL && other_size == size && memcmp(bytes, other, size) == 0;
    uselocale(before);
    freelocale(comma);
    free(other);
    return right || check_fail("another file under a locale with a comma");
}

bool check_files_round_trip(const check_options *options)
{
    static const struct {
        const char *text;
        uint64_t sum;
    } sums[] = {{"", UINT64_C(0xEF46DB3751D8E999)},
                {"a", UINT64_C(0xD24EC4F1A98C6E5B)},
                {"abc", UINT64_C(0x44BC2CF5AD770999)},
                {"Nobody inspects the spammish repetition", UINT64_C(0xFBCEA83C8A378BF1)}};
    for (size_t i = 0; i < sizeof sums / sizeof sums[0]; i++) {
        adamw_xxh64 x;
        adamw_xxh64_begin(&x);
        for (const char *at = sums[i].text; *at != '\0'; at++)
            adamw_xxh64_add(&x, at, 1);
        if (adamw_xxh64_end(&x) != sums[i].sum)
            return check_fail("XXH64 of '%s' is another", sums[i].text);
    }
    folder f = {""};
    adamw_file_tensor list[LIST];
    size_t size;
    if (!folder_new(&f))
        return false;
    make_list(list, options->seed);
    const char *const path = in_folder(&f, "run.safetensors");
    bool right = adamw_save(path, list, LIST, list_metadata, METADATA, said, sizeof said) == ADAMW_OK &&
                 strcmp(said, "ok") == 0;
    if (!right)
        check_fail("%s", said);
    char *const bytes = right ? bytes_of_file(path, &size) : NULL;
    right = right && bytes != NULL && check_list(path, list) && check_list(path, list) && files_in(&f) == 1 &&
            check_locale(&f, list, bytes, size);
    free(bytes);
    folder_free(&f);
    return right;
}

/* ---- damage ---- */

/* Whether opening, or comparing the checksums, refuses the bytes in one sentence that has a byte or a tensor. */
static bool is_refused(const char *path, const char *bytes, size_t size, const char *what, size_t where)
{
    adamw_file *file;
    if (!write_file(path, bytes, size))
        return check_fail("cannot write %s", path);
    adamw_status status = adamw_open(&file, path, said, sizeof said);
    if (status != ADAMW_OK && file != NULL)
        return check_fail("a refused file left a handle");
    if (status == ADAMW_OK) {
        status = adamw_file_check(file, NULL, said, sizeof said);
        adamw_file_close(file);
    }
    if (status != ADAMW_ERROR_STATE && status != ADAMW_ERROR_UNSUPPORTED)
        return check_fail("%s at byte %zu is taken (status %d)", what, where, (int)status);
    if (strncmp(said, path, strlen(path)) != 0 || strchr(said, '\n') != NULL ||
        (strstr(said, "byte") == NULL && strstr(said, "tensor '") == NULL && strstr(said, "metadata") == NULL &&
         strstr(said, "checksum") == NULL))
        return check_fail("%s at byte %zu: '%s' names no byte or tensor", what, where, said);
    return true;
}

bool check_files_damaged(const check_options *options)
{
    folder f = {""};
    adamw_file_tensor list[LIST];
    size_t size = 0;
    if (!folder_new(&f))
        return false;
    make_list(list, options->seed);
    const char *const path = in_folder(&f, "whole"), *const other = in_folder(&f, "damaged");
    bool right = adamw_save(path, list, 9, list_metadata, METADATA, NULL, 0) == ADAMW_OK;
    char *const bytes = bytes_of_file(path, &size);
    right = right && bytes != NULL;
    for (size_t i = 0; i < size && right; i++)
        for (int bit = 0; bit < 8 && right; bit += options->quick ? 3 : 1) {
            bytes[i] = (char)(bytes[i] ^ 1 << bit);
            right = is_refused(other, bytes, size, "a changed bit", i);
            bytes[i] = (char)(bytes[i] ^ 1 << bit);
        }
    for (size_t i = 0; i < size && right; i++)
        right = is_refused(other, bytes, i, "a cut", i);
    right = right && is_refused(other, bytes, size + 1, "a byte more", size);
    free(bytes);
    folder_free(&f);
    return right;
}

/* ---- headers of other hands ---- */

static bool opens(const char *path, const char *header, uint64_t length, size_t data, const char *words)
{
    static char bytes[4096];
    adamw_file *file;
    const size_t given = strlen(header);
    memset(bytes, 0, sizeof bytes);
    memcpy(bytes, &length, sizeof length);
    memcpy(bytes + 8, header, given + 1);
    if (!write_file(path, bytes, 8 + given + data))
        return check_fail("cannot write %s", path);
    const adamw_status status = adamw_open(&file, path, said, sizeof said);
    adamw_file_close(file);
    if ((status == ADAMW_OK) != (words == NULL))
        return check_fail("%s: status %d, '%s'", header, (int)status, said);
    return words == NULL || strstr(said, words) != NULL || check_fail("%s: '%s' lacks '%s'", header, said, words);
}

bool check_files_headers(const check_options *options)
{
    static const struct {
        const char *header;
        size_t data;
        const char *words;
    } headers[] = {
        {"{}", 0, NULL},
        {"{}   ", 0, NULL},
        {"{\"__metadata__\":{}}", 0, NULL},
        {"{ \"a\" : { \"shape\" : [ 2 , 1 ] , \"data_offsets\":[0,8],\n\t\"dtype\":\"F32\"} }", 8, NULL},
        {"{\"b\":{\"dtype\":\"U8\",\"shape\":[4],\"data_offsets\":[4,8]},"
         "\"a\":{\"dtype\":\"U8\",\"shape\":[4],\"data_offsets\":[0,4]}}",
         8, NULL},
        {"{\"a\":{\"dtype\":\"F32\",\"shape\":[0,18446744073709551615],\"data_offsets\":[0,0]}}", 0, NULL},
        {"", 0, "must begin with '{'"},
        {"[]", 0, "must begin with '{'"},
        {"{} x", 0, "more text behind the last '}'"},
        {"{\"a\":1}", 0, "a tensor must be an object"},
        {"{\"a\":{\"dtype\":\"F32\",\"shape\":[1]}}", 4, "tensor 'a' has no data_offsets"},
        {"{\"a\":{\"dtype\":\"F32\",\"shape\":[1],\"shape\":[1],\"data_offsets\":[0,4]}}", 4, "its shape twice"},
        {"{\"a\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[0,4],\"x\":0}}", 4, "a member 'x'"},
        {"{\"a\":{\"dtype\":\"F4\",\"shape\":[2],\"data_offsets\":[0,1]}}", 1, "dtype 'F4', which this version"},
        {"{\"a\":{\"dtype\":\"F32\",\"shape\":[-1],\"data_offsets\":[0,4]}}", 4, "a whole number below 2^64"},
        {"{\"a\":{\"dtype\":\"F32\",\"shape\":[1.0],\"data_offsets\":[0,4]}}", 4,
         "damaged at byte 38: there must be ',' or ']' here"},
        {"{\"a\":{\"dtype\":\"F32\",\"shape\":[01],\"data_offsets\":[0,4]}}", 4, "a whole number below 2^64"},
        {"{\"a\":{\"dtype\":\"F32\",\"shape\":[18446744073709551616],\"data_offsets\":[0,4]}}", 4, "below 2^64"},
        {"{\"a\":{\"dtype\":\"F32\",\"shape\":[4294967296,4294967296],\"data_offsets\":[0,4]}}", 4,
         "tensor 'a' has a shape larger than the address space"},
        {"{\"a\":{\"dtype\":\"F32\",\"shape\":[4611686018427387904],\"data_offsets\":[0,4]}}", 4, "address space"},
        {"{\"a\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[0,4]}}", 4,
         "tensor 'a' has 4 bytes, but its dtype and shape need 8"},
        {"{\"a\":{\"dtype\":\"U8\",\"shape\":[4],\"data_offsets\":[4,0]}}", 4, "begins at byte 4 and ends at 0"},
        {"{\"a\":{\"dtype\":\"U8\",\"shape\":[18446744073709551615],\"data_offsets\":[0,18446744073709551615]}}", 4,
         "tensor 'a' begins at byte 0 and ends at 18446744073709551615"},
        {"{\"a\":{\"dtype\":\"U8\",\"shape\":[9],\"data_offsets\":[0,9]}}", 8,
         "truncated: tensor 'a' needs the file"},
        {"{\"a\":{\"dtype\":\"U8\",\"shape\":[7],\"data_offsets\":[0,7]}}", 8, "1 bytes follow the last tensor"},
        {"{\"a\":{\"dtype\":\"U8\",\"shape\":[7],\"data_offsets\":[1,8]}}", 8, "no tensor holds the bytes 0 to 1"},
        {"{\"a\":{\"dtype\":\"U8\",\"shape\":[4],\"data_offsets\":[0,4]},"
         "\"b\":{\"dtype\":\"U8\",\"shape\":[5],\"data_offsets\":[3,8]}}",
         8, "tensors 'a' and 'b' overlap at byte 3"},
        {"{\"a\":{\"dtype\":\"U8\",\"shape\":[4],\"data_offsets\":[0,4]},"
         "\"a\":{\"dtype\":\"U8\",\"shape\":[4],\"data_offsets\":[4,8]}}",
         8, "tensor 'a' is there twice"},
        {"{\"__metadata__\":{\"a\":\"1\",\"a\":\"2\"}}", 0, "the metadata key 'a' is there twice"},
        {"{\"__metadata__\":{},\"__metadata__\":{}}", 0, "__metadata__ twice"},
        {"{\"__metadata__\":{\"a\":1}}", 0, "the metadata must be strings"},
        {"{\"__metadata__\":{\"a\":\"\\ud83d\\ude00\\u00e9\"}}", 0, NULL},
        {"{\"__metadata__\":{\"a\":\"\\ud83d\"}}", 0, "half of a surrogate pair"},
        {"{\"__metadata__\":{\"a\":\"\\u0000\"}}", 0, "a zero byte in a string"},
        {"{\"__metadata__\":{\"a\":\"\\x\"}}", 0, "JSON has no such escape"},
        {"{\"__metadata__\":{\"a\":\"\n\"}}", 0, "a control character"},
        {"{\"__metadata__\":{\"a\":\"\xC0\x80\"}}", 0, "not UTF-8"},
        {"{\"__metadata__\":{\"a\":\"\xED\xA0\x80\"}}", 0, "not UTF-8"},
        {"{\"__metadata__\":{\"a\":\"", 0, "goes on past the end"},
        {"{\"__metadata__\":{\"adamw.seed\":\"1\"}}", 0, "no adamw.file, though other keys begin with 'adamw.'"},
        {"{\"__metadata__\":{\"adamw.file\":\"1\",\"adamw.checksums\":\"\",\"adamw.checksum\":\"0\"}}", 0,
         "the header was changed"},
        {"{\"w[0:4]\":{\"dtype\":\"U8\",\"shape\":[4],\"data_offsets\":[0,4]},"
         "\"w[3:7]\":{\"dtype\":\"U8\",\"shape\":[4],\"data_offsets\":[4,8]}}",
         8, "'w[0:4]' and 'w[3:7]' overlap"},
        {"{\"w[0:4]\":{\"dtype\":\"U8\",\"shape\":[4],\"data_offsets\":[0,4]},"
         "\"w\":{\"dtype\":\"U8\",\"shape\":[4],\"data_offsets\":[4,8]}}",
         8, "there whole and in pieces"},
    };
    folder f = {""};
    (void)options;
    if (!folder_new(&f))
        return false;
    const char *const path = in_folder(&f, "other.safetensors");
    bool right = true;
    for (size_t i = 0; i < sizeof headers / sizeof headers[0] && right; i++)
        right = opens(path, headers[i].header, strlen(headers[i].header), headers[i].data, headers[i].words);
    right = right && opens(path, "{}", 3, 0, "truncated: its header ends at byte 11, but the file at 10") &&
            opens(path, "{}", 100000001, 0, "a header of 100000001 bytes: it must not exceed 100000000") &&
            opens(path, "{}", UINT64_MAX, 0, "a header of 18446744073709551615 bytes");
    folder_free(&f);
    return right;
}

/* ---- the caller's arguments ---- */

static bool is_wrong(const folder *f, const adamw_file_tensor *list, size_t count, const adamw_file_entry *metadata,
                     size_t entries, const char *words)
{
    const char *const path = in_folder(f, "never");
    const adamw_status status = adamw_save(path, list, count, metadata, entries, said, sizeof said);
    if (status != ADAMW_ERROR_INVALID_ARGUMENT || strstr(said, words) == NULL)
        return check_fail("status %d: '%s' lacks '%s'", (int)status, said, words);
    return files_in(f) == 0 || check_fail("a refused list left a file: %s", words);
}

bool check_files_bad_arguments(const check_options *options)
{
    static const uint64_t shape[] = {2, 2}, huge[] = {UINT64_C(1) << 62, 4};
    static float data[4];
    const adamw_file_tensor right = {"w", ADAMW_FILE_F32, 2, shape, data, 0};
    const adamw_file_entry entry = {"key", "value"};
    folder f = {""};
    (void)options;
    if (!folder_new(&f))
        return false;
#define WRONG(words, ...)                                                                                            \
    do {                                                                                                             \
        adamw_file_tensor t[2] = {right, right};                                                                     \
        adamw_file_entry m[2] = {entry, entry};                                                                      \
        t[1].name = "v", m[1].key = "other";                                                                         \
        __VA_ARGS__;                                                                                                 \
        good = good && is_wrong(&f, t, 2, m, 2, words);                                                              \
    } while (0)
    bool good = true;
    WRONG("tensors[1]: name is NULL", t[1].name = NULL);
    WRONG("name is '__metadata__'", t[1].name = "__metadata__");
    WRONG("it must be UTF-8", t[1].name = "\xFF");
    WRONG("two tensors are called 'w'", t[1].name = "w");
    WRONG("tensor 'v': dtype is 17", t[1].dtype = (adamw_file_dtype)17);
    WRONG("rank is 65: it must be at most 64", t[1].rank = 65);
    WRONG("shape is NULL: it must have 2 sizes", t[1].shape = NULL);
    WRONG("tensor 'v': its shape is larger than the address space", t[1].shape = huge);
    WRONG("bytes is 15: its dtype and shape need 16", t[1].bytes = 15);
    WRONG("data is NULL: it must point to 16 bytes", t[1].data = NULL);
    WRONG("metadata[1]: value is NULL", m[1].value = NULL);
    WRONG("key is 'adamw.checksum', which adamw_save() writes itself", m[1].key = "adamw.checksum");
    WRONG("the metadata key 'key' is there twice", m[1].key = "key");
    WRONG("key and value must be UTF-8", m[1].value = "\x80");
    good = good && is_wrong(&f, NULL, 1, NULL, 0, "tensors is NULL") &&
           is_wrong(&f, NULL, 0, NULL, 1, "metadata is NULL");
    good = good && adamw_save(NULL, NULL, 0, NULL, 0, NULL, 0) == ADAMW_ERROR_INVALID_ARGUMENT &&
           adamw_open(NULL, "x", NULL, 0) == ADAMW_ERROR_INVALID_ARGUMENT;
    adamw_file *file = NULL;
    good = good && adamw_open(&file, in_folder(&f, "none"), said, sizeof said) == ADAMW_ERROR_SYSTEM &&
           strstr(said, "no such file or folder") != NULL && file == NULL;
    good = good && adamw_open(&file, f.path, said, sizeof said) == ADAMW_ERROR_INVALID_ARGUMENT &&
           strstr(said, "no regular file") != NULL;
    adamw_file_close(NULL);
    folder_free(&f);
    return good || check_fail("see above: %s", said);
}
