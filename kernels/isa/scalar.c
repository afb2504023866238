/*
 * scalar.c - the kernels in portable C, for every CPU. It chooses the vocabulary and nothing else.
 */
#include "../body/kernels.h"

#include "../vec/scalar.h"

#include "../body/table.h"

const adamw_kernels adamw_kernels_scalar = ADAMW_KERNEL_TABLE;
