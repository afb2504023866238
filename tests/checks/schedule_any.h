/*
 * schedule_any.h - any bytes become a recipe and a life of its schedule: steps, epochs, groups, saves and loads,
 * settings changed in mid-run. schedule_any_run() demands what holds for every recipe that is accepted. A check feeds
 * it random bytes in `make test` (schedule_any.c), libFuzzer searches for worse ones (tests/fuzz/fuzz_schedule.c).
 * The public interface alone is used here; values of known recipes belong to the other checks.
 */
#ifndef ADAMW_TESTS_SCHEDULE_ANY_H
#define ADAMW_TESTS_SCHEDULE_ANY_H

#include <stddef.h>
#include <stdint.h>

/* What a run came to, so that a caller can see that most of it was reached. */
typedef struct schedule_any_counts {
    uint64_t accepted, refused, rates, held, loads, cuts, changed, ended_in_warmup, extended;
} schedule_any_counts;

/* NULL if all is right, otherwise what is not, with the values in a static buffer. */
const char *schedule_any_run(const uint8_t *data, size_t size, schedule_any_counts *counts);

#endif
