/*
 * random.h - the keys of stochastic rounding. A random word is a function of (seed, step, random_stream, place of the
 * value in its whole tensor) and nothing else; body/stages.h makes the words from the keys.
 */
#ifndef ADAMW_RUN_RANDOM_H
#define ADAMW_RUN_RANDOM_H

#include "../body/kernels.h"

/* The part of the keys that all words of a tensor at a step share. */
ADAMW_INTERNAL uint64_t adamw_random_base(uint64_t seed, uint64_t step, uint64_t random_stream);

/* The words from place `index` on, up to the next multiple of 2^32. `word` is 0 or 1: each value has two. */
ADAMW_INTERNAL adamw_random adamw_random_at(uint64_t base, uint64_t index, unsigned word);

#endif
