/*
 * schedule_fields.c - what a recipe may be: the presets by name, and the sentence to every wrong field.
 */
#include "check.h"
#include "schedule.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "../../kernels/schedule/internal.h"

adamw_schedule_config check_recipe(int kind, bool in_steps)
{
    static const int64_t milestones[] = {50, 100, 100, 150};
    adamw_schedule_config c;
    adamw_schedule_config_init(&c);
    c.kind = (adamw_schedule_kind)kind;
    c.unit = in_steps && kind != ADAMW_SCHEDULE_PLATEAU ? ADAMW_UNIT_STEP : ADAMW_UNIT_EPOCH;
    c.warmup_unit = in_steps ? ADAMW_UNIT_STEP : ADAMW_UNIT_EPOCH;
    c.warmup = in_steps ? 65 : 10;
    c.total = c.unit == ADAMW_UNIT_STEP ? CHECK_EPOCHS * CHECK_STEPS : CHECK_EPOCHS;
    c.min_lr = 1e-6;
    c.factor = 0.5;
    c.patience = 5;
    c.cooldown = 2;
    c.gamma = 0.97;
    c.power = 0.9;
    c.step_size = 30;
    c.period = 20;
    c.period_mult = 2;
    c.decay_length = 40;
    c.milestones = c.weight_decay_milestones = milestones;
    c.milestone_count = c.weight_decay_milestone_count = 4;
    c.weight_decay_kind = (adamw_weight_decay_kind)(kind % (ADAMW_WEIGHT_DECAY_FULLY_DECOUPLED + 1));
    return c;
}

/* ---- presets ---- */

bool check_schedule_presets(const check_options *options)
{
    (void)options;
    static const struct {
        const char *name;
        double lr, weight_decay, first, middle, last; /* rates of the first step, of step or epoch 1000, at the end */
    } expected[] = {
        {"rul", 1e-3, 1e-4, 1e-4, 1e-3, 1e-3},
        {"bert-finetune", 5e-5, 0.01, 0, 5e-5 * (9000.0 / 9500.0), 0},
        {"vit-imagenet", 1e-4, 0.05, 0, 1e-4 * (1000.0 / 5000.0), 0},
        {"stable-diffusion-finetune", 1e-5, 0.01, 0, 1e-5, 1e-5},
        {"gan", 2e-4, 0, 2e-4, 2e-4, 2e-4},
        {"ppo", 3e-4, 0, 3e-4, 3e-4, 3e-4},
    };
    size_t i = 0;
    for (; adamw_preset_name(i) != NULL; i++) {
        adamw_config config;
        adamw_schedule s;
        if (i == sizeof expected / sizeof expected[0] || strcmp(adamw_preset_name(i), expected[i].name) != 0)
            return check_fail("preset %zu is %s, whose figures are not known here", i, adamw_preset_name(i));
        if (adamw_preset(expected[i].name, 10000, &config, &s) != ADAMW_OK || config.lr != expected[i].lr ||
            config.weight_decay != expected[i].weight_decay || config.beta1 != 0.9 || config.beta2 != 0.999 ||
            config.eps != 1e-8 || config.decay != ADAMW_DECAY_DECOUPLED || s.config.total != 10000)
            return check_fail("preset %s has another optimizer", expected[i].name);
        for (int t = 0; t <= 10000; t++) {
            const double lr = adamw_schedule_lr(&s);
            if ((t == 0 && lr != expected[i].first) || (t == 1000 && lr != expected[i].middle) ||
                (t == 10000 && lr != expected[i].last))
                return check_fail("preset %s runs %d at %a", expected[i].name, t, lr);
            if (adamw_schedule_weight_decay(&s) != config.weight_decay)
                return check_fail("preset %s changes its decay", expected[i].name);
            if (s.config.unit == ADAMW_UNIT_STEP)
                adamw_schedule_step(&s);
            else
                adamw_schedule_epoch(&s, -t); /* always better */
        }
    }
    if (i != sizeof expected / sizeof expected[0])
        return check_fail("%zu presets", i);

    static const struct {
        const char *name, *sentence;
        int64_t total;
    } wrong[] = {
        {"RUL",
         "name is 'RUL': it must be one of rul, bert-finetune, vit-imagenet, stable-diffusion-finetune, gan, ppo",
         200},
        {NULL,
         "name is NULL: it must be one of rul, bert-finetune, vit-imagenet, stable-diffusion-finetune, gan, ppo",
         200},
        {"vit-imagenet", "total is 0: this schedule needs the length of the run, at least 1 step", 0},
        {"bert-finetune", "warmup is 500, longer than the run: it must be at most total, which is 300", 300},
        {"rul", "total is -1: it must be at least 0", -1},
    };
    for (size_t w = 0; w < sizeof wrong / sizeof wrong[0]; w++) {
        adamw_config config = {.lr = 7};
        adamw_schedule s = {.epoch = 7};
        char said[256];
        if (adamw_preset(wrong[w].name, wrong[w].total, &config, &s) != ADAMW_ERROR_INVALID_ARGUMENT ||
            adamw_preset_explain(wrong[w].name, wrong[w].total, said, sizeof said) != ADAMW_ERROR_INVALID_ARGUMENT ||
            strcmp(said, wrong[w].sentence) != 0 || config.lr != 7 || s.epoch != 7)
            return check_fail("wrong preset %zu: %s", w, said);
    }
    adamw_config config;
    adamw_schedule s;
    return (adamw_preset("rul", 200, NULL, &s) == ADAMW_ERROR_INVALID_ARGUMENT &&
            adamw_preset("rul", 200, &config, NULL) == ADAMW_ERROR_INVALID_ARGUMENT) ||
           check_fail("NULL is neither config nor schedule");
}

/* Tables of more presets than there are: names of each length, and more than a sentence has room for. */
static size_t long_table, name_length;
static const char *name_of(size_t index)
{
    static char name[64];
    snprintf(name, sizeof name, "%0*zu", (int)name_length, index);
    return index < long_table ? name : NULL;
}

bool check_schedule_preset_names(const check_options *options)
{
    (void)options;
    for (long_table = 1; long_table < 200; long_table += 1 + long_table / 8)
        for (name_length = 3; name_length < 60; name_length++) {
            char said[256], small[20];
            memset(said, 'x', sizeof said);
            adamw_preset_unknown("a name that is longer than the forty characters that are shown", name_of,
                                 (schedule_sentence){said, sizeof said});
            adamw_preset_unknown(NULL, name_of, (schedule_sentence){small, sizeof small});
            const char *list = strstr(said, "it must be one of ");
            if (memchr(said, 0, sizeof said) == NULL || strlen(said) > 254 || list == NULL || strlen(small) != 19)
                return check_fail("%zu names of %zu bytes do not fit", long_table, name_length);
            const size_t whole = long_table * (name_length + 2) - 2, shown = strlen(list + 18);
            const bool cut = shown > 3 && strcmp(list + 18 + shown - 3, "...") == 0;
            if (whole < 170 ? cut || shown != whole : whole > 180 ? !cut || shown < 100 : !cut && shown != whole)
                return check_fail("%zu names of %zu bytes give '%s'", long_table, name_length, said);
        }
    return true;
}

/* ---- every wrong field ---- */

/* X(kind, sentence, statement on the recipe `c`, which is right before). */
#define WRONG(X)                                                                                                     \
    X(PLATEAU, "factor is 1: it must be above 0 and below 1", c.factor = 1)                                          \
    X(PLATEAU, "factor is 0: it must be above 0 and below 1", c.factor = 0)                                          \
    X(PLATEAU, "factor is nan: it must be above 0 and below 1", c.factor = NAN)                                      \
    X(PLATEAU, "patience is -1: it must be at least 0", c.patience = -1)                                             \
    X(PLATEAU, "patience is 0: it must be at least 1", c.fire_at_patience = true; c.patience = 0)                    \
    X(PLATEAU, "cooldown is -3: it must be at least 0", c.cooldown = -3)                                             \
    X(PLATEAU, "threshold is inf: it must be finite", c.threshold = INFINITY)                                        \
    X(PLATEAU, "threshold is 1: it must be at least 0 and below 1", c.threshold_mode = ADAMW_THRESHOLD_REL_SIGNED;   \
      c.threshold = 1)                                                                                               \
    X(PLATEAU, "eps is -1e-08: it must be finite and not negative", c.eps = -1e-8)                                   \
    X(PLATEAU, "mode is 2: it must be an adamw_mode, 0 to 1", c.mode = (adamw_mode)2)                                \
    X(PLATEAU, "threshold_mode is 3: it must be an adamw_threshold_mode, 0 to 2",                                    \
      c.threshold_mode = (adamw_threshold_mode)3)                                                                    \
    X(PLATEAU, "unit is ADAMW_UNIT_STEP: a plateau counts epochs, so it must be ADAMW_UNIT_EPOCH",                   \
      c.unit = ADAMW_UNIT_STEP)                                                                                      \
    X(CONSTANT, "base_lr is -0.001: it must be finite, not negative and within float32's range", c.base_lr = -1e-3)  \
    X(CONSTANT, "base_lr is nan: it must be finite, not negative and within float32's range", c.base_lr = NAN)       \
    X(CONSTANT, "base_lr is 0: it must be finite and above 0", c.base_lr = c.min_lr = 0;                             \
      c.weight_decay_kind = ADAMW_WEIGHT_DECAY_PROPORTIONAL)                                                         \
    X(CONSTANT, "min_lr is 0.002, above base_lr 0.001: it must be at most that", c.min_lr = 2e-3)                    \
    X(CONSTANT, "kind is 12: it must be an adamw_schedule_kind, 0 to 11", c.kind = (adamw_schedule_kind)12)          \
    X(CONSTANT, "unit is -1: it must be an adamw_unit, 0 to 1", c.unit = (adamw_unit)-1)                             \
    X(CONSTANT, "warmup is -10: it must be at least 0", c.warmup = -10)                                              \
    X(CONSTANT, "warmup is 201, longer than the run: it must be at most total, which is 200", c.warmup = 201)        \
    X(INVERSE_SQRT,                                                                                                  \
      "timescale is 9223372036854775807: it must be at most 2^53, where a double begins to skip whole numbers",      \
      c.timescale = INT64_MAX)                                                                                       \
    X(CONSTANT, "warmup_start is 1.5: it must be from 0 to 1", c.warmup_start = 1.5)                                 \
    X(CONSTANT, "warmup_unit is 2: it must be an adamw_unit, 0 to 1", c.warmup_unit = (adamw_unit)2)                 \
    X(CONSTANT, "weight_decay is -1: it must be finite, not negative and within float32's range",                    \
      c.weight_decay = -1)                                                                                           \
    X(CONSTANT, "weight_decay_kind is 6: it must be an adamw_weight_decay_kind, 0 to 5",                             \
      c.weight_decay_kind = (adamw_weight_decay_kind)6)                                                              \
    X(CONSTANT, "weight_decay_end is inf: it must be finite, not negative and within float32's range",               \
      c.weight_decay_kind = ADAMW_WEIGHT_DECAY_LINEAR;                                                               \
      c.weight_decay_end = INFINITY)                                                                                 \
    X(CONSTANT, "total is 0: this schedule needs the length of the run, at least 1 epoch",                           \
      c.weight_decay_kind = ADAMW_WEIGHT_DECAY_COSINE;                                                               \
      c.total = 0)                                                                                                   \
    X(CONSTANT,                                                                                                      \
      "weight_decay is 1, which a fully decoupled decay divides by base_lr, 1e-300: the quotient must be within "    \
      "float32's range",                                                                                             \
      c.weight_decay_kind = ADAMW_WEIGHT_DECAY_FULLY_DECOUPLED;                                                      \
      c.weight_decay = 1; c.base_lr = 1e-300; c.min_lr = 0)                                                          \
    X(CONSTANT, "weight_decay_gamma is 0: it must be above 0 and at most 1",                                         \
      c.weight_decay_kind = ADAMW_WEIGHT_DECAY_STEPS;                                                                \
      c.weight_decay_gamma = 0)                                                                                      \
    X(CONSTANT, "weight_decay_milestones is empty: it must point to at least one milestone",                         \
      c.weight_decay_kind = ADAMW_WEIGHT_DECAY_STEPS;                                                                \
      c.weight_decay_milestone_count = 0)                                                                            \
    X(LINEAR, "total is 0: this schedule needs the length of the run, at least 1 epoch", c.total = 0)                \
    X(COSINE, "total is -5: it must be at least 0", c.total = -5)                                                    \
    X(POLYNOMIAL, "power is 0: it must be finite and above 0", c.power = 0)                                          \
    X(COSINE_RESTARTS, "period is 0: it must be at least 1", c.period = 0)                                           \
    X(COSINE_RESTARTS, "period_mult is 0: it must be at least 1", c.period_mult = 0)                                 \
    X(EXPONENTIAL, "gamma is 1.1: it must be above 0 and at most 1", c.gamma = 1.1)                                  \
    X(STEP, "step_size is 0: it must be at least 1", c.step_size = 0)                                                \
    X(MULTISTEP, "milestones is NULL: it must point to at least one milestone", c.milestones = NULL)                 \
    X(MULTISTEP, "milestones[2] is 20: milestones must ascend and not be negative", c.milestones = falling)          \
    X(INVERSE_SQRT, "timescale is -1: it must be at least 0", c.timescale = -1)                                      \
    X(INVERSE_SQRT,                                                                                                  \
      "timescale is 0, which stands for the warmup's length: that has another unit here, so it must be at least 1",  \
      c.warmup_unit = ADAMW_UNIT_STEP)                                                                               \
    X(WSD, "decay_length is 191: with the warmup it must be at most total, which is 200", c.decay_length = 191)      \
    X(WSD, "decay_length is 0: it must be at least 1", c.decay_length = 0)                                           \
    X(WSD, "anneal is 3: it must be an adamw_anneal, 0 to 2", c.anneal = (adamw_anneal)3)                            \
    X(ONE_CYCLE, "pct_start is 1.25: it must be from 0 to 1", c.pct_start = 1.25)                                    \
    X(ONE_CYCLE, "div_factor is 0.5: it must be finite and at least 1", c.div_factor = 0.5)                          \
    X(ONE_CYCLE, "final_div_factor is inf: it must be finite and at least 1", c.final_div_factor = INFINITY)         \
    X(ONE_CYCLE, "anneal is ADAMW_ANNEAL_SQRT: a one-cycle has ADAMW_ANNEAL_COSINE and ADAMW_ANNEAL_LINEAR",         \
      c.anneal = ADAMW_ANNEAL_SQRT)

static bool wrong_is_told(const adamw_schedule_config *c, const char *sentence)
{
    adamw_schedule s = {.epoch = 7};
    char said[256], cut[12];
    if (adamw_schedule_init(&s, c) != ADAMW_ERROR_INVALID_ARGUMENT || s.epoch != 7)
        return check_fail("not refused, or the schedule was changed: %s", sentence);
    if (adamw_schedule_explain(c, said, sizeof said) != ADAMW_ERROR_INVALID_ARGUMENT || strcmp(said, sentence) != 0)
        return check_fail("it says '%s' instead of '%s'", said, sentence);
    adamw_schedule_explain(c, cut, sizeof cut);
    return (strncmp(cut, sentence, sizeof cut - 1) == 0 && strlen(cut) == sizeof cut - 1) ||
           check_fail("a small buffer has '%s'", cut);
}

/* The run cannot be made longer: this sentence, and nothing changed. */
static bool extension_is_refused(const adamw_schedule *s, int64_t total, adamw_status status, const char *sentence)
{
    adamw_schedule trial = {.epoch = 7};
    char said[256];
    if (s != NULL)
        trial = *s;
    if (adamw_schedule_extend(s != NULL ? &trial : NULL, total) != status ||
        (s != NULL && memcmp(&trial, s, sizeof trial) != 0))
        return check_fail("not refused, or the schedule was changed: %s", sentence);
    return (adamw_schedule_extend_explain(s, total, said, sizeof said) == status && strcmp(said, sentence) == 0) ||
           check_fail("it says '%s' instead of '%s'", said, sentence);
}

bool check_schedule_bad_extensions(const check_options *options)
{
    (void)options;
    adamw_schedule cosine, wsd, endless, past, decay;
    adamw_schedule_config c = check_recipe(ADAMW_SCHEDULE_COSINE, false);
    c.weight_decay_kind = ADAMW_WEIGHT_DECAY_CONSTANT;
    adamw_schedule_init(&cosine, &c);
    c.kind = ADAMW_SCHEDULE_WSD;
    adamw_schedule_init(&wsd, &c);
    c.kind = ADAMW_SCHEDULE_EXPONENTIAL;
    adamw_schedule_init(&past, &c);
    c.weight_decay_kind = ADAMW_WEIGHT_DECAY_LINEAR;
    adamw_schedule_init(&decay, &c);
    c.weight_decay_kind = ADAMW_WEIGHT_DECAY_CONSTANT;
    c.total = 0;
    adamw_schedule_init(&endless, &c);
    adamw_schedule_epoch(&decay, 0);
    for (int e = 0; e < 161; e++) {
        adamw_schedule_epoch(&wsd, 0);
        if (e < 12)
            adamw_schedule_epoch(&cosine, 0);
    }
    while (past.epoch < 201)
        adamw_schedule_epoch(&past, 0);
    return extension_is_refused(NULL, 300, ADAMW_ERROR_INVALID_ARGUMENT,
                                "schedule is NULL: it must be a started one") &&
           extension_is_refused(&endless, 300, ADAMW_ERROR_INVALID_ARGUMENT,
                                "the schedule has no end (its total is 0): it goes on by itself") &&
           extension_is_refused(&cosine, 199, ADAMW_ERROR_INVALID_ARGUMENT,
                                "total is 199: it must be from the one of now, 200, to 2^53") &&
           extension_is_refused(&cosine, INT64_MAX, ADAMW_ERROR_INVALID_ARGUMENT,
                                "total is 9223372036854775807: it must be from the one of now, 200, to 2^53") &&
           extension_is_refused(
               &cosine, 300, ADAMW_ERROR_STATE,
               "the schedule is cosine, at epoch 12 of 200: a longer run would rescale the rates that "
               "were given; cosine-restarts, wsd, plateau, step and others can be extended") &&
           extension_is_refused(&wsd, 300, ADAMW_ERROR_STATE,
                                "the schedule is wsd, at epoch 161 of 200: its decay has begun: it must be extended "
                                "before that") &&
           extension_is_refused(&decay, 300, ADAMW_ERROR_STATE,
                                "the schedule is exponential, at epoch 1 of 200: its weight_decay_kind follows the "
                                "length of the run: it must be extended before the first step") &&
           extension_is_refused(&past, 300, ADAMW_ERROR_STATE,
                                "the schedule is exponential, at epoch 201 of 200: that is past its end, where the "
                                "rate was held: it must be extended by then") &&
           (adamw_schedule_extend(&cosine, 200) == ADAMW_OK || check_fail("the length of now is refused"));
}

bool check_schedule_bad_fields(const check_options *options)
{
    (void)options;
    static const int64_t falling[] = {10, 30, 20, 40};
    char said[256];
#define TRY(of, sentence, change)                                                                                    \
    {                                                                                                                \
        adamw_schedule_config c = check_recipe(ADAMW_SCHEDULE_##of, false);                                          \
        c.weight_decay_kind = ADAMW_WEIGHT_DECAY_CONSTANT;                                                           \
        if (adamw_schedule_explain(&c, said, sizeof said) != ADAMW_OK || strcmp(said, "ok") != 0)                    \
            return check_fail(#of " is refused: %s", said);                                                          \
        change;                                                                                                      \
        if (!wrong_is_told(&c, sentence))                                                                            \
            return false;                                                                                            \
    }
    WRONG(TRY)
#undef TRY
    if (!wrong_is_told(NULL, "config is NULL: adamw_schedule_config_init() fills in one") ||
        adamw_schedule_config_init(NULL) != ADAMW_ERROR_INVALID_ARGUMENT ||
        adamw_schedule_init(NULL, NULL) != ADAMW_ERROR_INVALID_ARGUMENT)
        return check_fail("NULL");

    const adamw_schedule_config c = check_recipe(ADAMW_SCHEDULE_COSINE, false);
    adamw_config config = {.lr = 7}, second = {.lr = 7};
    adamw_schedule_group groups[] = {{&config, 1e-3, 0, 0}, {&second, 1e-3, 2e-3, 0}};
    adamw_schedule s;
    adamw_schedule_init(&s, &c);
    if (adamw_schedule_apply(&s, groups, 2) != ADAMW_ERROR_INVALID_ARGUMENT || config.lr != 7 ||
        adamw_schedule_apply_explain(&s, groups, 2, said, sizeof said) != ADAMW_ERROR_INVALID_ARGUMENT ||
        strcmp(said, "groups[1].min_lr is 0.002, above base_lr 0.001: it must be at most that") != 0)
        return check_fail("a wrong group says '%s'", said);
    groups[1] = (adamw_schedule_group){NULL, 1e-3, 0, 0};
    adamw_schedule_apply_explain(&s, groups, 2, said, sizeof said);
    if (strcmp(said, "groups[1].config is NULL: it must point to the group's adamw_config") != 0)
        return check_fail("a group without a config says '%s'", said);
    adamw_schedule_apply_explain(&s, NULL, 2, said, sizeof said);
    if (strcmp(said, "groups is NULL with count 2: it must point to that many adamw_schedule_group") != 0)
        return check_fail("no groups say '%s'", said);
    return (adamw_schedule_apply(&s, NULL, 0) == ADAMW_OK &&
            adamw_schedule_apply(NULL, groups, 1) == ADAMW_ERROR_INVALID_ARGUMENT) ||
           check_fail("an empty list is right, NULL is no schedule");
}
