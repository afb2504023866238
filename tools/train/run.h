/*
 * run.h - the training loop of one run: a network, an optimizer, a seed. Runs share nothing but the data, so several
 * go at once. The data of a run is in state.h.
 */
#ifndef TRAIN_RUN_H
#define TRAIN_RUN_H

#include "state.h"

/* Called by the run's own thread; both may be called from several runs at once. */
typedef struct observer {
    void (*batches)(size_t count); /* that many more are done */
    void (*epoch)(const run *x);
} observer;

void run_train(run *x, const observer *watch);

/* Optimizer steps in an epoch. */
size_t run_steps(const options *o, const task *t);

/* Batches in that many epochs, for a progress bar. */
size_t run_batches(const run *x, int epochs);

#endif
