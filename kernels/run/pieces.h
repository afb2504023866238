/*
 * pieces.h - cuts a list of tensors into parts of equal size. Inside a tensor a cut falls on a multiple of
 * ADAMW_CUT_BLOCK from the tensor's own start, so that no block of a sum is ever cut.
 */
#ifndef ADAMW_RUN_PIECES_H
#define ADAMW_RUN_PIECES_H

#include "../strict.h"

#include "../../include/adamw.h"

/* The pieces of tensors that one part of a list consists of, in the list's order. */
typedef struct adamw_pieces {
    const adamw_tensor *tensors;
    size_t count, begin, end;   /* the part, counted in values over the whole list */
    size_t next, offset;        /* the next tensor, and where it begins */
    size_t tensor, first, last; /* the piece: values [first, last) of tensors[tensor] */
} adamw_pieces;

/* Part `part` of `parts` of a list whose tensors have `total` values together. */
ADAMW_INTERNAL adamw_pieces adamw_pieces_of(const adamw_tensor *tensors, size_t count, size_t total, size_t part,
                                            size_t parts);
/*
 * Marks say where every `stride`-th tensor of a long list begins, so that a part does not walk to its first tensor
 * from the list's start: with 1,000 tensors in 32 parts that took 12 us of each of two threads.
 */
enum { ADAMW_MARKS = 32 };
typedef struct adamw_marks {
    size_t stride; /* 0: no marks */
    size_t offset[ADAMW_MARKS];
} adamw_marks;
ADAMW_INTERNAL void adamw_marks_make(adamw_marks *marks, const adamw_tensor *tensors, size_t count);
/* Moves a new adamw_pieces on to the last mark that is not behind its begin. */
ADAMW_INTERNAL void adamw_pieces_skip(adamw_pieces *pieces, const adamw_marks *marks);

/* Moves on to the next piece that is not empty; false after the last one. */
ADAMW_INTERNAL bool adamw_pieces_next(adamw_pieces *pieces);

#endif
