/*
 * accuracy.h - what the measurements share: the exact recurrence in double, the inputs, progress and output. The
 * kernels are used through the public header alone: what is measured is what a program gets.
 */
#ifndef ADAMW_ACCURACY_H
#define ADAMW_ACCURACY_H

#include "../../include/adamw.h"
#include "../common/output.h"

#include <stdio.h>

/* Values that are worked on together: small enough that all runs of a measurement stay in the cache. */
enum { BLOCK = 512 };

typedef struct accuracy_options {
    bool quick;       /* a hundredth of the work: shows that the tool works, not what the page prints */
    const char *data; /* the folder for the files that gnuplot reads; NULL for none */
} accuracy_options;

/* The measurements, each in a file of its own: tables go to stdout as Markdown. Each returns false, with a message
 * on stderr, when it could not write. */
bool measure_growth(const accuracy_options *options);
bool measure_decay(const accuracy_options *options);
bool measure_law(const accuracy_options *options);

/* ---- the exact recurrence, in double (exact.c) ---- */

typedef struct exact {
    double beta1, c1, beta2, c2, bc1, root_bc2, lr, weight_decay, eps;
    bool l2;
} exact;

exact exact_of(const adamw_config *config, uint64_t step);

/* Moves the moments of a block and gives update[i] = mhat / (sqrt(vhat) + eps). max_v is NULL without amsgrad. */
void exact_update(const exact *k, const double *grad, double *m, double *v, double *max_v, double *update);

/* A whole step of a block. `rounded`: p is rounded to float32 after the step, which is all that it loses. */
void exact_step(const exact *k, const double *grad, double *p, double *m, double *v, double *max_v, bool rounded);

/* p -= lr * (update + weight_decay * p) for a block. */
void exact_apply(double lr, double weight_decay, const double *update, double *p);

/* ---- inputs: functions of counters alone, the same on every machine (inputs.c) ---- */

/* BLOCK values, near normal (the sum of four uniforms) with mean 0 and the given RMS. */
void near_normal(float *x, uint64_t seed, uint64_t block, uint64_t step, double rms);

/* ---- memory, text, progress, files (common.c) ---- */

/* Zeros; ends the program when there is no memory. */
void *allocate(size_t count, size_t size);

/* Prints a paragraph of prose, broken into lines as those of the page, and an empty line. */
void paragraph(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* x for a table, with at least this number of digits, never with an exponent: 0.0102, 3.16, 12.4, 153, 10,043. */
enum { NUMBER_SIZE = 48 };
const char *number(double x, int digits, char text[NUMBER_SIZE]);

/* Shows `what` and the share of the work done, on a terminal only. May be called by every thread. */
void progress_begin(const char *what, double work);
void progress_add(double work);
void progress_end(void);

/* A file of --data's folder, or a temporary one without --data; false, with a message on stderr, when it cannot be
 * opened, or not be written to its end. */
bool open_data(const accuracy_options *options, const char *name, output *file);
bool close_data(output *file);

#endif
