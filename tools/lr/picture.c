/*
 * picture.c - a trace as SVG and PNG, drawn by gnuplot: the rate on a logarithmic axis with warmup and cuts marked,
 * and the metric below it where the schedule looks at one.
 */
#define _POSIX_C_SOURCE 200809L /* posix_spawnp */
#include "lr.h"

#include <errno.h>
#include <math.h>
#include <spawn.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

extern char **environ;

static const char right_colour[] = "#0072b2", wrong_colour[] = "#d55e00", metric_colour[] = "#555555";

/* A data block: x in epochs; a rate of 0 is left out, the axis is logarithmic. */
static void send_points(FILE *gnuplot, const char *name, const lr_trace *t, const double *values, bool by_epoch)
{
    const int64_t count = by_epoch ? t->epochs : t->points;
    const int64_t stride = count > 20000 ? count / 20000 : 1; /* more than a picture has columns */
    fprintf(gnuplot, "$%s << EOD\n", name);
    for (int64_t i = 0; i < count; i += stride) {
        const double x = by_epoch ? (double)i : (double)i / (double)t->points_per_epoch;
        if (isfinite(values[i]) && (by_epoch || values[i] > 0))
            fprintf(gnuplot, "%.10g %.10g\n", x, values[i]);
    }
    fprintf(gnuplot, "EOD\n");
}

static void send_cuts(FILE *gnuplot, const char *name, const lr_trace *t)
{
    fprintf(gnuplot, "$%s << EOD\n", name);
    for (int64_t e = 0; e < t->epochs; e++)
        if ((t->events[e] & ADAMW_EVENT_CUT) != 0 && e + 1 < t->epochs)
            fprintf(gnuplot, "%lld %.10g\n", (long long)e + 1, t->lr[(e + 1) * t->points_per_epoch]);
    fprintf(gnuplot, "EOD\n");
}

static bool has_cuts(const lr_trace *t)
{
    for (int64_t e = 0; t != NULL && e + 1 < t->epochs; e++)
        if ((t->events[e] & ADAMW_EVENT_CUT) != 0)
            return true;
    return false;
}

/* The rates' range with some air, and no more than four decades: many schedules end at 0. */
static void send_range(FILE *gnuplot, const lr_trace *right, const lr_trace *wrong)
{
    double low = INFINITY, high = 0;
    for (int i = 0; i < 2; i++) {
        const lr_trace *t = i == 0 ? right : wrong;
        for (int64_t j = 0; t != NULL && j < t->points; j++) {
            high = fmax(high, t->lr[j]);
            if (t->lr[j] > 0)
                low = fmin(low, t->lr[j]);
        }
    }
    if (high > 0)
        fprintf(gnuplot, "set yrange [%g:%g]\n", fmax(low, high * 1e-4) / 1.5, high * 1.8);
}

static void send(FILE *gnuplot, const lr_options *o, const lr_trace *right, const lr_trace *wrong,
                 const char *terminal)
{
    const bool plateau = o->recipe.kind == ADAMW_SCHEDULE_PLATEAU;
    const double warm = (double)right->main_start / (double)right->points_per_epoch;
    fprintf(gnuplot, "set terminal %s background '#ffffff'\n", terminal);
    send_points(gnuplot, "rate", right, right->lr, false);
    send_points(gnuplot, "metric", right, right->metric, true);
    send_cuts(gnuplot, "cuts", right);
    if (wrong != NULL) {
        send_points(gnuplot, "wrong", wrong, wrong->lr, false);
        send_cuts(gnuplot, "wrongcuts", wrong);
    }
    fprintf(gnuplot,
            "set border 3 lc rgb '#444444'\nset tics nomirror\nset grid back lc rgb '#dddddd' lt 1 lw 0.5\n"
            "set xrange [0:%lld]\nset lmargin 12\nset rmargin 3\n",
            (long long)right->epochs);
    if (plateau)
        fprintf(gnuplot, "set multiplot\nset size 1,0.64\nset origin 0,0.36\nset bmargin 2\n");
    else
        fprintf(gnuplot, "set xlabel 'epoch'\n");
    fprintf(gnuplot,
            "set title '%s' noenhanced\nset logscale y\nset format y '%%.0e'\nset ylabel 'learning rate'\n"
            "set key top right\n",
            o->name);
    send_range(gnuplot, right, wrong);
    if (warm > 0)
        fprintf(gnuplot,
                "set object 1 rectangle from graph 0,graph 0 to first %g,graph 1 behind fc rgb '#e8f1f8' fs solid "
                "noborder\nset label 1 'warmup' at first %g,graph 0.05 left offset 0.5,0 tc rgb '#444444'\n",
                warm, 0.0);
    if (right->decay_start < right->points)
        fprintf(gnuplot,
                "set object 2 rectangle from first %g,graph 0 to graph 1,graph 1 behind fc rgb '#f7f0e6' fs solid "
                "noborder\nset label 2 'decay' at first %g,graph 0.05 left offset 0.5,0 tc rgb '#444444'\n",
                (double)right->decay_start / (double)right->points_per_epoch,
                (double)right->decay_start / (double)right->points_per_epoch);
    fprintf(gnuplot, "plot ");
    if (wrong != NULL)
        fprintf(gnuplot, "$wrong with steps lw 2 lc rgb '%s' title 'plateau rule fed during the warmup', ",
                wrong_colour);
    if (has_cuts(wrong))
        fprintf(gnuplot, "$wrongcuts with points pt 7 ps 0.7 lc rgb '%s' notitle, ", wrong_colour);
    fprintf(gnuplot, "$rate with steps lw 2 lc rgb '%s' title '%s'", right_colour,
            wrong != NULL ? "fed after the warmup" : "rate");
    if (has_cuts(right))
        fprintf(gnuplot, ", $cuts with points pt 7 ps 0.9 lc rgb '%s' title 'cut'", right_colour);
    if (plateau)
        fprintf(gnuplot,
                "\nunset object 1\nunset label 1\nunset title\nset size 1,0.36\nset origin 0,0\nset tmargin 0\n"
                "set bmargin 3.5\nunset logscale y\nset yrange [*:*]\nset format y '%%g'\nset ylabel 'metric'\nset "
                "xlabel 'epoch'\n"
                "set key off\nplot $metric with lines lw 2 lc rgb '%s'\nunset multiplot",
                metric_colour);
    fprintf(gnuplot, "\n");
}

/* Runs gnuplot with the commands on its standard input and copies what it draws to `to`. No name of a file reaches
 * it, and no initialisation file of the user's (-d). */
static void run_gnuplot(FILE *commands, FILE *to)
{
    int ends[2];
    if (pipe(ends) != 0)
        lr_fail("gnuplot cannot be started: %s", strerror(errno));
    char *const arguments[] = {(char[]){"gnuplot"}, (char[]){"-d"}, NULL};
    posix_spawn_file_actions_t actions;
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_adddup2(&actions, fileno(commands), STDIN_FILENO);
    posix_spawn_file_actions_adddup2(&actions, ends[1], STDOUT_FILENO);
    posix_spawn_file_actions_addclose(&actions, ends[0]);
    posix_spawn_file_actions_addclose(&actions, ends[1]);
    pid_t child;
    const int reason = posix_spawnp(&child, arguments[0], &actions, NULL, arguments, environ);
    posix_spawn_file_actions_destroy(&actions);
    close(ends[1]);
    if (reason != 0)
        lr_fail("gnuplot cannot be started: %s (Debian: gnuplot-nox)", strerror(reason));
    char block[65536];
    ssize_t n;
    size_t drawn = 0;
    while ((n = read(ends[0], block, sizeof block)) > 0)
        drawn += fwrite(block, 1, (size_t)n, to);
    close(ends[0]);
    int status = -1;
    if (waitpid(child, &status, 0) < 0 || status != 0 || n < 0 || drawn == 0)
        lr_fail("the picture was not drawn: gnuplot ended with status %d",
                WIFEXITED(status) ? WEXITSTATUS(status) : status);
}

static void draw_as(const lr_options *o, const lr_trace *right, const lr_trace *wrong, const char *suffix,
                    const char *terminal)
{
    const size_t size = strlen(o->picture) + strlen(suffix) + 2;
    char *path = lr_allocate(size, 1);
    snprintf(path, size, "%s.%s", o->picture, suffix);
    FILE *to = lr_open(path), *commands = tmpfile();
    if (commands == NULL)
        lr_fail("no temporary file for gnuplot's commands: %s", strerror(errno));
    send(commands, o, right, wrong, terminal);
    if (fflush(commands) != 0 || ferror(commands) || fseek(commands, 0, SEEK_SET) != 0)
        lr_fail("no room for gnuplot's commands in a temporary file");
    run_gnuplot(commands, to);
    fclose(commands);
    free(path);
}

void lr_draw(const lr_options *o, const lr_trace *right, const lr_trace *wrong)
{
    draw_as(o, right, wrong, "svg", "svg size 860,560 dynamic font 'sans,14'");
    draw_as(o, right, wrong, "png", "pngcairo size 860,560 font 'sans,10'");
    lr_commit();
}
