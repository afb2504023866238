/*
 * loss_scale.c - the scale of a loss in mixed precision, by GradScaler's rule with a floor.
 */
#include "../strict.h"

#include "../../include/adamw.h"

#include <float.h>

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

/* 1 / x, the grad_scale that goes with it, is within float32's range then. */
static bool is_scale(double x) { return x >= (double)FLT_MIN && x <= (double)FLT_MAX; }

adamw_status adamw_loss_scale_update(adamw_loss_scale *scale, bool skipped)
{
    if (scale == NULL || !is_scale(scale->min_scale) || !is_scale(scale->scale) ||
        !(scale->growth_factor > 1 && scale->growth_factor <= FLT_MAX) ||
        !(scale->backoff_factor > 0 && scale->backoff_factor < 1) || scale->growth_interval < 1 ||
        scale->growth_tracker < 0)
        return ADAMW_ERROR_INVALID_ARGUMENT;
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
    return ADAMW_OK;
}
