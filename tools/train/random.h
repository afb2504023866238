/*
 * random.h - splitmix64: numbers that depend on the seed alone, whatever libc, so that a run can be repeated. Uniform
 * only: a normal number would need a logarithm, whose bits differ between libms.
 */
#ifndef TRAIN_RANDOM_H
#define TRAIN_RANDOM_H

#include <stddef.h>
#include <stdint.h>

typedef struct random_state {
    uint64_t counter;
} random_state;

static inline uint64_t random_bits(random_state *state)
{
    uint64_t x = state->counter += UINT64_C(0x9e3779b97f4a7c15);
    x = (x ^ (x >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    x = (x ^ (x >> 27)) * UINT64_C(0x94d049bb133111eb);
    return x ^ (x >> 31);
}

/* A stream of its own for each (seed, purpose): the shuffle of epoch 7 needs no epoch before it, so a resumed run has
 * nothing of the generator to restore. */
static inline random_state random_of(uint64_t seed, uint64_t purpose)
{
    random_state state = {seed};
    state.counter = random_bits(&state) + purpose;
    state.counter = random_bits(&state);
    return state;
}

/* [0, 1), 24 bits: exact in float. */
static inline float random_unit(random_state *state) { return (float)(random_bits(state) >> 40) * 0x1p-24f; }

/* [0, n); the bias of the remainder is below n / 2^64. */
static inline size_t random_below(random_state *state, size_t n) { return (size_t)(random_bits(state) % n); }

#endif
