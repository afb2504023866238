/*
 * traffic.h - loops that move what a step moves and compute nothing: the limit that a step is compared with. They run
 * through the library's own driver, so buffers, blocks and threads are those of a step.
 */
#ifndef BENCH_TRAFFIC_TRAFFIC_H
#define BENCH_TRAFFIC_TRAFFIC_H

#include "../../include/adamw.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Two shapes of the loop; the limit is the faster one, so that a slow loop cannot flatter a step. */
typedef enum bench_loop {
    BENCH_LOOP_PLAIN,    /* one vector of each stream, then the next, in the order of a step */
    BENCH_LOOP_UNROLLED, /* four vectors of one stream, then of the next stream */
    BENCH_LOOPS
} bench_loop;

/* Reads param, grad, exp_avg, exp_avg_sq and writes back param, exp_avg, exp_avg_sq (with amsgrad also
 * max_exp_avg_sq) of the whole list, `total` parameters, with vectors of the ISA, which must run here. */
void bench_traffic(adamw_isa isa, bench_loop loop, const adamw_config *config, const adamw_tensor *tensors,
                   size_t count, size_t total, int threads);

/* What adamw_update() with a norm, an average and cleared gradients moves: a pass that reads grad, and one that reads
 * and writes param, grad, exp_avg, exp_avg_sq and param_ema: 44 bytes a parameter. */
void bench_traffic_update(adamw_isa isa, bench_loop loop, const adamw_config *config, const adamw_tensor *tensors,
                          size_t count, size_t total, int threads);

#ifdef __cplusplus
}
#endif

#endif
