/*
 * team.c - the threads of a call (kernels/run/team.h) with work that looks at them: each part once, results in order,
 * the caller's floating-point environment everywhere, many callers, and a parallel-for that the host lends. What a
 * process goes through with them is process.c's. Nothing here is timed.
 */
#define _GNU_SOURCE
#include "check.h"

#include <fenv.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "../../kernels/dispatch/float_env.h"
#include "../../kernels/run/team.h"

/* Every list is worth all threads. */
static const adamw_tuning eager = {
    .name = "test", .parallel_threshold = 1, .wake_threshold = 1, .min_values_per_thread = 1};

enum { MEET_MS = 60000 };

typedef struct visits {
    atomic_uint done[ADAMW_MOST_PARTS]; /* how often each part was done */
    atomic_uint here, most_here;        /* threads in a part now, and at most */
    atomic_uint threads;                /* that have done one */
    unsigned meet;                      /* parts wait until this many threads are in one */
    atomic_bool missed;                 /* they did not come */
    _Atomic uint64_t env, other_env;    /* that the parts are to see, and one that they saw instead */
    size_t joined, parts;               /* results in order so far, and of how many parts */
    bool out_of_order;
} visits;

/* What the bits of a step depend on: the rounding mode and what becomes of subnormals, not the exception flags. */
static uint64_t mode_of(uint64_t env)
{
#if defined(__x86_64__)
    return env & ~UINT64_C(0x3F);
#else
    return env;
#endif
}

static void meet(visits *v)
{
    for (int ms = 0; atomic_load(&v->most_here) < v->meet; ms++) {
        const struct timespec a_while = {0, 1000000};
        if (ms == MEET_MS) {
            atomic_store(&v->missed, true);
            return;
        }
        nanosleep(&a_while, NULL);
    }
}

static void visit(void *context, size_t part, size_t parts, void *result)
{
    visits *v = (visits *)context;
    const unsigned here = atomic_fetch_add(&v->here, 1) + 1;
    unsigned most = atomic_load(&v->most_here);
    while (here > most && !atomic_compare_exchange_weak(&v->most_here, &most, here))
        ;
    meet(v);
    const uint64_t env = mode_of(adamw_float_env_get());
    if (env != atomic_load(&v->env))
        atomic_store(&v->other_env, env);
    atomic_fetch_add(&v->done[part], 1);
    if (result != NULL) {
        memset(result, (int)part, ADAMW_PART_RESULT);
        memcpy(result, (size_t[]){part, parts}, 2 * sizeof(size_t));
    }
    atomic_fetch_sub(&v->here, 1);
}

static void join_visit(void *context, const void *result)
{
    visits *v = (visits *)context;
    size_t said[2];
    memcpy(said, result, sizeof said);
    const unsigned char *bytes = (const unsigned char *)result;
    for (size_t i = sizeof said; i < ADAMW_PART_RESULT; i++)
        if (bytes[i] != (unsigned char)said[0])
            v->out_of_order = true;
    if (said[0] != v->joined++)
        v->out_of_order = true;
    v->parts = said[1];
}

/* Runs a pass and says what was wrong with it, if anything. */
static bool visit_all(visits *v, size_t total, int threads, bool join, const char *what)
{
    atomic_store(&v->env, mode_of(adamw_float_env_get()));
    atomic_store(&v->other_env, atomic_load(&v->env));
    adamw_team_run(&eager, total, threads, visit, join ? join_visit : NULL, v);
    size_t done = 0;
    for (size_t i = 0; i < ADAMW_MOST_PARTS; i++) {
        const unsigned times = atomic_load(&v->done[i]);
        if (times > 1 || (times == 1 && done != i))
            return check_fail("%s: part %zu was done %u times after %zu parts", what, i, times, done);
        done += times;
    }
    if (atomic_load(&v->missed))
        return check_fail("%s: %u threads did not meet in a minute", what, v->meet);
    if (done == 0 || (join && (v->joined != done || v->parts != done || v->out_of_order)))
        return check_fail("%s: %zu parts were done, %zu joined%s", what, done, v->joined,
                          v->out_of_order ? ", not in order" : "");
    if (atomic_load(&v->other_env) != atomic_load(&v->env))
        return check_fail("%s: a part saw the environment %llx, the caller's is %llx", what,
                          (unsigned long long)atomic_load(&v->other_env), (unsigned long long)atomic_load(&v->env));
    return true;
}

bool check_team_parts(const check_options *options)
{
    static const size_t totals[] = {1, 2, 7, 4096, 16384, 100000, 1000000, SIZE_MAX / 2};
    bool right = true;
    for (size_t i = 0; right && i < sizeof totals / sizeof totals[0]; i++)
        for (int threads = 0; right && threads <= 8; threads++)
            for (int round = 0; right && round < (options->quick ? 4 : 40); round++) {
                visits v = {.meet = 0};
                right = visit_all(&v, totals[i], threads, round % 2, "parts");
                if (right && atomic_load(&v.most_here) > (threads == 1 ? 1U : 8U))
                    right = check_fail("%u threads at once, %d asked for", atomic_load(&v.most_here), threads);
            }
    return right;
}

/* Two threads at least are in a part at once here, so the team's own are looked at and not the caller alone. */
bool check_team_environment(const check_options *options)
{
    static const int roundings[] = {FE_UPWARD, FE_TONEAREST, FE_DOWNWARD, FE_TOWARDZERO};
    bool right = true;
    (void)options;
    if (strcmp(adamw_team_engine(), "none") == 0) {
        check_skip("built without threads");
        return true;
    }
    for (int i = 0; right && i < 8; i++) {
        visits v = {.meet = 2};
        fesetround(roundings[i % 4]);
        feraiseexcept(FE_INEXACT);
        right = visit_all(&v, 1000000, 2, true, "environment");
        fesetround(FE_TONEAREST);
        feclearexcept(FE_ALL_EXCEPT);
    }
    return right;
}

/* ---- many callers ---- */

typedef struct caller {
    pthread_t thread;
    bool right;
    int rounds;
} caller;

static void *call_often(void *argument)
{
    caller *c = (caller *)argument;
    for (int i = 0; c->right && i < c->rounds; i++) {
        visits v = {.meet = 0};
        c->right = visit_all(&v, 30000 + (size_t)i * 1000, 2 + i % 6, i % 3 != 0, "many callers");
    }
    return NULL;
}

bool check_team_callers(const check_options *options)
{
    enum { CALLERS = 5 };
    caller callers[CALLERS];
    bool right = true;
    for (int i = 0; i < CALLERS; i++) {
        callers[i] = (caller){.right = true, .rounds = options->quick ? 200 : 2000};
        if (pthread_create(&callers[i].thread, NULL, call_often, &callers[i]) != 0)
            return check_fail("the system gives no thread");
    }
    for (int i = 0; i < CALLERS; i++) {
        pthread_join(callers[i].thread, NULL);
        right = right && callers[i].right;
    }
    return right;
}

/* A part that steps itself, as a host's own parallel region does. */
static void step_in_part(void *context, size_t part, size_t parts, void *result)
{
    (void)result;
    visits v = {.meet = 0};
    if (!visit_all(&v, 100000 + part, 0, part % 2 == 0, "a call inside a part"))
        atomic_store((atomic_bool *)context, false);
    (void)parts;
}

bool check_team_nested(const check_options *options)
{
    atomic_bool right = true;
    for (int i = 0; i < (options->quick ? 10 : 100); i++)
        adamw_team_run(&eager, 100000, 4, step_in_part, NULL, &right);
    return atomic_load(&right);
}

/* ---- a parallel-for that the host lends ---- */

typedef struct host {
    enum { SERIAL, REVERSED, THREADS, CARELESS } how;
    atomic_int calls;
    bool env_changed;
} host;

typedef struct host_thread {
    pthread_t thread;
    size_t part;
    adamw_parallel_body *body;
    void *body_context;
    bool env_changed;
} host_thread;

static void *run_body(void *argument)
{
    host_thread *t = (host_thread *)argument;
    const uint64_t env = adamw_float_env_get();
    t->body(t->body_context, t->part);
    t->env_changed = adamw_float_env_get() != env;
    return NULL;
}

static void for_each_part(void *context, size_t parts, adamw_parallel_body *body, void *body_context)
{
    host *h = (host *)context;
    host_thread threads[ADAMW_MOST_PARTS];
    atomic_fetch_add(&h->calls, 1);
    for (size_t i = 0; i < parts; i++)
        threads[i] =
            (host_thread){.part = h->how == REVERSED ? parts - 1 - i : i, .body = body, .body_context = body_context};
    if (h->how == CARELESS) { /* one part twice, one that is none, and the others not at all */
        body(body_context, 1);
        body(body_context, 1);
        body(body_context, parts);
        return;
    }
    const uint64_t env = adamw_float_env_get();
    fesetround(FE_UPWARD); /* a host's threads have a mode of their own */
    for (size_t i = 0; i < parts; i++)
        if (h->how != THREADS || pthread_create(&threads[i].thread, NULL, run_body, &threads[i]) != 0) {
            run_body(&threads[i]);
            threads[i].thread = pthread_self();
        }
    for (size_t i = 0; i < parts; i++) {
        if (!pthread_equal(threads[i].thread, pthread_self()))
            pthread_join(threads[i].thread, NULL);
        h->env_changed = h->env_changed || threads[i].env_changed;
    }
    adamw_float_env_set(env);
}

static bool refused(adamw_parallel_for *function, void *context, int parts)
{
    return adamw_parallel_for_set(function, context, parts) == ADAMW_ERROR_INVALID_ARGUMENT ||
           check_fail("adamw_parallel_for_set takes %d parts", parts);
}

bool check_team_host(const check_options *options)
{
    host h = {.how = SERIAL};
    adamw_info info;
    bool right = refused(for_each_part, &h, 0) && refused(for_each_part, &h, -1) && refused(for_each_part, &h, 257) &&
                 refused(NULL, &h, 0) && refused(NULL, NULL, 3);
    (void)options;
    for (int how = SERIAL; right && how <= CARELESS; how++)
        for (int parts = 2; right && parts <= ADAMW_MOST_PARTS; parts = parts < 9 ? parts + 1 : 10 * parts) {
            visits with = {.meet = 0}, without = {.meet = 0}, one = {.meet = 0};
            h = (host){.how = how};
            adamw_parallel_for_set(for_each_part, &h, parts);
            adamw_info_get(&info);
            fesetround(FE_DOWNWARD);
            right = visit_all(&with, 1000000, 0, true, "a host's parallel-for, with results") &&
                    visit_all(&without, 1000000, 0, false, "a host's parallel-for, without results") &&
                    visit_all(&one, 1000000, 1, false, "one thread");
            fesetround(FE_TONEAREST);
            adamw_parallel_for_set(NULL, NULL, 0);
            if (right && (atomic_load(&h.calls) != 2 || with.parts != (size_t)parts))
                right = check_fail("the host's function was called %d times, %zu parts, not 2 and %d",
                                   atomic_load(&h.calls), with.parts, parts);
            if (right && h.env_changed)
                right = check_fail("a host's thread has another floating-point environment afterwards");
            if (right && (info.threads != parts || strcmp(info.engine, "the host's parallel-for") != 0))
                right = check_fail("adamw_info_get: %d threads, engine %s", info.threads, info.engine);
        }
    return right;
}
