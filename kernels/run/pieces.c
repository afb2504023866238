/*
 * pieces.c - see pieces.h. The cuts change the speed of a step and no bit of it.
 */
#include "pieces.h"

#include "../dispatch/tuning.h"

/* Where part `part` begins, counted in values over the whole list. */
static size_t part_begin(size_t total, size_t part, size_t parts)
{
    const size_t rest = total % parts;
    return total / parts * part + (part < rest ? part : rest);
}

/* The same place inside a tensor of n values that begins at `offset`, moved to a block boundary. */
static size_t cut_inside(size_t place, size_t offset, size_t n)
{
    if (place <= offset)
        return 0;
    if (place - offset >= n)
        return n;
    return (place - offset) / ADAMW_CUT_BLOCK * ADAMW_CUT_BLOCK;
}

adamw_pieces adamw_pieces_of(const adamw_tensor *tensors, size_t count, size_t total, size_t part, size_t parts)
{
    return (adamw_pieces){.tensors = tensors,
                          .count = count,
                          .begin = part_begin(total, part, parts),
                          .end = part_begin(total, part + 1, parts)};
}

void adamw_marks_make(adamw_marks *marks, const adamw_tensor *tensors, size_t count)
{
    size_t offset = 0;
    marks->stride = (count + ADAMW_MARKS - 1) / ADAMW_MARKS;
    for (size_t i = 0; i < count; offset += tensors[i++].n)
        if (i % marks->stride == 0)
            marks->offset[i / marks->stride] = offset;
}

void adamw_pieces_skip(adamw_pieces *pieces, const adamw_marks *marks)
{
    const size_t stride = marks->stride;
    for (size_t i = 1; stride != 0 && i * stride < pieces->count && marks->offset[i] <= pieces->begin; i++) {
        pieces->next = i * stride;
        pieces->offset = marks->offset[i];
    }
}

bool adamw_pieces_next(adamw_pieces *pieces)
{
    while (pieces->next < pieces->count && pieces->offset < pieces->end) {
        const size_t n = pieces->tensors[pieces->next].n;
        pieces->first = cut_inside(pieces->begin, pieces->offset, n);
        pieces->last = cut_inside(pieces->end, pieces->offset, n);
        pieces->tensor = pieces->next++;
        pieces->offset += n;
        if (pieces->first != pieces->last)
            return true;
    }
    return false;
}
