/*
 * save.c - writes named tensors as a safetensors file: checks the caller's list, lays the data out, writes the header
 * around the checksums. How a file is replaced is replace.c's.
 */
#include "files.h"

#if defined(ADAMW_POSIX)

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#define INVALID(...) adamw_files_fail(to, ADAMW_ERROR_INVALID_ARGUMENT, __VA_ARGS__)

/* Each tensor or whole section of this size, in bytes, lies at a multiple of it: a cache line. */
enum { LINE = 64, DIGITS = 16 };

typedef struct item {
    const adamw_file_tensor *tensor;
    uint64_t bytes, begin;
    size_t sum; /* where its digits stand in the header's text */
} item;

/* ---- the caller's list ---- */

static int by_name(const void *a, const void *b)
{
    return strcmp(((const item *)a)->tensor->name, ((const item *)b)->tensor->name);
}

static adamw_status check_tensor(const adamw_file_tensor *t, size_t i, uint64_t *bytes,
                                 const adamw_files_sentence *to)
{
    uint64_t values;
    if (t->name == NULL)
        return INVALID("tensors[%zu]: name is NULL: every tensor must have one", i);
    if (!adamw_files_is_utf8(t->name, strlen(t->name)))
        return INVALID("tensors[%zu]: name is '%s': it must be UTF-8", i, SHOWN(t->name));
    if (strcmp(t->name, "__metadata__") == 0)
        return INVALID("tensors[%zu]: name is '__metadata__', which the format keeps for the metadata", i);
    if (adamw_file_dtype_size(t->dtype) == 0)
        return INVALID("tensor '%s': dtype is %d: it must be an adamw_file_dtype", SHOWN(t->name), (int)t->dtype);
    if (t->rank > ADAMW_FILES_LONGEST_RANK)
        return INVALID("tensor '%s': rank is %zu: it must be at most %d", SHOWN(t->name), t->rank,
                       ADAMW_FILES_LONGEST_RANK);
    if (t->rank > 0 && t->shape == NULL)
        return INVALID("tensor '%s': shape is NULL: it must have %zu sizes", SHOWN(t->name), t->rank);
    if (!adamw_files_size_of(t->dtype, t->shape, t->rank, &values, bytes) || *bytes > INT64_MAX / 2)
        return INVALID("tensor '%s': its shape is larger than the address space", SHOWN(t->name));
    if (t->bytes != 0 && t->bytes != *bytes)
        return INVALID("tensor '%s': bytes is %" PRIu64 ": its dtype and shape need %" PRIu64, SHOWN(t->name),
                       t->bytes, *bytes);
    if (t->data == NULL && *bytes > 0)
        return INVALID("tensor '%s': data is NULL: it must point to %" PRIu64 " bytes", SHOWN(t->name), *bytes);
    return ADAMW_OK;
}

static adamw_status check_tensors(item *items, const adamw_file_tensor *tensors, size_t count,
                                  const adamw_files_sentence *to)
{
    for (size_t i = 0; i < count; i++) {
        items[i].tensor = &tensors[i];
        const adamw_status status = check_tensor(&tensors[i], i, &items[i].bytes, to);
        if (status != ADAMW_OK)
            return status;
    }
    return ADAMW_OK;
}

static int by_key(const void *a, const void *b)
{
    return strcmp((*(const adamw_file_entry *const *)a)->key, (*(const adamw_file_entry *const *)b)->key);
}

static adamw_status check_metadata(const adamw_file_entry **sorted, const adamw_file_entry *metadata, size_t count,
                                   const adamw_files_sentence *to)
{
    static const char *const own[] = {"adamw.file", "adamw.checksum", "adamw.checksums"};
    for (size_t i = 0; i < count; i++) {
        const adamw_file_entry *const x = sorted[i] = &metadata[i];
        if (x->key == NULL || x->value == NULL)
            return INVALID("metadata[%zu]: %s is NULL: it must be text", i, x->key == NULL ? "key" : "value");
        if (!adamw_files_is_utf8(x->key, strlen(x->key)) || !adamw_files_is_utf8(x->value, strlen(x->value)))
            return INVALID("metadata[%zu], '%s': key and value must be UTF-8", i, SHOWN(x->key));
        for (size_t k = 0; k < sizeof own / sizeof own[0]; k++)
            if (strcmp(x->key, own[k]) == 0)
                return INVALID("metadata[%zu]: key is '%s', which adamw_save() writes itself", i, own[k]);
    }
    if (count > 1)
        qsort(sorted, count, sizeof(const adamw_file_entry *), by_key);
    for (size_t i = 1; i < count; i++)
        if (strcmp(sorted[i - 1]->key, sorted[i]->key) == 0)
            return INVALID("the metadata key '%s' is there twice", SHOWN(sorted[i]->key));
    return ADAMW_OK;
}

/* ---- the layout ---- */

/* Whole cache lines first, in the list's order; then what would put the next one out of step, wide values first. */
static bool lay_out(item *items, size_t count, uint64_t *end)
{
    static const size_t widths[] = {0, 8, 4, 2, 1};
    *end = 0;
    for (size_t w = 0; w < sizeof widths / sizeof widths[0]; w++)
        for (size_t i = 0; i < count; i++) {
            const bool whole = items[i].bytes % LINE == 0;
            if (w == 0 ? !whole : whole || adamw_file_dtype_size(items[i].tensor->dtype) != widths[w])
                continue;
            items[i].begin = *end;
            if (__builtin_add_overflow(*end, items[i].bytes, end) || *end > INT64_MAX / 2)
                return false;
        }
    return true;
}

/* ---- the header ---- */

/* Everything but the checksums, which stand as zeros until the data are written. The checksum of the header is first,
 * at *header_sum; those of the tensors, in the order of the names, begin at *sums. */
static void write_header(adamw_files_text *text, const item *items, size_t count, const adamw_file_entry **metadata,
                         size_t metadata_count, size_t *header_sum, size_t *sums)
{
    adamw_files_add(text, "\0\0\0\0\0\0\0\0", 8);
    adamw_files_add_string(text, "{\"__metadata__\":{\"adamw.checksum\":\"");
    *header_sum = text->length;
    adamw_files_add_string(text, "0000000000000000\",\"adamw.file\":\"1\",\"adamw.checksums\":\"");
    *sums = text->length;
    for (size_t i = 0; i < count; i++)
        adamw_files_add_string(text, "0000000000000000");
    adamw_files_add_string(text, "\"");
    for (size_t i = 0; i < metadata_count; i++) {
        adamw_files_add_string(text, ",");
        adamw_files_add_json(text, metadata[i]->key);
        adamw_files_add_string(text, ":");
        adamw_files_add_json(text, metadata[i]->value);
    }
    adamw_files_add_string(text, "}");
    for (size_t i = 0; i < count; i++) {
        const adamw_file_tensor *const t = items[i].tensor;
        adamw_files_add_string(text, ",");
        adamw_files_add_json(text, t->name);
        adamw_files_add_string(text, ":{\"dtype\":\"");
        adamw_files_add_string(text, adamw_file_dtype_name(t->dtype));
        adamw_files_add_string(text, "\",\"shape\":[");
        for (size_t k = 0; k < t->rank; k++) {
            adamw_files_add_string(text, k > 0 ? "," : "");
            adamw_files_add_number(text, t->shape[k]);
        }
        adamw_files_add_string(text, "],\"data_offsets\":[");
        adamw_files_add_number(text, items[i].begin);
        adamw_files_add_string(text, ",");
        adamw_files_add_number(text, items[i].begin + items[i].bytes);
        adamw_files_add_string(text, "]}");
    }
    adamw_files_add_string(text, "}");
    while (text->length % LINE != 0 && !text->failed)
        adamw_files_add(text, " ", 1);
}

static int by_begin(const void *a, const void *b)
{
    const item *x = a, *y = b;
    return x->begin < y->begin ? -1 : x->begin > y->begin;
}

/* The data, then the header with their checksums in front. */
static void write_all(adamw_files_output *output, const char *path, item *items, size_t count, adamw_files_text *text,
                      size_t header_sum, size_t sums, const adamw_files_sentence *to)
{
    const uint64_t length = text->length - 8;
    if (adamw_files_begin(output, path, to) != ADAMW_OK)
        return;
    for (size_t i = 0; i < count; i++)
        items[i].sum = sums + DIGITS * i;
    qsort(items, count, sizeof *items, by_begin);
    /* The header's place, written over at the end: its length is known, its checksums are not. */
    adamw_files_put(output, text->bytes, text->length, NULL);
    for (size_t i = 0; i < count && output->status == ADAMW_OK; i++) {
        adamw_xxh64 sum;
        adamw_xxh64_begin(&sum);
        adamw_files_put(output, items[i].tensor->data, items[i].bytes, &sum);
        adamw_files_write_hex(text->bytes + items[i].sum, adamw_xxh64_end(&sum));
    }
    memcpy(text->bytes, &length, sizeof length);
    adamw_files_write_hex(text->bytes + header_sum,
                          adamw_files_header_sum(text->bytes, text->length, text->bytes + header_sum));
    adamw_files_put_first(output, text->bytes, text->length);
    adamw_files_commit(output);
}

static adamw_status save(const char *path, item *items, const adamw_file_entry **sorted,
                         const adamw_file_tensor *tensors, size_t count, const adamw_file_entry *metadata,
                         size_t metadata_count, const adamw_files_sentence *to)
{
    size_t header_sum, sums;
    uint64_t end;
    adamw_files_text text = {.bytes = NULL};
    adamw_status status = check_tensors(items, tensors, count, to);
    if (status == ADAMW_OK)
        status = check_metadata(sorted, metadata, metadata_count, to);
    if (status != ADAMW_OK)
        return status;
    if (!lay_out(items, count, &end))
        return INVALID("the tensors together are larger than the address space");
    if (count > 1)
        qsort(items, count, sizeof *items, by_name);
    for (size_t i = 1; i < count; i++)
        if (strcmp(items[i - 1].tensor->name, items[i].tensor->name) == 0)
            return INVALID("two tensors are called '%s'", SHOWN(items[i].tensor->name));
    write_header(&text, items, count, sorted, metadata_count, &header_sum, &sums);
    if (text.failed) {
        status = adamw_files_no_memory(to);
    } else if (text.length - 8 > ADAMW_FILES_LONGEST_HEADER) {
        status = INVALID("names and metadata make a header of %zu bytes: it must not exceed %" PRIu64,
                         text.length - 8, ADAMW_FILES_LONGEST_HEADER);
    } else {
        adamw_files_output output;
        write_all(&output, path, items, count, &text, header_sum, sums, to);
        status = output.status;
    }
    free(text.bytes);
    return status == ADAMW_OK ? adamw_files_right(to) : status;
}

adamw_status adamw_save(const char *path, const adamw_file_tensor *tensors, size_t count,
                        const adamw_file_entry *metadata, size_t metadata_count, char *sentence, size_t size)
{
    const adamw_files_sentence sentence_to = {sentence, size}, *const to = &sentence_to;
    if (path == NULL)
        return INVALID("path is NULL: it must name a file");
    if ((tensors == NULL && count > 0) || (metadata == NULL && metadata_count > 0))
        return INVALID("%s is NULL: it must have %zu entries", tensors == NULL && count > 0 ? "tensors" : "metadata",
                       tensors == NULL && count > 0 ? count : metadata_count);
    item *const items = calloc(count + 1, sizeof *items);
    const adamw_file_entry **const sorted = calloc(metadata_count + 1, sizeof(const adamw_file_entry *));
    const adamw_status status = items != NULL && sorted != NULL
                                    ? save(path, items, sorted, tensors, count, metadata, metadata_count, to)
                                    : adamw_files_no_memory(to);
    free(items);
    free(sorted);
    return status;
}

#endif
