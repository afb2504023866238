/*
 * team_threads.c - this library's own threads as an engine: a small team of threads for the whole process. The
 * caller works too, and a call ends when its parts are done, whether or not another thread ever had a CPU. team.c
 * decides how many threads and parts a call has.
 *
 * Each thread of a call begins with a share of the parts, the same in every call, so that its values stay in its
 * core's caches; one that is done helps the others from the far end of their shares. A part is claimed by one
 * compare-and-swap of its share's word. Nothing that a call describes is read before a part of it is claimed, and a
 * call cannot end while a claimed part is not done: so a thread that wakes late finds every share empty and touches
 * nothing of the caller's.
 */
#if !defined(_GNU_SOURCE)
#define _GNU_SOURCE /* syscall, in team_sleep.h */
#endif
#include "team.h"

#if defined(ADAMW_TEAM_THREADS)

#include <stdalign.h>
#include <stdatomic.h>

#include "../dispatch/float_env.h"
#include "team_cpus.h"
#include "team_sleep.h"
#include "team_start.h"

enum {
    MOST_THREADS = ADAMW_MOST_PARTS,
    SPIN_NS = 50000,           /* a thread spins this long for the next call before it sleeps */
    CALLER_SPIN_NS = 30000,    /* a caller spins this long for the parts of others before it sleeps */
    GAP_NS = 200000,           /* a spinning thread that missed this much time shares its CPU with other programs: */
    CROWDED_NS = 50000000,     /* no thread spins for this time then */
    HELD_UP_NS = 50000,        /* a thread is benched, has no share, if a call waited for it this long and longer */
    BENCH_TIMES = 20,          /* than half of the call. It is benched for this many times the time waited, */
    BENCH_LEAST_NS = 10000000, /* at least for this time */
    BENCH_MOST_NS = 500000000  /* and at most for this time */
};
static const uint64_t second = 1000000000;

/* A share: the parts of a thread that are not yet claimed, [front, back), and the number of threads of the call. */
typedef struct share {
    alignas(64) _Atomic uint64_t word;
} share;

typedef struct worker {
    alignas(64) _Atomic uint32_t asleep; /* 1: sleeps, or is about to */
    _Atomic uint64_t benched_until;      /* it held a call up, and has no share before this time */
    uint32_t calls_seen;                 /* when it was started */
    adamw_thread thread;
} worker;

static struct team {
    _Atomic uint32_t busy;    /* 1: the team serves a caller */
    _Atomic uint32_t calls;   /* that it has served: a spinning thread looks at this word */
    _Atomic uint32_t threads; /* of the call that it serves */
    _Atomic uint32_t left;    /* parts of it that are not done, with CALLER_SLEEPS */
    _Atomic uint32_t spins;   /* whether threads wait for the next call before they sleep */
    _Atomic uint32_t last;    /* the thread whose parts were done last */
    _Atomic uint32_t closed;  /* the library is being unloaded, or the process ends */
    _Atomic uint64_t crowded_until;
    _Atomic uint64_t ended; /* when the last call ended */
    adamw_job job;          /* written by the caller that the team serves, read by whoever has claimed a part */
    /* Only with `busy`: */
    _Atomic uint32_t started; /* threads 1 .. started run */
    uint64_t retry_at;        /* one could not be started: not again before this time */
    share shares[MOST_THREADS];
    worker workers[MOST_THREADS]; /* that of thread 0, the caller, is not used */
} team;

static const uint32_t CALLER_SLEEPS = UINT32_C(1) << 31;

static void relax(void)
{
#if defined(__x86_64__)
    __builtin_ia32_pause();
#elif defined(__aarch64__)
    __asm__ volatile("yield" ::: "memory");
#endif
}

/* ---- shares ---- */

static uint64_t share_of(size_t front, size_t back, size_t threads)
{
    return (uint64_t)front | (uint64_t)back << 16 | (uint64_t)threads << 32;
}
static size_t front_of(uint64_t word) { return word & 0xFFFF; }
static size_t back_of(uint64_t word) { return word >> 16 & 0xFFFF; }
static size_t threads_of(uint64_t word) { return word >> 32; }

/* Claims a part of the share of thread `of` for thread `self`: from the front of its own, from the back of
 * another's. */
static bool claim(size_t of, size_t self, size_t *part)
{
    _Atomic uint64_t *word = &team.shares[of].word;
    uint64_t is = atomic_load_explicit(word, memory_order_acquire), becomes;
    do {
        const size_t front = front_of(is), back = back_of(is), threads = threads_of(is);
        if (front == back || self >= threads)
            return false;
        *part = of == self ? front : back - 1;
        becomes = of == self ? share_of(front + 1, back, threads) : share_of(front, back - 1, threads);
    } while (!atomic_compare_exchange_weak_explicit(word, &is, becomes, memory_order_acq_rel, memory_order_acquire));
    return true;
}

/* Does the parts of a call that thread `self` can claim, and returns how many. */
static uint32_t work_as(size_t self)
{
    /* The number may be that of a call that has ended meanwhile: nothing is claimed then, or less. */
    const size_t threads = atomic_load_explicit(&team.threads, memory_order_relaxed);
    uint32_t done = 0;
    for (size_t i = 0; self < threads && i < threads; i++) {
        size_t part;
        while (claim((self + i) % threads, self, &part)) {
            if (done++ == 0) /* not restored: nothing else runs on the team's threads */
                adamw_float_env_set(team.job.env);
            adamw_job_part(&team.job, part);
        }
    }
    return done;
}

/* ---- a thread of the team ---- */

static bool is_benched(const worker *w, uint64_t now)
{
    return now < atomic_load_explicit(&w->benched_until, memory_order_relaxed);
}

/* Wakes thread `i` if it sleeps. A benched thread is passed over: the two threads that it would wake are woken. */
static void wake(size_t i, size_t threads, uint64_t now) /* NOLINT(misc-no-recursion): as deep as a tree of 256 */
{
    if (i >= threads)
        return;
    worker *w = &team.workers[i];
    if (is_benched(w, now)) {
        wake(2 * i + 1, threads, now);
        wake(2 * i + 2, threads, now);
    } else if (atomic_load(&w->asleep) == 1 && atomic_exchange(&w->asleep, 0) == 1) {
        adamw_wake(&w->asleep);
    }
}

/* Each thread wakes two others, so that the caller does not pay for all of them. */
static void wake_next(size_t self, size_t threads, uint64_t now)
{
    wake(2 * self + 1, threads, now);
    wake(2 * self + 2, threads, now);
}

static bool is_called(uint32_t seen) { return atomic_load(&team.calls) != seen || atomic_load(&team.closed) != 0; }

static void spin(uint32_t seen)
{
    const uint64_t begin = adamw_now_ns();
    for (uint64_t now = begin, before = begin; now - begin < SPIN_NS; before = now, now = adamw_now_ns()) {
        if (now - before > GAP_NS) {
            atomic_store_explicit(&team.crowded_until, now + CROWDED_NS, memory_order_relaxed);
            return;
        }
        for (int i = 0; i < 16; i++) {
            if (is_called(seen))
                return;
            relax();
        }
    }
}

/* A thread that had no share of the last call does not spin for the next one. */
static void wait_for_call(worker *w, uint32_t seen, bool had_share)
{
    if (had_share && atomic_load_explicit(&team.spins, memory_order_relaxed) != 0)
        spin(seen);
    while (!is_called(seen)) {
        atomic_store(&w->asleep, 1);
        if (is_called(seen)) /* the caller may have looked before it was 1 */
            atomic_store(&w->asleep, 0);
        while (atomic_load(&w->asleep) == 1)
            adamw_sleep_while(&w->asleep, 1);
    }
}

static void *worker_main(void *argument)
{
    worker *w = (worker *)argument;
    const size_t self = (size_t)(w - team.workers);
    uint32_t seen = w->calls_seen;
    bool has_share = false;
    adamw_thread_name(self);
    for (;;) {
        wait_for_call(w, seen, has_share);
        if (atomic_load(&team.closed) != 0)
            return NULL;
        seen = atomic_load(&team.calls);
        const size_t threads = atomic_load_explicit(&team.threads, memory_order_relaxed);
        const uint64_t now = adamw_now_ns();
        wake_next(self, threads, now);
        has_share = self < threads && !is_benched(w, now);
        const uint32_t done = has_share ? work_as(self) : 0;
        if (done == 0)
            continue;
        atomic_store_explicit(&team.last, (uint32_t)self, memory_order_relaxed);
        if (atomic_fetch_sub(&team.left, done) == (done | CALLER_SLEEPS))
            adamw_wake(&team.left); /* by now the caller may be in its next call: it looks again */
    }
}

/* ---- threads are started ---- */

static bool start_one(size_t i)
{
    worker *w = &team.workers[i];
    atomic_store(&w->asleep, 0);
    atomic_store(&w->benched_until, 0);
    w->calls_seen = atomic_load(&team.calls);
    return adamw_thread_start(&w->thread, worker_main, w);
}

/* Starts threads up to 1 .. threads - 1, or fewer where the system gives no more, and returns how many a call has. */
static size_t start(size_t threads, uint64_t now)
{
    while (team.started + 1 < threads && now >= team.retry_at)
        if (start_one(team.started + 1))
            team.started++;
        else
            team.retry_at = now + second;
    return team.started + 1 < threads ? team.started + 1 : threads;
}

/* ---- how many ---- */

static _Atomic int limit_for_tests;

void adamw_threads_limit_set(int threads) { atomic_store(&limit_for_tests, threads); }

int adamw_threads_most(void)
{
    const int limit = atomic_load_explicit(&limit_for_tests, memory_order_relaxed);
    const int most = limit != 0 ? limit : adamw_cpus_allowed();
    return most < MOST_THREADS ? most : MOST_THREADS;
}

/* ---- a call ---- */

/* Waits for the parts that other threads have claimed, and benches a thread that held the call up. */
static void wait_for_parts(uint64_t begin)
{
    const uint64_t worked = adamw_now_ns();
    uint64_t now = worked;
    uint32_t left;
    for (; (left = atomic_load(&team.left)) != 0 && now - worked < CALLER_SPIN_NS; now = adamw_now_ns())
        relax();
    if (left != 0) {
        left = atomic_fetch_or(&team.left, CALLER_SLEEPS) | CALLER_SLEEPS;
        for (; left != CALLER_SLEEPS; left = atomic_load(&team.left))
            adamw_sleep_while(&team.left, left);
        now = adamw_now_ns();
    }
    const uint64_t waited = now - worked;
    if (waited < HELD_UP_NS || 2 * waited < now - begin || atomic_load(&limit_for_tests) != 0)
        return;
    uint64_t bench = BENCH_TIMES * waited;
    bench = bench < BENCH_LEAST_NS ? BENCH_LEAST_NS : bench > BENCH_MOST_NS ? BENCH_MOST_NS : bench;
    atomic_store_explicit(&team.workers[atomic_load(&team.last)].benched_until, now + bench, memory_order_relaxed);
}

static bool all_benched(size_t threads, uint64_t now)
{
    for (size_t i = 1; i < threads; i++)
        if (!is_benched(&team.workers[i], now))
            return false;
    return true;
}

static void run_as_caller(size_t threads, uint64_t now, const adamw_job *job)
{
    team.job = *job;
    atomic_store(&team.left, (uint32_t)job->parts);
    atomic_store(&team.threads, (uint32_t)threads);
    for (size_t i = 0; i < threads; i++)
        atomic_store_explicit(&team.shares[i].word,
                              share_of(job->parts * i / threads, job->parts * (i + 1) / threads, threads),
                              memory_order_release);
    atomic_fetch_add(&team.calls, 1);
    wake_next(0, threads, now);
    const uint32_t done = work_as(0);
    if (atomic_fetch_sub(&team.left, done) != done)
        wait_for_parts(now);
}

bool adamw_threads_run(int wanted, bool wake_them, const adamw_job *job)
{
    if (atomic_load_explicit(&team.busy, memory_order_relaxed) != 0 || atomic_exchange(&team.busy, 1) != 0)
        return false;
    const uint64_t now = adamw_now_ns();
    const bool by_test = atomic_load(&limit_for_tests) != 0;
    /* Calls come one after another: threads that wait for them are there sooner than any that sleep could be. */
    const bool dense = now - atomic_load_explicit(&team.ended, memory_order_relaxed) < SPIN_NS;
    const bool crowded = now < atomic_load_explicit(&team.crowded_until, memory_order_relaxed);
    bool done = false;
    if ((wake_them || by_test || (dense && !crowded)) && atomic_load(&team.closed) == 0) {
        const size_t threads = start((size_t)wanted, now);
        atomic_store_explicit(&team.spins, dense && !crowded, memory_order_relaxed);
        done = threads > 1 && !all_benched(threads, now);
        if (done)
            run_as_caller(threads, now, job);
    }
    if (done)
        adamw_threads_ended();
    atomic_store(&team.busy, 0);
    return done;
}

void adamw_threads_ended(void) { atomic_store_explicit(&team.ended, adamw_now_ns(), memory_order_relaxed); }

/* ---- the end of the process, of the library, and of a parent's threads ---- */

int adamw_threads_started(void) { return (int)team.started; }

#if defined(ADAMW_POSIX)
void adamw_threads_forget(void)
{
    for (size_t i = 0; i <= team.started; i++)
        atomic_store(&team.shares[i].word, 0);
    adamw_sleep_forget();
    team.started = 0;
    team.retry_at = 0;
    atomic_store(&team.busy, 0);
}

/* Ends the threads when the library is unloaded; the code that they run would be gone. At exit another thread may be
 * in a call: then they are left to the end of the process. On Windows the library stays (team_windows.c). */
__attribute__((destructor)) static void close_team(void)
{
    atomic_store(&team.closed, 1);
    if (atomic_exchange(&team.busy, 1) != 0)
        return;
    for (uint32_t i = 1; i <= team.started; i++)
        if (atomic_exchange(&team.workers[i].asleep, 0) == 1)
            adamw_wake(&team.workers[i].asleep);
    for (uint32_t i = 1; i <= team.started; i++)
        pthread_join(team.workers[i].thread, NULL);
    team.started = 0;
    atomic_store(&team.busy, 0);
}
#endif

#endif
