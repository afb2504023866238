/*
 * arena.c - see arena.h.
 */
#define _GNU_SOURCE
#include "arena.h"

#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

enum {
    LINE = 64,
    HUGE_PAGE = 2 << 20,
    /* Streams at the same place of a page would compete for the same lines of the first-level cache, and a load
     * would wait for an unrelated store 4096 bytes away: each stream begins 17 lines after that of the one before. */
    SKEW = 17 * LINE
};

static size_t line_bytes(size_t n) { return (n * sizeof(float) + LINE - 1) / LINE * LINE; }

static size_t stream_stride(const bench_list *list)
{
    size_t bytes = 0;
    for (size_t i = 0; i < list->count; i++)
        bytes += line_bytes(list->shapes[i].n);
    return (bytes + HUGE_PAGE - 1) / HUGE_PAGE * HUGE_PAGE + SKEW;
}

size_t bench_arena_bytes(const bench_list *list, bool amsgrad)
{
    const size_t bytes = stream_stride(list) * (amsgrad ? 5 : 4);
    return (bytes + HUGE_PAGE - 1) / HUGE_PAGE * HUGE_PAGE;
}

/* The number that follows `label` in a file of /proc or /sys; SIZE_MAX where there is none. */
static size_t number_in(const char *path, const char *label)
{
    FILE *file = fopen(path, "r");
    if (file == NULL)
        return SIZE_MAX;
    char line[256];
    size_t number = SIZE_MAX;
    while (number == SIZE_MAX && fgets(line, sizeof line, file) != NULL)
        if (strncmp(line, label, strlen(label)) == 0)
            if (sscanf(line + strlen(label), "%zu", &number) != 1)
                number = SIZE_MAX;
    fclose(file);
    return number;
}

size_t bench_memory_available(void)
{
    size_t available = number_in("/proc/meminfo", "MemAvailable:");
    if (available == SIZE_MAX)
        return 0;
    available *= 1024;
    /* In a container the group's limit is what counts; "max" is no number. */
    const size_t limit = number_in("/sys/fs/cgroup/memory.max", ""),
                 used = number_in("/sys/fs/cgroup/memory.current", "");
    if (limit != SIZE_MAX && used != SIZE_MAX) {
        const size_t left = limit > used ? limit - used : 0;
        return left < available ? left : available;
    }
    return available;
}

bool bench_arena_fits(const bench_list *list, bool amsgrad, size_t held, char *message)
{
    const double gib = 1024.0 * 1024 * 1024;
    const size_t needed = bench_arena_bytes(list, amsgrad), all = bench_memory_available(),
                 available = all > held ? all - held : 0;
    if (all == 0 || needed <= available)
        return true;
    snprintf(
        message, BENCH_MESSAGE,
        "%s has %zu parameters, which need %.1f GiB (%d bytes each), but only %.1f GiB are available: it must have "
        "at most %zu",
        list->name, list->total, (double)needed / gib, amsgrad ? 20 : 16, (double)available / gib,
        available / (amsgrad ? 20 : 16));
    return false;
}

/* Values of about `size`, spread over a factor of two and over both signs where `is_signed`. A hash of the index, so
 * that the threads can share the work. */
static void fill(float *to, size_t n, float size, bool is_signed)
{
#pragma omp parallel for schedule(static)
    for (size_t i = 0; i < n; i++) {
        uint64_t bits = (i + 1) * 0x9e3779b97f4a7c15u;
        bits ^= bits >> 32;
        const float value = size * (0.75f + (float)(bits & 0xffff) / 65536.0f);
        to[i] = is_signed && (bits >> 16 & 1) != 0 ? -value : value;
    }
}

static float *stream(const bench_arena *arena, size_t number)
{
    return (float *)(void *)((char *)arena->start + number * arena->stride);
}

bool bench_arena_new(bench_arena *arena, const bench_list *list, bool amsgrad, bench_pages pages, char *message)
{
    *arena = (bench_arena){NULL, bench_arena_bytes(list, amsgrad), stream_stride(list), amsgrad};
    /* One huge page more, so that the start can lie at one. */
    const size_t mapped = arena->bytes + HUGE_PAGE;
    char *start = mmap(NULL, mapped, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (start == MAP_FAILED) {
        snprintf(message, BENCH_MESSAGE, "%.1f MiB cannot be mapped: %s", (double)mapped / (1 << 20),
                 strerror(errno));
        return false;
    }
    const size_t before = (HUGE_PAGE - (uintptr_t)start % HUGE_PAGE) % HUGE_PAGE;
    if (before != 0)
        munmap(start, before);
    if (before != HUGE_PAGE)
        munmap(start + before + arena->bytes, HUGE_PAGE - before);
    arena->start = start + before;
    /* May fail where the kernel has no transparent huge pages: then there are only small ones. */
    (void)madvise(arena->start, arena->bytes, pages == BENCH_PAGES_HUGE ? MADV_HUGEPAGE : MADV_NOHUGEPAGE);

    const size_t n = arena->stride / sizeof(float);
    fill(stream(arena, 0), n, 0.05f, true);  /* param */
    fill(stream(arena, 1), n, 0.01f, true);  /* grad */
    fill(stream(arena, 2), n, 0.01f, true);  /* exp_avg */
    fill(stream(arena, 3), n, 1e-4f, false); /* exp_avg_sq */
    if (amsgrad)
        fill(stream(arena, 4), n, 1e-4f, false); /* max_exp_avg_sq */
    return true;
}

void bench_arena_free(bench_arena *arena)
{
    munmap(arena->start, arena->bytes);
    *arena = (bench_arena){0};
}

void bench_arena_place(const bench_arena *arena, const bench_list *list, bool amsgrad, adamw_tensor *tensors)
{
    size_t at = 0; /* bytes into each stream */
    for (size_t i = 0; i < list->count; i++) {
        char *place = (char *)arena->start + at;
        tensors[i] = (adamw_tensor){.n = list->shapes[i].n,
                                    .param = place,
                                    .grad = place + arena->stride,
                                    .exp_avg = place + 2 * arena->stride,
                                    .exp_avg_sq = place + 3 * arena->stride,
                                    .max_exp_avg_sq = amsgrad ? place + 4 * arena->stride : NULL};
        at += line_bytes(list->shapes[i].n);
    }
}
