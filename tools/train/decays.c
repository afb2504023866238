/*
 * decays.c - what a grid of weight decays does: the test figure and the norm of each layer's weights, as a Markdown
 * table and a picture. Here the two optimizers part: the same number means different things to them.
 */
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

static void write_panel(FILE *to, const adamw_decay *list, size_t optimizers, size_t figure)
{
    fputs("plot ", to);
    for (size_t i = 0; i < optimizers; i++)
        fprintf(to,
                "%s$optimizer%zu using 1:%zu:%zu:%zu with yerrorlines linewidth 1.5 pointtype 7 pointsize 0.5 "
                "linecolor rgb '%s' title '%s'",
                i != 0 ? ", " : "", i, 3 * figure + 2, 3 * figure + 3, 3 * figure + 4, drawing_colour[list[i]],
                optimizer_name(list[i]));
    fputc('\n', to);
}

static void write_commands(FILE *to, const options *o, const task *t, const run *runs, const adamw_decay *list,
                           size_t optimizers)
{
    fprintf(to,
            "set multiplot layout 2,%zu title '%s: the same weight decay in two optimizers (%d seeds: mean, lowest, "
            "highest)'\nset xrange [-0.5:%d.5]\nset xlabel 'weight decay'\nset logscale y\nset xtics (",
            (runs[0].layers + 2) / 2, t->name, o->seeds, o->weight_decays - 1);
    for (int w = 0; w < o->weight_decays; w++)
        fprintf(to, "%s'%g' %d", w != 0 ? ", " : "", o->weight_decay[w], w);
    fprintf(to, ")\nset key %s left\nset title 'test %s'\n", t->classify ? "bottom" : "top", t->metric);
    write_panel(to, list, optimizers, 0);
    fputs("set key bottom left\n", to);
    for (size_t k = 1; k <= runs[0].layers; k++) {
        fprintf(to, "set title 'norm of the weights of layer %zu'\n", k);
        write_panel(to, list, optimizers, k);
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
    write_commands(script.output.stream, o, t, runs, list, optimizers);
    drawing_finish(&script, o, t, "-decays");
}
