/*
 * scalar.h - the vocabulary (README.md) in portable C: one lane. It is the reference that every other ISA equals, so
 * it has nothing but IEEE operations and an fmaf that is one rounding on every platform (fused.h).
 */
#include <math.h>
#include <stdbool.h>
#include <string.h>

#include "fused.h"
#include "half.h"
#include "roots.h"

typedef float vfloat;
enum { LANES = 1, BUNDLE_MOST = 1 };
static const root_mix root_mixes[ADAMW_ROOTS_COUNT] = {{.bundle = 1}, {.bundle = 1}};

ADAMW_INLINE vfloat v_set(float x) { return x; }

ADAMW_INLINE vfloat v_load(const void *from)
{
    vfloat x;
    memcpy(&x, from, sizeof x);
    return x;
}
ADAMW_INLINE void v_store(void *to, vfloat x) { memcpy(to, &x, sizeof x); }
/* A part of one lane is the lane. */
ADAMW_INLINE vfloat v_load_tail(const void *from, size_t n) { return n ? v_load(from) : 0.0f; }
ADAMW_INLINE void v_store_tail(void *to, size_t n, vfloat x)
{
    if (n)
        v_store(to, x);
}

ADAMW_INLINE vfloat v_tail_or_one(vfloat x, size_t n) { return n ? x : 1.0f; }

ADAMW_INLINE vfloat v_add(vfloat a, vfloat b) { return a + b; }
ADAMW_INLINE vfloat v_sub(vfloat a, vfloat b) { return a - b; }
ADAMW_INLINE vfloat v_mul(vfloat a, vfloat b) { return a * b; }
ADAMW_INLINE vfloat v_div(vfloat a, vfloat b) { return a / b; }
ADAMW_INLINE vfloat v_sqrt(vfloat a) { return sqrtf(a); }
ADAMW_INLINE vfloat v_fma(vfloat a, vfloat b, vfloat c) { return adamw_fmaf(a, b, c); }
ADAMW_INLINE vfloat v_fms(vfloat a, vfloat b, vfloat c) { return adamw_fmaf(a, b, -c); }
ADAMW_INLINE vfloat v_fnma(vfloat a, vfloat b, vfloat c) { return adamw_fmaf(-a, b, c); }
ADAMW_INLINE vfloat v_max_or_nan(vfloat a, vfloat b) { return a > b || a != a ? a : b; }
ADAMW_INLINE void v_sqrt_bundle(vfloat *x, const root_mix mix)
{
    (void)mix;
    x[0] = v_sqrt(x[0]);
}
ADAMW_INLINE vfloat v_div_by(vfloat a, vfloat d, vfloat reciprocal)
{
    (void)reciprocal;
    return v_div(a, d);
}

ADAMW_INLINE vfloat v_abs(vfloat a) { return fabsf(a); }
ADAMW_INLINE vfloat v_clamp(vfloat a, vfloat limit) { return a < -limit ? -limit : a > limit ? limit : a; }

typedef uint32_t vbits;

ADAMW_INLINE vbits b_set(uint32_t x) { return x; }
ADAMW_INLINE vbits b_lanes(void) { return 0; }
ADAMW_INLINE vbits b_add(vbits a, vbits b) { return a + b; }
ADAMW_INLINE vbits b_sub(vbits a, vbits b) { return a - b; }
ADAMW_INLINE vbits b_mul(vbits a, vbits b) { return a * b; }
ADAMW_INLINE vbits b_and(vbits a, vbits b) { return a & b; }
ADAMW_INLINE vbits b_xor(vbits a, vbits b) { return a ^ b; }
ADAMW_INLINE vbits b_left(vbits a, int n) { return a << n; }
ADAMW_INLINE vbits b_right(vbits a, int n) { return a >> n; }
ADAMW_INLINE vbits v_bits(vfloat x) { return float_bits(x); }
ADAMW_INLINE vfloat v_of_bits(vbits x) { return float_from_bits(x); }
ADAMW_INLINE vfloat v_one_nan(vfloat x) { return x != x ? float_from_bits(0x7FC00000) : x; }
ADAMW_INLINE vbits b_load16(const void *from, size_t n)
{
    uint16_t half;
    (void)n;
    memcpy(&half, from, sizeof half);
    return half;
}
ADAMW_INLINE void b_store16(void *to, size_t n, vbits x)
{
    const uint16_t half = (uint16_t)x;
    (void)n;
    memcpy(to, &half, sizeof half);
}

ADAMW_INLINE vfloat v_load_bf16(const void *from, size_t n)
{
    uint16_t half;
    (void)n;
    memcpy(&half, from, sizeof half);
    return widen_bf16(half);
}
ADAMW_INLINE void v_store_bf16(void *to, size_t n, vfloat x)
{
    const uint16_t half = narrow_bf16(x);
    (void)n;
    memcpy(to, &half, sizeof half);
}
ADAMW_INLINE vfloat v_load_f16(const void *from, size_t n)
{
    uint16_t half;
    (void)n;
    memcpy(&half, from, sizeof half);
    return widen_f16(half);
}
ADAMW_INLINE void v_store_f16(void *to, size_t n, vfloat x)
{
    const uint16_t half = narrow_f16(x);
    (void)n;
    memcpy(to, &half, sizeof half);
}

typedef struct vsum {
    double lane[16];
} vsum;

ADAMW_INLINE vsum v_sum_zero(void) { return (vsum){{0}}; }
ADAMW_INLINE void v_sum_squares(vsum *sum, const vfloat *x)
{
    for (int i = 0; i < 16; i++)
        sum->lane[i] += (double)x[i] * (double)x[i];
}
ADAMW_INLINE void v_sum_store(double *to, const vsum *sum) { memcpy(to, sum->lane, sizeof sum->lane); }
