/*
 * group.h - what the tensors of one parameter group share at one step: the scalars, the kernel and the stages.
 */
#ifndef ADAMW_PLAN_GROUP_H
#define ADAMW_PLAN_GROUP_H

#include "options.h"
#include "plan.h"

typedef struct adamw_group {
    const adamw_config *config; /* whose these are, and at which step; NULL: nothing yet */
    uint64_t step;
    const adamw_kernels *kernels;
    adamw_variant variant;
    adamw_update_kernel *update;
    adamw_coefficients coefficients;
    adamw_stages stages;
} adamw_group;

/* Fills `group` in for the tensor. Neighbours in a list mostly share their group, and then nothing is computed again.
 * A group whose config is NULL is empty. */
ADAMW_INTERNAL void adamw_group_take(adamw_group *group, const adamw_plan *plan, const adamw_tensor *tensor);

#endif
