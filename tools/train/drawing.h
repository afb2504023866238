/*
 * drawing.h - a picture: a gnuplot script with its data in it, kept, and the SVG that gnuplot makes of it.
 */
#ifndef TRAIN_DRAWING_H
#define TRAIN_DRAWING_H

#include "files.h"
#include "data.h"
#include "options.h"

extern const char *const drawing_colour[2]; /* by adamw_decay */

/* A script OUT/<task><suffix>.gnuplot, begun for a picture of so many pixels. */
result drawing_open(const options *o, const task *t, const char *suffix, int width, int height);

/* Draws OUT/<task><suffix>.svg and says so; without gnuplot it says that. */
void drawing_finish(result *script, const options *o, const task *t, const char *suffix);

#endif
