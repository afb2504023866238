/*
 * state.h - the names and places of what a run's state has: shared by save_state.c and load_state.c, so that both
 * walk the same lists. A new stream or hyperparameter is a line here.
 */
#ifndef ADAMW_FILES_STATE_H
#define ADAMW_FILES_STATE_H

#include "files.h"

#if defined(ADAMW_POSIX)

/* The buffers of adamw_tensor that are saved, as torch.distributed.checkpoint flattens their names: those of
 * plan/streams.h but the gradient and the copy, which the check files_state compares. */
#define ADAMW_FILES_STREAMS(X)                                                                                       \
    X(param, "", "")                                                                                                 \
    X(exp_avg, "state.", ".exp_avg")                                                                                 \
    X(exp_avg_sq, "state.", ".exp_avg_sq")                                                                           \
    X(max_exp_avg_sq, "state.", ".max_exp_avg_sq")                                                                   \
    X(param_residual, "state.", ".param_residual")                                                                   \
    X(param_ema, "state.", ".param_ema")

enum {
#define STREAM(member, before, behind) ADAMW_FILES_STREAM_##member,
    ADAMW_FILES_STREAMS(STREAM)
#undef STREAM
        ADAMW_FILES_STREAM_COUNT
};

/* The hyperparameters, "param_groups.NAME.KEY": X(key, dtype, values, what gets them of a config c, and sets them).
 * Names, order and meaning are torch's, but for the last three, which torch has not. */
#define ADAMW_FILES_HYPERPARAMETERS(X)                                                                               \
    X(lr, F64, 1)                                                                                                    \
    X(betas, F64, 2)                                                                                                 \
    X(eps, F64, 1)                                                                                                   \
    X(weight_decay, F64, 1)                                                                                          \
    X(amsgrad, BOOL, 1)                                                                                              \
    X(maximize, BOOL, 1)                                                                                             \
    X(decoupled_weight_decay, BOOL, 1)                                                                               \
    X(arithmetic, U8, 1)                                                                                             \
    X(bias_correction, BOOL, 1)                                                                                      \
    X(rounding, U8, 1)

/* A config as the file has it, and back. */
typedef struct adamw_files_hyperparameters {
    double lr[1], betas[2], eps[1], weight_decay[1];
    uint8_t amsgrad[1], maximize[1], decoupled_weight_decay[1], arithmetic[1], bias_correction[1], rounding[1];
} adamw_files_hyperparameters;

/* The loss scale's tensors, "loss_scale.KEY". */
#define ADAMW_FILES_LOSS_SCALE(X)                                                                                    \
    X(scale, F64)                                                                                                    \
    X(growth_factor, F64)                                                                                            \
    X(backoff_factor, F64)                                                                                           \
    X(min_scale, F64)                                                                                                \
    X(growth_interval, I32)                                                                                          \
    X(growth_tracker, I32)

#define ADAMW_FILES_SCHEDULE_KEY "adamw.schedule"
#define ADAMW_FILES_SEED_KEY "adamw.seed"

typedef struct adamw_files_stream {
    void *data; /* NULL: the tensor does not have it */
    adamw_file_dtype dtype;
} adamw_files_stream;

static inline adamw_file_dtype adamw_files_dtype_of(adamw_dtype dtype)
{
    return dtype == ADAMW_DTYPE_BFLOAT16  ? ADAMW_FILE_BF16
           : dtype == ADAMW_DTYPE_FLOAT16 ? ADAMW_FILE_F16
                                          : ADAMW_FILE_F32;
}

/* The stream `which` of a tensor. */
ADAMW_INTERNAL adamw_files_stream adamw_files_stream_of(const adamw_tensor *tensor, int which);
ADAMW_INTERNAL extern const char *const adamw_files_stream_before[ADAMW_FILES_STREAM_COUNT];
ADAMW_INTERNAL extern const char *const adamw_files_stream_behind[ADAMW_FILES_STREAM_COUNT];

/* The values of tensor i's whole parameter, and where its own begin: refuses places that do not fit. */
ADAMW_INTERNAL adamw_status adamw_files_place(const adamw_state *state, size_t i, uint64_t *whole, uint64_t *first,
                                              const adamw_files_sentence *to);
/* What both directions refuse: NULL, missing names, dtypes. */
ADAMW_INTERNAL adamw_status adamw_files_check_state(const adamw_state *state, const adamw_files_sentence *to);

#endif

#endif
