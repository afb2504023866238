/*
 * roots.h - how a loop divides its roots between the divide and square-root unit and the FMA units. The bits are the
 * same either way. dispatch/tuning.c chooses the mix of a CPU; each instruction set defines its mixes in its header
 * beside this file.
 */
#ifndef ADAMW_VEC_ROOTS_H
#define ADAMW_VEC_ROOTS_H

#include "../strict.h"

#include <stdbool.h>

typedef enum adamw_roots {
    ADAMW_ROOTS_FMA,     /* for a slow divider: most roots on the FMA units */
    ADAMW_ROOTS_DIVIDER, /* for a quick divider: most roots on it */
    ADAMW_ROOTS_COUNT
} adamw_roots;

typedef struct root_mix {
    int bundle;   /* vectors that are taken at a time; 1: no bundles */
    int by_fma;   /* how many of them have their root from the FMA units: the first ones */
    bool overlap; /* a bundle's quotients wait until the next one's roots have begun, which takes registers */
} root_mix;

#endif
