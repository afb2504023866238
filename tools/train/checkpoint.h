/*
 * checkpoint.h - a run on disk, so that it goes on later with the same bits. README.md has the names in the file.
 */
#ifndef TRAIN_CHECKPOINT_H
#define TRAIN_CHECKPOINT_H

#include "state.h"

/* Writes the file anew, or ends the program and leaves the old one. */
void checkpoint_save(const char *path, const run *x, const run_state *s);

typedef struct checkpoint checkpoint;

/* Opens and checks all of it; ends the program where the file is damaged, or of another run than x is to be. */
checkpoint *checkpoint_open(const char *path, const run *x);

/* The length of the run, in epochs, that its recipe was made for. */
int checkpoint_recipe_epochs(const checkpoint *from);

/* Fills in the figures of a new run and its state, whose optimizer has that recipe, makes the run longer where
 * --extend asks for it, and closes the file. */
void checkpoint_load(checkpoint *from, run *x, run_state *s);

#endif
