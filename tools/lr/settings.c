/*
 * settings.c - see settings.h.
 */
#include "settings.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "lr.h"

enum { MILESTONES = 64 };
static int64_t milestones[MILESTONES], decay_milestones[MILESTONES];

#define OF(kind) (1u << ADAMW_SCHEDULE_##kind)
#define EVERY (~0u)
#define PLATEAU OF(PLATEAU)

const lr_setting lr_settings[] = {
    {"--lr", LR_REAL, LR_AT(base_lr), NULL, EVERY, "the full rate"},
    {"--min-lr", LR_REAL, LR_AT(min_lr), NULL, EVERY & ~OF(CONSTANT), "the lowest rate of the main phase"},
    {"--unit", LR_CHOICE, LR_AT(unit), "epochs|steps", EVERY, "what the main phase counts"},
    {"--warmup", LR_INTEGER, LR_AT(warmup), NULL, EVERY, "its length"},
    {"--warmup-unit", LR_CHOICE, LR_AT(warmup_unit), "epochs|steps", EVERY, "what the warmup counts"},
    {"--warmup-start", LR_REAL, LR_AT(warmup_start), NULL, EVERY, "where it starts, as a share of the full rate"},
    {"--mode", LR_CHOICE, LR_AT(mode), "min|max", PLATEAU, "plateau: what is better"},
    {"--threshold-mode", LR_CHOICE, LR_AT(threshold_mode), "rel|abs|rel-signed", PLATEAU,
     "plateau: how a metric is compared"},
    {"--threshold", LR_REAL, LR_AT(threshold), NULL, PLATEAU, "plateau: by how much it must be better"},
    {"--factor", LR_REAL, LR_AT(factor), NULL, PLATEAU, "plateau: of a cut"},
    {"--patience", LR_INTEGER, LR_AT(patience), NULL, PLATEAU, "plateau: bad epochs that are borne"},
    {"--fire-at-patience", LR_FLAG, LR_AT(fire_at_patience), NULL, PLATEAU,
     "plateau: cut one bad epoch earlier than torch"},
    {"--cooldown", LR_INTEGER, LR_AT(cooldown), NULL, PLATEAU, "plateau: epochs after a cut in which none is bad"},
    {"--eps", LR_REAL, LR_AT(eps), NULL, PLATEAU, "plateau: a smaller cut does not happen"},
    {"--gamma", LR_REAL, LR_AT(gamma), NULL, OF(EXPONENTIAL) | OF(STEP) | OF(MULTISTEP),
     "exponential, step, multistep"},
    {"--power", LR_REAL, LR_AT(power), NULL, OF(POLYNOMIAL), "polynomial"},
    {"--step-size", LR_INTEGER, LR_AT(step_size), NULL, OF(STEP), "step"},
    {"--milestones", LR_LIST, LR_AT(milestones), NULL, OF(MULTISTEP), "multistep: 30,60,80"},
    {"--period", LR_INTEGER, LR_AT(period), NULL, OF(COSINE_RESTARTS), "cosine-restarts: length of the first period"},
    {"--period-mult", LR_INTEGER, LR_AT(period_mult), NULL, OF(COSINE_RESTARTS),
     "cosine-restarts: how many times as long each next one is"},
    {"--timescale", LR_INTEGER, LR_AT(timescale), NULL, OF(INVERSE_SQRT), "inverse-sqrt"},
    {"--decay-length", LR_INTEGER, LR_AT(decay_length), NULL, OF(WSD), "wsd: length of the decay at the end"},
    {"--anneal", LR_CHOICE, LR_AT(anneal), "cosine|linear|sqrt", OF(WSD) | OF(ONE_CYCLE),
     "wsd, one-cycle: the form of the decay"},
    {"--pct-start", LR_REAL, LR_AT(pct_start), NULL, OF(ONE_CYCLE), "one-cycle: share of the rise"},
    {"--div-factor", LR_REAL, LR_AT(div_factor), NULL, OF(ONE_CYCLE), "one-cycle: it starts at lr / this"},
    {"--final-div-factor", LR_REAL, LR_AT(final_div_factor), NULL, OF(ONE_CYCLE),
     "one-cycle: and ends at that / this"},
    {"--three-phase", LR_FLAG, LR_AT(three_phase), NULL, OF(ONE_CYCLE),
     "one-cycle: down again in a phase of its own"},
    {"--weight-decay", LR_REAL, LR_AT(weight_decay), NULL, EVERY, "the full weight decay"},
    {"--weight-decay-kind", LR_CHOICE, LR_AT(weight_decay_kind),
     "constant|steps|linear|cosine|proportional|fully-decoupled", EVERY, "what it does over the run"},
    {"--weight-decay-end", LR_REAL, LR_AT(weight_decay_end), NULL, EVERY, "linear, cosine: where it ends"},
    {"--weight-decay-gamma", LR_REAL, LR_AT(weight_decay_gamma), NULL, EVERY, "steps: factor at each milestone"},
    {"--weight-decay-milestones", LR_LIST, LR_AT(weight_decay_milestones), NULL, EVERY, "steps: 100,150"},
};
const int lr_setting_count = sizeof lr_settings / sizeof lr_settings[0];

const lr_setting *lr_setting_of(const char *option)
{
    for (int i = 0; i < lr_setting_count; i++)
        if (strcmp(lr_settings[i].name, option) == 0)
            return &lr_settings[i];
    return NULL;
}

static double real_of(const char *option, const char *value)
{
    char *end;
    errno = 0;
    const double x = strtod(value, &end); /* no locale is set: the point is a point */
    if (*value == '\0' || *value == ' ' || *end != '\0' || errno != 0)
        lr_fail("%s is '%s': it must be a number, with a decimal point if any, that a double can hold", option,
                value);
    return x;
}

int64_t lr_integer_of(const char *option, const char *value)
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

static void set_list(const lr_setting *s, const char *value, adamw_schedule_config *c)
{
    const bool decay = s->offset == LR_AT(weight_decay_milestones);
    int64_t *list = decay ? decay_milestones : milestones;
    size_t count = 0;
    for (const char *at = value; at != NULL; count++) {
        const char *comma = strchr(at, ',');
        const size_t length = comma != NULL ? (size_t)(comma - at) : strlen(at);
        char word[24]; /* as long as a whole number can be */
        if (count == MILESTONES)
            lr_fail("%s has more than %d entries", s->name, MILESTONES);
        if (length == 0 || length >= sizeof word)
            lr_fail("%s is '%s': entry %zu is %s, and must be a whole number", s->name, value, count + 1,
                    length == 0 ? "empty" : "too long");
        memcpy(word, at, length);
        word[length] = '\0';
        list[count] = lr_integer_of(s->name, word);
        at = comma != NULL ? comma + 1 : NULL;
    }
    *(decay ? &c->weight_decay_milestones : &c->milestones) = list;
    *(decay ? &c->weight_decay_milestone_count : &c->milestone_count) = count;
}

void lr_set(const lr_setting *s, const char *value, adamw_schedule_config *c)
{
    char *at = (char *)c + s->offset;
    double real;
    int64_t integer;
    int choice;
    if (s->type == LR_FLAG) {
        *(bool *)at = true;
        return;
    }
    if (value == NULL)
        lr_fail("%s needs a value behind it", s->name);
    switch (s->type) {
    case LR_REAL:
        real = real_of(s->name, value);
        memcpy(at, &real, sizeof real);
        break;
    case LR_INTEGER:
        integer = lr_integer_of(s->name, value);
        memcpy(at, &integer, sizeof integer);
        break;
    case LR_CHOICE:
        choice = choice_of(s->name, value, s->choices);
        memcpy(at, &choice, sizeof choice);
        break;
    case LR_LIST:
        set_list(s, value, c);
        break;
    case LR_FLAG:
        break;
    }
}

/* What the library's sentences call a thing, and what it is called here. */
static const struct {
    const char *library, *here;
} words[] = {
    {"kind", "--schedule"},         {"base_lr", "--lr"},
    {"total", "the run's length"},  {"ADAMW_UNIT_STEP", "steps"},
    {"ADAMW_UNIT_EPOCH", "epochs"}, {"ADAMW_ANNEAL_COSINE", "cosine"},
    {"ADAMW_ANNEAL_SQRT", "sqrt"},  {"ADAMW_ANNEAL_LINEAR", "linear"},
};

void lr_fail_in_options(const char *sentence)
{
    static const char letters[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ_";
    char told[600] = "";
    size_t used = 0;
    for (const char *at = sentence; *at != '\0' && used < sizeof told - 64;) {
        const size_t length = strspn(at, letters);
        char option[40];
        const char *here = NULL;
        for (size_t i = 0; i < sizeof words / sizeof words[0]; i++)
            if (strlen(words[i].library) == length && strncmp(words[i].library, at, length) == 0)
                here = words[i].here;
        /* A field is the first word, or has an underscore: "warmup" further on is the English word. */
        if (here == NULL && length > 0 && length < 32 && (at == sentence || memchr(at, '_', length) != NULL)) {
            snprintf(option, sizeof option, "--%.*s", (int)length, at);
            for (char *c = option; *c != '\0'; c++)
                if (*c == '_')
                    *c = '-';
            for (int i = 0; i < lr_setting_count; i++)
                if (strcmp(lr_settings[i].name, option) == 0)
                    here = option;
        }
        const size_t taken = length > 0 ? length : 1;
        used += (size_t)snprintf(told + used, sizeof told - used, "%.*s", here != NULL ? 40 : (int)taken,
                                 here != NULL ? here : at);
        at += taken;
    }
    lr_fail("%s", told);
}
