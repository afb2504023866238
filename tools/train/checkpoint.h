/*
 * checkpoint.h - a run on disk, so that it goes on later with the same bits. README.md has the format.
 */
#ifndef TRAIN_CHECKPOINT_H
#define TRAIN_CHECKPOINT_H

#include "state.h"

void checkpoint_save(const char *path, const run *x, const run_state *s);

/* Fills in the figures of a new run and its state; ends the program where the file is damaged or of another run. */
void checkpoint_load(const char *path, run *x, run_state *s);

#endif
