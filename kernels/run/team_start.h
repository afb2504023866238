/*
 * team_start.h - how a thread of the library is started: its stack, its signals, its name. What it does
 * stands in team_threads.c.
 */
#ifndef ADAMW_RUN_TEAM_START_H
#define ADAMW_RUN_TEAM_START_H

#include "../strict.h"

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>

/* adamw_thread_start() starts a thread; false where the system gives none. */
ADAMW_INTERNAL bool adamw_thread_start(pthread_t *thread, void *(*body)(void *), void *argument);
/* adamw_thread_name() names the calling thread "adamw-" and its number, for debuggers and top. */
ADAMW_INTERNAL void adamw_thread_name(size_t number);

#endif
