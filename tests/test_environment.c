/*
 * test_environment.c - the environment variables ADAMW_ISA and ADAMW_TUNING. They are read once in a process, and
 * Criterion gives each test a process of its own.
 */
#define _POSIX_C_SOURCE 200809L /* setenv */
#include <criterion/criterion.h>

#include <stdlib.h>
#include <string.h>

#include "../include/adamw.h"
#include "../kernels/dispatch/cpu.h"
#include "../kernels/dispatch/isa.h"
#include "../kernels/dispatch/tuning.h"

static adamw_status one_step(char *said)
{
    float p = 1, g = 1, m = 0, v = 0;
    adamw_config config;
    adamw_config_init(&config);
    const adamw_tensor tensor = {.n = 1, .param = &p, .grad = &g, .exp_avg = &m, .exp_avg_sq = &v};
    adamw_step_explain(&config, 1, &tensor, 1, 0, said, 256);
    const adamw_status status = adamw_step(&config, 1, &tensor, 1, 0);
    cr_assert((status == ADAMW_OK) == (p != 1), "a step writes if and only if it is right");
    return status;
}

static void expect(const char *name, adamw_isa isa)
{
    char said[256];
    setenv("ADAMW_ISA", name, 1);
    cr_assert_eq(one_step(said), ADAMW_OK, "%s", said);
    cr_assert_eq(adamw_isa_active(), isa);
}

static adamw_isa best(void)
{
    adamw_isa isa = (adamw_isa)(ADAMW_ISA_COUNT - 1);
    while (!adamw_isa_supported(isa) || (isa == ADAMW_ISA_AVX512 && adamw_cpu_prefers_avx2()))
        isa = (adamw_isa)(isa - 1);
    return isa;
}

Test(environment, scalar) { expect("scalar", ADAMW_ISA_SCALAR); }
Test(environment, automatic) { expect("auto", best()); }
Test(environment, empty) { expect("", best()); }
Test(environment, this_cpus_best) { expect(adamw_isa_name(best()), best()); }

Test(environment, unknown)
{
    char said[256];
    setenv("ADAMW_ISA", "sse9", 1);
    cr_assert_eq(one_step(said), ADAMW_ERROR_ISA);
    cr_assert_str_eq(said,
                     "the environment variable ADAMW_ISA is 'sse9', which is unknown or cannot run here: it must "
                     "be one of " ADAMW_ISA_NAMES " that this CPU has");
    cr_assert_eq(adamw_isa_active(), ADAMW_ISA_AUTO);
    cr_assert_eq(adamw_isa_select(ADAMW_ISA_SCALAR), ADAMW_OK, "a choice by hand goes over the environment");
    cr_assert_eq(one_step(said), ADAMW_OK);
}

static const char *tuning(void)
{
    adamw_info info;
    adamw_info_get(&info);
    return info.tuning;
}

Test(environment, tuning)
{
    char said[256];
    setenv("ADAMW_TUNING", "amd", 1);
    expect("scalar", ADAMW_ISA_SCALAR);
    cr_assert_str_eq(tuning(), "amd");
    setenv("ADAMW_TUNING", "intel", 1);
    cr_assert_eq(adamw_isa_select(ADAMW_ISA_AUTO), ADAMW_OK);
    cr_assert_str_eq(tuning(), "amd", "the environment is read once");
    cr_assert_eq(one_step(said), ADAMW_OK);
}

Test(environment, empty_tuning)
{
    setenv("ADAMW_TUNING", "", 1);
    expect("", best());
    cr_assert_str_eq(tuning(), adamw_tunings[adamw_family_of_cpu()].name);
}

Test(environment, unknown_tuning)
{
    char said[256];
    setenv("ADAMW_TUNING", "zen9", 1);
    cr_assert_eq(one_step(said), ADAMW_ERROR_ISA);
    cr_assert_str_eq(said,
                     "the environment variable ADAMW_TUNING is 'zen9', which is unknown: it must be one of auto, "
                     "intel, amd, other");
    cr_assert_eq(adamw_isa_select(ADAMW_ISA_SCALAR), ADAMW_ERROR_ISA, "nothing chooses a tuning by hand");
    cr_assert_eq(one_step(said), ADAMW_ERROR_ISA);
    cr_assert_eq(adamw_isa_active(), ADAMW_ISA_AUTO);
}

Test(environment, tuning_outlives_a_wrong_isa)
{
    char said[256];
    setenv("ADAMW_ISA", adamw_isa_supported(ADAMW_ISA_NEON) ? "avx2" : "neon", 1);
    setenv("ADAMW_TUNING", "other", 1);
    cr_assert_eq(one_step(said), ADAMW_ERROR_ISA);
    cr_assert_eq(adamw_isa_select(ADAMW_ISA_SCALAR), ADAMW_OK);
    cr_assert_str_eq(tuning(), "other");
}

Test(environment, impossible)
{
    char said[256];
    setenv("ADAMW_ISA", adamw_isa_supported(ADAMW_ISA_NEON) ? "avx2" : "neon", 1);
    cr_assert_eq(one_step(said), ADAMW_ERROR_ISA);
}
