/*
 * stages.h - the update of some values of one tensor, with the stages around it.
 */
#ifndef ADAMW_RUN_STAGES_H
#define ADAMW_RUN_STAGES_H

#include "../plan/group.h"

/*
 * Updates the values [first, first + n) of the tensor, whose group is `group`. `coefficient` is what clipping by a
 * norm multiplies its gradient with; 1 without. A plain float32 step goes to the kernel in one call, by pointer.
 */
ADAMW_INTERNAL void adamw_stages_run(const adamw_group *group, const adamw_tensor *tensor, size_t first, size_t n,
                                     float coefficient);

/* The parameters [first, first + n) as float32: where they lie, or widened into `room`, which has n values. */
ADAMW_INTERNAL const char *adamw_stages_param(const adamw_group *group, const adamw_tensor *tensor, size_t first,
                                              size_t n, float *room);

#endif
