/*
 * schedule.h - what the checks of the schedule layer share.
 */
#ifndef ADAMW_TESTS_SCHEDULE_H
#define ADAMW_TESTS_SCHEDULE_H

#include "../../include/adamw.h"

enum { CHECK_EPOCHS = 200, CHECK_STEPS = 7 };

/* A right recipe of each kind over 200 epochs of 7 steps; in_steps: it warms up in steps, and runs in them where it
 * can. */
adamw_schedule_config check_recipe(int kind, bool in_steps);

#endif
