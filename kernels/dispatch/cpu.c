/*
 * cpu.c - reads the CPU's features. On x86 a feature counts only if the operating system also saves its registers
 * (OSXSAVE and XGETBV): a kernel or hypervisor may turn AVX off while CPUID still names it.
 */
#include "cpu.h"

#if defined(__x86_64__)

#include <cpuid.h>
#include <stdint.h>

/* Register state that the operating system saves, as bits of XCR0. */
enum {
    STATE_AVX = 1 << 1 | 1 << 2,                        /* XMM and the upper halves of YMM */
    STATE_AVX512 = STATE_AVX | 1 << 5 | 1 << 6 | 1 << 7 /* opmasks, upper halves of ZMM0-15, ZMM16-31 */
};

static uint64_t saved_state(void)
{
    uint32_t low, high;
    /* By its opcode's name: the intrinsic would need -mxsave. */
    __asm__ volatile("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
    return (uint64_t)high << 32 | low;
}

static bool has(unsigned leaf1_ecx, unsigned leaf7_ebx, uint64_t state)
{
    unsigned eax, ebx, ecx, edx;
    if (!__get_cpuid(1, &eax, &ebx, &ecx, &edx) || (ecx & bit_OSXSAVE) == 0 || (ecx & leaf1_ecx) != leaf1_ecx)
        return false;
    if (!__get_cpuid_count(7, 0, &eax, &ebx, &ecx, &edx) || (ebx & leaf7_ebx) != leaf7_ebx)
        return false;
    return (saved_state() & state) == state;
}

bool adamw_cpu_has_avx2(void) { return has(bit_AVX | bit_FMA | bit_F16C, bit_AVX2, STATE_AVX); }
bool adamw_cpu_has_avx512(void) { return has(bit_AVX | bit_FMA, bit_AVX2 | bit_AVX512F, STATE_AVX512); }
bool adamw_cpu_has_neon(void) { return false; }

#else /* AArch64: NEON is part of the baseline */

bool adamw_cpu_has_avx2(void) { return false; }
bool adamw_cpu_has_avx512(void) { return false; }
bool adamw_cpu_has_neon(void) { return true; }

#endif
