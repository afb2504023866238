/*
 * immintrin.h - the AVX-512 intrinsics of kernels/vec/avx512.h in plain C, lane by lane, so that its kernels run on
 * every x86-64 CPU. The compiler finds this header in place of its own where tests/rules.mk builds with
 * EMULATE=avx512. The semantics are those of Intel's Software Developer's Manual, volume 2; an intrinsic that is
 * missing here is a compile error. Nothing that a kernel uses elsewhere belongs here.
 *
 * Rounding mode, FTZ and DAZ are the CPU's own, for the lanes are floats that it computes with. The exception flags
 * are not emulated: lanes that a mask leaves out may raise one.
 */
#ifndef ADAMW_TESTS_EMULATE_AVX512_H
#define ADAMW_TESTS_EMULATE_AVX512_H

#include <math.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

/* Structs, so that no 64-byte vector is passed between functions and a native intrinsic does not compile. */
typedef struct {
    float lane[16];
} __m512;
typedef struct {
    double lane[8];
} __m512d;
typedef struct {
    uint32_t lane[16];
} __m512i;
typedef struct {
    float lane[8];
} __m256;
typedef struct {
    double lane[4];
} __m256d;
typedef struct {
    uint16_t lane[16];
} __m256i;
typedef uint16_t __mmask16;

#define EMULATED static __attribute__((unused))

/* `x` of the type `type` whose lane i is the expression, where a, b, c and mask are what the function was given. */
#define EMULATED_LANES(type, lanes, expression)                                                                      \
    type x;                                                                                                          \
    for (int i = 0; i < (lanes); i++)                                                                                \
        x.lane[i] = (expression);                                                                                    \
    return x
#define EMULATED_MASK(expression)                                                                                    \
    __mmask16 mask = 0;                                                                                              \
    for (int i = 0; i < 16; i++)                                                                                     \
        mask = (__mmask16)(mask | (expression) << i);                                                                \
    return mask
#define EMULATED_CAST(type, from)                                                                                    \
    type x;                                                                                                          \
    memcpy(&x, &(from), sizeof x);                                                                                   \
    return x

/* ---- loads, stores, constants, casts ---- */

EMULATED __m512 _mm512_set1_ps(float a) { EMULATED_LANES(__m512, 16, a); }
EMULATED __m512i _mm512_set1_epi32(int a) { EMULATED_LANES(__m512i, 16, (uint32_t)a); }
EMULATED __m512d _mm512_setzero_pd(void) { EMULATED_LANES(__m512d, 8, 0); }
EMULATED __m512i _mm512_setzero_si512(void) { EMULATED_LANES(__m512i, 16, 0); }

EMULATED __m512 _mm512_loadu_ps(const void *from) { EMULATED_CAST(__m512, *(const char *)from); }
EMULATED __m512i _mm512_loadu_si512(const void *from) { EMULATED_CAST(__m512i, *(const char *)from); }
EMULATED void _mm512_storeu_ps(void *to, __m512 a) { memcpy(to, &a, sizeof a); }
EMULATED void _mm512_storeu_pd(void *to, __m512d a) { memcpy(to, &a, sizeof a); }
EMULATED __m256i _mm256_loadu_si256(const __m256i *from) { EMULATED_CAST(__m256i, *(const char *)from); }
EMULATED void _mm256_storeu_si256(__m256i *to, __m256i a) { memcpy(to, &a, sizeof a); }

/* Memory that the mask leaves out is not touched. */
EMULATED __m512 _mm512_maskz_loadu_ps(__mmask16 mask, const void *from)
{
    __m512 x = {{0}};
    for (int i = 0; i < 16; i++)
        if (mask >> i & 1)
            memcpy(&x.lane[i], (const char *)from + sizeof(float) * (size_t)i, sizeof(float));
    return x;
}
EMULATED void _mm512_mask_storeu_ps(void *to, __mmask16 mask, __m512 a)
{
    for (int i = 0; i < 16; i++)
        if (mask >> i & 1)
            memcpy((char *)to + sizeof(float) * (size_t)i, &a.lane[i], sizeof(float));
}

EMULATED __m512i _mm512_castps_si512(__m512 a) { EMULATED_CAST(__m512i, a); }
EMULATED __m512 _mm512_castsi512_ps(__m512i a) { EMULATED_CAST(__m512, a); }
EMULATED __m512d _mm512_castps_pd(__m512 a) { EMULATED_CAST(__m512d, a); }
EMULATED __m256 _mm512_castps512_ps256(__m512 a) { EMULATED_CAST(__m256, a); }
EMULATED __m256 _mm256_castpd_ps(__m256d a) { EMULATED_CAST(__m256, a); }
EMULATED __m256d _mm512_extractf64x4_pd(__m512d a, int half)
{
    EMULATED_LANES(__m256d, 4, a.lane[4 * (half & 1) + i]);
}

/* ---- arithmetic: one rounding each ---- */

EMULATED __m512 _mm512_add_ps(__m512 a, __m512 b) { EMULATED_LANES(__m512, 16, a.lane[i] + b.lane[i]); }
EMULATED __m512 _mm512_sub_ps(__m512 a, __m512 b) { EMULATED_LANES(__m512, 16, a.lane[i] - b.lane[i]); }
EMULATED __m512 _mm512_mul_ps(__m512 a, __m512 b) { EMULATED_LANES(__m512, 16, a.lane[i] * b.lane[i]); }
EMULATED __m512 _mm512_div_ps(__m512 a, __m512 b) { EMULATED_LANES(__m512, 16, a.lane[i] / b.lane[i]); }
EMULATED __m512 _mm512_sqrt_ps(__m512 a) { EMULATED_LANES(__m512, 16, sqrtf(a.lane[i])); }
EMULATED __m512 _mm512_fmadd_ps(__m512 a, __m512 b, __m512 c)
{
    EMULATED_LANES(__m512, 16, fmaf(a.lane[i], b.lane[i], c.lane[i]));
}
EMULATED __m512 _mm512_fmsub_ps(__m512 a, __m512 b, __m512 c)
{
    EMULATED_LANES(__m512, 16, fmaf(a.lane[i], b.lane[i], -c.lane[i]));
}
EMULATED __m512 _mm512_fnmadd_ps(__m512 a, __m512 b, __m512 c)
{
    EMULATED_LANES(__m512, 16, fmaf(-a.lane[i], b.lane[i], c.lane[i]));
}
EMULATED __m512d _mm512_fmadd_pd(__m512d a, __m512d b, __m512d c)
{
    EMULATED_LANES(__m512d, 8, fma(a.lane[i], b.lane[i], c.lane[i]));
}
/* The second operand, where one is a NaN and where both are zeros. */
EMULATED __m512 _mm512_max_ps(__m512 a, __m512 b)
{
    EMULATED_LANES(__m512, 16, a.lane[i] > b.lane[i] ? a.lane[i] : b.lane[i]);
}
EMULATED __m512 _mm512_min_ps(__m512 a, __m512 b)
{
    EMULATED_LANES(__m512, 16, a.lane[i] < b.lane[i] ? a.lane[i] : b.lane[i]);
}

/* Within 2^-14 of 1/sqrt(a), relatively, at the place in that range which EMULATED_RSQRT14 chose. */
float emulated_rsqrt14(float a);
EMULATED __m512 _mm512_maskz_rsqrt14_ps(__mmask16 mask, __m512 a)
{
    EMULATED_LANES(__m512, 16, mask >> i & 1 ? emulated_rsqrt14(a.lane[i]) : 0);
}

/* ---- comparisons and blends ---- */

/* Bit 4 of a predicate says whether a quiet NaN signals, and changes no result. */
enum {
    _CMP_EQ_OQ,
    _CMP_LT_OS,
    _CMP_LE_OS,
    _CMP_UNORD_Q,
    _CMP_NEQ_UQ,
    _CMP_NLT_US,
    _CMP_NLE_US,
    _CMP_ORD_Q,
    _CMP_EQ_UQ,
    _CMP_NGE_US,
    _CMP_NGT_US,
    _CMP_FALSE_OQ,
    _CMP_NEQ_OQ,
    _CMP_GE_OS,
    _CMP_GT_OS,
    _CMP_TRUE_UQ,
    _CMP_LT_OQ = 0x11,
    _CMP_LE_OQ = 0x12,
    _CMP_NLT_UQ = 0x15,
    _CMP_NLE_UQ = 0x16,
    _CMP_NGE_UQ = 0x19,
    _CMP_NGT_UQ = 0x1A,
    _CMP_GE_OQ = 0x1D,
    _CMP_GT_OQ = 0x1E
};

EMULATED bool emulated_compare(float a, float b, int predicate)
{
    enum { EQUAL = 1, LESS = 2, GREATER = 4, UNORDERED = 8 };
    static const unsigned char holds_for[16] = {
        [_CMP_EQ_OQ] = EQUAL,
        [_CMP_LT_OS] = LESS,
        [_CMP_LE_OS] = LESS | EQUAL,
        [_CMP_UNORD_Q] = UNORDERED,
        [_CMP_NEQ_UQ] = LESS | GREATER | UNORDERED,
        [_CMP_NLT_US] = EQUAL | GREATER | UNORDERED,
        [_CMP_NLE_US] = GREATER | UNORDERED,
        [_CMP_ORD_Q] = EQUAL | LESS | GREATER,
        [_CMP_EQ_UQ] = EQUAL | UNORDERED,
        [_CMP_NGE_US] = LESS | UNORDERED,
        [_CMP_NGT_US] = EQUAL | LESS | UNORDERED,
        [_CMP_FALSE_OQ] = 0,
        [_CMP_NEQ_OQ] = LESS | GREATER,
        [_CMP_GE_OS] = EQUAL | GREATER,
        [_CMP_GT_OS] = GREATER,
        [_CMP_TRUE_UQ] = EQUAL | LESS | GREATER | UNORDERED,
    };
    const int is = a < b ? LESS : a > b ? GREATER : a == b ? EQUAL : UNORDERED;
    return (holds_for[predicate & 15] & is) != 0;
}
EMULATED __mmask16 _mm512_cmp_ps_mask(__m512 a, __m512 b, int predicate)
{
    EMULATED_MASK(emulated_compare(a.lane[i], b.lane[i], predicate));
}
EMULATED __mmask16 _mm512_test_epi32_mask(__m512i a, __m512i b) { EMULATED_MASK((a.lane[i] & b.lane[i]) != 0); }
/* The second one where the mask has a bit. */
EMULATED __m512 _mm512_mask_blend_ps(__mmask16 mask, __m512 a, __m512 b)
{
    EMULATED_LANES(__m512, 16, mask >> i & 1 ? b.lane[i] : a.lane[i]);
}
EMULATED __m512i _mm512_mask_blend_epi32(__mmask16 mask, __m512i a, __m512i b)
{
    EMULATED_LANES(__m512i, 16, mask >> i & 1 ? b.lane[i] : a.lane[i]);
}

/* ---- integers and bits ---- */

EMULATED __m512 _mm512_abs_ps(__m512 a) { EMULATED_LANES(__m512, 16, fabsf(a.lane[i])); }
EMULATED __m512i _mm512_sub_epi32(__m512i a, __m512i b) { EMULATED_LANES(__m512i, 16, a.lane[i] - b.lane[i]); }
EMULATED __m512i _mm512_mullo_epi32(__m512i a, __m512i b) { EMULATED_LANES(__m512i, 16, a.lane[i] * b.lane[i]); }
/* A shift by more than 31 gives 0. */
EMULATED __m512i _mm512_sllv_epi32(__m512i a, __m512i b)
{
    EMULATED_LANES(__m512i, 16, b.lane[i] < 32 ? a.lane[i] << b.lane[i] : 0);
}
EMULATED __m512i _mm512_srlv_epi32(__m512i a, __m512i b)
{
    EMULATED_LANES(__m512i, 16, b.lane[i] < 32 ? a.lane[i] >> b.lane[i] : 0);
}
EMULATED __m512i _mm512_add_epi32(__m512i a, __m512i b) { EMULATED_LANES(__m512i, 16, a.lane[i] + b.lane[i]); }
EMULATED __m512i _mm512_maskz_sub_epi32(__mmask16 mask, __m512i a, __m512i b)
{
    EMULATED_LANES(__m512i, 16, mask >> i & 1 ? a.lane[i] - b.lane[i] : 0);
}
EMULATED __m512i _mm512_and_si512(__m512i a, __m512i b) { EMULATED_LANES(__m512i, 16, a.lane[i] & b.lane[i]); }
EMULATED __m512i _mm512_or_si512(__m512i a, __m512i b) { EMULATED_LANES(__m512i, 16, a.lane[i] | b.lane[i]); }
EMULATED __m512i _mm512_xor_si512(__m512i a, __m512i b) { EMULATED_LANES(__m512i, 16, a.lane[i] ^ b.lane[i]); }
EMULATED __m512i _mm512_slli_epi32(__m512i a, unsigned n)
{
    EMULATED_LANES(__m512i, 16, n < 32 ? a.lane[i] << n : 0);
}
EMULATED __m512i _mm512_srli_epi32(__m512i a, unsigned n)
{
    EMULATED_LANES(__m512i, 16, n < 32 ? a.lane[i] >> n : 0);
}

/* ---- conversions ---- */

EMULATED __m512d _mm512_cvtps_pd(__m256 a) { EMULATED_LANES(__m512d, 8, (double)a.lane[i]); }
EMULATED __m512i _mm512_cvtepu16_epi32(__m256i a) { EMULATED_LANES(__m512i, 16, a.lane[i]); }
EMULATED __m256i _mm512_cvtepi32_epi16(__m512i a) { EMULATED_LANES(__m256i, 16, (uint16_t)a.lane[i]); }

enum {
    _MM_FROUND_TO_NEAREST_INT,
    _MM_FROUND_TO_NEG_INF,
    _MM_FROUND_TO_POS_INF,
    _MM_FROUND_TO_ZERO,
    _MM_FROUND_CUR_DIRECTION
};

EMULATED float emulated_widen(uint16_t a)
{
    const float sign = a & 0x8000 ? -1 : 1;
    const int exponent = a >> 10 & 31, fraction = a & 0x3FF;
    if (exponent == 31)
        return sign * (fraction == 0 ? INFINITY : NAN);
    return sign * ldexpf((float)(exponent == 0 ? fraction : fraction | 0x400), (exponent == 0 ? 1 : exponent) - 25);
}
EMULATED __m512 _mm512_cvtph_ps(__m256i a) { EMULATED_LANES(__m512, 16, emulated_widen(a.lane[i])); }

EMULATED uint16_t emulated_narrow(float a, int rounding)
{
    uint32_t bits;
    memcpy(&bits, &a, sizeof bits);
    const uint32_t sign = bits >> 31, exponent = bits >> 23 & 0xFF, fraction = bits & 0x7FFFFF;
    const uint16_t signed_zero = (uint16_t)(sign << 15);
    if (exponent == 0xFF)
        return (uint16_t)(signed_zero | 0x7C00 | (fraction != 0 ? 0x200 | fraction >> 13 : 0));
    if (rounding & _MM_FROUND_CUR_DIRECTION)
        rounding = (int)(__builtin_ia32_stmxcsr() >> 13);
    rounding &= 3;
    /* In units of the result's last place: 2^-24 for a subnormal result, and from 2^-14 on by the exponent. */
    const uint32_t drop = exponent >= 113 ? 13 : exponent > 95 ? 126 - exponent : 31;
    const uint32_t mantissa = exponent == 0 ? fraction : fraction | 0x800000;
    const uint32_t lost = mantissa & ((1u << drop) - 1), middle = 1u << (drop - 1);
    uint32_t half = mantissa >> drop;
    half += rounding == _MM_FROUND_TO_NEAREST_INT
                ? lost > middle || (lost == middle && half % 2 != 0)
                : lost != 0 && rounding == (int)(sign ? _MM_FROUND_TO_NEG_INF : _MM_FROUND_TO_POS_INF);
    if (exponent >= 113)
        half += (exponent - 113) << 10;
    if (half >= 0x7C00)
        half = rounding == _MM_FROUND_TO_NEAREST_INT ||
                       rounding == (int)(sign ? _MM_FROUND_TO_NEG_INF : _MM_FROUND_TO_POS_INF)
                   ? 0x7C00
                   : 0x7BFF;
    return (uint16_t)(signed_zero | half);
}
EMULATED __m256i _mm512_cvtps_ph(__m512 a, int rounding)
{
    EMULATED_LANES(__m256i, 16, emulated_narrow(a.lane[i], rounding));
}

#endif
