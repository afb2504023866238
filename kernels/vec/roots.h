/*
 * roots.h - how a loop divides its roots between the divide and square-root unit and the FMA units. The bits are the
 * same either way. Which mix a CPU gets is dispatch/tuning.c's choice; what each is on an instruction set stands in
 * its header beside this file.
 */
#ifndef ADAMW_VEC_ROOTS_H
#define ADAMW_VEC_ROOTS_H

#include "../strict.h"

#include <stdbool.h>

typedef enum adamw_roots {
    ADAMW_ROOTS_FMA,     /* as many on the FMA units as they have room for: a slow divider */
    ADAMW_ROOTS_DIVIDER, /* most on the divider: a quick one */
    ADAMW_ROOTS_COUNT
} adamw_roots;

typedef struct root_mix {
    int bundle;   /* vectors that are taken at a time; 1: no bundles */
    int by_fma;   /* how many of them have their root from the FMA units: the first ones */
    bool overlap; /* a bundle's quotients wait until the next one's roots are under way: takes registers */
} root_mix;

#endif
