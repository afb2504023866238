/*
 * summary.h - the runs of one optimizer and one weight decay over their seeds.
 */
#ifndef TRAIN_SUMMARY_H
#define TRAIN_SUMMARY_H

#include "state.h"

typedef struct summary {
    double mean, spread, median, low, high; /* spread: the standard deviation of a sample */
} summary;

const run *find_run(const run *runs, size_t count, adamw_decay decay, double weight_decay, uint64_t seed);

/* figure 0: of the test figures; from 1 on: of that layer's weight norms. */
summary summary_of(const options *o, const run *runs, size_t count, adamw_decay decay, double weight_decay,
                   size_t figure);

/* The optimizers that the options ask for, in the order of adamw_decay; returns how many. */
size_t optimizers_of(const options *o, adamw_decay list[2]);

#endif
