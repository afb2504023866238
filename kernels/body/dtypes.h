/*
 * dtypes.h - values of any dtype as vectors of float32, for what reads them once for every ISA. Included after a
 * vocabulary (kernels/vec). No intrinsics here.
 */
#ifndef ADAMW_BODY_DTYPES_H
#define ADAMW_BODY_DTYPES_H

#include "kernels.h"

/* The first n values at `from` (all of a vector where there are more), widened; zeros behind them. */
ADAMW_INLINE vfloat load_as(const char *from, adamw_dtype dtype, size_t n)
{
    if (n == 0)
        return v_set(0);
    if (dtype == ADAMW_DTYPE_BFLOAT16)
        return v_load_bf16(from, n < LANES ? n : LANES);
    if (dtype == ADAMW_DTYPE_FLOAT16)
        return v_load_f16(from, n < LANES ? n : LANES);
    return n < LANES ? v_load_tail(from, n) : v_load(from);
}

/* The dtype becomes a constant, so that each loop is one kind of load. */
#define FOR_DTYPE(dtype, call)                                                                                       \
    switch (dtype) {                                                                                                 \
    case ADAMW_DTYPE_BFLOAT16:                                                                                       \
        call(ADAMW_DTYPE_BFLOAT16);                                                                                  \
        break;                                                                                                       \
    case ADAMW_DTYPE_FLOAT16:                                                                                        \
        call(ADAMW_DTYPE_FLOAT16);                                                                                   \
        break;                                                                                                       \
    default:                                                                                                         \
        call(ADAMW_DTYPE_FLOAT32);                                                                                   \
        break;                                                                                                       \
    }

#endif
