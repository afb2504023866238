/*
 * isa.c - the choice of the active instruction set: adamw_isa_select() over the environment over the CPU; and of the
 * tuning: the environment over the CPU. The two atomics below are its only state.
 */
#include "isa.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "cpu.h"
#include "known_answer.h"

/* ---- the list as tables ---- */

typedef enum isa_place {
    PLACE_AUTO,
#define ENUMERATE(NAME, name) PLACE_##NAME,
    ADAMW_ISAS(ENUMERATE)
#undef ENUMERATE
        PLACE_COUNT
} isa_place;
#define COMPARE(NAME, name)                                                                                          \
    _Static_assert((int)PLACE_##NAME == (int)ADAMW_ISA_##NAME, "ADAMW_ISAS has the order of adamw_isa: " #name);
ADAMW_ISAS(COMPARE)
#undef COMPARE
_Static_assert((int)PLACE_COUNT == (int)ADAMW_ISA_COUNT, "ADAMW_ISAS and adamw_isa have the same members");

static bool always(void) { return true; }

static const struct {
    const char *name;
    bool (*runs_here)(void);
} isas[ADAMW_ISA_COUNT] = {[ADAMW_ISA_AUTO] = {"auto", always},
#define ENTRY(NAME, name) [ADAMW_ISA_##NAME] = {#name, adamw_cpu_has_##name},
                           ADAMW_ISAS(ENTRY)
#undef ENTRY
};

/* Every ISA with every family's tuning, so that one pointer holds all that is chosen. The first of each, without
 * kernels, stands in the pointer when the environment's ISA cannot be had: not NULL, so that it is looked up once. */
#define NO_ISA [ADAMW_ISA_AUTO] = {ADAMW_ISA_AUTO, NULL, TUNING, NULL},
#define ENTRY(NAME, name) [ADAMW_ISA_##NAME] = {ADAMW_ISA_##NAME, &adamw_kernels_##name, TUNING, NULL},
static const adamw_dispatch choices[ADAMW_FAMILY_COUNT][ADAMW_ISA_COUNT] = {
#define TUNING &adamw_tunings[ADAMW_FAMILY_INTEL]
    [ADAMW_FAMILY_INTEL] = {NO_ISA ADAMW_ISAS(ENTRY)},
#undef TUNING
#define TUNING &adamw_tunings[ADAMW_FAMILY_AMD]
    [ADAMW_FAMILY_AMD] = {NO_ISA ADAMW_ISAS(ENTRY)},
#undef TUNING
#define TUNING &adamw_tunings[ADAMW_FAMILY_OTHER]
    [ADAMW_FAMILY_OTHER] = {NO_ISA ADAMW_ISAS(ENTRY)},
#undef TUNING
};
#undef NO_ISA
#undef ENTRY

/* ---- whether this build has the promised bits ---- */

/* What the test of each ISA's kernels found. Each is tested once a process, where it is first chosen; threads that
 * test one at the same time come to the same answer. */
typedef enum build_state { BUILD_NOT_TESTED, BUILD_RIGHT, BUILD_WRONG } build_state;
static _Atomic build_state builds[ADAMW_ISA_COUNT];

static bool build_is_right(const adamw_dispatch *choice)
{
    build_state state = atomic_load_explicit(&builds[choice->isa], memory_order_relaxed);
    if (state == BUILD_NOT_TESTED) {
        state = adamw_answers_are_known(choice->kernels) ? BUILD_RIGHT : BUILD_WRONG;
        atomic_store_explicit(&builds[choice->isa], state, memory_order_relaxed);
    }
    return state == BUILD_RIGHT;
}

/* ---- the choice ---- */

/* Stand in the pointer when the environment's tuning is unknown, and when the kernels have wrong bits in this
 * build. */
static const adamw_dispatch unknown_tuning = {ADAMW_ISA_AUTO, NULL, &adamw_tunings[ADAMW_FAMILY_OTHER], NULL};
static const adamw_dispatch wrong_build = {ADAMW_ISA_AUTO, NULL, &adamw_tunings[ADAMW_FAMILY_OTHER],
                                           ADAMW_WRONG_BUILD};

/* NULL until it is first needed. What it points to is constant, so any order of loads and stores is right. */
static _Atomic(const adamw_dispatch *) active;

static bool is_isa(adamw_isa isa) { return (unsigned)isa < ADAMW_ISA_COUNT; }

static bool passed_over(adamw_isa isa) { return isa == ADAMW_ISA_AVX512 && adamw_cpu_prefers_avx2(); }

/* The last of the list that runs here and is not passed over. */
static adamw_isa best_of_cpu(void)
{
    size_t i = ADAMW_ISA_COUNT - 1;
    while (!isas[i].runs_here() || passed_over((adamw_isa)i))
        i--;
    return (adamw_isa)i;
}

static adamw_isa best_for(adamw_isa isa) { return isa == ADAMW_ISA_AUTO ? best_of_cpu() : isa; }

/* The value of an environment variable; NULL where the choice is left to the library. */
static const char *choice_in(const char *variable)
{
    const char *name = getenv(variable);
    return name == NULL || name[0] == '\0' || strcmp(name, "auto") == 0 ? NULL : name;
}

static const adamw_dispatch *choice_of_environment(void)
{
    const char *isa_name = choice_in(ADAMW_ISA_VARIABLE), *family_name = choice_in(ADAMW_TUNING_VARIABLE);
    const adamw_family family = family_name == NULL ? adamw_family_of_cpu() : adamw_family_from_name(family_name);
    adamw_isa isa;
    if (family == ADAMW_FAMILY_COUNT)
        return &unknown_tuning;
    if (isa_name == NULL)
        isa = best_of_cpu();
    else if (adamw_isa_from_name(isa_name, &isa) != ADAMW_OK || !isas[isa].runs_here())
        isa = ADAMW_ISA_AUTO;
    const adamw_dispatch *choice = &choices[family][isa];
    return choice->kernels == NULL || build_is_right(choice) ? choice : &wrong_build;
}

const adamw_dispatch *adamw_dispatch_active(void)
{
    const adamw_dispatch *choice = atomic_load_explicit(&active, memory_order_relaxed);
    if (choice == NULL) {
        const adamw_dispatch *chosen = choice_of_environment();
        /* Only over NULL: a choice that adamw_isa_select() made meanwhile stays. */
        if (atomic_compare_exchange_strong(&active, &choice, chosen))
            choice = chosen;
    }
    return choice;
}

const adamw_kernels *adamw_kernels_of(adamw_isa isa)
{
    return adamw_isa_supported(isa) ? choices[0][best_for(isa)].kernels : NULL;
}

bool adamw_dispatch_lacks_tuning(const adamw_dispatch *dispatch) { return dispatch == &unknown_tuning; }

bool adamw_isa_supported(adamw_isa isa) { return is_isa(isa) && isas[isa].runs_here(); }

adamw_status adamw_isa_select(adamw_isa isa)
{
    if (!is_isa(isa))
        return ADAMW_ERROR_INVALID_ARGUMENT;
    if (!adamw_isa_supported(isa))
        return ADAMW_ERROR_ISA;
    const adamw_dispatch *before = adamw_dispatch_active();
    if (before == &unknown_tuning)
        return ADAMW_ERROR_ISA;
    const adamw_dispatch *choice = &choices[before->tuning - adamw_tunings][best_for(isa)];
    if (!build_is_right(choice))
        return ADAMW_ERROR_ISA;
    atomic_store(&active, choice);
    return ADAMW_OK;
}

adamw_isa adamw_isa_active(void) { return adamw_dispatch_active()->isa; }

const char *adamw_isa_name(adamw_isa isa) { return is_isa(isa) ? isas[isa].name : "unknown"; }

adamw_status adamw_isa_from_name(const char *name, adamw_isa *isa)
{
    for (size_t i = 0; name != NULL && isa != NULL && i < ADAMW_ISA_COUNT; i++)
        if (strcmp(name, isas[i].name) == 0) {
            *isa = (adamw_isa)i;
            return ADAMW_OK;
        }
    return ADAMW_ERROR_INVALID_ARGUMENT;
}

const char *adamw_isa_reason(void)
{
    const adamw_dispatch *choice = adamw_dispatch_active();
    if (choice == &unknown_tuning)
        return "ADAMW_TUNING in the environment names no family of CPUs: it must be one of " ADAMW_TUNING_NAMES;
    if (choice->isa == ADAMW_ISA_AUTO)
        return "ADAMW_ISA in the environment names none that runs here: it must be one of " ADAMW_ISA_NAMES;
    if (choice->refusal != NULL)
        return choice->refusal;
    if (choice->isa != best_of_cpu())
        return "chosen by adamw_isa_select() or ADAMW_ISA in the environment";
    if (passed_over(ADAMW_ISA_AVX512) && adamw_cpu_has_avx512())
        return "the best for this CPU, whose clock 512-bit vectors would lower (ADAMW_ISA=avx512 chooses them)";
    return "the best that this CPU has";
}
