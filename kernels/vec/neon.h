/*
 * neon.h - the vocabulary (README.md) for AArch64: four lanes. Loads go through bytes, which need no alignment.
 */
#include <string.h>

typedef float32x4_t vfloat;
enum { LANES = 4 };

ADAMW_INLINE vfloat v_set(float x) { return vdupq_n_f32(x); }

ADAMW_INLINE vfloat v_load(const void *from) { return vreinterpretq_f32_u8(vld1q_u8((const uint8_t *)from)); }
ADAMW_INLINE void v_store(void *to, vfloat x) { vst1q_u8((uint8_t *)to, vreinterpretq_u8_f32(x)); }

/* AArch64 has no masked access below SVE: the part passes through a whole vector on the stack. */
ADAMW_INLINE vfloat v_load_part(const void *from, size_t n)
{
    float whole[LANES] = {0};
    memcpy(whole, from, n * sizeof(float));
    return vld1q_f32(whole);
}
ADAMW_INLINE void v_store_part(void *to, size_t n, vfloat x)
{
    float whole[LANES];
    vst1q_f32(whole, x);
    memcpy(to, whole, n * sizeof(float));
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
