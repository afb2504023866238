/*
 * list.h - what the fuzzers share: any bytes as a list of tensors with configs, right and wrong ones, and how the
 * memory of two such lists is compared. What a call makes of the list belongs to the fuzzers.
 */
#ifndef ADAMW_TESTS_FUZZ_LIST_H
#define ADAMW_TESTS_FUZZ_LIST_H

#include "../../include/adamw.h"

enum {
    TENSORS = 6,
    LARGEST = 70, /* values of a tensor: no kernel needs more to go through all of its loops */
    GROUPS = 3,
    /* The buffers of a tensor, in the order of adamw_tensor: a step has the first six. */
    PARAM = 0,
    GRAD,
    EXP_AVG,
    EXP_AVG_SQ,
    MAX_EXP_AVG_SQ,
    PARAM_RESIDUAL,
    STEP_BUFFERS,
    PARAM_EMA = STEP_BUFFERS,
    PARAM_COPY,
    UPDATE_BUFFERS
};

/* The input as a stream; zeros behind its end. */
typedef struct stream {
    const uint8_t *at;
    size_t left;
} stream;

void take(stream *s, void *to, size_t size);
uint8_t byte(stream *s);
/* Mostly a usual value; sometimes any bits, so that the checks of the arguments are reached too. */
double number(stream *s, double usual);

/* A call with memory of its own: each buffer a block of just its size, so that a sanitizer sees its ends. */
typedef struct list {
    adamw_config configs[GROUPS];
    adamw_tensor tensors[TENSORS];
    char *blocks[TENSORS][UPDATE_BUFFERS];
    size_t bytes[TENSORS][UPDATE_BUFFERS], shift[TENSORS], count, parts, buffers;
    uint64_t step;
    int threads;
    bool spoiled; /* a pointer or size is wrong: only a call that refuses the list may have it */
} list;

/* `buffers`: STEP_BUFFERS or UPDATE_BUFFERS. */
list *list_from(stream *s, size_t buffers);
void list_free(list *l);

/* Whether two lists from the same bytes have the same memory: byte for byte, or where `nan_is_nan` but that any NaN
 * equals any other one. */
bool same_buffer(const list *a, const list *b, size_t tensor, size_t buffer, bool nan_is_nan);
bool same_memory(const list *a, const list *b, bool nan_is_nan);

/* Ends the run with the two texts unless `right`. */
void expect(bool right, const char *what, const char *said);

#endif
