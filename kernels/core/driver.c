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
    /* Values for which one more thread is worth its start: see bench/README.md. */
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

void adamw_drive_part(const adamw_plan *plan, size_t part, size_t parts)
{
    const size_t begin = part_begin(plan->total, part, parts);
    const size_t end = part_begin(plan->total, part + 1, parts);

    /* Neighbours in the list mostly share their group and step, and then the coefficients. */
    const adamw_config *config = NULL;
    uint64_t step = 0;
    adamw_coefficients coefficients;
    adamw_kernel *update = NULL;

    size_t offset = 0;
    for (size_t i = 0; i < plan->count && offset < end; i++) {
        const adamw_tensor *tensor = &plan->tensors[i];
        const size_t first = cut_inside(begin, offset, tensor->n);
        const size_t last = cut_inside(end, offset, tensor->n);
        offset += tensor->n;
        if (first == last)
            continue;

        const adamw_config *tensor_config = tensor->config != NULL ? tensor->config : plan->config;
        const uint64_t tensor_step = tensor->step != 0 ? tensor->step : plan->step;
        if (tensor_config != config || tensor_step != step) {
            config = tensor_config;
            step = tensor_step;
            coefficients = adamw_coefficients_of(config, step);
            update = plan->kernels->update[adamw_variant_of(config)];
        }
        update(&coefficients, tensor, first, last - first);
    }
}

#if defined(_OPENMP)

static int team_size(const adamw_plan *plan)
{
    const size_t useful = plan->total / VALUES_PER_THREAD;
    if (useful < 2)
        return 1;
    const int wanted = plan->config->threads != 0 ? plan->config->threads : omp_get_max_threads();
    return useful < (size_t)wanted ? (int)useful : wanted;
}

void adamw_drive(const adamw_plan *plan)
{
    const int threads = team_size(plan);
    if (threads == 1) { /* outside any region: a team of one would end the threads of the last one */
        adamw_drive_part(plan, 0, 1);
        return;
    }
    const uint64_t caller_env = adamw_float_env_get();
#pragma omp parallel num_threads(threads)
    {
        const uint64_t own_env = adamw_float_env_get();
        adamw_float_env_set(caller_env);
        adamw_drive_part(plan, (size_t)omp_get_thread_num(), (size_t)omp_get_num_threads());
        adamw_float_env_set(own_env);
    }
}

#else

void adamw_drive(const adamw_plan *plan) { adamw_drive_part(plan, 0, 1); }

#endif
