/*
 * lists.h - the parameter lists that the benchmarks step: tensors of one size, two real models, and lists read from a
 * file. It has shapes only; arena.h has the buffers.
 */
#ifndef BENCH_CORE_LISTS_H
#define BENCH_CORE_LISTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

#ifdef __cplusplus
extern "C" {
#endif

enum { BENCH_MAX_RANK = 6, BENCH_NAME = 64, BENCH_MESSAGE = 480 };

typedef struct bench_shape {
    char name[BENCH_NAME];
    size_t dims[BENCH_MAX_RANK];
    size_t rank;
    size_t n;
} bench_shape;

typedef struct bench_list {
    char name[BENCH_NAME];
    bench_shape *shapes;
    size_t count;
    size_t total; /* parameters in all tensors */
} bench_list;

/* What bench_list_named() takes, for messages: models, COUNTxVALUES (that many tensors of that many values), and
 * sizes.
 */
#define BENCH_LIST_NAMES "gpt2, rul, deepspeed, 1000x1000 (any count x values), or a size such as 64K"

/* Each makes a list that bench_list_free() ends. False: `message` (BENCH_MESSAGE bytes) says what is wrong and what
 * would be right. */
bool bench_list_named(bench_list *list, const char *name, char *message);
bool bench_list_of_size(bench_list *list, const char *size, char *message); /* one tensor: "64K", "1000" */
bool bench_list_read(bench_list *list, const char *path, char *message);    /* the format that _print writes */
void bench_list_free(bench_list *list);

/* "name 50257x768" a line, with a headline as a comment. */
void bench_list_print(const bench_list *list, FILE *to);

#ifdef __cplusplus
}
#endif

#endif
