/*
 * half.h - bfloat16 and float16 of one value, by integers: rounding to nearest even in every rounding mode, with
 * subnormals, as IEEE 754 has it. The scalar vocabulary's conversions, which every other ISA's equal. A NaN becomes a
 * quiet NaN.
 */
#ifndef ADAMW_VEC_HALF_H
#define ADAMW_VEC_HALF_H

#include "../strict.h"

#include <stdint.h>
#include <string.h>

ADAMW_INLINE uint32_t float_bits(float x)
{
    uint32_t bits;
    memcpy(&bits, &x, sizeof bits);
    return bits;
}

ADAMW_INLINE float float_from_bits(uint32_t bits)
{
    float x;
    memcpy(&x, &bits, sizeof x);
    return x;
}

/* `bits` without its last `drop` bits, to nearest even. */
ADAMW_INLINE uint32_t round_off(uint32_t bits, unsigned drop)
{
    return (bits + (1u << (drop - 1)) - 1 + (bits >> drop & 1)) >> drop;
}

ADAMW_INLINE float widen_bf16(uint16_t half) { return float_from_bits((uint32_t)half << 16); }

ADAMW_INLINE uint16_t narrow_bf16(float x) { return x != x ? 0x7FC0 : (uint16_t)round_off(float_bits(x), 16); }

ADAMW_INLINE float widen_f16(uint16_t half)
{
    const uint32_t sign = (uint32_t)(half & 0x8000) << 16, rest = half & 0x7FFF;
    if (rest < 0x0400) { /* zero or subnormal: so many 2^-24, which float32 holds exactly */
        const uint32_t magnitude = float_bits((float)rest * 0x1p-24f);
        return float_from_bits(sign | magnitude);
    }
    if (rest >= 0x7C00) /* infinity, or NaN made quiet */
        return float_from_bits(sign | 0x7F800000 | (rest & 0x3FF) << 13 | (rest > 0x7C00 ? 0x00400000 : 0));
    return float_from_bits(sign | ((rest << 13) + ((127u - 15) << 23)));
}

ADAMW_INLINE uint16_t narrow_f16(float x)
{
    const uint32_t bits = float_bits(x), sign = bits >> 16 & 0x8000, rest = bits & 0x7FFFFFFF;
    if (rest > 0x7F800000)
        return (uint16_t)(sign | 0x7E00);
    if (rest >= 0x477FF000) /* 65520 and above round to infinity */
        return (uint16_t)(sign | 0x7C00);
    if (rest >= 0x38800000) /* normal in float16: from 2^-14; a carry moves into the exponent as it should */
        return (uint16_t)(sign | (round_off(rest, 13) - ((127u - 15) << 10)));
    if (rest < 0x33000000) /* below half of the smallest subnormal */
        return (uint16_t)sign;
    const uint32_t exponent = rest >> 23; /* 102 to 112: the mantissa in units of 2^-24, 2^(exponent - 126) wide */
    return (uint16_t)(sign | round_off((rest & 0x7FFFFF) | 0x800000, 126 - exponent));
}

#endif
