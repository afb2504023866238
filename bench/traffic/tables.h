/*
 * tables.h - the traffic loops as tables of kernels, one per ISA and loop; all NULL on another architecture.
 */
#ifndef BENCH_TRAFFIC_TABLES_H
#define BENCH_TRAFFIC_TABLES_H

#include "../../kernels/body/kernels.h"

extern const adamw_kernels bench_plain_scalar, bench_unrolled_scalar;
extern const adamw_kernels bench_plain_avx2, bench_unrolled_avx2;
extern const adamw_kernels bench_plain_avx512, bench_unrolled_avx512;
extern const adamw_kernels bench_plain_neon, bench_unrolled_neon;

#endif
