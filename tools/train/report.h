/*
 * report.h - what a user sees of the runs: a line for each epoch, a progress bar on a terminal, the comparison at the
 * end, CSV files and a picture. Files are written when every run is through, under a temporary name first.
 */
#ifndef TRAIN_REPORT_H
#define TRAIN_REPORT_H

#include "run.h"

/* Makes the directory of the results and prints what will be done; ends the program where they cannot be written. */
void report_start(const options *o, const task *t, const run *runs, size_t count);

/* What the runs call; see run.h. */
observer report_observer(void);

/* After the last run. */
void report_end(const options *o, const task *t, const run *runs, size_t count);

#endif
