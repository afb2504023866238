/*
 * state_streams.c - what saving and loading a run's state have in common: which buffer is which stream, where a tensor
 * lies in its parameter, and what is wrong with the caller's struct.
 */
#include "state.h"

#if defined(ADAMW_POSIX)

#include <inttypes.h>
#include <string.h>

#define INVALID(...) adamw_files_fail(to, ADAMW_ERROR_INVALID_ARGUMENT, __VA_ARGS__)

const char *const adamw_files_stream_before[ADAMW_FILES_STREAM_COUNT] = {
#define BEFORE(member, before, behind) before,
    ADAMW_FILES_STREAMS(BEFORE)};
const char *const adamw_files_stream_behind[ADAMW_FILES_STREAM_COUNT] = {
#define BEHIND(member, before, behind) behind,
    ADAMW_FILES_STREAMS(BEHIND)};

adamw_files_stream adamw_files_stream_of(const adamw_tensor *t, int which)
{
    switch (which) {
    case ADAMW_FILES_STREAM_param:
        return (adamw_files_stream){t->param, adamw_files_dtype_of(t->param_dtype)};
    case ADAMW_FILES_STREAM_exp_avg:
        return (adamw_files_stream){t->exp_avg, adamw_files_dtype_of(t->exp_avg_dtype)};
    case ADAMW_FILES_STREAM_exp_avg_sq:
        return (adamw_files_stream){t->exp_avg_sq, adamw_files_dtype_of(t->exp_avg_sq_dtype)};
    case ADAMW_FILES_STREAM_max_exp_avg_sq:
        return (adamw_files_stream){t->max_exp_avg_sq, adamw_files_dtype_of(t->exp_avg_sq_dtype)};
    case ADAMW_FILES_STREAM_param_residual:
        return (adamw_files_stream){t->param_residual, ADAMW_FILE_I16};
    default:
        return (adamw_files_stream){t->param_ema, ADAMW_FILE_F32};
    }
}

adamw_status adamw_files_place(const adamw_state *state, size_t i, uint64_t *whole, uint64_t *first,
                               const adamw_files_sentence *to)
{
    const uint64_t n = state->tensors[i].n;
    uint64_t bytes;
    *whole = n;
    *first = 0;
    if (state->places == NULL)
        return ADAMW_OK;
    const adamw_state_place *const place = &state->places[i];
    if (place->rank > ADAMW_FILES_LONGEST_RANK || (place->rank > 0 && place->shape == NULL))
        return INVALID("places[%zu], '%s': rank is %zu: it must be at most %d, and shape must have that many sizes",
                       i, SHOWN(state->names[i]), place->rank, ADAMW_FILES_LONGEST_RANK);
    if (!adamw_files_size_of(ADAMW_FILE_F64, place->shape, place->rank, whole, &bytes))
        return INVALID("places[%zu], '%s': the shape is larger than the address space", i, SHOWN(state->names[i]));
    *first = place->first;
    if (place->first > *whole || n > *whole - place->first)
        return INVALID("places[%zu], '%s': n is %" PRIu64 " from %" PRIu64 " on, but the shape has %" PRIu64
                       " values",
                       i, SHOWN(state->names[i]), n, place->first, *whole);
    return ADAMW_OK;
}

adamw_status adamw_files_check_state(const adamw_state *state, const adamw_files_sentence *to)
{
    if (state == NULL)
        return INVALID("state is NULL: it must be the state of a run");
    if (state->count > 0 && (state->names == NULL || state->tensors == NULL))
        return INVALID("%s is NULL: it must have %zu entries", state->names == NULL ? "names" : "tensors",
                       state->count);
    for (size_t i = 0; i < state->count; i++) {
        const adamw_tensor *const t = &state->tensors[i];
        if (state->names[i] == NULL || state->names[i][0] == '\0')
            return INVALID("names[%zu] is %s: every parameter must have a name", i,
                           state->names[i] == NULL ? "NULL" : "empty");
        if ((unsigned)t->param_dtype > ADAMW_DTYPE_FLOAT16 || (unsigned)t->exp_avg_dtype > ADAMW_DTYPE_FLOAT16 ||
            (unsigned)t->exp_avg_sq_dtype > ADAMW_DTYPE_FLOAT16)
            return INVALID("tensors[%zu], '%s': a dtype is no adamw_dtype", i, SHOWN(state->names[i]));
        if (t->n > 0 && ((state->with_params && t->param == NULL) || t->exp_avg_sq == NULL))
            return INVALID("tensors[%zu], '%s': %s is NULL", i, SHOWN(state->names[i]),
                           t->exp_avg_sq == NULL ? "exp_avg_sq" : "param");
    }
    return ADAMW_OK;
}

#endif
