/*
 * process.c - what a process goes through with the library's threads in it: fork, exit, limits, small stacks. Each case
 * runs in a child process, which tells by its status what was wrong. Nothing here is timed.
 */
#define _GNU_SOURCE
#include "check.h"

#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../../kernels/run/team.h"

#if defined(__has_feature)
#define SANITIZED (__has_feature(address_sanitizer) || __has_feature(thread_sanitizer))
#elif defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define SANITIZED 1
#else
#define SANITIZED 0
#endif

#if SANITIZED
#define SMALL_STACK (8 << 20)
#elif !defined(SMALL_STACK) /* by tests/rules.mk for kernels that are not optimised */
#define SMALL_STACK (64 << 10)
#endif

enum { N = 300000, RIGHT = 0, OTHER_BITS = 10, OTHER_THREADS, REFUSED, SKIPPED, PATIENCE = 300 };

/* A whole update, so that every pass and its sums are in it; in shared memory, so that parents see children's. */
typedef struct model {
    float param[N], grad[N], exp_avg[N], exp_avg_sq[N], ema[N];
} model;

static model *model_new(void)
{
    model *m = mmap(NULL, sizeof *m, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    return m == MAP_FAILED ? NULL : m;
}

static bool step_model(model *m, int threads)
{
    adamw_config config;
    adamw_update_options options;
    adamw_update_report report;
    adamw_config_init(&config);
    adamw_update_options_init(&options);
    options.clip = ADAMW_CLIP_GLOBAL_NORM;
    options.clip_max = 1;
    options.ema = ADAMW_EMA_CONSTANT;
    options.ema_decay = 0.9;
    options.report_ratio = true;
    for (size_t i = 0; i < N; i++) {
        m->param[i] = (float)(i % 1009) - 500;
        m->grad[i] = (float)(i % 613) - 300;
        m->exp_avg[i] = m->exp_avg_sq[i] = m->ema[i] = (float)(i % 17) / 16;
    }
    const adamw_tensor tensor = {.n = N,
                                 .param = m->param,
                                 .grad = m->grad,
                                 .exp_avg = m->exp_avg,
                                 .exp_avg_sq = m->exp_avg_sq,
                                 .param_ema = m->ema};
    return adamw_update(&config, 3, &tensor, 1, &options, &report, threads) == ADAMW_OK;
}

static model *expected, *actual;

static bool models_new(void)
{
    if (expected == NULL)
        expected = model_new(), actual = model_new();
    return expected != NULL && actual != NULL ? step_model(expected, 1) : check_fail("the system gives no memory");
}

static int step_is_right(int threads)
{
    if (!step_model(actual, threads))
        return REFUSED;
    return memcmp(actual, expected, sizeof *actual) == 0 ? RIGHT : OTHER_BITS;
}

/* Runs `body` in a child; a child that hangs is ended by its alarm and fails. */
typedef int child_body(int round);
static int status_of(child_body *body, int round)
{
    fflush(stdout);
    const pid_t child = fork();
    if (child == 0) {
        alarm(PATIENCE);
        _exit(body(round));
    }
    int status;
    if (child < 0 || waitpid(child, &status, 0) != child)
        return -1;
    return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
}

static bool child_is_right(child_body *body, int round, const char *what)
{
    const int status = status_of(body, round);
    if (status == SKIPPED)
        check_skip("%s: not possible here", what);
    return status == RIGHT || status == SKIPPED ||
           check_fail("%s: %s %d", what,
                      status == OTHER_BITS      ? "a step has other bits;"
                      : status == OTHER_THREADS ? "other threads than there should be;"
                      : status == REFUSED       ? "a step was refused;"
                      : status < 0              ? "ended by signal (14: it hung)"
                                                : "status",
                      status < 0 ? -status : status);
}

static bool has_team(void) { return strcmp(adamw_team_engine(), "own threads") == 0; }

/* ---- fork ---- */

static void no_work(void *context, size_t part, size_t parts, void *result)
{
    (void)context, (void)part, (void)parts, (void)result;
}
static void count_join(void *context, const void *result)
{
    (void)result;
    ++*(int *)context;
}

/* The child has none of its parent's threads, and gets its own. */
static int step_in_child(int round)
{
    static const adamw_tuning eager = {.parallel_threshold = 1, .wake_threshold = 1, .min_values_per_thread = 1};
    if (adamw_team_started() != 0)
        return OTHER_THREADS;
    const int status = step_is_right(1 + round % 4);
    if (status != RIGHT || !has_team() || round % 4 == 0)
        return status;
    int joined = 0;
    adamw_team_run(&eager, 100, 2, no_work, count_join, &joined);
    return adamw_team_started() == 0 || joined < 2 ? OTHER_THREADS : RIGHT;
}

#if !defined(ADAMW_NO_FUTEX)
/* fork() past the library's handlers, as _Fork() and runtimes with clone() do: the child has to get by alone. */
static int step_after_raw_fork(int round)
{
    step_is_right(4);
    const pid_t child = (pid_t)syscall(SYS_clone, SIGCHLD, NULL, NULL, NULL, NULL);
    if (child == 0)
        _exit(step_is_right(4));
    int status;
    (void)round;
    return child > 0 && waitpid(child, &status, 0) == child && WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}
#endif

static int grandchild(int round)
{
    const int status = step_is_right(2);
    return status == RIGHT ? status_of(step_in_child, round) : status;
}

static atomic_bool stop;
static void *step_until_stopped(void *argument)
{
    model *own = (model *)argument;
    while (!atomic_load(&stop))
        step_model(own, 3);
    return NULL;
}

bool check_process_fork(const check_options *options)
{
    const int forks = options->quick ? 12 : 60;
    pthread_t other;
    model *own = model_new();
    if (!models_new() || own == NULL || step_is_right(4) != RIGHT)
        return check_fail("a step before any fork");
    bool right = true;
    for (int i = 0; right && i < forks; i++)
        right = child_is_right(step_in_child, i, "a forked child") && step_is_right(1 + i % 4) == RIGHT;
    right = right && child_is_right(grandchild, 1, "a child's child");
#if defined(                                                                                                         \
    ADAMW_NO_FUTEX) /* its condition variables would wait for the parent's threads; no other system has clone() */
    check_skip("a child of clone(): the team sleeps on condition variables");
#else
    if (has_team()) /* a runtime of OpenMP has no chance here */
        right = right && child_is_right(step_after_raw_fork, 1, "a child of clone()");
#endif
    atomic_store(&stop, false);
    if (right && pthread_create(&other, NULL, step_until_stopped, own) == 0) {
        for (int i = 0; right && i < forks; i++)
            right = child_is_right(step_in_child, has_team() ? i : 0, "forked while another thread steps");
        atomic_store(&stop, true);
        pthread_join(other, NULL);
    }
    munmap(own, sizeof *own);
    return right;
}

/* ---- limits ---- */

static int on_one_cpu(int round)
{
    cpu_set_t set;
    (void)round;
    adamw_team_limit_set(0);
    if (sched_getaffinity(0, sizeof set, &set) != 0)
        return SKIPPED;
    int first = 0;
    while (!CPU_ISSET(first, &set))
        first++;
    CPU_ZERO(&set);
    CPU_SET(first, &set);
    if (sched_setaffinity(0, sizeof set, &set) != 0)
        return SKIPPED;
    const int status = step_is_right(0) == RIGHT ? step_is_right(8) : OTHER_BITS;
    return status == RIGHT && (adamw_team_started() != 0 || adamw_team_most() != 1) ? OTHER_THREADS : status;
}

/* Not as root, whom the system refuses no thread. */
static int without_processes(int round)
{
    const struct rlimit none = {1, 1};
    (void)round;
    if (geteuid() == 0 && (setgid(65534) != 0 || setuid(65534) != 0))
        return SKIPPED;
    if (setrlimit(RLIMIT_NPROC, &none) != 0)
        return SKIPPED;
    const pid_t child = fork(); /* the limit has to hold, or this would show nothing */
    if (child == 0)
        _exit(0);
    if (child > 0)
        return waitpid(child, NULL, 0) == child ? SKIPPED : -1;
    for (int i = 0; i < 3; i++)
        if (step_is_right(4) != RIGHT)
            return OTHER_BITS;
    return adamw_team_started() != 0 ? OTHER_THREADS : RIGHT;
}

#if !SANITIZED
static void *sleep_for_ever(void *argument)
{
    for (;;)
        pause();
    return argument;
}

static int without_memory(int round)
{
    /* glibc keeps the stacks of ended threads, also of a parent's, and gives out one of up to four times the size that
     * is asked for: these threads take them all. */
    pthread_attr_t attributes;
    pthread_attr_init(&attributes);
    pthread_attr_setstacksize(&attributes, 256 << 10);
    for (int i = 0; i < 32; i++) {
        pthread_t thread;
        if (pthread_create(&thread, &attributes, sleep_for_ever, NULL) != 0)
            return SKIPPED;
    }
    const struct rlimit none = {0, 0}; /* no mapping at all from here on, and so no stack */
    (void)round;
    if (setrlimit(RLIMIT_AS, &none) != 0 ||
        mmap(NULL, 1 << 16, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) != MAP_FAILED)
        return SKIPPED;
    for (int i = 0; i < 3; i++)
        if (step_is_right(4) != RIGHT)
            return OTHER_BITS;
    return adamw_team_started() != 0 ? OTHER_THREADS : RIGHT;
}

#endif

bool check_process_limits(const check_options *options)
{
    (void)options;
    if (!has_team()) {
        check_skip("limits: the engine is %s", adamw_team_engine());
        return true;
    }
    bool right = models_new() && child_is_right(on_one_cpu, 0, "one CPU") &&
                 child_is_right(without_processes, 0, "no further processes (RLIMIT_NPROC)");
#if SANITIZED
    check_skip("no further memory: the sanitizer needs some itself");
#else
    right = right && child_is_right(without_memory, 0, "no further memory (RLIMIT_AS)");
#endif
    return right;
}

/* ---- threads ---- */

/* The word behind `field` in the status of the thread, which has to be one of the team's; false for others. */
static bool status_of_worker(const char *thread, char blocked[64])
{
    char path[300], line[256], name[32] = "";
    snprintf(path, sizeof path, "/proc/self/task/%s/status", thread);
    FILE *file = fopen(path, "r");
    blocked[0] = '\0';
    while (file != NULL && fgets(line, sizeof line, file) != NULL) {
        sscanf(line, "Name: %31s", name);
        sscanf(line, "SigBlk: %63s", blocked);
    }
    if (file != NULL)
        fclose(file);
    return strncmp(name, "adamw-", 6) == 0;
}

static int look_at_threads(int round)
{
    const uint64_t faults = 1U << (SIGSEGV - 1) | 1U << (SIGBUS - 1) | 1U << (SIGFPE - 1) | 1U << (SIGILL - 1);
    (void)round;
    for (int i = 0; i < 20; i++)
        if (step_is_right(4) != RIGHT)
            return OTHER_BITS;
    if (adamw_team_started() != 3)
        return OTHER_THREADS;
    int seen = 0;
    for (int tries = 0; seen != 3 && tries < 6000; tries++) { /* a thread that never ran has no name yet */
        seen = 0;
        for (long id = getpid(); id < getpid() + 1000; id++) {
            char thread[32], blocked[64];
            snprintf(thread, sizeof thread, "%ld", id);
            if (!status_of_worker(thread, blocked))
                continue;
            seen++;
            const uint64_t mask = strtoull(blocked, NULL, 16);
            if ((mask & faults) != 0 || (mask >> (SIGUSR1 - 1) & 1) == 0 || (mask >> (SIGINT - 1) & 1) == 0)
                return OTHER_THREADS;
        }
        usleep(10000);
    }
    sigset_t own;
    pthread_sigmask(SIG_BLOCK, NULL, &own); /* the caller's is as before */
    return seen == 3 && !sigismember(&own, SIGUSR1) ? RIGHT : OTHER_THREADS;
}

bool check_process_threads(const check_options *options)
{
    (void)options;
    if (!has_team() || access("/proc/self/task", R_OK) != 0) {
        check_skip("names and signals: the engine is %s, or there is no /proc", adamw_team_engine());
        return true;
    }
    return models_new() && child_is_right(look_at_threads, 0, "names and signals");
}

static void *step_on_small_stack(void *argument)
{
    *(int *)argument = step_is_right(4);
    return NULL;
}

bool check_process_small_stack(const check_options *options)
{
    pthread_attr_t attributes;
    pthread_t thread;
    int status = -1;
    (void)options;
    pthread_attr_init(&attributes);
    pthread_attr_setstacksize(&attributes, SMALL_STACK);
    if (!models_new() || pthread_create(&thread, &attributes, step_on_small_stack, &status) != 0)
        return check_fail("the system gives no thread with a stack of %d KiB", SMALL_STACK >> 10);
    pthread_join(thread, NULL);
    pthread_attr_destroy(&attributes);
    return status == RIGHT || check_fail("status %d", status);
}

static int exit_while_asleep(int round)
{
    if (step_is_right(4) != RIGHT)
        return OTHER_BITS;
    if (round % 2)
        usleep(1000); /* asleep for certain */
    exit(RIGHT);
}

static int exit_while_stepping(int round)
{
    pthread_t other;
    model *own = model_new();
    atomic_store(&stop, false);
    if (own == NULL || pthread_create(&other, NULL, step_until_stopped, own) != 0)
        return SKIPPED;
    usleep((useconds_t)(round * 500));
    exit(RIGHT);
}

bool check_process_exit(const check_options *options)
{
    bool right = models_new();
    for (int i = 0; right && i < (options->quick ? 6 : 30); i++)
        right = child_is_right(exit_while_asleep, i, "exit with a team") &&
                child_is_right(exit_while_stepping, i, "exit while another thread steps");
    return right;
}
