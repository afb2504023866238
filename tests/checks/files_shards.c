/*
 * files_shards.c - a run in shards: saved by some ranks and read by others to the bit; shards of two saves, with a
 * hole or without their file, refused by name; and the old files there until the index stands for the new ones.
 */
#define _GNU_SOURCE /* unlink, access */
#include "files.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { MOST = 8 };
static char said[ADAMW_FILE_SENTENCE_SIZE];

/* Rank `rank` of `ranks` has the same share of each parameter: its range of the run's own buffers. */
static void cut(run_of_three *part, run_of_three *whole, size_t rank, size_t ranks)
{
    memcpy(part, whole, sizeof *part);
    for (size_t t = 0; t < STATE_TENSORS; t++) {
        const size_t n = whole->tensors[t].n, first = n * rank / ranks, last = n * (rank + 1) / ranks;
        adamw_tensor *const x = &part->tensors[t];
        x->n = last - first;
        x->param = whole->values[t][0] + first;
        x->exp_avg = whole->values[t][1] + first;
        x->exp_avg_sq = whole->values[t][2] + first;
        x->max_exp_avg_sq = t == 1 ? whole->values[t][3] + first : NULL;
        x->param_ema = t == 2 ? whole->values[t][4] + first : NULL;
        x->param_residual = t == 0 ? whole->residuals[t] + first : NULL;
        part->places[t].first = first;
        part->places[t].shape = whole->shapes[t];
    }
    part->state.names = part->names;
    part->state.tensors = part->tensors;
    part->state.places = part->places;
    part->state.config = &whole->config;
    part->state.schedule = &whole->schedule;
    part->state.loss_scale = rank == 0 ? &whole->loss_scale : NULL;
}

static bool save_shards(const char *index, run_of_three *whole, uint64_t tag, size_t ranks, char (*paths)[512])
{
    static run_of_three part;
    for (size_t r = 0; r < ranks; r++) {
        cut(&part, whole, r, ranks);
        if (adamw_shard_path(paths[r], 512, index, tag, r, ranks, said, sizeof said) != ADAMW_OK ||
            adamw_save_state(paths[r], &part.state, said, sizeof said) != ADAMW_OK)
            return check_fail("shard %zu: %s", r, said);
    }
    return true;
}

static adamw_status save_index(const char *index, char (*paths)[512], size_t count)
{
    const char *list[MOST];
    for (size_t r = 0; r < count; r++)
        list[r] = paths[r];
    return adamw_save_index(index, list, count, said, sizeof said);
}

static bool load_shards(const char *index, const run_of_three *wanted, size_t ranks)
{
    static run_of_three whole, part;
    adamw_file *file;
    run_begin(&whole, 55);
    adamw_preset("rul", 50, &whole.config, &whole.schedule);
    const adamw_schedule fresh = whole.schedule;
    bool right = adamw_open(&file, index, said, sizeof said) == ADAMW_OK;
    for (size_t r = 0; r < ranks && right; r++) {
        cut(&part, &whole, r, ranks);
        part.state.loss_scale = &whole.loss_scale;
        whole.schedule = fresh;
        right = adamw_load_state(file, &part.state, said, sizeof said) == ADAMW_OK;
        whole.state.step = part.state.step;
        whole.state.seed = part.state.seed;
        whole.tensors[2].step = part.tensors[2].step;
    }
    adamw_file_close(file);
    return (right && run_equals(&whole, wanted)) ||
           check_fail("%zu ranks read another state from %s: %s", ranks, index, said);
}

bool check_files_shards(const check_options *options)
{
    static const size_t ranks[] = {1, 2, 3, 4, 7, 8};
    enum { RANKS = sizeof ranks / sizeof ranks[0] };
    static run_of_three run;
    char paths[MOST][512];
    folder f = {""};
    if (!folder_new(&f))
        return false;
    const char *const index = in_folder(&f, "run.safetensors.index.json");
    bool right = true;
    for (size_t w = 0; w < RANKS && right; w++) {
        run_begin(&run, options->seed + w);
        right = save_shards(index, &run, 100 + w, ranks[w], paths) &&
                (save_index(index, paths, ranks[w]) == ADAMW_OK || check_fail("%s", said)) &&
                (files_in(&f) == (int)ranks[w] + 1 || check_fail("the shards of the save before are still there"));
        for (size_t r = 0; r < RANKS && right; r++)
            right = load_shards(index, &run, ranks[r]);
    }
    folder_free(&f);
    return right;
}

static bool is_refused(adamw_status status, const char *words)
{
    return (status == ADAMW_ERROR_STATE && strstr(said, words) != NULL) ||
           check_fail("status %d: '%s' lacks '%s'", (int)status, said, words);
}

static bool does_not_open(const char *index, const char *words)
{
    adamw_file *file;
    const adamw_status status = adamw_open(&file, index, said, sizeof said);
    adamw_file_close(file);
    return is_refused(status, words);
}

static bool edit(const char *path, const char *bytes, size_t size, const char *old, const char *new)
{
    static char text[1 << 16];
    const char *const at = strstr(bytes, old);
    if (at == NULL || size >= sizeof text)
        return check_fail("the index has no '%s' to edit", old);
    const int length = snprintf(text, sizeof text, "%.*s%s%s", (int)(at - bytes), bytes, new, at + strlen(old));
    return write_file(path, text, (size_t)length);
}

bool check_files_bad_shards(const check_options *options)
{
    static run_of_three run, later;
    char paths[MOST][512], others[MOST][512], mixed[MOST][512];
    folder f = {""};
    size_t size = 0;
    if (!folder_new(&f))
        return false;
    const char *const index = in_folder(&f, "run.safetensors.index.json");
    run_begin(&run, options->seed);
    run_begin(&later, options->seed + 1);
    bool right = save_shards(index, &run, 1, 4, paths) && save_index(index, paths, 4) == ADAMW_OK &&
                 save_shards(index, &later, 2, 4, others);
    /* New shards without their index, as a crash may leave them: the index stands for the old ones. */
    right = right && load_shards(index, &run, 2);
    memcpy(mixed, others, sizeof mixed);
    memcpy(mixed[2], paths[2], sizeof mixed[2]);
    right = right && is_refused(save_index(index, mixed, 4), "differ: they are of two saves") &&
            is_refused(save_index(index, others + 1, 3), "no file has the values 0 to 3 of tensor 'layer.0.bias'") &&
            is_refused(save_index(index, others, 3), "but its shape has");
    memcpy(mixed[2], others[1], sizeof mixed[2]);
    right = right && is_refused(save_index(index, mixed, 4), "is in ") && load_shards(index, &run, 1);

    /* One shard alone is no whole run. */
    static run_of_three into;
    adamw_file *file;
    run_begin(&into, 55);
    adamw_preset("rul", 50, &into.config, &into.schedule);
    right = right && adamw_open(&file, paths[0], said, sizeof said) == ADAMW_OK;
    if (right) {
        right = is_refused(adamw_load_state(file, &into.state, said, sizeof said), "only 17 are there");
        adamw_file_close(file);
    }

    /* A shard of the other save under the first one's name. */
    char *bytes = bytes_of_file(others[1], &size);
    char *const own = bytes_of_file(paths[1], &size);
    right = right && bytes != NULL && own != NULL && write_file(paths[1], bytes, size) &&
            does_not_open(index, "differ: they are of two saves") && write_file(paths[1], own, size);
    free(bytes);
    /* And one that differs in a tensor alone. */
    run.values[0][1][20] = float_of_bits(bits_of_float(run.values[0][1][20]) ^ 1);
    right = right && save_shards(index, &run, 9, 4, others);
    bytes = bytes_of_file(others[1], &size);
    right = right && bytes != NULL && write_file(paths[1], bytes, size) &&
            does_not_open(index, "run-1-00002-of-00004.safetensors is of another save") &&
            write_file(paths[1], own, size);
    free(bytes);
    free(own);

    bytes = bytes_of_file(index, &size);
    right = right && bytes != NULL;
    for (size_t i = 0; i + 1 < size && right; i++) /* without its last line feed it is whole */
        right = write_file(index, bytes, i) && (i < 8 || does_not_open(index, "byte"));
    right = right && edit(index, bytes, size, "\"state.layer.0.bias.step\"", "\"state.layer.0.bias.stop\"") &&
            does_not_open(index, "weight_map has no tensor 'state.layer.0.bias.step'") &&
            edit(index, bytes, size, "step\": \"run-1-00001", "step\": \"run-1-00002") &&
            does_not_open(index, "but it is in run-1-00001-of-00004.safetensors") &&
            edit(index, bytes, size, "step\": \"run", "step\": \"../run") &&
            does_not_open(index, "it must be a name in the index's folder") &&
            edit(index, bytes, size, "\"weight_map\"", "\"map\"") && does_not_open(index, "has no weight_map");
    right = right &&
            edit(index, bytes, size, "\"total_size\": ", "\"more\": [{\"a\": -1.5e3}, null], \"total_size\": ") &&
            unlink(paths[3]) == 0;
    right = right && adamw_open(&file, index, said, sizeof said) == ADAMW_ERROR_SYSTEM &&
            strstr(said, "00004-of-00004.safetensors cannot be read: no such file") != NULL;
    free(bytes);

    char path[64];
    right =
        right && adamw_shard_path(path, sizeof path, "a/run.safetensors", 1, 0, 1, said, sizeof said) != ADAMW_OK &&
        strstr(said, "it must end in NAME.safetensors.index.json") != NULL &&
        adamw_shard_path(path, sizeof path, "a/run.safetensors.index.json", 1, 2, 2, said, sizeof said) != ADAMW_OK &&
        adamw_shard_path(path, 20, "a/run.safetensors.index.json", 1, 0, 2, said, sizeof said) != ADAMW_OK &&
        adamw_shard_path(path, sizeof path, "a/run.safetensors.index.json", 7, 0, 4, said, sizeof said) == ADAMW_OK &&
        strcmp(path, "a/run-7-00001-of-00004.safetensors") == 0;
    folder_free(&f);
    return right || check_fail("see above: %s", said);
}
