/*
 * traffic.c - hands a traffic loop to the library's driver, as adamw_step() hands it a kernel.
 */
#include "traffic.h"

#include "../../kernels/core/driver.h"
#include "tables.h"

#include <assert.h>

static const adamw_kernels *const tables[][BENCH_LOOPS] = {
    [ADAMW_ISA_SCALAR] = {&bench_plain_scalar, &bench_unrolled_scalar},
    [ADAMW_ISA_AVX2] = {&bench_plain_avx2, &bench_unrolled_avx2},
    [ADAMW_ISA_AVX512] = {&bench_plain_avx512, &bench_unrolled_avx512},
    [ADAMW_ISA_NEON] = {&bench_plain_neon, &bench_unrolled_neon},
};

void bench_traffic(adamw_isa isa, bench_loop loop, const adamw_config *config, const adamw_tensor *tensors,
                   size_t count, size_t total)
{
    /* Not adamw_isa_supported(): CPUID leaves a virtual machine, 15 us here, which would be all of a small list. */
    assert(isa != ADAMW_ISA_AUTO && tables[isa][loop]->update[0] != NULL);
    const adamw_plan plan = {config, 1, tensors, count, total, tables[isa][loop], {0, 0}};
    adamw_drive(&plan);
}

static void read_part(void *context, size_t part, size_t parts, adamw_result *result)
{
    const adamw_plan *plan = (const adamw_plan *)context;
    adamw_pieces piece = adamw_pieces_of(plan->tensors, plan->count, plan->total, part, parts);
    (void)result;
    while (adamw_pieces_next(&piece))
        plan->kernels->sum_squares((const float *)plan->tensors[piece.tensor].grad + piece.first, ADAMW_DTYPE_FLOAT32,
                                   piece.last - piece.first, 1);
}

static void whole_part(void *context, size_t part, size_t parts, adamw_result *result)
{
    const adamw_plan *plan = (const adamw_plan *)context;
    adamw_pieces piece = adamw_pieces_of(plan->tensors, plan->count, plan->total, part, parts);
    (void)result;
    while (adamw_pieces_next(&piece))
        plan->kernels->extended[0](NULL, NULL, &plan->tensors[piece.tensor], piece.first, piece.last - piece.first);
}

void bench_traffic_update(adamw_isa isa, bench_loop loop, const adamw_config *config, const adamw_tensor *tensors,
                          size_t count, size_t total)
{
    assert(isa != ADAMW_ISA_AUTO && tables[isa][loop]->update[0] != NULL);
    adamw_plan plan = {config, 1, tensors, count, total, tables[isa][loop], {0, 0}};
    const int threads = adamw_team_size(total, config->threads);
    adamw_run(threads, read_part, NULL, &plan);
    adamw_run(threads, whole_part, NULL, &plan);
}
