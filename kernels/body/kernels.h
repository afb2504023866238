/*
 * kernels.h - what a kernel is to the rest of the library: its arguments, the variants of the update, and the table
 * that each ISA fills in. No formula and no intrinsics here.
 */
#ifndef ADAMW_BODY_KERNELS_H
#define ADAMW_BODY_KERNELS_H

#include "../strict.h" /* before any system header, so that a refusal is the first thing said */

#include "../../include/adamw.h"
#include "../isa/isas.h"
#include "../vec/roots.h"

/*
 * The variants of the update, each a function of its own in every ISA's table. Tests and benchmarks walk the same
 * list. What a coefficient can express (maximize, weight_decay 0) is no variant.
 */
#define ADAMW_VARIANTS(X)                                                                                            \
    X(adamw)                                                                                                         \
    X(adamw_amsgrad)                                                                                                 \
    X(adam_l2)                                                                                                       \
    X(adam_l2_amsgrad)                                                                                               \
    X(torch_adamw)                                                                                                   \
    X(torch_adamw_amsgrad)                                                                                           \
    X(torch_adam_l2)                                                                                                 \
    X(torch_adam_l2_amsgrad)

typedef enum adamw_variant {
#define ADAMW_ENUMERATE(name) ADAMW_VARIANT_##name,
    ADAMW_VARIANTS(ADAMW_ENUMERATE)
#undef ADAMW_ENUMERATE
        ADAMW_VARIANT_COUNT
} adamw_variant;

/* The traits of a variant. A new one is a member here, its value below, and an `if` in body/update.h. */
typedef struct adamw_traits {
    bool torch;   /* TORCH arithmetic, not ACCURATE */
    bool l2;      /* the decay goes through the gradient */
    bool amsgrad; /* the largest second moment so far divides */
} adamw_traits;

#if !defined(__cplusplus) /* which the benchmark is written in; it has no designated initializers of arrays */
static const adamw_traits adamw_variant_traits[] = {
    [ADAMW_VARIANT_adamw] = {false},
    [ADAMW_VARIANT_adamw_amsgrad] = {.amsgrad = true},
    [ADAMW_VARIANT_adam_l2] = {.l2 = true},
    [ADAMW_VARIANT_adam_l2_amsgrad] = {.l2 = true, .amsgrad = true},
    [ADAMW_VARIANT_torch_adamw] = {.torch = true},
    [ADAMW_VARIANT_torch_adamw_amsgrad] = {.torch = true, .amsgrad = true},
    [ADAMW_VARIANT_torch_adam_l2] = {.torch = true, .l2 = true},
    [ADAMW_VARIANT_torch_adam_l2_amsgrad] = {.torch = true, .l2 = true, .amsgrad = true},
};
_Static_assert(sizeof adamw_variant_traits / sizeof adamw_variant_traits[0] == ADAMW_VARIANT_COUNT,
               "every variant has its traits");
#endif

/* How many bytes ahead of its loads a kernel prefetches (dispatch/tuning.c chooses). */
typedef struct adamw_prefetch {
    size_t near; /* into the first-level cache; 0: no prefetch at all */
    size_t far;  /* into the second-level cache; 0: none there */
} adamw_prefetch;

/* The scalars of one step of one parameter group, each rounded once from double (plan/coefficients.c). */
typedef struct adamw_coefficients {
    float sign;         /* of the gradient: 1, or -1 to maximize */
    float beta1, c1;    /* c1 = 1 - beta1 */
    float beta2, c2;    /* c2 = 1 - beta2 */
    float weight_decay; /* L2: what the gradient gets of the parameter */
    struct {
        float decay;     /* lr * weight_decay */
        float step_size; /* lr * sqrt(bias_correction2) / bias_correction1 */
        float eps;       /* eps * sqrt(bias_correction2) */
    } accurate;
    struct {
        float decay_factor;          /* 1 - lr * weight_decay */
        float negative_step_size;    /* -lr / bias_correction1 */
        float bias_correction2_sqrt; /* sqrt(bias_correction2) */
        float eps;
        float one_minus_c1; /* in float32, as torch.lerp has it */
        float reciprocal;   /* of bias_correction2_sqrt, rounded to nearest */
    } torch;
    bool to_nearest;  /* the caller's rounding mode, without which v_sqrt_bundle() is not right */
    bool small_beta1; /* the moments' forms for betas below one half (kernels/ARITHMETIC.md) */
    bool small_beta2;
    adamw_prefetch prefetch;
    adamw_roots roots;
} adamw_coefficients;

/*
 * The float32 streams of the update: X(name, when), `when` a condition on the traits. Bytes, because a caller's
 * buffer may lie at any address.
 */
#define ADAMW_UPDATE_STREAMS(X)                                                                                      \
    X(param, true)                                                                                                   \
    X(grad, true)                                                                                                    \
    X(exp_avg, true)                                                                                                 \
    X(exp_avg_sq, true)                                                                                              \
    X(max_exp_avg_sq, traits.amsgrad)

/* Where the values of an update begin: in a tensor, or in a stage's scratch (run/stages.c). */
typedef struct adamw_update_streams {
    char *param;
    const char *grad;
    char *exp_avg, *exp_avg_sq, *max_exp_avg_sq;
} adamw_update_streams;

/* The scaling of a gradient before the update: factor * clamp(scale * g, limit). */
typedef struct adamw_grad_scaling {
    float scale;  /* off: 1 */
    float limit;  /* the largest magnitude; off: infinity */
    float factor; /* a clip coefficient; off: 1 */
} adamw_grad_scaling;

/* The source of random bits (body/stages.h): two keys, and the low half of the first value's place. */
typedef struct adamw_random {
    uint32_t key[2], index;
} adamw_random;

/* Updates n values. */
typedef void adamw_update_kernel(const adamw_coefficients *k, const adamw_update_streams *s, size_t n);

/* The virtual lanes of a sum (body/reduce.h). */
enum { SUM_LANES = 16 };

typedef struct adamw_kernels {
    adamw_update_kernel *update[ADAMW_VARIANT_COUNT];
    /* The same with parameters that carry a residual, here as float32; ACCURATE alone. */
    void (*update_compensated)(const adamw_coefficients *k, const adamw_update_streams *s, void *residual, size_t n,
                               adamw_variant variant);

    /* The stages around it (body/stages.h). */
    void (*scale_grad)(void *to, const void *grad, adamw_dtype dtype, size_t n, const adamw_grad_scaling *scaling,
                       size_t prefetch);
    void (*average)(void *average, const void *param, size_t n, float weight, float keep, size_t prefetch);
    void (*narrow)(void *to, adamw_dtype dtype, const void *from, size_t n);
    void (*widen)(void *to, const void *from, adamw_dtype dtype, size_t n, size_t prefetch);
    /* float32 to bfloat16, up or down at random: with the low halves of the random words for the first pair, with the
     * high halves for the second. A pair of NULL is left out. */
    void (*narrow_randomly)(void *to_low, const void *from_low, void *to_high, const void *from_high, size_t n,
                            const adamw_random *random);
    /* float32 as two halves, a bfloat16 and what it lacks, and back. */
    void (*split)(void *high, void *low, const void *from, size_t n);
    void (*join)(void *to, const void *high, const void *low, size_t n, size_t prefetch);

    /* The sum of (scale * x)^2, each product rounded to float32, of n values of the dtype. */
    double (*sum_squares)(const void *x, adamw_dtype dtype, size_t n, float scale, size_t prefetch);
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
    return dtype == ADAMW_DTYPE_FLOAT32 ? sizeof(float) : dtype == ADAMW_DTYPE_Q8 ? 1 : sizeof(uint16_t);
}

/* Prefetches the line `bytes` ahead. Past the end of a buffer nothing happens: a prefetch never faults. */
typedef enum prefetch_level { FIRST_LEVEL = 3, SECOND_LEVEL = 2 } prefetch_level; /* gcc's numbers */
ADAMW_INLINE void prefetch_ahead(const char *at, size_t bytes, prefetch_level level)
{
    if (level == FIRST_LEVEL)
        __builtin_prefetch((const void *)((uintptr_t)at + bytes), 0, FIRST_LEVEL);
    else
        __builtin_prefetch((const void *)((uintptr_t)at + bytes), 0, SECOND_LEVEL);
}

/* One table per file of kernels/isa; all NULL where the target architecture is another one. */
#define ADAMW_DECLARE(NAME, name) extern ADAMW_INTERNAL const adamw_kernels adamw_kernels_##name;
ADAMW_ISAS(ADAMW_DECLARE)
#undef ADAMW_DECLARE

#endif
