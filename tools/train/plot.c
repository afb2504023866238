/*
 * plot.c - the learning curves as one SVG, drawn by gnuplot from data that goes with the commands: validation metric,
 * loss and rate over the epochs. A curve is the mean over the seeds of one optimizer and one weight decay; with a
 * single weight decay a band from the lowest to the highest seed lies behind it, and dots mark each seed's best
 * epoch.
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "drawing.h"
#include "fail.h"
#include "results.h"
#include "summary.h"

/* The runs of one optimizer and one weight decay. */
typedef struct group {
    adamw_decay decay;
    double weight_decay;
    const run **run; /* one for each seed */
    size_t seeds;
} group;

/* An epoch of a group. */
typedef struct point {
    double train_loss, loss, metric, low, high, lr; /* means over the seeds; of the metric also the extremes */
} point;

static point point_of(const group *g, int k)
{
    const double n = (double)g->seeds, first = g->run[0]->epoch[k].validation;
    point p = {.low = first, .high = first};
    for (size_t i = 0; i < g->seeds; i++) {
        const epoch *e = &g->run[i]->epoch[k];
        p.train_loss += e->train_loss / n;
        p.loss += e->validation_loss / n;
        p.metric += e->validation / n;
        p.lr += e->lr / n;
        p.low = fmin(p.low, e->validation);
        p.high = fmax(p.high, e->validation);
    }
    return p;
}

/* Two named blocks of data for each group: its epochs, and the best epoch of each seed. Numbers without a digit, of a
 * run that went astray, are left out by gnuplot. */
static void write_data(FILE *to, const group *groups, size_t count, int epochs)
{
    for (size_t i = 0; i < count; i++) {
        fprintf(to, "$curve%zu << END\n", i);
        for (int k = 0; k < epochs; k++) {
            const point p = point_of(&groups[i], k);
            fprintf(to, "%d %.9g %.9g %.9g %.9g %.9g %.9g\n", k + 1, p.train_loss, p.loss, p.metric, p.low, p.high,
                    p.lr);
        }
        fprintf(to, "END\n$best%zu << END\n", i);
        for (size_t s = 0; s < groups[i].seeds; s++)
            fprintf(to, "%d %.9g\n", groups[i].run[s]->best + 1, groups[i].run[s]->validation);
        fputs("END\n", to);
    }
}

static int ascending(const void *a, const void *b)
{
    const double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

typedef struct range {
    double low, high;
} range;

/* The values of interest of a metric: from the best one to where five of six epochs lie, so that the first epochs do
 * not flatten the rest. */
static range metric_range(const group *groups, size_t count, int epochs, bool higher_is_better)
{
    const size_t n = count * (size_t)epochs;
    double *all = allocate(n, sizeof *all);
    range r = {INFINITY, -INFINITY};
    size_t finite = 0;
    for (size_t i = 0; i < count; i++)
        for (int k = 0; k < epochs; k++) {
            const point p = point_of(&groups[i], k);
            if (!isfinite(p.metric))
                continue;
            all[finite++] = p.metric;
            r.low = fmin(r.low, p.low);
            r.high = fmax(r.high, p.high);
        }
    if (finite > 0) {
        qsort(all, finite, sizeof *all, ascending);
        const double far = all[higher_is_better ? finite / 6 : finite - 1 - finite / 6];
        *(higher_is_better ? &r.low : &r.high) = far;
    }
    free(all);
    const double margin = 0.08 * (r.high - r.low);
    if (finite == 0 || !(margin > 0))
        return (range){0, finite != 0 && r.high > 0 ? 2 * r.high : 1};
    return (range){r.low - margin, r.high + margin};
}

/* The optimizers' names beside the mean of their last epoch, the test figure under them where there is one. */
static void write_names(FILE *to, const options *o, const group *groups, size_t count, int epochs, range y)
{
    end_label labels[2];
    size_t found = 0;
    for (size_t i = 0; i < count && found < 2; i++) {
        const group *g = &groups[i];
        if (found > 0 && g->decay == groups[0].decay)
            continue;
        end_label *l = &labels[found++];
        *l = (end_label){.colour = drawing_colour(g->decay), .y = point_of(g, epochs - 1).metric};
        double test = 0;
        for (size_t s = 0; s < g->seeds; s++)
            test += g->run[s]->test / (double)g->seeds;
        if (o->weight_decays == 1)
            snprintf(l->text, sizeof l->text, "%s\\ntest %.2f", drawing_name(g->decay), test);
        else
            snprintf(l->text, sizeof l->text, "%s,\\n%d decays", drawing_name(g->decay), o->weight_decays);
        if (!isfinite(l->y))
            l->y = y.high;
    }
    drawing_labels(to, labels, found, y.low, y.high, false);
}

/* One curve a group; `columns` and style are gnuplot's. */
static void write_curves(FILE *to, const group *groups, size_t count, const char *block, const char *columns,
                         const char *style)
{
    for (size_t i = 0; i < count; i++)
        fprintf(to, "$%s%zu using %s with %s linecolor rgb %s, ", block, i, columns, style,
                drawing_colour(groups[i].decay));
}

static void write_metric(FILE *to, const options *o, const task *t, const group *groups, size_t count, int epochs)
{
    const bool bands = o->weight_decays == 1 && o->seeds > 1;
    const range y = metric_range(groups, count, epochs, t->classify);
    char shown[160];
    snprintf(shown, sizeof shown, "mean of %d seed%s%s", o->seeds, o->seeds == 1 ? "" : "s",
             bands ? ", band from lowest to highest" : "");
    fputs("set multiplot\nset size 1,0.52\nset origin 0,0.48\nset title ", to);
    drawing_title(to, t, shown);
    fprintf(to, "\nset yrange [%.9g:%.9g]\nset ylabel 'validation %s'\nset format x ''\n", y.low, y.high, t->metric);
    write_names(to, o, groups, count, epochs, y);
    if (o->weight_decays == 1)
        fputs("set label 'dots: best epochs' at graph 1.02, graph 0.02 textcolor rgb ink\n", to);
    fputs("plot ", to);
    if (bands)
        write_curves(to, groups, count, "curve", "1:5:6", "filledcurves fillstyle transparent solid 0.18 noborder");
    write_curves(to, groups, count, "curve", "1:4", "lines linewidth 2");
    if (o->weight_decays == 1)
        write_curves(to, groups, count, "best", "1:2", "points pointtype 7 pointsize 0.7");
    fputs("NaN notitle\nunset title\n", to);
}

static void write_loss_and_rate(FILE *to, const group *groups, size_t count, int epochs)
{
    bool rate = false;
    for (size_t i = 0; i < count; i++)
        for (int k = 0; k < epochs; k++)
            rate = rate || groups[i].run[0]->epoch[k].lr > 0;
    fputs("unset label\nset autoscale y\nset logscale y\nset size 1,0.25\nset origin 0,0.25\nset ylabel 'loss'\n"
          "set label 'solid: validation' at graph 1.02, graph 0.9 textcolor rgb ink\n"
          "set label 'dashed: training' at graph 1.02, graph 0.7 textcolor rgb ink\nplot ",
          to);
    write_curves(to, groups, count, "curve", "1:2", "lines dashtype 2 linewidth 1.5");
    write_curves(to, groups, count, "curve", "1:3", "lines linewidth 2");
    fputs(
        "NaN notitle\nunset label\nset size 1,0.25\nset origin 0,0\nset ylabel 'learning rate'\nset xlabel 'epoch'\n"
        "set format x '%g'\nset format y '%.0e'\n",
        to);
    if (!rate) /* a short warmup from 0 */
        fputs("unset logscale y\nset yrange [0:1]\n", to);
    fputs("plot ", to);
    write_curves(to, groups, count, "curve", "1:7", "steps linewidth 2");
    fputs("NaN notitle\nunset multiplot\n", to);
}

void write_picture(const options *o, const task *t, const run *runs, size_t count)
{
    adamw_decay list[2];
    const size_t optimizers = optimizers_of(o, list), groups = optimizers * (size_t)o->weight_decays;
    const size_t seeds = (size_t)o->seeds;
    group *all = allocate(groups, sizeof *all);
    for (size_t i = 0; i < groups; i++) {
        group *g = &all[i];
        *g = (group){list[i % optimizers], o->weight_decay[i / optimizers], allocate(seeds, sizeof(run *)), seeds};
        for (size_t s = 0; s < seeds; s++)
            g->run[s] = find_run(runs, count, g->decay, g->weight_decay, o->seed + s);
    }
    result script = drawing_open(o, t, "", 900, 900);
    FILE *to = script.output.stream;
    write_data(to, all, groups, o->epochs);
    fprintf(to, "set xrange [0.5:%d.5]\n", o->epochs);
    write_metric(to, o, t, all, groups, o->epochs);
    write_loss_and_rate(to, all, groups, o->epochs);
    drawing_finish(&script, o, t, "");
    for (size_t i = 0; i < groups; i++)
        free(all[i].run);
    free(all);
}
