/*
 * state.c - a schedule as text and back. One table of the fields drives both ways. A text is loaded only if it is,
 * byte for byte, what adamw_schedule_save() writes for the recipe at hand and the state that the text names.
 */
#include "../plan/message.h"
#include "internal.h"
#include "numbers.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

static const char title[] = "libadamw schedule 1\n";
static const char title_of_any_version[] = "libadamw schedule ";
enum { END_LINE = sizeof "end 0123456789abcdef\n" - 1 }; /* the last line: a checksum of all before it */

typedef enum field_type { FIELD_KIND, FIELD_CHOICE, FIELD_BOOL, FIELD_INTEGER, FIELD_REAL } field_type;

/* X(type, name, member): the settings, which must agree, and the state, which is taken over. */
#define SETTINGS(X)                                                                                                  \
    X(FIELD_KIND, kind)                                                                                              \
    X(FIELD_CHOICE, unit)                                                                                            \
    X(FIELD_REAL, base_lr)                                                                                           \
    X(FIELD_REAL, min_lr)                                                                                            \
    X(FIELD_INTEGER, total)                                                                                          \
    X(FIELD_REAL, warmup_start)                                                                                      \
    X(FIELD_INTEGER, warmup)                                                                                         \
    X(FIELD_CHOICE, warmup_unit)                                                                                     \
    X(FIELD_CHOICE, mode)                                                                                            \
    X(FIELD_CHOICE, threshold_mode)                                                                                  \
    X(FIELD_BOOL, fire_at_patience)                                                                                  \
    X(FIELD_REAL, threshold)                                                                                         \
    X(FIELD_REAL, factor)                                                                                            \
    X(FIELD_REAL, eps)                                                                                               \
    X(FIELD_INTEGER, patience)                                                                                       \
    X(FIELD_INTEGER, cooldown)                                                                                       \
    X(FIELD_REAL, gamma)                                                                                             \
    X(FIELD_REAL, power)                                                                                             \
    X(FIELD_INTEGER, step_size)                                                                                      \
    X(FIELD_INTEGER, period)                                                                                         \
    X(FIELD_INTEGER, period_mult)                                                                                    \
    X(FIELD_INTEGER, timescale)                                                                                      \
    X(FIELD_INTEGER, decay_length)                                                                                   \
    X(FIELD_CHOICE, anneal)                                                                                          \
    X(FIELD_BOOL, three_phase)                                                                                       \
    X(FIELD_REAL, pct_start)                                                                                         \
    X(FIELD_REAL, div_factor)                                                                                        \
    X(FIELD_REAL, final_div_factor)                                                                                  \
    X(FIELD_REAL, weight_decay)                                                                                      \
    X(FIELD_REAL, weight_decay_end)                                                                                  \
    X(FIELD_REAL, weight_decay_gamma)                                                                                \
    X(FIELD_CHOICE, weight_decay_kind)

#define STATE(X)                                                                                                     \
    X(FIELD_INTEGER, step)                                                                                           \
    X(FIELD_INTEGER, epoch)                                                                                          \
    X(FIELD_INTEGER, main_start)                                                                                     \
    X(FIELD_REAL, lr)                                                                                                \
    X(FIELD_REAL, best)                                                                                              \
    X(FIELD_INTEGER, bad)                                                                                            \
    X(FIELD_INTEGER, cooldown_counter)                                                                               \
    X(FIELD_INTEGER, cuts)

typedef struct field {
    field_type type;
    const char *name;
    size_t offset; /* in an adamw_schedule */
} field;

static const field settings[] = {
#define FIELD(type, member) {type, #member, offsetof(adamw_schedule, config.member)},
    SETTINGS(FIELD)
#undef FIELD
};
static const field states[] = {
#define FIELD(type, member) {type, #member, offsetof(adamw_schedule, member)},
    STATE(FIELD)
#undef FIELD
};
enum { SETTING_COUNT = sizeof settings / sizeof settings[0], STATE_COUNT = sizeof states / sizeof states[0] };
enum { VALUE_SIZE = 48 };

/* ---- one value ---- */

static void write_value(char *to, const adamw_schedule *s, const field *f)
{
    const char *at = (const char *)s + f->offset;
    int choice;
    int64_t integer;
    double real;
    switch (f->type) {
    case FIELD_KIND:
        snprintf(to, VALUE_SIZE, "%s", adamw_schedule_name(s->config.kind));
        break;
    case FIELD_CHOICE:
        memcpy(&choice, at, sizeof choice);
        snprintf(to, VALUE_SIZE, "%d", choice);
        break;
    case FIELD_BOOL:
        snprintf(to, VALUE_SIZE, "%d", *(const bool *)at);
        break;
    case FIELD_INTEGER:
        memcpy(&integer, at, sizeof integer);
        snprintf(to, VALUE_SIZE, "%" PRId64, integer);
        break;
    case FIELD_REAL:
        memcpy(&real, at, sizeof real);
        adamw_write_real(to, VALUE_SIZE, real);
        break;
    }
}

/* ---- the whole text ---- */

/* FNV-1a (Fowler, Noll, Vo): enough to tell an accident. */
static uint64_t checksum(const void *data, size_t size)
{
    uint64_t sum = UINT64_C(0xCBF29CE484222325);
    for (size_t i = 0; i < size; i++)
        sum = (sum ^ ((const unsigned char *)data)[i]) * UINT64_C(0x100000001B3);
    return sum;
}

/* Appends a line, and fails no other way than by a longer length than there is room. */
typedef struct writer {
    char text[ADAMW_SCHEDULE_TEXT_SIZE];
    size_t length;
} writer;

static void write_line(writer *w, const char *key, const char *value)
{
    w->length += (size_t)snprintf(w->text + w->length, sizeof w->text - w->length, "%s %s\n", key, value);
}

static void list_value(char *to, bool used, const int64_t *list, size_t count)
{
    const size_t n = used ? count : 0;
    snprintf(to, VALUE_SIZE, "%zu %016" PRIx64, n, n != 0 ? checksum(list, n * sizeof *list) : 0);
}

static void write_settings(writer *w, const adamw_schedule *s)
{
    const adamw_schedule_config *c = &s->config;
    char value[VALUE_SIZE];
    for (int i = 0; i < SETTING_COUNT; i++) {
        write_value(value, s, &settings[i]);
        write_line(w, settings[i].name, value);
    }
    list_value(value, c->kind == ADAMW_SCHEDULE_MULTISTEP, c->milestones, c->milestone_count);
    write_line(w, "milestones", value);
    list_value(value, c->weight_decay_kind == ADAMW_WEIGHT_DECAY_STEPS, c->weight_decay_milestones,
               c->weight_decay_milestone_count);
    write_line(w, "weight_decay_milestones", value);
}

/* The state as it is saved. Only a plateau has the members of one, and before its first metric all but the rate is as
 * at the start. The rate lies between the two of the recipe as it is now: the caller may have changed them since. */
static adamw_schedule saved_form(const adamw_schedule *s)
{
    const adamw_schedule_config *c = &s->config;
    const bool plateau = c->kind == ADAMW_SCHEDULE_PLATEAU && s->main_start >= 0;
    adamw_schedule saved = *s;
    if (!plateau || s->main_start == s->epoch) {
        saved.best = c->mode == ADAMW_MODE_MIN ? INFINITY : -INFINITY;
        saved.bad = saved.cooldown_counter = saved.cuts = 0;
    }
    saved.lr = plateau ? adamw_plateau_within(s->lr, c->base_lr, c->min_lr) : c->base_lr;
    if (saved.lr == 0)
        saved.lr = 0; /* never -0 */
    return saved;
}

static void write_all(writer *w, const adamw_schedule *s)
{
    char value[VALUE_SIZE];
    const adamw_schedule saved = saved_form(s);
    w->length = (size_t)snprintf(w->text, sizeof w->text, "%s", title);
    write_settings(w, s);
    for (int i = 0; i < STATE_COUNT; i++) {
        write_value(value, &saved, &states[i]);
        write_line(w, states[i].name, value);
    }
    snprintf(value, sizeof value, "%016" PRIx64, checksum(w->text, w->length));
    write_line(w, "end", value);
}

size_t adamw_schedule_save(const adamw_schedule *schedule, char *buffer, size_t size)
{
    writer w = {.length = 0};
    if (schedule != NULL)
        write_all(&w, schedule);
    if (buffer != NULL && size != 0)
        snprintf(buffer, size, "%s", w.text);
    return w.length;
}

/* ---- loading ---- */

#define FAIL(...) adamw_schedule_fail(to, ADAMW_ERROR_STATE, __VA_ARGS__)

/* The text as a whole: its title, its end, its checksum. */
static adamw_status check_text(const char *text, size_t length, schedule_sentence to)
{
    if (length < strlen(title_of_any_version) ||
        memcmp(text, title_of_any_version, strlen(title_of_any_version)) != 0)
        return FAIL("the text does not begin with '%s1': it is no saved schedule", title_of_any_version);
    if (length < strlen(title) || memcmp(text, title, strlen(title)) != 0)
        return FAIL("the text is of another version: this library reads '%s1'", title_of_any_version);
    if (length < strlen(title) + END_LINE || memcmp(text + length - END_LINE, "end ", 4) != 0 ||
        text[length - 1] != '\n')
        return FAIL("the text is cut off after %zu bytes: its last line must be 'end' with the checksum", length);
    char sum[VALUE_SIZE];
    snprintf(sum, sizeof sum, "end %016" PRIx64 "\n", checksum(text, length - END_LINE));
    if (memcmp(text + length - END_LINE, sum, END_LINE) != 0)
        return FAIL("the text was edited: its checksum must be %.16s", sum + 4);
    return ADAMW_OK;
}

/* The next line's value; false if its key is another. `at` moves to the line behind it. */
static bool next_value(const char **at, const char *end, const char *key, char *value)
{
    const size_t n = strlen(key);
    const char *newline = memchr(*at, '\n', (size_t)(end - *at));
    if (newline == NULL || (size_t)(newline - *at) <= n + 1 || memcmp(*at, key, n) != 0 || (*at)[n] != ' ')
        return false;
    const size_t size = (size_t)(newline - *at) - n - 1;
    if (size >= VALUE_SIZE)
        return false;
    for (size_t i = 0; i < size; i++) {
        value[i] = (*at)[n + 1 + i];
        if (value[i] < ' ' || value[i] > '~') /* signed or not */
            return false;
    }
    value[size] = '\0';
    *at = newline + 1;
    return true;
}

/* What no run can have reached. */
static adamw_status check_state(const adamw_schedule *s, schedule_sentence to)
{
    const adamw_schedule_config *c = &s->config;
    const int64_t now = c->unit == ADAMW_UNIT_STEP ? s->step : s->epoch;
    const int64_t warm = c->warmup_unit == ADAMW_UNIT_STEP ? s->step : s->epoch;
    const bool began = s->main_start >= 0;
    const int64_t fed = began ? now - s->main_start : 0; /* the metrics that a plateau has seen: it counts epochs */
    if (s->step < 0 || s->epoch < 0 || s->step > SCHEDULE_LONGEST || s->epoch > SCHEDULE_LONGEST)
        return FAIL("step is %" PRId64 " and epoch %" PRId64 ": both must be from 0 to 2^53", s->step, s->epoch);
    if (s->main_start < -1 || s->main_start > now || (began && warm < c->warmup) || (!began && c->warmup == 0) ||
        (c->unit == c->warmup_unit && began != (warm >= c->warmup)))
        return FAIL("main_start is %" PRId64 ", which does not go with step %" PRId64 ", epoch %" PRId64
                    " and a warmup of %" PRId64,
                    s->main_start, s->step, s->epoch, c->warmup);
    if (isnan(s->best))
        return FAIL("best is NaN: no such metric is ever better");
    const adamw_schedule saved = saved_form(s);
    if (s->best != saved.best || s->bad != saved.bad || s->cooldown_counter != saved.cooldown_counter ||
        s->cuts != saved.cuts)
        return FAIL("best, bad, cooldown_counter and cuts are %s, %" PRId64 ", %" PRId64 " and %" PRId64
                    ": before a plateau's first metric they must be %s, 0, 0 and 0",
                    adamw_number_of(s->best).text, s->bad, s->cooldown_counter, s->cuts,
                    adamw_number_of(saved.best).text);
    if (s->lr != saved.lr || signbit(s->lr)) {
        if (c->kind == ADAMW_SCHEDULE_PLATEAU && began)
            return FAIL("lr is %s: it must be from min_lr, %s, to base_lr, %s", adamw_number_of(s->lr).text,
                        adamw_number_of(c->min_lr).text, adamw_number_of(c->base_lr).text);
        return FAIL("lr is %s: before and without a plateau it must be base_lr, %s", adamw_number_of(s->lr).text,
                    adamw_number_of(c->base_lr).text);
    }
    if (s->bad < 0 || s->cuts < 0 || s->bad > fed || s->cuts > fed - s->bad)
        return FAIL("bad is %" PRId64 " and cuts %" PRId64
                    ": both must be at least 0, and together at most the %" PRId64 " metrics so far",
                    s->bad, s->cuts, fed);
    if (s->cooldown_counter < 0 || s->cooldown_counter > SCHEDULE_LONGEST ||
        (s->cuts == 0 && s->cooldown_counter > 0))
        return FAIL("cooldown_counter is %" PRId64 ": it must be from 0 to 2^53, and 0 before the first cut",
                    s->cooldown_counter);
    return ADAMW_OK;
}

/* Into `loaded`, which is `schedule` with the text's state, and of no use where the text is refused. */
static adamw_status read_all(adamw_schedule *loaded, const adamw_schedule *schedule, const char *text, size_t length,
                             schedule_sentence to)
{
    if (schedule == NULL || text == NULL)
        return adamw_schedule_fail(to, ADAMW_ERROR_INVALID_ARGUMENT, "%s is NULL: it must be %s",
                                   schedule == NULL ? "schedule" : "text",
                                   schedule == NULL ? "a started one" : "what adamw_schedule_save() wrote");
    adamw_status status = check_text(text, length, to);
    if (status != ADAMW_OK)
        return status;

    *loaded = *schedule;
    writer own = {.length = 0};
    write_settings(&own, schedule);
    const char *at = text + strlen(title), *const end = text + length, *expected = own.text;
    while (expected < own.text + own.length) {
        char key[VALUE_SIZE], mine[VALUE_SIZE], value[VALUE_SIZE];
        const size_t key_length = (size_t)(strchr(expected, ' ') - expected);
        memcpy(key, expected, key_length);
        key[key_length] = '\0';
        next_value(&expected, own.text + own.length, key, mine);
        if (!next_value(&at, end, key, value))
            return FAIL("the text has no %s where it must stand", key);
        if (strcmp(value, mine) != 0)
            return FAIL("%s is %s in the text, but %s in the schedule: start it with the recipe that was saved", key,
                        value, mine);
    }
    for (int i = 0; i < STATE_COUNT; i++) {
        char value[VALUE_SIZE], again[VALUE_SIZE];
        char *member = (char *)loaded + states[i].offset;
        if (!next_value(&at, end, states[i].name, value))
            return FAIL("the text has no %s where it must stand", states[i].name);
        if (states[i].type == FIELD_REAL)
            memcpy(member, &(double){adamw_read_real(value)}, sizeof(double));
        else
            memcpy(member, &(int64_t){adamw_read_integer(value)}, sizeof(int64_t));
        write_value(again, loaded, &states[i]);
        if (strcmp(value, again) != 0)
            return FAIL("%s is '%s', which is not as a saved schedule writes a number", states[i].name, value);
    }
    if (at != end - END_LINE)
        return FAIL("the text has more lines than a saved schedule");
    return check_state(loaded, to);
}

adamw_status adamw_schedule_load(adamw_schedule *schedule, const char *text, size_t length)
{
    adamw_schedule loaded;
    const adamw_status status = read_all(&loaded, schedule, text, length, (schedule_sentence){NULL, 0});
    if (status != ADAMW_OK)
        return status;
    *schedule = loaded;
    return ADAMW_OK;
}

adamw_status adamw_schedule_load_explain(const adamw_schedule *schedule, const char *text, size_t length,
                                         char *buffer, size_t size)
{
    adamw_schedule loaded;
    const schedule_sentence to = {buffer, buffer != NULL ? size : 0};
    return adamw_schedule_told(read_all(&loaded, schedule, text, length, to), to);
}
