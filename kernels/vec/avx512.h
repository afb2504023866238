/*
 * avx512.h - the vocabulary (README.md) for x86-64 with AVX-512F: sixteen lanes.
 */
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include <immintrin.h>

#include "roots.h"

ADAMW_TARGET_BEGIN("avx512f")

typedef __m512 vfloat;
enum { LANES = 16, BUNDLE_MOST = 5 };
/* Slow divider: four of five roots on the FMA units, overlapped. Quick divider: one of three (Zen 5, 4K values: 1.38
 * times the rate of the other mix; 2 of 7 would be 1.43 times it, but needs twice the code and more registers). */
static const root_mix root_mixes[ADAMW_ROOTS_COUNT] = {
    [ADAMW_ROOTS_FMA] = {.bundle = 5, .by_fma = 4, .overlap = true},
    [ADAMW_ROOTS_DIVIDER] = {.bundle = 3, .by_fma = 1},
};

ADAMW_INLINE vfloat v_set(float x) { return _mm512_set1_ps(x); }

ADAMW_INLINE vfloat v_load(const void *from) { return _mm512_loadu_ps(from); }
ADAMW_INLINE void v_store(void *to, vfloat x) { _mm512_storeu_ps(to, x); }

ADAMW_INLINE __mmask16 first_lanes(size_t n) { return (__mmask16)((1u << n) - 1u); }
ADAMW_INLINE vfloat v_load_tail(const void *from, size_t n) { return _mm512_maskz_loadu_ps(first_lanes(n), from); }
ADAMW_INLINE void v_store_tail(void *to, size_t n, vfloat x) { _mm512_mask_storeu_ps(to, first_lanes(n), x); }

ADAMW_INLINE vfloat v_tail_or_one(vfloat x, size_t n) { return _mm512_mask_blend_ps(first_lanes(n), v_set(1), x); }

ADAMW_INLINE vfloat v_add(vfloat a, vfloat b) { return _mm512_add_ps(a, b); }
ADAMW_INLINE vfloat v_sub(vfloat a, vfloat b) { return _mm512_sub_ps(a, b); }
ADAMW_INLINE vfloat v_mul(vfloat a, vfloat b) { return _mm512_mul_ps(a, b); }
ADAMW_INLINE vfloat v_div(vfloat a, vfloat b) { return _mm512_div_ps(a, b); }
ADAMW_INLINE vfloat v_sqrt(vfloat a) { return _mm512_sqrt_ps(a); }
ADAMW_INLINE vfloat v_fma(vfloat a, vfloat b, vfloat c) { return _mm512_fmadd_ps(a, b, c); }
ADAMW_INLINE vfloat v_fms(vfloat a, vfloat b, vfloat c) { return _mm512_fmsub_ps(a, b, c); }
ADAMW_INLINE vfloat v_fnma(vfloat a, vfloat b, vfloat c) { return _mm512_fnmadd_ps(a, b, c); }
ADAMW_INLINE vfloat v_max_or_nan(vfloat a, vfloat b)
{
    __mmask16 take_a = _mm512_cmp_ps_mask(a, b, _CMP_GT_OQ) | _mm512_cmp_ps_mask(a, a, _CMP_UNORD_Q);
    return _mm512_mask_blend_ps(take_a, b, a);
}

/*
 * The root without the divider, from an estimate of its reciprocal within 2^-14: one Newton step for the root s and
 * for half its reciprocal h, one correction by the exact residual x - s*s. Correctly rounded to nearest from every
 * such estimate (tests/checks/bundles.c).
 */
ADAMW_INLINE vfloat sqrt_from(vfloat x, vfloat estimate)
{
    const vfloat half = v_set(0.5f);
    vfloat s = v_mul(x, estimate), h = v_mul(half, estimate);
    const vfloat error = v_fnma(s, h, half);
    s = v_fma(s, error, s);
    h = v_fma(h, error, h);
    return v_fma(v_fnma(s, s, x), h, s);
}

/* Many second moments are zero: with 0 as its estimate, a zero comes out as itself. */
ADAMW_INLINE __mmask16 not_zero(vfloat x)
{
    return _mm512_test_epi32_mask(_mm512_castps_si512(x), _mm512_set1_epi32(INT32_MAX));
}
/* Bit 30 is set where x is not 0 and |x| lies outside [2^-90, 2^38), as integers: that is half of all exponents. From
 * 2^-102 down the residual would be inexact. */
ADAMW_INLINE __m512i outside_fma_range(vfloat x)
{
    const int low = 0x12800000; /* the bits of 2^-90 */
    return _mm512_maskz_sub_epi32(not_zero(x), _mm512_castps_si512(x), _mm512_set1_epi32(low));
}

/*
 * The divider is what bounds a step in cache: it serves every quotient and, in v_sqrt(), every root, in 22 cycles a
 * vector (Emerald Rapids). Roots go to the FMA units instead as the mix has it; these have no room for quotients by
 * anything but a constant. bench/README.md has the figures.
 */
ADAMW_INLINE void v_sqrt_bundle(vfloat *x, const root_mix mix)
{
    __m512i outside = _mm512_setzero_si512();
    ADAMW_UNROLL
    for (int i = 0; i < mix.by_fma; i++)
        outside = _mm512_or_si512(outside, outside_fma_range(x[i]));
    const bool by_fma = _mm512_test_epi32_mask(outside, _mm512_set1_epi32(1 << 30)) == 0;
    ADAMW_UNROLL
    for (int i = mix.bundle - 1; i >= 0; i--) /* the divider's first: it takes longest */
        if (i < mix.by_fma && __builtin_expect(by_fma, true))
            x[i] = sqrt_from(x[i], _mm512_maskz_rsqrt14_ps(not_zero(x[i]), x[i]));
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
    return v_fnma(_mm512_min_ps(beyond, v_set(0x1p64f)), reciprocal, q);
}

ADAMW_INLINE vfloat v_abs(vfloat a) { return _mm512_abs_ps(a); }
/* The hardware's own minimum and maximum give their second operand for a NaN: here that is a. */
ADAMW_INLINE vfloat v_clamp(vfloat a, vfloat limit)
{
    const __m512i minus = _mm512_xor_si512(_mm512_castps_si512(limit), _mm512_set1_epi32(INT32_MIN));
    return _mm512_min_ps(limit, _mm512_max_ps(_mm512_castsi512_ps(minus), a));
}

/* Sixteen half-width values pass through a buffer where there are fewer: AVX-512F masks no 16-bit access. */
ADAMW_INLINE __m256i load_halves(const void *from, size_t n)
{
    if (n == LANES)
        return _mm256_loadu_si256((const __m256i *)from);
    uint16_t whole[LANES] = {0};
    memcpy(whole, from, n * sizeof *whole);
    return _mm256_loadu_si256((const __m256i *)whole);
}
ADAMW_INLINE void store_halves(void *to, size_t n, __m256i x)
{
    if (n == LANES) {
        _mm256_storeu_si256((__m256i *)to, x);
        return;
    }
    uint16_t whole[LANES];
    _mm256_storeu_si256((__m256i *)whole, x);
    memcpy(to, whole, n * sizeof *whole);
}

typedef __m512i vbits;

ADAMW_INLINE vbits b_set(uint32_t x) { return _mm512_set1_epi32((int)x); }
ADAMW_INLINE vbits b_lanes(void)
{
    static const uint32_t lanes[LANES] = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15};
    return _mm512_loadu_si512(lanes);
}
ADAMW_INLINE vbits b_add(vbits a, vbits b) { return _mm512_add_epi32(a, b); }
ADAMW_INLINE vbits b_sub(vbits a, vbits b) { return _mm512_sub_epi32(a, b); }
ADAMW_INLINE vbits b_mul(vbits a, vbits b) { return _mm512_mullo_epi32(a, b); }
ADAMW_INLINE vbits b_and(vbits a, vbits b) { return _mm512_and_si512(a, b); }
ADAMW_INLINE vbits b_xor(vbits a, vbits b) { return _mm512_xor_si512(a, b); }
/* By a vector: the other form wants a constant, which a function's argument is only with optimisation. */
ADAMW_INLINE vbits b_left(vbits a, int n) { return _mm512_sllv_epi32(a, _mm512_set1_epi32(n)); }
ADAMW_INLINE vbits b_right(vbits a, int n) { return _mm512_srlv_epi32(a, _mm512_set1_epi32(n)); }
ADAMW_INLINE vbits v_bits(vfloat x) { return _mm512_castps_si512(x); }
ADAMW_INLINE vfloat v_of_bits(vbits x) { return _mm512_castsi512_ps(x); }
ADAMW_INLINE vfloat v_one_nan(vfloat x)
{
    const __m512i nan = _mm512_set1_epi32(0x7FC00000);
    return v_of_bits(_mm512_mask_blend_epi32(_mm512_cmp_ps_mask(x, x, _CMP_UNORD_Q), v_bits(x), nan));
}
ADAMW_INLINE vbits b_load16(const void *from, size_t n) { return _mm512_cvtepu16_epi32(load_halves(from, n)); }
ADAMW_INLINE void b_store16(void *to, size_t n, vbits x) { store_halves(to, n, _mm512_cvtepi32_epi16(x)); }

ADAMW_INLINE vfloat v_load_bf16(const void *from, size_t n)
{
    return _mm512_castsi512_ps(_mm512_slli_epi32(_mm512_cvtepu16_epi32(load_halves(from, n)), 16));
}
/* Not the CPU's own conversion, which flushes subnormals. */
ADAMW_INLINE void v_store_bf16(void *to, size_t n, vfloat x)
{
    const __m512i bits = _mm512_castps_si512(x);
    const __m512i odd = _mm512_and_si512(_mm512_srli_epi32(bits, 16), _mm512_set1_epi32(1));
    const __m512i up = _mm512_add_epi32(bits, _mm512_add_epi32(odd, _mm512_set1_epi32(0x7FFF)));
    const __m512i halves = _mm512_srli_epi32(
        _mm512_mask_blend_epi32(_mm512_cmp_ps_mask(x, x, _CMP_UNORD_Q), up, _mm512_set1_epi32(0x7FC00000)), 16);
    store_halves(to, n, _mm512_cvtepi32_epi16(halves));
}
ADAMW_INLINE vfloat v_load_f16(const void *from, size_t n) { return _mm512_cvtph_ps(load_halves(from, n)); }
ADAMW_INLINE void v_store_f16(void *to, size_t n, vfloat x)
{
    store_halves(to, n, _mm512_cvtps_ph(x, _MM_FROUND_TO_NEAREST_INT));
}

typedef struct vsum {
    __m512d low, high;
} vsum;

ADAMW_INLINE vsum v_sum_zero(void) { return (vsum){_mm512_setzero_pd(), _mm512_setzero_pd()}; }
ADAMW_INLINE __m512d add_square(__m512d sum, __m256 x)
{
    const __m512d wide = _mm512_cvtps_pd(x);
    return _mm512_fmadd_pd(wide, wide, sum);
}
ADAMW_INLINE void v_sum_squares(vsum *sum, const vfloat *x)
{
    sum->low = add_square(sum->low, _mm512_castps512_ps256(x[0]));
    sum->high = add_square(sum->high, _mm256_castpd_ps(_mm512_extractf64x4_pd(_mm512_castps_pd(x[0]), 1)));
}
ADAMW_INLINE void v_sum_store(double *to, const vsum *sum)
{
    _mm512_storeu_pd(to, sum->low);
    _mm512_storeu_pd(to + 8, sum->high);
}
