/*
 * check.c - what a schedule refuses, and the sentence to it: one table of ranges, then what joins several fields.
 * Only the fields that the kinds in use read are looked at.
 */
#include "../dispatch/known_answer.h"
#include "../plan/message.h"
#include "internal.h"

#include <float.h>
#include <stdarg.h>
#include <stdio.h>

adamw_status adamw_schedule_fail(schedule_sentence to, adamw_status status, const char *format, ...)
{
    if (to.size != 0) {
        va_list arguments;
        va_start(arguments, format);
        vsnprintf(to.buffer, to.size, format, arguments);
        va_end(arguments);
    }
    return status;
}

adamw_status adamw_schedule_told(adamw_status status, schedule_sentence to)
{
    if (status == ADAMW_OK && to.size != 0)
        snprintf(to.buffer, to.size, "ok");
    return status;
}

#define INVALID(...) adamw_schedule_fail(to, ADAMW_ERROR_INVALID_ARGUMENT, __VA_ARGS__)

/* A range of doubles, with the words for it. NaN is in none. */
typedef struct range {
    double low, high;
    bool low_open, high_open;
    const char *words;
} range;

/* Rates and decays become float32 coefficients of a step. */
static const range size = {0, FLT_MAX, false, false, "finite, not negative and within float32's range"};
static const range finite = {-DBL_MAX, DBL_MAX, false, false, "finite"};
static const range not_negative = {0, DBL_MAX, false, false, "finite and not negative"};
static const range positive = {0, DBL_MAX, true, false, "finite and above 0"};
static const range at_least_1 = {1, DBL_MAX, false, false, "finite and at least 1"};
static const range share = {0, 1, false, false, "from 0 to 1"};
static const range share_below_1 = {0, 1, false, true, "at least 0 and below 1"};
static const range between_0_and_1 = {0, 1, true, true, "above 0 and below 1"};
static const range gamma_range = {0, 1, true, false, "above 0 and at most 1"};

static bool within(const range *r, double x)
{
    return (r->low_open ? x > r->low : x >= r->low) && (r->high_open ? x < r->high : x <= r->high);
}

/* One field to look at: a double with its range, or a length with the least it may be. */
typedef struct field {
    bool used;
    const char *name;
    double value;
    const range *range;
} field;

typedef struct length {
    bool used;
    const char *name;
    int64_t value, least;
} length;

/* An enumerator: its value, and how many there are, counted from 0. */
typedef struct choice {
    const char *name;
    int value, count;
    const char *type;
} choice;

static adamw_status check_choices(const adamw_schedule_config *c, schedule_sentence to)
{
    const choice choices[] = {
        {"kind", (int)c->kind, ADAMW_SCHEDULE_ONE_CYCLE + 1, "adamw_schedule_kind"},
        {"unit", (int)c->unit, ADAMW_UNIT_STEP + 1, "adamw_unit"},
        {"warmup_unit", (int)c->warmup_unit, ADAMW_UNIT_STEP + 1, "adamw_unit"},
        {"mode", (int)c->mode, ADAMW_MODE_MAX + 1, "adamw_mode"},
        {"threshold_mode", (int)c->threshold_mode, ADAMW_THRESHOLD_REL_SIGNED + 1, "adamw_threshold_mode"},
        {"anneal", (int)c->anneal, ADAMW_ANNEAL_SQRT + 1, "adamw_anneal"},
        {"weight_decay_kind", (int)c->weight_decay_kind, ADAMW_WEIGHT_DECAY_FULLY_DECOUPLED + 1,
         "adamw_weight_decay_kind"},
    };
    for (size_t i = 0; i < sizeof choices / sizeof choices[0]; i++)
        if (choices[i].value < 0 || choices[i].value >= choices[i].count)
            return INVALID("%s is %d: it must be an %s, 0 to %d", choices[i].name, choices[i].value, choices[i].type,
                           choices[i].count - 1);
    return ADAMW_OK;
}

static adamw_status check_ranges(const adamw_schedule_config *c, schedule_sentence to)
{
    const adamw_schedule_kind kind = c->kind;
    const bool plateau = kind == ADAMW_SCHEDULE_PLATEAU, one_cycle = kind == ADAMW_SCHEDULE_ONE_CYCLE;
    const bool restarts = kind == ADAMW_SCHEDULE_COSINE_RESTARTS;
    const bool decay_ends =
        c->weight_decay_kind == ADAMW_WEIGHT_DECAY_LINEAR || c->weight_decay_kind == ADAMW_WEIGHT_DECAY_COSINE;
    const bool by_base = c->weight_decay_kind == ADAMW_WEIGHT_DECAY_PROPORTIONAL ||
                         c->weight_decay_kind == ADAMW_WEIGHT_DECAY_FULLY_DECOUPLED;
    const field fields[] = {
        {true, "base_lr", c->base_lr, &size},
        {by_base, "base_lr", c->base_lr, &positive},
        {true, "min_lr", c->min_lr, &size},
        {c->warmup != 0, "warmup_start", c->warmup_start, &share},
        {plateau, "factor", c->factor, &between_0_and_1},
        {plateau, "threshold", c->threshold, &finite},
        {plateau && c->threshold_mode == ADAMW_THRESHOLD_REL_SIGNED, "threshold", c->threshold, &share_below_1},
        {plateau, "eps", c->eps, &not_negative},
        {kind == ADAMW_SCHEDULE_EXPONENTIAL || kind == ADAMW_SCHEDULE_STEP || kind == ADAMW_SCHEDULE_MULTISTEP,
         "gamma", c->gamma, &gamma_range},
        {kind == ADAMW_SCHEDULE_POLYNOMIAL, "power", c->power, &positive},
        {one_cycle, "pct_start", c->pct_start, &share},
        {one_cycle, "div_factor", c->div_factor, &at_least_1},
        {one_cycle, "final_div_factor", c->final_div_factor, &at_least_1},
        {true, "weight_decay", c->weight_decay, &size},
        {decay_ends, "weight_decay_end", c->weight_decay_end, &size},
        {c->weight_decay_kind == ADAMW_WEIGHT_DECAY_STEPS, "weight_decay_gamma", c->weight_decay_gamma, &gamma_range},
    };
    const bool needs_end = kind == ADAMW_SCHEDULE_LINEAR || kind == ADAMW_SCHEDULE_COSINE ||
                           kind == ADAMW_SCHEDULE_POLYNOMIAL || kind == ADAMW_SCHEDULE_WSD || one_cycle || decay_ends;
    const length lengths[] = {
        {true, "warmup", c->warmup, 0},
        {true, "total", c->total, 0},
        {plateau, "patience", c->patience, c->fire_at_patience ? 1 : 0},
        {plateau, "cooldown", c->cooldown, 0},
        {kind == ADAMW_SCHEDULE_STEP, "step_size", c->step_size, 1},
        {restarts, "period", c->period, 1},
        {restarts, "period_mult", c->period_mult, 1},
        {kind == ADAMW_SCHEDULE_INVERSE_SQRT, "timescale", c->timescale, 0},
        {kind == ADAMW_SCHEDULE_WSD, "decay_length", c->decay_length, 1},
    };
    for (size_t i = 0; i < sizeof fields / sizeof fields[0]; i++)
        if (fields[i].used && !within(fields[i].range, fields[i].value))
            return INVALID("%s is %s: it must be %s", fields[i].name, adamw_number_of(fields[i].value).text,
                           fields[i].range->words);
    if (needs_end && c->total == 0)
        return INVALID("total is 0: this schedule needs the length of the run, at least 1 %s",
                       c->unit == ADAMW_UNIT_STEP ? "step" : "epoch");
    for (size_t i = 0; i < sizeof lengths / sizeof lengths[0]; i++) {
        if (!lengths[i].used)
            continue;
        if (lengths[i].value < lengths[i].least)
            return INVALID("%s is %lld: it must be at least %lld", lengths[i].name, (long long)lengths[i].value,
                           (long long)lengths[i].least);
        if (lengths[i].value > SCHEDULE_LONGEST)
            return INVALID("%s is %lld: it must be at most 2^53, where a double begins to skip whole numbers",
                           lengths[i].name, (long long)lengths[i].value);
    }
    return ADAMW_OK;
}

static adamw_status check_milestones(const char *name, const int64_t *list, size_t count, schedule_sentence to)
{
    if (list == NULL || count == 0)
        return INVALID("%s is %s: it must point to at least one milestone", name, list == NULL ? "NULL" : "empty");
    for (size_t i = 0; i < count; i++)
        if (list[i] < 0 || (i > 0 && list[i] < list[i - 1]))
            return INVALID("%s[%zu] is %lld: milestones must ascend and not be negative", name, i,
                           (long long)list[i]);
    return ADAMW_OK;
}

adamw_status adamw_schedule_check(const adamw_schedule_config *c, schedule_sentence to)
{
    if (c == NULL)
        return INVALID("config is NULL: adamw_schedule_config_init() fills in one");
    if (!adamw_compiler_is_strict())
        return adamw_schedule_fail(to, ADAMW_ERROR_ISA, "%s", ADAMW_WRONG_BUILD);
    adamw_status status = check_choices(c, to);
    if (status == ADAMW_OK)
        status = check_ranges(c, to);
    if (status == ADAMW_OK && c->kind == ADAMW_SCHEDULE_MULTISTEP)
        status = check_milestones("milestones", c->milestones, c->milestone_count, to);
    if (status == ADAMW_OK && c->weight_decay_kind == ADAMW_WEIGHT_DECAY_STEPS)
        status = check_milestones("weight_decay_milestones", c->weight_decay_milestones,
                                  c->weight_decay_milestone_count, to);
    if (status != ADAMW_OK)
        return status;

    const bool one_unit = c->warmup_unit == c->unit;
    if (c->weight_decay_kind == ADAMW_WEIGHT_DECAY_FULLY_DECOUPLED && !(c->weight_decay / c->base_lr <= FLT_MAX))
        return INVALID(
            "weight_decay is %s, which a fully decoupled decay divides by base_lr, %s: the quotient must be "
            "within float32's range",
            adamw_number_of(c->weight_decay).text, adamw_number_of(c->base_lr).text);
    if (c->min_lr > c->base_lr)
        return INVALID("min_lr is %s, above base_lr %s: it must be at most that", adamw_number_of(c->min_lr).text,
                       adamw_number_of(c->base_lr).text);
    if (c->kind == ADAMW_SCHEDULE_PLATEAU && c->unit != ADAMW_UNIT_EPOCH)
        return INVALID("unit is ADAMW_UNIT_STEP: a plateau counts epochs, so it must be ADAMW_UNIT_EPOCH");
    if (c->anneal == ADAMW_ANNEAL_SQRT && c->kind == ADAMW_SCHEDULE_ONE_CYCLE)
        return INVALID("anneal is ADAMW_ANNEAL_SQRT: a one-cycle has ADAMW_ANNEAL_COSINE and ADAMW_ANNEAL_LINEAR");
    if (c->total > 0 && one_unit && c->warmup > c->total)
        return INVALID("warmup is %lld, longer than the run: it must be at most total, which is %lld",
                       (long long)c->warmup, (long long)c->total);
    if (c->kind == ADAMW_SCHEDULE_WSD && c->decay_length > c->total - (one_unit ? c->warmup : 0))
        return INVALID("decay_length is %lld: with the warmup it must be at most total, which is %lld",
                       (long long)c->decay_length, (long long)c->total);
    if (c->kind == ADAMW_SCHEDULE_INVERSE_SQRT && c->timescale == 0 && c->warmup > 0 && !one_unit)
        return INVALID("timescale is 0, which stands for the warmup's length: that has another unit here, so it must "
                       "be at least 1");
    return ADAMW_OK;
}

adamw_status adamw_schedule_check_groups(const adamw_schedule *schedule, const adamw_schedule_group *groups,
                                         size_t count, schedule_sentence to)
{
    if (schedule == NULL)
        return INVALID("schedule is NULL: adamw_schedule_init() fills in one");
    if (groups == NULL && count != 0)
        return INVALID("groups is NULL with count %zu: it must point to that many adamw_schedule_group", count);
    for (size_t i = 0; i < count; i++) {
        adamw_schedule_config own = schedule->config;
        own.base_lr = groups[i].base_lr;
        own.min_lr = groups[i].min_lr;
        own.weight_decay = groups[i].weight_decay;
        if (groups[i].config == NULL)
            return INVALID("groups[%zu].config is NULL: it must point to the group's adamw_config", i);
        const int used = to.size != 0 ? snprintf(to.buffer, to.size, "groups[%zu].", i) : 0;
        const bool fits = used >= 0 && (size_t)used < to.size;
        const schedule_sentence rest = {fits ? to.buffer + used : NULL, fits ? to.size - (size_t)used : 0};
        const adamw_status status = adamw_schedule_check(&own, rest);
        if (status != ADAMW_OK)
            return status;
    }
    return ADAMW_OK;
}

/* What the length of the run has decided so far: NULL, or why it must stay. */
static const char *decided_by_total(const adamw_schedule *s, int64_t now)
{
    const adamw_schedule_config *c = &s->config;
    const int64_t k = s->main_start >= 0 ? now - s->main_start : 0;
    const bool endless = c->kind == ADAMW_SCHEDULE_CONSTANT || c->kind == ADAMW_SCHEDULE_PLATEAU;
    if (k > 0 && (c->kind == ADAMW_SCHEDULE_LINEAR || c->kind == ADAMW_SCHEDULE_COSINE ||
                  c->kind == ADAMW_SCHEDULE_POLYNOMIAL || c->kind == ADAMW_SCHEDULE_ONE_CYCLE))
        return "a longer run would rescale the rates that were given; cosine-restarts, wsd, plateau, step and others "
               "can be extended";
    if (c->kind == ADAMW_SCHEDULE_WSD && k > 0 && k > c->total - s->main_start - c->decay_length)
        return "its decay has begun: it must be extended before that";
    if (now > 0 &&
        (c->weight_decay_kind == ADAMW_WEIGHT_DECAY_LINEAR || c->weight_decay_kind == ADAMW_WEIGHT_DECAY_COSINE))
        return "its weight_decay_kind follows the length of the run: it must be extended before the first step";
    if (now > c->total && !(endless && c->weight_decay_kind != ADAMW_WEIGHT_DECAY_STEPS))
        return "that is past its end, where the rate was held: it must be extended by then";
    return NULL;
}

adamw_status adamw_schedule_check_extend(const adamw_schedule *s, int64_t total, schedule_sentence to)
{
    if (s == NULL)
        return INVALID("schedule is NULL: it must be a started one");
    const adamw_schedule_config *c = &s->config;
    const bool steps = c->unit == ADAMW_UNIT_STEP;
    if (c->total == 0)
        return INVALID("the schedule has no end (its total is 0): it goes on by itself");
    if (total < c->total || total > SCHEDULE_LONGEST)
        return INVALID("total is %lld: it must be from the one of now, %lld, to 2^53", (long long)total,
                       (long long)c->total);
    const int64_t now = steps ? s->step : s->epoch;
    const char *why = total > c->total ? decided_by_total(s, now) : NULL;
    if (why != NULL)
        return adamw_schedule_fail(to, ADAMW_ERROR_STATE, "the schedule is %s, at %s %lld of %lld: %s",
                                   adamw_schedule_name(c->kind), steps ? "step" : "epoch", (long long)now,
                                   (long long)c->total, why);
    return ADAMW_OK;
}
