/*
 * avx512.c - what the emulation of AVX-512 needs beside its intrinsics (avx512/immintrin.h): the dispatch's word that
 * the CPU has it, and the hardware's estimate of a reciprocal root. Linked only where make has EMULATE=avx512.
 */
#include "../../kernels/dispatch/cpu.h"

#if !defined(__x86_64__)
#error "EMULATE=avx512 needs x86-64: elsewhere the files that it would emulate are empty"
#endif

#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* These replace the functions of kernels/dispatch/cpu.c, which tests/rules.mk renames. */
bool adamw_cpu_has_avx512(void) { return true; }

/*
 * The architecture promises an estimate within 2^-14, relatively, and CPUs differ within that. The environment
 * variable EMULATED_RSQRT14 chooses: "random", the default, is another place for each operand; "low" and "high" are
 * the two ends; "rounded" is the exact value, rounded to 14 bits.
 */
float emulated_rsqrt14(float a);

typedef enum estimate { RANDOM, LOW, HIGH, ROUNDED, ESTIMATES } estimate;
static const char *const estimate_names[ESTIMATES] = {"random", "low", "high", "rounded"};
static estimate chosen = RANDOM;

__attribute__((constructor)) static void choose_estimate(void)
{
    const char *const name = getenv("EMULATED_RSQRT14");
    if (name == NULL)
        return;
    for (chosen = RANDOM; chosen < ESTIMATES; chosen = (estimate)(chosen + 1))
        if (strcmp(name, estimate_names[chosen]) == 0)
            return;
    fprintf(stderr, "EMULATED_RSQRT14 is '%s': it must be random, low, high or rounded\n", name);
    exit(2);
}

/* Between -1 and 1. */
static double place_of(float a)
{
    uint32_t bits;
    memcpy(&bits, &a, sizeof bits);
    return chosen == LOW ? -1 : chosen == HIGH ? 1 : (double)(bits * UINT32_C(2654435769)) * 0x1p-31 - 1;
}

float emulated_rsqrt14(float a)
{
    if (a == 0)
        return copysignf(INFINITY, a); /* without an exception, as the hardware */
    if (!(a > 0))
        return NAN;
    const double exact = 1 / sqrt((double)a);
    if (!isfinite(exact) || exact == 0)
        return (float)exact;
    if (chosen == ROUNDED) {
        int exponent;
        const double mantissa = frexp(exact, &exponent);
        return (float)ldexp(rint(ldexp(mantissa, 14)), exponent - 14);
    }
    /* The last factor keeps the rounding to float inside what is promised. */
    return (float)(exact * (1 + place_of(a) * 0x1p-14 * (1 - 0x1p-9)));
}
