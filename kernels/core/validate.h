/*
 * validate.h - the one place that looks at a caller's arguments.
 */
#ifndef ADAMW_CORE_VALIDATE_H
#define ADAMW_CORE_VALIDATE_H

#include "driver.h"

/* Where the sentence about an error goes; NULL when nobody asked for it. */
typedef struct adamw_sentence {
    char *buffer;
    size_t size;
} adamw_sentence;

/* Checks everything and, only if all is right, fills in the plan. */
ADAMW_INTERNAL adamw_status adamw_validate(adamw_plan *plan, const adamw_config *config, uint64_t step,
                                           const adamw_tensor *tensors, size_t count, const adamw_sentence *sentence);

/* The same for adamw_update(). */
ADAMW_INTERNAL adamw_status adamw_validate_update(adamw_plan *plan, const adamw_config *config, uint64_t step,
                                                  const adamw_tensor *tensors, size_t count,
                                                  const adamw_update_options *options,
                                                  const adamw_sentence *sentence);

/* For what reads gradients alone, and for adding the gradient of one tensor to its param. */
ADAMW_INTERNAL adamw_status adamw_validate_grads(adamw_plan *plan, const adamw_tensor *tensors, size_t count);
ADAMW_INTERNAL adamw_status adamw_validate_accumulate(adamw_plan *plan, const adamw_tensor *tensor);

#endif
