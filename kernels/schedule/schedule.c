/*
 * schedule.c - the public calls of the schedule layer, and when a warmup ends. The formulas are in shapes.c, the
 * plateau rule in plateau.c, what is refused in check.c.
 */
#include "internal.h"

#include <math.h>

_Static_assert(sizeof(adamw_schedule) <= 512, "a schedule is promised to be small");

adamw_status adamw_schedule_config_init(adamw_schedule_config *config)
{
    if (config == NULL)
        return ADAMW_ERROR_INVALID_ARGUMENT;
    *config = (adamw_schedule_config){
        .base_lr = 1e-3,
        .warmup_start = 0.1,
        .threshold = 1e-4,
        .factor = 0.1,
        .eps = 1e-8,
        .patience = 10,
        .gamma = 0.1,
        .power = 1,
        .period_mult = 1,
        .pct_start = 0.3,
        .div_factor = 25,
        .final_div_factor = 1e4,
        .weight_decay = 1e-4,
        .weight_decay_gamma = 0.1,
    };
    return ADAMW_OK;
}

adamw_status adamw_schedule_init(adamw_schedule *schedule, const adamw_schedule_config *config)
{
    if (schedule == NULL)
        return ADAMW_ERROR_INVALID_ARGUMENT;
    const adamw_status status = adamw_schedule_check(config, (schedule_sentence){NULL, 0});
    if (status != ADAMW_OK)
        return status;
    *schedule = (adamw_schedule){
        .config = *config,
        .main_start = config->warmup > 0 ? -1 : 0,
        .lr = config->base_lr,
        .best = config->mode == ADAMW_MODE_MIN ? INFINITY : -INFINITY,
    };
    return ADAMW_OK;
}

adamw_status adamw_schedule_explain(const adamw_schedule_config *config, char *buffer, size_t size)
{
    const schedule_sentence to = {buffer, buffer != NULL ? size : 0};
    return adamw_schedule_told(adamw_schedule_check(config, to), to);
}

double adamw_schedule_lr(const adamw_schedule *s)
{
    return s != NULL ? adamw_schedule_rate(s, s->config.base_lr, s->config.min_lr, s->lr) : NAN;
}

double adamw_schedule_weight_decay(const adamw_schedule *s)
{
    return s != NULL ? adamw_schedule_decay(s, s->config.weight_decay, s->config.base_lr, adamw_schedule_lr(s)) : NAN;
}

/* Whether no count moves any more, so that the rate is held: at 2^53, and where the run reached its end while its
 * warmup, which counts in the other unit, was still going on. A plateau has no end. */
static bool stands_still(const adamw_schedule *s)
{
    const adamw_schedule_config *c = &s->config;
    const bool ended = c->total > 0 && (c->unit == ADAMW_UNIT_STEP ? s->step : s->epoch) >= c->total;
    return (ended && s->main_start < 0 && c->kind != ADAMW_SCHEDULE_PLATEAU) || s->step >= SCHEDULE_LONGEST ||
           s->epoch >= SCHEDULE_LONGEST;
}

/* The main phase begins between two of its units, when the warmup is over. */
static void begin_main(adamw_schedule *s)
{
    const adamw_schedule_config *c = &s->config;
    if (s->main_start < 0 && (c->warmup_unit == ADAMW_UNIT_STEP ? s->step : s->epoch) >= c->warmup) {
        s->main_start = c->unit == ADAMW_UNIT_STEP ? s->step : s->epoch;
        s->lr = c->base_lr; /* the caller may have changed it in the warmup */
    }
}

void adamw_schedule_step(adamw_schedule *s)
{
    if (s == NULL || stands_still(s))
        return;
    s->step++;
    if (s->config.unit == ADAMW_UNIT_STEP)
        begin_main(s);
}

unsigned adamw_schedule_epoch(adamw_schedule *s, double metric)
{
    unsigned events = 0;
    if (s == NULL || stands_still(s))
        return 0;
    if (s->config.kind == ADAMW_SCHEDULE_PLATEAU) {
        if (s->main_start >= 0)
            events = adamw_plateau_feed(s, metric);
        else
            events = ADAMW_EVENT_WARMUP | (isnan(metric) ? ADAMW_EVENT_NAN : 0);
    }
    s->epoch++;
    begin_main(s);
    return events;
}

adamw_status adamw_schedule_apply(const adamw_schedule *s, const adamw_schedule_group *groups, size_t count)
{
    const adamw_status status = adamw_schedule_check_groups(s, groups, count, (schedule_sentence){NULL, 0});
    for (size_t i = 0; status == ADAMW_OK && i < count; i++) {
        const adamw_schedule_group *g = &groups[i];
        const double plateau_lr = adamw_plateau_replay(s, g->base_lr, g->min_lr);
        g->config->lr = adamw_schedule_rate(s, g->base_lr, g->min_lr, plateau_lr);
        g->config->weight_decay = adamw_schedule_decay(s, g->weight_decay, g->base_lr, g->config->lr);
    }
    return status;
}

adamw_status adamw_schedule_apply_explain(const adamw_schedule *schedule, const adamw_schedule_group *groups,
                                          size_t count, char *buffer, size_t size)
{
    const schedule_sentence to = {buffer, buffer != NULL ? size : 0};
    return adamw_schedule_told(adamw_schedule_check_groups(schedule, groups, count, to), to);
}

adamw_status adamw_schedule_extend(adamw_schedule *s, int64_t total)
{
    const adamw_status status = adamw_schedule_check_extend(s, total, (schedule_sentence){NULL, 0});
    if (status == ADAMW_OK)
        s->config.total = total;
    return status;
}

adamw_status adamw_schedule_extend_explain(const adamw_schedule *schedule, int64_t total, char *buffer, size_t size)
{
    const schedule_sentence to = {buffer, buffer != NULL ? size : 0};
    return adamw_schedule_told(adamw_schedule_check_extend(schedule, total, to), to);
}

const char *adamw_schedule_name(adamw_schedule_kind kind)
{
    switch (kind) {
    case ADAMW_SCHEDULE_CONSTANT:
        return "constant";
    case ADAMW_SCHEDULE_PLATEAU:
        return "plateau";
    case ADAMW_SCHEDULE_LINEAR:
        return "linear";
    case ADAMW_SCHEDULE_COSINE:
        return "cosine";
    case ADAMW_SCHEDULE_COSINE_RESTARTS:
        return "cosine-restarts";
    case ADAMW_SCHEDULE_POLYNOMIAL:
        return "polynomial";
    case ADAMW_SCHEDULE_EXPONENTIAL:
        return "exponential";
    case ADAMW_SCHEDULE_STEP:
        return "step";
    case ADAMW_SCHEDULE_MULTISTEP:
        return "multistep";
    case ADAMW_SCHEDULE_INVERSE_SQRT:
        return "inverse-sqrt";
    case ADAMW_SCHEDULE_WSD:
        return "wsd";
    case ADAMW_SCHEDULE_ONE_CYCLE:
        return "one-cycle";
    }
    return "unknown";
}
