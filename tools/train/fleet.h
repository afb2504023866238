/*
 * fleet.h - the text files of C-MAPSS as tables: a row for each cycle of each engine, and the remaining lives. What
 * is made of them (conditions, normalisation, windows) is in cmapss.c.
 */
#ifndef TRAIN_FLEET_H
#define TRAIN_FLEET_H

#include <stddef.h>

enum { SETTINGS = 3, SENSORS = 21, COLUMNS = 2 + SETTINGS + SENSORS };

typedef struct engine {
    size_t first, cycles; /* rows of the fleet */
    double left;          /* cycles after its last row */
} engine;

typedef struct fleet {
    size_t rows, engines;
    double *row; /* rows * COLUMNS; row i is line i + 1 of the file */
    engine *engine;
    char name[1024];
} fleet;

/* Both end the program on bad input, with file, line and column; a column is a value's number in its line, from 1, as
 * the data's own description counts them. */
fleet read_fleet(const char *directory, const char *kind, const char *subset);
void read_lives(const char *directory, const char *subset, fleet *test); /* into `left` */
void free_fleet(fleet *x);

#endif
