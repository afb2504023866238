/*
 * neon.c - the operations of the vocabulary for AArch64, for the tests. Nothing else belongs here.
 */
#if defined(__aarch64__)

#define VEC_INSTANTIATE
#include "../../kernels/strict.h"

#include "../../kernels/vec/neon.h"

#include "operations.h"

const vec_operations vec_operations_neon = {VEC_MEMBERS};

#else

#include "operations.h"

const vec_operations vec_operations_neon = {0};

#endif
