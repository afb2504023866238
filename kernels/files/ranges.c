/*
 * ranges.c - tensors that were cut into ranges: "NAME[FIRST:END]" holds the values FIRST to END - 1 of NAME, taken as
 * one row, and the metadata "adamw.shape.NAME" its whole shape. Here pieces are found, checked and read across.
 */
#include "files.h"

#if defined(ADAMW_POSIX)

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

size_t adamw_files_read_shape(const char *text, uint64_t shape[ADAMW_FILES_LONGEST_RANK])
{
    size_t rank = 0;
    for (const char *at = text;; at++) {
        const char *const end = at + strcspn(at, ",");
        if (rank == ADAMW_FILES_LONGEST_RANK || !adamw_files_read_number(at, end, &shape[rank]))
            return SIZE_MAX;
        rank++;
        if (*end == '\0')
            return rank;
        at = end;
    }
}

/* Fills in the record's base_length, first and last where its name is that of a piece and its shape is one size. */
static void look_at_name(adamw_files_record *x)
{
    const char *const name = x->tensor.name, *const open = strrchr(name, '[');
    const size_t length = strlen(name);
    if (open == NULL || open == name || name[length - 1] != ']' || x->tensor.rank != 1)
        return;
    const char *const colon = strchr(open, ':');
    uint64_t first, last;
    if (colon == NULL || !adamw_files_read_number(open + 1, colon, &first) ||
        !adamw_files_read_number(colon + 1, name + length - 1, &last) || last <= first ||
        last - first != x->tensor.shape[0])
        return;
    x->base_length = (size_t)(open - name);
    x->first = first;
    x->last = last;
}

static int by_base(const void *a, const void *b)
{
    const adamw_files_record *x = *(const adamw_files_record *const *)a, *y = *(const adamw_files_record *const *)b;
    const size_t shorter = x->base_length < y->base_length ? x->base_length : y->base_length;
    const int order = memcmp(x->tensor.name, y->tensor.name, shorter);
    if (order != 0)
        return order;
    if (x->base_length != y->base_length)
        return x->base_length < y->base_length ? -1 : 1;
    return x->first < y->first ? -1 : x->first > y->first;
}

static bool same_base(const adamw_files_record *x, const adamw_files_record *y)
{
    return x->base_length == y->base_length && memcmp(x->tensor.name, y->tensor.name, x->base_length) == 0;
}

/* The pieces of one tensor, sorted. */
static adamw_status check_group(const adamw_file *f, adamw_files_record *const *pieces, size_t count, bool whole,
                                char *name, const adamw_files_sentence *to)
{
    static const char prefix[] = ADAMW_FILES_SHAPE_KEY;
    const size_t length = pieces[0]->base_length;
    memcpy(name, prefix, sizeof prefix - 1);
    memcpy(name + sizeof prefix - 1, pieces[0]->tensor.name, length);
    name[sizeof prefix - 1 + length] = '\0';
    const char *const base = name + sizeof prefix - 1, *const text = adamw_file_metadata(f, name);
    uint64_t shape[ADAMW_FILES_LONGEST_RANK], values = 0, bytes, at = whole ? 0 : pieces[0]->first;
    if (adamw_file_find(f, base) != NULL)
        return adamw_files_fail(to, ADAMW_ERROR_STATE, "%s: tensor '%s' is there whole and in pieces", SHOWN(f->path),
                                SHOWN(base));
    const size_t rank = text != NULL ? adamw_files_read_shape(text, shape) : SIZE_MAX;
    if ((text != NULL || whole) &&
        (rank == SIZE_MAX || !adamw_files_size_of(pieces[0]->tensor.dtype, shape, rank, &values, &bytes)))
        return adamw_files_fail(to, ADAMW_ERROR_STATE,
                                "%s: the metadata '%s' is '%s': it must be the sizes of the whole tensor, as '3,4'",
                                SHOWN(f->path), SHOWN(name), text != NULL ? SHOWN(text) : "missing");
    for (size_t i = 0; i < count; i++) {
        const adamw_files_record *const x = pieces[i];
        if (x->first < at)
            return adamw_files_fail(to, ADAMW_ERROR_STATE, "%s: '%s' and '%s' overlap", SHOWN(f->path),
                                    SHOWN(pieces[i > 0 ? i - 1 : 0]->tensor.name), SHOWN(x->tensor.name));
        if (whole && x->first > at)
            return adamw_files_fail(to, ADAMW_ERROR_STATE,
                                    "%s: no file has the values %" PRIu64 " to %" PRIu64 " of tensor '%s'",
                                    SHOWN(f->path), at, x->first, SHOWN(base));
        if (x->tensor.dtype != pieces[0]->tensor.dtype)
            return adamw_files_fail(to, ADAMW_ERROR_STATE, "%s: '%s' is %s, but '%s' is %s", SHOWN(f->path),
                                    SHOWN(pieces[0]->tensor.name), adamw_file_dtype_name(pieces[0]->tensor.dtype),
                                    SHOWN(x->tensor.name), adamw_file_dtype_name(x->tensor.dtype));
        at = x->last;
    }
    if (text != NULL && (at > values || (whole && at < values)))
        return adamw_files_fail(to, ADAMW_ERROR_STATE,
                                "%s: the pieces of tensor '%s' end at %" PRIu64 ", but its shape has %" PRIu64
                                " values",
                                SHOWN(f->path), SHOWN(base), at, values);
    return ADAMW_OK;
}

adamw_status adamw_files_find_pieces(adamw_file *f, bool whole, const adamw_files_sentence *to)
{
    size_t count = 0, longest = 0;
    for (size_t i = 0; i < f->count; i++) {
        look_at_name(&f->records[i]);
        if (f->records[i].base_length > 0)
            count++;
        if (f->records[i].base_length > longest)
            longest = f->records[i].base_length;
    }
    if (count == 0)
        return ADAMW_OK;
    adamw_files_record **const pieces = malloc(count * sizeof(adamw_files_record *));
    char *const name = malloc(longest + sizeof ADAMW_FILES_SHAPE_KEY);
    adamw_status status = pieces != NULL && name != NULL ? ADAMW_OK : adamw_files_no_memory(to);
    if (status == ADAMW_OK) {
        size_t at = 0;
        for (size_t i = 0; i < f->count; i++)
            if (f->records[i].base_length > 0)
                pieces[at++] = &f->records[i];
        qsort(pieces, count, sizeof(adamw_files_record *), by_base);
    }
    for (size_t i = 0, end; i < count && status == ADAMW_OK; i = end) {
        for (end = i + 1; end < count && same_base(pieces[i], pieces[end]);)
            end++;
        status = check_group(f, pieces + i, end - i, whole, name, to);
    }
    free(pieces);
    free(name);
    return status;
}

/* ---- reading ---- */

/* Where the records "NAME[..." begin. */
static size_t first_piece(const adamw_file *f, const char *name, size_t length)
{
    size_t low = 0, high = f->count;
    while (low < high) {
        const size_t middle = low + (high - low) / 2;
        const char *const here = f->records[middle].tensor.name;
        int order = strncmp(here, name, length);
        if (order == 0)
            order = (int)(unsigned char)here[length] - '[';
        if (order < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

/* Copies what the record has of the range, and counts it. */
static uint64_t take(const adamw_files_record *x, uint64_t x_first, uint64_t x_last, uint64_t first, uint64_t n,
                     char *memory)
{
    const uint64_t from = x_first > first ? x_first : first, to = x_last < first + n ? x_last : first + n;
    const size_t size = adamw_file_dtype_size(x->tensor.dtype);
    if (to <= from)
        return 0;
    if (memory != NULL)
        memcpy(memory + (from - first) * size, (const char *)x->tensor.data + (from - x_first) * size,
               (size_t)(to - from) * size);
    return to - from;
}

adamw_status adamw_files_range(const adamw_file *f, const char *name, adamw_file_dtype dtype, uint64_t first,
                               uint64_t n, void *memory, unsigned char *used, const adamw_files_sentence *to)
{
    bool found;
    const size_t length = strlen(name);
    size_t i = adamw_files_place_of(f, name, length, &found);
    const adamw_files_record *any = found ? &f->records[i] : NULL;
    uint64_t taken = 0, end;
    if (__builtin_add_overflow(first, n, &end))
        return adamw_files_fail(to, ADAMW_ERROR_INVALID_ARGUMENT, "the range of tensor '%s' ends beyond 2^64",
                                SHOWN(name));
    if (found) {
        const uint64_t all = any->tensor.bytes / adamw_file_dtype_size(any->tensor.dtype);
        taken = any->tensor.dtype == dtype ? take(any, 0, all, first, n, memory) : 0;
        if (used != NULL)
            used[i] = 2;
    } else {
        for (i = first_piece(f, name, length);
             i < f->count && strncmp(f->records[i].tensor.name, name, length) == 0 &&
             f->records[i].tensor.name[length] == '[';
             i++) {
            const adamw_files_record *const x = &f->records[i];
            if (x->base_length != length)
                continue;
            any = x;
            if (x->tensor.dtype != dtype)
                break;
            const uint64_t part = take(x, x->first, x->last, first, n, memory);
            taken += part;
            if (used != NULL)
                used[i] = part > 0 ? 2 : 1;
        }
    }
    if (any == NULL)
        return adamw_files_fail(to, ADAMW_ERROR_STATE, "%s has no tensor '%s'", SHOWN(f->path), SHOWN(name));
    if (any->tensor.dtype != dtype)
        return adamw_files_fail(to, ADAMW_ERROR_STATE, "%s: tensor '%s' is %s: it must be %s", SHOWN(f->path),
                                SHOWN(name), adamw_file_dtype_name(any->tensor.dtype), adamw_file_dtype_name(dtype));
    if (taken != n)
        return adamw_files_fail(to, ADAMW_ERROR_STATE,
                                "%s: of the values %" PRIu64 " to %" PRIu64 " of tensor '%s' only %" PRIu64
                                " are there",
                                SHOWN(f->path), first, end, SHOWN(name), taken);
    return ADAMW_OK;
}

adamw_status adamw_file_read(const adamw_file *file, const char *name, adamw_file_dtype dtype, uint64_t first,
                             size_t n, void *memory, char *sentence, size_t size)
{
    const adamw_files_sentence to = {sentence, size};
    if (file == NULL || name == NULL || (memory == NULL && n > 0))
        return adamw_files_fail(&to, ADAMW_ERROR_INVALID_ARGUMENT, "%s is NULL",
                                file == NULL   ? "file"
                                : name == NULL ? "name"
                                               : "to");
    adamw_status status = adamw_files_range(file, name, dtype, first, n, NULL, NULL, &to);
    if (status == ADAMW_OK)
        status = adamw_files_range(file, name, dtype, first, n, memory, NULL, &to);
    return status == ADAMW_OK ? adamw_files_right(&to) : status;
}

#endif
