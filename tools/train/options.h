/*
 * options.h - the command line of adamw-train. A value that is not set takes the default of its data set.
 */
#ifndef TRAIN_OPTIONS_H
#define TRAIN_OPTIONS_H

#include <stdint.h>

#include "../../include/adamw.h"

enum { MAX_DECAYS = 8, MAX_HIDDEN = 4 };

typedef struct options {
    char directory[1000]; /* of the data */
    const char *subset;   /* NULL: Fashion-MNIST; otherwise of C-MAPSS */
    const char *out;
    int optimizers; /* bits: 1 << ADAMW_DECAY_DECOUPLED, 1 << ADAMW_DECAY_L2 */
    int epochs, batch, seeds, threads, jobs, warmup, patience;
    uint64_t seed;
    double lr, weight_decay[MAX_DECAYS];
    int weight_decays;
    int hidden[MAX_HIDDEN], hidden_layers;
    adamw_isa isa;
} options;

/* Ends the program with a sentence on bad options, and after --help. */
options read_options(int argc, char **argv);

#endif
