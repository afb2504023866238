/*
 * fail.h - how the trainer ends on bad input: one line to stderr that says what is wrong and what would be right,
 * exit status 2. Results are written when every run is through, so nothing half-trained is ever left behind.
 */
#ifndef TRAIN_FAIL_H
#define TRAIN_FAIL_H

#include <stddef.h>

void fail(const char *format, ...) __attribute__((noreturn, format(printf, 1, 2)));

/* Ends the program where not all of standard output could be written, as on a full disk. */
void finish_output(void);

/* Has fail() call a function before the program ends. One at most. */
void at_failure(void (*clean)(void));

/* Zeroed memory at a multiple of 64 bytes, never NULL: too little memory ends the program. */
void *allocate(size_t count, size_t size);

#endif
