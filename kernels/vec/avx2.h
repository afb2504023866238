/*
 * avx2.h - the vocabulary (README.md) for x86-64 with AVX2 and FMA: eight lanes.
 */
typedef __m256 vfloat;
enum { LANES = 8 };

ADAMW_INLINE vfloat v_set(float x) { return _mm256_set1_ps(x); }

ADAMW_INLINE vfloat v_load(const void *from) { return _mm256_loadu_ps((const float *)from); }
ADAMW_INLINE void v_store(void *to, vfloat x) { _mm256_storeu_ps((float *)to, x); }

ADAMW_INLINE __m256i first_lanes(size_t n)
{
    return _mm256_cmpgt_epi32(_mm256_set1_epi32((int)n), _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7));
}
ADAMW_INLINE vfloat v_load_part(const void *from, size_t n)
{
    return _mm256_maskload_ps((const float *)from, first_lanes(n));
}
ADAMW_INLINE void v_store_part(void *to, size_t n, vfloat x) { _mm256_maskstore_ps((float *)to, first_lanes(n), x); }

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
