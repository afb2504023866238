/*
 * run.h - one training run: a network, an optimizer, a seed. Runs share nothing but the data, so several go at once.
 */
#ifndef TRAIN_RUN_H
#define TRAIN_RUN_H

#include "data.h"
#include "optimizer.h"

typedef struct epoch {
    double lr, train_loss, validation_loss, validation, seconds;
    bool cut; /* the plateau rule lowered the rate after it */
} epoch;

typedef struct run {
    /* what to do */
    const task *task;
    const options *options;
    adamw_decay decay;
    double weight_decay;
    uint64_t seed;
    /* what came out; the weights are those of the best validation epoch */
    epoch *epoch;
    int epochs, best; /* epochs done; the best one, from 0 */
    double validation, test;
    size_t layers;
    double norm[MAX_LAYERS]; /* of each layer's weights */
    uint32_t crc;            /* CRC-32 of the weights: equal bits, equal number */
} run;

/* What a run works with, and what a checkpoint holds beside the run's own figures. */
typedef struct run_state {
    network net;
    optimizer *optimizer;
    float *best; /* the weights of the best epoch */
} run_state;

/* Called by the run's own thread; both may be called from several runs at once. */
typedef struct observer {
    void (*batches)(size_t count); /* so many more are done */
    void (*epoch)(const run *x);
} observer;

void run_train(run *x, const observer *watch);

/* Batches of so many epochs, for a progress bar. */
size_t run_batches(const run *x, int epochs);

/* "adamw" or "adam-l2". */
const char *optimizer_name(adamw_decay decay);

#endif
