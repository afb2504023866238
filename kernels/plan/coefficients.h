/*
 * coefficients.h - from a group's hyperparameters and step to what its kernel needs.
 */
#ifndef ADAMW_PLAN_COEFFICIENTS_H
#define ADAMW_PLAN_COEFFICIENTS_H

#include "../body/kernels.h"

/* The variant of the update that the group uses. */
ADAMW_INTERNAL adamw_variant adamw_variant_of(const adamw_config *config);

/* The scalars of step `step` (from 1), computed in double and each rounded once to float32. */
ADAMW_INTERNAL void adamw_coefficients_of(adamw_coefficients *k, const adamw_config *config, uint64_t step);

/* 1 - beta^step, without the cancellation. */
ADAMW_INTERNAL double adamw_bias_correction(double beta, uint64_t step);

#endif
