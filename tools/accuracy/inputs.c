/*
 * inputs.c - gradients and parameters from counters: integer hashes and two exact conversions, so that every machine
 * measures the same numbers. Fast, as a measurement draws 1e9 of them.
 */
#include "accuracy.h"

/* splitmix64's output function (Steele, Lea, Flood 2014), for keys. */
static uint64_t mix64(uint64_t x)
{
    x *= UINT64_C(0x9E3779B97F4A7C15);
    x = (x ^ (x >> 30)) * UINT64_C(0xBF58476D1CE4E5B9);
    x = (x ^ (x >> 27)) * UINT64_C(0x94D049BB133111EB);
    return x ^ (x >> 31);
}

/* A 32-bit hash with low bias (github.com/skeeto/hash-prospector), which vectorises where 64-bit products do not. */
static inline uint32_t mix32(uint32_t x)
{
    x = (x ^ (x >> 16)) * UINT32_C(0x21F0AAAD);
    x = (x ^ (x >> 15)) * UINT32_C(0xD35A2D97);
    return x ^ (x >> 15);
}

void near_normal(float *x, uint64_t seed, uint64_t block, uint64_t step, double rms)
{
    const uint64_t key = mix64(mix64(mix64(seed) + block) + step);
    const uint32_t key1 = (uint32_t)key, key2 = (uint32_t)(key >> 32);
    /* The sum of four uniforms on 0 .. 65535 has the variance 65536^2 / 3. One of their low bits, once more, moves it
     * off the integers and keeps it symmetric: no gradient is exactly 0, where a first step of L2 would only see the
     * decay. */
    const float scale = (float)(rms * 1.7320508075688772 / 65536 / 2);
    for (uint32_t i = 0; i < BLOCK; i++) {
        const uint32_t a = mix32(key1 + i), b = mix32(key2 + i);
        const int sum = (int)((a & 0xFFFF) + (a >> 16) + (b & 0xFFFF) + (b >> 16) + (a & 1));
        x[i] = (float)(2 * sum - (4 * 65535 + 1)) * scale;
    }
}
