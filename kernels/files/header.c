/*
 * header.c - reads the header of one safetensors file and checks all of it: JSON, names, dtypes, shapes, ranges and
 * checksum. Nothing of the data is touched. tests/fuzz/fuzz_file.c feeds it any bytes.
 */
#include "header.h"

#if defined(ADAMW_POSIX)

#include <stdlib.h>
#include <string.h>

/* ---- the JSON ---- */

static bool read_dtype(adamw_files_reader *r, const char *name, adamw_file_dtype *dtype)
{
    char *text;
    if (!adamw_json_string(&r->json, &text, "the dtype must be a string"))
        return false;
    for (int i = 0; i <= ADAMW_FILE_C64; i++) {
        const char *const known = adamw_file_dtype_name((adamw_file_dtype)i);
        if (text[0] == known[0] && strcmp(text, known) == 0) {
            *dtype = (adamw_file_dtype)i;
            return true;
        }
    }
    r->status = adamw_files_fail(r->to, ADAMW_ERROR_UNSUPPORTED,
                                 "%s: tensor '%s' has dtype '%s', which this version does not read",
                                 SHOWN(r->source->path), SHOWN(name), SHOWN(text));
    return false;
}

static bool read_shape(adamw_files_reader *r, const char *name, adamw_files_record *record)
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
            return adamw_files_damaged(r, "tensor '%s' has more than %d dimensions", SHOWN(name),
                                       ADAMW_FILES_LONGEST_RANK);
        uint64_t *const shapes = adamw_files_grow(s->shapes, s->shape_count, &s->shape_room, sizeof *s->shapes);
        if (shapes == NULL)
            return adamw_files_without_memory(r);
        s->shapes = shapes;
        if (!adamw_json_unsigned(&r->json, &s->shapes[s->shape_count++], "a size must be a whole number below 2^64"))
            return false;
    } while (adamw_json_goes_on(&r->json, ']'));
    return r->json.wrong == NULL;
}

static bool read_range(adamw_files_reader *r, adamw_files_record *record)
{
    static const char text[] = "data_offsets must be two whole numbers below 2^64";
    return adamw_json_expect(&r->json, '[', text) && adamw_json_unsigned(&r->json, &record->begin, text) &&
           adamw_json_expect(&r->json, ',', text) && adamw_json_unsigned(&r->json, &record->end, text) &&
           adamw_json_expect(&r->json, ']', text);
}

static bool read_tensor(adamw_files_reader *r, char *name)
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
        while (m < 3 && (key[0] != members[m][0] || strcmp(key, members[m]) != 0))
            m++;
        if (m == 3)
            return adamw_files_damaged(
                r, "tensor '%s' has a member '%s': it must have dtype, shape and data_offsets alone", SHOWN(name),
                SHOWN(key));
        if (had >> m & 1)
            return adamw_files_damaged(r, "tensor '%s' has its %s twice", SHOWN(name), members[m]);
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
            return adamw_files_damaged(r, "tensor '%s' has no %s", SHOWN(name), members[m]);
    adamw_file *const f = r->file;
    adamw_files_record *const records = adamw_files_grow(f->records, f->count, &f->room, sizeof *f->records);
    if (records == NULL)
        return adamw_files_without_memory(r);
    f->records = records;
    f->records[f->count++] = record;
    return true;
}

/* Keys of this library's own are taken out; the others are the caller's to see. */
static bool keep_entry(adamw_files_reader *r, const char *key, char *value)
{
    adamw_files_source *const s = r->source;
    adamw_file *const f = r->file;
    if (strcmp(key, "adamw.checksum") == 0 && s->sum == NULL)
        s->sum = value;
    else if (strcmp(key, "adamw.checksums") == 0 && s->sums == NULL)
        s->sums = value;
    else if (strcmp(key, "adamw.file") == 0 && s->version == NULL)
        s->version = value;
    else {
        adamw_files_entry *const entries =
            adamw_files_grow(f->entries, f->entry_count, &f->entry_room, sizeof *f->entries);
        if (entries == NULL)
            return adamw_files_without_memory(r);
        f->entries = entries;
        f->entries[f->entry_count++] = (adamw_files_entry){{key, value}, r->number};
    }
    return true;
}

static bool read_metadata(adamw_files_reader *r)
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

static bool read_members(adamw_files_reader *r)
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
            return adamw_files_damaged(r, "%s", "the header has __metadata__ twice");
        } else {
            metadata = true;
            if (!read_metadata(r))
                return false;
        }
    } while (adamw_json_goes_on(&r->json, '}'));
    return adamw_json_end(&r->json);
}

adamw_status adamw_files_read_header(adamw_file *file, size_t source, const adamw_files_sentence *to)
{
    adamw_files_source *const s = &file->sources[source];
    adamw_files_reader r = {file, s, source, file->count, file->entry_count, .to = to, .status = ADAMW_OK};
    char *const raw =
        malloc(s->header_size); /* reading decodes strings in their place; the checksum is of the file's */
    if (raw == NULL)
        return adamw_files_no_memory(to);
    memcpy(raw, s->header, s->header_size);
    r.json = (adamw_json){s->header, s->header + 8, s->header + s->header_size, NULL};
    const bool right = read_members(&r) && adamw_files_check_layout(&r, raw);
    free(raw);
    if (!right && r.status == ADAMW_OK)
        adamw_files_damaged(&r, "the header is damaged at byte %zu: %s", (size_t)(r.json.at - s->header),
                            r.json.wrong != NULL ? r.json.wrong : "it ends too early");
    return r.status;
}

#endif
