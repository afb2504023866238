/*
 * save_state.c - the state of a run as named tensors and metadata, given to adamw_save(). Names are made here; how
 * they are written is save.c's.
 */
#include "state.h"

#if defined(ADAMW_POSIX)

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define INVALID(...) adamw_files_fail(to, ADAMW_ERROR_INVALID_ARGUMENT, __VA_ARGS__)

enum {
#define PLACE(key, ...) HYPERPARAMETER_##key,
    ADAMW_FILES_HYPERPARAMETERS(PLACE)
#undef PLACE
        HYPERPARAMETERS
};
enum {
#define PLACE(key, ...) LOSS_SCALE_##key,
    ADAMW_FILES_LOSS_SCALE(PLACE)
#undef PLACE
        LOSS_SCALE
};
enum {
    TENSORS = ADAMW_FILES_STREAM_COUNT + 1 + HYPERPARAMETERS, /* of a parameter; the 1 is its step */
    SEED_SIZE = 24
};

/* What a parameter's small tensors point to. */
typedef struct scalars {
    adamw_files_hyperparameters config;
    int64_t step;
    uint64_t n; /* the size of its only dimension, where it has no place or is a piece */
} scalars;

typedef struct list {
    adamw_file_tensor *tensors;
    adamw_file_entry *entries;
    size_t count, entry_count;
    char *text; /* all names and values that are made here, each terminated */
    size_t used, room;
} list;

/* Room was counted before: adamw_files_place() and the names bound each text. */
ADAMW_FORMAT(2, 3) static char *text_of(list *l, const char *format, ...)
{
    char *const text = l->text + l->used;
    va_list arguments;
    va_start(arguments, format);
    const int length = vsnprintf(text, l->room - l->used, format, arguments);
    va_end(arguments);
    l->used += (size_t)length + 1;
    return text;
}

static void add(list *l, const char *name, adamw_file_dtype dtype, size_t rank, const uint64_t *shape, void *data)
{
    l->tensors[l->count++] = (adamw_file_tensor){name, dtype, rank, shape, data, 0};
}

static void read_config(scalars *s, const adamw_config *c)
{
    s->config = (adamw_files_hyperparameters){.lr = {c->lr},
                                              .betas = {c->beta1, c->beta2},
                                              .eps = {c->eps},
                                              .weight_decay = {c->weight_decay},
                                              .amsgrad = {c->amsgrad},
                                              .maximize = {c->maximize},
                                              .decoupled_weight_decay = {c->decay == ADAMW_DECAY_DECOUPLED},
                                              .arithmetic = {(uint8_t)c->arithmetic},
                                              .bias_correction = {c->bias_correction},
                                              .rounding = {(uint8_t)c->rounding}};
}

static void add_streams(list *l, const adamw_state *state, size_t i, scalars *s, uint64_t whole, uint64_t first)
{
    const adamw_tensor *const t = &state->tensors[i];
    const adamw_state_place *const place = state->places != NULL ? &state->places[i] : NULL;
    const bool cut = place != NULL && t->n < whole;
    s->n = t->n;
    for (int which = 0; which < ADAMW_FILES_STREAM_COUNT; which++) {
        const adamw_files_stream stream = adamw_files_stream_of(t, which);
        const char *const before = adamw_files_stream_before[which], *const behind = adamw_files_stream_behind[which];
        if (stream.data == NULL || (which == ADAMW_FILES_STREAM_param && !state->with_params) || (cut && t->n == 0))
            continue;
        char *const base = text_of(l, "%s%s%s", before, state->names[i], behind);
        if (!cut) {
            add(l, base, stream.dtype, place != NULL ? place->rank : 1, place != NULL ? place->shape : &s->n,
                stream.data);
            continue;
        }
        add(l, text_of(l, "%s[%" PRIu64 ":%" PRIu64 "]", base, first, first + t->n), stream.dtype, 1, &s->n,
            stream.data);
        const char *const key = text_of(l, ADAMW_FILES_SHAPE_KEY "%s", base);
        const char *const value = l->text + l->used;
        for (size_t k = 0; k < place->rank; k++) {
            text_of(l, k > 0 ? ",%" PRIu64 : "%" PRIu64, place->shape[k]);
            l->used -= k + 1 < place->rank; /* the next size follows at the terminating zero's place */
        }
        l->entries[l->entry_count++] = (adamw_file_entry){key, value};
    }
}

static void add_scalars(list *l, const char *name, scalars *s)
{
    static const uint64_t sizes[] = {1, 2};
    add(l, text_of(l, "state.%s.step", name), ADAMW_FILE_I64, 0, NULL, &s->step);
#define ADD(key, type, values)                                                                                       \
    add(l, text_of(l, "param_groups.%s." #key, name), ADAMW_FILE_##type, (values) > 1, sizes + ((values) > 1),       \
        s->config.key);
    ADAMW_FILES_HYPERPARAMETERS(ADD)
#undef ADD
}

static adamw_status fill(list *l, scalars *values, const adamw_state *state, const adamw_files_sentence *to)
{
    for (size_t i = 0; i < state->count; i++) {
        const adamw_tensor *const t = &state->tensors[i];
        const adamw_config *const config = t->config != NULL ? t->config : state->config;
        const uint64_t step = t->step != 0 ? t->step : state->step;
        uint64_t whole, first;
        const adamw_status status = adamw_files_place(state, i, &whole, &first, to);
        if (status != ADAMW_OK)
            return status;
        if (config == NULL)
            return INVALID("tensors[%zu], '%s': neither it nor the state has a config", i, SHOWN(state->names[i]));
        if (step > INT64_MAX)
            return INVALID("tensors[%zu], '%s': step is %" PRIu64 ": it must be below 2^63", i,
                           SHOWN(state->names[i]), step);
        values[i].step = (int64_t)step;
        read_config(&values[i], config);
        add_streams(l, state, i, &values[i], whole, first);
        /* Of shards, the one with the first value has what there is once for a parameter. */
        if (first == 0 && (t->n > 0 || whole == 0))
            add_scalars(l, state->names[i], &values[i]);
    }
    return ADAMW_OK;
}

static adamw_status save(const char *path, list *l, scalars *values, const adamw_state *state,
                         const adamw_files_sentence *to)
{
    char schedule[ADAMW_SCHEDULE_TEXT_SIZE], seed[SEED_SIZE];
    const adamw_status status = fill(l, values, state, to);
    if (status != ADAMW_OK)
        return status;
    snprintf(seed, sizeof seed, "%" PRIu64, state->seed);
    l->entries[l->entry_count++] = (adamw_file_entry){ADAMW_FILES_SEED_KEY, seed};
    if (state->schedule != NULL) {
        adamw_schedule_save(state->schedule, schedule, sizeof schedule);
        l->entries[l->entry_count++] = (adamw_file_entry){ADAMW_FILES_SCHEDULE_KEY, schedule};
    }
    if (state->loss_scale != NULL) {
#define ADD(key, type) add(l, "loss_scale." #key, ADAMW_FILE_##type, 0, NULL, &state->loss_scale->key);
        ADAMW_FILES_LOSS_SCALE(ADD)
#undef ADD
    }
    for (size_t i = 0; i < state->extra_count; i++)
        l->tensors[l->count++] = state->extra[i];
    for (size_t i = 0; i < state->metadata_count; i++)
        l->entries[l->entry_count++] = state->metadata[i];
    return adamw_save(path, l->tensors, l->count, l->entries, l->entry_count, to->buffer, to->size);
}

/* Names of the caller that would be taken for the state. What else is wrong with them adamw_save() tells. */
static adamw_status check_extra(const adamw_state *state, const adamw_files_sentence *to)
{
    if (state->extra == NULL && state->extra_count > 0)
        return INVALID("extra is NULL: it must have %zu entries", state->extra_count);
    if (state->metadata == NULL && state->metadata_count > 0)
        return INVALID("metadata is NULL: it must have %zu entries", state->metadata_count);
    for (size_t i = 0; i < state->extra_count; i++)
        if (state->extra[i].name != NULL && strncmp(state->extra[i].name, "state.", 6) == 0)
            return INVALID("extra[%zu].name is '%s': names that begin with 'state.' are the state's own", i,
                           SHOWN(state->extra[i].name));
    for (size_t i = 0; i < state->metadata_count; i++)
        if (state->metadata[i].key != NULL && strncmp(state->metadata[i].key, "adamw.", 6) == 0)
            return INVALID("metadata[%zu].key is '%s': keys that begin with 'adamw.' are the library's own", i,
                           SHOWN(state->metadata[i].key));
    return ADAMW_OK;
}

adamw_status adamw_save_state(const char *path, const adamw_state *state, char *sentence, size_t size)
{
    const adamw_files_sentence sentence_to = {sentence, size}, *const to = &sentence_to;
    adamw_status status = adamw_files_check_state(state, to);
    if (status == ADAMW_OK)
        status = check_extra(state, to);
    if (status != ADAMW_OK)
        return status;
    size_t room = 1;
    for (size_t i = 0; i < state->count; i++) {
        const size_t rank = state->places != NULL ? state->places[i].rank : 0;
        /* A stream has at most its name three times, a range and a shape; no number is longer than 20 digits. */
        room +=
            ADAMW_FILES_STREAM_COUNT * (3 * (strlen(state->names[i]) + 32) + 64 +
                                        21 * (rank < ADAMW_FILES_LONGEST_RANK ? rank : ADAMW_FILES_LONGEST_RANK)) +
            (1 + HYPERPARAMETERS) * (strlen(state->names[i]) + 64);
    }
    list l = {.tensors = calloc(state->count * TENSORS + LOSS_SCALE + state->extra_count, sizeof(adamw_file_tensor)),
              .entries = calloc(state->count * ADAMW_FILES_STREAM_COUNT + 2 + state->metadata_count,
                                sizeof(adamw_file_entry)),
              .text = malloc(room),
              .room = room};
    scalars *const values = calloc(state->count + 1, sizeof *values);
    if (l.tensors != NULL && l.entries != NULL && l.text != NULL && values != NULL)
        status = save(path, &l, values, state, to);
    else
        status = adamw_files_no_memory(to);
    free(l.tensors);
    free(l.entries);
    free(l.text);
    free(values);
    return status;
}

#endif
