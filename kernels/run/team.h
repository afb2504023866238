/*
 * team.h - the threads of a call: how many, and the one parallel region of the library.
 */
#ifndef ADAMW_RUN_TEAM_H
#define ADAMW_RUN_TEAM_H

#include "../dispatch/tuning.h"

/* How many threads a pass over `total` values is worth, at most `wanted` (0: OpenMP's default). */
ADAMW_INTERNAL int adamw_team_size(const adamw_tuning *tuning, size_t total, int wanted);

/* Bytes that a part may bring back, aligned for any type. */
enum { ADAMW_PART_RESULT = 1408 };

/* One part of a pass. `result` is room of ADAMW_PART_RESULT bytes that the part may fill in for its join; NULL where
 * the pass has no join. */
typedef void adamw_work(void *context, size_t part, size_t parts, void *result);
/* What becomes of a part's result. The parts are joined one at a time, in their order. */
typedef void adamw_joiner(void *context, const void *result);

/*
 * Calls work() for each part on a thread of its own, in the caller's floating-point environment, and join(), if it is
 * not NULL, for one part after the other. Each worker's environment is as before afterwards; the caller's is
 * the caller's to restore.
 */
ADAMW_INTERNAL void adamw_team_run(int threads, adamw_work *work, adamw_joiner *join, void *context);

#endif
