/*
 * recipe.c - from the options to a schedule: a preset by its name, or a kind with lengths that follow from the run's.
 */
#include "fail.h"
#include "optimizer.h"

/* The kinds' own settings. Every length is a share of the run, so that --epochs and --warmup say it all. */
static void shape(adamw_schedule_config *c, int64_t warmup, int64_t total, int64_t *milestones)
{
    const int64_t rest = total - warmup;
    c->step_size = (rest + 2) / 3;
    c->period = (rest + 3) / 4;
    c->decay_length = (rest + 4) / 5;
    milestones[0] = warmup + rest / 2;
    milestones[1] = warmup + rest * 3 / 4;
    c->milestones = milestones;
    c->milestone_count = 2;
    if (c->kind == ADAMW_SCHEDULE_EXPONENTIAL)
        c->gamma = 0.9; /* each epoch */
}

static int default_warmup(const options *o, int epochs)
{
    const int most = o->schedule == ADAMW_SCHEDULE_ONE_CYCLE ? 0 : o->subset == NULL ? 2 : 10;
    return most < epochs / 2 ? most : epochs / 2; /* a short run has a short warmup */
}

static void check(adamw_schedule *schedule, const adamw_schedule_config *c)
{
    char sentence[256];
    if (adamw_schedule_init(schedule, c) == ADAMW_OK)
        return;
    adamw_schedule_explain(c, sentence, sizeof sentence);
    fail("the schedule that these options make is refused: %s", sentence);
}

static void from_preset(const options *o, int epochs, int64_t steps, adamw_config *config, adamw_schedule *schedule)
{
    adamw_preset(o->preset, INT64_C(1) << 40, config, schedule); /* the real length follows when its unit is known */
    adamw_schedule_config c = schedule->config;
    const int64_t unit = c.unit == ADAMW_UNIT_STEP ? steps : 1;
    c.total = epochs * unit;
    c.base_lr = o->lr;
    c.min_lr *= o->lr / config->lr;
    if (o->warmup != UNSET) {
        c.warmup = o->warmup * unit;
        c.warmup_unit = c.unit;
    } else if (c.warmup > c.total / 2) {
        c.warmup = c.total / 2; /* a short run has a short warmup; report_start() says so */
    }
    if (o->min_lr != UNSET)
        c.min_lr = o->min_lr;
    if (o->patience != UNSET)
        c.patience = o->patience;
    check(schedule, &c);
}

static void from_kind(const options *o, int epochs, int64_t steps, adamw_schedule *schedule, int64_t *milestones)
{
    adamw_schedule_config c;
    adamw_schedule_config_init(&c);
    c.kind = o->schedule;
    c.base_lr = o->lr;
    const bool by_epoch = c.kind == ADAMW_SCHEDULE_PLATEAU || c.kind == ADAMW_SCHEDULE_EXPONENTIAL;
    const int64_t unit = by_epoch ? 1 : steps;
    c.unit = c.warmup_unit = by_epoch ? ADAMW_UNIT_EPOCH : ADAMW_UNIT_STEP;
    c.warmup = (o->warmup != UNSET ? o->warmup : default_warmup(o, epochs)) * unit;
    if (c.kind == ADAMW_SCHEDULE_PLATEAU) { /* as the preset `rul`, but for the patience; endless */
        c.factor = 0.5;
        c.patience = o->patience;
        c.min_lr = o->min_lr != UNSET ? o->min_lr : o->lr / 200;
    } else {
        c.total = epochs * unit;
        shape(&c, c.warmup, c.total, milestones);
    }
    check(schedule, &c);
}

void recipe(const options *o, int epochs, size_t steps, adamw_config *config, adamw_schedule *schedule,
            int64_t *milestones)
{
    adamw_config_init(config);
    if (o->preset != NULL)
        from_preset(o, epochs, (int64_t)steps, config, schedule);
    else
        from_kind(o, epochs, (int64_t)steps, schedule, milestones);
}
