/*
 * driver.h - runs a checked step over the whole tensor list: which thread updates which values.
 */
#ifndef ADAMW_CORE_DRIVER_H
#define ADAMW_CORE_DRIVER_H

#include "../body/kernels.h"

/* A step that is known to be right: what adamw_validate() accepted. Any kernels of the same type may stand in it;
 * the benchmark puts its traffic loops there, to measure them with the very split of a step. */
typedef struct adamw_plan {
    const adamw_config *config;
    uint64_t step;
    const adamw_tensor *tensors;
    size_t count;
    size_t total; /* values in all tensors */
    const adamw_kernels *kernels;
} adamw_plan;

/* The whole list on a team of threads. */
ADAMW_INTERNAL void adamw_drive(const adamw_plan *plan);

/* One part of it on the calling thread. */
ADAMW_INTERNAL void adamw_drive_part(const adamw_plan *plan, size_t part, size_t parts);

#endif
