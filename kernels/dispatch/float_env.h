/*
 * float_env.h - the floating-point environment: rounding, subnormals, which exceptions trap, and the flags of those
 * that were raised (x86: MXCSR; AArch64: FPCR, and FPSR in the upper half; riscv64: FCSR; ppc64le: FPSCR; wasm has none). A step runs in the caller's mode on every
 * thread and leaves each thread's environment as it was.
 */
#ifndef ADAMW_DISPATCH_FLOAT_ENV_H
#define ADAMW_DISPATCH_FLOAT_ENV_H

#include "../strict.h"

#include <stdbool.h>
#include <stdint.h>

#if defined(__x86_64__)

#include <immintrin.h>

/* To nearest, subnormals kept, nothing traps, no flag is set. */
#define ADAMW_FLOAT_ENV_DEFAULT UINT64_C(0x1F80)

static inline uint64_t adamw_float_env_get(void) { return _mm_getcsr(); }
static inline void adamw_float_env_set(uint64_t env) { _mm_setcsr((unsigned)env); }
static inline bool adamw_float_env_is_to_nearest(void)
{
    return (_mm_getcsr() & _MM_ROUND_MASK) == _MM_ROUND_NEAREST;
}

#elif defined(__aarch64__)

#define ADAMW_FLOAT_ENV_DEFAULT UINT64_C(0)

static inline uint64_t adamw_float_env_get(void)
{
    uint64_t control, flags;
    __asm__ volatile("mrs %0, fpcr\n\tmrs %1, fpsr" : "=r"(control), "=r"(flags) : : "memory");
    return (control & UINT32_MAX) | flags << 32;
}
static inline void adamw_float_env_set(uint64_t env)
{
    __asm__ volatile("msr fpcr, %0\n\tmsr fpsr, %1" : : "r"(env & UINT32_MAX), "r"(env >> 32) : "memory");
}
static inline bool adamw_float_env_is_to_nearest(void) { return (adamw_float_env_get() >> 22 & 3) == 0; }

#elif defined(__riscv)

#define ADAMW_FLOAT_ENV_DEFAULT UINT64_C(0)

static inline uint64_t adamw_float_env_get(void)
{
    uint64_t env;
    __asm__ volatile("frcsr %0" : "=r"(env) : : "memory");
    return env;
}
static inline void adamw_float_env_set(uint64_t env) { __asm__ volatile("fscsr %0" : : "r"(env) : "memory"); }
static inline bool adamw_float_env_is_to_nearest(void) { return (adamw_float_env_get() >> 5 & 7) == 0; }

#elif defined(__powerpc64__)

#include <string.h>

#define ADAMW_FLOAT_ENV_DEFAULT UINT64_C(0)

static inline uint64_t adamw_float_env_get(void)
{
    double in_register;
    uint64_t env;
    __asm__ volatile("mffs %0" : "=f"(in_register) : : "memory");
    memcpy(&env, &in_register, sizeof env);
    return env;
}
static inline void adamw_float_env_set(uint64_t env)
{
    double in_register;
    memcpy(&in_register, &env, sizeof env);
    __asm__ volatile("mtfsf 0xFF, %0" : : "f"(in_register) : "memory");
}
static inline bool adamw_float_env_is_to_nearest(void) { return (adamw_float_env_get() & 3) == 0; }

#else

#define ADAMW_FLOAT_ENV_DEFAULT UINT64_C(0)

static inline uint64_t adamw_float_env_get(void) { return ADAMW_FLOAT_ENV_DEFAULT; }
static inline void adamw_float_env_set(uint64_t env) { (void)env; }
static inline bool adamw_float_env_is_to_nearest(void) { return true; }

#endif

#endif
