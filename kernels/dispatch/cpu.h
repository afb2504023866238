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

#endif
