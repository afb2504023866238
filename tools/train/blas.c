/*
 * blas.c - see blas.h. An OpenBLAS older than the CPU takes its oldest kernels: 0.3.21 on an Emerald Rapids runs
 * "Prescott", SSE3, at 32 instead of 150 GFLOP/s (128 x 784 by 784 x 256). It reads OPENBLAS_CORETYPE only while it
 * is loaded, so the program starts itself anew, unless the user has chosen.
 */
#include "blas.h"

#include <cblas.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const char *better_core(void)
{
#if defined(__x86_64__)
    if (strcmp(openblas_get_corename(), "Prescott") != 0 || getenv("OPENBLAS_CORETYPE") != NULL)
        return NULL;
    if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
        __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl"))
        return "SkylakeX";
    if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma"))
        return "Haswell";
#endif
    return NULL;
}

void blas_setup(char **argv)
{
    const char *core = better_core();
    if (core != NULL && setenv("OPENBLAS_CORETYPE", core, 1) == 0)
        execv("/proc/self/exe", argv); /* where that fails, the slow kernels are right too */
    openblas_set_num_threads(1);
}

const char *blas_core(void) { return openblas_get_corename(); }
