/*
 * options.c - see options.h. In double, with IEEE operations alone, so that every platform has the same bits.
 */
#include "options.h"

#include <math.h>

#include "coefficients.h"

/* x^(-2/3) for x >= 1: Newton's method for the reciprocal of the cube root, y -> y*(4 - x*y^3)/3, from below. */
static double power_minus_two_thirds(double x)
{
    int exponent;
    frexp(x, &exponent);
    double y = ldexp(1, -(exponent + 2) / 3); /* at most x^(-1/3), at least half of it */
    for (int i = 0; i < 8; i++)
        y = y * (4 - x * y * y * y) / 3;
    return y * y;
}

/* The weight of the new parameter in the average (adamw_ema in adamw.h). */
static double ema_weight(const adamw_update_options *options, uint64_t step)
{
    const double weight = 1 - options->ema_decay;
    switch (options->ema) {
    case ADAMW_EMA_SWA_UTILS:
        return step == 1 ? 1 : weight;
    case ADAMW_EMA_TIMM: {
        const double warm = step == 1 ? 1 : 1 - (1 - power_minus_two_thirds((double)step));
        return warm > weight ? warm : weight;
    }
    case ADAMW_EMA_BIAS_CORRECTED:
        if (options->ema_decay == 1) /* the limit, the mean of all, where the quotient is 0/0 */
            return 1 / (double)step;
        return weight / adamw_bias_correction(options->ema_decay, step);
    case ADAMW_EMA_CONSTANT:
    case ADAMW_EMA_NONE:
        break;
    }
    return weight;
}

void adamw_stages_of(adamw_stages *stages, const adamw_update_options *options, uint64_t step)
{
    *stages = (adamw_stages){.grad = {.scale = 1, .limit = INFINITY, .factor = 1}};
    if (options == NULL)
        return;
    stages->grad.scale = (float)options->grad_scale;
    if (options->clip == ADAMW_CLIP_VALUE)
        stages->grad.limit = (float)options->clip_max;
    stages->copy = options->copy;
    stages->zero_grad = options->zero_grad;
    stages->average = options->ema != ADAMW_EMA_NONE;
    if (stages->average) {
        stages->ema_weight = (float)ema_weight(options, step);
        stages->ema_keep = 1 - stages->ema_weight; /* in float32, as torch.lerp takes it */
    }
}

bool adamw_clips_by_norm(const adamw_update_options *options)
{
    return options->clip == ADAMW_CLIP_GLOBAL_NORM || options->clip == ADAMW_CLIP_TENSOR_NORM;
}

float adamw_clip_coefficient(const adamw_config *config, const adamw_update_options *options, double norm)
{
    if (config->arithmetic == ADAMW_ARITHMETIC_TORCH) {
        /* There clip_max / tensor is tensor.reciprocal() * clip_max. */
        const float reciprocal = 1.0f / ((float)norm + 1e-6f);
        const float coefficient = reciprocal * (float)options->clip_max;
        return coefficient > 1 ? 1 : coefficient;
    }
    const double coefficient = options->clip_max / (norm + 1e-6);
    return (float)(coefficient > 1 ? 1 : coefficient);
}
