/*
 * options.h - from a call's options and a group's step to the stages around its updates. A plain step has none.
 */
#ifndef ADAMW_PLAN_OPTIONS_H
#define ADAMW_PLAN_OPTIONS_H

#include "../body/kernels.h"

/* The stages around the update. A zeroed struct has all of them off but `grad`. */
typedef struct adamw_stages {
    adamw_grad_scaling grad;
    bool average;               /* param_ema goes `ema_weight` of the way to the new parameter */
    float ema_weight, ema_keep; /* ema_keep = 1 - ema_weight */
    bool copy;                  /* the new parameter goes to param_copy */
    bool zero_grad;             /* the gradient is cleared */
} adamw_stages;

/* options NULL: all off. */
ADAMW_INTERNAL void adamw_stages_of(adamw_stages *stages, const adamw_update_options *options, uint64_t step);

/* Whether the options clip by a norm. */
ADAMW_INTERNAL bool adamw_clips_by_norm(const adamw_update_options *options);

/* The factor that clips a gradient of this norm to options->clip_max, in the call's arithmetic. */
ADAMW_INTERNAL float adamw_clip_coefficient(const adamw_config *config, const adamw_update_options *options,
                                            double norm);

#endif
