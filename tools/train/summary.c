/*
 * summary.c - see summary.h.
 */
#include "summary.h"

#include <math.h>
#include <stdlib.h>

#include "fail.h"

const run *find_run(const run *runs, size_t count, adamw_decay decay, double weight_decay, uint64_t seed)
{
    for (size_t i = 0; i < count; i++)
        if (runs[i].decay == decay && runs[i].weight_decay == weight_decay && runs[i].seed == seed)
            return &runs[i];
    return NULL;
}

static int ascending(const void *a, const void *b)
{
    const double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

summary summary_of(const options *o, const run *runs, size_t count, adamw_decay decay, double weight_decay,
                   size_t figure)
{
    summary s = {.mean = 0};
    const size_t n = (size_t)o->seeds;
    double *x = allocate(n, sizeof *x);
    for (size_t i = 0; i < n; i++) {
        const run *r = find_run(runs, count, decay, weight_decay, o->seed + i);
        x[i] = figure == 0 ? r->test : r->norm[figure - 1];
        s.mean += x[i] / (double)n;
    }
    for (size_t i = 0; i < n && n > 1; i++)
        s.spread += (x[i] - s.mean) * (x[i] - s.mean) / (double)(n - 1);
    s.spread = sqrt(s.spread);
    qsort(x, n, sizeof *x, ascending);
    s.median = (x[(n - 1) / 2] + x[n / 2]) / 2;
    s.low = x[0];
    s.high = x[n - 1];
    free(x);
    return s;
}

size_t optimizers_of(const options *o, adamw_decay list[2])
{
    size_t found = 0;
    for (int d = ADAMW_DECAY_DECOUPLED; d <= ADAMW_DECAY_L2; d++)
        if (o->optimizers >> d & 1)
            list[found++] = (adamw_decay)d;
    return found;
}
