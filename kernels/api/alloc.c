/*
 * alloc.c - memory for the buffers of a step: aligned, on huge pages, touched first by the threads that use it. A
 * step itself allocates nothing.
 */
#if !defined(_GNU_SOURCE)
#define _GNU_SOURCE /* madvise */
#endif
#include "../dispatch/isa.h"
#include "../run/pieces.h"
#include "../run/team.h"

#include <stdlib.h>
#include <string.h>
#if defined(__linux__)
#include <sys/mman.h>
#elif defined(_WIN32) /* whose C library lacks aligned_alloc, and frees such memory by a function of its own */
#include <malloc.h>
#define aligned_alloc(alignment, size) _aligned_malloc(size, alignment)
#define free _aligned_free
#endif

enum { LINE = 64, HUGE_PAGE = 2 << 20 };

/* The shares of a step over one float32 tensor. */
static void touch_part(void *context, size_t part, size_t parts, void *result)
{
    const adamw_tensor *tensor = (const adamw_tensor *)context;
    adamw_pieces piece = adamw_pieces_of(tensor, 1, tensor->n, part, parts);
    (void)result;
    while (adamw_pieces_next(&piece))
        memset((float *)tensor->param + piece.first, 0, (piece.last - piece.first) * sizeof(float));
}

void *adamw_alloc(size_t bytes, int threads)
{
    const size_t alignment = bytes >= HUGE_PAGE ? HUGE_PAGE : LINE;
    if (bytes == 0 || threads < 0 || bytes > SIZE_MAX - HUGE_PAGE)
        return NULL;
    const size_t whole = (bytes + alignment - 1) / alignment * alignment;
    void *memory = aligned_alloc(alignment, whole);
    if (memory == NULL)
        return NULL;
#if defined(MADV_HUGEPAGE)
    if (alignment == HUGE_PAGE)
        madvise(memory, whole, MADV_HUGEPAGE); /* a wish: without it the pages are small, and nothing else differs */
#endif
    adamw_tensor tensor = {.n = whole / sizeof(float), .param = memory};
    adamw_team_run(adamw_dispatch_active()->tuning, bytes / sizeof(float), threads, touch_part, NULL, &tensor);
    return memory;
}

void adamw_free(void *memory) { free(memory); }
