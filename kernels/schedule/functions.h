/*
 * functions.h - the cosine and the power of the schedules, with the same bits on every platform. Nothing else of
 * mathematics belongs here: the square root is the processor's.
 */
#ifndef ADAMW_SCHEDULE_FUNCTIONS_H
#define ADAMW_SCHEDULE_FUNCTIONS_H

#include <stdbool.h>

#include "../strict.h"

/* cos(x) for x from 0 to pi, and what pi * k / k may round to above it. */
ADAMW_INTERNAL double adamw_cos(double x);

/* x^y for x from 0 to 1 and y >= 0; 0^0 is 1. */
ADAMW_INTERNAL double adamw_pow(double x, double y);

#endif
