/*
 * cmapss.c - NASA's C-MAPSS turbofan data (Saxena, Goebel, Simon, Eklund: "Damage Propagation Modeling for Aircraft
 * Engine Run-to-Failure Simulation", PHM08): engines that run to failure, engines cut short, and what the latter had
 * left. Sensors are normalised within their flight condition by the engines that train, constant ones are dropped,
 * and a sample is a window of 30 cycles whose target is the remaining life after it, capped at 125.
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "data.h"
#include "fail.h"

enum { SETTINGS = 3, SENSORS = 21, COLUMNS = 2 + SETTINGS + SENSORS, WINDOW = 30, CAP = 125, MAX_CONDITIONS = 16 };

typedef struct engine {
    size_t first, cycles; /* rows of the fleet */
    double left;          /* cycles after its last row */
} engine;

typedef struct fleet {
    size_t rows, engines;
    double *row; /* rows * COLUMNS */
    size_t *at;  /* the byte where each row begins, for errors */
    engine *engine;
    char name[1024];
} fleet;

/* What normalisation needs; told from the training engines alone. */
typedef struct condition {
    long altitude; /* rounded: it alone tells the conditions apart */
    double rows, sum[SENSORS], squares[SENSORS], low[SENSORS], high[SENSORS];
} condition;

typedef struct scaling {
    size_t conditions, kept;
    condition condition[MAX_CONDITIONS];
    int sensor[SENSORS]; /* the kept ones */
} scaling;

/* ---- text ---- */

/* One line of numbers; false at the end of the file. Leaves *at behind the line. */
static bool next_row(const file *x, size_t *at, int columns, double *row)
{
    if (*at == x->size)
        return false;
    int found = 0;
    for (;;) {
        *at += strspn(x->bytes + *at, " \t\r");
        const char *begin = x->bytes + *at;
        if (*begin == '\n')
            break;
        if (*at == x->size)
            fail("%s: byte %zu: truncated: the last line does not end", x->name, x->size);
        if (found == columns)
            fail("%s: byte %zu: more than %d columns", x->name, *at, columns);
        char *end;
        row[found] = strtod(begin, &end);
        if (end == begin || strchr(" \t\r\n", *end) == NULL || !isfinite(row[found]))
            fail("%s: byte %zu: not a number", x->name, *at);
        *at += (size_t)(end - begin);
        found++;
    }
    if (found != columns)
        fail("%s: byte %zu: the line ends after %d columns of %d", x->name, *at, found, columns);
    *at += 1;
    return true;
}

static size_t count_lines(const file *x)
{
    size_t lines = 0;
    for (const char *p = x->bytes; (p = memchr(p, '\n', x->size - (size_t)(p - x->bytes))) != NULL; p++)
        lines++;
    return lines;
}

static fleet read_fleet(const char *directory, const char *kind, const char *subset)
{
    char name[64];
    snprintf(name, sizeof name, "%s_%s.txt", kind, subset);
    file text = read_file(directory, name);
    const size_t lines = count_lines(&text) + 1;
    fleet x = {.row = allocate(lines * COLUMNS, sizeof(double)),
               .at = allocate(lines, sizeof(size_t)),
               .engine = allocate(lines, sizeof(engine))};
    memcpy(x.name, text.name, sizeof x.name);
    size_t at = 0;
    for (;;) {
        double *row = x.row + x.rows * COLUMNS;
        x.at[x.rows] = at;
        if (!next_row(&text, &at, COLUMNS, row))
            break;
        engine *last = x.engines != 0 ? &x.engine[x.engines - 1] : NULL;
        if (row[0] == (double)x.engines + 1 && row[1] == 1)
            x.engine[x.engines++] = (engine){.first = x.rows, .cycles = 1};
        else if (last != NULL && row[0] == (double)x.engines && row[1] == (double)last->cycles + 1)
            last->cycles++;
        else
            fail("%s: byte %zu: unit %g cycle %g does not follow unit %zu cycle %zu", text.name, x.at[x.rows], row[0],
                 row[1], x.engines, last != NULL ? last->cycles : 0);
        x.rows++;
    }
    if (x.rows == 0)
        fail("%s: byte 0: empty, it must have a row for each cycle of each unit", text.name);
    free_file(&text);
    return x;
}

static void read_lives(const char *directory, const char *subset, fleet *test)
{
    char name[64];
    snprintf(name, sizeof name, "RUL_%s.txt", subset);
    file text = read_file(directory, name);
    size_t at = 0, line = 0;
    double left;
    for (size_t begin = 0; next_row(&text, &at, 1, &left); begin = at) {
        if (left < 0)
            fail("%s: byte %zu: a remaining life of %g is negative", text.name, begin, left);
        if (line == test->engines)
            fail("%s: byte %zu: more lines than the %zu units of %s", text.name, begin, test->engines, test->name);
        test->engine[line++].left = left;
    }
    if (line != test->engines)
        fail("%s: byte %zu: truncated: %zu lines for the %zu units of %s", text.name, text.size, line, test->engines,
             test->name);
    free_file(&text);
}

static void free_fleet(fleet *x)
{
    free(x->row);
    free(x->at);
    free(x->engine);
}

/* ---- preparation ---- */

/* As the literature splits: the last fifth of FD001's hundred engines, every fifth engine of FD002. */
static bool validates(const char *subset, size_t unit)
{
    return strcmp(subset, "FD001") == 0 ? unit > 80 : unit % 5 == 0;
}

static condition *condition_of(scaling *x, const double *row)
{
    for (size_t i = 0; i < x->conditions; i++)
        if (x->condition[i].altitude == lround(row[2]))
            return &x->condition[i];
    return NULL;
}

static scaling measure(const fleet *x, const char *subset)
{
    scaling s = {.conditions = 0};
    for (size_t e = 0; e < x->engines; e++) {
        if (validates(subset, e + 1))
            continue;
        for (size_t r = x->engine[e].first; r < x->engine[e].first + x->engine[e].cycles; r++) {
            const double *row = x->row + r * COLUMNS;
            condition *c = condition_of(&s, row);
            if (c == NULL && s.conditions == MAX_CONDITIONS)
                fail("%s: byte %zu: more than %d flight conditions (column 3, rounded)", x->name, x->at[r],
                     MAX_CONDITIONS);
            if (c == NULL) {
                c = &s.condition[s.conditions++];
                *c = (condition){.altitude = lround(row[2])};
                memcpy(c->low, row + COLUMNS - SENSORS, sizeof c->low);
                memcpy(c->high, c->low, sizeof c->high);
            }
            c->rows++;
            for (int i = 0; i < SENSORS; i++) {
                const double value = row[COLUMNS - SENSORS + i];
                c->sum[i] += value;
                c->squares[i] += value * value;
                c->low[i] = fmin(c->low[i], value);
                c->high[i] = fmax(c->high[i], value);
            }
        }
    }
    for (int i = 0; i < SENSORS; i++) {
        bool varies = false;
        for (size_t c = 0; c < s.conditions; c++)
            varies |= s.condition[c].low[i] < s.condition[c].high[i];
        if (varies)
            s.sensor[s.kept++] = i;
    }
    if (s.kept == 0)
        fail("%s: byte 0: no sensor varies in the engines that train", x->name);
    return s;
}

static void normalise(scaling *s, const fleet *x, size_t r, float *to)
{
    const double *row = x->row + r * COLUMNS;
    const condition *c = condition_of(s, row);
    if (c == NULL)
        fail("%s: byte %zu: flight condition %ld (column 3, rounded) is in no engine that trains", x->name, x->at[r],
             lround(row[2]));
    for (size_t i = 0; i < s->kept; i++) {
        const int k = s->sensor[i];
        const double mean = c->sum[k] / c->rows, variance = c->squares[k] / c->rows - mean * mean;
        const bool varies = c->low[k] < c->high[k] && variance > 0;
        to[i] = varies ? (float)((row[COLUMNS - SENSORS + k] - mean) / sqrt(variance)) : 0;
    }
}

typedef bool chooser(const char *subset, size_t unit);
static bool trains(const char *subset, size_t unit) { return !validates(subset, unit); }
static bool any(const char *subset, size_t unit) { return (void)subset, unit != 0; }

/* Every window, or the last one alone, of the chosen engines; short ones are padded in front with their first row. */
static samples windows(scaling *s, const fleet *x, const char *subset, chooser *chosen, bool last_only)
{
    samples out = {.values = allocate((x->rows + x->engines * WINDOW) * s->kept, sizeof(float)),
                   .start = allocate(x->rows, sizeof(size_t)),
                   .target = allocate(x->rows, sizeof(float))};
    float *to = out.values;
    for (size_t e = 0; e < x->engines; e++) {
        const engine *unit = &x->engine[e];
        if (!chosen(subset, e + 1))
            continue;
        const size_t padding = unit->cycles < WINDOW ? WINDOW - unit->cycles : 0;
        const float *series = to;
        for (size_t i = 0; i < padding; i++, to += s->kept)
            normalise(s, x, unit->first, to);
        for (size_t i = 0; i < unit->cycles; i++, to += s->kept)
            normalise(s, x, unit->first + i, to);
        const size_t count = padding + unit->cycles - WINDOW + 1;
        for (size_t i = last_only ? count - 1 : 0; i < count; i++) {
            out.start[out.count] = (size_t)(series - out.values) + i * s->kept;
            out.target[out.count++] = (float)(fmin((double)CAP, unit->left + (double)(count - 1 - i)) / CAP);
        }
    }
    if (out.count == 0)
        fail("%s: byte 0: %zu units are too few to train and validate on", x->name, x->engines);
    return out;
}

task read_cmapss(const char *directory, const char *subset)
{
    fleet train = read_fleet(directory, "train", subset), test = read_fleet(directory, "test", subset);
    read_lives(directory, subset, &test);
    scaling s = measure(&train, subset);
    task x = {.metric = "RMSE cycles", .scale = CAP, .inputs = WINDOW * s.kept, .outputs = 1};
    snprintf(x.name, sizeof x.name, "C-MAPSS %s", subset);
    snprintf(x.file, sizeof x.file, "cmapss-%s", subset);
    x.train = windows(&s, &train, subset, trains, false);
    x.validation = windows(&s, &train, subset, validates, false);
    x.test = windows(&s, &test, subset, any, true);
    free_fleet(&train);
    free_fleet(&test);
    return x;
}
