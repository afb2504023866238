/*
 * plain.c - the checks of tests/checks without Criterion, for emulators, sanitizers, valgrind and the long forms. It
 * ends in a count, 0 passed all, 1 failed, 2 wrong usage. Nothing but the options belongs here.
 */
#include <locale.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../kernels/run/team.h"
#include "checks/check.h"

static const struct {
    const char *name, *text;
    bool (*run)(const check_options *);
} checks[] = {
#define ENTRY(name, text) {#name, text, check_##name},
    CHECKS(ENTRY)};
enum { CHECK_COUNT = sizeof checks / sizeof checks[0] };

static const char help[] = "plain [--isa NAME] [--quick|--full] [--seed N] [--unmasked] [--list] [check ...], "
                           "plain --digests or plain --narrow-digests; NAME is one of " ADAMW_ISA_NAMES
                           "; a check is named whole, or by a part of the names of several; --list runs none";

static int usage(const char *what, const char *value)
{
    fprintf(stderr, "plain: %s '%s': %s\n", what, value, help);
    return 2;
}

/* Chooses the check of that name, or without one those that have it in their names. Returns how many. */
static int choose(const char *name, bool wanted[CHECK_COUNT])
{
    int found = 0;
    for (int c = 0; c < CHECK_COUNT; c++)
        if (strcmp(checks[c].name, name) == 0)
            return wanted[c] = true;
    for (int c = 0; c < CHECK_COUNT; c++)
        if (strstr(checks[c].name, name) != NULL)
            wanted[c] = true, found++;
    return found;
}

int main(int argc, char **argv)
{
    check_options options = {.seed = 1};
    bool wanted[CHECK_COUNT] = {false}, list = false;
    int chosen = 0, failed = 0, passed = 0;
    setlocale(LC_ALL, ""); /* as a host does: tests/comma_locale.sh has one with a decimal comma */
    for (int i = 1; i < argc; i++) {
        const char *const value = i + 1 < argc ? argv[i + 1] : "";
        if (strcmp(argv[i], "--quick") == 0) {
            options.quick = true;
        } else if (strcmp(argv[i], "--full") == 0) {
            options.full = true;
        } else if (strcmp(argv[i], "--unmasked") == 0) {
            options.unmasked = true;
        } else if (strcmp(argv[i], "--list") == 0) {
            list = true;
        } else if (strcmp(argv[i], "--digests") == 0) {
            conformance_print();
            return 0;
        } else if (strcmp(argv[i], "--narrow-digests") == 0) {
            narrow_conformance_print();
            return 0;
        } else if (strcmp(argv[i], "--seed") == 0) {
            if (!parse_seed(value, &options.seed))
                return usage("--seed needs a number, not", value);
            i++;
        } else if (strcmp(argv[i], "--isa") == 0) {
            if (adamw_isa_from_name(value, &options.isa) != ADAMW_OK)
                return usage("--isa needs the name of an ISA, not", value);
            i++;
        } else if (argv[i][0] == '-') {
            return usage("unknown option", argv[i]);
        } else {
            const int found = choose(argv[i], wanted);
            if (found == 0)
                return usage("no check has in its name", argv[i]);
            chosen += found;
        }
    }
    if (options.quick && options.full)
        return usage("only one of --quick and", "--full");
    if (list) {
        for (int c = 0; c < CHECK_COUNT; c++)
            if (chosen == 0 || wanted[c])
                printf("%-20s %s\n", checks[c].name, checks[c].text);
        return 0;
    }
    if (options.isa != ADAMW_ISA_AUTO && adamw_isa_select(options.isa) != ADAMW_OK) {
        fprintf(stderr, "plain: this CPU does not run %s\n", adamw_isa_name(options.isa));
        return 2;
    }
    adamw_team_limit_set(7); /* cuts for 7 threads, however few CPUs there are */
    printf("seed %llu, active %s, checked:", (unsigned long long)options.seed, adamw_isa_name(adamw_isa_active()));
    FOR_EACH_ISA(&options, isa)
    printf(" %s", adamw_isa_name(isa));
    printf("\n");
    for (int c = 0; c < CHECK_COUNT; c++) {
        if (chosen != 0 && !wanted[c])
            continue;
        fflush(stdout);
        const bool right = checks[c].run(&options);
        printf("%s %s\n", right ? "passed" : "FAILED", checks[c].name);
        right ? passed++ : failed++;
    }
    printf("%d passed, %d failed\n", passed, failed);
    return failed != 0;
}
