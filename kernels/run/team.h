/*
 * team.h - the threads of a call: whether it has any, which engine runs its parts, and how their results are joined.
 * Everything else calls adamw_team_run() and knows nothing of threads. The work itself does not belong here.
 *
 * An engine is a file of its own: team_threads.c (this library's own threads), team_openmp.c, team_host.c (a
 * parallel-for that the host lends). -DADAMW_TEAM_OPENMP and -DADAMW_TEAM_NONE choose at build.
 */
#ifndef ADAMW_RUN_TEAM_H
#define ADAMW_RUN_TEAM_H

#include "../dispatch/tuning.h"

#if defined(ADAMW_TEAM_OPENMP) && !defined(_OPENMP)
#error "ADAMW_TEAM_OPENMP needs the compiler's OpenMP flag (-fopenmp)"
#endif
#if defined(ADAMW_TEAM_OPENMP) && defined(ADAMW_TEAM_NONE)
#error "only one of ADAMW_TEAM_OPENMP and ADAMW_TEAM_NONE can be defined"
#endif
#if !defined(ADAMW_TEAM_OPENMP) && !defined(ADAMW_TEAM_NONE)
#if defined(ADAMW_POSIX) || defined(_WIN32)
#define ADAMW_TEAM_THREADS
#else
#define ADAMW_TEAM_NONE
#endif
#endif

/* Bytes that a part may bring back, aligned for any type; and the most parts that a call is cut into. */
enum { ADAMW_PART_RESULT = 1408, ADAMW_MOST_PARTS = 256 };

/* One part of a pass. `result` is room of ADAMW_PART_RESULT bytes that the part may fill in for its join; NULL where
 * the pass has no join. */
typedef void adamw_work(void *context, size_t part, size_t parts, void *result);
/* Joins a part's result: one part at a time, in their order, on the calling thread. */
typedef void adamw_joiner(void *context, const void *result);

/*
 * adamw_team_run() calls work() once for each part of a pass over `total` values, on at most `wanted` threads (0: the
 * engine's default), in the caller's floating-point environment, and then join(), if it is not NULL, for one part
 * after the other. A host's threads have their own environment again afterwards; the caller's is the caller's to
 * restore.
 */
ADAMW_INTERNAL void adamw_team_run(const adamw_tuning *tuning, size_t total, int wanted, adamw_work *work,
                                   adamw_joiner *join, void *context);

/* adamw_team_most() returns the most threads that `threads` 0 means now, adamw_team_engine() the engine in words. */
ADAMW_INTERNAL int adamw_team_most(void);
ADAMW_INTERNAL const char *adamw_team_engine(void);

/*
 * adamw_team_limit_set() is for tests: teams then have up to `threads` threads whatever CPUs there are, sleeping
 * threads are woken for any list above the parallel threshold, and late ones are used again at once. 0 ends that.
 */
ADAMW_INTERNAL void adamw_team_limit_set(int threads);
/* How many threads of its own the library has started and not ended; for tests. */
ADAMW_INTERNAL int adamw_team_started(void);

/* How many threads a pass over `total` values is worth, at most `most`; 1 below the threshold. */
ADAMW_INTERNAL size_t adamw_team_size(const adamw_tuning *tuning, size_t total, size_t threshold, size_t most);

/* ---- what team.c and the engines share ---- */

typedef struct adamw_job {
    adamw_work *work;
    void *context;
    size_t parts;
    uint64_t env;  /* the caller's floating-point environment */
    char *results; /* ADAMW_PART_RESULT bytes for each part; NULL where the pass has no join */
} adamw_job;

/* Does one part on the calling thread, in the floating-point environment that it is in. */
static inline void adamw_job_part(const adamw_job *job, size_t part)
{
    job->work(job->context, part, job->parts, job->results != NULL ? job->results + part * ADAMW_PART_RESULT : NULL);
}

/* Each returns false, and has done nothing, where the calling thread is to do the work alone. */
ADAMW_INTERNAL bool adamw_threads_run(int threads, bool wake, const adamw_job *job);
ADAMW_INTERNAL bool adamw_openmp_run(int threads, const adamw_job *job);
ADAMW_INTERNAL bool adamw_host_run(const adamw_job *job);

/* Notes that a call which was large enough for the team's threads ended now, on the calling thread alone. */
ADAMW_INTERNAL void adamw_threads_ended(void);
ADAMW_INTERNAL int adamw_threads_most(void);
ADAMW_INTERNAL void adamw_threads_limit_set(int threads);
ADAMW_INTERNAL int adamw_threads_started(void);
ADAMW_INTERNAL void adamw_threads_forget(void); /* in a child of fork(), which has none of them */
ADAMW_INTERNAL int adamw_openmp_most(void);
ADAMW_INTERNAL void adamw_openmp_before_fork(void);
/* The number of parts of the parallel-for that the host has lent; 0 without one. */
ADAMW_INTERNAL int adamw_host_parts(void);

#endif
