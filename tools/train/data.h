/*
 * data.h - what the readers give to the training loop: samples with a target, in three sets. Images and windows of a
 * time series have one form here: a sample is a run of `inputs` consecutive floats somewhere in `values`.
 */
#ifndef TRAIN_DATA_H
#define TRAIN_DATA_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct samples {
    size_t count;
    float *values;
    size_t *start; /* sample i begins at values + start[i]; windows of one series overlap */
    float *target; /* the class, or the value to predict divided by the task's scale */
} samples;

typedef struct task {
    char name[32], file[32]; /* for people, and for the names of result files */
    const char *metric;      /* its name with the unit */
    bool classify;           /* softmax and accuracy; otherwise squared error and its root */
    double scale;            /* of the targets */
    size_t inputs, outputs;
    samples train, validation, test;
    uint32_t digest[3]; /* of the three sets, once task_digest() has filled it in */
} task;

/* Fashion-MNIST, or any data set of its form: IDX files of images and labels (idx.c). */
task read_fashion_mnist(const char *directory);

/* C-MAPSS, "FD001" or "FD002" (cmapss.c). */
task read_cmapss(const char *directory, const char *subset);

void free_task(task *x);

/* Takes CRC-32 over each set's targets and values: a checkpoint holds them, so that a run goes on with its own data.
 */
void task_digest(task *x);

#endif
