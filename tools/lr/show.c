/*
 * show.c - a trace as a table, as a chart of plain text, and as CSV.
 */
#include "lr.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* Epochs that a reader of the turbofan recipe looks at: the warmup, its end, and where the published traces cut. */
static const int64_t milestones[] = {0, 5, 9, 10, 50, 89, 90, 119, 120, 150, 199};
enum { MILESTONES = sizeof milestones / sizeof milestones[0] };

static bool is_milestone(int64_t epoch)
{
    for (int i = 0; i < MILESTONES; i++)
        if (milestones[i] == epoch)
            return true;
    return false;
}

static bool is_cut(const lr_trace *t, int64_t epoch)
{
    return t != NULL && epoch >= 0 && (t->events[epoch] & ADAMW_EVENT_CUT) != 0;
}

/* How far below the full rate; a rate of 0 is no number of decades below it. */
static const char *decades(const lr_options *o, double lr)
{
    static char text[16];
    snprintf(text, sizeof text, "%.2f", log10(o->recipe.base_lr / lr));
    return lr > 0 ? text : "-";
}

/* The first epoch of a phase. */
static bool is_change(const lr_trace *t, int64_t epoch)
{
    return epoch > 0 && lr_phase(t, epoch * t->points_per_epoch) != lr_phase(t, (epoch - 1) * t->points_per_epoch);
}

/* What a trace comes to, in one sentence. */
static void print_summary(FILE *to, const lr_options *o, const lr_trace *t, const char *title)
{
    int64_t cuts = 0, floor = -1, lowest = t->main_start < t->points ? t->main_start : 0;
    for (int64_t e = 0; e < t->epochs; e++)
        cuts += is_cut(t, e);
    for (int64_t i = t->main_start; i < t->points; i++) {
        if (t->lr[i] < t->lr[lowest])
            lowest = i;
        if (floor < 0 && o->recipe.min_lr > 0 && t->lr[i] <= o->recipe.min_lr)
            floor = i;
    }
    fprintf(to, "%s: ", title);
    if (o->recipe.kind == ADAMW_SCHEDULE_PLATEAU)
        fprintf(to, "%lld cuts, ", (long long)cuts);
    fprintf(to, "lowest rate %g from %s %lld on, %s decades below the full rate", t->lr[lowest],
            t->points_per_epoch > 1 ? "step" : "epoch", (long long)lowest, decades(o, t->lr[lowest]));
    if (floor >= 0)
        fprintf(to, "; min_lr is reached at %s %lld", t->points_per_epoch > 1 ? "step" : "epoch", (long long)floor);
    fputs(".\n", to);
    if (o->recipe.kind != ADAMW_SCHEDULE_PLATEAU || o->recipe.min_lr > 0)
        return;
    for (int64_t i = t->main_start; i < t->points; i++)
        if (t->lr[i] < o->recipe.base_lr / 1000) {
            fprintf(to,
                    "%s: from %s %lld on the rate is below a thousandth of the full one: this plateau rule has no "
                    "floor, which --min-lr sets.\n",
                    title, t->points_per_epoch > 1 ? "step" : "epoch", (long long)i);
            break;
        }
}

void lr_print_table(FILE *to, const lr_options *o, const lr_trace *right, const lr_trace *wrong)
{
    const bool steps = right->points_per_epoch > 1, plateau = o->recipe.kind == ADAMW_SCHEDULE_PLATEAU;
    fprintf(to, "%s, %lld epochs", o->name, (long long)right->epochs);
    if (steps)
        fprintf(to, " of %lld steps", (long long)right->points_per_epoch);
    fprintf(to, "; full rate %g, min_lr %g, weight decay %g\n\n", o->recipe.base_lr, o->recipe.min_lr,
            o->recipe.weight_decay);
    if (o->blank > 0)
        fprintf(to, "%lld blank cells of the metric are left out\n\n", (long long)o->blank);
    fprintf(to, "%6s  %-6s  %10s  %7s  %7s  %12s", "epoch", "phase", "lr", "of full", "decades", "weight decay");
    fprintf(to, "%s%s%s\n", plateau ? "    metric" : "", wrong != NULL ? "    wrong lr" : "",
            plateau ? "  event" : "");
    for (int64_t e = 0; e < right->epochs; e++) {
        if (!is_milestone(e) && !is_cut(right, e) && !is_cut(wrong, e) && !is_change(right, e) &&
            e != right->epochs - 1)
            continue;
        const int64_t i = e * right->points_per_epoch;
        const double lr = right->lr[i];
        fprintf(to, "%6lld  %-6s  %10.4g  %6.1f%%  %7s  %12.4g", (long long)e, lr_phase(right, i), lr,
                o->recipe.base_lr > 0 ? 100 * lr / o->recipe.base_lr : 100, decades(o, lr), right->weight_decay[i]);
        if (plateau)
            fprintf(to, "  %8.4g", right->metric[e]);
        if (wrong != NULL)
            fprintf(to, "  %10.4g", wrong->lr[i]);
        if (is_cut(right, e))
            fprintf(to, "  cut after this epoch");
        if (is_cut(wrong, e))
            fprintf(to, "  wrong: cut after this epoch");
        fputc('\n', to);
    }
    fputc('\n', to);
    print_summary(to, o, right, wrong != NULL ? "Right" : "In all");
    if (wrong != NULL)
        print_summary(to, o, wrong, "Wrong (the plateau rule fed during the warmup)");
}

/* ---- the chart ---- */

enum { WIDTH = 70, HEIGHT = 15 };

void lr_print_chart(FILE *to, const lr_options *o, const lr_trace *right, const lr_trace *wrong)
{
    char cells[HEIGHT][WIDTH + 1], marks[WIDTH + 1];
    double high = 0, low = INFINITY;
    for (int64_t i = 0; i < right->points; i++) {
        const double also = wrong != NULL ? wrong->lr[i] : right->lr[i];
        high = fmax(high, fmax(right->lr[i], also));
        if (right->lr[i] > 0)
            low = fmin(low, fmin(right->lr[i], also));
    }
    if (!(high > 0))
        return;
    low = fmax(low, high * 1e-4); /* no more than four decades */
    const double top = log10(high), span = fmax(top - log10(low), 0.1);
    memset(cells, ' ', sizeof cells);
    memset(marks, ' ', sizeof marks);
    for (int x = 0; x < WIDTH; x++) {
        const int64_t from = x * right->points / WIDTH, to_point = (x + 1) * right->points / WIDTH;
        for (int64_t i = from; i < (to_point > from ? to_point : from + 1); i++) {
            const lr_trace *const both[] = {wrong, right}; /* the right one on top */
            for (int b = 0; b < 2; b++) {
                if (both[b] == NULL)
                    continue;
                const double y = both[b]->lr[i] > 0 ? (top - log10(both[b]->lr[i])) / span * (HEIGHT - 1) : HEIGHT;
                if (y < HEIGHT - 0.5)
                    cells[(int)(y + 0.5)][x] = b == 1 ? '*' : 'o';
                const bool begins = i % right->points_per_epoch == 0;
                if (begins && is_cut(both[b], i / right->points_per_epoch) && (b == 1 || marks[x] != '^'))
                    marks[x] = b == 1 ? '^' : 'v';
            }
            if (i < right->main_start && marks[x] == ' ')
                marks[x] = 'w';
        }
    }
    fputc('\n', to);
    for (int y = 0; y < HEIGHT; y++) {
        cells[y][WIDTH] = '\0';
        if (y % 2 == 0)
            fprintf(to, "%9.2g |%s\n", pow(10, top - span * y / (HEIGHT - 1)), cells[y]);
        else
            fprintf(to, "%9s |%s\n", "", cells[y]);
    }
    marks[WIDTH] = '\0';
    fprintf(to, "%9s +", "");
    for (int x = 0; x < WIDTH; x++)
        fputc('-', to);
    char last[40];
    snprintf(last, sizeof last, "%s %lld", right->points_per_epoch > 1 ? "step" : "epoch",
             (long long)right->points - 1);
    fprintf(to, "\n%9s  %s\n%9s  0%*s\n", "", marks, "", WIDTH - 1, last);
    fprintf(to, "%9s  * rate (log)%s, w warmup%s%s\n", "", wrong != NULL ? ", o wrong rate" : "",
            o->recipe.kind == ADAMW_SCHEDULE_PLATEAU ? ", ^ cut" : "", wrong != NULL ? ", v wrong cut" : "");
}

/* ---- CSV ---- */

void lr_write_csv(const lr_options *o, const lr_trace *right, const lr_trace *wrong)
{
    FILE *file = lr_open(o->csv);
    fprintf(file, "point,epoch,phase,lr,weight_decay,metric,cut%s\n", wrong != NULL ? ",wrong_lr,wrong_cut" : "");
    for (int64_t i = 0; i < right->points; i++) {
        const int64_t e = i / right->points_per_epoch;
        const bool last = (i + 1) % right->points_per_epoch == 0;
        fprintf(file, "%lld,%lld,%s,%.17g,%.17g,%.17g,%d", (long long)i, (long long)e, lr_phase(right, i),
                right->lr[i], right->weight_decay[i], right->metric[e], last && is_cut(right, e));
        if (wrong != NULL)
            fprintf(file, ",%.17g,%d", wrong->lr[i], last && is_cut(wrong, e));
        fputc('\n', file);
    }
    lr_commit();
}
