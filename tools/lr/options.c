/*
 * options.c - the command line of adamw-lr: which recipe, which outputs, and what is refused. The settings of a
 * recipe are in settings.c.
 */
#include "lr.h"
#include "settings.h"

#include <stdlib.h>
#include <string.h>

static void print_help(void)
{
    printf("adamw-lr - prints and draws a learning-rate schedule without training\n\n"
           "    adamw-lr --preset rul --epochs 200 --plateaus 4 --patience 10\n\n"
           "  --preset NAME       ");
    for (size_t i = 0; adamw_preset_name(i) != NULL; i++)
        printf("%s%s", i > 0 ? ", " : "", adamw_preset_name(i));
    printf("\n  --schedule KIND     ");
    for (int kind = 0; strcmp(adamw_schedule_name((adamw_schedule_kind)kind), "unknown") != 0; kind++)
        printf("%s%s",
               kind == 0   ? ""
               : kind == 7 ? ",\n                      "
                           : ", ",
               adamw_schedule_name((adamw_schedule_kind)kind));
    printf("\n\n  --epochs N          length of the run (200)\n"
           "  --steps-per-epoch N where the recipe counts steps (100)\n"
           "  --plateaus K        the metric: a falling line with K equal flat stretches (4)\n"
           "  --metric FILE       the metric from a CSV instead, --column NAME or number\n"
           "  --feed-warmup       also the wrong trace: the plateau rule fed during the warmup\n\n"
           "  --csv FILE          every point as CSV\n"
           "  --picture NAME      NAME.svg and NAME.png, through gnuplot\n"
           "  --html FILE         one page with two sliders, patience and plateaus\n"
           "  --no-chart          no chart on the terminal\n"
           "  --speed             what a rate costs, beside an AdamW step of 1,000 parameters\n\n");
    for (int i = 0; i < lr_setting_count; i++)
        printf("  %-26s%s%s%s%s\n", lr_settings[i].name, lr_settings[i].text,
               lr_settings[i].choices != NULL ? ": " : "",
               lr_settings[i].choices != NULL ? lr_settings[i].choices : "", "");
    lr_flush_stdout();
    exit(0);
}

static const char *kind_name(size_t index)
{
    return index <= ADAMW_SCHEDULE_ONE_CYCLE ? adamw_schedule_name((adamw_schedule_kind)index) : NULL;
}

/* The index of a name in a list; a wrong name ends the program with the right ones. */
static size_t index_of(const char *option, const char *name, const char *(*name_of)(size_t))
{
    size_t used = 0;
    char names[400] = "";
    const char *right;
    for (size_t index = 0; (right = name_of(index)) != NULL; index++) {
        if (strcmp(right, name) == 0)
            return index;
        if (used < sizeof names)
            used += (size_t)snprintf(names + used, sizeof names - used, "%s%s", index > 0 ? ", " : "", right);
    }
    lr_fail("%s is '%s': it must be one of %s", option, name, names);
}

static adamw_schedule_config preset_of(const char *name)
{
    adamw_config config;
    adamw_schedule schedule;
    char said[256];
    const int64_t long_enough = 1000000; /* the run's own length comes later */
    index_of("--preset", name, adamw_preset_name);
    if (adamw_preset(name, long_enough, &config, &schedule) != ADAMW_OK) {
        adamw_preset_explain(name, long_enough, said, sizeof said);
        lr_fail("--preset: %s", said);
    }
    return schedule.config;
}

/* The options that are no setting of the recipe. */
static bool set_other(lr_options *o, const char *option, const char *value)
{
    const struct {
        const char *name;
        const char **text;
        int64_t *number;
    } others[] = {
        {"--epochs", NULL, &o->epochs}, {"--steps-per-epoch", NULL, &o->steps_per_epoch},
        {"--metric", &o->metric, NULL}, {"--column", &o->column, NULL},
        {"--csv", &o->csv, NULL},       {"--picture", &o->picture, NULL},
        {"--html", &o->html, NULL},
    };
    for (size_t i = 0; i < sizeof others / sizeof others[0]; i++) {
        if (strcmp(others[i].name, option) != 0)
            continue;
        if (value == NULL)
            lr_fail("%s needs a value behind it", option);
        if (others[i].text != NULL)
            *others[i].text = value;
        else if ((*others[i].number = lr_integer_of(option, value)) < 1 || *others[i].number > 1000000)
            lr_fail("%s is %s: it must be from 1 to 1,000,000", option, value);
        return true;
    }
    if (strcmp(option, "--plateaus") != 0)
        return false;
    const int64_t plateaus = value != NULL ? lr_integer_of(option, value) : -1;
    if (plateaus < 0 || plateaus > 100)
        lr_fail("--plateaus is %s: it must be from 0 to 100", value != NULL ? value : "missing");
    o->plateaus = (int)plateaus;
    return true;
}

/* The switches without a value. */
static bool set_switch(lr_options *o, const char *option)
{
    if (strcmp(option, "--help") == 0)
        print_help();
    if (strcmp(option, "--feed-warmup") == 0)
        o->feed_warmup = true;
    else if (strcmp(option, "--no-chart") == 0)
        o->chart = false;
    else if (strcmp(option, "--speed") == 0)
        o->speed = true;
    else
        return false;
    return true;
}

/* Ends the program if the recipe does not use an option that was given: nothing is ignored. */
static void check_used(const char *option, const lr_options *o)
{
    const adamw_schedule_config *c = &o->recipe;
    const lr_setting *s = lr_setting_of(option);
    const char *kind = adamw_schedule_name(c->kind);
    if (s != NULL && (s->kinds >> c->kind & 1) == 0)
        lr_fail("%s has no effect here: the schedule of '%s' is %s, which does not use it", option, o->name, kind);
    if (strncmp(option, "--warmup-", 9) == 0 && c->warmup == 0)
        lr_fail("%s has no effect here: '%s' has no warmup, which --warmup sets", option, o->name);
    const adamw_weight_decay_kind decay = c->weight_decay_kind;
    const bool ends = decay == ADAMW_WEIGHT_DECAY_LINEAR || decay == ADAMW_WEIGHT_DECAY_COSINE;
    if (strcmp(option, "--weight-decay-end") == 0 && !ends)
        lr_fail("%s has no effect here: it needs --weight-decay-kind linear or cosine", option);
    if (s != NULL && decay != ADAMW_WEIGHT_DECAY_STEPS &&
        (s->offset == LR_AT(weight_decay_gamma) || s->offset == LR_AT(weight_decay_milestones)))
        lr_fail("%s has no effect here: it needs --weight-decay-kind steps", option);
    const bool of_metric = strcmp(option, "--plateaus") == 0 || strcmp(option, "--metric") == 0;
    if (of_metric && c->kind != ADAMW_SCHEDULE_PLATEAU)
        lr_fail("%s has no effect here: the schedule of '%s' is %s, which looks at no metric", option, o->name, kind);
    if (strcmp(option, "--plateaus") == 0 && o->metric != NULL)
        lr_fail("--plateaus has no effect here: the metric comes from --metric");
    if (strcmp(option, "--steps-per-epoch") == 0 && c->unit == ADAMW_UNIT_EPOCH && c->warmup_unit == ADAMW_UNIT_EPOCH)
        lr_fail("--steps-per-epoch has no effect here: the recipe counts epochs alone (--unit, --warmup-unit)");
}

/* The recipe first: the settings change it, wherever they stand. */
static void set_recipe(lr_options *o, int argc, char **argv)
{
    const char *given = NULL;
    for (int i = 1; i + 1 < argc; i++) {
        const bool preset = strcmp(argv[i], "--preset") == 0;
        if (!preset && strcmp(argv[i], "--schedule") != 0)
            continue;
        if (given != NULL)
            lr_fail("%s '%s' comes after %s '%s': give one recipe", argv[i], argv[i + 1], given, o->name);
        given = argv[i];
        o->name = argv[++i];
        if (preset)
            o->recipe = preset_of(o->name);
        else
            o->recipe.kind = (adamw_schedule_kind)index_of("--schedule", o->name, kind_name);
    }
}

lr_options lr_parse(int argc, char **argv)
{
    lr_options o = {.name = "constant", .plateaus = 4, .chart = true, .steps_per_epoch = 100};
    const char **given = lr_allocate((size_t)argc + 1, sizeof *given); /* the options, without their values */
    int count = 0;
    adamw_schedule_config_init(&o.recipe);
    set_recipe(&o, argc, argv);
    for (int i = 1; i < argc; i++) {
        const lr_setting *s = lr_setting_of(argv[i]);
        const char *value = i + 1 < argc ? argv[i + 1] : NULL;
        given[count++] = argv[i];
        o.own_warmup = o.own_warmup || strcmp(argv[i], "--warmup") == 0;
        if (strcmp(argv[i], "--preset") == 0 || strcmp(argv[i], "--schedule") == 0) {
            if (value == NULL)
                lr_fail("%s needs a name behind it: adamw-lr --help lists them", argv[i]);
            i++;
        } else if (s != NULL) {
            lr_set(s, value, &o.recipe);
            i += s->type != LR_FLAG;
        } else if (set_other(&o, argv[i], value)) {
            i++;
        } else if (!set_switch(&o, argv[i])) {
            lr_fail("unknown option '%s': adamw-lr --help lists them", argv[i]);
        }
    }
    if (o.speed && count > 1)
        lr_fail("--speed times every schedule: it takes no other option");
    if (o.column != NULL && o.metric == NULL)
        lr_fail("--column names a column of --metric FILE: give both");
    for (int i = 0; i < count; i++)
        check_used(given[i], &o);
    free(given);
    const bool plateau = o.recipe.kind == ADAMW_SCHEDULE_PLATEAU;
    if ((o.html != NULL || o.feed_warmup) && !plateau)
        lr_fail("%s is about the plateau rule: it needs --preset rul or --schedule plateau",
                o.html != NULL ? "--html" : "--feed-warmup");
    if (o.html != NULL && o.metric != NULL)
        lr_fail("--html has a slider for the plateaus of its own metric: it cannot take --metric");
    if (o.recipe.unit == ADAMW_UNIT_EPOCH && o.recipe.warmup_unit == ADAMW_UNIT_EPOCH)
        o.steps_per_epoch = 1;
    return o;
}
