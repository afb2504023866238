/*
 * system.c - memory from adamw_alloc, and what adamw_info_get tells.
 */
#include "check.h"

#include <stdint.h>
#include <string.h>

#include "../../kernels/dispatch/cpu.h"

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
