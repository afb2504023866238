/*
 * results.h - what is written once every run is through: each function has a file of its own. The lines of a running
 * program are report.h's.
 */
#ifndef TRAIN_RESULTS_H
#define TRAIN_RESULTS_H

#include "state.h"

void print_comparison(const options *o, const task *t, const run *runs, size_t count); /* compare.c */
void write_csv(const options *o, const task *t, const run *runs, size_t count);        /* csv.c */
void write_picture(const options *o, const task *t, const run *runs, size_t count);    /* plot.c */
void write_decays(const options *o, const task *t, const run *runs, size_t count);     /* decays.c */

#endif
