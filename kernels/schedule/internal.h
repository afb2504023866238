/*
 * internal.h - what the files of the schedule layer tell each other. It shares no line with the kernels
 * but the text of a refused number (plan/message.h) and the test of the compiler (dispatch/known_answer.h).
 */
#ifndef ADAMW_SCHEDULE_INTERNAL_H
#define ADAMW_SCHEDULE_INTERNAL_H

#include "../strict.h"

#include "../../include/adamw.h"

/* No length or count is larger: the formulas take them as doubles, and nothing overflows. */
#define SCHEDULE_LONGEST (INT64_C(1) << 53)

/* ---- check.c: the one place that looks at what a caller asks for ---- */

/* The buffer that receives the sentence about an error; size 0: no sentence is written. */
typedef struct schedule_sentence {
    char *buffer;
    size_t size;
} schedule_sentence;

/* Writes the sentence and returns the status, to be returned. */
ADAMW_FORMAT(3, 4)
ADAMW_INTERNAL adamw_status adamw_schedule_fail(schedule_sentence to, adamw_status status, const char *format, ...);
/* Writes "ok" where nothing was wrong, and returns the status. */
ADAMW_INTERNAL adamw_status adamw_schedule_told(adamw_status status, schedule_sentence to);
ADAMW_INTERNAL adamw_status adamw_schedule_check(const adamw_schedule_config *config, schedule_sentence to);
ADAMW_INTERNAL adamw_status adamw_schedule_check_groups(const adamw_schedule *schedule,
                                                        const adamw_schedule_group *groups, size_t count,
                                                        schedule_sentence to);
/* Whether the run may be made `total` long with every rate that was given as it is. */
ADAMW_INTERNAL adamw_status adamw_schedule_check_extend(const adamw_schedule *schedule, int64_t total,
                                                        schedule_sentence to);

/* ---- shapes.c: the formulas ---- */

/* The rate of a group with these rates, for the coming step; plateau_lr is its rate after the cuts so far. */
ADAMW_INTERNAL double adamw_schedule_rate(const adamw_schedule *schedule, double base_lr, double min_lr,
                                          double plateau_lr);
/* The weight decay of a group whose rate is `lr` of base_lr. */
ADAMW_INTERNAL double adamw_schedule_decay(const adamw_schedule *schedule, double weight_decay, double base_lr,
                                           double lr);

/* ---- plateau.c: ReduceLROnPlateau ---- */

/* One metric; returns a sum of adamw_event. */
ADAMW_INTERNAL unsigned adamw_plateau_feed(adamw_schedule *schedule, double metric);
/* A rate after some cuts, held between the two that the recipe has now: the caller may have changed them since. */
ADAMW_INTERNAL double adamw_plateau_within(double lr, double base_lr, double min_lr);
/* The rate of a group after all cuts so far. */
ADAMW_INTERNAL double adamw_plateau_replay(const adamw_schedule *schedule, double base_lr, double min_lr);

/* ---- presets.c ---- */

/* Refuses a preset's name with the names that there are: as many as 256 bytes of sentence have room for. name_of is
 * adamw_preset_name(); tests give a longer list. */
ADAMW_INTERNAL adamw_status adamw_preset_unknown(const char *name, const char *(*name_of)(size_t index),
                                                 schedule_sentence to);

#endif
