/*
 * scalar.c - The kernels in portable C, for every CPU. Nothing but the choice of the vocabulary belongs here.
 */
#include "../body/kernels.h"

#include "../vec/scalar.h"

#include "../body/table.h"

const adamw_kernels adamw_kernels_scalar = ADAMW_KERNEL_TABLE;
