/*
 * fused.h - fmaf for plain C: the platform's where that is known to be one rounding, otherwise one made of double's
 * operations. mingw's rounds twice: 24 % of a million results for operands below 1 are wrong. Whether the kernels' fmaf
 * is right is tested when the program runs (dispatch/known_answer.c).
 */
#ifndef ADAMW_VEC_FUSED_H
#define ADAMW_VEC_FUSED_H

#include "../strict.h"

#include <math.h>
#include <stdint.h>
#include <string.h>

/*
 * The product of two floats is exact in double. The sum is rounded to odd: where it is inexact and even, its neighbour
 * on the other side of the exact sum is taken, so that the rounding to float decides as it would for the exact sum
 * (Boldo and Melquiond, "Emulation of FMA and correctly rounded sums", 2008). In every rounding mode.
 */
__attribute__((unused)) static inline float adamw_fmaf_in_double(float a, float b, float c)
{
    const double product = (double)a * b;
    double sum = product + c;
    const double added = sum - product;
    const double lost = (product - (sum - added)) + (c - added); /* NaN where the sum is not finite */
    uint64_t bits;
    memcpy(&bits, &sum, sizeof bits);
    if ((lost > 0 || lost < 0) && bits % 2 == 0) {
        bits += (lost > 0) == (sum > 0) ? 1 : UINT64_MAX; /* away from zero, or towards it */
        memcpy(&sum, &bits, sizeof sum);
    }
    return (float)sum;
}

#if defined(_WIN32)
static inline float adamw_fmaf(float a, float b, float c) { return adamw_fmaf_in_double(a, b, c); }
#else
static inline float adamw_fmaf(float a, float b, float c) { return fmaf(a, b, c); }
#endif

#endif
