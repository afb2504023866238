/*
 * trace.c - runs the library's scheduler over a metric, and makes or reads the metric.
 */
#include "lr.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

double *lr_metric(int64_t epochs, int plateaus)
{
    double *metric = lr_allocate((size_t)epochs, sizeof *metric);
    const double top = 20, bottom = 8;
    const int stretches = plateaus > 0 ? plateaus : 1;
    for (int64_t e = 0; e < epochs; e++) {
        const int64_t stretch = e * stretches / epochs, start = (stretch * epochs + stretches - 1) / stretches;
        const int64_t end = ((stretch + 1) * epochs + stretches - 1) / stretches, length = end - start;
        const int64_t most = length - (length + 9) / 10, quarter = epochs / 4;
        const int64_t flat = plateaus == 0 ? 0 : quarter < most ? quarter : most;
        const int64_t fall = length - flat > 0 ? length - flat : 1, into = e - start + 1;
        const double down = into < fall ? (double)into / (double)fall : 1;
        metric[e] = top - (top - bottom) * ((double)stretch + down) / stretches;
    }
    return metric;
}

static int64_t column_of(const char *path, char *header, const char *column)
{
    char *end;
    int64_t count = 1, found = -1;
    header[strcspn(header, "\r\n")] = '\0';
    for (char *comma = strchr(header, ','); comma != NULL; comma = strchr(comma + 1, ','))
        count++;
    if (column == NULL && count == 1)
        return 0;
    if (column == NULL)
        lr_fail("%s has %lld columns (%.200s): choose one with --column", path, (long long)count, header);
    int64_t index = 0;
    for (char *name = header; name != NULL; index++) {
        char *comma = strchr(name, ',');
        const size_t length = comma != NULL ? (size_t)(comma - name) : strlen(name);
        if (length == strlen(column) && strncmp(name, column, length) == 0)
            found = index;
        name = comma != NULL ? comma + 1 : NULL;
    }
    const long long number = strtoll(column, &end, 10);
    if (found < 0 && *end == '\0' && number >= 1 && number <= count)
        found = number - 1;
    if (found < 0)
        lr_fail("%s has no column '%s': it has %.200s", path, column, header);
    return found;
}

double *lr_read_metric(const char *path, const char *column, int64_t *epochs)
{
    FILE *file = fopen(path, "r");
    char line[4096];
    if (file == NULL)
        lr_fail("--metric: %s cannot be opened", path);
    if (fgets(line, sizeof line, file) == NULL)
        lr_fail("--metric: %s is empty", path);
    char first[4096], *end;
    memcpy(first, line, strlen(line) + 1);
    const int64_t wanted = column_of(path, first, column);
    strtod(line, &end);
    const bool has_header = end == line; /* a file may also begin with numbers at once */
    double *metric = NULL;
    int64_t count = 0;
    for (int64_t number = 1; number == 1 || fgets(line, sizeof line, file) != NULL; number++) {
        if ((number == 1 && has_header) || line[strspn(line, " \r\n")] == '\0')
            continue;
        char *at = line;
        for (int64_t c = 0; c < wanted && at != NULL; c++)
            at = strchr(at, ',') != NULL ? strchr(at, ',') + 1 : NULL;
        const double value = at != NULL ? strtod(at, &end) : 0;
        if (at == NULL || end == at || strchr(",\r\n", *end) == NULL)
            lr_fail("--metric: %s, line %lld has no number in column %lld", path, (long long)number,
                    (long long)wanted + 1);
        metric = realloc(metric, (size_t)(count + 1) * sizeof *metric);
        if (metric == NULL)
            lr_fail("no memory for %s", path);
        metric[count++] = value;
    }
    fclose(file);
    if (count == 0)
        lr_fail("--metric: %s has a header and no values", path);
    if (*epochs == 0)
        *epochs = count;
    if (*epochs > count)
        lr_fail("--epochs is %lld, but %s has %lld values: it must be at most that", (long long)*epochs, path,
                (long long)count);
    return metric;
}

static lr_trace trace_new(const adamw_schedule_config *c, int64_t epochs, int64_t steps_per_epoch)
{
    const bool steps = c->unit == ADAMW_UNIT_STEP || c->warmup_unit == ADAMW_UNIT_STEP;
    lr_trace t = {.epochs = epochs, .points_per_epoch = steps ? steps_per_epoch : 1};
    t.points = t.main_start = t.decay_start = epochs * t.points_per_epoch;
    if (c->kind == ADAMW_SCHEDULE_WSD)
        t.decay_start -= c->decay_length * (c->unit == ADAMW_UNIT_STEP ? 1 : t.points_per_epoch);
    t.lr = lr_allocate((size_t)t.points, sizeof(double));
    t.weight_decay = lr_allocate((size_t)t.points, sizeof(double));
    t.metric = lr_allocate((size_t)epochs, sizeof(double));
    t.events = lr_allocate((size_t)epochs, sizeof(unsigned));
    return t;
}

static adamw_schedule start(const adamw_schedule_config *recipe)
{
    adamw_schedule schedule;
    char said[256];
    if (adamw_schedule_init(&schedule, recipe) != ADAMW_OK) {
        adamw_schedule_explain(recipe, said, sizeof said);
        lr_fail("%s", said);
    }
    return schedule;
}

lr_trace lr_run(const adamw_schedule_config *recipe, int64_t epochs, int64_t steps_per_epoch, const double *metric)
{
    adamw_schedule s = start(recipe);
    lr_trace t = trace_new(recipe, epochs, steps_per_epoch);
    for (int64_t e = 0; e < epochs; e++) {
        for (int64_t i = e * t.points_per_epoch; i < (e + 1) * t.points_per_epoch; i++) {
            t.lr[i] = adamw_schedule_lr(&s);
            t.weight_decay[i] = adamw_schedule_weight_decay(&s);
            if (s.main_start >= 0 && i < t.main_start)
                t.main_start = i;
            adamw_schedule_step(&s);
        }
        t.metric[e] = metric[e];
        t.events[e] = adamw_schedule_epoch(&s, metric[e]);
    }
    return t;
}

lr_trace lr_run_feeding_warmup(const adamw_schedule_config *recipe, int64_t epochs, int64_t steps_per_epoch,
                               const double *metric)
{
    adamw_schedule_config fed = *recipe;
    fed.warmup = 0;
    lr_trace t = lr_run(recipe, epochs, steps_per_epoch, metric),
             early = lr_run(&fed, epochs, steps_per_epoch, metric);
    for (int64_t i = t.main_start; i < t.points; i++) { /* the warmup itself sets its rates from the full one */
        const int64_t e = i / t.points_per_epoch;
        t.lr[i] = early.lr[e * early.points_per_epoch];
    }
    memcpy(t.events, early.events, (size_t)epochs * sizeof *t.events);
    lr_free(&early);
    return t;
}

void lr_free(lr_trace *t)
{
    free(t->lr);
    free(t->weight_decay);
    free(t->metric);
    free(t->events);
}

const char *lr_phase(const lr_trace *t, int64_t point)
{
    return point < t->main_start ? "warmup" : point < t->decay_start ? "main" : "decay";
}
