/*
 * index.c - several safetensors files as one: the index in the shape of Hugging Face's model.safetensors.index.json.
 * Its "weight_map" says which file has a tensor; "shards" in its metadata, which other programs pass over, has the
 * checksum of each file's header, so that files of two saves are never taken for one.
 */
#define _GNU_SOURCE /* unlink, strdup */
#include "files.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define SHOWN(name) adamw_files_show(name).text

typedef struct adamw_files_pair pair;

static int by_name(const void *a, const void *b) { return strcmp(((const pair *)a)->name, ((const pair *)b)->name); }
static int by_text(const void *a, const void *b) { return strcmp(*(const char *const *)a, *(const char *const *)b); }

/* The path's part up to its last '/', which is in it; 0 for a bare name. */
static size_t folder_length(const char *path)
{
    const char *const slash = strrchr(path, '/');
    return slash != NULL ? (size_t)(slash - path) + 1 : 0;
}

static char *beside(const char *path, const char *name)
{
    const size_t folder = folder_length(path), length = strlen(name);
    char *const joined = malloc(folder + length + 1);
    if (joined == NULL)
        return NULL;
    memcpy(joined, path, folder);
    memcpy(joined + folder, name, length + 1);
    return joined;
}

/* ---- reading ---- */

/* An object of strings. */
static bool read_pairs(adamw_json *json, pair **pairs, size_t *count, size_t *room, bool *no_memory)
{
    if (!adamw_json_expect(json, '{', "there must be an object here"))
        return false;
    if (adamw_json_is_next(json, '}'))
        return adamw_json_expect(json, '}', "");
    do {
        char *name, *value;
        if (!adamw_json_string(json, &name, "there must be a name here") ||
            !adamw_json_expect(json, ':', "there must be ':' here") ||
            !adamw_json_string(json, &value, "there must be a string here"))
            return false;
        if (!adamw_files_grow(pairs, *count, room, sizeof **pairs)) {
            *no_memory = true;
            return false;
        }
        (*pairs)[(*count)++] = (pair){name, value};
    } while (adamw_json_goes_on(json, '}'));
    return json->wrong == NULL;
}

/* An object whose member `wanted` is read as pairs; the others are left out, but their names may not come twice. */
static bool read_object(adamw_json *json, adamw_files_index *x, bool top, bool *no_memory)
{
    unsigned had = 0;
    if (!adamw_json_expect(json, '{', "there must be '{' here"))
        return false;
    if (adamw_json_is_next(json, '}'))
        return adamw_json_expect(json, '}', "");
    do {
        char *key;
        if (!adamw_json_string(json, &key, "there must be a name here") ||
            !adamw_json_expect(json, ':', "there must be ':' here"))
            return false;
        const unsigned which = strcmp(key, top ? "weight_map" : "shards") == 0 ? 1
                               : top && strcmp(key, "metadata") == 0           ? 2
                                                                               : 0;
        if (had & which) {
            json->wrong = "this member is there twice";
            return false;
        }
        had |= which;
        if (!(which == 0   ? adamw_json_skip(json)
              : which == 2 ? read_object(json, x, false, no_memory)
              : top        ? read_pairs(json, &x->tensors, &x->tensor_count, &x->tensor_room, no_memory)
                           : read_pairs(json, &x->sums, &x->sum_count, &x->sum_room, no_memory)))
            return false;
    } while (adamw_json_goes_on(json, '}'));
    if (top && json->wrong == NULL && !(had & 1))
        json->wrong = "the index has no weight_map";
    return json->wrong == NULL;
}

/* Each file once, with its path. */
static adamw_status find_files(adamw_files_index *x, const char *path, const adamw_files_sentence *to)
{
    x->files = malloc((x->tensor_count + 1) * sizeof(const char *));
    x->paths = calloc(x->tensor_count + 1, sizeof(char *));
    if (x->files == NULL || x->paths == NULL)
        return adamw_files_no_memory(to);
    for (size_t i = 0; i < x->tensor_count; i++)
        x->files[i] = x->tensors[i].file;
    if (x->tensor_count > 1) {
        qsort(x->files, x->tensor_count, sizeof(const char *), by_text);
        qsort(x->tensors, x->tensor_count, sizeof *x->tensors, by_name);
    }
    if (x->sum_count > 1)
        qsort(x->sums, x->sum_count, sizeof *x->sums, by_name);
    for (size_t i = 0; i < x->tensor_count; i++) {
        const char *const file = x->files[i];
        if (x->file_count > 0 && strcmp(x->files[x->file_count - 1], file) == 0)
            continue;
        if (file[0] == '\0' || strchr(file, '/') != NULL || strcmp(file, ".") == 0 || strcmp(file, "..") == 0)
            return adamw_files_fail(to, ADAMW_ERROR_STATE,
                                    "%s: weight_map has the file '%s': it must be a name in the index's folder",
                                    SHOWN(path), SHOWN(file));
        x->files[x->file_count] = file;
        x->paths[x->file_count] = beside(path, file);
        if (x->paths[x->file_count++] == NULL)
            return adamw_files_no_memory(to);
    }
    return ADAMW_OK;
}

adamw_status adamw_files_read_index(adamw_files_index *index, char *text, size_t size, const char *path,
                                    const adamw_files_sentence *to)
{
    adamw_json json = {text, text, text + size, NULL};
    bool no_memory = false;
    *index = (adamw_files_index){.files = NULL};
    if (read_object(&json, index, true, &no_memory) && adamw_json_end(&json))
        return find_files(index, path, to);
    if (no_memory)
        return adamw_files_no_memory(to);
    return adamw_files_fail(to, ADAMW_ERROR_STATE, "%s: the index is damaged at byte %zu: %s", SHOWN(path),
                            (size_t)(json.at - text), json.wrong != NULL ? json.wrong : "it ends too early");
}

void adamw_files_free_index(adamw_files_index *index)
{
    for (size_t i = 0; i < index->file_count; i++)
        free(index->paths[i]);
    free(index->paths);
    free(index->files);
    free(index->tensors);
    free(index->sums);
}

adamw_status adamw_files_compare_index(const adamw_files_index *index, const adamw_file *file,
                                       const adamw_files_sentence *to)
{
    for (size_t i = 0; i < index->file_count && index->sum_count > 0; i++) {
        const pair key = {index->files[i], NULL};
        const pair *const sum = bsearch(&key, index->sums, index->sum_count, sizeof key, by_name);
        if (sum == NULL)
            return adamw_files_fail(to, ADAMW_ERROR_STATE, "%s: its metadata has no checksum of %s",
                                    SHOWN(file->path), SHOWN(key.name));
        if (strcmp(sum->file, file->sources[i].sum_digits) != 0)
            return adamw_files_fail(
                to, ADAMW_ERROR_STATE, "%s: %s is of another save: its header's checksum is %s, and the index has %s",
                SHOWN(file->path), SHOWN(key.name), file->sources[i].sum_digits, SHOWN(sum->file));
    }
    /* Both are in the order of names. */
    for (size_t i = 0; i < index->tensor_count || i < file->count; i++) {
        const pair *const x = i < index->tensor_count ? &index->tensors[i] : NULL;
        const adamw_files_record *const y = i < file->count ? &file->records[i] : NULL;
        const int order = x == NULL ? 1 : y == NULL ? -1 : strcmp(x->name, y->tensor.name);
        if (order < 0)
            return adamw_files_fail(to, ADAMW_ERROR_STATE, "%s: weight_map has tensor '%s', which %s has not",
                                    SHOWN(file->path), SHOWN(x->name), SHOWN(x->file));
        if (order > 0)
            return adamw_files_fail(to, ADAMW_ERROR_STATE, "%s: weight_map has no tensor '%s', which is in %s",
                                    SHOWN(file->path), SHOWN(y->tensor.name), SHOWN(file->sources[y->source].path));
        if (strcmp(index->files[y->source], x->file) != 0)
            return adamw_files_fail(to, ADAMW_ERROR_STATE, "%s: weight_map has tensor '%s' in %s, but it is in %s",
                                    SHOWN(file->path), SHOWN(x->name), SHOWN(x->file),
                                    SHOWN(index->files[y->source]));
    }
    return ADAMW_OK;
}

/* ---- writing ---- */

adamw_status adamw_shard_path(char *path, size_t path_size, const char *index_path, uint64_t tag, size_t shard,
                              size_t shards, char *sentence, size_t size)
{
    static const char ending[] = ".safetensors.index.json";
    const adamw_files_sentence to = {sentence, size};
    if (path == NULL || index_path == NULL)
        return adamw_files_fail(&to, ADAMW_ERROR_INVALID_ARGUMENT, "%s is NULL",
                                path == NULL ? "path" : "index_path");
    const size_t length = strlen(index_path), stem = length - (sizeof ending - 1);
    if (length < sizeof ending || strcmp(index_path + stem, ending) != 0 || index_path[stem - 1] == '/')
        return adamw_files_fail(&to, ADAMW_ERROR_INVALID_ARGUMENT, "index_path is '%s': it must end in NAME%s",
                                SHOWN(index_path), ending);
    if (shard >= shards || shards > 99999)
        return adamw_files_fail(&to, ADAMW_ERROR_INVALID_ARGUMENT,
                                "shard is %zu of %zu: it must be below the number of shards, at most 99999", shard,
                                shards);
    const int written = snprintf(path, path_size, "%.*s-%" PRIu64 "-%05zu-of-%05zu.safetensors", (int)stem,
                                 index_path, tag, shard + 1, shards);
    if (written < 0 || (size_t)written >= path_size)
        return adamw_files_fail(&to, ADAMW_ERROR_INVALID_ARGUMENT, "path_size is %zu: the path needs %d bytes",
                                path_size, written + 1);
    return adamw_files_right(&to);
}

static void write_index(adamw_files_text *text, const adamw_file *f, const char *const *names)
{
    uint64_t bytes = 0;
    for (size_t i = 0; i < f->count; i++)
        bytes += f->records[i].tensor.bytes;
    adamw_files_add_string(text, "{\n  \"metadata\": {\n    \"total_size\": ");
    adamw_files_add_number(text, bytes);
    adamw_files_add_string(text, ",\n    \"shards\": {");
    for (size_t i = 0; i < f->source_count; i++) {
        adamw_files_add_string(text, i > 0 ? ",\n      " : "\n      ");
        adamw_files_add_json(text, names[i]);
        adamw_files_add_string(text, ": ");
        adamw_files_add_json(text, f->sources[i].sum_digits);
    }
    adamw_files_add_string(text, "\n    }\n  },\n  \"weight_map\": {");
    for (size_t i = 0; i < f->count; i++) {
        adamw_files_add_string(text, i > 0 ? ",\n    " : "\n    ");
        adamw_files_add_json(text, f->records[i].tensor.name);
        adamw_files_add_string(text, ": ");
        adamw_files_add_json(text, names[f->records[i].source]);
    }
    adamw_files_add_string(text, "\n  }\n}\n");
}

/* The old index's files that the new one does not have, and that this library wrote: only such have checksums. */
static void delete_old(const adamw_files_index *old, const char *const *names, size_t count)
{
    for (size_t i = 0; i < old->file_count; i++) {
        size_t n = 0;
        while (n < count && strcmp(names[n], old->files[i]) != 0)
            n++;
        const pair key = {old->files[i], NULL};
        if (n == count && old->sum_count > 0 && bsearch(&key, old->sums, old->sum_count, sizeof key, by_name) != NULL)
            unlink(old->paths[i]);
    }
}

static adamw_status save_index(const char *path, const adamw_file *f, const char *const *names,
                               const adamw_files_sentence *to)
{
    char *old_text;
    size_t old_size;
    adamw_files_text text = {.bytes = NULL};
    adamw_files_output output;
    adamw_files_index old = {.files = NULL};
    /* An old index that is missing or damaged has no files that could be deleted: no error. */
    const adamw_files_sentence silent = {NULL, 0};
    const bool had = adamw_files_read_text(path, &old_text, &old_size, &silent) == ADAMW_OK &&
                     adamw_files_read_index(&old, old_text, old_size, path, &silent) == ADAMW_OK;
    write_index(&text, f, names);
    adamw_status status = text.failed ? adamw_files_no_memory(to) : adamw_files_begin(&output, path, to);
    if (status == ADAMW_OK) {
        adamw_files_put(&output, text.bytes, text.length, NULL);
        status = adamw_files_commit(&output);
    }
    if (status == ADAMW_OK && had)
        delete_old(&old, names, f->source_count);
    adamw_files_free_index(&old);
    free(old_text);
    free(text.bytes);
    return status == ADAMW_OK ? adamw_files_right(to) : status;
}

adamw_status adamw_save_index(const char *index_path, const char *const *shard_paths, size_t count, char *sentence,
                              size_t size)
{
    const adamw_files_sentence to = {sentence, size};
    if (index_path == NULL || shard_paths == NULL || count == 0)
        return adamw_files_fail(&to, ADAMW_ERROR_INVALID_ARGUMENT, "%s",
                                index_path == NULL    ? "index_path is NULL: it must name a file"
                                : shard_paths == NULL ? "shard_paths is NULL: it must be a list of files"
                                                      : "count is 0: an index needs a file");
    char **const paths = calloc(count, sizeof *paths);
    const char **const names = calloc(count, sizeof *names);
    adamw_file *file = NULL;
    adamw_status status = paths != NULL && names != NULL ? ADAMW_OK : adamw_files_no_memory(&to);
    for (size_t i = 0; i < count && status == ADAMW_OK; i++) {
        const size_t folder = folder_length(index_path);
        if (shard_paths[i] == NULL || folder_length(shard_paths[i]) != folder ||
            memcmp(shard_paths[i], index_path, folder) != 0)
            status = adamw_files_fail(&to, ADAMW_ERROR_INVALID_ARGUMENT,
                                      "shard_paths[%zu] is '%s': it must be in the folder of the index, '%s'", i,
                                      shard_paths[i] != NULL ? SHOWN(shard_paths[i]) : "NULL", SHOWN(index_path));
        else if ((paths[i] = strdup(shard_paths[i])) == NULL)
            status = adamw_files_no_memory(&to);
        else
            names[i] = paths[i] + folder;
    }
    if (status == ADAMW_OK)
        status = adamw_files_open_all(&file, index_path, paths, count, &to);
    if (status == ADAMW_OK)
        status = adamw_files_find_pieces(file, true, &to);
    if (status == ADAMW_OK)
        status = save_index(index_path, file, names, &to);
    adamw_file_close(file);
    for (size_t i = 0; i < count && paths != NULL; i++)
        free(paths[i]);
    free(paths);
    free(names);
    return status;
}
