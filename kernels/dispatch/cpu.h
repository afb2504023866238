/*
 * cpu.h - what this CPU and its operating system can run. False on another architecture.
 */
#ifndef ADAMW_DISPATCH_CPU_H
#define ADAMW_DISPATCH_CPU_H

#include "../strict.h"

#include <stdbool.h>

#include "../isa/isas.h"

/* adamw_cpu_has_avx2() and so on, for each ISA. */
#define ADAMW_DECLARE(NAME, name) ADAMW_INTERNAL bool adamw_cpu_has_##name(void);
ADAMW_ISAS(ADAMW_DECLARE)
#undef ADAMW_DECLARE

/* Whether 512-bit vectors cost this CPU's other work more than they bring: see cpu.c. */
ADAMW_INTERNAL bool adamw_cpu_prefers_avx2(void);
/* The rule behind it, for a vendor's name of 12 letters and the family and model that CPUID shows. */
ADAMW_INTERNAL bool adamw_cpu_model_prefers_avx2(const char *vendor, unsigned family, unsigned model);

/* The vendor's name of 12 letters ("GenuineIntel"), with the terminating zero; empty where CPUID has none. */
enum { ADAMW_VENDOR_SIZE = 13 };
ADAMW_INTERNAL void adamw_cpu_vendor(char vendor[ADAMW_VENDOR_SIZE]);

/* The CPU's own name for itself, for people; "unknown" where it has none. `name` has room for 64 bytes. */
ADAMW_INTERNAL void adamw_cpu_name(char *name);

#endif
