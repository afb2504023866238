/*
 * peers.h - what build/bench/libpeers.so has for peers.py beside the library and the traffic loops: a list in memory,
 * and things to call on it. Opaque, so that Python mirrors no struct.
 */
#ifndef BENCH_PEERS_PEERS_H
#define BENCH_PEERS_PEERS_H

#include "../core/arena.h"
#include "../core/choices.h"

#ifdef __cplusplus
extern "C" {
#endif

/* loop.c: a step of the list as a plain C loop, one tensor after another. */
void bench_c_loop(const adamw_config *config, uint64_t step, const adamw_tensor *tensors, size_t count, int threads);

/* update.c: the whole update in one call, and as passes one after another. The clipping never bites, so that
 * gradients (which are cleared, and so stay 0 from the second call on: memory does not care) change nothing that is
 * timed. */
adamw_status bench_update(const adamw_config *config, uint64_t step, const adamw_tensor *tensors, size_t count,
                          int threads);
adamw_status bench_update_parts(const adamw_config *config, uint64_t step, const adamw_tensor *tensors, size_t count,
                                int threads);

/* A list in memory of its own, huge pages, with a fifth stream for an average where `average`. `kind` is "size",
 * "list" or "shapes" and `text` what adamw-bench's options of these names take. NULL: `message` (BENCH_MESSAGE bytes)
 * says what is wrong and what would be right. */
typedef struct bench_placed bench_placed;
bench_placed *bench_placed_new(const char *kind, const char *text, bool average, char *message);
void bench_placed_free(bench_placed *placed);
const char *bench_placed_name(const bench_placed *placed);
size_t bench_placed_count(const bench_placed *placed);
size_t bench_placed_total(const bench_placed *placed);
size_t bench_placed_length(const bench_placed *placed, size_t tensor);
void *bench_placed_buffer(const bench_placed *placed, size_t tensor, int stream); /* param, grad, avg, avg_sq, ema */

/* Something to call on the list: "step" (`isa`'s kernels), "loop" (loop.c), "plain" or "unrolled" (traffic loops);
 * with an average also "update" (norm, clipping, step, average, cleared gradients in one call), "parts" (the same,
 * one pass after another) and its limits "update plain" and "update unrolled". */
typedef struct bench_peer bench_peer;
bench_peer *bench_peer_new(const bench_placed *placed, const char *kind, const char *variant, const char *isa,
                           int threads, char *message);
void bench_peer_free(bench_peer *peer);
/* Before the timed calls: the instruction set is the process's, and choosing it costs 15 us in a virtual machine. */
void bench_peer_prepare(const bench_peer *peer);
int bench_peer_call(const bench_peer *peer); /* 0, or the status of the step */

#ifdef __cplusplus
}
#endif

#endif
