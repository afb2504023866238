/*
 * tried.c - see tried.h. The tables come from loop.c.
 */
#include "tried.h"

#include "../../kernels/core/driver.h"
#include "../../kernels/dispatch/isa.h"

#define LOOK_AHEADS                                                                                                  \
    {"ahead_0", NULL, 0}, {"ahead_512", NULL, 512}, {"ahead_2048", NULL, 2048}, { "ahead_4096", NULL, 4096 }

#if defined(__x86_64__)

extern const adamw_kernels bench_tried_avx2_stream, bench_tried_avx2_divider, bench_tried_avx2_undivided,
    bench_tried_avx512_stream, bench_tried_avx512_divider, bench_tried_avx512_fma_roots, bench_tried_avx512_undivided;

static const bench_tried with_avx2[] = {LOOK_AHEADS,
                                        {"stream", &bench_tried_avx2_stream, -1},
                                        {"divider", &bench_tried_avx2_divider, -1},
                                        {"undivided", &bench_tried_avx2_undivided, -1},
                                        {NULL, NULL, 0}};
static const bench_tried with_avx512[] = {LOOK_AHEADS,
                                          {"stream", &bench_tried_avx512_stream, -1},
                                          {"divider", &bench_tried_avx512_divider, -1},
                                          {"fma_roots", &bench_tried_avx512_fma_roots, -1},
                                          {"undivided", &bench_tried_avx512_undivided, -1},
                                          {NULL, NULL, 0}};

#endif

const bench_tried *bench_tried_with(adamw_isa isa)
{
    static const bench_tried others[] = {LOOK_AHEADS, {NULL, NULL, 0}};
#if defined(__x86_64__)
    if (isa == ADAMW_ISA_AVX2)
        return with_avx2;
    if (isa == ADAMW_ISA_AVX512)
        return with_avx512;
#endif
    (void)isa;
    return others;
}

void bench_tried_step(const bench_tried *tried, const adamw_config *config, uint64_t step,
                      const adamw_tensor *tensors, size_t count, size_t total)
{
    size_t look_ahead;
    const adamw_kernels *active = adamw_active_kernels(&look_ahead);
    const adamw_plan plan = {config,
                             step,
                             tensors,
                             count,
                             total,
                             tried->kernels != NULL ? tried->kernels : active,
                             tried->look_ahead >= 0 ? (size_t)tried->look_ahead : look_ahead};
    adamw_drive(&plan);
}
