/*
 * tuning.c - the figures of each family of CPUs, each with the machine that it was measured on. bench/README.md has
 * the measurements.
 */
#include "tuning.h"

#include <string.h>

#include "cpu.h"

enum { MIB = 1 << 20 };

/*
 * Intel: the scheduler of the core fills with arithmetic that waits for memory before enough loads are under way.
 * Prefetching 2048 bytes ahead takes a step in DRAM from 0.87 to 0.97 of the traffic limit, and the second level as
 * well, twice as far, to 1.00 (AVX2 1.01); 1024 to 4096 bytes and 3072 to 8192 are alike. A list of 64K values lies
 * in a cache near the core and gains nothing, and past the end of 4,096 values prefetches cost 8 %. The far distance
 * would cost 4 % in the third level, so lists of 192 MiB (12 Mi values in four streams) and more have it. (Emerald
 * Rapids, one thread.)
 *
 * AMD: on Zen 4 and Zen 5 prefetching was seen to cost 5 to 20 %. Others: as AMD.
 *
 * Roots: one and the same divider serves roots and quotients. Where it is slow (Emerald Rapids: 11 cycles for both in
 * 256 bits, 22 in 512), most roots on the FMA units make a step 1.3 times as fast; where it is quick (Zen 5: 7 cycles
 * in 512 bits), the loop for that is behind one that leaves most roots to the divider. Zen 5, AVX-512, 4K values:
 * 9.30 G/s against 6.76. Zen 3, AVX2: 1.13, 1.20 and 1.20 times the speed at 4K, 64K and 1M values. A CPU of another
 * vendor gets AMD's mix: those with AVX2 are Hygon's, which are Zen 1, and Zhaoxin's, which were not measured.
 *
 * Sums: a sum waits for its additions in the same way, and a prefetch makes a norm in DRAM 1.7 times as fast, for 1 %
 * in cache (Emerald Rapids).
 *
 * Threads: two threads pay from 32,768 values on where the other one is awake, which it is for 50 us after a call,
 * and from 262,144 on where it has to be woken. One thread's time over two threads', AMD Zen 3 (AVX2, 2 virtual CPUs,
 * both threads under SCHED_FIFO, alternating in one process, medians):
 *
 *     pause         8K, 16K   32K           64K           128K          256K          512K          1M
 *     none          1         1.26 to 1.83  1.26 to 1.90  1.45 to 1.76  1.75 to 1.82  1.58 to 1.88  1.68 to 2.02
 *     1 to 30 us    1         1.79 to 1.88  1.25 to 1.91  1.53 to 1.88  1.45 to 1.81
 *     50, 100 us    1         1             1             1             1.25 to 1.50  1.39
 *     1 ms          1         1             1             1             1.42 to 1.55  1.42 to 1.83  1.96
 *     10, 100 ms    1         1             1             1             1.14 to 1.37  1.45 to 1.77
 *
 * Woken for less they lose: 64K 0.69 to 0.79, 128K 0.93 to 1.12; awake, 16K has 0.99 to 1.35 and 8K 0.93. On Zen 5
 * and Emerald Rapids a wake-up takes some 40 us, as long as one thread needs for 128K to 256K values.
 */
const adamw_tuning adamw_tunings[ADAMW_FAMILY_COUNT] = {
    [ADAMW_FAMILY_INTEL] = {.name = "intel",
                            .roots = ADAMW_ROOTS_FMA,
                            .prefetch = {.near = 2048, .far = 4096},
                            .prefetch_near_above = 65536,
                            .prefetch_far_from = (size_t)12 * MIB,
                            .prefetch_sum = 6144,
                            .parallel_threshold = 32768,
                            .wake_threshold = 262144,
                            .min_values_per_thread = 16384},
    [ADAMW_FAMILY_AMD] = {.name = "amd",
                          .roots = ADAMW_ROOTS_DIVIDER,
                          .prefetch = {.near = 0, .far = 0},
                          .prefetch_sum = 6144,
                          .parallel_threshold = 262144,
                          .min_values_per_thread = 16384},
    [ADAMW_FAMILY_OTHER] = {.name = "other",
                            .roots = ADAMW_ROOTS_DIVIDER,
                            .prefetch = {.near = 0, .far = 0},
                            .prefetch_sum = 6144,
                            .parallel_threshold = 32768,
                            .wake_threshold = 262144,
                            .min_values_per_thread = 16384},
};

adamw_family adamw_family_of_cpu(void)
{
    char vendor[ADAMW_VENDOR_SIZE];
    adamw_cpu_vendor(vendor);
    if (strcmp(vendor, "GenuineIntel") == 0)
        return ADAMW_FAMILY_INTEL;
    return strcmp(vendor, "AuthenticAMD") == 0 ? ADAMW_FAMILY_AMD : ADAMW_FAMILY_OTHER;
}

adamw_family adamw_family_from_name(const char *name)
{
    size_t i = 0;
    while (i < ADAMW_FAMILY_COUNT && strcmp(name, adamw_tunings[i].name) != 0)
        i++;
    return (adamw_family)i;
}

adamw_prefetch adamw_prefetch_of(const adamw_tuning *tuning, size_t total)
{
    if (total <= tuning->prefetch_near_above)
        return (adamw_prefetch){0, 0};
    return (adamw_prefetch){.near = tuning->prefetch.near,
                            .far = total >= tuning->prefetch_far_from ? tuning->prefetch.far : 0};
}
