/*
 * fields.c - fields of the API that other checks leave at their defaults: bias_correction, a missing exp_avg, and the
 * names of the instruction sets.
 */
#include "check.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- bias_correction ---- */

/* Values for which every operation of both arithmetics is exact, so that the closed form has their bits. */
static bool closed_form(adamw_isa isa, const adamw_config *config, uint64_t step)
{
    enum { N = 37 };
    float param[N], grad[N], exp_avg[N], exp_avg_sq[N], max_exp_avg_sq[N];
    const bool l2 = config->decay == ADAMW_DECAY_L2;
    for (int i = 0; i < N; i++) {
        param[i] = 2;
        grad[i] = l2 ? 0.5f : 1;
        exp_avg[i] = 0.5f;
        exp_avg_sq[i] = 1;
        max_exp_avg_sq[i] = 0;
    }
    const adamw_tensor tensor = {.n = N,
                                 .param = param,
                                 .grad = grad,
                                 .exp_avg = exp_avg,
                                 .exp_avg_sq = exp_avg_sq,
                                 .max_exp_avg_sq = config->amsgrad ? max_exp_avg_sq : NULL};
    adamw_isa_select(isa);
    if (adamw_step(config, step, &tensor, 1, 1) != ADAMW_OK)
        return check_fail("bias_correction false was refused");
    /* g = 1 with the L2 decay 0.25*2 inside; m = 0.5 + 0.5*(1 - 0.5); v = 1; p = 2 - 0.5*0.75/1 - 0.5*0.25*2 */
    const float want = l2 ? 1.625f : 1.375f;
    for (int i = 0; i < N; i++)
        if (param[i] != want || exp_avg[i] != 0.75f || exp_avg_sq[i] != 1)
            return check_fail("%s, bias_correction false, arithmetic %d, decay %d, step %llu: param %a, not %a",
                              adamw_isa_name(isa), (int)config->arithmetic, (int)config->decay,
                              (unsigned long long)step, (double)param[i], (double)want);
    return true;
}

/* A host that folds its own corrections into lr, eps and weight_decay takes the step of bias_correction true. */
static bool folded_by_host(const adamw_config *corrected)
{
    enum { N = 1000, STEP = 7 };
    const double bc1 = 1 - pow(corrected->beta1, STEP), root_bc2 = sqrt(1 - pow(corrected->beta2, STEP));
    const bool torch = corrected->arithmetic == ADAMW_ARITHMETIC_TORCH;
    adamw_config folded = *corrected;
    folded.bias_correction = false;
    folded.lr = corrected->lr * root_bc2 / bc1;
    folded.eps = corrected->eps * root_bc2;
    if (corrected->decay == ADAMW_DECAY_DECOUPLED)
        folded.weight_decay = corrected->weight_decay * bc1 / root_bc2;
    buffers a = buffers_new(N), b = buffers_new(N);
    buffers_fill(&a, INPUT_TRAINING, 11);
    buffers_copy(&b, &a);
    const adamw_tensor with = buffers_tensor(&a, corrected), without = buffers_tensor(&b, &folded);
    bool right =
        adamw_step(corrected, STEP, &with, 1, 1) == ADAMW_OK && adamw_step(&folded, STEP, &without, 1, 1) == ADAMW_OK;
    for (int i = 0; right && i < N; i++) /* torch divides the root by root_bc2, which rounds once more */
        if (!(fabsf(a.param[i] - b.param[i]) <= (torch ? 4e-7f : 2e-7f) * fmaxf(fabsf(a.param[i]), 1e-3f)))
            right = check_fail("corrections folded by the host: param %a, and %a by bias_correction",
                               (double)b.param[i], (double)a.param[i]);
    buffers_free(&a);
    buffers_free(&b);
    return right;
}

bool check_bias_correction(const check_options *options)
{
    const adamw_isa before = adamw_isa_active();
    bool right = true;
    for (int variant = 0; right && variant < ADAMW_VARIANT_COUNT; variant++) {
        adamw_config config = config_of_variant((adamw_variant)variant);
        right = folded_by_host(&config);
        config.bias_correction = false;
        config.lr = 0.5;
        config.beta1 = 0.5;
        config.beta2 = 0.75;
        config.eps = 0;
        config.weight_decay = 0.25;
        FOR_EACH_ISA(options, isa)
        for (uint64_t step = 1; right && step < 2000; step += 999)
            right = closed_form(isa, &config, step);
    }
    adamw_isa_select(before);
    return right;
}

/* ---- exp_avg NULL ---- */

/* Tensors around the ends of vectors, bundles, stage blocks, cuts and the parallel threshold. */
enum { TENSORS = 7, WAYS = 5 };
static const size_t sizes[TENSORS] = {1, 130, 0, 1024, 1025, 5003, 270001};

typedef struct list {
    buffers x[TENSORS];
    float *ema[TENSORS];
    adamw_tensor tensors[TENSORS];
} list;

static list list_new(void)
{
    list l;
    for (int i = 0; i < TENSORS; i++) {
        l.x[i] = buffers_new(sizes[i]);
        l.ema[i] = calloc(sizes[i] + 1, sizeof(float));
    }
    return l;
}

static void list_free(list *l)
{
    for (int i = 0; i < TENSORS; i++) {
        buffers_free(&l->x[i]);
        free(l->ema[i]);
    }
}

/* The same values each time; exp_avg is zeros, or missing. */
static void list_fill(list *l, const adamw_config *config, input_kind kind, bool missing)
{
    for (int i = 0; i < TENSORS; i++) {
        buffers_fill(&l->x[i], kind, 20 + (uint64_t)i);
        memset(l->x[i].exp_avg, 0, sizes[i] * sizeof(float));
        memset(l->ema[i], 0, sizes[i] * sizeof(float));
        l->tensors[i] = buffers_tensor(&l->x[i], config);
        if (missing) {
            l->tensors[i].exp_avg = NULL;
            for (size_t k = 0; k < sizes[i]; k++)
                l->x[i].exp_avg[k] = 7; /* must not be found */
        }
    }
}

static bool take(list *l, const adamw_config *config, int way)
{
    adamw_update_options o;
    switch (way) {
    case 0:
        return adamw_step(config, 3, l->tensors, TENSORS, 1) == ADAMW_OK;
    case 1:
        return adamw_step(config, 3, l->tensors, TENSORS, 3) == ADAMW_OK;
    case 2:
        return adamw_step_part(config, 3, l->tensors, TENSORS, 2, 3) == ADAMW_OK &&
               adamw_step_part(config, 3, l->tensors, TENSORS, 0, 3) == ADAMW_OK &&
               adamw_step_part(config, 3, l->tensors, TENSORS, 1, 3) == ADAMW_OK;
    default: /* with the stages around it, on one thread and on three */
        adamw_update_options_init(&o);
        o.grad_scale = 0.25;
        o.clip = ADAMW_CLIP_VALUE;
        o.clip_max = 0.5;
        o.ema = ADAMW_EMA_CONSTANT;
        o.ema_decay = 0.9;
        o.report_ratio = true;
        for (int i = 0; i < TENSORS; i++)
            l->tensors[i].param_ema = l->ema[i];
        return adamw_update(config, 3, l->tensors, TENSORS, &o, NULL, way == 3 ? 1 : 3) == ADAMW_OK;
    }
}

static bool same_but_exp_avg(list *zeros, const list *missing, const char *what)
{
    for (int i = 0; i < TENSORS; i++) {
        for (size_t k = 0; k < sizes[i]; k++)
            if (missing->x[i].exp_avg[k] != 7)
                return check_fail("%s: tensor %d: a first moment was written beside the missing one", what, i);
        memcpy(zeros->x[i].exp_avg, missing->x[i].exp_avg, sizes[i] * sizeof(float));
        const size_t at = buffers_difference(&zeros->x[i], &missing->x[i]);
        if (at != sizes[i] || floats_difference(zeros->ema[i], missing->ema[i], sizes[i]) != sizes[i])
            return check_fail("%s: tensor %d of %zu values differs at %zu from one with zeros in exp_avg", what, i,
                              sizes[i], at);
    }
    return true;
}

bool check_no_exp_avg(const check_options *options)
{
    const adamw_isa before = adamw_isa_active();
    list zeros = list_new(), missing = list_new();
    bool right = true;
    for (int variant = 0; right && variant < ADAMW_VARIANT_COUNT; variant++) {
        adamw_config config = config_of_variant((adamw_variant)variant);
        config.beta1 = 0;
        config.maximize = variant % 3 == 1;
        const input_kind kind = variant % 2 ? INPUT_NASTY : INPUT_TRAINING;
        FOR_EACH_ISA(options, isa)
        for (int way = 0; right && way < WAYS; way++) {
            char what[96];
            if (options->quick && (way + variant) % 2 == 1)
                continue;
            snprintf(what, sizeof what, "%s, %s, way %d", name_of_variant((adamw_variant)variant),
                     adamw_isa_name(isa), way);
            adamw_isa_select(isa);
            list_fill(&zeros, &config, kind, false);
            list_fill(&missing, &config, kind, true);
            right = take(&zeros, &config, way) && take(&missing, &config, way);
            if (!right)
                check_fail("%s: refused", what);
            right = right && same_but_exp_avg(&zeros, &missing, what);
        }
    }
    adamw_isa_select(before);
    list_free(&zeros);
    list_free(&missing);
    return right;
}

/* ---- names ---- */

bool check_isa_names(const check_options *options)
{
    static const char *const none[] = {"", "AVX2", "avx", "avx22", " avx2", "unknown", "sse9"};
    (void)options;
    for (int i = 0; i < ADAMW_ISA_COUNT; i++) {
        adamw_isa isa = ADAMW_ISA_COUNT;
        const char *name = adamw_isa_name((adamw_isa)i);
        if (adamw_isa_from_name(name, &isa) != ADAMW_OK || isa != (adamw_isa)i)
            return check_fail("the name '%s' of %d is found as %d", name, i, (int)isa);
        if (adamw_isa_from_name(name, NULL) != ADAMW_ERROR_INVALID_ARGUMENT)
            return check_fail("adamw_isa_from_name: NULL for the result was taken");
    }
    for (size_t i = 0; i <= sizeof none / sizeof none[0]; i++) {
        const char *name = i < sizeof none / sizeof none[0] ? none[i] : NULL;
        adamw_isa isa = ADAMW_ISA_COUNT;
        if (adamw_isa_from_name(name, &isa) != ADAMW_ERROR_INVALID_ARGUMENT || isa != ADAMW_ISA_COUNT)
            return check_fail("'%s' is the name of %d", name != NULL ? name : "NULL", (int)isa);
    }
    return true;
}
