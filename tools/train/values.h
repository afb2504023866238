/*
 * values.h - the kinds of values that an option can have; each ends the program with the range when a text is
 * outside.
 */
#ifndef TRAIN_VALUES_H
#define TRAIN_VALUES_H

#include <stdint.h>

int read_whole(const char *name, const char *text, int low, int high);
uint64_t read_seed(const char *name, const char *text);
double read_number(const char *name, const char *text, double low, double high);

/* 1 to `most` values with commas between them; returns how many. */
int read_wholes(const char *name, const char *text, int low, int high, int most, int *to);
int read_numbers(const char *name, const char *text, double low, double high, int most, double *to);

#endif
