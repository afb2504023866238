/*
 * scalar.c - the operations of the portable vocabulary for the tests. Nothing else belongs here.
 */
#define VEC_INSTANTIATE
#include "../../kernels/strict.h"

#include "../../kernels/vec/scalar.h"

#include "operations.h"

const vec_operations vec_operations_scalar = {VEC_MEMBERS};
