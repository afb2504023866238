/*
 * exact_sum.h - sums of non-negative doubles without any rounding until they are read, so that the order of the
 * terms, and with it the number of threads, never shows. Fixed point: 32 bits of the sum in each 64-bit limb, which
 * leaves room for 2^31 terms. (Kulisch's long accumulator, cut to the range that squares of float32 have.)
 */
#ifndef ADAMW_RUN_EXACT_SUM_H
#define ADAMW_RUN_EXACT_SUM_H

#include "../strict.h"

#include <stdint.h>

/* Limb 0 counts units of 2^-352: below 2^-298, the smallest square, with a block sum's last bits; the top limb ends
 * at 2^352, above 2^41 times the largest square. */
enum { EXACT_SUM_LIMBS = 22, EXACT_SUM_LOWEST = -352 };

typedef struct adamw_exact_sum {
    uint64_t limb[EXACT_SUM_LIMBS];
    double not_finite; /* the sum of the terms that are infinite or NaN; 0 without */
} adamw_exact_sum;

/* `{0}` is the empty sum. x is 0, at least 2^-299, or not finite. */
ADAMW_INTERNAL void adamw_exact_sum_add(adamw_exact_sum *sum, double x);
ADAMW_INTERNAL void adamw_exact_sum_merge(adamw_exact_sum *sum, const adamw_exact_sum *other);
/* As a double, within one ulp of the exact sum, always the same for the same terms. */
ADAMW_INTERNAL double adamw_exact_sum_get(const adamw_exact_sum *sum);

#endif
