/*
 * drawing.h - a picture: a gnuplot script with its data in it, kept, and the SVG that gnuplot makes of it. Colours
 * and axes are tools/common/style.gp's; what is drawn is in plot.c and decays.c.
 */
#ifndef TRAIN_DRAWING_H
#define TRAIN_DRAWING_H

#include <stdbool.h>

#include "data.h"
#include "files.h"
#include "options.h"

/* The names of an optimizer's colour in style.gp, and of the optimizer in a picture. */
const char *drawing_colour(adamw_decay decay);
const char *drawing_name(adamw_decay decay);

/* A script OUT/<task><suffix>.gnuplot, begun for a picture of that many pixels. */
result drawing_open(const options *o, const task *t, const char *suffix, int width, int height);

/* Writes a string of gnuplot with the data set, what is shown, the CPU and the date. */
void drawing_title(FILE *to, const task *t, const char *shown);

/* A curve's name beside its end instead of a key. */
typedef struct end_label {
    char text[80];
    const char *colour; /* a name of style.gp */
    double y;
} end_label;

/* Replaces the labels of the plot to come, whose y axis goes from low to high; moves them apart where they would
 * cover each other. At most two. */
void drawing_labels(FILE *to, end_label *labels, size_t count, double low, double high, bool logarithmic);

/* Draws OUT/<task><suffix>.svg and says so; without gnuplot it says that. */
void drawing_finish(result *script, const options *o, const task *t, const char *suffix);

#endif
