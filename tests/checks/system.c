/*
 * system.c - memory from adamw_alloc, what adamw_info_get tells, and the CPUs that a process may use.
 */
#define _GNU_SOURCE /* mkdtemp */
#include "check.h"

#include <limits.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "../../kernels/dispatch/cpu.h"
#include "../../kernels/run/team.h"
#include "../../kernels/run/team_cpus.h"

bool check_memory_given(const check_options *options)
{
    static const size_t sizes[] = {1, 63, 64, 65, 4096, 2097151, 2097152, 2097153, 12345678};
    (void)options;
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++)
        for (int threads = 1; threads <= 3; threads++) {
            char *memory = adamw_alloc(sizes[i], threads);
            const uintptr_t alignment = sizes[i] >= 2 << 20 ? 2 << 20 : 64;
            if (memory == NULL || (uintptr_t)memory % alignment != 0)
                return check_fail("%zu bytes are at %p", sizes[i], (void *)memory);
            for (size_t k = 0; k < sizes[i]; k++)
                if (memory[k] != 0)
                    return check_fail("byte %zu of %zu is not zero", k, sizes[i]);
            memset(memory, 0xFF, sizes[i]); /* so that memory given again is not zero by itself */
            adamw_free(memory);
        }
    adamw_free(NULL);
    if (adamw_alloc(0, 1) != NULL || adamw_alloc(64, -1) != NULL || adamw_alloc(SIZE_MAX, 1) != NULL ||
        adamw_alloc(SIZE_MAX / 2, 1) != NULL)
        return check_fail("impossible memory was given");
    return true;
}

bool check_introspection(const check_options *options)
{
    adamw_info info;
    (void)options;
    if (adamw_info_get(NULL) != ADAMW_ERROR_INVALID_ARGUMENT || adamw_info_get(&info) != ADAMW_OK)
        return check_fail("adamw_info_get's status");
    if (strcmp(info.version, adamw_version()) != 0 || info.active != adamw_isa_active() || info.threads < 1 ||
        info.cpu[0] == '\0' || info.huge_pages[0] == '\0' || info.reason[0] == '\0' || info.flags[0] == '\0')
        return check_fail("adamw_info_get: version %s, active %s, threads %d, CPU '%s', huge pages '%s'",
                          info.version, adamw_isa_name(info.active), info.threads, info.cpu, info.huge_pages);
    const adamw_isa before = adamw_isa_active();
    adamw_isa_select(ADAMW_ISA_SCALAR);
    adamw_info_get(&info);
    adamw_isa_select(before);
    if (info.active != ADAMW_ISA_SCALAR)
        return check_fail("scalar was chosen, %s is active", adamw_isa_name(info.active));
    /* Where the scalar kernels are this CPU's best, the reason does not tell that they were chosen. */
    if (before != ADAMW_ISA_SCALAR && strstr(info.reason, "adamw_isa_select()") == NULL)
        return check_fail("scalar was chosen, and the reason is '%s'", info.reason);
    if (!adamw_cpu_model_prefers_avx2("GenuineIntel", 6, 0x55) ||
        adamw_cpu_model_prefers_avx2("GenuineIntel", 6, 0x6A) ||
        adamw_cpu_model_prefers_avx2("AuthenticAMD", 6, 0x55) ||
        adamw_cpu_model_prefers_avx2("GenuineIntel", 15, 0x55))
        return check_fail("which CPUs prefer AVX2");
    return true;
}

/* ---- the CPUs of a control group's quota ---- */

#if defined(ADAMW_TEAM_THREADS)
static bool write_text(const char *root, const char *name, const char *text)
{
    char path[256];
    snprintf(path, sizeof path, "%s/%s", root, name);
    FILE *file = fopen(path, "w");
    if (file == NULL)
        return check_fail("%s cannot be written", path);
    const bool right = fputs(text, file) >= 0;
    return fclose(file) == 0 && right;
}

bool check_cpu_quota(const check_options *options)
{
    static const struct {
        const char *groups, *v2_top, *v2_inner, *v1_quota, *v2_middle;
        int cpus;
    } cases[] = {
        {"0::/in/ner\n", "", "150000 100000\n", "", "", 2},
        {"0::/in/ner\n", "100000 100000\n", "400000 100000\n", "", "", 1},
        {"0::/in/ner\n", "", "max 100000\n", "", "", INT_MAX},
        {"0::/else/where\n", "300000 100000\n", "", "", "", 3}, /* in a container, whose own group is on top */
        {"12:memory:/x\n4:cpu,cpuacct:/in\n", "", "", "250000\n", "", 3},
        {"3:cpuset:/in\n4:cpuacct:/in\n", "", "", "250000\n", "", INT_MAX},
        {"4:cpu:/in\n", "", "", "-1\n", "", INT_MAX},
        {"4:cpu:/in\n", "", "", "nonsense\n", "", INT_MAX},
        {"no groups here", "100000 100000\n", "", "", "", INT_MAX},
        {"0::/in/ner", "", "5", "", "", INT_MAX}, /* no period */
        {"0::/in/ner\n", "", "", "", "200000 100000\n", 2},
    };
    char root[] = "/tmp/adamw-quota-XXXXXX", path[256];
    static const char *const folders[] = {"in", "in/ner", "cpu", "cpu/in"};
    static const char *const files[] = {
        "groups", "cpu.max", "in/ner/cpu.max", "cpu/in/cpu.cfs_quota_us", "cpu/in/cpu.cfs_period_us", "in/cpu.max"};
    (void)options;
    if (mkdtemp(root) == NULL)
        return check_fail("no folder in /tmp");
    for (size_t i = 0; i < sizeof folders / sizeof folders[0]; i++) {
        snprintf(path, sizeof path, "%s/%s", root, folders[i]);
        mkdir(path, 0700);
    }
    bool right = true;
    for (size_t i = 0; right && i < sizeof cases / sizeof cases[0]; i++) {
        right = write_text(root, files[0], cases[i].groups) && write_text(root, files[1], cases[i].v2_top) &&
                write_text(root, files[2], cases[i].v2_inner) && write_text(root, files[3], cases[i].v1_quota) &&
                write_text(root, files[4], "100000\n") && write_text(root, files[5], cases[i].v2_middle);
        snprintf(path, sizeof path, "%s/groups", root);
        const int cpus = adamw_cpus_of_quota(path, root);
        if (right && cpus != cases[i].cpus)
            right = check_fail("case %zu: %d CPUs, not %d", i, cpus, cases[i].cpus);
    }
    if (adamw_cpus_of_quota("/nonexistent", root) != INT_MAX)
        right = check_fail("a limit from no file");
    for (size_t i = 0; i < sizeof files / sizeof files[0]; i++) {
        snprintf(path, sizeof path, "%s/%s", root, files[i]);
        unlink(path);
    }
    for (size_t i = sizeof folders / sizeof folders[0]; i-- > 0;) {
        snprintf(path, sizeof path, "%s/%s", root, folders[i]);
        rmdir(path);
    }
    rmdir(root);
    return right;
}
#else
bool check_cpu_quota(const check_options *options)
{
    (void)options;
    check_skip("quotas: a build without threads of the library's own does not read them");
    return true;
}
#endif
