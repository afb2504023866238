/*
 * report.c - the lines of a running program; what is written at its end is in compare.c, files.c and plot.c.
 */
#include "report.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "blas.h"
#include "files.h"
#include "results.h"

enum { BAR = 40 };

static struct {
    pthread_mutex_t lock; /* of the terminal */
    size_t batches, runs; /* of all runs */
    atomic_size_t done;
    bool terminal;
    struct timespec start;
    double drawn; /* when the bar was */
} state = {.lock = PTHREAD_MUTEX_INITIALIZER};

static double seconds_since_start(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)(t.tv_sec - state.start.tv_sec) + 1e-9 * (double)(t.tv_nsec - state.start.tv_nsec);
}

static void clear_bar(void)
{
    if (state.terminal)
        fputs("\r\033[K", stderr);
}

static void draw_bar(void)
{
    const double share = (double)state.done / (double)state.batches, elapsed = seconds_since_start();
    char bar[BAR + 1];
    for (int i = 0; i < BAR; i++)
        bar[i] = i < (int)(share * BAR) ? '#' : '.';
    bar[BAR] = 0;
    state.drawn = elapsed;
    fprintf(stderr, "\r[%s] %3.0f %% of %zu run%s, %.0f s, %.0f s to go\033[K", bar, 100 * share, state.runs,
            state.runs == 1 ? "" : "s", elapsed, share > 0 ? elapsed / share - elapsed : 0);
}

static void on_batches(size_t count)
{
    state.done += count;
    if (state.terminal && pthread_mutex_trylock(&state.lock) == 0) {
        if (seconds_since_start() - state.drawn > 0.1)
            draw_bar();
        pthread_mutex_unlock(&state.lock);
    }
}

/* A plateau without a floor halves the rate until nothing is learned any more. */
static void print_lost_rate(const run *x)
{
    const options *o = x->options;
    const double limit = o->lr / 1000, lr = x->epoch[x->epochs - 1].lr;
    const bool before = x->epochs > 1 && x->epoch[x->epochs - 2].lr < limit;
    if (o->schedule == ADAMW_SCHEDULE_PLATEAU && o->min_lr == 0 && lr < limit && !before)
        printf(
            "the rate %.3g is below a thousandth of --lr %g and has no floor: --min-lr X sets one, --patience N cuts "
            "later\n",
            lr, o->lr);
}

static void on_epoch(const run *x)
{
    const epoch *e = &x->epoch[x->epochs - 1];
    char decay[48] = "";
    if (x->options->weight_decays > 1)
        snprintf(decay, sizeof decay, "  weight_decay %-6g", x->weight_decay);
    pthread_mutex_lock(&state.lock);
    clear_bar();
    printf("%-7s seed %llu%s  epoch %3d/%d  train loss %.5f  validation %s %.2f  lr %-9.3g %.2f s%s\n",
           optimizer_name(x->decay), (unsigned long long)x->seed, decay, x->epochs, x->options->epochs, e->train_loss,
           x->task->metric, e->validation, e->lr, e->seconds, e->cut ? "  cut" : "");
    print_lost_rate(x);
    fflush(stdout);
    if (state.terminal)
        draw_bar();
    pthread_mutex_unlock(&state.lock);
}

observer report_observer(void) { return (observer){.batches = on_batches, .epoch = on_epoch}; }

/* A preset's warmup is cut to half of a run that is too short for it. */
static void print_short_warmup(const options *o, const task *t)
{
    adamw_config config;
    adamw_schedule published, own;
    int64_t milestones[2];
    if (o->preset == NULL || o->warmup != UNSET || o->resume) /* the first part has said it */
        return;
    adamw_preset(o->preset, INT64_C(1) << 40, &config, &published);
    recipe(o, o->epochs, run_steps(o, t), &config, &own, milestones);
    const char *unit = own.config.warmup_unit == ADAMW_UNIT_STEP ? "step" : "epoch";
    if (own.config.warmup < published.config.warmup)
        printf("--preset %s: %lld %s%s of warmup, at most half of the run, not %lld: more --epochs or --warmup N\n",
               o->preset, (long long)own.config.warmup, unit, own.config.warmup == 1 ? "" : "s",
               (long long)published.config.warmup);
}

void report_start(const options *o, const task *t, const run *runs, size_t count)
{
    make_directory(o->out);
    clock_gettime(CLOCK_MONOTONIC, &state.start);
    state.terminal = isatty(STDERR_FILENO);
    state.runs = count;
    for (size_t i = 0; i < count; i++)
        state.batches += run_batches(&runs[i], o->stop);
    printf("%s: %zu samples train, %zu validate, %zu test; network %zu", t->name, t->train.count, t->validation.count,
           t->test.count, t->inputs);
    for (int i = 0; i < o->hidden_layers; i++)
        printf("-%d", o->hidden[i]);
    printf("-%zu; %zu run%s, %d at once; optimizer %s, OpenBLAS %s\n", t->outputs, count, count == 1 ? "" : "s",
           o->jobs, adamw_isa_name(adamw_isa_active()), blas_core());
    print_short_warmup(o, t);
    fflush(stdout);
}

void report_end(const options *o, const task *t, const run *runs, size_t count)
{
    clear_bar();
    if (o->stop < o->epochs) {
        printf("stopped after epoch %d of %d: --checkpoint %s --resume goes on\n", runs[0].epochs, o->epochs,
               o->checkpoint);
        return;
    }
    print_comparison(o, t, runs, count);
    write_csv(o, t, runs, count);
    write_picture(o, t, runs, count);
    if (o->weight_decays > 1)
        write_decays(o, t, runs, count);
    printf("%.0f s in all\n", seconds_since_start());
}
