/*
 * speed.c - measures the time of a rate: a step of each schedule beside an AdamW step of 1,000 parameters, in turns,
 * as medians. No other tool times the scalar layer.
 */
#define _POSIX_C_SOURCE 200809L /* clock_gettime */
#include "lr.h"

#include <stdlib.h>
#include <time.h>

enum { ROUNDS = 41, CALLS = 2000, PARAMETERS = 1000 };

static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec * 1e9 + (double)t.tv_nsec;
}

static int ascending(const void *a, const void *b)
{
    const double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static double median(double *values)
{
    qsort(values, ROUNDS, sizeof *values, ascending);
    return values[ROUNDS / 2];
}

/* The dearest form of each kind: a power that is no whole number, every option in use. */
static adamw_schedule_config recipe_of(adamw_schedule_kind kind)
{
    static const int64_t milestones[] = {100, 300, 1000, 1500};
    adamw_schedule_config c;
    adamw_schedule_config_init(&c);
    c.kind = kind;
    c.unit = kind == ADAMW_SCHEDULE_PLATEAU ? ADAMW_UNIT_EPOCH : ADAMW_UNIT_STEP;
    c.total = CALLS + 100;
    c.gamma = 0.997;
    c.power = 0.9;
    c.step_size = c.period = 10;
    c.period_mult = 2;
    c.decay_length = CALLS;
    c.milestones = milestones;
    c.milestone_count = 4;
    return c;
}

/* Nanoseconds of one rate and one step of the schedule. */
static double time_schedule(adamw_schedule_kind kind, double *sum)
{
    const adamw_schedule_config c = recipe_of(kind);
    adamw_schedule s;
    if (adamw_schedule_init(&s, &c) != ADAMW_OK)
        lr_fail("--speed: the recipe of %s is refused", adamw_schedule_name(kind));
    for (int i = 0; i < 10; i++)
        adamw_schedule_step(&s);
    const double start = now();
    for (int i = 0; i < CALLS; i++) {
        *sum += adamw_schedule_lr(&s);
        adamw_schedule_step(&s);
    }
    return (now() - start) / CALLS;
}

static double time_adamw(void)
{
    static float param[PARAMETERS], grad[PARAMETERS], exp_avg[PARAMETERS], exp_avg_sq[PARAMETERS];
    adamw_config config;
    adamw_config_init(&config);
    for (int i = 0; i < PARAMETERS; i++)
        grad[i] = 1e-3f * (float)i;
    const double start = now();
    int refused = 0;
    for (uint64_t step = 1; step <= CALLS; step++)
        refused += adamw_step_f32(&config, step, PARAMETERS, param, grad, exp_avg, exp_avg_sq) != ADAMW_OK;
    const double spent = now() - start;
    if (refused > 0) {
        adamw_info info;
        adamw_info_get(&info);
        lr_fail("--speed: the AdamW step is refused, so there is nothing to time: %s", info.reason);
    }
    return spent / CALLS;
}

void lr_print_speed(void)
{
    enum { KINDS = ADAMW_SCHEDULE_ONE_CYCLE + 1 };
    static double rates[KINDS][ROUNDS], ratios[KINDS][ROUNDS], steps[ROUNDS];
    double sum = 0;
    for (int round = 0; round < ROUNDS; round++) {
        steps[round] = time_adamw();
        for (int kind = 0; kind < KINDS; kind++) {
            rates[kind][round] = time_schedule((adamw_schedule_kind)kind, &sum);
            ratios[kind][round] = rates[kind][round] / steps[round];
        }
    }
    if (!(sum > 0))
        lr_fail("the rates add up to %g: they were not computed", sum);
    printf("an AdamW step of %d parameters (%s): %.0f ns\n\n| schedule | a rate, ns | of that step |\n| --- | --- | "
           "--- |\n",
           PARAMETERS, adamw_isa_name(adamw_isa_active()), median(steps));
    for (int kind = 0; kind < KINDS; kind++)
        printf("| %s | %.0f | %.2f |\n", adamw_schedule_name((adamw_schedule_kind)kind), median(rates[kind]),
               median(ratios[kind]));
}
