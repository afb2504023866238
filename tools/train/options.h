/*
 * options.h - the command line of adamw-train. What is not given takes the default of the preset or the data set.
 */
#ifndef TRAIN_OPTIONS_H
#define TRAIN_OPTIONS_H

#include <stdint.h>

#include "../../include/adamw.h"

enum { MAX_DECAYS = 8, MAX_HIDDEN = 4, MAX_EPOCHS = 100000 };

typedef struct options {
    char directory[1000]; /* of the data */
    const char *subset;   /* NULL: Fashion-MNIST; otherwise of C-MAPSS */
    const char *out, *checkpoint;
    bool resume, extend, near_failure;
    int optimizers;               /* bits: 1 << ADAMW_DECAY_DECOUPLED, 1 << ADAMW_DECAY_L2 */
    const char *preset;           /* NULL: `schedule` alone says what the rate does */
    adamw_schedule_kind schedule; /* the preset's own where there is one */
    int epochs, stop;             /* stop: end after this many epochs of the plan; 0: at its end */
    int batch, accumulate, seeds, threads, jobs;
    int warmup, patience; /* epochs; UNSET: the recipe's own */
    uint64_t seed;
    double lr, min_lr, clip, ema; /* min_lr: UNSET: the recipe's own; clip 0, ema 0: off */
    double weight_decay[MAX_DECAYS];
    int weight_decays;
    int hidden[MAX_HIDDEN], hidden_layers;
    adamw_isa isa;
} options;

enum { UNSET = -1 };

/* Ends the program with a sentence on bad options, and after --help. */
options read_options(int argc, char **argv);

/* Inside read_options(): fills in what was not given, and ends the program where options do not fit together
 * (defaults.c). */
void complete_options(options *x);

#endif
