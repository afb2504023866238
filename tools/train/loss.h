/*
 * loss.h - what a batch of outputs is worth: cross-entropy and hits for classes, squared error for a value.
 */
#ifndef TRAIN_LOSS_H
#define TRAIN_LOSS_H

#include "data.h"

/* Sums over samples, so that batches of any size add up. */
typedef struct score {
    double loss, hits, squares; /* hits: right classes; squares: of the errors, in the target's own unit */
    size_t count;
} score;

/* Adds a batch to the score and writes to back the derivative of its summed loss / divisor by the outputs; the
 * divisor is the batch for a mean. near_failure: the squared error weighs 1 at the targets' cap and 2 at failure,
 * linear between. */
void score_batch(const task *t, const float *output, const float *target, size_t batch, size_t divisor,
                 bool near_failure, float *back, score *sum);

double score_loss(const score *x);

/* The task's metric: accuracy in per cent, or the root of the mean squared error. */
double score_metric(const task *t, const score *x);

#endif
