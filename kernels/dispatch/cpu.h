/*
 * cpu.h - what this CPU and its operating system can run. False on another architecture.
 */
#ifndef ADAMW_DISPATCH_CPU_H
#define ADAMW_DISPATCH_CPU_H

#include "../core/strict.h"

#include <stdbool.h>

ADAMW_INTERNAL bool adamw_cpu_has_avx2(void); /* with FMA and F16C */
ADAMW_INTERNAL bool adamw_cpu_has_avx512(void);
ADAMW_INTERNAL bool adamw_cpu_has_neon(void);

/* Whether 512-bit vectors cost this CPU's other work more than they bring: see cpu.c. */
ADAMW_INTERNAL bool adamw_cpu_prefers_avx2(void);
/* The rule behind it, for a vendor's name of 12 letters and the family and model that CPUID shows. */
ADAMW_INTERNAL bool adamw_cpu_model_prefers_avx2(const char *vendor, unsigned family, unsigned model);

/* Whether kernels should ask for memory ahead of their loads, and how many bytes: see cpu.c. */
enum { ADAMW_LOOK_AHEAD = 2048 };
ADAMW_INTERNAL bool adamw_cpu_gains_by_look_ahead(void);

/* The CPU's own name for itself, for people; "unknown" where it has none. `name` has room for 64 bytes. */
ADAMW_INTERNAL void adamw_cpu_name(char *name);

#endif
