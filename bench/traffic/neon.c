/*
 * neon.c - the traffic loops with the vectors of NEON. Nothing but the choice of the vocabulary belongs here.
 */
#include "tables.h"

#if defined(__aarch64__)

#include "../../kernels/vec/neon.h"

#define BENCH_REGISTER "w"
#include "loops.h"

const adamw_kernels bench_plain_neon = BENCH_PLAIN_TABLE;
const adamw_kernels bench_unrolled_neon = BENCH_UNROLLED_TABLE;

#else

const adamw_kernels bench_plain_neon = {.update = {NULL}}, bench_unrolled_neon = {.update = {NULL}};

#endif
