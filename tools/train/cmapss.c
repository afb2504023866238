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
#include "../common/shortest.h"
#include "fail.h"
#include "fleet.h"

enum { WINDOW = 30, CAP = 125, MAX_CONDITIONS = 16, FARTHEST = 1000000 };

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
                fail("%s: line %zu, column 3: more than %d flight conditions (the altitude, rounded)", x->name, r + 1,
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
        fail("%s: columns %d to %d: no sensor varies in the engines that train", x->name, COLUMNS - SENSORS + 1,
             COLUMNS);
    return s;
}

static void normalise(scaling *s, const fleet *x, size_t r, float *to)
{
    const double *row = x->row + r * COLUMNS;
    const condition *c = condition_of(s, row);
    if (c == NULL)
        fail("%s: line %zu, column 3: flight condition %ld (the altitude, rounded) is in no engine that trains",
             x->name, r + 1, lround(row[2]));
    for (size_t i = 0; i < s->kept; i++) {
        const int k = s->sensor[i];
        const double mean = c->sum[k] / c->rows, variance = c->squares[k] / c->rows - mean * mean;
        const bool varies = c->low[k] < c->high[k] && variance > 0;
        const double value = varies ? (row[COLUMNS - SENSORS + k] - mean) / sqrt(variance) : 0;
        if (!(fabs(value) <= FARTHEST))
            fail("%s: line %zu, column %d: %s is more than %d standard deviations from the engines that train",
                 x->name, r + 1, COLUMNS - SENSORS + k + 1, shortest_of(row[COLUMNS - SENSORS + k]).text, FARTHEST);
        to[i] = (float)value;
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
        fail("%s: %zu units are too few to train and validate on", x->name, x->engines);
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
