/*
 * save_index.c - writes the index of several files, and the names of shards. Reading one is index.c's.
 */
#if !defined(_GNU_SOURCE)
#define _GNU_SOURCE /* unlink, strdup */
#endif
#include "files.h"

#if defined(ADAMW_POSIX)

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

typedef struct adamw_files_pair pair;

static int by_name(const void *a, const void *b) { return strcmp(((const pair *)a)->name, ((const pair *)b)->name); }

size_t adamw_files_folder_length(const char *path)
{
    const char *const slash = strrchr(path, '/');
    return slash != NULL ? (size_t)(slash - path) + 1 : 0;
}

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
        const size_t folder = adamw_files_folder_length(index_path);
        if (shard_paths[i] == NULL || adamw_files_folder_length(shard_paths[i]) != folder ||
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

#endif
