/*
 * sums.h - what a pass finds out about the list: norms, the largest change, the first gradient that is not finite. A
 * tensor may lie in several parts of a pass; it is summed up when the parts are joined. Sums are exact, so neither
 * the cuts nor the threads show.
 */
#ifndef ADAMW_RUN_SUMS_H
#define ADAMW_RUN_SUMS_H

#include "exact_sum.h"
#include "pieces.h"

/* The sums of one tensor, or of a part of one. */
typedef struct adamw_tensor_sums {
    adamw_exact_sum grads;   /* of the squares of the gradients, scaled */
    adamw_exact_sum changes; /* of the squares of the parameters' changes */
    adamw_exact_sum params;  /* of the squares of the parameters before */
} adamw_tensor_sums;

/* What a pass, or one part of it, found. */
typedef struct adamw_findings {
    adamw_exact_sum grads; /* over all of it */
    float abs_max;         /* the largest magnitude of a gradient */
    double update_ratio;   /* the largest of the tensors' */
    size_t update_ratio_tensor;
    bool not_finite;
    size_t not_finite_tensor, not_finite_index; /* the first gradient that is not finite once it is scaled */
} adamw_findings;

/* One part's findings, and its share of the tensors that other parts share: `head` of one that began before this
 * part, `tail` of one that goes on after it. */
typedef struct adamw_part {
    adamw_findings found;
    bool has_head, head_ends, has_tail; /* head_ends: the tensor of the head ends in this part */
    size_t head_tensor;
    adamw_tensor_sums head, tail;
} adamw_part;

/* Receives a tensor that is summed up whole. */
typedef void adamw_tensor_summed(void *context, size_t tensor, const adamw_tensor_sums *sums, adamw_findings *found);

ADAMW_INTERNAL adamw_findings adamw_findings_none(void);
ADAMW_INTERNAL void adamw_part_begin(adamw_part *part);

/* Returns where the sums of a piece go. `own` is room for those of a tensor that lies in this part alone. */
ADAMW_INTERNAL adamw_tensor_sums *adamw_part_sums(adamw_part *part, const adamw_pieces *piece,
                                                  adamw_tensor_sums *own);
/* Keeps or hands on the sums of a piece, once they are made. */
ADAMW_INTERNAL void adamw_part_piece_done(adamw_part *part, const adamw_pieces *piece, const adamw_tensor_sums *sums,
                                          adamw_tensor_summed *summed, void *context);
/* Joins `part` to all parts before it, `joined`. */
ADAMW_INTERNAL void adamw_part_join(adamw_part *joined, const adamw_part *part, adamw_tensor_summed *summed,
                                    void *context);

/* Keeps the largest magnitude, or a NaN. */
ADAMW_INTERNAL void adamw_findings_take_abs(adamw_findings *found, float abs_max);
/* Keeps the largest ratio, and the first NaN over any. */
ADAMW_INTERNAL void adamw_findings_take_ratio(adamw_findings *found, double ratio, size_t tensor);

#endif
