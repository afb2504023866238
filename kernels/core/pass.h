/*
 * pass.h - a pass over the list that does more than the plain step: it sums up gradients, or updates with extras, or
 * both at once. update.c decides which passes a call needs.
 */
#ifndef ADAMW_CORE_PASS_H
#define ADAMW_CORE_PASS_H

#include "driver.h"

/* The values of a tensor whose squares are summed up in double at once (body/reduce.h): as its place in the tensor
 * alone decides, the bits of a norm depend on no cut. Four streams of it and a copy stay near the core; twice as many
 * as 1024 take 1 % off a clipped step in DRAM, more bring nothing. */
enum { ADAMW_SUM_BLOCK = 2048 };

typedef struct adamw_pass {
    const adamw_tensor *tensors;
    size_t count, total;
    const adamw_kernels *kernels;
    adamw_look_ahead look_ahead;
    const adamw_update_options *options;
    const adamw_config *config; /* of the call, and with it the number of its step */
    uint64_t step;

    bool sum_grads;    /* norms, and where the first gradient is that is not finite */
    bool abs_max;      /* instead: the largest magnitude */
    bool update;       /* the step with its extras */
    bool sum_changes;  /* how much the update changes */
    bool zero_only;    /* only clears the gradients */
    float coefficient; /* of clipping by the global norm; 1 without */

    /* What it found. */
    double *tensor_norms;
    adamw_result found; /* head and tail: of the tensor that is being joined */
} adamw_pass;

ADAMW_INTERNAL void adamw_pass_run(adamw_pass *pass, int threads);

/* What a gradient is multiplied with to be clipped to clip_max by its norm. */
ADAMW_INTERNAL float adamw_clip_coefficient(const adamw_config *config, double clip_max, double norm);

#endif
