/*
 * neon.h - the vocabulary (README.md) for AArch64: four lanes. Loads go through bytes, which need no alignment.
 */
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include <arm_neon.h>

#include "roots.h"

typedef float32x4_t vfloat;
enum { LANES = 4, BUNDLE_MOST = 1 };
static const root_mix root_mixes[ADAMW_ROOTS_COUNT] = {{.bundle = 1}, {.bundle = 1}};

ADAMW_INLINE vfloat v_set(float x) { return vdupq_n_f32(x); }

ADAMW_INLINE vfloat v_load(const void *from) { return vreinterpretq_f32_u8(vld1q_u8((const uint8_t *)from)); }
ADAMW_INLINE void v_store(void *to, vfloat x) { vst1q_u8((uint8_t *)to, vreinterpretq_u8_f32(x)); }

/* AArch64 has no masked access below SVE: the part passes through a whole vector on the stack. */
ADAMW_INLINE vfloat v_load_tail(const void *from, size_t n)
{
    float whole[LANES] = {0};
    memcpy(whole, from, n * sizeof(float));
    return vld1q_f32(whole);
}
ADAMW_INLINE void v_store_tail(void *to, size_t n, vfloat x)
{
    float whole[LANES];
    vst1q_f32(whole, x);
    memcpy(to, whole, n * sizeof(float));
}

ADAMW_INLINE vfloat v_tail_or_one(vfloat x, size_t n)
{
    static const uint32_t places[LANES] = {0, 1, 2, 3};
    return vbslq_f32(vcltq_u32(vld1q_u32(places), vdupq_n_u32((uint32_t)n)), x, v_set(1));
}

ADAMW_INLINE vfloat v_add(vfloat a, vfloat b) { return vaddq_f32(a, b); }
ADAMW_INLINE vfloat v_sub(vfloat a, vfloat b) { return vsubq_f32(a, b); }
ADAMW_INLINE vfloat v_mul(vfloat a, vfloat b) { return vmulq_f32(a, b); }
ADAMW_INLINE vfloat v_div(vfloat a, vfloat b) { return vdivq_f32(a, b); }
ADAMW_INLINE vfloat v_sqrt(vfloat a) { return vsqrtq_f32(a); }
ADAMW_INLINE vfloat v_fma(vfloat a, vfloat b, vfloat c) { return vfmaq_f32(c, a, b); }
ADAMW_INLINE vfloat v_fms(vfloat a, vfloat b, vfloat c) { return vfmaq_f32(vnegq_f32(c), a, b); }
ADAMW_INLINE vfloat v_fnma(vfloat a, vfloat b, vfloat c) { return vfmsq_f32(c, a, b); }
ADAMW_INLINE vfloat v_max_or_nan(vfloat a, vfloat b)
{
    uint32x4_t keep_b = vandq_u32(vmvnq_u32(vcgtq_f32(a, b)), vceqq_f32(a, a));
    return vbslq_f32(keep_b, b, a);
}
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

ADAMW_INLINE vfloat v_abs(vfloat a) { return vabsq_f32(a); }
ADAMW_INLINE vfloat v_clamp(vfloat a, vfloat limit)
{
    const vfloat low = vnegq_f32(limit);
    const vfloat above = vbslq_f32(vcltq_f32(a, low), low, a);
    return vbslq_f32(vcgtq_f32(above, limit), limit, above);
}

ADAMW_INLINE uint16x4_t load_halves(const void *from, size_t n)
{
    uint16_t whole[LANES] = {0};
    memcpy(whole, from, n * sizeof *whole);
    return vld1_u16(whole);
}
ADAMW_INLINE void store_halves(void *to, size_t n, uint16x4_t x)
{
    uint16_t whole[LANES];
    vst1_u16(whole, x);
    memcpy(to, whole, n * sizeof *whole);
}

typedef uint32x4_t vbits;

ADAMW_INLINE vbits b_set(uint32_t x) { return vdupq_n_u32(x); }
ADAMW_INLINE vbits b_lanes(void)
{
    static const uint32_t lanes[LANES] = {0, 1, 2, 3};
    return vld1q_u32(lanes);
}
ADAMW_INLINE vbits b_add(vbits a, vbits b) { return vaddq_u32(a, b); }
ADAMW_INLINE vbits b_sub(vbits a, vbits b) { return vsubq_u32(a, b); }
ADAMW_INLINE vbits b_mul(vbits a, vbits b) { return vmulq_u32(a, b); }
ADAMW_INLINE vbits b_and(vbits a, vbits b) { return vandq_u32(a, b); }
ADAMW_INLINE vbits b_xor(vbits a, vbits b) { return veorq_u32(a, b); }
ADAMW_INLINE vbits b_left(vbits a, int n) { return vshlq_u32(a, vdupq_n_s32(n)); }
ADAMW_INLINE vbits b_right(vbits a, int n) { return vshlq_u32(a, vdupq_n_s32(-n)); }
ADAMW_INLINE vbits v_bits(vfloat x) { return vreinterpretq_u32_f32(x); }
ADAMW_INLINE vfloat v_of_bits(vbits x) { return vreinterpretq_f32_u32(x); }
ADAMW_INLINE vfloat v_one_nan(vfloat x)
{
    return v_of_bits(vbslq_u32(vceqq_f32(x, x), v_bits(x), vdupq_n_u32(0x7FC00000)));
}
ADAMW_INLINE vbits b_load16(const void *from, size_t n) { return vmovl_u16(load_halves(from, n)); }
ADAMW_INLINE void b_store16(void *to, size_t n, vbits x) { store_halves(to, n, vmovn_u32(x)); }

ADAMW_INLINE vfloat v_load_bf16(const void *from, size_t n)
{
    return vreinterpretq_f32_u32(vshll_n_u16(load_halves(from, n), 16));
}
ADAMW_INLINE void v_store_bf16(void *to, size_t n, vfloat x)
{
    const uint32x4_t bits = vreinterpretq_u32_f32(x);
    const uint32x4_t odd = vandq_u32(vshrq_n_u32(bits, 16), vdupq_n_u32(1));
    const uint32x4_t up = vaddq_u32(bits, vaddq_u32(odd, vdupq_n_u32(0x7FFF)));
    store_halves(to, n, vshrn_n_u32(vbslq_u32(vceqq_f32(x, x), up, vdupq_n_u32(0x7FC00000)), 16));
}
ADAMW_INLINE vfloat v_load_f16(const void *from, size_t n)
{
    return vcvt_f32_f16(vreinterpret_f16_u16(load_halves(from, n)));
}
ADAMW_INLINE void v_store_f16(void *to, size_t n, vfloat x)
{
    store_halves(to, n, vreinterpret_u16_f16(vcvt_f16_f32(x)));
}

typedef struct vsum {
    float64x2_t lane[8];
} vsum;

ADAMW_INLINE vsum v_sum_zero(void)
{
    const float64x2_t zero = vdupq_n_f64(0);
    return (vsum){{zero, zero, zero, zero, zero, zero, zero, zero}};
}
ADAMW_INLINE float64x2_t add_square(float64x2_t sum, float64x2_t wide) { return vfmaq_f64(sum, wide, wide); }
ADAMW_INLINE void v_sum_squares(vsum *sum, const vfloat *x)
{
    ADAMW_UNROLL
    for (int i = 0; i < 4; i++) {
        sum->lane[2 * i] = add_square(sum->lane[2 * i], vcvt_f64_f32(vget_low_f32(x[i])));
        sum->lane[2 * i + 1] = add_square(sum->lane[2 * i + 1], vcvt_high_f64_f32(x[i]));
    }
}
ADAMW_INLINE void v_sum_store(double *to, const vsum *sum)
{
    for (int i = 0; i < 8; i++)
        vst1q_f64(to + 2 * i, sum->lane[i]);
}
