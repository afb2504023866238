/*
 * team_cpus.c - see team_cpus.h. Files are read with read(), so that nothing is allocated, and what cannot be read is
 * no limit. Windows: team_windows.c.
 */
#if !defined(_GNU_SOURCE)
#define _GNU_SOURCE /* sched_getaffinity */
#endif
#include "team_cpus.h"

#include "team.h"

#if defined(ADAMW_TEAM_THREADS) && defined(ADAMW_POSIX)

#include <fcntl.h>
#include <limits.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#if defined(__linux__)
#include <sched.h>
#endif

/* Small, because a step may have a stack of 16 KiB: 3.5 KiB in all. */
enum { GROUPS = 2048, PATH = 1024, NUMBERS = 64 };

int adamw_cpus_of_affinity(void)
{
#if defined(__linux__)
    cpu_set_t sets[8]; /* 8192 CPUs, the most that Linux is built for */
    if (sched_getaffinity(0, sizeof sets, sets) == 0)
        return CPU_COUNT_S(sizeof sets, sets);
#endif
    const long online = sysconf(_SC_NPROCESSORS_ONLN);
    return online < 1 ? 1 : online > INT_MAX ? INT_MAX : (int)online;
}

/* The file's first bytes as a text in `size` bytes; false if it cannot be read. */
static bool read_text(const char *path, char *text, size_t size)
{
    const int file = open(path, O_RDONLY | O_CLOEXEC);
    if (file < 0)
        return false;
    size_t used = 0;
    ssize_t got = 1;
    while (got > 0 && used < size - 1) {
        got = read(file, text + used, size - 1 - used);
        used += got > 0 ? (size_t)got : 0;
    }
    close(file);
    text[used] = '\0';
    return got >= 0;
}

static int cpus_of(long long quota, long long period)
{
    if (quota <= 0 || period <= 0)
        return INT_MAX;
    const long long cpus = quota / period + (quota % period != 0);
    return cpus > INT_MAX ? INT_MAX : (int)cpus;
}

/* Reads a file of the group whose folder is the first `length` characters of `path`. */
static bool read_numbers(char path[PATH], size_t length, const char *name, char numbers[NUMBERS])
{
    if (length + 1 + strlen(name) >= PATH)
        return false;
    path[length] = '/';
    memcpy(path + length + 1, name, strlen(name) + 1);
    const bool right = read_text(path, numbers, NUMBERS);
    path[length] = '\0';
    return right;
}

/* The limit of one group: version 2 has "QUOTA PERIOD" or "max PERIOD" in one file, version 1 a file for each. */
static int cpus_of_group(char path[PATH], size_t length)
{
    char numbers[NUMBERS], *end;
    if (read_numbers(path, length, "cpu.max", numbers)) {
        const long long quota = strtoll(numbers, &end, 10);
        return end == numbers ? INT_MAX : cpus_of(quota, strtoll(end, NULL, 10));
    }
    if (!read_numbers(path, length, "cpu.cfs_quota_us", numbers))
        return INT_MAX;
    const long long quota = strtoll(numbers, NULL, 10);
    return read_numbers(path, length, "cpu.cfs_period_us", numbers) ? cpus_of(quota, strtoll(numbers, NULL, 10))
                                                                    : INT_MAX;
}

/* The smallest limit of a group and all above it, up to where the groups are mounted, the first `top` characters: a
 * container may see its own group there. */
static int cpus_of_path(char path[PATH], size_t top)
{
    int cpus = INT_MAX;
    for (size_t length = strlen(path);; length--) {
        if (length == top || path[length] == '/' || path[length] == '\0') {
            path[length] = '\0';
            const int limit = cpus_of_group(path, length);
            cpus = limit < cpus ? limit : cpus;
        }
        if (length == top)
            return cpus;
    }
}

/* Whether `name` is one of the words that commas part. */
static bool names(const char *words, size_t length, const char *name)
{
    const size_t size = strlen(name);
    for (size_t at = 0; at + size <= length; at++)
        if ((at == 0 || words[at - 1] == ',') && (at + size == length || words[at + size] == ',') &&
            strncmp(words + at, name, size) == 0)
            return true;
    return false;
}

int adamw_cpus_of_quota(const char *groups, const char *root)
{
    char text[GROUPS], path[PATH];
    int cpus = INT_MAX;
    if (!read_text(groups, text, sizeof text))
        return cpus;
    /* Lines of "NUMBER:CONTROLLERS:GROUP"; version 2 has no controllers. */
    for (char *line = text, *end; *line != '\0'; line = end) {
        end = line + strcspn(line, "\n");
        if (*end == '\n')
            *end++ = '\0';
        char *controllers = strchr(line, ':'), *group = controllers != NULL ? strchr(controllers + 1, ':') : NULL;
        if (group == NULL)
            continue;
        controllers++;
        const size_t length = (size_t)(group++ - controllers);
        if (length != 0 && !names(controllers, length, "cpu"))
            continue;
        const int top = snprintf(path, sizeof path, "%s%s", root, length != 0 ? "/cpu" : "");
        if (top < 0 || (size_t)top + strlen(group) >= sizeof path)
            continue;
        memcpy(path + top, group, strlen(group) + 1);
        const int limit = cpus_of_path(path, (size_t)top);
        cpus = limit < cpus ? limit : cpus;
    }
    return cpus;
}

/* CPUs of the process, and when they were counted. */
static _Atomic int cpus_allowed, cpus_paid;
static _Atomic uint64_t counted_at; /* in seconds */

int adamw_cpus_allowed(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    int allowed = atomic_load_explicit(&cpus_allowed, memory_order_relaxed);
    if (allowed == 0 || (uint64_t)now.tv_sec != atomic_load_explicit(&counted_at, memory_order_relaxed)) {
        int paid = atomic_load_explicit(&cpus_paid, memory_order_relaxed);
        if (paid == 0) {
            paid = adamw_cpus_of_quota("/proc/self/cgroup", "/sys/fs/cgroup");
            atomic_store_explicit(&cpus_paid, paid, memory_order_relaxed);
        }
        const int has = adamw_cpus_of_affinity();
        allowed = has < paid ? has : paid;
        atomic_store_explicit(&cpus_allowed, allowed, memory_order_relaxed);
        atomic_store_explicit(&counted_at, (uint64_t)now.tv_sec, memory_order_relaxed);
    }
    return allowed;
}

#endif
