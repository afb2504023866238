/*
 * numbers.h - the numbers of a saved schedule as text and back.
 */
#ifndef ADAMW_SCHEDULE_NUMBERS_H
#define ADAMW_SCHEDULE_NUMBERS_H

#include "../strict.h"

#include <stddef.h>
#include <stdint.h>

/* As C's %a, with a point in every locale; infinities are inf and -inf. 32 bytes hold every number. */
ADAMW_INTERNAL void adamw_write_real(char *to, size_t size, double x);

/* Read what was written so. Any other text gives some number, which then writes as another text: compare. */
ADAMW_INTERNAL double adamw_read_real(const char *from);
ADAMW_INTERNAL int64_t adamw_read_integer(const char *from);

#endif
