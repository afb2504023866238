/*
 * adamw_info.c - build/adamw-info: what the library finds on this machine and how it was built, from
 * adamw_info_get().
 */
#include <stdio.h>

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

int main(int argc, char **argv)
{
    adamw_info info;
    if (argc > 1) {
        fprintf(stderr, "adamw-info: %s: it takes no arguments\n", argv[1]);
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
    printf("%-14s at most %d (engine: %s)\n", "threads", info.threads, info.engine);
    printf("%-14s %s\n", "huge pages", info.huge_pages);
    return 0;
}
