/*
 * peers.c - see peers.h.
 */
#include "peers.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../traffic/traffic.h"

/* Mid-training, as in the benchmark proper. */
static const uint64_t step_number = 1000;

struct bench_placed {
    bench_list list;
    bench_arena arena;
    adamw_tensor *tensors;
};

struct bench_peer {
    const bench_placed *placed;
    enum { STEP, LOOP, PLAIN, UNROLLED, UPDATE, PARTS, UPDATE_PLAIN, UPDATE_UNROLLED } kind;
    adamw_config config;
    int threads;
    adamw_isa isa;
};

static bool make_list(bench_list *list, const char *kind, const char *text, char *message)
{
    if (strcmp(kind, "size") == 0)
        return bench_list_of_size(list, text, message);
    return strcmp(kind, "list") == 0 ? bench_list_named(list, text, message) : bench_list_read(list, text, message);
}

bench_placed *bench_placed_new(const char *kind, const char *text, bool average, char *message)
{
    bench_placed *placed = calloc(1, sizeof *placed);
    if (placed == NULL || !make_list(&placed->list, kind, text, message)) {
        free(placed);
        return NULL;
    }
    placed->tensors = malloc(placed->list.count * sizeof *placed->tensors);
    if (placed->tensors == NULL || !bench_arena_fits(&placed->list, average, 0, message) ||
        !bench_arena_new(&placed->arena, &placed->list, average, BENCH_PAGES_HUGE, message)) {
        bench_list_free(&placed->list);
        free(placed->tensors);
        free(placed);
        return NULL;
    }
    bench_arena_place(&placed->arena, &placed->list, average, placed->tensors);
    for (size_t i = 0; average && i < placed->list.count; i++) { /* the fifth stream is an average here */
        placed->tensors[i].param_ema = placed->tensors[i].max_exp_avg_sq;
        placed->tensors[i].max_exp_avg_sq = NULL;
    }
    return placed;
}

void bench_placed_free(bench_placed *placed)
{
    bench_arena_free(&placed->arena);
    bench_list_free(&placed->list);
    free(placed->tensors);
    free(placed);
}

const char *bench_placed_name(const bench_placed *placed) { return placed->list.name; }
size_t bench_placed_count(const bench_placed *placed) { return placed->list.count; }
size_t bench_placed_total(const bench_placed *placed) { return placed->list.total; }
size_t bench_placed_length(const bench_placed *placed, size_t tensor) { return placed->tensors[tensor].n; }

void *bench_placed_buffer(const bench_placed *placed, size_t tensor, int stream)
{
    return (char *)placed->tensors[tensor].param + (size_t)stream * placed->arena.stride;
}

bench_peer *bench_peer_new(const bench_placed *placed, const char *kind, const char *variant, const char *isa,
                           int threads, char *message)
{
    static const char *const kinds[] = {[STEP] = "step",
                                        [LOOP] = "loop",
                                        [PLAIN] = "plain",
                                        [UNROLLED] = "unrolled",
                                        [UPDATE] = "update",
                                        [PARTS] = "parts",
                                        [UPDATE_PLAIN] = "update plain",
                                        [UPDATE_UNROLLED] = "update unrolled"};
    const bench_variant *found = bench_parse_variant(variant, message);
    bench_peer *peer = calloc(1, sizeof *peer);
    if (found == NULL || peer == NULL || !bench_parse_isa(isa, &peer->isa, message)) {
        free(peer);
        return NULL;
    }
    peer->placed = placed;
    peer->config = bench_config(found);
    peer->threads = threads;
    if (peer->isa == ADAMW_ISA_AUTO)
        peer->isa = adamw_isa_active();
    while (strcmp(kinds[peer->kind], kind) != 0)
        peer->kind++;
    return peer;
}

void bench_peer_free(bench_peer *peer) { free(peer); }

void bench_peer_prepare(const bench_peer *peer) { adamw_isa_select(peer->isa); }

int bench_peer_call(const bench_peer *peer)
{
    const bench_placed *placed = peer->placed;
    const size_t count = placed->list.count, total = placed->list.total;
    switch (peer->kind) {
    case STEP:
        return (int)adamw_step(&peer->config, step_number, placed->tensors, count, peer->threads);
    case LOOP:
        bench_c_loop(&peer->config, step_number, placed->tensors, count, peer->threads);
        return 0;
    case UPDATE:
        return (int)bench_update(&peer->config, step_number, placed->tensors, count, peer->threads);
    case PARTS:
        return (int)bench_update_parts(&peer->config, step_number, placed->tensors, count, peer->threads);
    case UPDATE_PLAIN:
    case UPDATE_UNROLLED:
        bench_traffic_update(peer->isa, peer->kind == UPDATE_PLAIN ? BENCH_LOOP_PLAIN : BENCH_LOOP_UNROLLED,
                             &peer->config, placed->tensors, count, total, peer->threads);
        return 0;
    default:
        bench_traffic(peer->isa, peer->kind == PLAIN ? BENCH_LOOP_PLAIN : BENCH_LOOP_UNROLLED, &peer->config,
                      placed->tensors, count, total, peer->threads);
        return 0;
    }
}
