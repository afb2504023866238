/*
 * team.c - see team.h. Nothing here knows what the work is.
 */
#include "team.h"

#include <stdalign.h>

#include "../dispatch/float_env.h"

#if defined(_OPENMP)
#include <omp.h>
#endif

int adamw_team_size(const adamw_tuning *tuning, size_t total, int wanted)
{
#if defined(_OPENMP)
    if (total < tuning->parallel_threshold)
        return 1;
    const size_t useful = total / tuning->min_values_per_thread;
    const int most = wanted != 0 ? wanted : omp_get_max_threads();
    return useful < (size_t)most ? (int)useful : most;
#else
    (void)tuning, (void)total, (void)wanted;
    return 1;
#endif
}

static void join_part(adamw_work *work, adamw_joiner *join, void *context)
{
    alignas(max_align_t) char result[ADAMW_PART_RESULT];
    work(context, 0, 1, result);
    join(context, result);
}

/* The calling thread alone, outside any region: a team of one would end the threads of the last one. */
static void run_alone(adamw_work *work, adamw_joiner *join, void *context)
{
    if (join != NULL)
        join_part(work, join, context);
    else
        work(context, 0, 1, NULL);
}

#if defined(_OPENMP)
static void run_region(int threads, adamw_work *work, adamw_joiner *join, void *context)
{
    const uint64_t caller_env = adamw_float_env_get();
#pragma omp parallel num_threads(threads)
    {
        const uint64_t own_env = adamw_float_env_get();
        adamw_float_env_set(caller_env);
        const int parts = omp_get_num_threads();
#pragma omp for ordered schedule(static, 1)
        for (int part = 0; part < parts; part++) {
            alignas(max_align_t) char result[ADAMW_PART_RESULT];
            work(context, (size_t)part, (size_t)parts, join != NULL ? result : NULL);
#pragma omp ordered
            if (join != NULL)
                join(context, result);
        }
        adamw_float_env_set(own_env);
    }
}
#endif

void adamw_team_run(int threads, adamw_work *work, adamw_joiner *join, void *context)
{
#if defined(_OPENMP)
    if (threads > 1)
        run_region(threads, work, join, context);
    else
#endif
        run_alone(work, join, context);
    (void)threads;
}
