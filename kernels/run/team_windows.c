/*
 * team_windows.c - what the team needs of Windows: threads, sleeping, a clock, the number of CPUs. Its counterparts for
 * POSIX are team_start.c, team_sleep.h and team_cpus.c.
 */
#include "../strict.h"

#if defined(_WIN32)

#define WIN32_LEAN_AND_MEAN
#include <windows.h>
#undef near /* names here, empty macros there */
#undef far

#include "team.h"

#if defined(ADAMW_TEAM_THREADS)

#include "team_cpus.h"
#include "team_sleep.h"
#include "team_start.h"

static adamw_thread_body *body_of_all; /* every thread of the team has the same */

static DWORD WINAPI run_body(void *argument)
{
    body_of_all(argument);
    return 0;
}

bool adamw_thread_start(adamw_thread *thread, adamw_thread_body *body, void *argument)
{
    HMODULE own;
    body_of_all = body;
    /* A DLL that is unloaded cannot wait for its threads, so one with threads stays until the process ends. */
    if (!GetModuleHandleExW(GET_MODULE_HANDLE_EX_FLAG_FROM_ADDRESS | GET_MODULE_HANDLE_EX_FLAG_PIN,
                            (LPCWSTR)(void *)&body_of_all, &own))
        return false;
    *thread = CreateThread(NULL, ADAMW_THREAD_STACK, run_body, argument, STACK_SIZE_PARAM_IS_A_RESERVATION, NULL);
    return *thread != NULL;
}

void adamw_thread_name(size_t number) { (void)number; }

uint64_t adamw_now_ns(void)
{
    LARGE_INTEGER now, a_second;
    QueryPerformanceCounter(&now);
    QueryPerformanceFrequency(&a_second);
    const uint64_t ticks = (uint64_t)now.QuadPart, rate = (uint64_t)a_second.QuadPart;
    return ticks / rate * 1000000000 + ticks % rate * 1000000000 / rate;
}

int adamw_cpus_of_affinity(void)
{
    DWORD_PTR own, all;
    if (!GetProcessAffinityMask(GetCurrentProcess(), &own, &all) || own == 0)
        return 1;
    return __builtin_popcountll(own);
}

int adamw_cpus_allowed(void) { return adamw_cpus_of_affinity(); }

/* One pair for all words, as in team_sleep.h. */
static SRWLOCK lock = SRWLOCK_INIT;
static CONDITION_VARIABLE changed = CONDITION_VARIABLE_INIT;

void adamw_sleep_while(_Atomic uint32_t *word, uint32_t value)
{
    AcquireSRWLockExclusive(&lock);
    while (atomic_load(word) == value)
        SleepConditionVariableSRW(&changed, &lock, INFINITE, 0);
    ReleaseSRWLockExclusive(&lock);
}

void adamw_wake(_Atomic uint32_t *word)
{
    (void)word;
    AcquireSRWLockExclusive(&lock);
    WakeAllConditionVariable(&changed);
    ReleaseSRWLockExclusive(&lock);
}

#endif

#endif
