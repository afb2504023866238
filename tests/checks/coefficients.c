/*
 * coefficients.c - the scalars of a step against the exact hyperparameters in long double, and that a step depends on
 * its arguments alone, which is what makes a resume exact.
 */
#include "../../kernels/plan/coefficients.h"
#include "../../kernels/plan/options.h"

#include "check.h"

#include <float.h>
#include <inttypes.h>
#include <math.h>

/* 1 - beta^step without cancellation, by the C library's functions for just that. */
static long double correction(double beta, uint64_t step)
{
    return beta == 0 ? 1 : -expm1l((long double)step * log1pl((long double)beta - 1));
}

static bool rounds_to(const char *name, const adamw_config *config, uint64_t step, float is, long double exact)
{
    int exponent;
    frexpl(exact, &exponent);
    const long double ulp = ldexpl(1, (exponent > FLT_MIN_EXP ? exponent : FLT_MIN_EXP) - FLT_MANT_DIG);
    if (fabsl((long double)is - exact) <= 0.500001L * ulp)
        return true;
    return check_fail("%s is %a, exactly %La: betas %.17g %.17g, lr %g, weight_decay %g, eps %g, arithmetic %d, "
                      "step %" PRIu64,
                      name, (double)is, exact, config->beta1, config->beta2, config->lr, config->weight_decay,
                      config->eps, (int)config->arithmetic, step);
}

static bool scalars_agree(const adamw_config *config, uint64_t step)
{
    adamw_coefficients k;
    adamw_coefficients_of(&k, config, step);
    const long double bc1 = config->bias_correction ? correction(config->beta1, step) : 1;
    const long double root_bc2 = config->bias_correction ? sqrtl(correction(config->beta2, step)) : 1;
    const long double decay = (long double)config->lr * config->weight_decay;
    const bool torch = config->arithmetic == ADAMW_ARITHMETIC_TORCH;
#define AGREES(member, exact) rounds_to(#member, config, step, k.member, exact)
    bool right = AGREES(beta1, config->beta1) && AGREES(c1, 1 - (long double)config->beta1) &&
                 AGREES(beta2, config->beta2) && AGREES(c2, 1 - (long double)config->beta2) &&
                 AGREES(weight_decay, config->weight_decay);
    if (torch)
        right = right && AGREES(torch.negative_step_size, -config->lr / bc1) &&
                (k.torch.one_minus_c1 == 1 - k.c1 || check_fail("one_minus_c1 is not 1 - c1 in float32")) &&
                AGREES(torch.bias_correction2_sqrt, root_bc2) && AGREES(torch.eps, config->eps) &&
                (config->decay == ADAMW_DECAY_L2 || AGREES(torch.decay_factor, 1 - decay));
    else
        right = right && AGREES(accurate.step_size, config->lr * root_bc2 / bc1) &&
                AGREES(accurate.eps, config->eps * root_bc2) && AGREES(accurate.decay, decay);
#undef AGREES
    return right;
}

/* lr * sqrt(bc2) / bc1, in this order: one setting of some 1e9 where lr / bc1 * sqrt(bc2) is another float32. */
static bool in_order(void)
{
    adamw_coefficients k;
    adamw_config config;
    adamw_config_init(&config);
    config.lr = 0.15883503000000002;
    adamw_coefficients_of(&k, &config, 81);
    return k.accurate.step_size == 0x1.6b1b1ep-5f ||
           check_fail("step_size is %a: another order of operations", (double)k.accurate.step_size);
}

bool check_coefficients(const check_options *options)
{
    static const double betas[] = {0, 0.1, 0.3, 0.5, 0.8, 0.9, 0.95, 0.99, 0.999, 0.99999, 1 - 1e-9, 1 - 1e-12};
    enum { BETAS = sizeof betas / sizeof betas[0] };
    uint64_t state = mix64(options->seed);
    if (!in_order())
        return false;
    for (int bits = 0; bits <= 62; bits++) {
        const uint64_t low = UINT64_C(1) << bits;
        const uint64_t steps[] = {low, low + 1, low + mix64(++state) % low};
        for (int s = 0; s < 3; s++)
            for (int b = 0; b < BETAS * BETAS; b++) {
                adamw_config config = config_of_variant((adamw_variant)(b % ADAMW_VARIANT_COUNT));
                config.beta1 = betas[b / BETAS];
                config.beta2 = betas[b % BETAS];
                config.lr = pow(10, -8 * uniform(&state));
                config.weight_decay = pow(10, -6 * uniform(&state));
                config.bias_correction = (b + s) % 5 != 0;
                if (!scalars_agree(&config, steps[s]))
                    return false;
            }
    }
    return true;
}

/* The weight of the new parameter in an average, and what is left to 1 in float32. */
static bool weight_agrees(adamw_ema kind, double decay, uint64_t step)
{
    adamw_update_options o;
    adamw_stages stages;
    adamw_update_options_init(&o);
    o.ema = kind;
    o.ema_decay = decay;
    adamw_stages_of(&stages, &o, step);
    const long double t = (long double)step, plain = 1 - (long double)decay;
    long double exact = plain;
    if (kind == ADAMW_EMA_SWA_UTILS && step == 1)
        exact = 1;
    if (kind == ADAMW_EMA_TIMM)
        exact = fmaxl(plain, step == 1 ? 1 : (long double)(1 - (double)(1 - powl(t, -2.0L / 3)))); /* in double */
    if (kind == ADAMW_EMA_BIAS_CORRECTED)
        exact = decay == 1 ? 1 / t : plain / correction(decay, step);
    int exponent;
    frexpl(exact, &exponent);
    const long double ulp = ldexpl(1, exponent - FLT_MANT_DIG);
    return (fabsl((long double)stages.ema_weight - exact) <= 0.500001L * ulp + 0x1p-53L &&
            stages.ema_keep == 1 - stages.ema_weight) ||
           check_fail("average %d, decay %.17g, step %" PRIu64 ": the weight is %a, exactly %La", (int)kind, decay,
                      step, (double)stages.ema_weight, exact);
}

bool check_ema_weights(const check_options *options)
{
    static const double decays[] = {0, 0.3, 0.5, 0.9, 0.999, 0.9999, 1 - 1e-9, 1};
    uint64_t state = mix64(options->seed + 3);
    for (int kind = ADAMW_EMA_CONSTANT; kind <= ADAMW_EMA_BIAS_CORRECTED; kind++)
        for (size_t d = 0; d < sizeof decays / sizeof decays[0]; d++)
            for (int s = 0; s < 3000; s++) {
                const uint64_t step = s < 1000 ? (uint64_t)s + 1 : 1 + (mix64(++state) >> (24 + s % 39));
                if (!weight_agrees((adamw_ema)kind, decays[d], step))
                    return false;
            }
    return true;
}

/* Steps 1 to 12 in one go, and the same with the states moved elsewhere, other calls between, and other ISAs. */
bool check_resume(const check_options *options)
{
    enum { N = 1003, STEPS = 12 };
    buffers one = buffers_new(N), moved = buffers_new(N), other = buffers_new(N), grads = buffers_new(N);
    bool right = true;
    for (int variant = 0; right && variant < ADAMW_VARIANT_COUNT; variant++) {
        const adamw_config config = config_of_variant((adamw_variant)variant);
        buffers_fill(&one, INPUT_TRAINING, options->seed);
        buffers_copy(&moved, &one);
        for (uint64_t step = 1; right && step <= STEPS; step++) {
            buffers_fill(&grads, INPUT_TRAINING, options->seed + step);
            const adamw_tensor straight = {.n = N,
                                           .param = one.param,
                                           .grad = grads.grad,
                                           .exp_avg = one.exp_avg,
                                           .exp_avg_sq = one.exp_avg_sq,
                                           .max_exp_avg_sq = config.amsgrad ? one.max_exp_avg_sq : NULL};
            right = adamw_step(&config, step, &straight, 1, 0) == ADAMW_OK;

            buffers_copy(&other, &moved); /* the state goes to a new place, as from a file */
            buffers_fill(&moved, INPUT_NASTY, options->seed + 100 + step);
            const adamw_tensor between = buffers_tensor(&moved, &config);
            right = right && adamw_step(&config, 1000 * step, &between, 1, 0) == ADAMW_OK;
            adamw_tensor resumed = buffers_tensor(&other, &config);
            resumed.grad = grads.grad;
            const adamw_isa isa = (adamw_isa)(step % ADAMW_ISA_COUNT);
            step_with(check_wants(options, isa) ? isa : ADAMW_ISA_SCALAR, &config, step, &resumed);
            buffers_copy(&moved, &other);
        }
        buffers_copy(&grads, &moved);
        for (size_t i = 0; i < N; i++)
            grads.grad[i] = one.grad[i]; /* read only in a step: not part of the state */
        const size_t at = buffers_difference(&one, &grads);
        if (right && at != N)
            right = check_fail("%s: value %zu differs after a resume", name_of_variant((adamw_variant)variant), at);
    }
    buffers_free(&one);
    buffers_free(&moved);
    buffers_free(&other);
    buffers_free(&grads);
    return right;
}
