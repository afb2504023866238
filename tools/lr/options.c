/*
 * options.c - the command line of adamw-lr. One table has every setting of a recipe.
 */
#include "lr.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { MILESTONES = 64 };
static int64_t milestones[MILESTONES], decay_milestones[MILESTONES];

typedef enum setting_type { REAL, INTEGER, FLAG, CHOICE, LIST } setting_type;

typedef struct setting {
    const char *name;
    setting_type type;
    size_t offset;       /* in adamw_schedule_config */
    const char *choices; /* "a|b|c" for 0, 1, 2 */
    const char *text;
} setting;

#define AT(member) offsetof(adamw_schedule_config, member)
static const setting settings[] = {
    {"--lr", REAL, AT(base_lr), NULL, "the full rate"},
    {"--min-lr", REAL, AT(min_lr), NULL, "the lowest rate of the main phase"},
    {"--unit", CHOICE, AT(unit), "epochs|steps", "what the main phase counts"},
    {"--warmup", INTEGER, AT(warmup), NULL, "its length"},
    {"--warmup-unit", CHOICE, AT(warmup_unit), "epochs|steps", "what the warmup counts"},
    {"--warmup-start", REAL, AT(warmup_start), NULL, "where it starts, as a share of the full rate"},
    {"--mode", CHOICE, AT(mode), "min|max", "plateau: what is better"},
    {"--threshold-mode", CHOICE, AT(threshold_mode), "rel|abs|rel-signed", "plateau: how a metric is compared"},
    {"--threshold", REAL, AT(threshold), NULL, "plateau: by how much it must be better"},
    {"--factor", REAL, AT(factor), NULL, "plateau: of a cut"},
    {"--patience", INTEGER, AT(patience), NULL, "plateau: bad epochs that are borne"},
    {"--fire-at-patience", FLAG, AT(fire_at_patience), NULL, "plateau: cut one bad epoch earlier than torch"},
    {"--cooldown", INTEGER, AT(cooldown), NULL, "plateau: epochs after a cut in which none is bad"},
    {"--eps", REAL, AT(eps), NULL, "plateau: a smaller cut does not happen"},
    {"--gamma", REAL, AT(gamma), NULL, "exponential, step, multistep"},
    {"--power", REAL, AT(power), NULL, "polynomial"},
    {"--step-size", INTEGER, AT(step_size), NULL, "step"},
    {"--milestones", LIST, AT(milestones), NULL, "multistep: 30,60,80"},
    {"--period", INTEGER, AT(period), NULL, "cosine-restarts: length of the first period"},
    {"--period-mult", INTEGER, AT(period_mult), NULL, "cosine-restarts: each next one is so many times as long"},
    {"--timescale", INTEGER, AT(timescale), NULL, "inverse-sqrt"},
    {"--decay-length", INTEGER, AT(decay_length), NULL, "wsd: length of the decay at the end"},
    {"--anneal", CHOICE, AT(anneal), "cosine|linear|sqrt", "wsd, one-cycle: the form of the decay"},
    {"--pct-start", REAL, AT(pct_start), NULL, "one-cycle: share of the rise"},
    {"--div-factor", REAL, AT(div_factor), NULL, "one-cycle: it starts at lr / this"},
    {"--final-div-factor", REAL, AT(final_div_factor), NULL, "one-cycle: and ends at that / this"},
    {"--three-phase", FLAG, AT(three_phase), NULL, "one-cycle: down again in a phase of its own"},
    {"--weight-decay", REAL, AT(weight_decay), NULL, "the full weight decay"},
    {"--weight-decay-kind", CHOICE, AT(weight_decay_kind),
     "constant|steps|linear|cosine|proportional|fully-decoupled", "what it does over the run"},
    {"--weight-decay-end", REAL, AT(weight_decay_end), NULL, "linear, cosine: where it ends"},
    {"--weight-decay-gamma", REAL, AT(weight_decay_gamma), NULL, "steps: factor at each milestone"},
    {"--weight-decay-milestones", LIST, AT(weight_decay_milestones), NULL, "steps: 100,150"},
};
enum { SETTING_COUNT = sizeof settings / sizeof settings[0] };

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
    for (int i = 0; i < SETTING_COUNT; i++)
        printf("  %-26s%s%s%s%s\n", settings[i].name, settings[i].text, settings[i].choices != NULL ? ": " : "",
               settings[i].choices != NULL ? settings[i].choices : "", "");
    lr_flush_stdout();
    exit(0);
}

static double real_of(const char *option, const char *value)
{
    char *end;
    const double x = strtod(value, &end);
    if (*value == '\0' || *end != '\0')
        lr_fail("%s is '%s': it must be a number", option, value);
    return x;
}

static int64_t integer_of(const char *option, const char *value)
{
    char *end;
    errno = 0;
    const long long x = strtoll(value, &end, 10);
    if (*value == '\0' || *end != '\0' || errno != 0)
        lr_fail("%s is '%s': it must be a whole number", option, value);
    return x;
}

static int choice_of(const char *option, const char *value, const char *choices)
{
    const size_t length = strlen(value);
    int index = 0;
    for (const char *at = choices; at != NULL; index++) {
        const char *bar = strchr(at, '|');
        const size_t own = bar != NULL ? (size_t)(bar - at) : strlen(at);
        if (own == length && strncmp(at, value, own) == 0)
            return index;
        at = bar != NULL ? bar + 1 : NULL;
    }
    lr_fail("%s is '%s': it must be one of %s", option, value, choices);
}

static void set_list(const setting *s, const char *value, adamw_schedule_config *c)
{
    const bool decay = s->offset == AT(weight_decay_milestones);
    int64_t *list = decay ? decay_milestones : milestones;
    size_t count = 0;
    const size_t size = strlen(value) + 1;
    char *copy = memcpy(lr_allocate(size, 1), value, size);
    for (char *word = strtok(copy, ","); word != NULL; word = strtok(NULL, ",")) {
        if (count == MILESTONES)
            lr_fail("%s has more than %d entries", s->name, MILESTONES);
        list[count++] = integer_of(s->name, word);
    }
    free(copy);
    *(decay ? &c->weight_decay_milestones : &c->milestones) = list;
    *(decay ? &c->weight_decay_milestone_count : &c->milestone_count) = count;
}

static void set(const setting *s, const char *value, adamw_schedule_config *c)
{
    char *at = (char *)c + s->offset;
    double real;
    int64_t integer;
    int choice;
    if (s->type == FLAG) {
        *(bool *)at = true;
        return;
    }
    if (value == NULL)
        lr_fail("%s needs a value behind it", s->name);
    switch (s->type) {
    case REAL:
        real = real_of(s->name, value);
        memcpy(at, &real, sizeof real);
        break;
    case INTEGER:
        integer = integer_of(s->name, value);
        memcpy(at, &integer, sizeof integer);
        break;
    case CHOICE:
        choice = choice_of(s->name, value, s->choices);
        memcpy(at, &choice, sizeof choice);
        break;
    case LIST:
        set_list(s, value, c);
        break;
    case FLAG:
        break;
    }
}

static adamw_schedule_config preset_of(const char *name)
{
    adamw_config config;
    adamw_schedule schedule;
    char said[256];
    const int64_t long_enough = 1000000; /* the run's own length comes later */
    if (adamw_preset(name, long_enough, &config, &schedule) != ADAMW_OK) {
        adamw_preset_explain(name, long_enough, said, sizeof said);
        lr_fail("--preset: %s", said);
    }
    return schedule.config;
}

static adamw_schedule_kind kind_of(const char *name)
{
    int kind = 0;
    for (; strcmp(adamw_schedule_name((adamw_schedule_kind)kind), "unknown") != 0; kind++)
        if (strcmp(adamw_schedule_name((adamw_schedule_kind)kind), name) == 0)
            return (adamw_schedule_kind)kind;
    lr_fail("--schedule is '%s': adamw-lr --help lists the kinds", name);
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
        else if ((*others[i].number = integer_of(option, value)) < 1 || *others[i].number > 1000000)
            lr_fail("%s is %s: it must be from 1 to 1,000,000", option, value);
        return true;
    }
    if (strcmp(option, "--plateaus") != 0)
        return false;
    const int64_t plateaus = value != NULL ? integer_of(option, value) : -1;
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

static const setting *setting_of(const char *option)
{
    for (int i = 0; i < SETTING_COUNT; i++)
        if (strcmp(settings[i].name, option) == 0)
            return &settings[i];
    return NULL;
}

lr_options lr_parse(int argc, char **argv)
{
    lr_options o = {.name = "constant", .plateaus = 4, .chart = true, .steps_per_epoch = 100};
    adamw_schedule_config_init(&o.recipe);
    for (int i = 1; i + 1 < argc; i++) /* the recipe first: the settings change it, wherever they stand */
        if (strcmp(argv[i], "--preset") == 0 || strcmp(argv[i], "--schedule") == 0) {
            o.name = argv[i + 1];
            if (strcmp(argv[i], "--preset") == 0)
                o.recipe = preset_of(o.name);
            else
                o.recipe.kind = kind_of(o.name);
        }
    for (int i = 1; i < argc; i++) {
        const setting *s = setting_of(argv[i]);
        const char *value = i + 1 < argc ? argv[i + 1] : NULL;
        if (strcmp(argv[i], "--preset") == 0 || strcmp(argv[i], "--schedule") == 0) {
            if (value == NULL)
                lr_fail("%s needs a name behind it: adamw-lr --help lists them", argv[i]);
            i++;
        } else if (s != NULL) {
            set(s, value, &o.recipe);
            i += s->type != FLAG;
        } else if (set_other(&o, argv[i], value)) {
            i++;
        } else if (!set_switch(&o, argv[i])) {
            lr_fail("unknown option '%s': adamw-lr --help lists them", argv[i]);
        }
    }
    if (o.column != NULL && o.metric == NULL)
        lr_fail("--column names a column of --metric FILE: give both");
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
