/*
 * team_cpus.h - how many CPUs a process may use: what the system allows its threads, and what a container pays for.
 */
#ifndef ADAMW_RUN_TEAM_CPUS_H
#define ADAMW_RUN_TEAM_CPUS_H

#include "../strict.h"

/* adamw_cpus_allowed() returns how many CPUs the process may use, by both. The quota is read once in a process,
 * because that takes some 20 us, and the affinity once a second. */
ADAMW_INTERNAL int adamw_cpus_allowed(void);

/* adamw_cpus_of_affinity() returns how many CPUs the calling thread may run on; at least 1. One system call. */
ADAMW_INTERNAL int adamw_cpus_of_affinity(void);

/*
 * adamw_cpus_of_quota() returns how many CPUs a process may use by the quota of its control groups, rounded up;
 * INT_MAX without one. `groups` is the file that names them (/proc/self/cgroup), `root` where they are mounted
 * (/sys/fs/cgroup). Reads files: not for each step.
 */
ADAMW_INTERNAL int adamw_cpus_of_quota(const char *groups, const char *root);

#endif
