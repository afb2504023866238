/*
 * loss_scale.c - the scale of a loss in mixed precision, by GradScaler's rule with a floor.
 */
#include "../dispatch/float_env.h"

#include "../../include/adamw.h"

#include <float.h>
#include <math.h>

adamw_status adamw_loss_scale_init(adamw_loss_scale *scale)
{
    if (scale == NULL)
        return ADAMW_ERROR_INVALID_ARGUMENT;
    *scale = (adamw_loss_scale){.scale = 65536,
                                .growth_factor = 2,
                                .backoff_factor = 0.5,
                                .min_scale = FLT_MIN,
                                .growth_interval = 2000,
                                .growth_tracker = 0};
    return ADAMW_OK;
}

/* Compared without an exception for a NaN, which a caller may trap. 1 / x, the grad_scale that goes with a scale, is
 * within float32's range then. */
static bool is_scale(double x) { return isgreaterequal(x, (double)FLT_MIN) && islessequal(x, (double)FLT_MAX); }
static bool is_growth(double x) { return isgreater(x, 1) && islessequal(x, (double)FLT_MAX); }
static bool is_backoff(double x) { return isgreater(x, 0) && isless(x, 1); }

adamw_status adamw_loss_scale_update(adamw_loss_scale *scale, bool skipped)
{
    if (scale == NULL || !is_scale(scale->min_scale) || !is_scale(scale->scale) || !is_growth(scale->growth_factor) ||
        !is_backoff(scale->backoff_factor) || scale->growth_interval < 1 || scale->growth_tracker < 0)
        return ADAMW_ERROR_INVALID_ARGUMENT;
    const uint64_t env = adamw_float_env_get();
    if (skipped) {
        const double less = scale->scale * scale->backoff_factor;
        if (scale->scale > scale->min_scale)
            scale->scale = less > scale->min_scale ? less : scale->min_scale;
        scale->growth_tracker = 0;
    } else if (scale->growth_tracker >= scale->growth_interval - 1) { /* so, because + 1 may leave an int */
        const double grown = scale->scale * scale->growth_factor;
        if (grown <= FLT_MAX)
            scale->scale = grown;
        scale->growth_tracker = 0;
    } else {
        scale->growth_tracker++;
    }
    adamw_float_env_set(env);
    return ADAMW_OK;
}
