/*
 * flushed.c - what a program that is linked with -Ofast or -ffast-math changes about a step: gcc and clang then start it
 * with subnormals flushed to zero. Each row trains from the same start twice, in the mode in which main() was entered and
 * in the default one, and counts the values whose bits differ. It is linked with -Ofast here; linked without, every
 * count has to be 0.
 */
#include <adamw.h>
#include <fenv.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { N = 16384 };

typedef struct run {
    float param[N], exp_avg[N], exp_avg_sq[N];
    double ns_per_value; /* of the last steps, the fastest one */
} run;

typedef struct setting {
    const char *name;
    double eps;
    float grad;             /* the magnitude of gradients, from half of this on */
    int steps, zeros_after; /* and 0 from that step on */
    bool may_differ;        /* the parameters */
} setting;

static float uniform(uint32_t *state)
{
    *state = *state * 1664525u + 1013904223u;
    return ((float)(*state >> 8) + 0.5f) / 8388608.0f - 1.0f;
}

static double now(void)
{
    struct timespec time;
    timespec_get(&time, TIME_UTC);
    return (double)time.tv_sec * 1e9 + (double)time.tv_nsec;
}

static void train(run *out, const setting *row)
{
    static float grad[N];
    uint32_t state = 1;
    adamw_config config;
    adamw_config_init(&config);
    config.eps = row->eps;
    *out = (struct run){.ns_per_value = INFINITY};
    for (int i = 0; i < N; i++)
        out->param[i] = uniform(&state);
    for (int step = 1; step <= row->steps; step++) {
        for (int i = 0; i < N; i++) {
            const float u = uniform(&state);
            grad[i] = step > row->zeros_after ? 0 : row->grad * 0.5f * (u > 0 ? 1 + u : u - 1);
        }
        const double began = now();
        if (adamw_step_f32(&config, (uint64_t)step, N, out->param, grad, out->exp_avg, out->exp_avg_sq) != ADAMW_OK)
            exit(1);
        const double took = (now() - began) / N;
        if (step > row->steps - 20 && took < out->ns_per_value)
            out->ns_per_value = took;
    }
}

static int differing(const float *a, const float *b)
{
    int count = 0;
    for (int i = 0; i < N; i++)
        count += memcmp(&a[i], &b[i], sizeof *a) != 0;
    return count;
}

static int not_finite(const float *x)
{
    int count = 0;
    for (int i = 0; i < N; i++) {
        uint32_t bits; /* this file may be compiled with -ffinite-math-only */
        memcpy(&bits, &x[i], sizeof bits);
        count += (bits & 0x7F800000) == 0x7F800000;
    }
    return count;
}

int main(void)
{
    static const setting rows[] = {
        {"usual gradients, 200 steps", 1e-8, 1e-2f, 200, 200, false},
        {"gradients that end after 10 of 1500 steps", 1e-8, 1e-2f, 1500, 10, false},
        {"gradients of 1e-19", 1e-8, 1e-19f, 200, 200, false},
        {"gradients of 1e-19, eps 0", 0, 1e-19f, 200, 200, true},
    };
    static run as_started, by_default;
    volatile float smallest = 1e-38f;
    const bool flushed = smallest / 16 == 0;
    bool right = true;
    printf("subnormals are %s in this program\n", flushed ? "flushed" : "kept");
    printf("of %d values, how many differ:    param  exp_avg  exp_avg_sq  param not finite    ns a value, kept\n", N);
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        fenv_t start;
        train(&as_started, &rows[i]);
        fegetenv(&start);
        fesetenv(FE_DFL_ENV);
        train(&by_default, &rows[i]);
        fesetenv(&start);
        const int param = differing(as_started.param, by_default.param);
        const int exp_avg = differing(as_started.exp_avg, by_default.exp_avg);
        const int exp_avg_sq = differing(as_started.exp_avg_sq, by_default.exp_avg_sq);
        printf("%-42s %6d %6d %6d %6d  %.2f %.2f\n", rows[i].name, param, exp_avg, exp_avg_sq,
               not_finite(as_started.param), as_started.ns_per_value, by_default.ns_per_value);
        right = right && (param == 0 || (flushed && rows[i].may_differ)) && not_finite(by_default.param) == 0;
        right = right && (flushed || (exp_avg == 0 && exp_avg_sq == 0));
    }
    return right ? 0 : 1;
}
