/*
 * team_host.c - the host's parallel-for as an engine (adamw_parallel_for_set() in adamw.h). Each part is done exactly
 * once whatever the host's function does: a second call of one part does nothing, and a part that was left out is
 * done at the end by the calling thread.
 */
#include "team.h"

#include <stdatomic.h>

#include "../dispatch/float_env.h"

/* The parallel-for that the host has lent. Its three parts are read together: `version` is odd while they change. */
static atomic_flag setting = ATOMIC_FLAG_INIT;
static atomic_uint version;
static _Atomic(adamw_parallel_for *) lent_function;
static _Atomic(void *) lent_context;
static atomic_int lent_parts;

typedef struct lent {
    adamw_parallel_for *function;
    void *context;
} lent;

adamw_status adamw_parallel_for_set(adamw_parallel_for *function, void *context, int parts)
{
    if (function != NULL ? parts < 1 || parts > ADAMW_MOST_PARTS : context != NULL || parts != 0)
        return ADAMW_ERROR_INVALID_ARGUMENT;
    while (atomic_flag_test_and_set(&setting)) /* three stores long */
        ;
    atomic_fetch_add(&version, 1);
    atomic_store(&lent_function, function);
    atomic_store(&lent_context, context);
    atomic_store(&lent_parts, parts);
    atomic_fetch_add(&version, 1);
    atomic_flag_clear(&setting);
    return ADAMW_OK;
}

int adamw_host_parts(void) { return atomic_load_explicit(&lent_parts, memory_order_relaxed); }

static lent what_is_lent(void)
{
    lent now;
    unsigned before, after;
    do {
        before = atomic_load(&version);
        now.function = atomic_load(&lent_function);
        now.context = atomic_load(&lent_context);
        after = atomic_load(&version);
    } while (before % 2 != 0 || before != after);
    return now;
}

/* A call that is under way, on the caller's stack: the host's function returns after its last body. */
typedef struct call {
    const adamw_job *job;
    _Atomic uint64_t taken[ADAMW_MOST_PARTS / 64]; /* a bit for each part */
} call;

static void body(void *body_context, size_t part)
{
    call *of = (call *)body_context;
    const uint64_t bit = UINT64_C(1) << part % 64;
    if (part >= of->job->parts || (atomic_fetch_or(&of->taken[part / 64], bit) & bit) != 0)
        return;
    const uint64_t own_env = adamw_float_env_get();
    adamw_float_env_set(of->job->env);
    adamw_job_part(of->job, part);
    adamw_float_env_set(own_env);
}

bool adamw_host_run(const adamw_job *job)
{
    const lent now = what_is_lent();
    if (now.function == NULL) /* taken back meanwhile */
        return false;
    call this_call = {.job = job};
    now.function(now.context, job->parts, body, &this_call);
    for (size_t part = 0; part < job->parts; part++)
        body(&this_call, part);
    return true;
}
