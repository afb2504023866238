/*
 * random.c - see random.h.
 */
#include "random.h"

/* splitmix64's step and output function (Steele, Lea and Flood 2014). */
static uint64_t mix(uint64_t x)
{
    x += UINT64_C(0x9E3779B97F4A7C15);
    x = (x ^ (x >> 30)) * UINT64_C(0xBF58476D1CE4E5B9);
    x = (x ^ (x >> 27)) * UINT64_C(0x94D049BB133111EB);
    return x ^ (x >> 31);
}

uint64_t adamw_random_base(uint64_t seed, uint64_t step, uint64_t random_stream)
{
    return mix(mix(mix(seed) ^ step) ^ random_stream);
}

adamw_random adamw_random_at(uint64_t base, uint64_t index, unsigned word)
{
    const uint64_t keys = mix(base ^ ((index >> 32) << 1 | word));
    return (adamw_random){.key = {(uint32_t)keys, (uint32_t)(keys >> 32)}, .index = (uint32_t)index};
}
