/*
 * validate.h - the one place that looks at a caller's arguments: each function checks everything and, only if all is
 * right, fills in the plan. Where something is wrong, the sentence says what, and what would be right.
 */
#ifndef ADAMW_PLAN_VALIDATE_H
#define ADAMW_PLAN_VALIDATE_H

#include "message.h"
#include "plan.h"

/* Checks the arguments of adamw_step(), where options is NULL, and of adamw_update(). `report` must overlap
 * nothing. */
ADAMW_INTERNAL adamw_status adamw_validate(adamw_plan *plan, const adamw_config *config, uint64_t step,
                                           const adamw_tensor *tensors, size_t count,
                                           const adamw_update_options *options, const adamw_update_report *report,
                                           int threads, adamw_sentence to);

/* Check the arguments of what reads gradients alone, and of adding the gradient of one tensor to its param. */
ADAMW_INTERNAL adamw_status adamw_validate_grads(adamw_plan *plan, const adamw_tensor *tensors, size_t count,
                                                 int threads);
ADAMW_INTERNAL adamw_status adamw_validate_accumulate(adamw_plan *plan, const adamw_tensor *tensor, int threads);

/* A caller's buffer of a conversion: `width` bytes a value. */
typedef struct adamw_buffer {
    const void *start;
    size_t width;
} adamw_buffer;

/* Checks the buffers of a conversion: n values each, and no two overlap. */
ADAMW_INTERNAL adamw_status adamw_validate_buffers(adamw_plan *plan, size_t n, const adamw_buffer *buffers,
                                                   size_t count, int threads);

#endif
