/*
 * strict.h - what every file of the kernels includes first: it refuses builds that cannot keep the promise on the
 * bits, and turns off contraction of a*b + c, so that the sources also build right without the Makefile's flags.
 * Nothing else belongs here.
 */
#ifndef ADAMW_STRICT_H
#define ADAMW_STRICT_H

#if !(defined(__x86_64__) || defined(__aarch64__)) || !defined(__LP64__)
#error "libadamw supports 64-bit x86-64 and AArch64 only"
#endif
#if !defined(__BYTE_ORDER__) || __BYTE_ORDER__ != __ORDER_LITTLE_ENDIAN__
#error "libadamw supports little-endian targets only"
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

/* Functions shared between the library's own files: not exported, whatever the flags. */
#define ADAMW_INTERNAL __attribute__((visibility("hidden")))
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
