/*
 * table.h - the kernels of one ISA as functions and as its table. Included last by each file of kernels/isa.
 */
#include "reduce.h"
#include "stages.h"
#include "update.h"

#define ADAMW_DEFINE(name)                                                                                           \
    static void update_##name(const adamw_coefficients *k, const adamw_update_streams *s, size_t n)                  \
    {                                                                                                                \
        update_forms(k, s, n, adamw_variant_traits[ADAMW_VARIANT_##name]);                                           \
    }
ADAMW_VARIANTS(ADAMW_DEFINE)
#undef ADAMW_DEFINE

#define ADAMW_UPDATE_ENTRY(name) [ADAMW_VARIANT_##name] = update_##name,
#define ADAMW_KERNEL_TABLE                                                                                           \
    {                                                                                                                \
        .update = {ADAMW_VARIANTS(ADAMW_UPDATE_ENTRY)}, .scale_grad = scale_grad, .average = average,                \
        .narrow = narrow, .widen = widen, .narrow_randomly = narrow_randomly, .split = split, .join = join,          \
        .update_compensated = update_compensated, .sum_squares = sum_squares,                                        \
        .sum_square_changes = sum_square_changes, .abs_max = abs_max, .accumulate = accumulate                       \
    }
