/*
 * find.c - what an open file holds: its tensors, its text beside them, and whether the data have their checksums.
 */
#include "files.h"

#if defined(ADAMW_POSIX)

#include <stdlib.h>
#include <string.h>

size_t adamw_files_place_of(const adamw_file *file, const char *name, size_t length, bool *found)
{
    size_t low = 0, high = file->count;
    while (low < high) {
        const size_t middle = low + (high - low) / 2;
        const char *const here = file->records[middle].tensor.name;
        /* strncmp and the end of `here`: `name` is not terminated. */
        const int order = strncmp(here, name, length);
        if (order < 0)
            low = middle + 1;
        else
            high = middle;
    }
    *found = low < file->count && strncmp(file->records[low].tensor.name, name, length) == 0 &&
             file->records[low].tensor.name[length] == '\0';
    return low;
}

size_t adamw_file_count(const adamw_file *file) { return file != NULL ? file->count : 0; }

const adamw_file_tensor *adamw_file_at(const adamw_file *file, size_t index)
{
    return file != NULL && index < file->count ? &file->records[index].tensor : NULL;
}

const adamw_file_tensor *adamw_file_find(const adamw_file *file, const char *name)
{
    bool found;
    if (file == NULL || name == NULL)
        return NULL;
    const size_t place = adamw_files_place_of(file, name, strlen(name), &found);
    return found ? &file->records[place].tensor : NULL;
}

const char *adamw_file_checksum(const adamw_file *file, size_t index)
{
    return file != NULL && index < file->count ? file->records[index].sum : NULL;
}

/* ---- the text ---- */

static int by_key(const void *a, const void *b)
{
    const adamw_files_entry *x = a, *y = b;
    const int order = strcmp(x->entry.key, y->entry.key);
    return order != 0 ? order : x->source < y->source ? -1 : x->source > y->source;
}

adamw_status adamw_files_join_entries(adamw_file *file, const adamw_files_sentence *to)
{
    size_t kept = 0;
    if (file->entry_count > 1)
        qsort(file->entries, file->entry_count, sizeof *file->entries, by_key);
    for (size_t i = 0; i < file->entry_count; i++) {
        const adamw_files_entry x = file->entries[i];
        if (kept == 0 || strcmp(file->entries[kept - 1].entry.key, x.entry.key) != 0) {
            file->entries[kept++] = x;
            continue;
        }
        const adamw_files_entry *const last = &file->entries[kept - 1];
        if (last->source == x.source)
            return adamw_files_fail(to, ADAMW_ERROR_STATE, "%s: the metadata key '%s' is there twice",
                                    adamw_files_show(file->sources[x.source].path).text,
                                    adamw_files_show(x.entry.key).text);
        if (strcmp(last->entry.value, x.entry.value) != 0)
            return adamw_files_fail(to, ADAMW_ERROR_STATE,
                                    "%s: the metadata '%s' of %s and %s differ: they are of two saves",
                                    adamw_files_show(file->path).text, adamw_files_show(x.entry.key).text,
                                    adamw_files_show(file->sources[last->source].path).text,
                                    adamw_files_show(file->sources[x.source].path).text);
    }
    file->entry_count = kept;
    return ADAMW_OK;
}

size_t adamw_file_metadata_count(const adamw_file *file) { return file != NULL ? file->entry_count : 0; }

const adamw_file_entry *adamw_file_metadata_at(const adamw_file *file, size_t index)
{
    return file != NULL && index < file->entry_count ? &file->entries[index].entry : NULL;
}

const char *adamw_file_metadata(const adamw_file *file, const char *key)
{
    size_t low = 0, high = file != NULL && key != NULL ? file->entry_count : 0;
    while (low < high) {
        const size_t middle = low + (high - low) / 2;
        const int order = strcmp(file->entries[middle].entry.key, key);
        if (order == 0)
            return file->entries[middle].entry.value;
        if (order < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return NULL;
}

/* ---- the checksums ---- */

adamw_status adamw_files_check_record(const adamw_file *file, size_t record, const adamw_files_sentence *to)
{
    const adamw_files_record *const x = &file->records[record];
    adamw_xxh64 sum;
    char digits[17] = "";
    if (x->sum == NULL)
        return ADAMW_OK;
    adamw_xxh64_begin(&sum);
    adamw_xxh64_add(&sum, x->tensor.data, (size_t)x->tensor.bytes);
    adamw_files_write_hex(digits, adamw_xxh64_end(&sum));
    if (memcmp(digits, x->sum, 16) == 0)
        return ADAMW_OK;
    return adamw_files_fail(
        to, ADAMW_ERROR_STATE, "%s: tensor '%s' is damaged: its checksum is %s, and the header has %.16s",
        adamw_files_show(file->sources[x->source].path).text, adamw_files_show(x->tensor.name).text, digits, x->sum);
}

adamw_status adamw_file_check(const adamw_file *file, const char *name, char *sentence, size_t size)
{
    const adamw_files_sentence to = {sentence, size};
    adamw_status status = ADAMW_OK;
    if (file == NULL)
        return adamw_files_fail(&to, ADAMW_ERROR_INVALID_ARGUMENT, "file is NULL: it must be an open one");
    if (name != NULL) {
        bool found;
        const size_t place = adamw_files_place_of(file, name, strlen(name), &found);
        if (!found)
            return adamw_files_fail(&to, ADAMW_ERROR_INVALID_ARGUMENT, "%s has no tensor '%s'",
                                    adamw_files_show(file->path).text, adamw_files_show(name).text);
        status = adamw_files_check_record(file, place, &to);
    }
    for (size_t i = 0; i < file->count && name == NULL && status == ADAMW_OK; i++)
        status = adamw_files_check_record(file, i, &to);
    return status == ADAMW_OK ? adamw_files_right(&to) : status;
}

#endif
