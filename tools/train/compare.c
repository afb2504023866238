/*
 * compare.c - the end of a training: the optimizers side by side, a line for each seed, then median, mean and spread.
 */
#include <stdio.h>

#include "results.h"
#include "summary.h"

static int cuts(const run *x)
{
    int sum = 0;
    for (int i = 0; i < x->epochs; i++)
        sum += x->epoch[i].cut;
    return sum;
}

void print_comparison(const options *o, const task *t, const run *runs, size_t count)
{
    adamw_decay columns[2];
    const size_t found = optimizers_of(o, columns);
    printf("\n%s, test %s with the weights of the best validation epoch\n%12s %8s", t->name, t->metric,
           "weight_decay", "seed");
    for (size_t c = 0; c < found; c++)
        printf("  | %-7s  (validation, best epoch, cuts)", optimizer_name(columns[c]));
    printf("\n");
    for (int w = 0; w < o->weight_decays; w++) {
        const double decay = o->weight_decay[w];
        for (int s = 0; s < o->seeds; s++) {
            const uint64_t seed = o->seed + (uint64_t)s;
            printf("%12g %8llu", decay, (unsigned long long)seed);
            for (size_t c = 0; c < found; c++) {
                const run *x = find_run(runs, count, columns[c], decay, seed);
                printf("  | %7.2f  (%10.2f, %10d, %4d)", x->test, x->validation, x->best + 1, cuts(x));
            }
            printf("\n");
        }
        printf("%12g %8s", decay, "median");
        for (size_t c = 0; c < found; c++)
            printf("  | %7.2f%32s", summary_of(o, runs, count, columns[c], decay, 0).median, "");
        printf("\n%12g %8s", decay, "mean");
        for (size_t c = 0; c < found; c++) {
            const summary s = summary_of(o, runs, count, columns[c], decay, 0);
            printf("  | %7.2f  +- %-27.2f", s.mean, s.spread);
        }
        printf("\n");
    }
    printf("\n");
}
