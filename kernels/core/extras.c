/*
 * extras.c - see extras.h. In double, with IEEE operations alone, so that every platform has the same bits.
 */
#include "extras.h"

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

adamw_extras adamw_extras_of(const adamw_update_options *options, uint64_t step)
{
    adamw_extras e = {
        .grad_scale = (float)options->grad_scale,
        .grad_factor = 1,
        .grad_limit = options->clip == ADAMW_CLIP_VALUE ? (float)options->clip_max : INFINITY,
        .ema = options->ema != ADAMW_EMA_NONE,
        .zero_grad = options->zero_grad,
        .copy = ADAMW_DTYPE_FLOAT32,
    };
    if (e.ema) {
        e.ema_weight = (float)ema_weight(options, step);
        e.ema_keep = 1 - e.ema_weight; /* in float32, as torch.lerp takes it */
    }
    return e;
}
