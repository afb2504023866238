/*
 * decays.c - what a grid of weight decays does: the test figure and the norm of each layer's weights, as a Markdown
 * table and a picture. Here the two optimizers part: the same number means different things to them.
 */
#include <math.h>
#include <stdio.h>

#include "drawing.h"
#include "results.h"
#include "summary.h"

static void write_table(FILE *to, const options *o, const task *t, const run *runs, size_t count)
{
    adamw_decay list[2];
    const size_t optimizers = optimizers_of(o, list), layers = runs[0].layers;
    fprintf(to, "| weight_decay | optimizer | test %s, median | mean, spread |", t->metric);
    for (size_t k = 1; k <= layers; k++)
        fprintf(to, " norm of layer %zu |", k);
    fputs("\n| --- | --- | --- | --- |", to);
    for (size_t k = 1; k <= layers; k++)
        fputs(" --- |", to);
    fputc('\n', to);
    for (int w = 0; w < o->weight_decays; w++)
        for (size_t i = 0; i < optimizers; i++) {
            const summary s = summary_of(o, runs, count, list[i], o->weight_decay[w], 0);
            fprintf(to, "| %g | %s | %.2f | %.2f +- %.2f |", o->weight_decay[w], optimizer_name(list[i]), s.median,
                    s.mean, s.spread);
            for (size_t k = 1; k <= layers; k++)
                fprintf(to, " %.2f |", summary_of(o, runs, count, list[i], o->weight_decay[w], k).mean);
            fputc('\n', to);
        }
}

/* A block for each optimizer: a line for each decay, with mean, lowest and highest of the figure and of each norm. */
static void write_data(FILE *to, const options *o, const run *runs, size_t count, const adamw_decay *list,
                       size_t optimizers)
{
    for (size_t i = 0; i < optimizers; i++) {
        fprintf(to, "$optimizer%zu << END\n", i);
        for (int w = 0; w < o->weight_decays; w++) {
            fprintf(to, "%d", w);
            for (size_t k = 0; k <= runs[0].layers; k++) {
                const summary s = summary_of(o, runs, count, list[i], o->weight_decay[w], k);
                fprintf(to, " %.9g %.9g %.9g", s.mean, s.low, s.high);
            }
            fputc('\n', to);
        }
        fputs("END\n", to);
    }
}

/* From the lowest to the highest over all optimizers and decays, with room around them: the test figure on a linear
 * axis, norms also on a logarithmic one. */
static void range_of(const options *o, const run *runs, size_t count, const adamw_decay *list, size_t optimizers,
                     size_t figure, double *low, double *high)
{
    *low = INFINITY;
    *high = 0;
    for (size_t i = 0; i < optimizers; i++)
        for (int w = 0; w < o->weight_decays; w++) {
            const summary s = summary_of(o, runs, count, list[i], o->weight_decay[w], figure);
            *low = fmin(*low, s.low);
            *high = fmax(*high, s.high);
        }
    if (!(*low > 0) || !(*high > 0) || !isfinite(*high)) {
        *low = 1;
        *high = 10;
    }
    const double room = figure == 0 ? 0.08 * (*high - *low) + 1e-9 * *high : 0;
    *low = figure == 0 ? *low - room : *low / 1.15;
    *high = figure == 0 ? *high + room : *high * 1.15;
}

static void write_panel(FILE *to, const options *o, const run *runs, size_t count, const adamw_decay *list,
                        size_t optimizers, size_t figure)
{
    end_label labels[2];
    double low, high;
    range_of(o, runs, count, list, optimizers, figure, &low, &high);
    fprintf(to, "set yrange [%.9g:%.9g]\n", low, high);
    const bool logarithmic = figure != 0 && high > 4 * low; /* a decade alone is too coarse for tics */
    fputs("unset logscale y\nset ytics autofreq\n", to);
    if (logarithmic) {
        fputs("set logscale y\nset ytics (0.01", to);
        for (int decade = -2; decade < 4; decade++)
            fprintf(to, ", 2e%d, 5e%d, 1e%d", decade, decade, decade + 1);
        fputs(")\n", to);
    }
    for (size_t i = 0; i < optimizers; i++) {
        const double last = o->weight_decay[o->weight_decays - 1];
        labels[i] = (end_label){.colour = drawing_colour(list[i]),
                                .y = fmax(low, summary_of(o, runs, count, list[i], last, figure).mean)};
        snprintf(labels[i].text, sizeof labels[i].text, "%s", drawing_name(list[i]));
    }
    drawing_labels(to, labels, optimizers, low, high, logarithmic);
    fputs("plot ", to);
    for (size_t i = 0; i < optimizers; i++)
        fprintf(to,
                "$optimizer%zu using 1:%zu:%zu:%zu with yerrorlines linewidth 2 pointtype 7 pointsize 0.6 "
                "linecolor rgb %s, ",
                i, 3 * figure + 2, 3 * figure + 3, 3 * figure + 4, drawing_colour(list[i]));
    fputs("NaN notitle\n", to);
}

static void write_commands(FILE *to, const options *o, const task *t, const run *runs, size_t count,
                           const adamw_decay *list, size_t optimizers)
{
    char shown[160];
    snprintf(shown, sizeof shown, "one weight decay in two optimizers, mean and extremes of %d seed%s", o->seeds,
             o->seeds == 1 ? "" : "s");
    fputs("set rmargin 11\nset title offset 0,-0.5\n", to);
    fprintf(to, "set multiplot layout 2,%zu title ", (runs[0].layers + 2) / 2);
    drawing_title(to, t, shown);
    fprintf(to, "\nset xrange [-0.3:%d.3]\nset xlabel 'weight decay'\nset xtics (", o->weight_decays - 1);
    for (int w = 0; w < o->weight_decays; w++)
        fprintf(to, "%s'%g' %d", w != 0 ? ", " : "", o->weight_decay[w], w);
    fprintf(to, ")\nset title 'test %s'\n", t->metric);
    write_panel(to, o, runs, count, list, optimizers, 0);
    for (size_t k = 1; k <= runs[0].layers; k++) {
        fprintf(to, "set title 'norm of the weights of layer %zu'\n", k);
        write_panel(to, o, runs, count, list, optimizers, k);
    }
    fputs("unset multiplot\n", to);
}

void write_decays(const options *o, const task *t, const run *runs, size_t count)
{
    adamw_decay list[2];
    const size_t optimizers = optimizers_of(o, list);
    result table = result_open("%s/%s-decays.md", o->out, t->file);
    write_table(table.output.stream, o, t, runs, count);
    write_table(stdout, o, t, runs, count);
    result_commit(&table);
    printf("wrote %s\n", table.path);
    result script = drawing_open(o, t, "-decays", 1000, 800);
    write_data(script.output.stream, o, runs, count, list, optimizers);
    write_commands(script.output.stream, o, t, runs, count, list, optimizers);
    drawing_finish(&script, o, t, "-decays");
}
