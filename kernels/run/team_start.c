/*
 * team_start.c - see team_start.h; for Windows it is in team_windows.c.
 */
#if !defined(_GNU_SOURCE)
#define _GNU_SOURCE /* pthread_setname_np, dl_iterate_phdr, clock_gettime */
#endif
#include "team.h"

#if defined(ADAMW_TEAM_THREADS) && defined(ADAMW_POSIX)

#include <limits.h> /* PTHREAD_STACK_MIN of musl */
#include <signal.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>
#if defined(__linux__)
#include <link.h>
#endif

#include "team_start.h"

#if defined(__linux__)
static int add_tls(struct dl_phdr_info *info, size_t size, void *sum)
{
    (void)size;
    for (int i = 0; i < info->dlpi_phnum; i++)
        if (info->dlpi_phdr[i].p_type == PT_TLS)
            *(size_t *)sum += info->dlpi_phdr[i].p_memsz + info->dlpi_phdr[i].p_align;
    return 0;
}
#endif

/* glibc takes the variables of type thread_local of the whole program from each thread's stack. */
static size_t stack_size(void)
{
    size_t size = ADAMW_THREAD_STACK;
#if defined(__linux__)
    dl_iterate_phdr(add_tls, &size);
#endif
    const size_t page = (size_t)sysconf(_SC_PAGESIZE), least = (size_t)PTHREAD_STACK_MIN;
    return (size + least + page - 1) / page * page;
}

/* The signals that a host handles go to its own threads. Those that a fault in a thread raises stay. */
static void block_signals(sigset_t *before)
{
    static const int faults[] = {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGTRAP, SIGABRT, SIGSYS};
    sigset_t all;
    sigfillset(&all);
    for (size_t i = 0; i < sizeof faults / sizeof faults[0]; i++)
        sigdelset(&all, faults[i]);
    pthread_sigmask(SIG_BLOCK, &all, before);
}

bool adamw_thread_start(adamw_thread *thread, adamw_thread_body *body, void *argument)
{
    pthread_attr_t attributes;
    sigset_t before;
    if (pthread_attr_init(&attributes) != 0)
        return false;
    block_signals(&before);
    const bool right = pthread_attr_setstacksize(&attributes, stack_size()) == 0 &&
                       pthread_create(thread, &attributes, body, argument) == 0;
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    pthread_attr_destroy(&attributes);
    return right;
}

void adamw_thread_name(size_t number)
{
    char name[16]; /* the most that Linux keeps */
    snprintf(name, sizeof name, "adamw-%u", (unsigned)number);
#if defined(__linux__)
    pthread_setname_np(pthread_self(), name);
#elif defined(__APPLE__)
    pthread_setname_np(name);
#endif
}

uint64_t adamw_now_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
}

#endif
