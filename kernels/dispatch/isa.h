/*
 * isa.h - the instruction sets as the rest of the library sees them: the one that is active, with its kernels.
 */
#ifndef ADAMW_DISPATCH_ISA_H
#define ADAMW_DISPATCH_ISA_H

#include "../body/kernels.h"

/* The environment variable that names an ISA, and the names it takes, for messages. */
#define ADAMW_ISA_VARIABLE "ADAMW_ISA"
#define ADAMW_ISA_NAMES "auto, scalar, avx2, avx512 or neon"

/* The kernels of the active ISA; NULL while the environment names one that is unknown or cannot run here. And how
 * many bytes ahead of their loads they ask for memory on this CPU; 0: not at all. */
ADAMW_INTERNAL const adamw_kernels *adamw_active_kernels(size_t *look_ahead);

/* The kernels of one ISA, active or not, for tests and benchmarks; NULL where it cannot run. */
ADAMW_INTERNAL const adamw_kernels *adamw_kernels_of(adamw_isa isa);

/* Why the active one is active, for people. */
ADAMW_INTERNAL const char *adamw_isa_reason(void);

#endif
