/*
 * driver.h - runs a checked step over the whole tensor list: which thread works on which values.
 */
#ifndef ADAMW_CORE_DRIVER_H
#define ADAMW_CORE_DRIVER_H

#include "../body/kernels.h"
#include "exact_sum.h"

/* A step that is known to be right: what adamw_validate() accepted. Any kernels of the same type may stand in it;
 * the benchmark puts its traffic loops there, to measure them with the very split of a step. */
typedef struct adamw_plan {
    const adamw_config *config;
    uint64_t step;
    const adamw_tensor *tensors;
    size_t count;
    size_t total; /* values in all tensors */
    const adamw_kernels *kernels;
    adamw_look_ahead look_ahead;
} adamw_plan;

/* The whole list on a team of threads. */
ADAMW_INTERNAL void adamw_drive(const adamw_plan *plan);

/* One part of it on the calling thread. */
ADAMW_INTERNAL void adamw_drive_part(const adamw_plan *plan, size_t part, size_t parts);

/* ---- for other passes over a list (pass.c, accumulate.c) ---- */

/* The pieces of tensors that one part of a list consists of, in the list's order. */
typedef struct adamw_pieces {
    const adamw_tensor *tensors;
    size_t count, begin, end;   /* the part, counted in values over the whole list */
    size_t next, offset;        /* the next tensor, and where it begins */
    size_t tensor, first, last; /* the piece: values [first, last) of tensors[tensor] */
} adamw_pieces;

ADAMW_INTERNAL adamw_pieces adamw_pieces_of(const adamw_tensor *tensors, size_t count, size_t total, size_t part,
                                            size_t parts);
/* Moves on to the next piece that is not empty; false after the last one. */
ADAMW_INTERNAL bool adamw_pieces_next(adamw_pieces *pieces);

/* How many threads a pass over `total` values is worth, at most `wanted` (0: OpenMP's default). */
ADAMW_INTERNAL int adamw_team_size(size_t total, int wanted);

/*
 * What one part of a pass brings back. A tensor that lies in several parts is summed up when they are joined: `head`
 * is the share of one that began before this part, `tail` of one that goes on after it.
 */
typedef struct adamw_tensor_sums {
    adamw_exact_sum grads;   /* of the squares of the gradients, scaled */
    adamw_exact_sum changes; /* of the squares of the parameters' changes */
    adamw_exact_sum params;  /* of the squares of the parameters before */
} adamw_tensor_sums;

typedef struct adamw_result {
    bool has_head, head_ends, has_tail; /* head_ends: the tensor of the head ends in this part */
    size_t head_tensor;
    adamw_tensor_sums head, tail;
    adamw_exact_sum grads; /* over the whole part */
    float abs_max;
    double update_ratio; /* the largest of the tensors that lie in this part alone */
    size_t update_ratio_tensor;
    bool not_finite;
    size_t not_finite_tensor, not_finite_index; /* the first gradient that is not finite */
} adamw_result;

/* Calls work() for each part on a thread of its own, in the caller's floating-point environment, with a zeroed
 * result, and join(), if it is not NULL, for one part after the other, in their order. */
typedef void adamw_work(void *context, size_t part, size_t parts, adamw_result *result);
typedef void adamw_join(void *context, const adamw_result *result);
ADAMW_INTERNAL void adamw_run(int threads, adamw_work *work, adamw_join *join, void *context);

#endif
