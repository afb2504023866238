/*
 * lr.h - what the files of adamw-lr tell each other: the options, the trace that the library's scheduler gives for
 * them, and the ways to show it.
 */
#ifndef ADAMW_TOOLS_LR_H
#define ADAMW_TOOLS_LR_H

#include <stdbool.h>
#include <stdio.h>

#include "../../include/adamw.h"
#include "common.h"

/* ---- options.c ---- */

typedef struct lr_options {
    adamw_schedule_config recipe;
    const char *name;        /* of the preset, or of the kind */
    int64_t epochs;          /* length of the run */
    int64_t steps_per_epoch; /* 1 where the recipe knows no steps */
    int plateaus;            /* flat stretches of the made-up metric */
    const char *metric;      /* a CSV instead, and its column */
    const char *column;
    int64_t blank;    /* cells of it that hold nothing */
    bool own_warmup;  /* --warmup was given */
    bool feed_warmup; /* the wrong trace beside the right one */
    const char *csv, *picture, *html;
    bool chart, speed;
} lr_options;

lr_options lr_parse(int argc, char **argv);

/* ---- settings.c ---- */

/* Ends the program with a sentence of the library's, its fields told as the options that set them. */
void lr_fail_in_options(const char *sentence) __attribute__((noreturn));

/* ---- metric.c ---- */

/* From 20 to 8: K flat stretches, each a quarter of the run or nine tenths of its share, a falling line before each.
 */
double *lr_metric(int64_t epochs, int plateaus);
/* The column of a CSV file; `epochs` becomes its length if it is 0, `blank` the number of cells left out. */
double *lr_read_metric(const char *path, const char *column, int64_t *epochs, int64_t *blank);

/* ---- trace.c ---- */

/* A run, point by point: a point is a step where the recipe knows steps, otherwise an epoch. */
typedef struct lr_trace {
    int64_t epochs, points, points_per_epoch;
    double *lr, *weight_decay; /* of each point */
    double *metric;            /* of each epoch, as are the events it brought */
    unsigned *events;
    int64_t main_start;  /* the first point of the main phase; points if there is none */
    int64_t decay_start; /* of a warmup-stable-decay's decay; points otherwise */
} lr_trace;

lr_trace lr_run(const adamw_schedule_config *recipe, int64_t epochs, int64_t steps_per_epoch, const double *metric);
/* The same with the mistake of many trainers: the plateau rule sees the warmup's metrics. */
lr_trace lr_run_feeding_warmup(const adamw_schedule_config *recipe, int64_t epochs, int64_t steps_per_epoch,
                               const double *metric);
void lr_free(lr_trace *trace);
const char *lr_phase(const lr_trace *trace, int64_t point);

/* ---- show.c, picture.c, page.c, speed.c ---- */

void lr_print_table(FILE *to, const lr_options *o, const lr_trace *right, const lr_trace *wrong);
void lr_print_chart(FILE *to, const lr_options *o, const lr_trace *right, const lr_trace *wrong);
void lr_write_csv(const lr_options *o, const lr_trace *right, const lr_trace *wrong);
/* NAME.svg and NAME.png. */
void lr_draw(const lr_options *o, const lr_trace *right, const lr_trace *wrong);
void lr_write_page(const lr_options *o);
void lr_print_speed(void);

#endif
