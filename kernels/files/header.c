/*
 * header.c - reads the header of one safetensors file and checks all of it: JSON, names, dtypes, shapes, ranges and
 * checksum. Nothing of the data is touched. tests/fuzz/fuzz_file.c feeds it any bytes.
 */
#include "files.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct reader {
    adamw_file *file;
    adamw_files_source *source;
    size_t number; /* of the source */
    size_t first_record, first_entry;
    adamw_json json;
    const adamw_files_sentence *to;
    adamw_status status;
} reader;

#define SHOWN(name) adamw_files_show(name).text

/* A damaged file's sentence; false, to be returned. */
__attribute__((format(printf, 2, 3))) static bool damaged(reader *r, const char *format, ...)
{
    char text[ADAMW_FILE_SENTENCE_SIZE];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    r->status = adamw_files_fail(r->to, ADAMW_ERROR_STATE, "%s: %s", SHOWN(r->source->path), text);
    return false;
}

static bool no_memory(reader *r)
{
    r->status = adamw_files_no_memory(r->to);
    return false;
}

/* ---- the JSON ---- */

static bool read_dtype(reader *r, const char *name, adamw_file_dtype *dtype)
{
    char *text;
    if (!adamw_json_string(&r->json, &text, "the dtype must be a string"))
        return false;
    for (int i = 0; adamw_file_dtype_size((adamw_file_dtype)i) != 0; i++)
        if (strcmp(text, adamw_file_dtype_name((adamw_file_dtype)i)) == 0) {
            *dtype = (adamw_file_dtype)i;
            return true;
        }
    r->status = adamw_files_fail(r->to, ADAMW_ERROR_UNSUPPORTED,
                                 "%s: tensor '%s' has dtype '%s', which this version does not read",
                                 SHOWN(r->source->path), SHOWN(name), SHOWN(text));
    return false;
}

static bool read_shape(reader *r, const char *name, adamw_files_record *record)
{
    adamw_files_source *const s = r->source;
    record->first_size = s->shape_count;
    record->tensor.rank = 0;
    if (!adamw_json_expect(&r->json, '[', "the shape must be a list"))
        return false;
    if (adamw_json_is_next(&r->json, ']'))
        return adamw_json_expect(&r->json, ']', "");
    do {
        if (record->tensor.rank++ == ADAMW_FILES_LONGEST_RANK)
            return damaged(r, "tensor '%s' has more than %d dimensions", SHOWN(name), ADAMW_FILES_LONGEST_RANK);
        if (!adamw_files_grow(&s->shapes, s->shape_count, &s->shape_room, sizeof *s->shapes))
            return no_memory(r);
        if (!adamw_json_unsigned(&r->json, &s->shapes[s->shape_count++], "a size must be a whole number below 2^64"))
            return false;
    } while (adamw_json_goes_on(&r->json, ']'));
    return r->json.wrong == NULL;
}

static bool read_range(reader *r, adamw_files_record *record)
{
    static const char text[] = "data_offsets must be two whole numbers below 2^64";
    return adamw_json_expect(&r->json, '[', text) && adamw_json_unsigned(&r->json, &record->begin, text) &&
           adamw_json_expect(&r->json, ',', text) && adamw_json_unsigned(&r->json, &record->end, text) &&
           adamw_json_expect(&r->json, ']', text);
}

static bool read_tensor(reader *r, char *name)
{
    static const char *const members[] = {"dtype", "shape", "data_offsets"};
    adamw_files_record record = {.tensor.name = name, .source = r->number};
    unsigned had = 0;
    if (!adamw_json_expect(&r->json, '{', "a tensor must be an object"))
        return false;
    do {
        char *key;
        unsigned m = 0;
        if (!adamw_json_string(&r->json, &key, "there must be dtype, shape or data_offsets here"))
            return false;
        while (m < 3 && strcmp(key, members[m]) != 0)
            m++;
        if (m == 3)
            return damaged(r, "tensor '%s' has a member '%s': it must have dtype, shape and data_offsets alone",
                           SHOWN(name), SHOWN(key));
        if (had >> m & 1)
            return damaged(r, "tensor '%s' has its %s twice", SHOWN(name), members[m]);
        had |= 1u << m;
        if (!adamw_json_expect(&r->json, ':', "there must be ':' here"))
            return false;
        if (!(m == 0   ? read_dtype(r, name, &record.tensor.dtype)
              : m == 1 ? read_shape(r, name, &record)
                       : read_range(r, &record)))
            return false;
    } while (adamw_json_goes_on(&r->json, '}'));
    if (r->json.wrong != NULL)
        return false;
    for (unsigned m = 0; m < 3; m++)
        if (!(had >> m & 1))
            return damaged(r, "tensor '%s' has no %s", SHOWN(name), members[m]);
    adamw_file *const f = r->file;
    if (!adamw_files_grow(&f->records, f->count, &f->room, sizeof *f->records))
        return no_memory(r);
    f->records[f->count++] = record;
    return true;
}

/* Keys of this library's own are taken out; the others are the caller's to see. */
static bool keep_entry(reader *r, const char *key, char *value)
{
    adamw_files_source *const s = r->source;
    adamw_file *const f = r->file;
    if (strcmp(key, "adamw.checksum") == 0 && s->sum == NULL)
        s->sum = value;
    else if (strcmp(key, "adamw.checksums") == 0 && s->sums == NULL)
        s->sums = value;
    else if (strcmp(key, "adamw.file") == 0 && s->version == NULL)
        s->version = value;
    else if (!adamw_files_grow(&f->entries, f->entry_count, &f->entry_room, sizeof *f->entries))
        return no_memory(r);
    else
        f->entries[f->entry_count++] = (adamw_files_entry){{key, value}, r->number};
    return true;
}

static bool read_metadata(reader *r)
{
    if (!adamw_json_expect(&r->json, '{', "__metadata__ must be an object"))
        return false;
    if (adamw_json_is_next(&r->json, '}'))
        return adamw_json_expect(&r->json, '}', "");
    do {
        char *key, *value;
        if (!adamw_json_string(&r->json, &key, "there must be a key of __metadata__ here") ||
            !adamw_json_expect(&r->json, ':', "there must be ':' here") ||
            !adamw_json_string(&r->json, &value, "the metadata must be strings") || !keep_entry(r, key, value))
            return false;
    } while (adamw_json_goes_on(&r->json, '}'));
    return r->json.wrong == NULL;
}

static bool read_members(reader *r)
{
    bool metadata = false;
    if (!adamw_json_expect(&r->json, '{', "the header must begin with '{'"))
        return false;
    if (adamw_json_is_next(&r->json, '}'))
        return adamw_json_expect(&r->json, '}', "") && adamw_json_end(&r->json);
    do {
        char *name;
        if (!adamw_json_string(&r->json, &name, "there must be the name of a tensor here") ||
            !adamw_json_expect(&r->json, ':', "there must be ':' here"))
            return false;
        if (strcmp(name, "__metadata__") != 0) {
            if (!read_tensor(r, name))
                return false;
        } else if (metadata) {
            return damaged(r, "%s", "the header has __metadata__ twice");
        } else {
            metadata = true;
            if (!read_metadata(r))
                return false;
        }
    } while (adamw_json_goes_on(&r->json, '}'));
    return adamw_json_end(&r->json);
}

/* ---- what it says ---- */

static int by_name(const void *a, const void *b)
{
    return strcmp(((const adamw_files_record *)a)->tensor.name, ((const adamw_files_record *)b)->tensor.name);
}

/* In the order of names, which adamw_save() writes them in. */
static bool sort_names(reader *r)
{
    adamw_files_record *const x = r->file->records + r->first_record;
    const size_t count = r->file->count - r->first_record;
    size_t ascending = 1;
    while (ascending < count && by_name(&x[ascending - 1], &x[ascending]) < 0)
        ascending++;
    if (ascending < count)
        qsort(x, count, sizeof *x, by_name);
    for (size_t i = 1; i < count; i++)
        if (strcmp(x[i - 1].tensor.name, x[i].tensor.name) == 0)
            return damaged(r, "tensor '%s' is there twice", SHOWN(x[i].tensor.name));
    return true;
}

typedef struct range {
    uint64_t begin, end;
    const char *name;
} range;

static int by_place(const void *a, const void *b)
{
    const range *x = a, *y = b;
    if (x->begin != y->begin)
        return x->begin < y->begin ? -1 : 1;
    return x->end < y->end ? -1 : x->end > y->end;
}

/* The ranges, sorted, fill the data from its first byte to its last. */
static bool check_filled(reader *r, const range *ranges, size_t count)
{
    const uint64_t header = r->source->header_size, data = r->source->size - header;
    uint64_t at = 0;
    for (size_t i = 0; i < count; i++) {
        const range *x = &ranges[i];
        if (x->begin < at)
            return damaged(r, "tensors '%s' and '%s' overlap at byte %" PRIu64, SHOWN(ranges[i - 1].name),
                           SHOWN(x->name), x->begin);
        if (x->begin > at)
            return damaged(r, "no tensor holds the bytes %" PRIu64 " to %" PRIu64 " of the data, before '%s'", at,
                           x->begin, SHOWN(x->name));
        if (x->end > data)
            return damaged(r, "truncated: tensor '%s' needs the file up to byte %" PRIu64 ", which ends at %zu",
                           SHOWN(x->name), header + x->end, r->source->size);
        at = x->end;
    }
    if (at < data)
        return damaged(r, "%" PRIu64 " bytes follow the last tensor, from byte %" PRIu64 " on", data - at,
                       header + at);
    return true;
}

static bool check_ranges(reader *r)
{
    adamw_files_record *const x = r->file->records + r->first_record;
    const size_t count = r->file->count - r->first_record;
    range *const ranges = malloc((count + 1) * sizeof *ranges);
    if (ranges == NULL)
        return no_memory(r);
    bool right = true;
    for (size_t i = 0; i < count && right; i++) {
        adamw_file_tensor *const t = &x[i].tensor;
        uint64_t values;
        t->shape = t->rank > 0 ? r->source->shapes + x[i].first_size : NULL;
        if (x[i].end < x[i].begin || x[i].end > INT64_MAX - r->source->header_size)
            right = damaged(r, "tensor '%s' begins at byte %" PRIu64 " and ends at %" PRIu64, SHOWN(t->name),
                            x[i].begin, x[i].end);
        else if (!adamw_files_size_of(t->dtype, t->shape, t->rank, &values, &t->bytes))
            right = damaged(r, "tensor '%s' has a shape larger than the address space", SHOWN(t->name));
        else if (t->bytes != x[i].end - x[i].begin)
            right = damaged(r, "tensor '%s' has %" PRIu64 " bytes, but its dtype and shape need %" PRIu64,
                            SHOWN(t->name), x[i].end - x[i].begin, t->bytes);
        ranges[i] = (range){x[i].begin, x[i].end, t->name};
    }
    if (right) {
        qsort(ranges, count, sizeof *ranges, by_place);
        right = check_filled(r, ranges, count);
    }
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
static bool check_sums(reader *r, const char *raw)
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
        return damaged(r, "the metadata has no %s, though other keys begin with 'adamw.'",
                       s->version == NULL ? "adamw.file"
                       : s->sum == NULL   ? "adamw.checksum"
                                          : "adamw.checksums");
    if (!plain || memcmp(s->sum, s->sum_digits, 16) != 0)
        return damaged(r, "the header was changed: its checksum is %s, but adamw.checksum says '%s'", s->sum_digits,
                       SHOWN(s->sum));
    if (strcmp(s->version, "1") != 0) {
        r->status = adamw_files_fail(r->to, ADAMW_ERROR_UNSUPPORTED, "%s: adamw.file is '%s': this version reads '1'",
                                     SHOWN(s->path), SHOWN(s->version));
        return false;
    }
    const size_t count = r->file->count - r->first_record;
    if (strlen(s->sums) != 16 * count)
        return damaged(r, "adamw.checksums has %zu digits: it must have 16 for each of %zu tensors", strlen(s->sums),
                       count);
    for (size_t i = 0; i < count; i++)
        r->file->records[r->first_record + i].sum = s->sums + 16 * i;
    return true;
}

adamw_status adamw_files_read_header(adamw_file *file, size_t source, const adamw_files_sentence *to)
{
    adamw_files_source *const s = &file->sources[source];
    reader r = {file, s, source, file->count, file->entry_count, .to = to, .status = ADAMW_OK};
    char *const raw =
        malloc(s->header_size); /* reading decodes strings in their place; the checksum is of the file's */
    if (raw == NULL)
        return adamw_files_no_memory(to);
    memcpy(raw, s->header, s->header_size);
    r.json = (adamw_json){s->header, s->header + 8, s->header + s->header_size, NULL};
    const bool right = read_members(&r) && sort_names(&r) && check_ranges(&r) && check_sums(&r, raw);
    free(raw);
    if (!right && r.status == ADAMW_OK)
        damaged(&r, "the header is damaged at byte %zu: %s", (size_t)(r.json.at - s->header),
                r.json.wrong != NULL ? r.json.wrong : "it ends too early");
    return r.status;
}
