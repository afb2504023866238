/*
 * schedule_any.c - see schedule_any.h.
 */
#include "schedule_any.h"

#include <float.h>
#include <inttypes.h>
#include <math.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "../../include/adamw.h"

/* ---- bytes to values ---- */

typedef struct stream {
    const uint8_t *data;
    size_t left;
} stream;

static uint64_t take(stream *s, size_t bytes)
{
    uint64_t value = 0;
    for (; bytes > 0; bytes--) {
        value = value << 8 | (s->left > 0 ? *s->data : 0);
        s->data += s->left > 0;
        s->left -= s->left > 0;
    }
    return value;
}

/* A length: most often a small one, sometimes at the end of the range or outside it. */
static int64_t take_length(stream *s)
{
    const uint64_t kind = take(s, 1);
    const int64_t ends[] = {0,         1,  INT64_C(1) << 53, (INT64_C(1) << 53) + 1,
                            INT64_MAX, -1, INT64_MIN,        INT64_C(1) << 32};
    if (kind < 200)
        return (int64_t)(kind % 40);
    if (kind < 230)
        return (int64_t)take(s, 2);
    if (kind < 250)
        return ends[kind % 8];
    return (int64_t)take(s, 8);
}

static double take_real(stream *s)
{
    static const double ends[] = {0,       -0.0,      1,           0.5,      2,    1e-3,        FLT_MAX,
                                  DBL_MAX, DBL_MIN,   5e-324,      INFINITY, NAN,  -1,          1e-300,
                                  0x1p-53, 1e-45,     1 - 0x1p-53, FLT_MIN,  1e10, 1 + 0x1p-52, -1e-3,
                                  0.99999, 0x1p-1022, 25,          1e4};
    const uint64_t kind = take(s, 1);
    double x;
    if (kind < 100)
        return (double)(kind + 1) * 0x1p-10;
    if (kind < 200)
        return ends[kind % (sizeof ends / sizeof ends[0])];
    if (kind < 240)
        return ldexp((double)take(s, 2) + 1, (int)(kind - 220) * 4);
    const uint64_t bits = take(s, 8);
    memcpy(&x, &bits, sizeof x);
    return x;
}

enum { MILESTONES = 4 };

static adamw_schedule_config take_recipe(stream *s, int64_t lists[2][MILESTONES])
{
    adamw_schedule_config c;
    adamw_schedule_config_init(&c);
    c.kind = (adamw_schedule_kind)(take(s, 1) % (ADAMW_SCHEDULE_ONE_CYCLE + 2)); /* one of them is no kind */
    const uint64_t choices = take(s, 4);
    c.unit = (adamw_unit)(choices & 1);
    if (c.kind == ADAMW_SCHEDULE_PLATEAU && choices % 16 != 1)
        c.unit = ADAMW_UNIT_EPOCH;
    c.warmup_unit = (adamw_unit)(choices >> 1 & 1);
    c.mode = (adamw_mode)(choices >> 2 & 1);
    c.fire_at_patience = choices >> 3 & 1;
    c.three_phase = choices >> 4 & 1;
    c.threshold_mode = (adamw_threshold_mode)((choices >> 5) % 3);
    c.anneal = (adamw_anneal)((choices >> 8) % 3);
    c.weight_decay_kind = (adamw_weight_decay_kind)((choices >> 12) % 6);
    c.warmup = take_length(s);
    c.total = take_length(s);
    double *const reals[] = {&c.base_lr,
                             &c.min_lr,
                             &c.warmup_start,
                             &c.threshold,
                             &c.factor,
                             &c.eps,
                             &c.gamma,
                             &c.power,
                             &c.pct_start,
                             &c.div_factor,
                             &c.final_div_factor,
                             &c.weight_decay,
                             &c.weight_decay_end,
                             &c.weight_decay_gamma};
    for (uint64_t asked = take(s, 2), i = 0; i < sizeof reals / sizeof reals[0]; i++)
        if (asked >> i & 1)
            *reals[i] = take_real(s);
    if (choices >> 16 & 1 && c.min_lr > c.base_lr) { /* more of the right ones */
        const double low = c.base_lr;
        c.base_lr = c.min_lr;
        c.min_lr = low;
    }
    int64_t *const lengths[] = {&c.patience,    &c.cooldown,  &c.step_size,   &c.period,
                                &c.period_mult, &c.timescale, &c.decay_length};
    for (size_t i = 0; i < sizeof lengths / sizeof lengths[0]; i++)
        *lengths[i] = take_length(s);
    for (int list = 0; list < 2; list++)
        for (int i = 0; i < MILESTONES; i++)
            lists[list][i] = (i > 0 ? lists[list][i - 1] : 0) + (int64_t)take(s, 1) % 64 - (choices >> 17 == 0);
    c.milestones = lists[0];
    c.weight_decay_milestones = lists[1];
    c.milestone_count = c.weight_decay_milestone_count = take(s, 1) % (MILESTONES + 1);
    return c;
}

/* ---- what must hold ---- */

static char said[600];

static const char *wrong(const char *format, ...) __attribute__((format(printf, 1, 2)));
static const char *wrong(const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(said, sizeof said, format, arguments);
    va_end(arguments);
    return said;
}

typedef struct life {
    adamw_schedule s;
    bool held;               /* the run is past its end: */
    double lr, weight_decay; /* what they were when it got there */
    schedule_any_counts *counts;
} life;

/* Every rate is a sum or product of a few roundings, each of half an ulp at most. */
static bool between(double x, double low, double high)
{
    const double slack = 8 * DBL_EPSILON;
    return x >= low - low * slack && x <= high + high * slack;
}

static bool past_the_end(const adamw_schedule *s)
{
    const adamw_schedule_config *c = &s->config;
    return c->kind != ADAMW_SCHEDULE_PLATEAU && c->total > 0 &&
           (c->unit == ADAMW_UNIT_STEP ? s->step : s->epoch) >= c->total;
}

static double largest_decay(const adamw_schedule_config *c, double weight_decay, double base_lr)
{
    switch (c->weight_decay_kind) {
    case ADAMW_WEIGHT_DECAY_LINEAR:
    case ADAMW_WEIGHT_DECAY_COSINE:
        return fmax(weight_decay, c->weight_decay_end);
    case ADAMW_WEIGHT_DECAY_FULLY_DECOUPLED:
        return weight_decay / base_lr;
    default:
        return weight_decay;
    }
}

/* The rate and the decay of the coming step. */
static const char *look(life *l)
{
    const adamw_schedule_config *c = &l->s.config;
    const double lr = adamw_schedule_lr(&l->s), decay = adamw_schedule_weight_decay(&l->s);
    const double low = l->s.main_start >= 0 ? c->min_lr : 0;
    l->counts->rates++;
    if (!between(lr, low, c->base_lr))
        return wrong("%s, step %" PRId64 ", epoch %" PRId64 ", main_start %" PRId64 ": rate %a is not from %a to %a",
                     adamw_schedule_name(c->kind), l->s.step, l->s.epoch, l->s.main_start, lr, low, c->base_lr);
    if (!between(decay, 0, largest_decay(c, c->weight_decay, c->base_lr)) || decay > FLT_MAX)
        return wrong("%s, decay of kind %d, step %" PRId64 ", epoch %" PRId64 ": decay is %a",
                     adamw_schedule_name(c->kind), (int)c->weight_decay_kind, l->s.step, l->s.epoch, decay);
    if (l->held) {
        l->counts->held++;
        if (lr != l->lr || decay != l->weight_decay)
            return wrong("%s, past the end of %" PRId64 " at step %" PRId64 ", epoch %" PRId64
                         ": rate %a, decay %a instead of %a, %a",
                         adamw_schedule_name(c->kind), c->total, l->s.step, l->s.epoch, lr, decay, l->lr,
                         l->weight_decay);
    }
    if (!l->held && past_the_end(&l->s)) {
        l->held = true;
        l->lr = lr;
        l->weight_decay = decay;
        l->counts->ended_in_warmup += l->s.main_start < 0;
    }
    return NULL;
}

static const char *epoch(life *l, double metric)
{
    const double before = adamw_schedule_lr(&l->s);
    const unsigned events = adamw_schedule_epoch(&l->s, metric);
    const bool plateau = l->s.config.kind == ADAMW_SCHEDULE_PLATEAU, cut = events & ADAMW_EVENT_CUT;
    l->counts->cuts += cut;
    if (!plateau && events != 0)
        return wrong("%s has the events %u", adamw_schedule_name(l->s.config.kind), events);
    if (plateau && l->s.main_start >= 0 && !(events & ADAMW_EVENT_WARMUP) &&
        cut != (adamw_schedule_lr(&l->s) < before))
        return wrong("events %u, but the rate goes from %a to %a", events, before, adamw_schedule_lr(&l->s));
    return NULL;
}

/* Saved and loaded it goes on as before, and saves the same bytes. */
static const char *save_and_load(life *l)
{
    char text[ADAMW_SCHEDULE_TEXT_SIZE], again[ADAMW_SCHEDULE_TEXT_SIZE], sentence[256];
    adamw_schedule loaded;
    const size_t length = adamw_schedule_save(&l->s, text, sizeof text);
    if (length >= sizeof text || adamw_schedule_init(&loaded, &l->s.config) != ADAMW_OK)
        return wrong("a text of %zu bytes, or a recipe that is refused when it runs", length);
    if (adamw_schedule_load(&loaded, text, length) != ADAMW_OK) {
        adamw_schedule_load_explain(&loaded, text, length, sentence, sizeof sentence);
        return wrong("its own text is refused: %s", sentence);
    }
    if (adamw_schedule_save(&loaded, again, sizeof again) != length || memcmp(text, again, length) != 0)
        return wrong("loaded, it saves another text");
    const double lr = adamw_schedule_lr(&l->s), decay = adamw_schedule_weight_decay(&l->s);
    if (adamw_schedule_lr(&loaded) != lr || adamw_schedule_weight_decay(&loaded) != decay)
        return wrong("loaded, it goes on with %a instead of %a", adamw_schedule_lr(&loaded), lr);
    l->s = loaded;
    l->counts->loads++;
    return NULL;
}

static const char *apply(life *l, stream *s)
{
    adamw_config config = {.lr = 7};
    adamw_schedule_group group = {&config, take_real(s), 0, take_real(s)};
    group.min_lr = group.base_lr * (double)take(s, 1) / 255;
    if (adamw_schedule_apply(&l->s, &group, 1) != ADAMW_OK)
        return config.lr == 7 ? NULL : wrong("a refused group was written");
    if (!between(config.lr, l->s.main_start >= 0 ? group.min_lr : 0, group.base_lr))
        return wrong("%s: a group of %a to %a runs at %a", adamw_schedule_name(l->s.config.kind), group.min_lr,
                     group.base_lr, config.lr);
    if (!between(config.weight_decay, 0, largest_decay(&l->s.config, group.weight_decay, group.base_lr)))
        return wrong("%s: a group has the decay %a", adamw_schedule_name(l->s.config.kind), config.weight_decay);
    return NULL;
}

/* A setting changed by hand while it runs, within its range; otherwise it stays. */
static void change(life *l, stream *s)
{
    adamw_schedule_config *c = &l->s.config, before = *c;
    double *const reals[] = {&c->base_lr, &c->min_lr, &c->factor,       &c->eps,       &c->threshold,
                             &c->gamma,   &c->power,  &c->weight_decay, &c->pct_start, &c->div_factor};
    int64_t *const lengths[] = {&c->total, &c->patience, &c->cooldown, &c->step_size, &c->period, &c->decay_length};
    const uint64_t which = take(s, 1) % 16;
    if (which < 10)
        *reals[which] = take_real(s);
    else
        *lengths[which - 10] = take_length(s);
    if (adamw_schedule_explain(c, NULL, 0) != ADAMW_OK) {
        *c = before;
        return;
    }
    l->held = false; /* the end may be elsewhere now, or at another rate */
    l->counts->changed++;
}

/* Far ahead, as after a long run: a text that names other counts, where it is one that a run could have saved. */
static const char *travel(life *l, stream *s)
{
    char text[ADAMW_SCHEDULE_TEXT_SIZE];
    adamw_schedule far = l->s;
    if (far.main_start < 0)
        return NULL;
    far.step += (int64_t)(take(s, 8) >> take(s, 1) % 64 >> 11);
    far.epoch += (int64_t)(take(s, 8) >> take(s, 1) % 64 >> 11);
    const size_t length = adamw_schedule_save(&far, text, sizeof text);
    if (adamw_schedule_load(&l->s, text, length) == ADAMW_OK)
        l->counts->loads++;
    return NULL;
}

/* A longer run: refused, and nothing changed, or the coming rate as it was; at the end of the run it may rise. */
static const char *extend(life *l, stream *s)
{
    const adamw_schedule before = l->s;
    const adamw_schedule_config *c = &before.config;
    const double lr = adamw_schedule_lr(&before), decay = adamw_schedule_weight_decay(&before);
    const int64_t now = c->unit == ADAMW_UNIT_STEP ? before.step : before.epoch;
    const int64_t total = c->total + take_length(s) % (INT64_C(1) << 60);
    char sentence[256] = "";
    const adamw_status status = adamw_schedule_extend(&l->s, total);
    if (adamw_schedule_extend_explain(&before, total, sentence, sizeof sentence) != status || sentence[0] == '\0' ||
        (status == ADAMW_OK) != (strcmp(sentence, "ok") == 0))
        return wrong("extended: status %d has the sentence '%s'", (int)status, sentence);
    if (status != ADAMW_OK)
        return memcmp(&l->s, &before, sizeof before) == 0 ? NULL : wrong("a refused extension changed the schedule");
    l->held = l->held && total == c->total;
    l->counts->extended++;
    /* A one-cycle's first rate depends on its length, where its rise is shorter than a step. */
    const bool open = now >= c->total || (c->kind == ADAMW_SCHEDULE_ONE_CYCLE && now == before.main_start);
    if (!open && (adamw_schedule_lr(&l->s) != lr || adamw_schedule_weight_decay(&l->s) != decay))
        return wrong("%s: extended at %" PRId64 " from %" PRId64 " to %" PRId64 ", the rate goes from %a to %a",
                     adamw_schedule_name(c->kind), now, c->total, total, lr, adamw_schedule_lr(&l->s));
    return adamw_schedule_explain(&l->s.config, NULL, 0) == ADAMW_OK ? NULL
                                                                     : wrong("extended, the recipe is refused");
}

static const char *live(life *l, stream *s)
{
    while (s->left > 0) {
        const char *found = NULL;
        const uint64_t op = take(s, 1);
        if (op < 90)
            adamw_schedule_step(&l->s);
        else if (op < 180)
            found = epoch(l, op < 120 ? 1 : op < 130 ? NAN : op < 150 ? (double)(op - 140) : take_real(s));
        else if (op < 210)
            for (uint64_t n = 1 + take(s, 1); n > 0 && found == NULL; n--) {
                adamw_schedule_step(&l->s);
                if (op >= 200)
                    found = epoch(l, (double)(n % 7));
                if (found == NULL)
                    found = look(l);
            }
        else if (op < 225)
            found = save_and_load(l);
        else if (op < 240)
            found = apply(l, s);
        else if (op < 250)
            change(l, s);
        else if (op < 253)
            found = extend(l, s);
        else
            found = travel(l, s);
        if (found == NULL)
            found = look(l);
        if (found != NULL)
            return found;
    }
    return save_and_load(l);
}

const char *schedule_any_run(const uint8_t *data, size_t size, schedule_any_counts *counts)
{
    stream s = {data, size};
    int64_t lists[2][MILESTONES];
    const adamw_schedule_config c = take_recipe(&s, lists);
    char sentence[256] = "";
    life l = {.counts = counts};
    memset(&l.s, 0x55, sizeof l.s);
    const adamw_schedule before = l.s;
    const adamw_status status = adamw_schedule_init(&l.s, &c);
    if (adamw_schedule_explain(&c, sentence, sizeof sentence) != status || sentence[0] == '\0' ||
        strlen(sentence) >= sizeof sentence - 1 || (status == ADAMW_OK) != (strcmp(sentence, "ok") == 0))
        return wrong("status %d has the sentence '%s'", (int)status, sentence);
    if (status != ADAMW_OK) {
        counts->refused++;
        return memcmp(&l.s, &before, sizeof before) == 0 ? NULL : wrong("a refused recipe was written");
    }
    counts->accepted++;
    const char *found = look(&l);
    return found != NULL ? found : live(&l, &s);
}
