/*
 * tried.h - ways to write the step that were tried and are not in the library, kept so that they can be measured
 * again on another machine. Each but "undivided" has the library's own formula and bits; README.md has the figures.
 */
#ifndef BENCH_TRIED_TRIED_H
#define BENCH_TRIED_TRIED_H

#include "../../kernels/body/kernels.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct bench_tried {
    const char *name;             /* NULL ends a list */
    const adamw_kernels *kernels; /* NULL: the library's; non-temporal stores need buffers at cache lines */
    bool has_prefetch;            /* false: the library's choice */
    adamw_prefetch prefetch;
} bench_tried;

/* What was tried with that instruction set; never NULL. */
const bench_tried *bench_tried_with(adamw_isa isa);

/* A step of the list with such kernels, through the library's run; the status as adamw_step()'s. */
adamw_status bench_tried_step(const bench_tried *tried, const adamw_config *config, uint64_t step,
                              const adamw_tensor *tensors, size_t count, int threads);

#ifdef __cplusplus
}
#endif

#endif
