/*
 * team.c - see team.h: decides how many threads a pass is worth and how many parts it is cut into, hands it to an
 * engine, and joins the results in order. Nothing here knows what the work is, nor how a thread is started.
 */
#include "team.h"

#include <stdalign.h>
#include <stdatomic.h>
#if defined(ADAMW_POSIX) && !defined(ADAMW_TEAM_NONE)
#define HAS_FORK
#include <pthread.h>
#endif

#include "../dispatch/float_env.h"

/*
 * A part has this many values or more, and a thread at most this many parts: enough for threads that begin late or
 * run slowly to leave work to the others (a part of 16,384 values takes some 3 us in cache), few enough that claiming
 * them and finding their tensors in a long list is not seen.
 */
enum { PART_VALUES = 16384, PARTS_PER_THREAD = 16 };

/* Room for the results of one call's parts: the first call that needs it has it, another one at the same time works
 * alone. Static, because a step allocates nothing and callers may have small stacks. */
static alignas(64) char results[ADAMW_MOST_PARTS * ADAMW_PART_RESULT];
static atomic_flag results_taken = ATOMIC_FLAG_INIT;

/* ---- fork ---- */

#if defined(HAS_FORK)
static void before_fork(void)
{
#if defined(ADAMW_TEAM_OPENMP)
    adamw_openmp_before_fork();
#endif
}

/* The child has one thread: what others held is free, and the team is gone. */
static void in_child(void)
{
    atomic_flag_clear(&results_taken);
#if defined(ADAMW_TEAM_THREADS)
    adamw_threads_forget();
#endif
}
#endif

/* Whether a child of fork() can step: without memory for the handlers every call stays on its caller's thread. */
static bool fork_is_safe(void)
{
#if defined(HAS_FORK)
    static atomic_int state; /* 0: not yet tried, 1: registered, -1: no memory */
    if (atomic_load(&state) == 0)
        atomic_store(&state, pthread_atfork(before_fork, NULL, in_child) == 0 ? 1 : -1); /* twice does no harm */
    return atomic_load(&state) == 1;
#else
    return true;
#endif
}

/* ---- a call ---- */

static size_t least(size_t a, size_t b) { return a < b ? a : b; }

size_t adamw_team_size(const adamw_tuning *tuning, size_t total, size_t threshold, size_t most)
{
    const size_t useful = total / tuning->min_values_per_thread;
    return total < threshold || useful == 0 ? 1 : least(useful, most);
}

#if defined(ADAMW_TEAM_THREADS)
static size_t parts_of(size_t total, size_t threads)
{
    const size_t each = least(total / threads / PART_VALUES, PARTS_PER_THREAD);
    return least(threads * (each > 1 ? each : 1), ADAMW_MOST_PARTS);
}
#endif

static bool run_parts(const adamw_tuning *tuning, size_t total, int wanted, adamw_job *job)
{
    const size_t lent = (size_t)adamw_host_parts();
    if (lent != 0) { /* its threads may be asleep */
        const size_t most = wanted != 0 ? least((size_t)wanted, lent) : lent;
        job->parts = adamw_team_size(tuning, total, tuning->wake_threshold, most);
        return job->parts > 1 && adamw_host_run(job);
    }
#if defined(ADAMW_TEAM_THREADS)
    const size_t threads =
        adamw_team_size(tuning, total, tuning->parallel_threshold,
                        least(wanted != 0 ? (size_t)wanted : SIZE_MAX, (size_t)adamw_threads_most()));
    job->parts = parts_of(total, threads);
    return threads > 1 && adamw_threads_run((int)threads, total >= tuning->wake_threshold, job);
#elif defined(ADAMW_TEAM_OPENMP)
    const size_t most = least(wanted != 0 ? (size_t)wanted : (size_t)adamw_openmp_most(), ADAMW_MOST_PARTS);
    job->parts = adamw_team_size(tuning, total, tuning->wake_threshold, most);
    return job->parts > 1 && adamw_openmp_run((int)job->parts, job);
#else
    return false;
#endif
}

void adamw_team_run(const adamw_tuning *tuning, size_t total, int wanted, adamw_work *work, adamw_joiner *join,
                    void *context)
{
    /* Below both thresholds nothing is looked up: a step of one value takes less than a system call. */
    const bool large =
        wanted != 1 && total >= least(tuning->parallel_threshold, tuning->wake_threshold) && fork_is_safe();
    if (large && (join == NULL || !atomic_flag_test_and_set_explicit(&results_taken, memory_order_acquire))) {
        adamw_job job = {work, context, 1, adamw_float_env_get(), join != NULL ? results : NULL};
        const bool done = run_parts(tuning, total, wanted, &job);
        for (size_t i = 0; done && join != NULL && i < job.parts; i++)
            join(context, results + i * ADAMW_PART_RESULT);
        if (join != NULL)
            atomic_flag_clear_explicit(&results_taken, memory_order_release);
        if (done)
            return;
    }
    alignas(max_align_t) char result[ADAMW_PART_RESULT];
    work(context, 0, 1, join != NULL ? result : NULL);
    if (join != NULL)
        join(context, result);
#if defined(ADAMW_TEAM_THREADS)
    if (large)
        adamw_threads_ended();
#endif
}

int adamw_team_most(void)
{
    const int lent = adamw_host_parts();
    if (lent != 0)
        return lent;
#if defined(ADAMW_TEAM_THREADS)
    return adamw_threads_most();
#elif defined(ADAMW_TEAM_OPENMP)
    return adamw_openmp_most();
#else
    return 1;
#endif
}

const char *adamw_team_engine(void)
{
    if (adamw_host_parts() != 0)
        return "the host's parallel-for";
#if defined(ADAMW_TEAM_THREADS)
    return "own threads";
#elif defined(ADAMW_TEAM_OPENMP)
    return "OpenMP";
#else
    return "none";
#endif
}

void adamw_team_limit_set(int threads)
{
#if defined(ADAMW_TEAM_THREADS)
    adamw_threads_limit_set(threads);
#else
    (void)threads;
#endif
}

int adamw_team_started(void)
{
#if defined(ADAMW_TEAM_THREADS)
    return adamw_threads_started();
#else
    return 0;
#endif
}
