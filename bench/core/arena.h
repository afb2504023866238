/*
 * arena.h - the benchmark's memory: one mapping that holds the buffers of every list in turn, so that all cases work
 * on the very same pages.
 */
#ifndef BENCH_CORE_ARENA_H
#define BENCH_CORE_ARENA_H

#include "../../include/adamw.h"
#include "lists.h"

#ifdef __cplusplus
extern "C" {
#endif

/* The pages that madvise requests from the kernel: of 2 MiB or not. Without free ones both are the same. */
typedef enum bench_pages { BENCH_PAGES_HUGE, BENCH_PAGES_SMALL } bench_pages;

typedef struct bench_arena {
    void *start;
    size_t bytes;
    size_t stride; /* bytes from one stream to the next */
    bool amsgrad;  /* with a fifth stream */
} bench_arena;

/* Bytes that bench_arena_new() would map for the list. */
size_t bench_arena_bytes(const bench_list *list, bool amsgrad);

/* Bytes that this process may still take: the machine's, or its control group's if that is less; 0: unknown. */
size_t bench_memory_available(void);

/* Whether the list fits beside `held` bytes that are about to be taken; if not, `message` (BENCH_MESSAGE bytes) has
 * the amount needed. Nothing is allocated. */
bool bench_arena_fits(const bench_list *list, bool amsgrad, size_t held, char *message);

/* Maps memory for the list and any smaller one, and fills it with what a network has in mid-training: no zeros and no
 * subnormals. Every CPU touches its share first. */
bool bench_arena_new(bench_arena *arena, const bench_list *list, bool amsgrad, bench_pages pages, char *message);
void bench_arena_free(bench_arena *arena);

/* Descriptors of the list's tensors in the arena, each at a cache line; `tensors` has room for list->count. */
void bench_arena_place(const bench_arena *arena, const bench_list *list, bool amsgrad, adamw_tensor *tensors);

#ifdef __cplusplus
}
#endif

#endif
