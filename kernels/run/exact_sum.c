/*
 * exact_sum.c - see exact_sum.h.
 */
#include "exact_sum.h"

#include <assert.h>
#include <math.h>
#include <string.h>

void adamw_exact_sum_add(adamw_exact_sum *sum, double x)
{
    if (!isfinite(x)) {
        sum->not_finite += x;
        return;
    }
    uint64_t bits;
    memcpy(&bits, &x, sizeof bits);
    if (bits == 0)
        return;
    const uint64_t mantissa = (bits & ((UINT64_C(1) << 52) - 1)) | UINT64_C(1) << 52;
    /* x = mantissa * 2^(place + EXACT_SUM_LOWEST); below 0 it would be far too large for the assertion too */
    const unsigned place = (unsigned)(bits >> 52) - (1075 + EXACT_SUM_LOWEST), limb = place / 32, shift = place % 32;
    assert(limb + 2 < EXACT_SUM_LIMBS);
    const uint64_t low = (mantissa & UINT32_MAX) << shift, high = (mantissa >> 32) << shift;
    sum->limb[limb] += low & UINT32_MAX;
    sum->limb[limb + 1] += (low >> 32) + (high & UINT32_MAX);
    sum->limb[limb + 2] += high >> 32;
}

void adamw_exact_sum_merge(adamw_exact_sum *sum, const adamw_exact_sum *other)
{
    for (int i = 0; i < EXACT_SUM_LIMBS; i++)
        sum->limb[i] += other->limb[i];
    sum->not_finite += other->not_finite;
}

double adamw_exact_sum_get(const adamw_exact_sum *sum)
{
    if (sum->not_finite != 0) /* also true of NaN */
        return sum->not_finite;
    /* With the carries done the limbs are the same whatever the order of the terms was. From the lowest up, all but
     * the last two additions are far below the result's last bit. */
    double total = 0;
    uint64_t carry = 0;
    for (int i = 0; i < EXACT_SUM_LIMBS; i++) {
        carry += sum->limb[i];
        if ((carry & UINT32_MAX) != 0)
            total += ldexp((double)(carry & UINT32_MAX), 32 * i + EXACT_SUM_LOWEST);
        carry >>= 32;
    }
    return total;
}
