/*
 * team_start.h - how a thread of the library is started: its stack, its signals, its name; and the team's clock. What
 * it does stands in team_threads.c.
 */
#ifndef ADAMW_RUN_TEAM_START_H
#define ADAMW_RUN_TEAM_START_H

#include "../strict.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#if defined(_WIN32)
typedef void *adamw_thread;
#else
#include <pthread.h>
typedef pthread_t adamw_thread;
#endif

/* The bytes of a thread's stack. The parts of a call need less than the 64 KiB that adamw.h names. Without optimisation
 * each variable of a kernel has a place of its own, 345 KB of them in AVX2's, and a sanitizer adds to them. Memory that is
 * not touched costs nothing. */
#if defined(__has_feature) /* clang's */
#if __has_feature(address_sanitizer)
#define ADAMW_IS_SANITIZED
#endif
#elif defined(__SANITIZE_ADDRESS__)
#define ADAMW_IS_SANITIZED
#endif
#if !defined(__OPTIMIZE__) || defined(ADAMW_IS_SANITIZED)
enum { ADAMW_THREAD_STACK = 8 << 20 };
#else
enum { ADAMW_THREAD_STACK = 256 << 10 };
#endif

typedef void *adamw_thread_body(void *argument);

/* adamw_thread_start() starts a thread; false where the system gives none. */
ADAMW_INTERNAL bool adamw_thread_start(adamw_thread *thread, adamw_thread_body *body, void *argument);
/* adamw_thread_name() names the calling thread "adamw-" and its number, for debuggers and top; not on
 * Windows. */
ADAMW_INTERNAL void adamw_thread_name(size_t number);
/* adamw_now_ns() returns a time in nanoseconds that only grows. */
ADAMW_INTERNAL uint64_t adamw_now_ns(void);

#endif
