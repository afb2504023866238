/*
 * traffic.c - hands a traffic loop to the library's team, as adamw_step() hands it a kernel.
 */
#include "traffic.h"

#include "../../kernels/dispatch/isa.h"
#include "../../kernels/run/pass.h"
#include "../../kernels/run/pieces.h"
#include "../../kernels/run/team.h"
#include "tables.h"

#include <assert.h>

static const adamw_kernels *const tables[ADAMW_ISA_COUNT][BENCH_LOOPS] = {
#define BENCH_ENTRY(NAME, name) [ADAMW_ISA_##NAME] = {&bench_plain_##name, &bench_unrolled_##name},
    ADAMW_ISAS(BENCH_ENTRY)
#undef BENCH_ENTRY
};

/* Without prefetches, as the loops have none. */
static adamw_plan plan_of(adamw_isa isa, bench_loop loop, const adamw_config *config, const adamw_tensor *tensors,
                          size_t count, size_t total, int threads)
{
    /* Not adamw_isa_supported(): CPUID leaves a virtual machine, 15 us here, which would be all of a small list. */
    assert(isa != ADAMW_ISA_AUTO && tables[isa][loop]->update[0] != NULL);
    return (adamw_plan){.config = config,
                        .step = 1,
                        .tensors = tensors,
                        .count = count,
                        .total = total,
                        .threads = threads,
                        .kernels = tables[isa][loop],
                        .tuning = adamw_dispatch_active()->tuning};
}

void bench_traffic(adamw_isa isa, bench_loop loop, const adamw_config *config, const adamw_tensor *tensors,
                   size_t count, size_t total, int threads)
{
    const adamw_pass step = {.update = true, .clip_coefficient = 1};
    adamw_config moved; /* the defaults, whose variant the tables have */
    adamw_config_init(&moved);
    moved.amsgrad = config->amsgrad;
    const adamw_plan plan = plan_of(isa, loop, &moved, tensors, count, total, threads);
    adamw_pass_run(&plan, &step, NULL);
}

static void read_part(void *context, size_t part, size_t parts, void *result)
{
    const adamw_plan *plan = (const adamw_plan *)context;
    adamw_pieces piece = adamw_pieces_of(plan->tensors, plan->count, plan->total, part, parts);
    (void)result;
    while (adamw_pieces_next(&piece))
        plan->kernels->sum_squares((const float *)plan->tensors[piece.tensor].grad + piece.first, ADAMW_DTYPE_FLOAT32,
                                   piece.last - piece.first, 1, 0);
}

/* The update and the average's stream at once, over whole pieces: one pass without stages. */
static void whole_part(void *context, size_t part, size_t parts, void *result)
{
    const adamw_plan *plan = (const adamw_plan *)context;
    adamw_pieces piece = adamw_pieces_of(plan->tensors, plan->count, plan->total, part, parts);
    (void)result;
    while (adamw_pieces_next(&piece)) {
        const adamw_tensor *tensor = &plan->tensors[piece.tensor];
        const size_t at = piece.first * sizeof(float);
        /* The average's stream stands in the place of amsgrad's. */
        const adamw_update_streams streams = {.param = (char *)tensor->param + at,
                                              .grad = (const char *)tensor->grad + at,
                                              .exp_avg = (char *)tensor->exp_avg + at,
                                              .exp_avg_sq = (char *)tensor->exp_avg_sq + at,
                                              .max_exp_avg_sq = (char *)tensor->param_ema + at};
        plan->kernels->update[BENCH_WHOLE_UPDATE](NULL, &streams, piece.last - piece.first);
    }
}

void bench_traffic_update(adamw_isa isa, bench_loop loop, const adamw_config *config, const adamw_tensor *tensors,
                          size_t count, size_t total, int threads)
{
    adamw_plan plan = plan_of(isa, loop, config, tensors, count, total, threads);
    adamw_team_run(plan.tuning, total, threads, read_part, NULL, &plan);
    adamw_team_run(plan.tuning, total, threads, whole_part, NULL, &plan);
}
