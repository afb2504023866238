/*
 * table.h - the kernels of one ISA as functions and as its table. Included last by each file of kernels/isa.
 */
#include "reduce.h"
#include "update.h"

#define ADAMW_DEFINE(name, torch, l2, amsgrad)                                                                       \
    static void update_##name(const adamw_coefficients *k, const adamw_tensor *tensor, size_t first, size_t n)       \
    {                                                                                                                \
        update_forms(k, NULL, tensor, first, n, torch, l2, amsgrad);                                                 \
    }                                                                                                                \
    static void extended_##name(const adamw_coefficients *k, const adamw_extras *e, const adamw_tensor *tensor,      \
                                size_t first, size_t n)                                                              \
    {                                                                                                                \
        update_forms(k, e, tensor, first, n, torch, l2, amsgrad);                                                    \
    }
ADAMW_VARIANTS(ADAMW_DEFINE)
#undef ADAMW_DEFINE

#define ADAMW_UPDATE_ENTRY(name, torch, l2, amsgrad) [ADAMW_VARIANT_##name] = update_##name,
#define ADAMW_EXTENDED_ENTRY(name, torch, l2, amsgrad) [ADAMW_VARIANT_##name] = extended_##name,
#define ADAMW_KERNEL_TABLE                                                                                           \
    {                                                                                                                \
        .update = {ADAMW_VARIANTS(ADAMW_UPDATE_ENTRY)}, .extended = {ADAMW_VARIANTS(ADAMW_EXTENDED_ENTRY)},          \
        .sum_squares = sum_squares, .sum_square_changes = sum_square_changes, .abs_max = abs_max,                    \
        .accumulate = accumulate                                                                                     \
    }
