/*
 * tables.h - the traffic loops as tables of kernels, one per ISA and loop; all NULL on another architecture.
 */
#ifndef BENCH_TRAFFIC_TABLES_H
#define BENCH_TRAFFIC_TABLES_H

#include "../../kernels/body/kernels.h"

#define BENCH_DECLARE(NAME, name) extern const adamw_kernels bench_plain_##name, bench_unrolled_##name;
ADAMW_ISAS(BENCH_DECLARE)
#undef BENCH_DECLARE

/* The place in a table of the loop for the whole update's second pass, which also writes the gradient (it is cleared)
 * and reads and writes a fifth stream. TORCH's variants move what the others move, so their places are free. */
enum { BENCH_WHOLE_UPDATE = ADAMW_VARIANT_torch_adamw_amsgrad };

#endif
