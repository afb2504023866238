/*
 * kernels.h - what a kernel is to the rest of the library: its arguments, the list of the variants, and the table
 * that each ISA fills in. No formula and no intrinsics here.
 */
#ifndef ADAMW_BODY_KERNELS_H
#define ADAMW_BODY_KERNELS_H

#include "../core/strict.h" /* before any system header, so that a refusal is the first thing said */

#include "../../include/adamw.h"

/*
 * The variants of the update, each a function of its own in every ISA's table: X(name, torch, l2, amsgrad).
 * Tests and benchmarks walk the same list. What a coefficient can express (maximize, weight_decay 0) is no variant.
 */
#define ADAMW_VARIANTS(X)                                                                                            \
    X(adamw, 0, 0, 0)                                                                                                \
    X(adamw_amsgrad, 0, 0, 1)                                                                                        \
    X(adam_l2, 0, 1, 0)                                                                                              \
    X(adam_l2_amsgrad, 0, 1, 1)                                                                                      \
    X(torch_adamw, 1, 0, 0)                                                                                          \
    X(torch_adamw_amsgrad, 1, 0, 1)                                                                                  \
    X(torch_adam_l2, 1, 1, 0)                                                                                        \
    X(torch_adam_l2_amsgrad, 1, 1, 1)

typedef enum adamw_variant {
#define ADAMW_ENUMERATE(name, torch, l2, amsgrad) ADAMW_VARIANT_##name,
    ADAMW_VARIANTS(ADAMW_ENUMERATE)
#undef ADAMW_ENUMERATE
        ADAMW_VARIANT_COUNT
} adamw_variant;

/* How many bytes ahead of its loads a kernel asks for memory; 0: it does not ask. */
typedef struct adamw_look_ahead {
    size_t near; /* into the first-level cache */
    size_t far;  /* into the second; not without `near` */
} adamw_look_ahead;

/* The scalars of one step of one parameter group, each rounded once from double (core/coefficients.c). */
typedef struct adamw_coefficients {
    float sign;         /* of the gradient: 1, or -1 to maximize */
    float beta1, c1;    /* c1 = 1 - beta1 */
    float beta2, c2;    /* c2 = 1 - beta2 */
    float w1;           /* torch: 1 - c1, in float32 */
    float weight_decay; /* L2: what the gradient gets of the parameter */
    float decay;        /* decoupled: lr * weight_decay; torch: the factor 1 - lr * weight_decay */
    float step;         /* accurate: lr * sqrt(bc2) / bc1; torch: -lr / bc1 */
    float root_bc2;     /* torch: sqrt(bc2) */
    float eps;          /* accurate: eps * sqrt(bc2); torch: eps */
    bool to_nearest;    /* the caller's rounding mode, without which v_sqrt_bundle() is not right */
    bool small_beta1;   /* the moments' forms for betas below one half (kernels/README.md) */
    bool small_beta2;
    adamw_look_ahead look_ahead;
} adamw_coefficients;

/* What a step does beside the update, for one tensor (core/update.c). Each is exact where it is off. */
typedef struct adamw_extras {
    float grad_scale;           /* the first factor of a gradient; off: 1 */
    float grad_factor;          /* the last factor, a clip coefficient; off: 1 */
    float grad_limit;           /* then its largest magnitude; off: infinity */
    bool ema;                   /* param_ema goes `ema_weight` of the way to the new parameter */
    bool zero_grad;             /* the gradient is cleared */
    adamw_dtype copy;           /* of param_copy; off: ADAMW_DTYPE_FLOAT32 */
    float ema_weight, ema_keep; /* ema_keep = 1 - ema_weight */
} adamw_extras;

/* Updates the values [first, first + n) of the tensor. */
typedef void adamw_kernel(const adamw_coefficients *k, const adamw_tensor *tensor, size_t first, size_t n);
typedef void adamw_extended_kernel(const adamw_coefficients *k, const adamw_extras *e, const adamw_tensor *tensor,
                                   size_t first, size_t n);

/* The virtual lanes of a sum (body/reduce.h). */
enum { SUM_LANES = 16 };

typedef struct adamw_kernels {
    adamw_kernel *update[ADAMW_VARIANT_COUNT];
    adamw_extended_kernel *extended[ADAMW_VARIANT_COUNT];
    /* The sum of (scale * x)^2, each product rounded to float32, of n values of the dtype. */
    double (*sum_squares)(const void *x, adamw_dtype dtype, size_t n, float scale);
    /* The sum of (after - before)^2, each difference rounded to float32. */
    double (*sum_square_changes)(const void *before, const void *after, size_t n);
    /* The largest |x|; NaN if any is. */
    float (*abs_max)(const void *x, adamw_dtype dtype, size_t n);
    /* sum += x, for a float32 sum. */
    void (*accumulate)(void *sum, const void *x, adamw_dtype dtype, size_t n);
} adamw_kernels;

/* Bytes of a value. */
ADAMW_INLINE size_t dtype_size(adamw_dtype dtype)
{
    return dtype == ADAMW_DTYPE_FLOAT32 ? sizeof(float) : sizeof(uint16_t);
}

/* Asks for memory that loads will need later, in the first-level cache or in the second; past the end of a buffer
 * nothing happens, for a prefetch never faults. */
typedef enum look_level { FIRST_LEVEL = 3, SECOND_LEVEL = 2 } look_level; /* gcc's numbers */
ADAMW_INLINE void look_ahead(const char *at, size_t bytes, look_level level)
{
    if (level == FIRST_LEVEL)
        __builtin_prefetch((const void *)((uintptr_t)at + bytes), 0, FIRST_LEVEL);
    else
        __builtin_prefetch((const void *)((uintptr_t)at + bytes), 0, SECOND_LEVEL);
}

/* One table per file of kernels/isa; all NULL where the target architecture is another one. */
extern ADAMW_INTERNAL const adamw_kernels adamw_kernels_scalar;
extern ADAMW_INTERNAL const adamw_kernels adamw_kernels_avx2;
extern ADAMW_INTERNAL const adamw_kernels adamw_kernels_avx512;
extern ADAMW_INTERNAL const adamw_kernels adamw_kernels_neon;

#endif
