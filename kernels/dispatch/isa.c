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
    size_t look_ahead; /* of the CPU, not of the ISA: here, so that one pointer holds all that is chosen */
} isa_entry;

static bool always(void) { return true; }

/* In the order of adamw_isa, worst first: the last one that runs here and is not passed over is the best. */
#define ISAS(look_ahead)                                                                                             \
    {                                                                                                                \
        [ADAMW_ISA_AUTO] = {ADAMW_ISA_AUTO, "auto", always, NULL, 0},                                                \
        [ADAMW_ISA_SCALAR] = {ADAMW_ISA_SCALAR, "scalar", always, &adamw_kernels_scalar, 0},                         \
        [ADAMW_ISA_AVX2] = {ADAMW_ISA_AVX2, "avx2", adamw_cpu_has_avx2, &adamw_kernels_avx2, look_ahead},            \
        [ADAMW_ISA_AVX512] = {ADAMW_ISA_AVX512, "avx512", adamw_cpu_has_avx512, &adamw_kernels_avx512, look_ahead},  \
        [ADAMW_ISA_NEON] = {ADAMW_ISA_NEON, "neon", adamw_cpu_has_neon, &adamw_kernels_neon, 0},                     \
    }
/* For CPUs that look ahead well enough by themselves, and for those that do not (adamw_cpu_gains_by_look_ahead). */
static const isa_entry isas[2][ADAMW_ISA_NEON + 1] = {ISAS(0), ISAS(ADAMW_LOOK_AHEAD)};
enum { ISA_COUNT = sizeof isas[0] / sizeof isas[0][0] };

/* Stands in the pointer when the environment's choice cannot be had: not NULL, so that it is looked up once. */
static const isa_entry impossible = {ADAMW_ISA_AUTO, "impossible", always, NULL, 0};

/* NULL until it is first needed. Entries are constant, so any order of loads and stores is right. */
static _Atomic(const isa_entry *) active;

static bool is_isa(adamw_isa isa) { return (unsigned)isa < ISA_COUNT; }

static const isa_entry *entry_of(adamw_isa isa) { return &isas[adamw_cpu_gains_by_look_ahead()][isa]; }

static bool passed_over(adamw_isa isa) { return isa == ADAMW_ISA_AVX512 && adamw_cpu_prefers_avx2(); }

static const isa_entry *best_of_cpu(void)
{
    size_t i = ISA_COUNT - 1;
    while (!isas[0][i].runs_here() || passed_over((adamw_isa)i))
        i--;
    return entry_of((adamw_isa)i);
}

static const isa_entry *entry_or_best(adamw_isa isa) { return isa == ADAMW_ISA_AUTO ? best_of_cpu() : entry_of(isa); }

static const isa_entry *choice_of_environment(void)
{
    const char *name = getenv(ADAMW_ISA_VARIABLE);
    if (name == NULL || name[0] == '\0')
        return best_of_cpu();
    for (size_t i = 0; i < ISA_COUNT; i++)
        if (strcmp(name, isas[0][i].name) == 0 && isas[0][i].runs_here())
            return entry_or_best((adamw_isa)i);
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

const adamw_kernels *adamw_active_kernels(size_t *look_ahead)
{
    const isa_entry *entry = active_entry();
    *look_ahead = entry->look_ahead;
    return entry->kernels;
}

const adamw_kernels *adamw_kernels_of(adamw_isa isa)
{
    return adamw_isa_supported(isa) ? entry_or_best(isa)->kernels : NULL;
}

bool adamw_isa_supported(adamw_isa isa) { return is_isa(isa) && isas[0][isa].runs_here(); }

adamw_status adamw_isa_select(adamw_isa isa)
{
    if (!is_isa(isa))
        return ADAMW_ERROR_INVALID_ARGUMENT;
    if (!adamw_isa_supported(isa))
        return ADAMW_ERROR_ISA;
    atomic_store(&active, entry_or_best(isa));
    return ADAMW_OK;
}

adamw_isa adamw_isa_active(void) { return active_entry()->isa; }

const char *adamw_isa_name(adamw_isa isa) { return is_isa(isa) ? isas[0][isa].name : "unknown"; }

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
