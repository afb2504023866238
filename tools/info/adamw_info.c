/*
 * adamw_info.c - build/adamw-info: what the library finds on this machine and how it was built, from
 * adamw_info_get().
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../../include/adamw.h"

static void print_cache(const char *name, size_t bytes)
{
    if (bytes == 0)
        printf("%-14s unknown\n", name);
    else if (bytes >= 1 << 20)
        printf("%-14s %.4g MiB\n", name, (double)bytes / (1 << 20));
    else
        printf("%-14s %.4g KiB\n", name, (double)bytes / (1 << 10));
}

static const char help[] =
    "adamw-info - prints what libadamw finds on this machine: compiler, CPU, caches, instruction sets, threads\n\n"
    "    adamw-info                 takes no arguments\n"
    "    ADAMW_ISA=NAME adamw-info  with this instruction set, as every program that uses the library takes it\n"
    "    ADAMW_TUNING=NAME adamw-info  likewise with the figures of a family of CPUs: intel, amd, other\n";

/* Everything was printed, or the program ends with an error: a full disk is one. */
static int end_with(int status)
{
    const int wrong = ferror(stdout);
    if (fflush(stdout) == 0 && !wrong)
        return status;
    fprintf(stderr, "adamw-info: standard output did not take everything: is the disk full?\n");
    return 2;
}

static const char *value_of(const char *variable)
{
    const char *value = getenv(variable);
    return value != NULL ? value : "";
}

/* Every step would be refused: ADAMW_TUNING names no family, ADAMW_ISA none that runs here, or the build is wrong. */
static int refuse(const adamw_info *info)
{
    fflush(stdout);
    const char *const right = strstr(info->reason, ": it must be ");
    if (strncmp(info->reason, "ADAMW_TUNING", strlen("ADAMW_TUNING")) == 0 && right != NULL) {
        fprintf(stderr, "adamw-info: ADAMW_TUNING is '%s'%s\n", value_of("ADAMW_TUNING"), right);
        return 2;
    }
    if (strncmp(info->reason, "ADAMW_ISA", strlen("ADAMW_ISA")) != 0) {
        fprintf(stderr, "adamw-info: %s\n", info->reason);
        return 2;
    }
    fprintf(stderr, "adamw-info: ADAMW_ISA is '%s': it must be one of %s", value_of("ADAMW_ISA"),
            adamw_isa_name(ADAMW_ISA_AUTO));
    for (adamw_isa isa = ADAMW_ISA_SCALAR; isa < ADAMW_ISA_COUNT; isa = (adamw_isa)(isa + 1))
        if (adamw_isa_supported(isa))
            fprintf(stderr, ", %s", adamw_isa_name(isa));
    fprintf(stderr, ", which run here\n");
    return 2;
}

int main(int argc, char **argv)
{
    adamw_info info;
    if (argc == 2 && (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0)) {
        fputs(help, stdout);
        return end_with(0);
    }
    if (argc > 1) {
        fprintf(stderr, "adamw-info: unknown argument '%s': it takes none but --help\n", argv[1]);
        return 2;
    }
    adamw_info_get(&info);
    printf("%-14s %s\n", "libadamw", info.version);
    printf("%-14s %s\n", "compiler", info.compiler);
    printf("%-14s %s\n", "flags", info.flags);
    printf("%-14s %s\n", "CPU", info.cpu);
    print_cache("L1 data cache", info.l1d);
    print_cache("L2 cache", info.l2);
    print_cache("L3 cache", info.l3);
    for (adamw_isa isa = ADAMW_ISA_SCALAR; isa < ADAMW_ISA_COUNT; isa = (adamw_isa)(isa + 1))
        printf("%-14s %s%s\n", adamw_isa_name(isa), adamw_isa_supported(isa) ? "runs here" : "does not run here",
               isa == info.active ? ", active" : "");
    printf("%-14s %s\n", "why", info.reason);
    printf("%-14s %s\n", "tuned for", info.tuning);
    printf("%-14s at most %d (engine: %s)\n", "threads", info.threads, info.engine);
    printf("%-14s %s\n", "huge pages", info.huge_pages);
    return end_with(info.active == ADAMW_ISA_AUTO ? refuse(&info) : 0);
}
