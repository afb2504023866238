/*
 * pass.h - one pass over the list of a plan. kernels/api decides which passes a call consists of.
 */
#ifndef ADAMW_RUN_PASS_H
#define ADAMW_RUN_PASS_H

#include "../plan/plan.h"
#include "sums.h"

/* What a pass does to each tensor; several at once are done in this order. */
typedef struct adamw_pass {
    bool sum_grads;         /* findings.grads, and the first gradient that is not finite */
    bool abs_max;           /* findings.abs_max */
    bool update;            /* the step with its stages */
    bool sum_changes;       /* with update: findings.update_ratio */
    bool zero_grad;         /* clears the gradients, where nothing is summed up; an update does so by itself */
    float clip_coefficient; /* with update: of the global norm; 1 without */
    double *tensor_norms;   /* or NULL; each tensor's norm, which sum_grads writes and an update that clips reads */
} adamw_pass;

/* The whole list on a team of threads. `found` is written where the pass sums something up, and may be NULL
 * elsewhere. */
ADAMW_INTERNAL void adamw_pass_run(const adamw_plan *plan, const adamw_pass *pass, adamw_findings *found);

/* Part `part` of `parts` of a pass that sums nothing up, on the calling thread. */
ADAMW_INTERNAL void adamw_pass_run_part(const adamw_plan *plan, const adamw_pass *pass, size_t part, size_t parts);

#endif
