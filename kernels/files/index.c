/*
 * index.c - several safetensors files as one: the index in the shape of Hugging Face's model.safetensors.index.json.
 * Its "weight_map" says which file has a tensor; "shards" in its metadata, which other programs pass over, has the
 * checksum of each file's header, so that files of two saves are never taken for one.
 */
#include "files.h"

#if defined(ADAMW_POSIX)

#include <stdlib.h>
#include <string.h>

typedef struct adamw_files_pair pair;

static int by_name(const void *a, const void *b) { return strcmp(((const pair *)a)->name, ((const pair *)b)->name); }
static int by_text(const void *a, const void *b) { return strcmp(*(const char *const *)a, *(const char *const *)b); }

static char *beside(const char *path, const char *name)
{
    const size_t folder = adamw_files_folder_length(path), length = strlen(name);
    char *const joined = malloc(folder + length + 1);
    if (joined == NULL)
        return NULL;
    memcpy(joined, path, folder);
    memcpy(joined + folder, name, length + 1);
    return joined;
}

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
        pair *const grown = adamw_files_grow(*pairs, *count, room, sizeof **pairs);
        if (grown == NULL) {
            *no_memory = true;
            return false;
        }
        *pairs = grown;
        (*pairs)[(*count)++] = (pair){name, value};
    } while (adamw_json_goes_on(json, '}'));
    return json->wrong == NULL;
}

enum { OTHER_MEMBER = 2 };

/* The next member's name and colon: which of two names it is, of which none may come twice, or OTHER_MEMBER. */
static bool read_key(adamw_json *json, const char *const names[2], int *which, unsigned *had)
{
    char *key;
    if (!adamw_json_string(json, &key, "there must be a name here") ||
        !adamw_json_expect(json, ':', "there must be ':' here"))
        return false;
    *which = strcmp(key, names[0]) == 0 ? 0 : strcmp(key, names[1]) == 0 ? 1 : OTHER_MEMBER;
    if (*which != OTHER_MEMBER && *had >> *which & 1) {
        json->wrong = "this member is there twice";
        return false;
    }
    *had |= 1u << *which;
    return true;
}

/* The index's metadata: "shards" alone is read, other members are left out. */
static bool read_metadata(adamw_json *json, adamw_files_index *x, bool *no_memory)
{
    static const char *const names[2] = {"shards", "total_size"};
    unsigned had = 0;
    int which;
    if (!adamw_json_expect(json, '{', "metadata must be an object"))
        return false;
    if (adamw_json_is_next(json, '}'))
        return adamw_json_expect(json, '}', "");
    do {
        if (!read_key(json, names, &which, &had) ||
            !(which == 0 ? read_pairs(json, &x->sums, &x->sum_count, &x->sum_room, no_memory)
                         : adamw_json_skip(json)))
            return false;
    } while (adamw_json_goes_on(json, '}'));
    return json->wrong == NULL;
}

static bool read_all(adamw_json *json, adamw_files_index *x, bool *no_memory)
{
    static const char *const names[2] = {"weight_map", "metadata"};
    unsigned had = 0;
    int which;
    if (!adamw_json_expect(json, '{', "an index must begin with '{'"))
        return false;
    do {
        if (!read_key(json, names, &which, &had) ||
            !(which == 0   ? read_pairs(json, &x->tensors, &x->tensor_count, &x->tensor_room, no_memory)
              : which == 1 ? read_metadata(json, x, no_memory)
                           : adamw_json_skip(json)))
            return false;
    } while (adamw_json_goes_on(json, '}'));
    if (json->wrong == NULL && !(had & 1))
        json->wrong = "the index has no weight_map";
    return adamw_json_end(json);
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
        char *const joined = beside(path, file);
        if (joined == NULL)
            return adamw_files_no_memory(to);
        x->files[x->file_count] = file;
        x->paths[x->file_count++] = joined;
    }
    return ADAMW_OK;
}

adamw_status adamw_files_read_index(adamw_files_index *index, char *text, size_t size, const char *path,
                                    const adamw_files_sentence *to)
{
    adamw_json json = {text, text, text + size, NULL};
    bool no_memory = false;
    *index = (adamw_files_index){.files = NULL};
    if (read_all(&json, index, &no_memory))
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
        const bool here = i < index->tensor_count, there = i < file->count;
        const int order = !here ? 1 : !there ? -1 : strcmp(index->tensors[i].name, file->records[i].tensor.name);
        if (order < 0)
            return adamw_files_fail(to, ADAMW_ERROR_STATE, "%s: weight_map has tensor '%s', which %s has not",
                                    SHOWN(file->path), SHOWN(index->tensors[i].name), SHOWN(index->tensors[i].file));
        const adamw_files_record *const y = &file->records[i];
        if (order > 0)
            return adamw_files_fail(to, ADAMW_ERROR_STATE, "%s: weight_map has no tensor '%s', which is in %s",
                                    SHOWN(file->path), SHOWN(y->tensor.name), SHOWN(file->sources[y->source].path));
        if (strcmp(index->files[y->source], index->tensors[i].file) != 0)
            return adamw_files_fail(to, ADAMW_ERROR_STATE, "%s: weight_map has tensor '%s' in %s, but it is in %s",
                                    SHOWN(file->path), SHOWN(y->tensor.name), SHOWN(index->tensors[i].file),
                                    SHOWN(index->files[y->source]));
    }
    return ADAMW_OK;
}

#endif
