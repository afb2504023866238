/*
 * common.h - errors, memory and output files of adamw-lr. Every other file of the tool may use it; it uses none of
 * them.
 */
#ifndef ADAMW_TOOLS_LR_COMMON_H
#define ADAMW_TOOLS_LR_COMMON_H

#include <stddef.h>
#include <stdio.h>

/* Prints "adamw-lr: ..." on stderr, discards the outputs that are open, and ends with status 2. */
void lr_fail(const char *format, ...) __attribute__((noreturn, format(printf, 1, 2)));

/* Zeroed memory, never NULL: too little of it ends the program. */
void *lr_allocate(size_t count, size_t size);

/* Opens an output file, which lr_commit() puts into its place; at most two are open at once. Both end the program on
 * an error (tools/common/output.h has the rules). */
FILE *lr_open(const char *path);
/* Commits all that lr_open() opened, in that order, and says on standard output where each file is. */
void lr_commit(void);

/* Ends the program if standard output did not take everything: a full disk is an error there too. */
void lr_flush_stdout(void);

#endif
