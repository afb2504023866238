/*
 * compare.c - the end of a training: the optimizers side by side, a line for each seed, then mean, spread and median.
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "fail.h"
#include "report.h"

static const run *find(const run *runs, size_t count, adamw_decay decay, double weight_decay, uint64_t seed)
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

typedef struct summary {
    double mean, spread, median;
} summary;

/* Spread: the standard deviation of a sample. Sorts. */
static summary summarise(double *x, size_t n)
{
    summary s = {.mean = 0};
    for (size_t i = 0; i < n; i++)
        s.mean += x[i] / (double)n;
    for (size_t i = 0; i < n && n > 1; i++)
        s.spread += (x[i] - s.mean) * (x[i] - s.mean) / (double)(n - 1);
    s.spread = sqrt(s.spread);
    qsort(x, n, sizeof *x, ascending);
    s.median = (x[(n - 1) / 2] + x[n / 2]) / 2;
    return s;
}

static int cuts(const run *x)
{
    int sum = 0;
    for (int i = 0; i < x->epochs; i++)
        sum += x->epoch[i].cut;
    return sum;
}

void print_comparison(const options *o, const task *t, const run *runs, size_t count)
{
    printf("\n%s, test %s with the weights of the best validation epoch\n%12s %8s", t->name, t->metric,
           "weight_decay", "seed");
    adamw_decay columns[2];
    size_t found = 0;
    for (int d = ADAMW_DECAY_DECOUPLED; d <= ADAMW_DECAY_L2; d++)
        if (o->optimizers >> d & 1)
            columns[found++] = (adamw_decay)d;
    for (size_t c = 0; c < found; c++)
        printf("  | %-7s  (validation, best epoch, cuts)", optimizer_name(columns[c]));
    printf("\n");

    double *test = allocate((size_t)o->seeds, sizeof *test);
    for (int w = 0; w < o->weight_decays; w++) {
        for (int s = 0; s < o->seeds; s++) {
            const uint64_t seed = o->seed + (uint64_t)s;
            printf("%12g %8llu", o->weight_decay[w], (unsigned long long)seed);
            for (size_t c = 0; c < found; c++) {
                const run *x = find(runs, count, columns[c], o->weight_decay[w], seed);
                printf("  | %7.2f  (%10.2f, %10d, %4d)", x->test, x->validation, x->best + 1, cuts(x));
            }
            printf("\n");
        }
        summary of[2];
        for (size_t c = 0; c < found; c++) {
            for (int s = 0; s < o->seeds; s++)
                test[s] = find(runs, count, columns[c], o->weight_decay[w], o->seed + (uint64_t)s)->test;
            of[c] = summarise(test, (size_t)o->seeds);
        }
        printf("%12g %8s", o->weight_decay[w], "median");
        for (size_t c = 0; c < found; c++)
            printf("  | %7.2f%32s", of[c].median, "");
        printf("\n%12g %8s", o->weight_decay[w], "mean");
        for (size_t c = 0; c < found; c++)
            printf("  | %7.2f  +- %-27.2f", of[c].mean, of[c].spread);
        printf("\n");
    }
    printf("\n");
    free(test);
}
