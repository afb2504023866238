/*
 * isa.c - the list of the instruction sets and the choice of the active one: adamw_isa_select() over the environment
 * over the CPU. The one atomic pointer below is the library's only state.
 */
#include "isa.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "cpu.h"

typedef struct isa_entry {
    adamw_isa isa;
    const char *name;
    bool (*runs_here)(void);
    const adamw_kernels *kernels;
} isa_entry;

static bool always(void) { return true; }

/* In the order of adamw_isa, worst first: the last one that runs here and is not passed over is the best. */
static const isa_entry isas[] = {
    [ADAMW_ISA_AUTO] = {ADAMW_ISA_AUTO, "auto", always, NULL},
    [ADAMW_ISA_SCALAR] = {ADAMW_ISA_SCALAR, "scalar", always, &adamw_kernels_scalar},
    [ADAMW_ISA_AVX2] = {ADAMW_ISA_AVX2, "avx2", adamw_cpu_has_avx2, &adamw_kernels_avx2},
    [ADAMW_ISA_AVX512] = {ADAMW_ISA_AVX512, "avx512", adamw_cpu_has_avx512, &adamw_kernels_avx512},
    [ADAMW_ISA_NEON] = {ADAMW_ISA_NEON, "neon", adamw_cpu_has_neon, &adamw_kernels_neon},
};
enum { ISA_COUNT = sizeof isas / sizeof isas[0] };

/* Stands in the pointer when the environment's choice cannot be had: not NULL, so that it is looked up once. */
static const isa_entry impossible = {ADAMW_ISA_AUTO, "impossible", always, NULL};

/* NULL until it is first needed. Entries are constant, so any order of loads and stores is right. */
static _Atomic(const isa_entry *) active;

static bool is_isa(adamw_isa isa) { return (unsigned)isa < ISA_COUNT; }

static bool passed_over(adamw_isa isa) { return isa == ADAMW_ISA_AVX512 && adamw_cpu_prefers_avx2(); }

static const isa_entry *best_of_cpu(void)
{
    size_t i = ISA_COUNT - 1;
    while (!isas[i].runs_here() || passed_over(isas[i].isa))
        i--;
    return &isas[i];
}

static const isa_entry *entry_or_best(const isa_entry *entry)
{
    return entry->isa == ADAMW_ISA_AUTO ? best_of_cpu() : entry;
}

static const isa_entry *choice_of_environment(void)
{
    const char *name = getenv(ADAMW_ISA_VARIABLE);
    if (name == NULL || name[0] == '\0')
        return best_of_cpu();
    for (size_t i = 0; i < ISA_COUNT; i++)
        if (strcmp(name, isas[i].name) == 0 && isas[i].runs_here())
            return entry_or_best(&isas[i]);
    return &impossible;
}

static const isa_entry *active_entry(void)
{
    const isa_entry *entry = atomic_load_explicit(&active, memory_order_relaxed);
    if (entry == NULL) {
        const isa_entry *chosen = choice_of_environment();
        /* Only over NULL: a choice that adamw_isa_select() made meanwhile stays. */
        if (atomic_compare_exchange_strong(&active, &entry, chosen))
            entry = chosen;
    }
    return entry;
}

const adamw_kernels *adamw_active_kernels(void) { return active_entry()->kernels; }

const adamw_kernels *adamw_kernels_of(adamw_isa isa)
{
    return adamw_isa_supported(isa) ? entry_or_best(&isas[isa])->kernels : NULL;
}

bool adamw_isa_supported(adamw_isa isa) { return is_isa(isa) && isas[isa].runs_here(); }

adamw_status adamw_isa_select(adamw_isa isa)
{
    if (!is_isa(isa))
        return ADAMW_ERROR_INVALID_ARGUMENT;
    if (!adamw_isa_supported(isa))
        return ADAMW_ERROR_ISA;
    atomic_store(&active, entry_or_best(&isas[isa]));
    return ADAMW_OK;
}

adamw_isa adamw_isa_active(void) { return active_entry()->isa; }

const char *adamw_isa_name(adamw_isa isa) { return is_isa(isa) ? isas[isa].name : "unknown"; }

const char *adamw_isa_reason(void)
{
    const isa_entry *entry = active_entry(), *best = best_of_cpu();
    if (entry == &impossible)
        return "ADAMW_ISA in the environment names none that runs here";
    if (entry != best)
        return "chosen by adamw_isa_select() or ADAMW_ISA in the environment";
    if (passed_over(ADAMW_ISA_AVX512) && adamw_cpu_has_avx512())
        return "the best for this CPU, whose clock 512-bit vectors would lower (ADAMW_ISA=avx512 chooses them)";
    return "the best that this CPU has";
}
