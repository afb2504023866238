/*
 * state.h - the data of one training run: what to do, what came out, and what the run works with. It stands apart
 * from run.h so that the checkpoint and the reports need only the data; functions must not go here.
 */
#ifndef TRAIN_STATE_H
#define TRAIN_STATE_H

#include "data.h"
#include "network.h"
#include "optimizer.h"
#include "options.h"

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
    int epochs, best;  /* epochs done; the best one, from 0 */
    int recipe_epochs; /* the run's length when its recipe was made: --extend has made it longer since */
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

#endif
