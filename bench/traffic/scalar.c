/*
 * scalar.c - the traffic loops with one float at a time. Any register holds one: "r".
 */
#include "tables.h"

#include "../../kernels/vec/scalar.h"

#define BENCH_REGISTER "r"
#include "loops.h"

const adamw_kernels bench_plain_scalar = BENCH_PLAIN_TABLE;
const adamw_kernels bench_unrolled_scalar = BENCH_UNROLLED_TABLE;
