/*
 * accuracy.c - the scalar kernel against long double with the exact hyperparameters, and the share of the weight
 * decay that really happens. kernels/ARITHMETIC.md has the bar and the table.
 */
#include "check.h"

#include <float.h>
#include <math.h>
#include <stdlib.h>

/* 1 - beta^step without the library's own helper. */
static long double correction(double beta, uint64_t step)
{
    return beta == 0 ? 1 : -expm1l((long double)step * logl((long double)beta));
}

/* Subnormal values have the ulp of the smallest normal one: float32 has no finer one. */
static long double ulps(long double x) { return ldexpl(fmaxl(fabsl(x), FLT_MIN), -23); }

/* One value of each buffer with exponents over the bar's domain. */
static float wide(uint64_t *state, int low, int high)
{
    const uint64_t bits = mix64(++*state);
    const int exponent = low + (int)((bits >> 32) % (uint64_t)(high - low + 1));
    return ldexpf(1 + (float)(bits & 0x7FFFFF) * 0x1p-23f, exponent) * (bits >> 63 ? -1.0f : 1.0f);
}

static bool check_value(const adamw_config *k, uint64_t step, const buffers *old, const buffers *new, size_t i)
{
    const long double c1 = 1 - (long double)k->beta1, c2 = 1 - (long double)k->beta2;
    const long double bc1 = correction(k->beta1, step), bc2 = correction(k->beta2, step);
    const long double lr = k->lr, wd = k->weight_decay, eps = k->eps;
    const bool l2 = k->decay == ADAMW_DECAY_L2;
    const long double p0 = old->param[i], m0 = old->exp_avg[i], v0 = old->exp_avg_sq[i];
    long double g = k->maximize ? -(long double)old->grad[i] : (long double)old->grad[i];
    /* What the rounding of a sum is measured against, where its terms may cancel. */
    const long double g_size = fabsl(g) + (l2 ? wd * fabsl(p0) : 0);
    if (l2)
        g += wd * p0;

    const long double m = k->beta1 * m0 + c1 * g;
    const long double v = k->beta2 * v0 + c2 * g * g;
    const long double second = k->amsgrad ? fmaxl(v, (long double)old->max_exp_avg_sq[i]) : v;
    const long double denominator = sqrtl(second / bc2) + eps;
    const long double p = p0 - lr / bc1 * m / denominator - (l2 ? 0 : lr * wd * p0);

    /* Outside the domain: v loses bits and no eps hides it, or the update itself is beyond float32. */
    if ((second < FLT_MIN && eps < 1e-10L) || fabsl(p) > FLT_MAX / 2)
        return true;

    const long double m_size = fmaxl(fmaxl(fabsl(m0), c1 * g_size), FLT_MIN);
    /* L2, where grad and weight_decay*param cancel: the float32 weight_decay leaves an error in what remains, and
     * through it in v, that no form of the update can take back. */
    const bool cancels = l2 && g_size > 2 * fabsl(g);
    const long double from_cancelling = cancels ? c2 * fabsl(g) * ulps(wd * p0) / fmaxl(v, FLT_MIN) : 0;
    const long double s = lr / bc1 * m_size / denominator + (l2 ? 0 : lr * wd * fabsl(p0));
    /* And of the sum of the terms' sizes: for a beta near 0 a large old moment excuses nothing. L2: as for v below.
     */
    const long double m_sum = k->beta1 * fabsl(m0) + c1 * g_size;
    const long double m_bar = fminl((k->beta1 >= 0.8 ? 2 : 3.5L) * ulps(m_size), (l2 ? 3 : 2) * ulps(m_sum));
    /* L2: one ulp more, because the decayed gradient is a float32 of its own before it is squared (2.9 measured). */
    const long double v_bar = (l2 ? 3 : 2) * ulps(k->beta2 * v0 + c2 * g_size * g_size);
    const long double p_bar = 0.5L * ulps(p) + 4 * ulps(s) + from_cancelling * s;

    /* Written so that a NaN fails. */
    if (!(fabsl(new->exp_avg[i] - m) <= m_bar))
        return check_fail("exp_avg is %Lg times the bar off", fabsl(new->exp_avg[i] - m) / m_bar);
    if (!(fabsl(new->exp_avg_sq[i] - v) <= v_bar))
        return check_fail("exp_avg_sq is %Lg times the bar off", fabsl(new->exp_avg_sq[i] - v) / v_bar);
    if (!(fabsl(new->param[i] - p) <= p_bar))
        return check_fail("param %Lg is %Lg times the bar off: beta1 %g, beta2 %g, l2 %d, amsgrad %d, grad %g, v %Lg",
                          p, fabsl(new->param[i] - p) / p_bar, k->beta1, k->beta2, l2, k->amsgrad,
                          (double)old->grad[i], v);
    return true;
}

typedef struct accuracy_trial {
    buffers old, new;
    adamw_isa isa;
} accuracy_trial;

static bool within_bar(const adamw_config *config, uint64_t step, void *context)
{
    accuracy_trial *t = context;
    if (config->arithmetic != ADAMW_ARITHMETIC_ACCURATE)
        return true;
    const adamw_tensor tensor = buffers_tensor(&t->new, config);
    buffers_copy(&t->new, &t->old);
    step_with(t->isa, config, step, &tensor);
    for (size_t i = 0; i < t->old.n; i++)
        if (!check_value(config, step, &t->old, &t->new, i))
            return false;
    return true;
}

/* Half the values as in training, half from the domain's whole width: |g| to 2^63 and v normal, or all tiny, down to
 * subnormals and zeros, which the bar allows where eps is not below 1e-10. */
static void fill_domain(const buffers *x, bool tiny, uint64_t *state)
{
    for (size_t i = 0; i < x->n; i++) {
        const bool training = i % 2;
        x->param[i] = training ? (float)(0.1 * normal(state)) : wide(state, -40, 40);
        for (int b = 0; b < 2; b++)
            (b ? x->grad : x->exp_avg)[i] = training ? (float)(0.01 * normal(state))
                                            : tiny   ? wide(state, -140, -60)
                                                     : wide(state, -60, 62);
        for (int b = 0; b < 2; b++)
            (b ? x->exp_avg_sq : x->max_exp_avg_sq)[i] = training ? (float)(1e-4 * uniform(state))
                                                         : tiny   ? fabsf(wide(state, -149, -100))
                                                                  : fabsf(wide(state, -100, 125));
        if (tiny && i % 16 == 0)
            x->exp_avg_sq[i] = x->max_exp_avg_sq[i] = 0;
        if (tiny && i % 32 == 0)
            x->grad[i] = x->exp_avg[i] = 0;
    }
}

static double any_beta(uint64_t *state)
{
    const double kind = uniform(state);
    return kind < 0.15 ? 0 : kind < 0.5 ? 0.999 * uniform(state) : 1 - pow(10, -6 * uniform(state));
}

/* A config of any variant, and any step to 2^24. */
static adamw_config any_config(bool tiny, uint64_t *step, uint64_t *state)
{
    adamw_config config = config_of_variant((adamw_variant)(mix64(++*state) % ADAMW_VARIANT_COUNT));
    config.arithmetic = ADAMW_ARITHMETIC_ACCURATE;
    config.beta1 = any_beta(state);
    config.beta2 = any_beta(state);
    config.lr = uniform(state) < 0.05 ? 0 : pow(10, -8 * uniform(state));
    config.weight_decay = uniform(state) < 0.1 ? 0 : pow(10, -6 * uniform(state));
    config.eps = tiny ? pow(10, -10 * uniform(state)) : uniform(state) < 0.3 ? 0 : pow(10, -30 * uniform(state));
    config.maximize = mix64(++*state) & 1;
    *step = uniform(state) < 0.2 ? 1 : (uint64_t)exp2(24 * uniform(state));
    return config;
}

bool check_accuracy_bar(const check_options *options)
{
    const size_t n = options->quick ? 2000 : 20000, n_each = 300;
    const int configs = options->quick ? 60 : 3000;
    accuracy_trial all = {buffers_new(n), buffers_new(n), ADAMW_ISA_SCALAR};
    accuracy_trial each = {buffers_new(n_each), buffers_new(n_each), ADAMW_ISA_SCALAR};
    uint64_t state = options->seed << 30;
    fill_domain(&all.old, false, &state);
    bool right = for_each_config(within_bar, &all);
    for (int i = 0; right && i < configs; i++) {
        const bool tiny = i % 2;
        uint64_t step;
        const adamw_config config = any_config(tiny, &step, &state);
        fill_domain(&each.old, tiny, &state);
        right = within_bar(&config, step, &each);
    }
    buffers_free(&all.old);
    buffers_free(&all.new);
    buffers_free(&each.old);
    buffers_free(&each.new);
    return right;
}

/* ---- the share of the decay ---- */

enum { DECAY_VALUES = 20000, DECAY_STEPS = 2000, DECAY_ROWS = 6 };

/* A run of one row: the library's, and two in double, with and without decay. */
typedef struct decay_row {
    adamw_arithmetic arithmetic;
    double lr, weight_decay, low, high; /* the share must lie between */
    buffers x;
    double *with, *without;
} decay_row;

bool check_decay_is_realised(const check_options *options)
{
    if (options->quick) {
        check_skip("the share of the decay: 4e7 element-steps a row, not in the quick form");
        return true;
    }
    decay_row rows[DECAY_ROWS] = {{ADAMW_ARITHMETIC_ACCURATE, 1e-3, 1e-2, 0.99, 1.01, {0}, 0, 0},
                                  {ADAMW_ARITHMETIC_ACCURATE, 1e-3, 1e-4, 0.99, 1.01, {0}, 0, 0},
                                  {ADAMW_ARITHMETIC_ACCURATE, 5e-4, 1e-4, 0.99, 1.01, {0}, 0, 0},
                                  {ADAMW_ARITHMETIC_ACCURATE, 2.5e-4, 1e-4, 0.99, 1.01, {0}, 0, 0},
                                  {ADAMW_ARITHMETIC_ACCURATE, 1e-4, 1e-4, 0.99, 1.01, {0}, 0, 0},
                                  /* torch's form, so that the measure is seen to measure */
                                  {ADAMW_ARITHMETIC_TORCH, 1e-3, 1e-4, 1.10, 1.20, {0}, 0, 0}};
    double *m = calloc(DECAY_VALUES, sizeof *m), *v = calloc(DECAY_VALUES, sizeof *v);
    float *grad = malloc(DECAY_VALUES * sizeof *grad);
    uint64_t state = options->seed << 40;
    for (int r = 0; r < DECAY_ROWS; r++) {
        decay_row *row = &rows[r];
        uint64_t same = options->seed << 41;
        row->x = buffers_new(DECAY_VALUES);
        row->with = malloc(DECAY_VALUES * sizeof(double));
        row->without = malloc(DECAY_VALUES * sizeof(double));
        for (int i = 0; i < DECAY_VALUES; i++) {
            row->x.param[i] = (float)(0.1 * normal(&same));
            row->with[i] = row->without[i] = row->x.param[i];
            row->x.exp_avg[i] = row->x.exp_avg_sq[i] = 0;
        }
    }
    double power1 = 1, power2 = 1;
    for (uint64_t step = 1; step <= DECAY_STEPS; step++) {
        power1 *= 0.9;
        power2 *= 0.999;
        for (int i = 0; i < DECAY_VALUES; i++)
            grad[i] = (float)(0.01 * normal_like(&state));
        for (int r = 0; r < DECAY_ROWS; r++) {
            adamw_config config;
            adamw_config_init(&config);
            config.arithmetic = rows[r].arithmetic;
            config.lr = rows[r].lr;
            config.weight_decay = rows[r].weight_decay;
            adamw_step_f32(&config, step, DECAY_VALUES, rows[r].x.param, grad, rows[r].x.exp_avg,
                           rows[r].x.exp_avg_sq);
        }
        for (int i = 0; i < DECAY_VALUES; i++) {
            m[i] += 0.1 * (grad[i] - m[i]);
            v[i] += 0.001 * ((double)grad[i] * grad[i] - v[i]);
            const double update = m[i] / (1 - power1) / (sqrt(v[i] / (1 - power2)) + 1e-8);
            for (int r = 0; r < DECAY_ROWS; r++) {
                rows[r].with[i] -= rows[r].lr * (update + rows[r].weight_decay * rows[r].with[i]);
                rows[r].without[i] -= rows[r].lr * update;
            }
        }
    }
    bool right = true;
    for (int r = 0; r < DECAY_ROWS; r++) {
        double happened = 0, wanted = 0;
        for (int i = 0; i < DECAY_VALUES; i++) {
            happened += (rows[r].x.param[i] - rows[r].without[i]) * rows[r].without[i];
            wanted += (rows[r].with[i] - rows[r].without[i]) * rows[r].without[i];
        }
        const double share = happened / wanted;
        if (!(share > rows[r].low && share < rows[r].high))
            right = check_fail("lr %g, weight_decay %g, arithmetic %d: %.2f %% of the decay, not %.0f to %.0f %%",
                               rows[r].lr, rows[r].weight_decay, (int)rows[r].arithmetic, 100 * share,
                               100 * rows[r].low, 100 * rows[r].high);
        buffers_free(&rows[r].x);
        free(rows[r].with);
        free(rows[r].without);
    }
    free(m);
    free(v);
    free(grad);
    return right;
}

bool check_small_betas(const check_options *options)
{
    (void)options;
    for (int variant = 0; variant < ADAMW_VARIANT_COUNT; variant++) {
        adamw_config config = config_of_variant((adamw_variant)variant);
        config.beta1 = config.beta2 = 0;
        config.weight_decay = 0;
        /* A huge old second moment must not swallow the gradient: v is g*g, and the step is the rate. */
        float p = 1, g = 0.5f, m = 1e10f, v = 1e30f, largest = 0;
        const adamw_tensor tensor = {.n = 1,
                                     .param = &p,
                                     .grad = &g,
                                     .exp_avg = &m,
                                     .exp_avg_sq = &v,
                                     .max_exp_avg_sq = config.amsgrad ? &largest : NULL};
        step_with(ADAMW_ISA_SCALAR, &config, 5, &tensor);
        if (m != 0.5f || v != 0.25f || fabsf(p - 0.999f) > 1e-6f)
            return check_fail("%s: m %g, v %g, p %g", name_of_variant((adamw_variant)variant), (double)m, (double)v,
                              (double)p);
    }
    return true;
}
