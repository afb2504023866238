/*
 * team_openmp.c - the OpenMP engine: one parallel region, which ends when its last thread does. For hosts whose other
 * code shares OpenMP's threads. Built with -DADAMW_TEAM_OPENMP (make TEAM=openmp) alone.
 */
#include "team.h"

#if defined(ADAMW_TEAM_OPENMP)

#include <omp.h>

#include "../dispatch/float_env.h"

/* A child of fork() has none of the runtime's threads and would wait for them endlessly, so they are ended before it:
 * the next region of either process starts them anew. */
void adamw_openmp_before_fork(void)
{
    if (!omp_in_parallel()) /* inside a region the call is an error, and the child cannot begin another one */
        omp_pause_resource_all(omp_pause_soft);
}

int adamw_openmp_most(void) { return omp_get_max_threads(); }

bool adamw_openmp_run(int threads, const adamw_job *job)
{
    /* By its parts, not by its threads: there may be fewer of them than asked for. */
#pragma omp parallel for num_threads(threads) schedule(static, 1)
    for (size_t part = 0; part < job->parts; part++) {
        const uint64_t own_env = adamw_float_env_get();
        adamw_float_env_set(job->env);
        adamw_job_part(job, part);
        adamw_float_env_set(own_env);
    }
    return true;
}

#endif
