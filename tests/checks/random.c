/*
 * random.c - the random words of stochastic rounding: by their definition in plain C, whose bits narrow.c compares with
 * the kernels', and what they must be: unbiased for each fraction, uncorrelated in every direction in which a run
 * walks. build/tests/random_words writes them for a published battery.
 */
#include "check.h"

#include <math.h>
#include <stdlib.h>

static uint64_t splitmix(uint64_t x)
{
    x += UINT64_C(0x9E3779B97F4A7C15);
    x = (x ^ x >> 30) * UINT64_C(0xBF58476D1CE4E5B9);
    x = (x ^ x >> 27) * UINT64_C(0x94D049BB133111EB);
    return x ^ x >> 31;
}

uint32_t random_word(uint64_t seed, uint64_t step, uint64_t random_stream, uint64_t index, unsigned word)
{
    const uint64_t base = splitmix(splitmix(splitmix(seed) ^ step) ^ random_stream);
    const uint64_t keys = splitmix(base ^ (index >> 32 << 1 | word));
    uint32_t x = (uint32_t)index ^ (uint32_t)keys;
    x = (x ^ x >> 16) * 0x7FEB352D + (uint32_t)(keys >> 32);
    x = (x ^ x >> 15) * 0x846CA68B;
    return x ^ x >> 16;
}

/* The directions: the next value, step, tensor, seed, and stretch of 2^32 values. */
typedef enum direction { BY_INDEX, BY_STEP, BY_STREAM, BY_SEED, BY_STRETCH, WALKS } direction;
static const char *const walk_names[] = {"index", "step", "random_stream", "seed", "2^32 values"};

static uint32_t word_of(direction walk, uint64_t seed, uint64_t i, unsigned word)
{
    uint64_t at[WALKS] = {0};
    at[walk] = i;
    return random_word(seed + at[BY_SEED], 1 + at[BY_STEP], at[BY_STREAM], at[BY_INDEX] + (at[BY_STRETCH] << 32),
                       word);
}

/* Far outside what chance does: 5 sigma happen once in 1.7 million. */
static const double most_sigma = 5;

/*
 * A fraction f of 16 bits is rounded up where the 16 random bits are at least 2^16 - f, so one histogram of them has
 * the mean error of all fractions.
 */
static bool fractions_are_fair(direction walk, uint64_t seed, uint64_t draws, unsigned shift)
{
    enum { FRACTIONS = 1 << 16 };
    uint32_t *const count = calloc(FRACTIONS, sizeof *count);
    if (count == NULL)
        abort();
    for (uint64_t i = 0; i < draws; i++)
        count[word_of(walk, seed, i, 0) >> shift & 0xFFFF]++;
    uint64_t up = 0, beyond_three = 0;
    bool right = true;
    for (uint32_t f = 1; right && f < FRACTIONS; f++) {
        up += count[FRACTIONS - f];
        const double chance = f / (double)FRACTIONS;
        const double sigma = ((double)up - (double)draws * chance) / sqrt((double)draws * chance * (1 - chance));
        beyond_three += fabs(sigma) > 3;
        if (fabs(sigma) > most_sigma)
            right = check_fail("by %s, bits from %u: fraction %u/65536 is rounded up %+.1f sigma too often in %llu",
                               walk_names[walk], shift, f, sigma, (unsigned long long)draws);
    }
    free(count);
    /* Neighbouring fractions err alike, so chance has stretches of them: 0.3 % on average, rarely more than 5 %. */
    return right &&
           (beyond_three < FRACTIONS / 20 || check_fail("by %s, bits from %u: %llu fractions beyond 3 sigma",
                                                        walk_names[walk], shift, (unsigned long long)beyond_three));
}

static double centred(uint32_t bits) { return ((double)bits + 0.5) / 65536 - 0.5; }

static bool is_uncorrelated(double sum, uint64_t draws, const char *what, direction walk, unsigned lag)
{
    const double sigma = sum * 12 / sqrt((double)draws);
    return fabs(sigma) < most_sigma ||
           check_fail("%s by %s, lag %u: correlated by %+.1f sigma", what, walk_names[walk], lag, sigma);
}

/* Each half word against itself `lag` further on, and against the other three of its value. */
static bool lags_are_free(direction walk, uint64_t seed, uint64_t draws)
{
    for (unsigned lag = 1; lag <= 8; lag++) {
        double low = 0, high = 0, across = 0;
        for (uint64_t i = 0; i < draws; i++) {
            const uint32_t a = word_of(walk, seed, i, 0), b = word_of(walk, seed, i + lag, 0);
            low += centred(a & 0xFFFF) * centred(b & 0xFFFF);
            high += centred(a >> 16) * centred(b >> 16);
            across += centred(a & 0xFFFF) * centred(b >> 16);
        }
        if (!is_uncorrelated(low, draws, "low halves", walk, lag) ||
            !is_uncorrelated(high, draws, "high halves", walk, lag) ||
            !is_uncorrelated(across, draws, "low and high halves", walk, lag))
            return false;
    }
    double halves = 0, words = 0;
    for (uint64_t i = 0; i < draws; i++) {
        const uint32_t a = word_of(walk, seed, i, 0), b = word_of(walk, seed, i, 1);
        halves += centred(a & 0xFFFF) * centred(a >> 16);
        words += centred(a & 0xFFFF) * centred(b & 0xFFFF);
    }
    return is_uncorrelated(halves, draws, "halves of a word", walk, 0) &&
           is_uncorrelated(words, draws, "words of a value", walk, 0);
}

bool check_random_words(const check_options *options)
{
    const uint64_t draws = options->full ? 10000000 : options->quick ? 300000 : 1000000;
    for (int walk = 0; walk < WALKS; walk++)
        if (!fractions_are_fair((direction)walk, options->seed, draws, 0) ||
            !fractions_are_fair((direction)walk, options->seed, draws, 16) ||
            !lags_are_free((direction)walk, options->seed, draws / 10))
            return false;
    return true;
}
