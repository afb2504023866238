/*
 * plot.c - the learning curves as one SVG, drawn by gnuplot from data that goes with the commands: loss, metric and
 * rate over the epochs, one colour for each optimizer, one line for each run.
 */
#include <stdio.h>

#include "drawing.h"
#include "results.h"

/* One named block of data for each run. */
static void write_data(FILE *to, const run *runs, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        fprintf(to, "$run%zu << END\n", i);
        for (int k = 0; k < runs[i].epochs; k++) {
            const epoch *e = &runs[i].epoch[k];
            fprintf(to, "%d %.9g %.9g %.9g %.9g\n", k + 1, e->train_loss, e->validation_loss, e->validation, e->lr);
        }
        fputs("END\n", to);
    }
}

/* The first run of an optimizer gives the key its line. */
static bool first_of_kind(const run *runs, size_t i)
{
    for (size_t k = 0; k < i; k++)
        if (runs[k].decay == runs[i].decay)
            return false;
    return true;
}

static void write_curves(FILE *to, const run *runs, size_t count, int column, const char *style, const char *what)
{
    for (size_t i = 0; i < count; i++) {
        fprintf(to, "%s$run%zu using 1:%d with %s linecolor rgb '%s'", i != 0 ? ", " : "", i, column, style,
                drawing_colour[runs[i].decay]);
        if (first_of_kind(runs, i))
            fprintf(to, " title '%s%s'", optimizer_name(runs[i].decay), what);
        else
            fputs(" notitle", to);
    }
}

static void write_commands(FILE *to, const options *o, const task *t, const run *runs, size_t count)
{
    fprintf(to, "set xrange [0:%d]\nset multiplot layout 3,1 title '%s, %d seed%s'\n", o->epochs + 1, t->name,
            o->seeds, o->seeds == 1 ? "" : "s");
    fputs("set ylabel 'loss'\nset key bottom left\nset logscale y\nplot ", to);
    write_curves(to, runs, count, 2, "lines dashtype 3", ", training");
    fputs(", ", to);
    write_curves(to, runs, count, 3, "lines linewidth 1.5", ", validation");
    fprintf(to, "\nunset logscale y\nset ylabel 'validation %s'\nset key %s right\n%s\nplot ", t->metric,
            t->classify ? "bottom" : "top", t->classify ? "" : "set logscale y");
    write_curves(to, runs, count, 4, "linespoints pointtype 7 pointsize 0.3", "");
    fputs("\nset logscale y\nset format y '%.0e'\nset ylabel 'learning rate'\nset xlabel 'epoch'\nset key top right\n"
          "plot ",
          to);
    write_curves(to, runs, count, 5, "steps linewidth 1.5", "");
    fputs("\nunset multiplot\n", to);
}

void write_picture(const options *o, const task *t, const run *runs, size_t count)
{
    result script = drawing_open(o, t, "", 900, 1000);
    write_data(script.output.stream, runs, count);
    write_commands(script.output.stream, o, t, runs, count);
    drawing_finish(&script, o, t, "");
}
