/*
 * known_answer.c - the test that a build takes at its first step (kernels/dispatch/known_answer.c): it knows the kernels
 * of every ISA, in every floating-point environment, and finds a table in which any one function is wrong.
 */
#include "../../kernels/dispatch/known_answer.h"

#include "../../kernels/dispatch/float_env.h"

#include "check.h"

#include <fenv.h>
#include <inttypes.h>
#include <stdio.h>

/* ---- kernels that are wrong ---- */

static void no_scale(void *to, const void *grad, adamw_dtype dtype, size_t n, const adamw_grad_scaling *scaling,
                     size_t prefetch)
{
    (void)to, (void)grad, (void)dtype, (void)n, (void)scaling, (void)prefetch;
}
static void no_average(void *average, const void *param, size_t n, float weight, float keep, size_t prefetch)
{
    (void)average, (void)param, (void)n, (void)weight, (void)keep, (void)prefetch;
}
static void no_narrow(void *to, adamw_dtype dtype, const void *from, size_t n)
{
    (void)dtype, (void)from;
    for (size_t i = 0; i < n; i++)
        ((uint16_t *)to)[i] = 0;
}
static double no_sum(const void *x, adamw_dtype dtype, size_t n, float scale, size_t prefetch)
{
    (void)x, (void)dtype, (void)n, (void)scale, (void)prefetch;
    return 1;
}
static double no_changes(const void *before, const void *after, size_t n)
{
    (void)before, (void)after, (void)n;
    return 1;
}
static float no_largest(const void *x, adamw_dtype dtype, size_t n)
{
    (void)x, (void)dtype, (void)n;
    return 1;
}
static void no_accumulate(void *sum, const void *x, adamw_dtype dtype, size_t n)
{
    (void)sum, (void)x, (void)dtype, (void)n;
}

static void no_compensation(const adamw_coefficients *k, const adamw_update_streams *s, void *residual, size_t n,
                            adamw_variant variant)
{
    (void)k, (void)s, (void)residual, (void)n, (void)variant;
}
static void no_widen(void *to, const void *from, adamw_dtype dtype, size_t n, size_t prefetch)
{
    (void)from, (void)dtype, (void)prefetch;
    for (size_t i = 0; i < n; i++)
        ((float *)to)[i] = 0;
}
static void no_random(void *to_low, const void *from_low, void *to_high, const void *from_high, size_t n,
                      const adamw_random *random)
{
    (void)from_low, (void)from_high, (void)random;
    for (size_t i = 0; i < n; i++)
        ((uint16_t *)to_low)[i] = ((uint16_t *)to_high)[i] = 0;
}
static void no_split(void *high, void *low, const void *from, size_t n)
{
    (void)from;
    for (size_t i = 0; i < n; i++)
        ((uint16_t *)high)[i] = ((uint16_t *)low)[i] = 0;
}
static void no_join(void *to, const void *high, const void *low, size_t n, size_t prefetch)
{
    (void)high, (void)low;
    no_widen(to, NULL, ADAMW_DTYPE_BFLOAT16, n, prefetch);
}

static bool found(const adamw_kernels *wrong, const char *what, int which)
{
    return !adamw_answers_are_known(wrong) || check_fail("%s %d is wrong, and the answers are known", what, which);
}

static bool each_is_found(const adamw_kernels *right)
{
    for (int variant = 0; variant < ADAMW_VARIANT_COUNT; variant++) {
        adamw_kernels wrong = *right;
        wrong.update[variant] = right->update[(variant + 1) % ADAMW_VARIANT_COUNT];
        if (!found(&wrong, "the update of variant", variant))
            return false;
    }
    enum { OTHERS = 12 };
    adamw_kernels wrong[OTHERS];
    for (int i = 0; i < OTHERS; i++)
        wrong[i] = *right;
    wrong[0].scale_grad = no_scale;
    wrong[1].average = no_average;
    wrong[2].narrow = no_narrow;
    wrong[3].sum_squares = no_sum;
    wrong[4].sum_square_changes = no_changes;
    wrong[5].abs_max = no_largest;
    wrong[6].accumulate = no_accumulate;
    wrong[7].update_compensated = no_compensation;
    wrong[8].widen = no_widen;
    wrong[9].narrow_randomly = no_random;
    wrong[10].split = no_split;
    wrong[11].join = no_join;
    for (int i = 0; i < OTHERS; i++)
        if (!found(&wrong[i], "stage or sum", i))
            return false;
    return true;
}

bool check_known_answer(const check_options *options)
{
    static const int roundings[] = ROUNDINGS;
    bool right = true;
    FOR_EACH_ISA(options, isa)
    {
        const adamw_kernels *kernels = adamw_kernels_of(isa);
        for (size_t mode = 0; right && mode < sizeof roundings / sizeof roundings[0]; mode++) {
            fesetround(roundings[mode]);
            const uint64_t env = adamw_float_env_get();
            const bool known = adamw_answers_are_known(kernels);
            right = adamw_float_env_get() == env || check_fail("the rounding mode was changed");
            fesetround(FE_TONEAREST);
            if (!known)
                right = check_fail("%s, rounding mode %zu: other answers", adamw_isa_name(isa), mode);
        }
        for (int i = 0; !right && i < ADAMW_ANSWERS; i++)
            fprintf(stderr, "  %s answers %d with UINT64_C(0x%016" PRIX64 ")\n", adamw_isa_name(isa), i,
                    adamw_answer_of(kernels, i));
        right = right && each_is_found(kernels);
    }
    return right;
}
