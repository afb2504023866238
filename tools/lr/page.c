/*
 * page.c - one self-contained HTML page with two sliders, patience and plateaus. The page draws; every number in it
 * comes from the library's scheduler, run here for each place of the sliders. The page itself is page.html.
 */
#include "lr.h"

#include <stdlib.h>
#include <string.h>

/* The lines of page.html, made by the rules. */
static const char *const page_lines[] = {
#include "page.inc"
};
enum { PAGE_LINES = sizeof page_lines / sizeof page_lines[0] };

enum { MOST_PATIENCE = 100, MOST_PLATEAUS = 6 };

/* How many epochs begin in the warmup. */
static int64_t warm_epochs(const lr_trace *t)
{
    return (t->main_start + t->points_per_epoch - 1) / t->points_per_epoch;
}

/* [epoch, rate, epoch, rate, ...] of the main phase: its first epoch, and each one with another rate. */
static void write_changes(FILE *to, const lr_trace *t)
{
    const int64_t first = warm_epochs(t);
    fputc('[', to);
    for (int64_t e = first; e < t->epochs; e++) {
        const double lr = t->lr[e * t->points_per_epoch];
        if (e == first || lr != t->lr[(e - 1) * t->points_per_epoch])
            fprintf(to, "%s%lld,%.9g", e > first ? "," : "", (long long)e, lr);
    }
    fputc(']', to);
}

/* The rates of the warmup's epochs, which are those of every trace. */
static void write_warmup(FILE *to, const lr_options *o)
{
    double *metric = lr_metric(o->epochs, 1);
    lr_trace t = lr_run(&o->recipe, o->epochs, o->steps_per_epoch, metric);
    fputs("\"warm\":[", to);
    for (int64_t e = 0; e < warm_epochs(&t); e++)
        fprintf(to, "%s%.9g", e > 0 ? "," : "", t.lr[e * t.points_per_epoch]);
    fputs("],\n", to);
    lr_free(&t);
    free(metric);
}

static void write_data(FILE *to, const lr_options *o)
{
    adamw_schedule_config recipe = o->recipe;
    const int64_t start = recipe.patience < MOST_PATIENCE ? recipe.patience : MOST_PATIENCE;
    const int64_t first = recipe.fire_at_patience ? 1 : 0;
    fprintf(to, "{\"name\":\"%s\",\"epochs\":%lld,\"base\":%.9g,\"min\":%.9g,\"factor\":%.9g,", o->name,
            (long long)o->epochs, recipe.base_lr, recipe.min_lr, recipe.factor);
    write_warmup(to, o);
    fprintf(to, "\"patience\":[%lld,%d,%lld],\"plateaus\":[1,%d,%d],\n\"metric\":[", (long long)first, MOST_PATIENCE,
            (long long)start, MOST_PLATEAUS,
            o->plateaus < 1               ? 1
            : o->plateaus > MOST_PLATEAUS ? MOST_PLATEAUS
                                          : o->plateaus);
    for (int k = 1; k <= MOST_PLATEAUS; k++) {
        double *metric = lr_metric(o->epochs, k);
        for (int64_t e = 0; e < o->epochs; e++)
            fprintf(to, "%s%.5g", e > 0 ? "," : k > 1 ? "],\n[" : "[", metric[e]);
        free(metric);
    }
    fputs("]]", to);
    for (int wrong = 0; wrong < 2; wrong++) { /* right[k - 1][patience - first], then the wrong ones */
        fprintf(to, ",\n\"%s\":[", wrong ? "wrong" : "right");
        for (int k = 1; k <= MOST_PLATEAUS; k++) {
            double *metric = lr_metric(o->epochs, k);
            for (recipe.patience = first; recipe.patience <= MOST_PATIENCE; recipe.patience++) {
                lr_trace t = (wrong ? lr_run_feeding_warmup : lr_run)(&recipe, o->epochs, o->steps_per_epoch, metric);
                fputs(recipe.patience > first ? ",\n" : k > 1 ? "],\n[" : "[", to);
                write_changes(to, &t);
                lr_free(&t);
            }
            free(metric);
        }
        fputs("]]", to);
    }
    fputs("}", to);
}

void lr_write_page(const lr_options *o)
{
    FILE *file = lr_open(o->html);
    for (int i = 0; i < PAGE_LINES; i++)
        if (strcmp(page_lines[i], "@DATA@\n") == 0)
            write_data(file, o);
        else
            fputs(page_lines[i], file);
    lr_commit();
}
