/*
 * operations.h - each operation of the vocabulary (kernels/vec/README.md) as a function over arrays, so that a test
 * can compare it with plain C. Included by one file per ISA, which defines VEC_INSTANTIATE and the vocabulary first.
 */
#ifndef ADAMW_TESTS_OPERATIONS_H
#define ADAMW_TESTS_OPERATIONS_H

#include "../../kernels/strict.h"

#include <stdint.h>

#include "../../include/adamw.h"
#include "../../kernels/isa/isas.h"

/* X(name, its call on the vectors a, b and c). */
#define VEC_OPERATIONS(X)                                                                                            \
    X(add, v_add(a, b))                                                                                              \
    X(sub, v_sub(a, b))                                                                                              \
    X(mul, v_mul(a, b))                                                                                              \
    X(div, v_div(a, b))                                                                                              \
    X(sqrt, v_sqrt(a))                                                                                               \
    X(sqrt_bundle, bundle_root(a, ADAMW_ROOTS_FMA, false))                                                           \
    X(sqrt_bundle_last, bundle_root(a, ADAMW_ROOTS_FMA, true))                                                       \
    X(sqrt_divider, bundle_root(a, ADAMW_ROOTS_DIVIDER, false))                                                      \
    X(sqrt_divider_last, bundle_root(a, ADAMW_ROOTS_DIVIDER, true))                                                  \
    X(abs, v_abs(a))                                                                                                 \
    X(bf16, through_bf16(a))                                                                                         \
    X(f16, through_f16(a))                                                                                           \
    X(clamp, v_clamp(a, v_abs(b)))                                                                                   \
    X(fma, v_fma(a, b, c))                                                                                           \
    X(fms, v_fms(a, b, c))                                                                                           \
    X(fnma, v_fnma(a, b, c))                                                                                         \
    X(max_or_nan, v_max_or_nan(a, b))                                                                                \
    X(bits_add, v_of_bits(b_add(v_bits(a), v_bits(b))))                                                              \
    X(bits_sub, v_of_bits(b_sub(v_bits(a), v_bits(b))))                                                              \
    X(bits_mul, v_of_bits(b_mul(v_bits(a), v_bits(b))))                                                              \
    X(bits_and, v_of_bits(b_and(v_bits(a), v_bits(b))))                                                              \
    X(bits_xor, v_of_bits(b_xor(v_bits(a), v_bits(b))))                                                              \
    X(bits_left, v_of_bits(b_left(v_bits(a), 7)))                                                                    \
    X(bits_right, v_of_bits(b_right(v_bits(a), 7)))                                                                  \
    X(bits_lanes, v_of_bits(b_add(b_lanes(), b_set((uint32_t)i))))                                                   \
    X(bits_16, through_16(a))                                                                                        \
    X(one_nan, v_one_nan(a))

enum {
#define VEC_NUMBER(name, call) VEC_##name,
    VEC_OPERATIONS(VEC_NUMBER) VEC_COUNT
};

typedef void vec_function(const float *a, const float *b, const float *c, float *out, size_t n);

typedef struct vec_operations {
    vec_function *run[VEC_COUNT];
    size_t lanes;
    /* v_load_tail of n values from `from`, all lanes stored to `to`; v_load of a vector, n lanes stored by
     * v_store_tail. */
    void (*load_part)(const float *from, size_t n, float *to);
    void (*store_part)(const float *from, size_t n, float *to);
    /* v_tail_or_one of a vector. */
    void (*part_or_one)(const float *from, size_t n, float *to);
    /* Where bundles have roots without the divider, otherwise NULL: the root of a from the estimate b of its
     * reciprocal, and how far the estimate may be off, relatively. */
    vec_function *sqrt_from;
    double sqrt_estimate;
    /* The quotient a / b, c being 1 / b rounded. */
    vec_function *div_by;
} vec_operations;

/* One table for each ISA, in its file; without functions where the target architecture is another one. */
#define VEC_DECLARE(NAME, name) extern const vec_operations vec_operations_##name;
ADAMW_ISAS(VEC_DECLARE)
#undef VEC_DECLARE

static inline const vec_operations *vec_operations_of(adamw_isa isa)
{
#define VEC_TABLE(NAME, name) [ADAMW_ISA_##NAME] = &vec_operations_##name,
    static const vec_operations *const tables[ADAMW_ISA_COUNT] = {ADAMW_ISAS(VEC_TABLE)};
#undef VEC_TABLE
    return tables[isa];
}

#endif

#ifdef VEC_INSTANTIATE

/* The root as a bundle gives it in its first or last place. */
ADAMW_INLINE vfloat bundle_root(vfloat a, adamw_roots roots, bool last)
{
    const root_mix mix = root_mixes[roots];
    vfloat x[BUNDLE_MOST];
    for (int k = 0; k < BUNDLE_MOST; k++)
        x[k] = a;
    v_sqrt_bundle(x, mix);
    return x[last ? mix.bundle - 1 : 0];
}

/* Narrowed and widened again. */
ADAMW_INLINE vfloat through_bf16(vfloat a)
{
    unsigned short half[LANES];
    v_store_bf16(half, LANES, a);
    return v_load_bf16(half, LANES);
}
ADAMW_INLINE vfloat through_f16(vfloat a)
{
    unsigned short half[LANES];
    v_store_f16(half, LANES, a);
    return v_load_f16(half, LANES);
}

ADAMW_INLINE vfloat through_16(vfloat a)
{
    unsigned short half[LANES];
    b_store16(half, LANES, v_bits(a));
    return v_of_bits(b_load16(half, LANES));
}

#define VEC_DEFINE(name, call)                                                                                       \
    static void vec_##name(const float *from_a, const float *from_b, const float *from_c, float *out, size_t n)      \
    {                                                                                                                \
        for (size_t i = 0; i < n; i += LANES) {                                                                      \
            const vfloat a = v_load(from_a + i), b = v_load(from_b + i), c = v_load(from_c + i);                     \
            (void)a, (void)b, (void)c;                                                                               \
            v_store(out + i, call);                                                                                  \
        }                                                                                                            \
    }
VEC_OPERATIONS(VEC_DEFINE)

VEC_DEFINE(div_by, v_div_by(a, b, c))

static void vec_load_part(const float *from, size_t n, float *to) { v_store(to, v_load_tail(from, n)); }
static void vec_store_part(const float *from, size_t n, float *to) { v_store_tail(to, n, v_load(from)); }
static void vec_part_or_one(const float *from, size_t n, float *to) { v_store(to, v_tail_or_one(v_load(from), n)); }

#define VEC_ENTRY(name, call) [VEC_##name] = vec_##name,
/* Between the braces of a table: an ISA may have more members. */
#define VEC_MEMBERS                                                                                                  \
    .run = {VEC_OPERATIONS(VEC_ENTRY)}, .lanes = LANES, .load_part = vec_load_part, .store_part = vec_store_part,    \
    .part_or_one = vec_part_or_one, .div_by = vec_div_by

#endif
