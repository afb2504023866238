/*
 * schedule.c - the schedule layer as a trainer uses it: the published traces, what the warmup does and does not feed,
 * events, units, groups. Traces of torch's own schedulers are another file's.
 */
#include "check.h"

#include <math.h>
#include <string.h>

static adamw_schedule started(const adamw_schedule_config *config)
{
    adamw_schedule schedule = {.epoch = -1};
    char said[256];
    if (adamw_schedule_init(&schedule, config) != ADAMW_OK) {
        adamw_schedule_explain(config, said, sizeof said);
        check_fail("a recipe is refused: %s", said);
    }
    return schedule;
}

/* The turbofan recipe: 10 epochs of warmup from 0.1, then a plateau with factor 0.5, patience 30, min_lr 5e-6. */
static adamw_schedule_config recipe(void)
{
    adamw_schedule_config c;
    adamw_schedule_config_init(&c);
    c.kind = ADAMW_SCHEDULE_PLATEAU;
    c.warmup = 10;
    c.factor = 0.5;
    c.patience = 30;
    c.min_lr = 5e-6;
    return c;
}

/* ---- the two published listings (README.md beside the schedules has their story) ---- */

static double pure_python_metric(int e) { return e < 60 ? 20 - 12.0 * e / 59 : 8; } /* linspace(20, 8, 60) */
static double torch_metric(int e) { return e < 60 ? 20 - 0.2 * e : 8; }

/* 200 epochs: the cuts must follow the metrics of these epochs, and the last rate must be this. */
static bool trace(const char *name, adamw_schedule_config config, double (*metric)(int), const int cuts[4],
                  double last)
{
    adamw_schedule s = started(&config);
    int found = 0;
    for (int e = 0; e < 200; e++) {
        const double before = adamw_schedule_lr(&s);
        const double warm = config.base_lr * (0.1 + 0.9 * e / 10), full = ldexp(config.base_lr, -found);
        if (before != (e < config.warmup ? warm : full))
            return check_fail("%s: epoch %d runs at %a", name, e, before);
        if (adamw_schedule_epoch(&s, metric(e)) & ADAMW_EVENT_CUT) {
            if (found == 4 || cuts[found] != e)
                return check_fail("%s: cut number %d follows epoch %d", name, found + 1, e);
            found++;
        }
    }
    if (found != 4 || adamw_schedule_lr(&s) != last)
        return check_fail("%s: %d cuts, and %a at the end", name, found, adamw_schedule_lr(&s));
    return true;
}

bool check_schedule_published(const check_options *options)
{
    (void)options;
    adamw_schedule_config python = recipe(), intended = recipe(), printed = recipe();
    python.fire_at_patience = true;
    python.threshold = 0;
    /* The torch listing never sets the base rate: it stays at the last one of the warmup. */
    printed.warmup = 0;
    printed.base_lr = 1e-3 * (0.1 + 0.9 * 9 / 10);
    return trace("the pure Python listing", python, pure_python_metric, (const int[]){89, 119, 149, 179}, 6.25e-5) &&
           trace("the torch listing", printed, torch_metric, (const int[]){91, 122, 153, 184},
                 ldexp(printed.base_lr, -4)) &&
           trace("the torch recipe", intended, torch_metric, (const int[]){91, 122, 153, 184}, 6.25e-5);
}

/* ---- the warmup never feeds ---- */

/* Best before the optimizer has warmed up, as an untrained net on easy validation data can be. */
static double lucky_start(int e) { return e < 10 ? 5 : e < 60 ? 20 - 0.2 * e : 8; }

static int first_cut(adamw_schedule_config config, double (*metric)(int))
{
    adamw_schedule s = started(&config);
    for (int e = 0; e < 200; e++)
        if (adamw_schedule_epoch(&s, metric(e)) & ADAMW_EVENT_CUT)
            return e;
    return -1;
}

bool check_schedule_warmup_feeds_nothing(const check_options *options)
{
    (void)options;
    adamw_schedule_config right = recipe(), wrong = recipe();
    wrong.warmup = 0; /* the rule as it would be, fed from epoch 0 on */
    if (first_cut(right, lucky_start) != 91)
        return check_fail("the first cut follows epoch %d, not 91", first_cut(right, lucky_start));
    if (first_cut(wrong, lucky_start) != 31)
        return check_fail("fed in the warmup, the first cut follows epoch %d, not 31: this tells nothing",
                          first_cut(wrong, lucky_start));

    /* In steps, ending inside epoch 2: epochs 0 to 2 began in it, epoch 3 is the first that feeds. */
    right.warmup_unit = ADAMW_UNIT_STEP;
    right.warmup = 25;
    adamw_schedule s = started(&right);
    for (int e = 0; e < 6; e++) {
        for (int i = 0; i < 10; i++) {
            const int t = 10 * e + i;
            if (adamw_schedule_lr(&s) != (t < 25 ? 1e-3 * (0.1 + 0.9 * t / 25) : 1e-3))
                return check_fail("step %d of a warmup of 25 steps runs at %a", t, adamw_schedule_lr(&s));
            adamw_schedule_step(&s);
        }
        const unsigned events = adamw_schedule_epoch(&s, 7.0 - e);
        if (events != (unsigned)(e < 3 ? ADAMW_EVENT_WARMUP : ADAMW_EVENT_BETTER))
            return check_fail("epoch %d of a warmup of 25 steps gives the events %u", e, events);
    }
    return s.main_start == 3 || check_fail("the main phase began with epoch %d", (int)s.main_start);
}

/* ---- events ---- */

bool check_schedule_events(const check_options *options)
{
    (void)options;
    adamw_schedule_config c = recipe();
    c.warmup = 1;
    c.patience = 1;
    c.cooldown = 2;
    c.base_lr = 1.5e-5;
    const struct {
        double metric;
        unsigned events;
    } story[] = {
        {NAN, ADAMW_EVENT_WARMUP | ADAMW_EVENT_NAN},
        {3, ADAMW_EVENT_BETTER},
        {3, 0},
        {NAN, ADAMW_EVENT_NAN | ADAMW_EVENT_CUT}, /* a NaN is a bad epoch: 7.5e-6 from here */
        {2, ADAMW_EVENT_BETTER | ADAMW_EVENT_COOLDOWN},
        {INFINITY, ADAMW_EVENT_COOLDOWN},
        {2, 0},
        {2, ADAMW_EVENT_CUT}, /* to min_lr */
        {2, ADAMW_EVENT_COOLDOWN},
        {2, ADAMW_EVENT_COOLDOWN},
        {2, 0},
        {2, ADAMW_EVENT_BLOCKED},
        {-INFINITY, ADAMW_EVENT_BETTER | ADAMW_EVENT_COOLDOWN},
    };
    adamw_schedule s = started(&c);
    for (size_t i = 0; i < sizeof story / sizeof story[0]; i++) {
        const unsigned events = adamw_schedule_epoch(&s, story[i].metric);
        if (events != story[i].events)
            return check_fail("metric %zu gives the events %u, not %u", i, events, story[i].events);
    }
    if (adamw_schedule_lr(&s) != 5e-6 || s.cuts != 3)
        return check_fail("%a after %d cuts", adamw_schedule_lr(&s), (int)s.cuts);
    if (adamw_schedule_epoch(NULL, 1) != 0 || !isnan(adamw_schedule_lr(NULL)) ||
        !isnan(adamw_schedule_weight_decay(NULL)))
        return check_fail("NULL is no schedule");
    adamw_schedule_step(NULL);
    return true;
}

/* ---- units, the end, and the weight decay ---- */

static bool expect(const char *what, int64_t t, double found, double expected)
{
    return found == expected || check_fail("%s at %lld: %a instead of %a", what, (long long)t, found, expected);
}

/* A warmup of 2 epochs, then a linear decay in steps, 10 to the epoch: it begins with step 20 and ends with 100. */
static bool steps_after_epochs(void)
{
    adamw_schedule_config c = recipe();
    c.kind = ADAMW_SCHEDULE_LINEAR;
    c.unit = ADAMW_UNIT_STEP;
    c.warmup = 2;
    c.total = 100;
    c.min_lr = 0;
    adamw_schedule s = started(&c);
    for (int t = 0; t < 130; t++) {
        const double warm = 1e-3 * (0.1 + 0.9 * (t / 10) / 2), then = t < 100 ? 1e-3 * ((100.0 - t) / 80) : 0;
        if (!expect("epochs of warmup, then steps", t, adamw_schedule_lr(&s), t < 20 ? warm : then))
            return false;
        adamw_schedule_step(&s);
        if (t % 10 == 9 && adamw_schedule_epoch(&s, NAN) != 0)
            return check_fail("a schedule without a metric has an event");
    }
    return true;
}

/* Where each kind ends after 100 epochs, 10 of them warmup, and that it stays there. */
static bool held_at_the_end(void)
{
    static const int64_t milestones[] = {40, 120};
    static const struct {
        adamw_schedule_kind kind;
        double last;
    } ends[] = {{ADAMW_SCHEDULE_CONSTANT, 1e-3},        {ADAMW_SCHEDULE_LINEAR, 1e-5},
                {ADAMW_SCHEDULE_COSINE, 1e-5},          {ADAMW_SCHEDULE_POLYNOMIAL, 1e-5},
                {ADAMW_SCHEDULE_COSINE_RESTARTS, 1e-5}, {ADAMW_SCHEDULE_WSD, 1e-5},
                {ADAMW_SCHEDULE_ONE_CYCLE, 1e-5},       {ADAMW_SCHEDULE_STEP, 1e-3 * 0.125},
                {ADAMW_SCHEDULE_MULTISTEP, 5e-4},       {ADAMW_SCHEDULE_EXPONENTIAL, 1e-5}};
    for (size_t i = 0; i < sizeof ends / sizeof ends[0]; i++) {
        adamw_schedule_config c = recipe();
        c.kind = ends[i].kind;
        c.total = 100;
        c.min_lr = 1e-5;
        c.gamma = 0.5;
        c.step_size = 30;
        c.period = 45;
        c.decay_length = 20;
        c.milestones = milestones;
        c.milestone_count = 2;
        adamw_schedule s = started(&c);
        for (int64_t e = 0; e < 300; e++) {
            if (e >= 100 && !expect(adamw_schedule_name(c.kind), e, adamw_schedule_lr(&s), ends[i].last))
                return false;
            adamw_schedule_epoch(&s, NAN);
        }
    }
    return true;
}

bool check_schedule_units(const check_options *options)
{
    (void)options;
    return steps_after_epochs() && held_at_the_end();
}

bool check_schedule_weight_decay(const check_options *options)
{
    (void)options;
    static const int64_t milestones[] = {100, 150}; /* the recipe lowers it after epoch 100 */
    for (int kind = 0; kind <= ADAMW_WEIGHT_DECAY_FULLY_DECOUPLED; kind++) {
        adamw_schedule_config c = recipe();
        c.kind = ADAMW_SCHEDULE_LINEAR;
        c.total = 200;
        c.weight_decay = 0.08;
        c.weight_decay_end = 0.02;
        c.weight_decay_gamma = 0.5;
        c.weight_decay_milestones = milestones;
        c.weight_decay_milestone_count = 2;
        c.weight_decay_kind = (adamw_weight_decay_kind)kind;
        adamw_schedule s = started(&c);
        for (int64_t e = 0; e < 250; e++) {
            const double t = e < 200 ? (double)e : 200, lr = adamw_schedule_lr(&s), pi = 3.14159265358979323846;
            const double expected[] = {0.08,
                                       0.08 * (e < 100   ? 1
                                               : e < 150 ? 0.5
                                                         : 0.25),
                                       0.02 + (0.08 - 0.02) * ((200 - t) / 200),
                                       0.02 + (0.08 - 0.02) * (1 + cos(pi * t / 200)) / 2,
                                       0.08 * lr / 1e-3,
                                       0.08 / 1e-3};
            const double found = adamw_schedule_weight_decay(&s);
            /* The C library's cosine may have another last bit than ours. */
            const bool near = kind == ADAMW_WEIGHT_DECAY_COSINE && fabs(found - expected[kind]) < 1e-16;
            if (!near && !expect("weight decay", e, found, expected[kind]))
                return check_fail("kind %d", kind);
            adamw_schedule_epoch(&s, NAN);
        }
    }
    return true;
}

/* ---- groups ---- */

bool check_schedule_groups(const check_options *options)
{
    (void)options;
    for (int kind = 0; kind <= ADAMW_SCHEDULE_ONE_CYCLE; kind++) {
        static const int64_t milestones[] = {12, 20, 20, 31};
        adamw_schedule_config c = recipe();
        c.kind = (adamw_schedule_kind)kind;
        c.total = 40;
        c.patience = 2;
        c.min_lr = 1e-4;
        c.step_size = c.period = 7;
        c.decay_length = 9;
        c.milestones = milestones;
        c.milestone_count = 4;
        c.weight_decay_kind = ADAMW_WEIGHT_DECAY_PROPORTIONAL;
        adamw_config body, head;
        adamw_config_init(&body);
        head = body;
        const adamw_schedule_group groups[] = {{&body, 2e-3, 0, 0.1}, {&head, 5e-4, 2e-4, 0.01}};
        adamw_schedule all = started(&c), alone[2];
        for (int g = 0; g < 2; g++) { /* the same recipe with the group's own values */
            adamw_schedule_config own = c;
            own.base_lr = groups[g].base_lr;
            own.min_lr = groups[g].min_lr;
            own.weight_decay = groups[g].weight_decay;
            alone[g] = started(&own);
        }
        for (int e = 0; e < 60; e++) {
            if (adamw_schedule_apply(&all, groups, 2) != ADAMW_OK)
                return check_fail("right groups are refused");
            for (int g = 0; g < 2; g++) {
                if (groups[g].config->lr != adamw_schedule_lr(&alone[g]) ||
                    groups[g].config->weight_decay != adamw_schedule_weight_decay(&alone[g]))
                    return check_fail("%s, epoch %d: group %d has lr %a, its own schedule %a",
                                      adamw_schedule_name(c.kind), e, g, groups[g].config->lr,
                                      adamw_schedule_lr(&alone[g]));
                adamw_schedule_epoch(&alone[g], 1);
            }
            adamw_schedule_epoch(&all, 1);
        }
    }
    return true;
}
