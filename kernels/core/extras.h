/*
 * extras.h - from a call's options and a tensor's step to what its extended kernel needs.
 */
#ifndef ADAMW_CORE_EXTRAS_H
#define ADAMW_CORE_EXTRAS_H

#include "../body/kernels.h"

ADAMW_INTERNAL adamw_extras adamw_extras_of(const adamw_update_options *options, uint64_t step);

#endif
