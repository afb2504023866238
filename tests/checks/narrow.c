/*
 * narrow.c - narrow streams by the sentence that defines them: each is read exactly into float32, the float32 step is
 * done, and what is written is rounded once. The reference is adamw_update() of the scalar kernels on float32 buffers,
 * whose bits other checks prove, between conversions in plain C.
 */
#include "narrow.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../../kernels/vec/half.h"

static uint16_t rounded_randomly(float x, uint32_t fraction)
{
    return (uint16_t)((canonical_bits(x) + fraction) >> 16);
}

/* The same values in float32. */
static void widen(narrow_model *to, const narrow_model *from, const narrow_form *f)
{
    for (int t = 0; t < NARROW_TENSORS; t++)
        for (int s = 0; s < ADAMW_STREAM_COUNT; s++)
            for (size_t i = 0; i < narrow_sizes[t]; i++)
                if (s == ADAMW_STREAM_param && narrow_is_split(f))
                    narrow_put(&to->at[t][s], F32, i,
                               narrow_joined(&from->at[t][s], &from->at[t][ADAMW_STREAM_param_residual], i));
                else if (s != ADAMW_STREAM_param_residual && s != ADAMW_STREAM_param_copy)
                    narrow_put(&to->at[t][s], F32, i, narrow_value_of(&from->at[t][s], narrow_dtype_of(f, s), i));
}

/* The random bits of a stream: which half of which word. */
static uint32_t fraction_of(int stream, const adamw_config *config, uint64_t step, int t, size_t i)
{
    const unsigned word = stream == ADAMW_STREAM_param || stream == ADAMW_STREAM_max_exp_avg_sq;
    const uint32_t bits =
        random_word(config->seed, t == 3 ? 2 : step, (uint64_t)t, narrow_first_index_of(t) + i, word);
    return stream == ADAMW_STREAM_exp_avg || stream == ADAMW_STREAM_param ? bits & 0xFFFF : bits >> 16;
}

/* What the float32 update left, each stream rounded once. */
static void round_once(narrow_model *to, const narrow_model *wide, const narrow_form *f, const adamw_config *config,
                       uint64_t step)
{
    for (int t = 0; t < NARROW_TENSORS; t++)
        for (int s = 0; s < ADAMW_STREAM_COUNT; s++)
            for (size_t i = 0; i < narrow_sizes[t]; i++) {
                if (s == ADAMW_STREAM_param_copy || s == ADAMW_STREAM_param_residual || s == ADAMW_STREAM_grad)
                    continue;
                if (s == ADAMW_STREAM_max_exp_avg_sq && !config->amsgrad)
                    continue;
                const float x = narrow_value_of(&wide->at[t][s], F32, i);
                if (s == ADAMW_STREAM_param && narrow_is_split(f)) {
                    narrow_put_halves(&to->at[t][s], &to->at[t][ADAMW_STREAM_param_residual], i, x);
                } else if (narrow_dtype_of(f, s) == BF16 && config->rounding == ADAMW_ROUND_STOCHASTIC) {
                    const uint16_t half = rounded_randomly(x, fraction_of(s, config, step, t, i));
                    memcpy(narrow_start_of(&to->at[t][s]) + i * sizeof half, &half, sizeof half);
                } else {
                    narrow_put(&to->at[t][s], narrow_dtype_of(f, s), i, x);
                }
            }
}

static adamw_update_options random_options(uint64_t random)
{
    adamw_update_options o;
    adamw_update_options_init(&o);
    o.grad_scale = (const double[]){1, 1.0 / 1024, 0.3, -1}[random % 4];
    o.clip = (adamw_clip)(random / 4 % 4);
    o.clip_max = (const double[]){1e-3, 0.05, 1e6}[random / 16 % 3];
    o.ema = (adamw_ema)(random / 64 % 5);
    o.ema_decay = 0.999;
    o.copy = random / 512 % 2;
    o.zero_grad = random / 1024 % 2;
    o.skip_not_finite = random / 2048 % 2;
    o.report_norm = random / 4096 % 2;
    o.report_ratio = random / 8192 % 2;
    return o;
}

typedef struct trial {
    const narrow_form *f;
    const adamw_config *config;
    uint64_t step;
    adamw_update_options options;
    double norms[NARROW_TENSORS];
    narrow_model input, want, got;
    adamw_update_report report;
} trial;

/* adamw_update() of the float32 buffers that hold the same, then one rounding. */
static bool expect(trial *t)
{
    narrow_form wide_form = {.name = "float32",
                             .dtype = {[ADAMW_STREAM_param_copy] = narrow_dtype_of(t->f, ADAMW_STREAM_param_copy)}};
    narrow_model wide = narrow_model_new(&wide_form);
    adamw_tensor tensors[NARROW_TENSORS];
    widen(&wide, &t->input, t->f);
    for (int i = 0; i < NARROW_TENSORS; i++)
        memcpy(narrow_start_of(&wide.at[i][ADAMW_STREAM_param_copy]),
               narrow_start_of(&t->input.at[i][ADAMW_STREAM_param_copy]), wide.at[i][ADAMW_STREAM_param_copy].bytes);
    narrow_tensors_of(&wide, &wide_form, t->config, false, tensors);
    adamw_isa_select(ADAMW_ISA_SCALAR);
    const bool right =
        adamw_update(t->config, t->step, tensors, NARROW_TENSORS, &t->options, &t->report, 1) == ADAMW_OK;
    narrow_model_copy(&t->want, &t->input);
    if (!t->report.skipped)
        round_once(&t->want, &wide, t->f, t->config, t->step);
    for (int i = 0; i < NARROW_TENSORS; i++) { /* the gradient is only read, or cleared */
        const narrow_held *grad = &t->want.at[i][ADAMW_STREAM_grad], *from = &t->input.at[i][ADAMW_STREAM_grad];
        memcpy(narrow_start_of(grad), narrow_start_of(from), grad->bytes);
        if (t->options.zero_grad)
            memset(narrow_start_of(grad), 0, grad->bytes);
        memcpy(narrow_start_of(&t->want.at[i][ADAMW_STREAM_param_copy]),
               narrow_start_of(&wide.at[i][ADAMW_STREAM_param_copy]), wide.at[i][ADAMW_STREAM_param_copy].bytes);
    }
    narrow_model_free(&wide);
    return right || check_fail("%s: the float32 update is refused", t->f->name);
}

static bool same_number(double x, double y) { return memcmp(&x, &y, sizeof x) == 0 || (x != x && y != y); }

static bool same_report(const adamw_update_report *x, const adamw_update_report *y)
{
    return x->skipped == y->skipped && same_number(x->grad_norm, y->grad_norm) &&
           same_number(x->clip_coefficient, y->clip_coefficient) && same_number(x->update_ratio, y->update_ratio) &&
           x->update_ratio_tensor == y->update_ratio_tensor && x->not_finite_tensor == y->not_finite_tensor &&
           x->not_finite_index == y->not_finite_index;
}

/* The largest |change| / |before| of the parameters as they are stored. */
static double stored_ratio(const trial *t, size_t *tensor)
{
    double largest = 0;
    for (int i = 0; i < NARROW_TENSORS; i++) {
        long double changes = 0, before = 0;
        for (size_t k = 0; k < narrow_sizes[i]; k++) {
            const float x = narrow_value_of(&t->input.at[i][ADAMW_STREAM_param], BF16, k);
            const float change = narrow_value_of(&t->want.at[i][ADAMW_STREAM_param], BF16, k) - x;
            changes += (long double)change * (long double)change;
            before += (long double)x * (long double)x;
        }
        const double ratio = changes == 0 ? 0 : (double)sqrtl(changes / before);
        if (ratio > largest) {
            largest = ratio;
            *tensor = (size_t)i;
        }
    }
    return largest;
}

static bool run(trial *t, adamw_isa isa, int threads)
{
    char what[96], said[256];
    adamw_tensor tensors[NARROW_TENSORS];
    adamw_update_report report;
    snprintf(what, sizeof what, "%s, %d threads, clip %d, step %d", adamw_isa_name(isa), threads,
             (int)t->options.clip, (int)t->step);
    adamw_isa_select(isa);
    narrow_model_copy(&t->got, &t->input);
    narrow_tensors_of(&t->got, t->f, t->config, false, tensors);
    if (adamw_update(t->config, t->step, tensors, NARROW_TENSORS, &t->options, &report, threads) != ADAMW_OK) {
        adamw_update_explain(t->config, t->step, tensors, NARROW_TENSORS, &t->options, &report, threads, said,
                             sizeof said);
        return check_fail("%s, %s: refused: %s", t->f->name, what, said);
    }
    /* A parameter that is rounded moves otherwise than the float32 one: its ratio is of what is stored. */
    adamw_update_report wanted = t->report;
    if (t->f->dtype[ADAMW_STREAM_param] == BF16 && !narrow_is_split(t->f) && !isnan(wanted.update_ratio)) {
        wanted.update_ratio = stored_ratio(t, &wanted.update_ratio_tensor);
        if (fabs(report.update_ratio - wanted.update_ratio) <= 1e-12 * wanted.update_ratio)
            wanted.update_ratio = report.update_ratio;
    }
    if (!same_report(&report, &wanted))
        return check_fail("%s, %s: another report: ratio %a, not %a", t->f->name, what, report.update_ratio,
                          wanted.update_ratio);
    return narrow_is_same(&t->got, &t->want, t->f, what);
}

/* A plain step in one call, in parts, and of each tensor in two calls. */
static bool run_plain(trial *t, adamw_isa isa)
{
    adamw_tensor tensors[NARROW_TENSORS];
    adamw_isa_select(isa);
    for (int how = 0; how < 3; how++) {
        char what[96];
        snprintf(what, sizeof what, "%s, %s", adamw_isa_name(isa),
                 how == 0   ? "adamw_step"
                 : how == 1 ? "adamw_step_part"
                            : "tensors in two pieces");
        narrow_model_copy(&t->got, &t->input);
        narrow_tensors_of(&t->got, t->f, t->config, true, tensors);
        bool right = true;
        if (how == 0)
            right = adamw_step(t->config, t->step, tensors, NARROW_TENSORS, 2) == ADAMW_OK;
        for (size_t part = 5; how == 1 && right && part-- > 0;)
            right = adamw_step_part(t->config, t->step, tensors, NARROW_TENSORS, part, 5) == ADAMW_OK;
        for (int i = 0; how == 2 && right && i < NARROW_TENSORS; i++) {
            adamw_tensor first = tensors[i], last = tensors[i];
            first.n = narrow_sizes[i] / 3;
            last.n -= first.n;
            last.first_index += first.n;
#define MOVE(name, size)                                                                                             \
    if (last.name != NULL)                                                                                           \
        last.name = (char *)(uintptr_t)last.name + first.n * narrow_width_of(t->f, ADAMW_STREAM_##name);
            ADAMW_STREAMS(MOVE)
#undef MOVE
            right = adamw_step(t->config, t->step, &last, 1, 1) == ADAMW_OK &&
                    adamw_step(t->config, t->step, &first, 1, 1) == ADAMW_OK;
        }
        if (!right)
            return check_fail("%s, %s: refused", t->f->name, what);
        if (!narrow_is_same(&t->got, &t->want, t->f, what))
            return false;
    }
    return true;
}

static bool check_form(const check_options *options, const narrow_form *f, uint64_t seed, int round)
{
    const uint64_t random = mix64(seed) >> 8;
    adamw_config config = config_of_variant((adamw_variant)(round % 4)); /* the ACCURATE ones */
    config.maximize = random >> 40 & 1;
    config.rounding = f->rounding;
    config.seed = random;
    if (random >> 41 & 1)
        config.beta1 = 0.4;
    if (f->rounding == ADAMW_ROUND_NEAREST && f->dtype[ADAMW_STREAM_exp_avg_sq] != F32)
        config.beta2 = 0.95;
    trial t = {.f = f, .config = &config, .step = (const uint64_t[]){1, 2, 1000}[round % 3]};
    t.input = narrow_model_new(f);
    t.want = narrow_model_new(f);
    t.got = narrow_model_new(f);
    narrow_fill(&t.input, f, random >> 42 & 1 ? INPUT_NASTY : INPUT_TRAINING, random);
    t.options = random_options(random);
    t.options.tensor_norms = t.options.clip == ADAMW_CLIP_TENSOR_NORM ? t.norms : NULL;
    bool right = expect(&t);
    FOR_EACH_ISA(options, isa)
    for (int threads = 1; right && threads <= 3; threads += 2)
        right = run(&t, isa, threads);

    adamw_update_options_init(&t.options);
    right = right && expect(&t);
    FOR_EACH_ISA(options, isa)
    right = right && run_plain(&t, isa);
    narrow_model_free(&t.input);
    narrow_model_free(&t.want);
    narrow_model_free(&t.got);
    return right;
}

bool check_narrow_is_rounded_once(const check_options *options)
{
    const adamw_isa before = adamw_isa_active();
    const int rounds = options->quick ? 2 : options->full ? 60 : 12;
    bool right = true;
    for (int i = 0; i < NARROW_ROUNDED; i++)
        for (int round = 0; right && round < rounds; round++) {
            check_progress("narrow streams: %s", narrow_forms[i].name);
            right = check_form(options, &narrow_forms[i], options->seed * 1000 + (uint64_t)(i * rounds + round),
                               i + round);
        }
    check_progress("%s", "");
    adamw_isa_select(before);
    return right;
}
