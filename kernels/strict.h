/*
 * strict.h - what every file of the kernels includes first: it refuses builds that cannot keep the promise on the
 * bits, and turns off contraction of a*b + c, so that the sources also build right without the Makefile's flags.
 * Nothing else belongs here.
 */
#ifndef ADAMW_STRICT_H
#define ADAMW_STRICT_H

/* x32 and AArch64's ILP32 are neither LP64 nor Windows' LLP64. wasm32 is the one target with 32-bit pointers: it is tested,
 * and nothing in the library takes size_t for 64 bits. */
#if !defined(__BYTE_ORDER__) || __BYTE_ORDER__ != __ORDER_LITTLE_ENDIAN__ ||                                         \
    !(((defined(__x86_64__) || defined(__aarch64__)) && (defined(__LP64__) || defined(_WIN64))) ||                   \
      (defined(__riscv_float_abi_double) && __riscv_xlen == 64) || (defined(__powerpc64__) && defined(__LP64__)) ||  \
      defined(__wasm__))
#error "libadamw supports x86-64, AArch64, riscv64, ppc64le and wasm: 64-bit (wasm32 aside) and little-endian targets"
#endif
#if defined(__FAST_MATH__) || defined(__ASSOCIATIVE_MATH__) || defined(__RECIPROCAL_MATH__) ||                       \
    defined(__NO_SIGNED_ZEROS__) || (defined(__FINITE_MATH_ONLY__) && __FINITE_MATH_ONLY__) ||                       \
    (defined(__GCC_IEC_559) && __GCC_IEC_559 == 0 && !defined(__STRICT_ANSI__))
/* (In -std=c11 that macro is also 0 for -ffp-contract=fast, which the pragma below makes right.) */
#error "compile libadamw's own files without -ffast-math, -Ofast or parts of them (other files may keep them)"
#endif
#if defined(__FLT_EVAL_METHOD__) && (__FLT_EVAL_METHOD__ < 0 || __FLT_EVAL_METHOD__ == 1 || __FLT_EVAL_METHOD__ == 2)
#error "compile libadamw's own files without -mfpmath=387: a float operation has to round to float"
#endif
#ifndef __cplusplus /* (the benchmark includes a header of the kernels) */
_Static_assert(sizeof 1.0 == sizeof(double), "compile libadamw's own files without -fsingle-precision-constant");
#endif
/* clang shows none of its flags but -ffast-math: dispatch/known_answer.c finds the others when the program runs. */

/* Each of the two compilers ignores the other's pragma; gcc ignores the standard's. */
#if defined(__clang__)
#pragma STDC FP_CONTRACT OFF
#elif defined(__GNUC__)
#pragma GCC optimize("fp-contract=off")
#else
#error "libadamw needs gcc or clang"
#endif

/* Windows' own printf lacks %zu and the like; mingw brings one that has them. */
#if defined(__MINGW32__) && !defined(__USE_MINGW_ANSI_STDIO)
#define __USE_MINGW_ANSI_STDIO 1 /* NOLINT(bugprone-reserved-identifier) */
#endif
/* A function that takes a format as printf does, in argument `format`, and its values from argument `first` on. */
#if defined(__MINGW32__) && !defined(__clang__)
#define ADAMW_FORMAT(format, first) __attribute__((__format__(__gnu_printf__, format, first)))
#else
#define ADAMW_FORMAT(format, first) __attribute__((__format__(__printf__, format, first)))
#endif

/* What stands between these two is compiled for the instructions named; the target stands in the file, so that no
 * build needs a flag for it. */
#define ADAMW_PRAGMA(text) _Pragma(#text)
#if defined(ADAMW_TARGET_BEGIN) /* by the tests that run a vocabulary in plain C (tests/emulate) */
#elif defined(__clang__)
#define ADAMW_TARGET_BEGIN(features)                                                                                 \
    ADAMW_PRAGMA(clang attribute push(__attribute__((target(features))), apply_to = function))
#define ADAMW_TARGET_END _Pragma("clang attribute pop")
#else
#define ADAMW_TARGET_BEGIN(features) _Pragma("GCC push_options") ADAMW_PRAGMA(GCC target(features))
#define ADAMW_TARGET_END _Pragma("GCC pop_options")
#endif

/* Where there are POSIX threads, files and fork(). */
#if defined(__unix__) || defined(__APPLE__)
#define ADAMW_POSIX
#endif

/* Functions shared between the library's own files: not exported, whatever the flags. */
#if defined(_WIN32) /* which exports what ADAMW_API names alone */
#define ADAMW_INTERNAL
#else
#define ADAMW_INTERNAL __attribute__((visibility("hidden")))
#endif
/* The kernels are C templates: functions whose parameters are constants where they are called, inlined so that the
 * branches on those constants go. */
#define ADAMW_INLINE static inline __attribute__((always_inline))
/* A function with scratch on the stack: callers that do not need the scratch do not carry it. */
#define ADAMW_NOINLINE __attribute__((noinline))
/* Unrolls the loop that follows, whose bound is a constant: an array of vectors stays in registers only then. */
#if defined(__clang__)
#define ADAMW_UNROLL _Pragma("clang loop unroll(full)")
#else
#define ADAMW_UNROLL _Pragma("GCC unroll 16")
#endif

#endif
