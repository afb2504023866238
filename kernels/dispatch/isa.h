/*
 * isa.h - the instruction sets as the rest of the library sees them: the one that is active, with its kernels and the
 * tuning of this CPU.
 */
#ifndef ADAMW_DISPATCH_ISA_H
#define ADAMW_DISPATCH_ISA_H

#include "tuning.h"

/* The environment variable that names an ISA, and the names it takes, for messages. */
#define ADAMW_ISA_VARIABLE "ADAMW_ISA"
#define ADAMW_NAME_IT(NAME, name) ", " #name
#define ADAMW_ISA_NAMES "auto" ADAMW_ISAS(ADAMW_NAME_IT)

/* The same for the family of CPUs whose tuning is used; empty is auto here too. */
#define ADAMW_TUNING_VARIABLE "ADAMW_TUNING"
#define ADAMW_TUNING_NAMES "auto" ADAMW_FAMILIES(ADAMW_NAME_IT)

typedef struct adamw_dispatch {
    adamw_isa isa;
    const adamw_kernels *kernels; /* NULL where every step is refused: the environment names what is unknown or cannot
                                   * run here, or `refusal` says why */
    const adamw_tuning *tuning;
    const char *refusal;
} adamw_dispatch;

/* The instruction set and tuning that the next step uses. */
ADAMW_INTERNAL const adamw_dispatch *adamw_dispatch_active(void);

/* Whether the steps are refused because of ADAMW_TUNING. */
ADAMW_INTERNAL bool adamw_dispatch_lacks_tuning(const adamw_dispatch *dispatch);

/* The kernels of one ISA, active or not, for tests and benchmarks; NULL where it cannot run. */
ADAMW_INTERNAL const adamw_kernels *adamw_kernels_of(adamw_isa isa);

/* The reason why the active one was chosen, in words. */
ADAMW_INTERNAL const char *adamw_isa_reason(void);

#endif
