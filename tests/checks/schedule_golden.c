/*
 * schedule_golden.c - our rates against tests/data/schedules.txt, which tools/torch/schedules.py made from torch's
 * and Hugging Face's own schedulers; and the library's cosine and power against the C library's long double.
 */
#include "check.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../../kernels/schedule/functions.h"

static const char path[] = "tests/data/schedules.txt";
static const char title[] =
    "libadamw schedules 1, torch 2.13.0+cpu, transformers 5.24.0, cosine and power correctly rounded\n";

enum { MILESTONES = 8 };

/* Ends the text at its first `mark`; what lies behind it, or the end where there is none. */
static char *cut(char *text, char mark)
{
    char *behind = text + strcspn(text, (const char[]){mark, '\0'});
    if (*behind != '\0')
        *behind++ = '\0';
    return behind;
}

/* The recipe of a line: `name=value` for the fields that are not the default's. */
static bool read_recipe(char *line, adamw_schedule_config *c, int64_t milestones[MILESTONES])
{
    const struct {
        const char *name;
        double *real;
        int64_t *integer;
        void *choice;
    } fields[] = {
        {"kind", NULL, NULL, &c->kind},
        {"unit", NULL, NULL, &c->unit},
        {"warmup_unit", NULL, NULL, &c->warmup_unit},
        {"mode", NULL, NULL, &c->mode},
        {"threshold_mode", NULL, NULL, &c->threshold_mode},
        {"anneal", NULL, NULL, &c->anneal},
        {"base_lr", &c->base_lr, NULL, NULL},
        {"min_lr", &c->min_lr, NULL, NULL},
        {"warmup_start", &c->warmup_start, NULL, NULL},
        {"threshold", &c->threshold, NULL, NULL},
        {"factor", &c->factor, NULL, NULL},
        {"eps", &c->eps, NULL, NULL},
        {"gamma", &c->gamma, NULL, NULL},
        {"power", &c->power, NULL, NULL},
        {"pct_start", &c->pct_start, NULL, NULL},
        {"total", NULL, &c->total, NULL},
        {"warmup", NULL, &c->warmup, NULL},
        {"patience", NULL, &c->patience, NULL},
        {"cooldown", NULL, &c->cooldown, NULL},
        {"step_size", NULL, &c->step_size, NULL},
        {"period", NULL, &c->period, NULL},
        {"period_mult", NULL, &c->period_mult, NULL},
        {"timescale", NULL, &c->timescale, NULL},
        {"decay_length", NULL, &c->decay_length, NULL},
    };
    const size_t count = sizeof fields / sizeof fields[0];
    adamw_schedule_config_init(c);
    char *rest = cut(cut(line, ' '), ' ');
    while (*rest != '\0') {
        char *value = cut(rest, '='), *next = cut(value, ' ');
        const char *end = value + strlen(value);
        const int integer = (int)strtol(value, NULL, 10);
        size_t i = 0;
        while (i < count && strcmp(fields[i].name, rest) != 0)
            i++;
        if (i < count && fields[i].real != NULL)
            *fields[i].real = strtod(value, NULL);
        else if (i < count && fields[i].integer != NULL)
            *fields[i].integer = integer;
        else if (i < count)
            memcpy(fields[i].choice, &integer, sizeof integer);
        else if (strcmp(rest, "three_phase") == 0)
            c->three_phase = integer != 0;
        else if (strcmp(rest, "milestones") == 0)
            for (c->milestones = milestones; c->milestone_count < MILESTONES && value < end; value++)
                milestones[c->milestone_count++] = strtol(value, &value, 10);
        else
            return check_fail("%s names the field '%s'", path, rest);
        rest = next;
    }
    return true;
}

static uint64_t bits_of(double x)
{
    uint64_t word;
    memcpy(&word, &x, sizeof word);
    return word;
}

static double double_of(uint64_t word)
{
    double x;
    memcpy(&x, &word, sizeof x);
    return x;
}

static bool compare_rates(const char *source, adamw_schedule *s, char *values, bool exact, double *worst)
{
    const double ulp = nextafter(s->config.base_lr, 1) - s->config.base_lr;
    int t = 0;
    for (char *word = strtok(values, " "); word != NULL; word = strtok(NULL, " "), t++) {
        const double theirs = double_of(strtoull(word, NULL, 16)), ours = adamw_schedule_lr(s);
        const double off = fabs(ours - theirs) / ulp;
        if (off > *worst)
            *worst = off;
        if (exact ? bits_of(ours) != bits_of(theirs) : !(off <= 16))
            return check_fail("%s: rate %d is %a, ours %a, %g ulp of the base rate off", source, t, theirs, ours,
                              off);
        if (s->config.unit == ADAMW_UNIT_STEP)
            adamw_schedule_step(s);
        else
            adamw_schedule_epoch(s, NAN);
    }
    return true;
}

/* As in tools/torch/schedules.py. */
static double metric(int seed, int i, int offset)
{
    const uint64_t r = mix64(((uint64_t)seed << 32) + (uint64_t)i + 1);
    if (r % 31 == 0)
        return NAN;
    if (r % 37 == 0)
        return r % 2 ? INFINITY : seed % 2 ? -INFINITY : INFINITY;
    return (64.0 * offset - 4 * (i / 32) + (double)((r >> 40) % (uint64_t)(1 + seed % 3))) / 64;
}

static bool compare_plateau(adamw_schedule *s, const char *values)
{
    int seed, offset, steps, changes, used, found = 0;
    unsigned long long expected;
    if (sscanf(values, "%d %d %d %llx %d%n", &seed, &offset, &steps, &expected, &changes, &used) != 5)
        return check_fail("%s: a plateau's line cannot be read: %s", path, values);
    uint64_t digest = 0;
    double last = s->config.base_lr;
    for (int i = 0; i < steps; i++) {
        const unsigned events = adamw_schedule_epoch(s, metric(seed, i, offset));
        const double lr = adamw_schedule_lr(s);
        const uint64_t words[] = {bits_of(lr), bits_of(s->best), (uint64_t)s->bad, (uint64_t)s->cooldown_counter};
        for (int w = 0; w < 4; w++)
            digest = mix64(digest ^ words[w]);
        if (((events & ADAMW_EVENT_CUT) != 0) != (lr < last))
            return check_fail("the events %u go with %a after %a", events, lr, last);
        char entry[40];
        snprintf(entry, sizeof entry, " %d:%016" PRIx64, i, bits_of(lr));
        const int length = (int)strlen(entry);
        if (lr != last && found++ < 12) {
            if (strncmp(values + used, entry, (size_t)length) != 0)
                return check_fail("change %d is%s, theirs%.24s", found, entry, values + used);
            used += length;
        }
        last = lr;
    }
    return (digest == expected && found == changes) ||
           check_fail("%d changes, digest %016" PRIx64 " instead of %d, %016llx", found, digest, changes, expected);
}

bool check_schedule_golden(const check_options *options)
{
    (void)options;
    char *text = golden_read(path, title, "tools/torch/schedules.py");
    if (text == NULL)
        return false;
    int exact = 0, near = 0, plateaus = 0;
    double worst = 0, none = 0;
    bool right = true;
    for (char *line = text, *next; right && *line != '\0'; line = next) {
        char *values = cut(line, '\n');
        next = cut(values, '\n');
        char source[160], said[256];
        snprintf(source, sizeof source, "%s", line);
        adamw_schedule_config c;
        int64_t milestones[MILESTONES];
        adamw_schedule s;
        right = read_recipe(line, &c, milestones);
        if (right && adamw_schedule_init(&s, &c) != ADAMW_OK) {
            adamw_schedule_explain(&c, said, sizeof said);
            right = check_fail("%s is refused: %s", source, said);
        } else if (right && strncmp(source, "plateau ", 8) == 0) {
            adamw_schedule signed_mode = s;
            right = compare_plateau(&s, values);
            signed_mode.config.threshold_mode = ADAMW_THRESHOLD_REL_SIGNED;
            /* The sign-safe mode is torch's where no metric is negative: -inf comes with the odd seeds. */
            if (c.threshold_mode == ADAMW_THRESHOLD_REL && c.threshold >= 0 && c.threshold < 1 && values[0] == '2')
                right = right && compare_plateau(&signed_mode, values);
            plateaus++;
        } else if (right) {
            const bool same = strncmp(source, "exact ", 6) == 0;
            right = compare_rates(source, &s, values, same, same ? &none : &worst);
            same ? exact++ : near++;
        }
        if (!right)
            check_fail("in %s", source);
    }
    if (right && (exact != 105 || near != 85 || plateaus != 88))
        right = check_fail("%s has %d exact, %d near and %d plateau traces, not 105, 85 and 88", path, exact, near,
                           plateaus);
    free(text);
    return right && (worst > 0 || check_fail("the near traces are exact: say so in %s", path));
}

/* The sign-safe rule: a negative metric that stands still brings a cut, in both modes; torch's rule brings none. */
bool check_schedule_negative_metric(const check_options *options)
{
    (void)options;
    for (int mode = 0; mode < 2; mode++) {
        for (int sign_safe = 0; sign_safe < 2; sign_safe++) {
            adamw_schedule_config c;
            adamw_schedule_config_init(&c);
            c.kind = ADAMW_SCHEDULE_PLATEAU;
            c.mode = (adamw_mode)mode;
            c.threshold_mode = sign_safe ? ADAMW_THRESHOLD_REL_SIGNED : ADAMW_THRESHOLD_REL;
            adamw_schedule s;
            adamw_schedule_init(&s, &c);
            int cuts = 0, better = 0;
            for (int e = 0; e < 40; e++) { /* improves by 1 % an epoch, then stands still */
                const double size = 5 * pow(1.01, e < 10 ? e : 10);
                const unsigned events = adamw_schedule_epoch(&s, mode == 0 ? -size : -1 / size);
                cuts += (events & ADAMW_EVENT_CUT) != 0;
                better += (events & ADAMW_EVENT_BETTER) != 0;
            }
            const int cuts_due = sign_safe ? 2 : 0, better_due = sign_safe ? 11 : 40;
            if (cuts != cuts_due || better != better_due)
                return check_fail("mode %d, sign-safe %d: %d cuts, %d better", mode, sign_safe, cuts, better);
        }
    }
    return true;
}

/* Within half an ulp and what long double leaves open; the digest is the same on every platform. */
static bool nearest(const char *name, double ours, long double exact)
{
    const double size = fabs(ours), ulp = nextafter(size, INFINITY) - size;
    return fabsl((long double)ours - exact) <= 0.5005L * ulp || check_fail("%s: %a for %La", name, ours, exact);
}

bool check_schedule_functions(const check_options *options)
{
    uint64_t digest = 0;
    const int longest = options->quick ? 40 : 400;
    for (int n = 1; n <= longest; n++)
        for (int k = 0; k <= n; k++) {
            const double x = 0x1.921fb54442d18p+1 * k / n, y = adamw_cos(x);
            digest = mix64(digest ^ bits_of(y));
            if (!nearest("cosine", y, cosl(x)))
                return false;
        }
    for (uint64_t i = 0; i < (options->quick ? 2000 : 100000); i++) {
        const uint64_t r = mix64(i + 1);
        const double x = (double)(r >> 11) * 0x1p-53, y = (double)(r % 1000) / 200 * (i % 3 == 0 ? 100 : 1);
        const double power = adamw_pow(x, y);
        if (i < 2000)
            digest = mix64(digest ^ bits_of(power));
        if (power > 0x1p-1000 && !nearest("power", power, powl(x, y)))
            return false;
    }
    /* Exact cases, ties among them, and the ends of the range. */
    if (adamw_cos(0) != 1 || adamw_pow(0, 2) != 0 || adamw_pow(0, 0) != 1 || adamw_pow(1, 1e300) != 1 ||
        adamw_pow(0.5, 1074) != 0x1p-1074 || adamw_pow(0.5, 1e300) != 0 || adamw_pow(0.3, 1) != 0.3 ||
        adamw_pow(0.75, 34) != 0x1.d9fe779881944p-15 || adamw_pow(0x1p-1074, 0.5) != 0x1p-537 ||
        adamw_pow(0.3, 0x1p-1074) != 1)
        return check_fail("an exact cosine or power is not");
    if (!options->quick && digest != UINT64_C(0xE1B62BD4325EACAC))
        return check_fail("the cosines and powers have other bits than on other platforms: %016" PRIx64, digest);
    return true;
}
