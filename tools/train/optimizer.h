/*
 * optimizer.h - what the library does in a run: the tensor list in two parameter groups, the schedule, and one
 * adamw_update() for each step with clipping, weight averaging and accumulated gradients where asked for.
 */
#ifndef TRAIN_OPTIMIZER_H
#define TRAIN_OPTIMIZER_H

#include "network.h"
#include "options.h"

typedef struct optimizer {
    adamw_config weights, biases;   /* two groups: biases do not decay */
    adamw_schedule_group groups[2]; /* the same two, under one schedule */
    adamw_schedule schedule;
    int64_t milestones[2]; /* of the schedule */
    adamw_tensor tensor[2 * MAX_LAYERS];
    size_t tensors, count; /* count: values in each buffer below */
    float *exp_avg, *exp_avg_sq;
    float *ema;            /* NULL without --ema */
    float *sum;            /* of the gradients of a step's batches; NULL where a step has one */
    int batches, waiting;  /* of a step; how many of them are in `sum` */
    size_t batch, samples; /* of a whole batch; in `sum` */
    adamw_update_options update;
    int threads;
    uint64_t step;
} optimizer;

/* The recipe that the options name, for a run of that many epochs of `steps`; ends the program where the library
 * refuses it. */
void recipe(const options *o, int epochs, size_t steps, adamw_config *config, adamw_schedule *schedule,
            int64_t *milestones);

/* "adamw" or "adam-l2". */
const char *optimizer_name(adamw_decay decay);

optimizer *optimizer_new(const options *o, adamw_decay decay, double weight_decay, const network *net, int epochs,
                         size_t steps);
void optimizer_free(optimizer *x);

/* By what a batch's summed loss is divided: its own samples where it is a step of its own, those of a whole batch
 * where gradients are added up, so that a short last batch weighs in the step's mean by its samples. */
size_t optimizer_divisor(const optimizer *x, size_t samples);

/* A batch's gradient is in the network. The last batch of an epoch makes a step whatever has been gathered. */
void optimizer_batch(optimizer *x, const network *net, size_t samples, bool last);

/* The weights to validate and test: the averaged ones, where there are any. */
float *optimizer_weights(const optimizer *x, const network *net);

#endif
