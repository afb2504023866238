/*
 * tried.c - see tried.h. The tables come from loop.c.
 */
#include "tried.h"

#include "../../kernels/plan/validate.h"
#include "../../kernels/run/pass.h"

#define PREFETCHES                                                                                                   \
    {"prefetch_0", NULL, true, {0, 0}}, {"prefetch_512", NULL, true, {512, 0}},                                      \
        {"prefetch_2048", NULL, true, {2048, 0}}, {"prefetch_4096", NULL, true, {4096, 0}},                          \
        {"prefetch_1024_4096", NULL, true, {1024, 4096}}, {"prefetch_2048_4096", NULL, true, {2048, 4096}},          \
    {                                                                                                                \
        "prefetch_2048_8192", NULL, true, { 2048, 8192 }                                                             \
    }

#if defined(__x86_64__)

extern const adamw_kernels bench_tried_avx2_stream, bench_tried_avx2_divider, bench_tried_avx2_undivided,
    bench_tried_avx512_stream, bench_tried_avx512_divider, bench_tried_avx512_fma_roots, bench_tried_avx512_undivided;

static const bench_tried with_avx2[] = {PREFETCHES,
                                        {"stream", &bench_tried_avx2_stream, false, {0, 0}},
                                        {"divider", &bench_tried_avx2_divider, false, {0, 0}},
                                        {"undivided", &bench_tried_avx2_undivided, false, {0, 0}},
                                        {NULL, NULL, false, {0, 0}}};
static const bench_tried with_avx512[] = {PREFETCHES,
                                          {"stream", &bench_tried_avx512_stream, false, {0, 0}},
                                          {"divider", &bench_tried_avx512_divider, false, {0, 0}},
                                          {"fma_roots", &bench_tried_avx512_fma_roots, false, {0, 0}},
                                          {"undivided", &bench_tried_avx512_undivided, false, {0, 0}},
                                          {NULL, NULL, false, {0, 0}}};

#endif

const bench_tried *bench_tried_with(adamw_isa isa)
{
    static const bench_tried others[] = {PREFETCHES, {NULL, NULL, false, {0, 0}}};
#if defined(__x86_64__)
    if (isa == ADAMW_ISA_AVX2)
        return with_avx2;
    if (isa == ADAMW_ISA_AVX512)
        return with_avx512;
#endif
    (void)isa;
    return others;
}

adamw_status bench_tried_step(const bench_tried *tried, const adamw_config *config, uint64_t step,
                              const adamw_tensor *tensors, size_t count, int threads)
{
    /* As adamw_step() would, and then what was tried. */
    const adamw_pass pass = {.update = true, .clip_coefficient = 1};
    adamw_plan plan;
    const adamw_status status =
        adamw_validate(&plan, config, step, tensors, count, NULL, NULL, threads, (adamw_sentence){NULL, 0});
    if (status != ADAMW_OK)
        return status;
    if (tried->kernels != NULL)
        plan.kernels = tried->kernels;
    if (tried->has_prefetch)
        plan.prefetch = tried->prefetch;
    adamw_pass_run(&plan, &pass, NULL);
    return ADAMW_OK;
}
