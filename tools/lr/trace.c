/*
 * trace.c - runs the library's scheduler over a metric. metric.c provides the metric.
 */
#include "lr.h"

#include <stdlib.h>
#include <string.h>

static lr_trace trace_new(const adamw_schedule_config *c, int64_t epochs, int64_t steps_per_epoch)
{
    const bool steps = c->unit == ADAMW_UNIT_STEP || c->warmup_unit == ADAMW_UNIT_STEP;
    lr_trace t = {.epochs = epochs, .points_per_epoch = steps ? steps_per_epoch : 1};
    t.points = t.main_start = t.decay_start = epochs * t.points_per_epoch;
    if (c->kind == ADAMW_SCHEDULE_WSD)
        t.decay_start -= c->decay_length * (c->unit == ADAMW_UNIT_STEP ? 1 : t.points_per_epoch);
    t.lr = lr_allocate((size_t)t.points, sizeof(double));
    t.weight_decay = lr_allocate((size_t)t.points, sizeof(double));
    t.metric = lr_allocate((size_t)epochs, sizeof(double));
    t.events = lr_allocate((size_t)epochs, sizeof(unsigned));
    return t;
}

static adamw_schedule start(const adamw_schedule_config *recipe)
{
    adamw_schedule schedule;
    char said[256];
    if (adamw_schedule_init(&schedule, recipe) != ADAMW_OK) {
        adamw_schedule_explain(recipe, said, sizeof said);
        lr_fail_in_options(said);
    }
    return schedule;
}

lr_trace lr_run(const adamw_schedule_config *recipe, int64_t epochs, int64_t steps_per_epoch, const double *metric)
{
    adamw_schedule s = start(recipe);
    lr_trace t = trace_new(recipe, epochs, steps_per_epoch);
    for (int64_t e = 0; e < epochs; e++) {
        for (int64_t i = e * t.points_per_epoch; i < (e + 1) * t.points_per_epoch; i++) {
            t.lr[i] = adamw_schedule_lr(&s);
            t.weight_decay[i] = adamw_schedule_weight_decay(&s);
            if (s.main_start >= 0 && i < t.main_start)
                t.main_start = i;
            adamw_schedule_step(&s);
        }
        t.metric[e] = metric[e];
        t.events[e] = adamw_schedule_epoch(&s, metric[e]);
    }
    return t;
}

lr_trace lr_run_feeding_warmup(const adamw_schedule_config *recipe, int64_t epochs, int64_t steps_per_epoch,
                               const double *metric)
{
    adamw_schedule_config fed = *recipe;
    fed.warmup = 0;
    lr_trace t = lr_run(recipe, epochs, steps_per_epoch, metric),
             early = lr_run(&fed, epochs, steps_per_epoch, metric);
    for (int64_t i = t.main_start; i < t.points; i++) { /* the warmup itself sets its rates from the full one */
        const int64_t e = i / t.points_per_epoch;
        t.lr[i] = early.lr[e * early.points_per_epoch];
    }
    memcpy(t.events, early.events, (size_t)epochs * sizeof *t.events);
    lr_free(&early);
    return t;
}

void lr_free(lr_trace *t)
{
    free(t->lr);
    free(t->weight_decay);
    free(t->metric);
    free(t->events);
}

const char *lr_phase(const lr_trace *t, int64_t point)
{
    return point < t->main_start ? "warmup" : point < t->decay_start ? "main" : "decay";
}
