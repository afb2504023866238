/*
 * plateau.c - ReduceLROnPlateau with torch's exact rule (torch.optim.lr_scheduler, 2.13), its sign-safe relative mode
 * and the rule that fires one bad epoch earlier. schedule.c decides when it sees a metric.
 */
#include "internal.h"

#include <math.h>

static bool is_better(const adamw_schedule_config *c, double x, double best)
{
    const bool min = c->mode == ADAMW_MODE_MIN;
    double bound;
    if (c->threshold_mode == ADAMW_THRESHOLD_ABS)
        bound = min ? best - c->threshold : best + c->threshold;
    else if (c->threshold_mode == ADAMW_THRESHOLD_REL)
        bound = best * (min ? 1 - c->threshold : 1 + c->threshold);
    else
        bound = best * (min == (best >= 0) ? 1 - c->threshold : 1 + c->threshold);
    return min ? x < bound : x > bound; /* a NaN is neither */
}

static double cut(const adamw_schedule_config *c, double lr, double min_lr)
{
    const double lower = lr * c->factor, new = min_lr > lower ? min_lr : lower;
    return lr - new > c->eps ? new : lr;
}

double adamw_plateau_within(double lr, double base_lr, double min_lr)
{
    return lr > base_lr ? base_lr : lr < min_lr ? min_lr : lr;
}

unsigned adamw_plateau_feed(adamw_schedule *s, double metric)
{
    const adamw_schedule_config *c = &s->config;
    unsigned events = isnan(metric) ? ADAMW_EVENT_NAN : 0;
    if (is_better(c, metric, s->best)) {
        s->best = metric;
        s->bad = 0;
        events |= ADAMW_EVENT_BETTER;
    } else {
        s->bad++;
    }
    if (s->cooldown_counter > 0) {
        s->cooldown_counter--;
        s->bad = 0;
        events |= ADAMW_EVENT_COOLDOWN;
    }
    s->lr = adamw_plateau_within(s->lr, c->base_lr, c->min_lr);
    if (s->bad > c->patience - c->fire_at_patience) {
        const double lr = cut(c, s->lr, c->min_lr);
        events |= lr < s->lr ? ADAMW_EVENT_CUT : ADAMW_EVENT_BLOCKED;
        s->lr = lr;
        s->cuts++;
        s->cooldown_counter = c->cooldown;
        s->bad = 0;
    }
    return events;
}

double adamw_plateau_replay(const adamw_schedule *s, double base_lr, double min_lr)
{
    double lr = base_lr;
    for (int64_t i = 0; i < s->cuts; i++) {
        const double lower = cut(&s->config, lr, min_lr);
        if (!(lower < lr))
            break; /* blocked once, it stays blocked */
        lr = lower;
    }
    return lr;
}
