/*
 * team_sleep.h - a thread sleeps until a word changes, and another one wakes it: a futex on Linux, a mutex and a
 * condition variable elsewhere (Windows: team_windows.c). team_threads.c says what the words mean.
 */
#ifndef ADAMW_RUN_TEAM_SLEEP_H
#define ADAMW_RUN_TEAM_SLEEP_H

#include "team.h"

#if defined(ADAMW_TEAM_THREADS)

#include <stdatomic.h>
#include <stdint.h>
#include <stddef.h>

#if defined(__linux__) && !defined(ADAMW_NO_FUTEX) /* which lets the other way be tested here */

#include <linux/futex.h>
#include <sys/syscall.h>
#include <unistd.h>

/* Sleeps while *word is `value`; may also return early. */
static inline void adamw_sleep_while(_Atomic uint32_t *word, uint32_t value)
{
    syscall(SYS_futex, word, FUTEX_WAIT_PRIVATE, value, NULL, NULL, 0);
}

/* Wakes the one thread that sleeps on `word`, which has changed. */
static inline void adamw_wake(_Atomic uint32_t *word)
{
    syscall(SYS_futex, word, FUTEX_WAKE_PRIVATE, 1, NULL, NULL, 0);
}

static inline void adamw_sleep_forget(void) {}

#elif defined(_WIN32)

ADAMW_INTERNAL void adamw_sleep_while(_Atomic uint32_t *word, uint32_t value);
ADAMW_INTERNAL void adamw_wake(_Atomic uint32_t *word);

#else

#include <pthread.h>

/* One pair for all words: threads of one team sleep and wake together. */
static pthread_mutex_t adamw_sleep_mutex = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t adamw_sleep_changed = PTHREAD_COND_INITIALIZER;

static inline void adamw_sleep_while(_Atomic uint32_t *word, uint32_t value)
{
    pthread_mutex_lock(&adamw_sleep_mutex);
    while (atomic_load(word) == value)
        pthread_cond_wait(&adamw_sleep_changed, &adamw_sleep_mutex);
    pthread_mutex_unlock(&adamw_sleep_mutex);
}

static inline void adamw_wake(_Atomic uint32_t *word)
{
    (void)word;
    pthread_mutex_lock(&adamw_sleep_mutex);
    pthread_cond_broadcast(&adamw_sleep_changed);
    pthread_mutex_unlock(&adamw_sleep_mutex);
}

/* In a child of fork(): another thread may have held the mutex. (A child that was made past fork()'s handlers would wait in
 * the condition variable; Linux alone has a call that makes one, and futexes.) */
static inline void adamw_sleep_forget(void)
{
    adamw_sleep_mutex = (pthread_mutex_t)PTHREAD_MUTEX_INITIALIZER;
    adamw_sleep_changed = (pthread_cond_t)PTHREAD_COND_INITIALIZER;
}

#endif

#endif

#endif
