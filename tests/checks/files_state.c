/*
 * files_state.c - the state of a run in a file: every bit comes back, from one file or from shards, and what does not
 * fit the optimizer at hand is refused by name with nothing written.
 */
#define _GNU_SOURCE /* memmem */
#include "files.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../../kernels/files/state.h"
#include "../../kernels/plan/streams.h"

static char said[ADAMW_FILE_SENTENCE_SIZE];

/* A file has every stream of plan/streams.h but the gradient and the copy, which a step makes anew. */
static bool saves_every_stream(void)
{
    static const char *const streams[] = {
#define NAME(name, size) #name,
        ADAMW_STREAMS(NAME)
#undef NAME
    };
    static const char saved[] = " grad param_copy "
#define NAME(name, before, behind) #name " "
        ADAMW_FILES_STREAMS(NAME)
#undef NAME
        ;
    bool right = true;
    for (size_t i = 0; i < sizeof streams / sizeof streams[0]; i++) {
        char word[64];
        snprintf(word, sizeof word, " %s ", streams[i]);
        if (strstr(saved, word) == NULL)
            right = check_fail("the stream %s is not saved: it has no line in kernels/files/state.h", streams[i]);
    }
    return right;
}

/* A run of another seed that the file is loaded into: the schedule at its start. */
static void other_run(run_of_three *run)
{
    run_begin(run, 77);
    adamw_schedule_init(&run->schedule, &(adamw_schedule_config){0});
    adamw_preset("rul", 50, &run->config, &run->schedule);
    run->state.step = 0;
}

static bool saves(const char *path, run_of_three *run)
{
    return adamw_save_state(path, &run->state, said, sizeof said) == ADAMW_OK || check_fail("%s", said);
}

static bool loads(const char *path, run_of_three *into, const run_of_three *wanted)
{
    adamw_file *file;
    const bool right = adamw_open(&file, path, said, sizeof said) == ADAMW_OK &&
                       adamw_load_state(file, &into->state, said, sizeof said) == ADAMW_OK;
    adamw_file_close(file);
    return (right && run_equals(into, wanted)) || check_fail("%s: another state came back (%s)", path, said);
}

/* The file must be refused with the words, and the run be as it was. */
static bool is_refused(const char *path, run_of_three *run, adamw_status wanted, const char *words)
{
    static run_of_three before;
    adamw_file *file;
    memcpy(&before, run, sizeof before);
    adamw_status status = adamw_open(&file, path, said, sizeof said);
    if (status == ADAMW_OK)
        status = adamw_load_state(file, &run->state, said, sizeof said);
    adamw_file_close(file);
    if (status != wanted || strstr(said, words) == NULL)
        return check_fail("status %d: '%s' lacks '%s'", (int)status, said, words);
    return memcmp(&before, run, sizeof before) == 0 || check_fail("a refused file was half loaded: %s", words);
}

static bool check_configs(const char *path, const run_of_three *run)
{
    adamw_file *file;
    bool right = adamw_open(&file, path, said, sizeof said) == ADAMW_OK;
    for (size_t t = 0; t < STATE_TENSORS && right; t++) {
        const adamw_config *const wanted = t == 1 ? &run->other : &run->config;
        adamw_config found;
        memset(&found, 0x55, sizeof found);
        right = adamw_load_config(file, run->names[t], &found, said, sizeof said) == ADAMW_OK &&
                found.lr == wanted->lr && found.beta1 == wanted->beta1 && found.beta2 == wanted->beta2 &&
                found.eps == wanted->eps && found.weight_decay == wanted->weight_decay &&
                found.decay == wanted->decay && found.arithmetic == wanted->arithmetic &&
                found.amsgrad == wanted->amsgrad && found.maximize == wanted->maximize;
    }
    adamw_config found;
    right = right && adamw_load_config(file, "none", &found, said, sizeof said) == ADAMW_ERROR_STATE &&
            strstr(said, "no tensor 'param_groups.none.lr'") != NULL;
    adamw_file_close(file);
    return right || check_fail("other hyperparameters came back: %s", said);
}

bool check_files_state(const check_options *options)
{
    static run_of_three run, into;
    folder f = {""};
    if (!folder_new(&f))
        return false;
    const char *const path = in_folder(&f, "run.safetensors");
    bool right = saves_every_stream();
    for (uint64_t i = 0; i < 20 && right; i++) {
        run_begin(&run, options->seed + i);
        other_run(&into);
        right = saves(path, &run) && loads(path, &into, &run) && check_configs(path, &run);
        /* And as rows of values, without shapes. */
        other_run(&into);
        into.state.places = NULL;
        right = right && loads(path, &into, &run);
    }
    folder_free(&f);
    return right;
}

bool check_files_other_state(const check_options *options)
{
    static run_of_three run, into;
    folder f = {""};
    if (!folder_new(&f))
        return false;
    const char *const path = in_folder(&f, "run.safetensors");
    run_begin(&run, options->seed);
    bool right = saves(path, &run);
#define REFUSED(words, ...)                                                                                          \
    do {                                                                                                             \
        other_run(&into);                                                                                            \
        __VA_ARGS__;                                                                                                 \
        right = right && is_refused(path, &into, ADAMW_ERROR_STATE, words);                                          \
    } while (0)
    REFUSED("no tensor 'state.other.exp_avg'", {
        into.names[1] = "other";
        into.state.with_params = false;
    });
    REFUSED("no tensor 'other'", into.names[1] = "other");
    REFUSED("has 'state.layer.0.bias.exp_avg', which the tensors here have no buffer for", {
        into.names[1] = into.names[2];
        into.tensors[1] = into.tensors[2];
        into.places[1] = into.places[2];
        into.state.count = 2;
    });
    REFUSED("has 'state.layer.0.bias.max_exp_avg_sq', which", into.tensors[1].max_exp_avg_sq = NULL);
    REFUSED("no tensor 'state.layer.0.weight.max_exp_avg_sq'", into.tensors[0].max_exp_avg_sq = into.values[0][3]);
    REFUSED("'state.layer.0.weight.exp_avg' is F32: it must be BF16",
            into.tensors[0].exp_avg_dtype = ADAMW_DTYPE_BFLOAT16);
    REFUSED("'layer.0.weight' has size 7 in dimension 0: the parameter here has 10", {
        into.shapes[0][0] = 10;
        into.shapes[0][1] = 7;
    });
    REFUSED("has 70 values: the parameter here has 69", {
        into.state.places = NULL;
        into.tensors[0].n = 69;
    });
    REFUSED("has 2 dimensions: the parameter here has 1", {
        into.places[0].rank = 1;
        into.shapes[0][0] = 70;
    });
    REFUSED("has a schedule, but state->schedule is NULL", into.state.schedule = NULL);
    REFUSED("has a loss scale, but state->loss_scale is NULL", into.state.loss_scale = NULL);
    REFUSED("schedule: factor is", into.schedule.config.factor = 0.25);
    REFUSED("tensors without a step of their own must have the same", into.tensors[2].step = 0);
    /* Right again, and a part of it where that is asked for. */
    other_run(&into);
    right = right && loads(path, &into, &run);
    other_run(&into);
    into.state.count = 2;
    into.state.partial = true;
    adamw_file *file;
    right = right && adamw_open(&file, path, said, sizeof said) == ADAMW_OK &&
            adamw_load_state(file, &into.state, said, sizeof said) == ADAMW_OK;
    adamw_file_close(right ? file : NULL);

    /* A range past the end, and in part of another dtype; then a file from before the first step. */
    float values[8];
    right = right && adamw_open(&file, path, said, sizeof said) == ADAMW_OK;
    if (right) {
        right = adamw_file_read(file, "layer.0.bias", ADAMW_FILE_F32, 5, 8, values, said, sizeof said) == ADAMW_OK &&
                memcmp(values, run.values[1][0] + 5, sizeof values) == 0 &&
                adamw_file_read(file, "layer.0.bias", ADAMW_FILE_F32, 6, 8, values, said, sizeof said) ==
                    ADAMW_ERROR_STATE &&
                strstr(said, "of the values 6 to 14 of tensor 'layer.0.bias' only 7 are there") != NULL &&
                adamw_file_read(file, "layer.0.bias", ADAMW_FILE_F32, UINT64_MAX, 8, values, said, sizeof said) ==
                    ADAMW_ERROR_INVALID_ARGUMENT &&
                adamw_file_read(file, "layer.0.bias", ADAMW_FILE_I32, 5, 8, values, said, sizeof said) ==
                    ADAMW_ERROR_STATE;
        adamw_file_close(file);
    }
    run.state.step = 0;
    run.tensors[2].step = 0;
    right = right && saves(path, &run);
    REFUSED(".step' is 0, but tensors[2] has a step of its own, which counts from 1", (void)0);
    run_begin(&run, options->seed);
    right = right && saves(path, &run);

    /* A changed bit of the last parameter's data: the others must not be loaded either. */
    size_t size = 0;
    char *const bytes = bytes_of_file(path, &size);
    char *const data = bytes != NULL ? memmem(bytes, size, run.values[2][2], sizeof(float) * 64) : NULL;
    right = right && data != NULL;
    for (size_t i = 0; i < 64 * sizeof(float) && right; i++) {
        data[i] = (char)(data[i] ^ 1 << i % 8);
        other_run(&into);
        right =
            write_file(path, bytes, size) && is_refused(path, &into, ADAMW_ERROR_STATE, ".exp_avg_sq' is damaged");
        data[i] = (char)(data[i] ^ 1 << i % 8);
    }
    free(bytes);
    folder_free(&f);
    return right || check_fail("see above: %s", said);
}

/* What a trainer adds to a state is in the file, and the state loads as without it. */
bool check_files_extra(const check_options *options)
{
    static run_of_three run, into;
    folder f = {""};
    if (!folder_new(&f))
        return false;
    const char *const path = in_folder(&f, "run.safetensors");
    double figures[3] = {1, -0.0, 5e-324};
    const uint64_t three = 3;
    const adamw_file_tensor extra[] = {{"epochs.loss", ADAMW_FILE_F64, 1, &three, figures, 0},
                                       {"best.layer.0.bias", ADAMW_FILE_F64, 0, NULL, figures + 2, 0}};
    const adamw_file_entry metadata[] = {{"train.data", "two\nlines"}};
    run_begin(&run, options->seed);
    other_run(&into);
    run.state.extra = extra;
    run.state.extra_count = 2;
    run.state.metadata = metadata;
    run.state.metadata_count = 1;
    adamw_file *file = NULL;
    bool right = saves(path, &run) && loads(path, &into, &run) &&
                 adamw_open(&file, path, said, sizeof said) == ADAMW_OK &&
                 adamw_file_check(file, NULL, said, sizeof said) == ADAMW_OK;
    if (right) {
        const adamw_file_tensor *const found = adamw_file_find(file, "epochs.loss");
        const char *const text = adamw_file_metadata(file, "train.data");
        right = found != NULL && found->bytes == sizeof figures &&
                memcmp(found->data, figures, sizeof figures) == 0 && text != NULL &&
                strcmp(text, "two\nlines") == 0 && adamw_file_find(file, "best.layer.0.bias") != NULL;
    }
    adamw_file_close(file);
    folder_free(&f);
    return right || check_fail("see above: %s", said);
}

bool check_files_bad_state(const check_options *options)
{
    static run_of_three run;
    folder f = {""};
    if (!folder_new(&f))
        return false;
    const char *const path = in_folder(&f, "never");
    bool right = true;
#define WRONG(words, ...)                                                                                            \
    do {                                                                                                             \
        run_begin(&run, options->seed);                                                                              \
        __VA_ARGS__;                                                                                                 \
        const adamw_status status = adamw_save_state(path, &run.state, said, sizeof said);                           \
        right = right && ((status == ADAMW_ERROR_INVALID_ARGUMENT && strstr(said, words) != NULL) ||                 \
                          check_fail("status %d: '%s' lacks '%s'", (int)status, said, words));                       \
    } while (0)
    WRONG("names is NULL: it must have 3 entries", run.state.names = NULL);
    WRONG("tensors is NULL", run.state.tensors = NULL);
    WRONG("names[2] is NULL", run.names[2] = NULL);
    WRONG("names[2] is empty", run.names[2] = "");
    WRONG("two tensors are called 'layer.0.bias'", run.names[2] = "layer.0.bias");
    WRONG("it must be UTF-8", run.names[2] = "\xFF");
    WRONG("'layer.0.bias': a dtype is no adamw_dtype", run.tensors[1].param_dtype = (adamw_dtype)9);
    WRONG("'layer.0.bias': exp_avg_sq is NULL", run.tensors[1].exp_avg_sq = NULL);
    WRONG("'layer.0.bias': param is NULL", run.tensors[1].param = NULL);
    WRONG("neither it nor the state has a config", run.state.config = NULL);
    WRONG("step is 9223372036854775808: it must be below 2^63", run.state.step = UINT64_C(1) << 63);
    WRONG("rank is 65", run.places[1].rank = 65);
    WRONG("'layer.0.bias': n is 13 from 1 on, but the shape has 13 values", run.places[1].first = 1);
    static float one;
    static const adamw_file_tensor mine = {.name = "state.mine"}, twice = {.name = "layer.0.bias", .data = &one};
    static const adamw_file_entry theirs = {"adamw.seed", "1"};
    WRONG("extra is NULL: it must have 1 entries", run.state.extra_count = 1);
    WRONG("metadata is NULL: it must have 2 entries", run.state.metadata_count = 2);
    WRONG("extra[0].name is 'state.mine': names that begin with 'state.' are the state's own", {
        run.state.extra = &mine;
        run.state.extra_count = 1;
    });
    WRONG("two tensors are called 'layer.0.bias'", {
        run.state.extra = &twice;
        run.state.extra_count = 1;
    });
    WRONG("metadata[0].key is 'adamw.seed': keys that begin with 'adamw.' are the library's own", {
        run.state.metadata = &theirs;
        run.state.metadata_count = 1;
    });
    right = right && adamw_save_state(path, NULL, said, sizeof said) == ADAMW_ERROR_INVALID_ARGUMENT &&
            adamw_load_state(NULL, &run.state, said, sizeof said) == ADAMW_ERROR_INVALID_ARGUMENT &&
            (files_in(&f) == 0 || check_fail("a refused state left a file"));
    folder_free(&f);
    return right;
}
