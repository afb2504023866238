/*
 * avx2.h - the vocabulary (README.md) for x86-64 with AVX2 and FMA: eight lanes.
 */
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include <immintrin.h>

#include "roots.h"

ADAMW_TARGET_BEGIN("avx2,fma,f16c")

typedef __m256 vfloat;
enum { LANES = 8, BUNDLE_MOST = 4 };
/*
 * Slow divider: every other root on the FMA units, 1.3 times the rate of a step in the second-level cache (Emerald
 * Rapids); a longer bundle would not fit the 16 registers. Quick divider: none, and four vectors at a time, so that
 * roots and quotients come in groups: 1.13 times the rate of the other mix at 4K values, 1.20 at 64K and 1M (Zen 3;
 * one root of 4 on the FMA units 1.10, 1.10, 1.08, of 5 1.11, 1.15, 1.13, of 3 1.03, 1.07, 1.09).
 */
static const root_mix root_mixes[ADAMW_ROOTS_COUNT] = {
    [ADAMW_ROOTS_FMA] = {.bundle = 2, .by_fma = 1},
    [ADAMW_ROOTS_DIVIDER] = {.bundle = 4},
};

ADAMW_INLINE vfloat v_set(float x) { return _mm256_set1_ps(x); }

ADAMW_INLINE vfloat v_load(const void *from)
{
    vfloat x = _mm256_loadu_ps((const float *)from);
    __asm__("" : "+x"(x)); /* keeps gcc from loading it again in every operation: 2.6 % in cache */
    return x;
}
ADAMW_INLINE void v_store(void *to, vfloat x) { _mm256_storeu_ps((float *)to, x); }

ADAMW_INLINE __m256i first_lanes(size_t n)
{
    return _mm256_cmpgt_epi32(_mm256_set1_epi32((int)n), _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7));
}
ADAMW_INLINE vfloat v_load_tail(const void *from, size_t n)
{
    return _mm256_maskload_ps((const float *)from, first_lanes(n));
}
ADAMW_INLINE void v_store_tail(void *to, size_t n, vfloat x) { _mm256_maskstore_ps((float *)to, first_lanes(n), x); }

ADAMW_INLINE vfloat v_tail_or_one(vfloat x, size_t n)
{
    return _mm256_blendv_ps(v_set(1), x, _mm256_castsi256_ps(first_lanes(n)));
}

ADAMW_INLINE vfloat v_add(vfloat a, vfloat b) { return _mm256_add_ps(a, b); }
ADAMW_INLINE vfloat v_sub(vfloat a, vfloat b) { return _mm256_sub_ps(a, b); }
ADAMW_INLINE vfloat v_mul(vfloat a, vfloat b) { return _mm256_mul_ps(a, b); }
ADAMW_INLINE vfloat v_div(vfloat a, vfloat b) { return _mm256_div_ps(a, b); }
ADAMW_INLINE vfloat v_sqrt(vfloat a) { return _mm256_sqrt_ps(a); }
ADAMW_INLINE vfloat v_fma(vfloat a, vfloat b, vfloat c) { return _mm256_fmadd_ps(a, b, c); }
ADAMW_INLINE vfloat v_fms(vfloat a, vfloat b, vfloat c) { return _mm256_fmsub_ps(a, b, c); }
ADAMW_INLINE vfloat v_fnma(vfloat a, vfloat b, vfloat c) { return _mm256_fnmadd_ps(a, b, c); }
/* "Not less or equal" is true for a greater one and for a NaN on either side; a NaN in b alone must stay, so a second
 * comparison is needed. */
ADAMW_INLINE vfloat v_max_or_nan(vfloat a, vfloat b)
{
    vfloat take_a = _mm256_or_ps(_mm256_cmp_ps(a, b, _CMP_GT_OQ), _mm256_cmp_ps(a, a, _CMP_UNORD_Q));
    return _mm256_blendv_ps(b, a, take_a);
}

/*
 * The root without the divider, from an estimate of its reciprocal within 1.5 * 2^-12, which is all that rsqrtps
 * promises: one step of third order for the reciprocal, then the root s and one correction by the exact residual
 * x - s*s. Correctly rounded to nearest from every such estimate (tests/checks/bundles.c), which refining
 * root and reciprocal side by side, as in avx512.h, would not be.
 */
ADAMW_INLINE vfloat sqrt_from(vfloat x, vfloat estimate)
{
    const vfloat error = v_fnma(v_mul(x, estimate), estimate, v_set(1));
    const vfloat step = v_mul(error, v_fma(error, v_set(0.375f), v_set(0.5f)));
    const vfloat reciprocal = v_fma(estimate, step, estimate), s = v_mul(x, reciprocal);
    return v_fma(v_fnma(s, s, x), v_mul(v_set(0.5f), reciprocal), s);
}

/* Many second moments are zero: with 0 as its estimate, a zero comes out as itself. */
ADAMW_INLINE __m256i is_zero(vfloat x) { return _mm256_cmpeq_epi32(_mm256_castps_si256(x), _mm256_setzero_si256()); }
/* Bit 30 is set where x is not 0 and |x| lies outside [2^-90, 2^38), as integers: that is half of all exponents. From
 * 2^-102 down the residual would be inexact. */
ADAMW_INLINE __m256i outside_fma_range(vfloat x)
{
    const int low = 0x12800000; /* the bits of 2^-90 */
    return _mm256_andnot_si256(is_zero(x), _mm256_sub_epi32(_mm256_castps_si256(x), _mm256_set1_epi32(low)));
}

/*
 * The divider is what bounds a step in cache: it serves the quotient and, in v_sqrt(), the root, in 11 cycles a
 * vector (Emerald Rapids).
 */
ADAMW_INLINE void v_sqrt_bundle(vfloat *x, const root_mix mix)
{
    __m256i outside = _mm256_setzero_si256();
    ADAMW_UNROLL
    for (int i = 0; i < mix.by_fma; i++)
        outside = _mm256_or_si256(outside, outside_fma_range(x[i]));
    const bool by_fma = _mm256_testz_si256(outside, _mm256_set1_epi32(1 << 30));
    ADAMW_UNROLL
    for (int i = 0; i < mix.bundle; i++)
        if (i < mix.by_fma && __builtin_expect(by_fma, true))
            x[i] = sqrt_from(x[i], _mm256_andnot_ps(_mm256_castsi256_ps(is_zero(x[i])), _mm256_rsqrt_ps(x[i])));
        else
            x[i] = v_sqrt(x[i]);
}

/*
 * The quotient by a divisor that a whole step shares, without the divider: the product with the rounded reciprocal
 * and one correction by the residual, a form that is correctly rounded to nearest for every divisor (ARITHMETIC.md).
 * For an infinity the residual would be NaN; the hardware's minimum then gives its second operand, and the infinity
 * stays.
 */
ADAMW_INLINE vfloat v_div_by(vfloat a, vfloat d, vfloat reciprocal)
{
    const vfloat q = v_mul(a, reciprocal), beyond = v_fms(q, d, a);
    return v_fnma(_mm256_min_ps(beyond, v_set(0x1p64f)), reciprocal, q);
}

ADAMW_INLINE vfloat v_abs(vfloat a) { return _mm256_andnot_ps(v_set(-0.0f), a); }
/* The hardware's own minimum and maximum give their second operand for a NaN: here that is a. */
ADAMW_INLINE vfloat v_clamp(vfloat a, vfloat limit)
{
    return _mm256_min_ps(limit, _mm256_max_ps(_mm256_xor_ps(v_set(-0.0f), limit), a));
}

/* Eight half-width values pass through a buffer where there are fewer: AVX2 has no masked access to 16 bits. */
ADAMW_INLINE __m128i load_halves(const void *from, size_t n)
{
    if (n == LANES)
        return _mm_loadu_si128((const __m128i *)from);
    uint16_t whole[LANES] = {0};
    memcpy(whole, from, n * sizeof *whole);
    return _mm_loadu_si128((const __m128i *)whole);
}
ADAMW_INLINE void store_halves(void *to, size_t n, __m128i x)
{
    if (n == LANES) {
        _mm_storeu_si128((__m128i *)to, x);
        return;
    }
    uint16_t whole[LANES];
    _mm_storeu_si128((__m128i *)whole, x);
    memcpy(to, whole, n * sizeof *whole);
}

typedef __m256i vbits;

ADAMW_INLINE vbits b_set(uint32_t x) { return _mm256_set1_epi32((int)x); }
ADAMW_INLINE vbits b_lanes(void) { return _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7); }
ADAMW_INLINE vbits b_add(vbits a, vbits b) { return _mm256_add_epi32(a, b); }
ADAMW_INLINE vbits b_sub(vbits a, vbits b) { return _mm256_sub_epi32(a, b); }
ADAMW_INLINE vbits b_mul(vbits a, vbits b) { return _mm256_mullo_epi32(a, b); }
ADAMW_INLINE vbits b_and(vbits a, vbits b) { return _mm256_and_si256(a, b); }
ADAMW_INLINE vbits b_xor(vbits a, vbits b) { return _mm256_xor_si256(a, b); }
ADAMW_INLINE vbits b_left(vbits a, int n) { return _mm256_slli_epi32(a, n); }
ADAMW_INLINE vbits b_right(vbits a, int n) { return _mm256_srli_epi32(a, n); }
ADAMW_INLINE vbits v_bits(vfloat x) { return _mm256_castps_si256(x); }
ADAMW_INLINE vfloat v_of_bits(vbits x) { return _mm256_castsi256_ps(x); }
ADAMW_INLINE vfloat v_one_nan(vfloat x)
{
    return _mm256_blendv_ps(x, v_of_bits(b_set(0x7FC00000)), _mm256_cmp_ps(x, x, _CMP_UNORD_Q));
}
ADAMW_INLINE vbits b_load16(const void *from, size_t n) { return _mm256_cvtepu16_epi32(load_halves(from, n)); }
ADAMW_INLINE void b_store16(void *to, size_t n, vbits x)
{
    const vbits low = b_and(x, b_set(0xFFFF)); /* packus would clamp what does not fit */
    const __m256i packed = _mm256_permute4x64_epi64(_mm256_packus_epi32(low, low), 0x08);
    store_halves(to, n, _mm256_castsi256_si128(packed));
}

ADAMW_INLINE vfloat v_load_bf16(const void *from, size_t n)
{
    return _mm256_castsi256_ps(_mm256_slli_epi32(_mm256_cvtepu16_epi32(load_halves(from, n)), 16));
}
ADAMW_INLINE void v_store_bf16(void *to, size_t n, vfloat x)
{
    const __m256i bits = _mm256_castps_si256(x);
    const __m256i odd = _mm256_and_si256(_mm256_srli_epi32(bits, 16), _mm256_set1_epi32(1));
    const __m256i up = _mm256_add_epi32(bits, _mm256_add_epi32(odd, _mm256_set1_epi32(0x7FFF)));
    const __m256i is_nan = _mm256_castps_si256(_mm256_cmp_ps(x, x, _CMP_UNORD_Q));
    const __m256i halves = _mm256_srli_epi32(_mm256_blendv_epi8(up, _mm256_set1_epi32(0x7FC00000), is_nan), 16);
    const __m256i packed = _mm256_permute4x64_epi64(_mm256_packus_epi32(halves, halves), 0x08);
    store_halves(to, n, _mm256_castsi256_si128(packed));
}
ADAMW_INLINE vfloat v_load_f16(const void *from, size_t n) { return _mm256_cvtph_ps(load_halves(from, n)); }
ADAMW_INLINE void v_store_f16(void *to, size_t n, vfloat x)
{
    store_halves(to, n, _mm256_cvtps_ph(x, _MM_FROUND_TO_NEAREST_INT));
}

typedef struct vsum {
    __m256d lane[4];
} vsum;

ADAMW_INLINE vsum v_sum_zero(void)
{
    const __m256d zero = _mm256_setzero_pd();
    return (vsum){{zero, zero, zero, zero}};
}
ADAMW_INLINE __m256d add_square(__m256d sum, __m128 x)
{
    const __m256d wide = _mm256_cvtps_pd(x);
    return _mm256_fmadd_pd(wide, wide, sum);
}
ADAMW_INLINE void v_sum_squares(vsum *sum, const vfloat *x)
{
    ADAMW_UNROLL
    for (int i = 0; i < 2; i++) {
        sum->lane[2 * i] = add_square(sum->lane[2 * i], _mm256_castps256_ps128(x[i]));
        sum->lane[2 * i + 1] = add_square(sum->lane[2 * i + 1], _mm256_extractf128_ps(x[i], 1));
    }
}
ADAMW_INLINE void v_sum_store(double *to, const vsum *sum)
{
    for (int i = 0; i < 4; i++)
        _mm256_storeu_pd(to + 4 * i, sum->lane[i]);
}
