/*
 * test_kernels.c - the checks of tests/checks under Criterion, each in a process of its own.
 */
#include <criterion/criterion.h>

#include <stdlib.h>

#include "../kernels/run/team.h"
#include "checks/check.h"

static check_options options(void)
{
    const char *text = getenv("SEED");
    check_options all = {.seed = 1, .isa = ADAMW_ISA_AUTO};
    cr_assert(text == NULL || parse_seed(text, &all.seed), "SEED is '%s': it must be a number", text);
    adamw_team_limit_set(7); /* cuts for 7 threads, however few CPUs there are */
    return all;
}

#define RUN(name, text)                                                                                              \
    Test(kernels, name, .description = text)                                                                         \
    {                                                                                                                \
        const check_options all = options();                                                                         \
        cr_assert(check_##name(&all), "see above; seed %llu (SEED=... gives another)",                               \
                  (unsigned long long)all.seed);                                                                     \
    }
CHECKS(RUN)
