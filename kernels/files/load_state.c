/*
 * load_state.c - fills a run's state in from an open file. Everything is looked at before anything is written: names,
 * dtypes, shapes, steps, the schedule's recipe and the checksums of all tensors that are read.
 */
#include "loader.h"

#if defined(ADAMW_POSIX)

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- looking ---- */

/* The whole tensor or its pieces have the place's shape; without places only the number of values counts. */
static adamw_status check_shape(adamw_files_loader *l, const char *name, size_t i, uint64_t whole)
{
    const adamw_file_tensor *const t = adamw_file_find(l->file, name);
    const adamw_state_place *const place = l->state->places != NULL ? &l->state->places[i] : NULL;
    uint64_t shape[ADAMW_FILES_LONGEST_RANK], values, bytes;
    size_t rank;
    if (t != NULL) {
        rank = t->rank;
        if (rank > 0)
            memcpy(shape, t->shape, rank * sizeof *shape);
    } else {
        adamw_files_text key = {.bytes = NULL};
        adamw_files_add_string(&key, ADAMW_FILES_SHAPE_KEY);
        adamw_files_add_string(&key, name);
        const char *const text = key.failed ? NULL : adamw_file_metadata(l->file, key.bytes);
        free(key.bytes);
        if (key.failed)
            return adamw_files_no_memory(l->to);
        if (text == NULL)
            return OTHER("%s has no tensor '%s'", SHOWN(l->file->path), SHOWN(name));
        rank = adamw_files_read_shape(text, shape);
        if (rank == SIZE_MAX)
            return OTHER("%s: the metadata '" ADAMW_FILES_SHAPE_KEY "%s' is '%s': it must be sizes, as '3,4'",
                         SHOWN(l->file->path), SHOWN(name), SHOWN(text));
    }
    if (!adamw_files_size_of(ADAMW_FILE_U8, shape, rank, &values, &bytes) || values != whole)
        return OTHER("%s: tensor '%s' has %" PRIu64 " values: the parameter here has %" PRIu64, SHOWN(l->file->path),
                     SHOWN(name), values, whole);
    if (place == NULL)
        return ADAMW_OK;
    if (rank != place->rank)
        return OTHER("%s: tensor '%s' has %zu dimensions: the parameter here has %zu", SHOWN(l->file->path),
                     SHOWN(name), rank, place->rank);
    for (size_t k = 0; k < rank; k++)
        if (shape[k] != place->shape[k])
            return OTHER("%s: tensor '%s' has size %" PRIu64 " in dimension %zu: the parameter here has %" PRIu64,
                         SHOWN(l->file->path), SHOWN(name), shape[k], k, place->shape[k]);
    return ADAMW_OK;
}

/* A whole number, in whichever of the dtypes in which libraries count steps. */
static adamw_status read_step(adamw_files_loader *l, const char *name, uint64_t *step)
{
    const adamw_file_tensor *const t = name != NULL ? adamw_file_find(l->file, name) : NULL;
    double real = -1;
    float single;
    int64_t whole = -1;
    int32_t half;
    if (name == NULL)
        return adamw_files_no_memory(l->to);
    if (t == NULL)
        return OTHER("%s has no tensor '%s'", SHOWN(l->file->path), SHOWN(name));
    const void *const data = t->data;
    l->used[(const adamw_files_record *)t - l->file->records] = 2;
    if (t->bytes == sizeof whole && (t->dtype == ADAMW_FILE_I64 || t->dtype == ADAMW_FILE_U64)) {
        memcpy(&whole, data, sizeof whole);
    } else if (t->bytes == sizeof half && t->dtype == ADAMW_FILE_I32) {
        memcpy(&half, data, sizeof half);
        whole = half;
    } else if (t->bytes == sizeof single && t->dtype == ADAMW_FILE_F32) {
        memcpy(&single, data, sizeof single);
        real = single;
    } else if (t->bytes == sizeof real && t->dtype == ADAMW_FILE_F64) {
        memcpy(&real, data, sizeof real);
    } else {
        return OTHER("%s: tensor '%s' is %s with %" PRIu64
                     " bytes: it must be one value of I64, U64, I32, F32 or F64",
                     SHOWN(l->file->path), SHOWN(name), adamw_file_dtype_name(t->dtype), t->bytes);
    }
    if (real >= 0 && real <= 0x1p53 && (double)(int64_t)real == real)
        whole = (int64_t)real;
    if (whole < 0)
        return OTHER("%s: tensor '%s' is no number of steps: it must be a whole one from 0 to 2^63 - 1",
                     SHOWN(l->file->path), SHOWN(name));
    *step = (uint64_t)whole;
    return ADAMW_OK;
}

/* Every stream of a tensor: looked at, or with `copy` read. */
static adamw_status visit_streams(adamw_files_loader *l, size_t i, bool copy)
{
    const adamw_tensor *const t = &l->state->tensors[i];
    uint64_t whole, first;
    adamw_status status = adamw_files_place(l->state, i, &whole, &first, l->to);
    for (int which = 0; which < ADAMW_FILES_STREAM_COUNT && status == ADAMW_OK; which++) {
        const adamw_files_stream stream = adamw_files_stream_of(t, which);
        if ((which == ADAMW_FILES_STREAM_param && !l->state->with_params) || (stream.data == NULL && t->n > 0))
            continue;
        const char *const name = adamw_files_name_of(l, adamw_files_stream_before[which], l->state->names[i],
                                                     adamw_files_stream_behind[which]);
        if (name == NULL)
            return adamw_files_no_memory(l->to);
        if (stream.data == NULL) { /* an empty part of a parameter, which needs no buffer and may have any stream */
            const adamw_files_sentence silent = {NULL, 0};
            adamw_files_range(l->file, name, stream.dtype, 0, 0, NULL, l->used, &silent);
            continue;
        }
        if (!copy)
            status = check_shape(l, name, i, whole);
        if (status == ADAMW_OK)
            status = adamw_files_range(l->file, name, stream.dtype, first, t->n, copy ? stream.data : NULL, l->used,
                                       l->to);
    }
    return status;
}

/* The steps of the file go to tensors with a step of their own one by one; the others must have one in common. */
static adamw_status read_steps(adamw_files_loader *l, uint64_t *common)
{
    size_t with_common = SIZE_MAX;
    for (size_t i = 0; i < l->state->count; i++) {
        const adamw_status status =
            read_step(l, adamw_files_name_of(l, "state.", l->state->names[i], ".step"), &l->steps[i]);
        if (status != ADAMW_OK)
            return status;
        if (l->state->tensors[i].step != 0) {
            /* 0 would hand the tensor over to the call's step. */
            if (l->steps[i] == 0)
                return OTHER("%s: 'state.%s.step' is 0, but tensors[%zu] has a step of its own, which counts from 1",
                             SHOWN(l->file->path), SHOWN(l->state->names[i]), i);
            continue;
        }
        if (with_common != SIZE_MAX && l->steps[i] != *common)
            return OTHER("%s: 'state.%s.step' is %" PRIu64 ", but 'state.%s.step' is %" PRIu64
                         ": tensors without a step of their own must have the same",
                         SHOWN(l->file->path), SHOWN(l->state->names[i]), l->steps[i],
                         SHOWN(l->state->names[with_common]), *common);
        with_common = i;
        *common = l->steps[i];
    }
    return ADAMW_OK;
}

static adamw_status read_metadata(adamw_files_loader *l, uint64_t *seed, adamw_schedule *schedule,
                                  adamw_loss_scale *scale)
{
    const char *const seed_text = adamw_file_metadata(l->file, ADAMW_FILES_SEED_KEY);
    const char *const text = adamw_file_metadata(l->file, ADAMW_FILES_SCHEDULE_KEY);
    const adamw_state *const s = l->state;
    if (seed_text != NULL && !adamw_files_read_number(seed_text, seed_text + strlen(seed_text), seed))
        return OTHER("%s: " ADAMW_FILES_SEED_KEY " is '%s': it must be a whole number", SHOWN(l->file->path),
                     SHOWN(seed_text));
    if ((text != NULL) != (s->schedule != NULL))
        return OTHER(text != NULL ? "%s has a schedule, but state->schedule is NULL"
                                  : "%s has no schedule, but state->schedule is one",
                     SHOWN(l->file->path));
    if (text != NULL) {
        char said[256];
        *schedule = *s->schedule;
        if (adamw_schedule_load(schedule, text, strlen(text)) != ADAMW_OK) {
            adamw_schedule_load_explain(s->schedule, text, strlen(text), said, sizeof said);
            return OTHER("%s: schedule: %s", SHOWN(l->file->path), said);
        }
    }
    const bool has_scale = adamw_file_find(l->file, "loss_scale.scale") != NULL;
    if (has_scale != (s->loss_scale != NULL))
        return OTHER(has_scale ? "%s has a loss scale, but state->loss_scale is NULL"
                               : "%s has no loss scale, but state->loss_scale is one",
                     SHOWN(l->file->path));
    if (has_scale) {
        adamw_status status = ADAMW_OK;
#define READ(key, type)                                                                                              \
    if (status == ADAMW_OK)                                                                                          \
        status = adamw_files_read_values(l, "loss_scale." #key, ADAMW_FILE_##type, 1, &scale->key);
        ADAMW_FILES_LOSS_SCALE(READ)
#undef READ
        adamw_loss_scale trial = *scale;
        if (status == ADAMW_OK && adamw_loss_scale_update(&trial, false) != ADAMW_OK)
            status = OTHER("%s: loss_scale has a value out of its range", SHOWN(l->file->path));
        return status;
    }
    return ADAMW_OK;
}

/* A state in the file that the list does not have. */
static adamw_status check_left_over(adamw_files_loader *l)
{
    for (size_t i = 0; i < l->file->count && !l->state->partial; i++) {
        const char *const name = l->file->records[i].tensor.name;
        if (l->used[i] == 0 && strncmp(name, "state.", 6) == 0)
            return OTHER("%s has '%s', which the tensors here have no buffer for", SHOWN(l->file->path), SHOWN(name));
    }
    return ADAMW_OK;
}

/* ---- loading ---- */

static adamw_status load(adamw_files_loader *l)
{
    adamw_state *const s = l->state;
    adamw_schedule schedule;
    adamw_loss_scale scale = {0};
    uint64_t seed = s->seed, step = s->step;
    adamw_status status = ADAMW_OK;
    for (size_t i = 0; i < s->count && status == ADAMW_OK; i++)
        status = visit_streams(l, i, false);
    if (status == ADAMW_OK)
        status = read_steps(l, &step);
    if (status == ADAMW_OK)
        status = read_metadata(l, &seed, &schedule, &scale);
    if (status == ADAMW_OK)
        status = check_left_over(l);
    for (size_t i = 0; i < l->file->count && status == ADAMW_OK; i++)
        if (l->used[i] == 2)
            status = adamw_files_check_record(l->file, i, l->to);
    if (status != ADAMW_OK)
        return status;

    for (size_t i = 0; i < s->count; i++) {
        visit_streams(l, i, true); /* cannot fail: the same was looked at above */
        if (s->tensors[i].step != 0)
            s->tensors[i].step = l->steps[i];
    }
    s->seed = seed;
    s->step = step;
    if (s->schedule != NULL)
        *s->schedule = schedule;
    if (s->loss_scale != NULL)
        *s->loss_scale = scale;
    return adamw_files_right(l->to);
}

adamw_status adamw_load_state(const adamw_file *file, adamw_state *state, char *sentence, size_t size)
{
    const adamw_files_sentence to = {sentence, size};
    if (file == NULL)
        return adamw_files_fail(&to, ADAMW_ERROR_INVALID_ARGUMENT, "file is NULL: it must be an open one");
    adamw_status status = adamw_files_check_state(state, &to);
    if (status != ADAMW_OK)
        return status;
    adamw_files_loader l = {.file = file,
                            .state = state,
                            .to = &to,
                            .used = calloc(file->count + 1, 1),
                            .steps = calloc(state->count + 1, sizeof(uint64_t))};
    status = l.used != NULL && l.steps != NULL ? load(&l) : adamw_files_no_memory(&to);
    free(l.used);
    free(l.steps);
    free(l.name.bytes);
    return status;
}

#endif
