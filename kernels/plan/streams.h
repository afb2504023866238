/*
 * streams.h - the one list of the buffers that belong to a tensor. Validation, the tests' buffers and the Python
 * package's table of buffers are made from it.
 */
#ifndef ADAMW_PLAN_STREAMS_H
#define ADAMW_PLAN_STREAMS_H

#include "../body/kernels.h"

/*
 * X(name, size): a member of adamw_tensor that points to n values, and the bytes of one value in the tensor `t`. The
 * update itself reads the first five as float32 (ADAMW_UPDATE_STREAMS in body/kernels.h); stages do the rest.
 */
#define ADAMW_STREAMS(X)                                                                                             \
    X(param, dtype_size(t->param_dtype))                                                                             \
    X(grad, dtype_size(t->grad_dtype))                                                                               \
    X(exp_avg, dtype_size(t->exp_avg_dtype))                                                                         \
    X(exp_avg_sq, dtype_size(t->exp_avg_sq_dtype))                                                                   \
    X(max_exp_avg_sq, dtype_size(t->exp_avg_sq_dtype))                                                               \
    X(param_residual, sizeof(uint16_t))                                                                              \
    X(param_ema, sizeof(float))                                                                                      \
    X(param_copy, dtype_size(t->copy_dtype))

/* Members that no kernel of this version reads: they are refused where they are set. */
#define ADAMW_UNSUPPORTED_STREAMS(X)                                                                                 \
    X(exp_avg_scale)                                                                                                 \
    X(exp_avg_sq_scale)

typedef enum adamw_stream {
#define ADAMW_ENUMERATE(name, size) ADAMW_STREAM_##name,
    ADAMW_STREAMS(ADAMW_ENUMERATE)
#undef ADAMW_ENUMERATE
        ADAMW_STREAM_COUNT
} adamw_stream;

#endif
