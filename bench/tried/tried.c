/*
 * tried.c - see tried.h. The tables come from loop.c.
 */
#include "tried.h"

#include "../../kernels/core/driver.h"

#if defined(__x86_64__)

extern const adamw_kernels bench_tried_avx2_prefetch512, bench_tried_avx2_prefetch2048, bench_tried_avx2_stream;
extern const adamw_kernels bench_tried_avx512_prefetch512, bench_tried_avx512_prefetch2048, bench_tried_avx512_stream,
    bench_tried_avx512_divider, bench_tried_avx512_fma_roots;

static const bench_tried with_avx2[] = {{"prefetch512", &bench_tried_avx2_prefetch512},
                                        {"prefetch2048", &bench_tried_avx2_prefetch2048},
                                        {"stream", &bench_tried_avx2_stream},
                                        {NULL, NULL}};
static const bench_tried with_avx512[] = {
    {"prefetch512", &bench_tried_avx512_prefetch512}, {"prefetch2048", &bench_tried_avx512_prefetch2048},
    {"stream", &bench_tried_avx512_stream},           {"divider", &bench_tried_avx512_divider},
    {"fma_roots", &bench_tried_avx512_fma_roots},     {NULL, NULL}};

#endif

const bench_tried *bench_tried_with(adamw_isa isa)
{
    static const bench_tried nothing[] = {{NULL, NULL}};
#if defined(__x86_64__)
    if (isa == ADAMW_ISA_AVX2)
        return with_avx2;
    if (isa == ADAMW_ISA_AVX512)
        return with_avx512;
#endif
    (void)isa;
    return nothing;
}

void bench_tried_step(const bench_tried *tried, const adamw_config *config, uint64_t step,
                      const adamw_tensor *tensors, size_t count, size_t total)
{
    const adamw_plan plan = {config, step, tensors, count, total, tried->kernels};
    adamw_drive(&plan);
}
