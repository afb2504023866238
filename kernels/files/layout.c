/*
 * layout.c - looks at what a header says: names, ranges that fill the data, checksums. How it is read is header.c's.
 */
#include "header.h"

#if defined(ADAMW_POSIX)

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

bool adamw_files_damaged(adamw_files_reader *r, const char *format, ...)
{
    char text[ADAMW_FILE_SENTENCE_SIZE];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    r->status = adamw_files_fail(r->to, ADAMW_ERROR_STATE, "%s: %s", SHOWN(r->source->path), text);
    return false;
}

bool adamw_files_without_memory(adamw_files_reader *r)
{
    r->status = adamw_files_no_memory(r->to);
    return false;
}

static int by_name(const void *a, const void *b)
{
    return strcmp(((const adamw_files_record *)a)->tensor.name, ((const adamw_files_record *)b)->tensor.name);
}

/* In the order of names, which adamw_save() writes them in. */
static bool sort_names(adamw_files_reader *r)
{
    const size_t count = r->file->count - r->first_record;
    if (count == 0)
        return true;
    adamw_files_record *const x = r->file->records + r->first_record;
    size_t ascending = 1;
    while (ascending < count && by_name(&x[ascending - 1], &x[ascending]) < 0)
        ascending++;
    if (ascending == count)
        return true;
    qsort(x, count, sizeof *x, by_name);
    for (size_t i = 1; i < count; i++)
        if (strcmp(x[i - 1].tensor.name, x[i].tensor.name) == 0)
            return adamw_files_damaged(r, "tensor '%s' is there twice", SHOWN(x[i].tensor.name));
    return true;
}

typedef struct range {
    uint64_t begin, end;
    const char *name;
} range;

enum { DIGIT = 11 };

/* Sorts by begin, and where that is the same by end, with room for as many behind them: a radix sort, digits of the
 * lower end first. qsort() took a fifth of the time of an opening. */
static range *sort_ranges(range *x, size_t count, uint64_t data)
{
    range *from = x, *to = x + count;
    for (int by_begin = 0; by_begin < 2; by_begin++)
        for (unsigned shift = 0; shift < 64 && data >> shift != 0; shift += DIGIT) {
            size_t places[(1 << DIGIT) + 1] = {0};
            for (size_t i = 0; i < count; i++)
                places[((by_begin ? from[i].begin : from[i].end) >> shift & ((1 << DIGIT) - 1)) + 1]++;
            for (size_t d = 0; d < 1 << DIGIT; d++)
                places[d + 1] += places[d];
            for (size_t i = 0; i < count; i++)
                to[places[(by_begin ? from[i].begin : from[i].end) >> shift & ((1 << DIGIT) - 1)]++] = from[i];
            range *const sorted = to;
            to = from;
            from = sorted;
        }
    return from;
}

/* The ranges, sorted, fill the data from its first byte to its last. */
static bool check_filled(adamw_files_reader *r, const range *ranges, size_t count)
{
    const uint64_t header = r->source->header_size, data = r->source->size - header;
    uint64_t at = 0;
    for (size_t i = 0; i < count; i++) {
        const range *x = &ranges[i];
        if (x->begin < at)
            return adamw_files_damaged(r, "tensors '%s' and '%s' overlap at byte %" PRIu64, SHOWN(ranges[i - 1].name),
                                       SHOWN(x->name), x->begin);
        if (x->begin > at)
            return adamw_files_damaged(
                r, "no tensor holds the bytes %" PRIu64 " to %" PRIu64 " of the data, before '%s'", at, x->begin,
                SHOWN(x->name));
        if (x->end > data)
            return adamw_files_damaged(
                r, "truncated: tensor '%s' needs the file up to byte %" PRIu64 ", which ends at %zu", SHOWN(x->name),
                header + x->end, r->source->size);
        at = x->end;
    }
    if (at < data)
        return adamw_files_damaged(r, "%" PRIu64 " bytes follow the last tensor, from byte %" PRIu64 " on", data - at,
                                   header + at);
    return true;
}

static bool check_ranges(adamw_files_reader *r)
{
    const size_t count = r->file->count - r->first_record;
    if (count == 0)
        return check_filled(r, NULL, 0);
    adamw_files_record *const x = r->file->records + r->first_record;
    range *const ranges = malloc(2 * count * sizeof *ranges);
    if (ranges == NULL)
        return adamw_files_without_memory(r);
    bool right = true;
    uint64_t last = 0;
    for (size_t i = 0; i < count && right; i++) {
        adamw_file_tensor *const t = &x[i].tensor;
        uint64_t values;
        t->shape = t->rank > 0 ? r->source->shapes + x[i].first_size : NULL;
        if (x[i].end < x[i].begin || x[i].end > INT64_MAX - r->source->header_size)
            right = adamw_files_damaged(r,
                                        "tensor '%s' begins at byte %" PRIu64 " and ends at %" PRIu64
                                        ": it must end within the file and not before it begins",
                                        SHOWN(t->name), x[i].begin, x[i].end);
        else if (!adamw_files_size_of(t->dtype, t->shape, t->rank, &values, &t->bytes))
            right = adamw_files_damaged(r, "tensor '%s' has a shape larger than the address space", SHOWN(t->name));
        else if (t->bytes != x[i].end - x[i].begin)
            right = adamw_files_damaged(r, "tensor '%s' has %" PRIu64 " bytes, but its dtype and shape need %" PRIu64,
                                        SHOWN(t->name), x[i].end - x[i].begin, t->bytes);
        ranges[i] = (range){x[i].begin, x[i].end, t->name};
        last = x[i].end > last ? x[i].end : last;
    }
    if (right)
        right = check_filled(r, sort_ranges(ranges, count, last), count);
    free(ranges);
    return right;
}

uint64_t adamw_files_header_sum(const char *header, size_t size, const char *sum)
{
    adamw_xxh64 x;
    const size_t before = sum != NULL ? (size_t)(sum - header) : size;
    adamw_xxh64_begin(&x);
    adamw_xxh64_add(&x, header, before);
    if (sum != NULL) {
        adamw_xxh64_add(&x, "0000000000000000", 16);
        adamw_xxh64_add(&x, sum + 16, size - before - 16);
    }
    return adamw_xxh64_end(&x);
}

/* `raw` is the header as it lies in the file. A file of this library has each of the three keys or is damaged. */
static bool check_sums(adamw_files_reader *r, const char *raw)
{
    adamw_files_source *const s = r->source;
    bool ours = s->sum != NULL || s->sums != NULL || s->version != NULL;
    for (size_t i = r->first_entry; i < r->file->entry_count; i++)
        ours |= strncmp(r->file->entries[i].entry.key, "adamw.", 6) == 0;
    const char *const place = s->sum != NULL ? raw + (s->sum - s->header) : NULL;
    const bool plain = place != NULL && strlen(s->sum) == 16 && memcmp(place, s->sum, 16) == 0;
    adamw_files_write_hex(s->sum_digits, adamw_files_header_sum(raw, s->header_size, plain ? place : NULL));
    s->sum_digits[16] = '\0';
    if (!ours)
        return true;
    if (s->version == NULL || s->sum == NULL || s->sums == NULL)
        return adamw_files_damaged(r, "the metadata has no %s, though other keys begin with 'adamw.'",
                                   s->version == NULL ? "adamw.file"
                                   : s->sum == NULL   ? "adamw.checksum"
                                                      : "adamw.checksums");
    if (!plain || memcmp(s->sum, s->sum_digits, 16) != 0)
        return adamw_files_damaged(r, "the header was changed: its checksum is %s, but adamw.checksum says '%s'",
                                   s->sum_digits, SHOWN(s->sum));
    if (strcmp(s->version, "1") != 0) {
        r->status = adamw_files_fail(r->to, ADAMW_ERROR_UNSUPPORTED, "%s: adamw.file is '%s': this version reads '1'",
                                     SHOWN(s->path), SHOWN(s->version));
        return false;
    }
    const size_t count = r->file->count - r->first_record;
    if (strlen(s->sums) != 16 * count)
        return adamw_files_damaged(r, "adamw.checksums has %zu digits: it must have 16 for each of %zu tensors",
                                   strlen(s->sums), count);
    for (size_t i = 0; i < count; i++)
        r->file->records[r->first_record + i].sum = s->sums + 16 * i;
    return true;
}

bool adamw_files_check_layout(adamw_files_reader *r, const char *raw)
{
    return sort_names(r) && check_ranges(r) && check_sums(r, raw);
}

#endif
