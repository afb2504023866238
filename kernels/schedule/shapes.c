/*
 * shapes.c - the formulas: rate and weight decay as functions of where the run is. Nothing here changes a schedule.
 * The order of the operations is that of the source that README.md names, so that the bits are the same.
 */
#include "internal.h"

#include <math.h>

#include "functions.h"

static const double pi = 0x1.921fb54442d18p+1; /* Python's math.pi */

/* From 1 for p = 0 to 0 for p = 1. */
static double anneal(adamw_anneal kind, double p)
{
    if (kind == ADAMW_ANNEAL_LINEAR)
        return 1 - p;
    return kind == ADAMW_ANNEAL_SQRT ? 1 - sqrt(p) : 0.5 * (1 + adamw_cos(pi * p));
}

static double cosine(double from, double to, int64_t k, int64_t length)
{
    return to + (from - to) * (1 + adamw_cos(pi * (double)k / (double)length)) / 2;
}

static double linear(double from, double to, int64_t k, int64_t length)
{
    return to + (from - to) * ((double)(length - k) / (double)length);
}

static double cosine_restarts(const adamw_schedule_config *c, double base, double min, int64_t k, bool at_end)
{
    int64_t period = c->period;
    bool restarted = k >= period;
    if (c->period_mult == 1) {
        k %= period;
    } else {
        while (k >= period) {
            k -= period;
            period = period > INT64_MAX / c->period_mult ? INT64_MAX : period * c->period_mult;
        }
    }
    /* A run that ends with a period ends at its lowest rate, without a restart behind the last step. */
    return restarted && k == 0 && at_end ? min : cosine(base, min, k, period);
}

static double one_cycle(const adamw_schedule_config *c, double base, int64_t k, int64_t length)
{
    const double first = base / c->div_factor, last = first / c->final_div_factor, n = (double)length;
    const struct {
        double end, from, to;
    } phases[3] = {{c->pct_start * n - 1, first, base},
                   {c->three_phase ? 2 * c->pct_start * n - 2 : n - 1, base, c->three_phase ? first : last},
                   {n - 1, first, last}};
    const int final = c->three_phase ? 2 : 1;
    if (k >= length) /* torch's last step is T - 1 */
        k = length - 1;
    if (k < 0)
        return last;
    int i = 0;
    double start = 0;
    while (i < final && (double)k > phases[i].end)
        start = phases[i++].end;
    const double span = phases[i].end - start, p = span > 0 ? ((double)k - start) / span : 1;
    const double from = phases[i].from, to = phases[i].to;
    return c->anneal == ADAMW_ANNEAL_LINEAR ? (to - from) * p + from : to + (from - to) / 2 * (adamw_cos(pi * p) + 1);
}

/* How many of the milestones lie at or before t. */
static int64_t reached(const int64_t *milestones, size_t count, int64_t t)
{
    size_t low = 0;
    while (count > 0) {
        const size_t half = count / 2;
        if (milestones[low + half] <= t) {
            low += half + 1;
            count -= half + 1;
        } else {
            count = half;
        }
    }
    return (int64_t)low;
}

/* Steps or epochs since the start of the run, held at its end. */
static int64_t elapsed(const adamw_schedule *s)
{
    const adamw_schedule_config *c = &s->config;
    const int64_t t = c->unit == ADAMW_UNIT_STEP ? s->step : s->epoch;
    return c->total > 0 && t > c->total ? c->total : t;
}

static double main_rate(const adamw_schedule *s, double base, double min, double plateau_lr)
{
    const adamw_schedule_config *c = &s->config;
    /* Neither is negative, also where the caller lowered `total` to before the main phase's start. */
    const int64_t t = elapsed(s), k = t > s->main_start ? t - s->main_start : 0;
    const int64_t length = c->total == 0 ? INT64_MAX : c->total > s->main_start ? c->total - s->main_start : 0;
    const bool at_end = k >= length;
    double rate = base;
    switch (c->kind) {
    case ADAMW_SCHEDULE_CONSTANT:
        break;
    case ADAMW_SCHEDULE_PLATEAU:
        return adamw_plateau_within(plateau_lr, base, min);
    case ADAMW_SCHEDULE_LINEAR:
        return at_end ? min : linear(base, min, k, length);
    case ADAMW_SCHEDULE_COSINE:
        return at_end ? min : cosine(base, min, k, length);
    case ADAMW_SCHEDULE_COSINE_RESTARTS:
        return cosine_restarts(c, base, min, k, at_end);
    case ADAMW_SCHEDULE_POLYNOMIAL:
        return at_end ? min : min + (base - min) * adamw_pow(1 - (double)k / (double)length, c->power);
    case ADAMW_SCHEDULE_EXPONENTIAL:
        rate = base * adamw_pow(c->gamma, (double)k);
        break;
    case ADAMW_SCHEDULE_STEP:
        rate = base * adamw_pow(c->gamma, (double)(k / c->step_size));
        break;
    case ADAMW_SCHEDULE_MULTISTEP:
        rate = base * adamw_pow(c->gamma, (double)reached(c->milestones, c->milestone_count, t));
        break;
    case ADAMW_SCHEDULE_INVERSE_SQRT: {
        const int64_t timescale = c->timescale > 0 ? c->timescale : c->warmup > 0 ? c->warmup : 10000;
        rate = base * (1 / sqrt((double)(k + timescale) / (double)timescale));
        break;
    }
    case ADAMW_SCHEDULE_WSD: {
        const int64_t decay = c->decay_length < length ? c->decay_length : length, into = k - (length - decay);
        return at_end ? min : into <= 0 ? base : min + (base - min) * anneal(c->anneal, (double)into / (double)decay);
    }
    case ADAMW_SCHEDULE_ONE_CYCLE:
        rate = one_cycle(c, base, k, length);
        break;
    }
    return rate < min ? min : rate;
}

double adamw_schedule_rate(const adamw_schedule *s, double base, double min, double plateau_lr)
{
    const adamw_schedule_config *c = &s->config;
    if (s->main_start >= 0)
        return main_rate(s, base, min, plateau_lr);
    const int64_t t = c->warmup_unit == ADAMW_UNIT_STEP ? s->step : s->epoch;
    const double first = c->kind == ADAMW_SCHEDULE_ONE_CYCLE ? base / c->div_factor : base;
    return t < c->warmup ? first * (c->warmup_start + (1 - c->warmup_start) * (double)t / (double)c->warmup) : first;
}

double adamw_schedule_decay(const adamw_schedule *s, double weight_decay, double base, double lr)
{
    const adamw_schedule_config *c = &s->config;
    const double end = c->weight_decay_end;
    const int64_t t = elapsed(s);
    switch (c->weight_decay_kind) {
    case ADAMW_WEIGHT_DECAY_CONSTANT:
        break;
    case ADAMW_WEIGHT_DECAY_STEPS:
        return weight_decay * adamw_pow(c->weight_decay_gamma, (double)reached(c->weight_decay_milestones,
                                                                               c->weight_decay_milestone_count, t));
    case ADAMW_WEIGHT_DECAY_LINEAR:
        return linear(weight_decay, end, t, c->total);
    case ADAMW_WEIGHT_DECAY_COSINE:
        return cosine(weight_decay, end, t, c->total);
    case ADAMW_WEIGHT_DECAY_PROPORTIONAL: {
        const double decay = weight_decay * lr / base;
        return decay < weight_decay ? decay : weight_decay; /* the product of a subnormal rate may round far up */
    }
    case ADAMW_WEIGHT_DECAY_FULLY_DECOUPLED:
        return weight_decay / base;
    }
    return weight_decay;
}
