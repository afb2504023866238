/*
 * consumer.c - a program that uses the library as its users do, by the installed header alone. It takes a few steps in
 * each arithmetic and prints a digest of the bits, which every way to build and link the library has to repeat.
 */
#include <adamw.h>
#include <stdio.h>
#include <string.h>

enum { N = 300007 }; /* above the parallel threshold, and no multiple of a vector */

static float param[N], grad[N], exp_avg[N], exp_avg_sq[N];

/* FNV-1a over the bytes. */
static uint64_t digest_of(uint64_t before, const void *bytes, size_t size)
{
    const unsigned char *at = (const unsigned char *)bytes;
    uint64_t digest = before;
    for (size_t i = 0; i < size; i++)
        digest = (digest ^ at[i]) * UINT64_C(0x100000001B3);
    return digest;
}

static float uniform(uint32_t *state)
{
    *state = *state * 1664525u + 1013904223u;
    return (float)(*state >> 8) / 8388608.0f - 1.0f;
}

int main(void)
{
    uint64_t digest = UINT64_C(0xCBF29CE484222325);
    uint32_t state = 1;
    for (int arithmetic = 0; arithmetic < 2; arithmetic++) {
        adamw_config config;
        adamw_config_init(&config);
        config.arithmetic = arithmetic == 0 ? ADAMW_ARITHMETIC_ACCURATE : ADAMW_ARITHMETIC_TORCH;
        for (int i = 0; i < N; i++) {
            param[i] = uniform(&state);
            exp_avg[i] = exp_avg_sq[i] = 0;
        }
        for (int step = 1; step <= 3; step++) {
            for (int i = 0; i < N; i++)
                grad[i] = uniform(&state);
            if (adamw_step_f32(&config, step, N, param, grad, exp_avg, exp_avg_sq) != ADAMW_OK)
                return 1;
        }
        digest = digest_of(digest, param, sizeof param);
        digest = digest_of(digest, exp_avg, sizeof exp_avg);
        digest = digest_of(digest, exp_avg_sq, sizeof exp_avg_sq);
    }
    if (strcmp(adamw_version(), ADAMW_VERSION_STRING) != 0)
        return 1;
    printf("%016llx\n", (unsigned long long)digest);
    return 0;
}
