/*
 * loop.c - the library's kernels with one thing done in another way. Compiled once for each (rules.mk), with
 * TRIED_TABLE, the table's name, TRIED_AVX2 or TRIED_AVX512, and one of
 *   TRIED_STREAM     non-temporal stores
 *   TRIED_DIVIDER    every root from the hardware
 *   TRIED_FMA_ROOTS  every root from the FMA units
 *   TRIED_UNDIVIDED  no root, and a product in place of each quotient: not the library's bits, but what would be left
 *                    of a step if roots and quotients cost nothing
 */
#include "../../kernels/body/kernels.h"

#if defined(__x86_64__)

#if defined(TRIED_AVX512)
#include "../../kernels/vec/avx512.h"
#else
#include "../../kernels/vec/avx2.h"
#endif

#if defined(TRIED_DIVIDER) || defined(TRIED_FMA_ROOTS)
ADAMW_INLINE root_mix with_fma_roots(root_mix mix, int by_fma)
{
    mix.by_fma = by_fma;
    return mix;
}
#endif

/* A macro does not expand its own name again, so these wrap the vocabulary's functions. */
#if defined(TRIED_STREAM) && defined(TRIED_AVX512)
#define v_store(to, x) _mm512_stream_ps((float *)(void *)(to), x)
#elif defined(TRIED_STREAM)
#define v_store(to, x) _mm256_stream_ps((float *)(void *)(to), x)
#elif defined(TRIED_DIVIDER)
#define v_sqrt_bundle(x, mix) v_sqrt_bundle(x, with_fma_roots(mix, 0))
#elif defined(TRIED_FMA_ROOTS)
#define v_sqrt_bundle(x, mix) v_sqrt_bundle(x, with_fma_roots(mix, (mix).bundle))
#elif defined(TRIED_UNDIVIDED)
#define v_sqrt_bundle(x, mix) (void)(x)
#define v_div(a, b) v_mul(a, b)
#endif

#include "../../kernels/body/table.h"

extern const adamw_kernels TRIED_TABLE;
const adamw_kernels TRIED_TABLE = ADAMW_KERNEL_TABLE;

ADAMW_TARGET_END

#endif
