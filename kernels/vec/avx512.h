/*
 * avx512.h - the vocabulary (README.md) for x86-64 with AVX-512F: sixteen lanes.
 */
typedef __m512 vfloat;
enum { LANES = 16 };

ADAMW_INLINE vfloat v_set(float x) { return _mm512_set1_ps(x); }

ADAMW_INLINE vfloat v_load(const void *from) { return _mm512_loadu_ps(from); }
ADAMW_INLINE void v_store(void *to, vfloat x) { _mm512_storeu_ps(to, x); }

ADAMW_INLINE __mmask16 first_lanes(size_t n) { return (__mmask16)((1u << n) - 1u); }
ADAMW_INLINE vfloat v_load_part(const void *from, size_t n) { return _mm512_maskz_loadu_ps(first_lanes(n), from); }
ADAMW_INLINE void v_store_part(void *to, size_t n, vfloat x) { _mm512_mask_storeu_ps(to, first_lanes(n), x); }

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
