/*
 * plan.h - a call that is known to be right: what kernels/plan makes of the arguments and kernels/run carries out.
 */
#ifndef ADAMW_PLAN_PLAN_H
#define ADAMW_PLAN_PLAN_H

#include "../dispatch/tuning.h"

typedef struct adamw_plan {
    const adamw_config *config; /* the call's: of each tensor without a config of its own */
    uint64_t step;              /* the call's: of each tensor without a step of its own */
    const adamw_tensor *tensors;
    size_t count;
    size_t total;                        /* values in all tensors */
    int threads;                         /* at most; 0: the library decides */
    const adamw_update_options *options; /* NULL: a plain step */
    const adamw_kernels *kernels; /* any of this type may stand here: the benchmark puts its traffic loops there */
    const adamw_tuning *tuning;
    adamw_prefetch prefetch;
} adamw_plan;

#endif
