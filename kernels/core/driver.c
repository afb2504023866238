/*
 * driver.c - cuts the list into parts of equal size, at fixed block boundaries inside each tensor, and gives each
 * thread of one parallel region its part. A tensor's bits depend on neither, so the cut is a matter of speed alone.
 */
#include "driver.h"

#include "../dispatch/float_env.h"
#include "coefficients.h"

#if defined(_OPENMP)
#include <omp.h>
#endif

enum {
    /* Values between two possible cuts: a multiple of every vector and of a page, whatever the split. */
    BLOCK = 4096,
    /* Values from which on threads pay. A team that sleeps (OMP_WAIT_POLICY=passive, or time between two steps) takes
     * some 40 us to wake, as long as one thread needs for 128K values; the figures are in bench/README.md. */
    WHERE_THREADS_PAY = 262144,
    /* And the fewest values of each, where there are many. */
    VALUES_PER_THREAD = 16384
};

/* Where part `part` begins, counted in values over the whole list. */
static size_t part_begin(size_t total, size_t part, size_t parts)
{
    const size_t rest = total % parts;
    return total / parts * part + (part < rest ? part : rest);
}

/* The same place inside a tensor of n values that begins at `offset`, moved to a block boundary. */
static size_t cut_inside(size_t place, size_t offset, size_t n)
{
    if (place <= offset)
        return 0;
    if (place - offset >= n)
        return n;
    return (place - offset) / BLOCK * BLOCK;
}

adamw_pieces adamw_pieces_of(const adamw_tensor *tensors, size_t count, size_t total, size_t part, size_t parts)
{
    return (adamw_pieces){.tensors = tensors,
                          .count = count,
                          .begin = part_begin(total, part, parts),
                          .end = part_begin(total, part + 1, parts)};
}

bool adamw_pieces_next(adamw_pieces *pieces)
{
    while (pieces->next < pieces->count && pieces->offset < pieces->end) {
        const size_t n = pieces->tensors[pieces->next].n;
        pieces->first = cut_inside(pieces->begin, pieces->offset, n);
        pieces->last = cut_inside(pieces->end, pieces->offset, n);
        pieces->tensor = pieces->next++;
        pieces->offset += n;
        if (pieces->first != pieces->last)
            return true;
    }
    return false;
}

void adamw_drive_part(const adamw_plan *plan, size_t part, size_t parts)
{
    /* Neighbours in the list mostly share their group and step, and then the coefficients. */
    const adamw_config *config = NULL;
    uint64_t step = 0;
    adamw_coefficients coefficients;
    adamw_kernel *update = NULL;

    adamw_pieces pieces = adamw_pieces_of(plan->tensors, plan->count, plan->total, part, parts);
    while (adamw_pieces_next(&pieces)) {
        const adamw_tensor *tensor = &plan->tensors[pieces.tensor];
        const adamw_config *tensor_config = tensor->config != NULL ? tensor->config : plan->config;
        const uint64_t tensor_step = tensor->step != 0 ? tensor->step : plan->step;
        if (tensor_config != config || tensor_step != step) {
            config = tensor_config;
            step = tensor_step;
            coefficients = adamw_coefficients_of(config, step);
            coefficients.look_ahead = plan->look_ahead;
            update = plan->kernels->update[adamw_variant_of(config)];
        }
        update(&coefficients, tensor, pieces.first, pieces.last - pieces.first);
    }
}

int adamw_team_size(size_t total, int wanted)
{
#if defined(_OPENMP)
    if (total < WHERE_THREADS_PAY)
        return 1;
    const size_t useful = total / VALUES_PER_THREAD;
    const int most = wanted != 0 ? wanted : omp_get_max_threads();
    return useful < (size_t)most ? (int)useful : most;
#else
    (void)total, (void)wanted;
    return 1;
#endif
}

void adamw_drive(const adamw_plan *plan)
{
    const int threads = adamw_team_size(plan->total, plan->config->threads);
    if (threads == 1) { /* outside any region: a team of one would end the threads of the last one */
        adamw_drive_part(plan, 0, 1);
        return;
    }
#if defined(_OPENMP)
    const uint64_t caller_env = adamw_float_env_get();
#pragma omp parallel num_threads(threads)
    {
        const uint64_t own_env = adamw_float_env_get();
        adamw_float_env_set(caller_env);
        adamw_drive_part(plan, (size_t)omp_get_thread_num(), (size_t)omp_get_num_threads());
        adamw_float_env_set(own_env);
    }
#endif
}

static void run_part(adamw_work *work, void *context, size_t part, size_t parts, adamw_result *result)
{
    *result = (adamw_result){0};
    work(context, part, parts, result);
}

void adamw_run(int threads, adamw_work *work, adamw_join *join, void *context)
{
    if (threads == 1) {
        adamw_result result;
        run_part(work, context, 0, 1, &result);
        if (join != NULL)
            join(context, &result);
        return;
    }
#if defined(_OPENMP)
    const uint64_t caller_env = adamw_float_env_get();
#pragma omp parallel num_threads(threads)
    {
        const uint64_t own_env = adamw_float_env_get();
        adamw_float_env_set(caller_env);
        const int parts = omp_get_num_threads();
#pragma omp for ordered schedule(static, 1)
        for (int part = 0; part < parts; part++) {
            adamw_result result;
            run_part(work, context, (size_t)part, (size_t)parts, &result);
#pragma omp ordered
            if (join != NULL)
                join(context, &result);
        }
        adamw_float_env_set(own_env);
    }
#endif
}
