/*
 * cpu.c - reads the CPU's features. On x86 a feature counts only if the operating system also saves its registers
 * (OSXSAVE and XGETBV): a kernel or hypervisor may turn AVX off while CPUID still names it.
 */
#include "cpu.h"

#include <stdint.h>
#include <stdio.h>
#include <string.h>

/*
 * Skylake-SP, Cascade Lake and Cooper Lake (family 6, model 0x55) lower the clock of a core for some milliseconds
 * after 512-bit arithmetic, by up to a third (Intel's specification updates list both clocks), and with it that of
 * whatever the program does between two steps. A step in DRAM waits for memory with either width, so they get AVX2.
 * From Ice Lake on, and on Zen 4 and 5, the loss is a few percent or none. ADAMW_ISA=avx512 overrides.
 */
bool adamw_cpu_model_prefers_avx2(const char *vendor, unsigned family, unsigned model)
{
    return strcmp(vendor, "GenuineIntel") == 0 && family == 6 && model == 0x55;
}

bool adamw_cpu_has_scalar(void) { return true; }

#if defined(__x86_64__)

#include <cpuid.h>

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

void adamw_cpu_vendor(char vendor[ADAMW_VENDOR_SIZE])
{
    unsigned eax, ebx, ecx, edx;
    vendor[0] = vendor[12] = '\0';
    if (!__get_cpuid(0, &eax, &ebx, &ecx, &edx))
        return;
    memcpy(vendor, &ebx, 4);
    memcpy(vendor + 4, &edx, 4);
    memcpy(vendor + 8, &ecx, 4);
}

bool adamw_cpu_prefers_avx2(void)
{
    unsigned eax, ebx, ecx, edx;
    char vendor[ADAMW_VENDOR_SIZE];
    adamw_cpu_vendor(vendor);
    if (!__get_cpuid(1, &eax, &ebx, &ecx, &edx))
        return false;
    return adamw_cpu_model_prefers_avx2(vendor, eax >> 8 & 0xF, (eax >> 4 & 0xF) | (eax >> 12 & 0xF0));
}

void adamw_cpu_name(char *name)
{
    unsigned words[13] = {0};
    for (size_t i = 0; i < 3; i++)
        if (!__get_cpuid((unsigned)(0x80000002 + i), &words[4 * i], &words[4 * i + 1], &words[4 * i + 2],
                         &words[4 * i + 3]))
            words[0] = 0;
    const char *text = (const char *)words;
    text += strspn(text, " ");
    snprintf(name, 64, "%s", text[0] != '\0' ? text : "unknown");
}

#else

bool adamw_cpu_has_avx2(void) { return false; }
bool adamw_cpu_has_avx512(void) { return false; }
#if defined(__aarch64__) /* NEON is part of the baseline */
bool adamw_cpu_has_neon(void) { return true; }
#else
bool adamw_cpu_has_neon(void) { return false; }
#endif
bool adamw_cpu_prefers_avx2(void) { return false; }
void adamw_cpu_vendor(char vendor[ADAMW_VENDOR_SIZE]) { vendor[0] = '\0'; }
void adamw_cpu_name(char *name) { snprintf(name, 64, "unknown"); }

#endif
