/*
 * tuning.h - every figure that depends on a CPU rather than on the arithmetic: prefetch distances, thresholds and
 * block sizes. The bits of a step depend on none of the members of adamw_tuning.
 */
#ifndef ADAMW_DISPATCH_TUNING_H
#define ADAMW_DISPATCH_TUNING_H

#include "../body/kernels.h"

/* Block sizes, in values, the same on every CPU. */
enum {
    /* A tensor is cut between threads at multiples of this: a multiple of every vector and of a page. */
    ADAMW_CUT_BLOCK = 4096,
    /* Squares are summed up in double over blocks of this size (body/reduce.h). The bits of a norm depend on it.
     * A block's streams stay near the core; 1024 takes 1 % off a clipped step in DRAM, 4096 brings nothing. */
    ADAMW_SUM_BLOCK = 2048,
    /* The stages of an update run over blocks of this size (run/stages.c): with the scratch of the gradient, 24 KiB
     * in the first-level cache with an average, and 4 KiB of stack. */
    ADAMW_STAGE_BLOCK = 1024,
    /* And over blocks of this size where a parameter or state is narrow: five streams in scratch, 10 KiB of stack,
     * beside the narrow ones in the first-level cache. */
    ADAMW_NARROW_BLOCK = 512
};

typedef struct adamw_tuning {
    const char *name;             /* of the family of CPUs */
    adamw_roots roots;            /* the mix of roots */
    adamw_prefetch prefetch;      /* distances of an update, in bytes; near 0: the family gains nothing by it */
    size_t prefetch_near_above;   /* lists of more values than this prefetch at all */
    size_t prefetch_far_from;     /* lists of this many values and more prefetch into the second level as well */
    size_t prefetch_sum;          /* distance of a sum of squares, in bytes */
    size_t parallel_threshold;    /* lists of fewer values are stepped by one thread, */
    size_t wake_threshold;        /* and of fewer than this unless the other threads are awake */
    size_t min_values_per_thread; /* and a team has no more threads than leave each this many */
} adamw_tuning;

/* The families, X(ENUMERATOR, name), one line of tuning.c each. `name` is the value of ADAMW_TUNING. */
#define ADAMW_FAMILIES(X)                                                                                            \
    X(INTEL, intel)                                                                                                  \
    X(AMD, amd)                                                                                                      \
    X(OTHER, other)

typedef enum adamw_family {
#define ADAMW_ENUMERATE(NAME, name) ADAMW_FAMILY_##NAME,
    ADAMW_FAMILIES(ADAMW_ENUMERATE)
#undef ADAMW_ENUMERATE
        ADAMW_FAMILY_COUNT
} adamw_family;
extern ADAMW_INTERNAL const adamw_tuning adamw_tunings[ADAMW_FAMILY_COUNT];

/* The family of this CPU. On x86 it executes CPUID, which a virtual machine takes microseconds for. */
ADAMW_INTERNAL adamw_family adamw_family_of_cpu(void);

/* The family of that name; ADAMW_FAMILY_COUNT where there is none. */
ADAMW_INTERNAL adamw_family adamw_family_from_name(const char *name);

/* The distances for a list of `total` values. */
ADAMW_INTERNAL adamw_prefetch adamw_prefetch_of(const adamw_tuning *tuning, size_t total);

#endif
