/*
 * narrow.c - narrow streams by the sentence that defines them: each is read exactly into float32, the float32 step is
 * done, and what is written is rounded once. The reference is adamw_update() of the scalar kernels on float32 buffers,
 * whose bits other checks prove, between conversions in plain C.
 */
#include "check.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../../kernels/vec/half.h"

/* Tensors around the sizes where vectors, bundles, blocks of stages, cuts and threads begin. */
enum { TENSORS = 7, MARGIN = 64, CANARY = 0xA5 };
static const size_t sizes[TENSORS] = {1, 47, 0, 1023, 5000, 12290, 300001};

/* What a tensor's streams are held in. */
typedef struct form {
    const char *name;
    adamw_dtype dtype[ADAMW_STREAM_COUNT];
    adamw_rounding rounding;
} form;

#define F32 ADAMW_DTYPE_FLOAT32
#define BF16 ADAMW_DTYPE_BFLOAT16
#define F16 ADAMW_DTYPE_FLOAT16
/* Of a split parameter's other half: 16 bits that are no number of their own. */
#define RESIDUAL ADAMW_DTYPE_Q8

static const form forms[] = {
    {.name = "bf16 gradients", .dtype = {[ADAMW_STREAM_grad] = BF16, [ADAMW_STREAM_param_copy] = BF16}},
    {.name = "f16 gradients", .dtype = {[ADAMW_STREAM_grad] = F16, [ADAMW_STREAM_param_copy] = F16}},
    {.name = "f32 gradients", .dtype = {[ADAMW_STREAM_param_copy] = BF16}},
    {.name = "split parameters", .dtype = {[ADAMW_STREAM_param] = BF16, [ADAMW_STREAM_param_residual] = RESIDUAL}},
    {.name = "split parameters, all else bf16",
     .dtype = {[ADAMW_STREAM_param] = BF16,
               [ADAMW_STREAM_param_residual] = RESIDUAL,
               [ADAMW_STREAM_grad] = BF16,
               [ADAMW_STREAM_exp_avg] = BF16,
               [ADAMW_STREAM_exp_avg_sq] = BF16,
               [ADAMW_STREAM_max_exp_avg_sq] = BF16,
               [ADAMW_STREAM_param_copy] = BF16},
     .rounding = ADAMW_ROUND_STOCHASTIC},
    {.name = "bf16 parameters, to nearest", .dtype = {[ADAMW_STREAM_param] = BF16}},
    {.name = "bf16 parameters", .dtype = {[ADAMW_STREAM_param] = BF16}, .rounding = ADAMW_ROUND_STOCHASTIC},
    {.name = "bf16 exp_avg", .dtype = {[ADAMW_STREAM_exp_avg] = BF16}, .rounding = ADAMW_ROUND_STOCHASTIC},
    {.name = "bf16 exp_avg, to nearest", .dtype = {[ADAMW_STREAM_exp_avg] = BF16}},
    {.name = "bf16 exp_avg_sq",
     .dtype = {[ADAMW_STREAM_exp_avg_sq] = BF16, [ADAMW_STREAM_max_exp_avg_sq] = BF16},
     .rounding = ADAMW_ROUND_STOCHASTIC},
    {.name = "all in bf16, to nearest",
     .dtype = {[ADAMW_STREAM_param] = BF16,
               [ADAMW_STREAM_grad] = BF16,
               [ADAMW_STREAM_exp_avg] = BF16,
               [ADAMW_STREAM_exp_avg_sq] = BF16,
               [ADAMW_STREAM_max_exp_avg_sq] = BF16}},
    {.name = "all in bf16, f16 gradients",
     .dtype = {[ADAMW_STREAM_param] = BF16,
               [ADAMW_STREAM_grad] = F16,
               [ADAMW_STREAM_exp_avg] = BF16,
               [ADAMW_STREAM_exp_avg_sq] = BF16,
               [ADAMW_STREAM_max_exp_avg_sq] = BF16,
               [ADAMW_STREAM_param_copy] = F16},
     .rounding = ADAMW_ROUND_STOCHASTIC},
};
enum { FORMS = sizeof forms / sizeof forms[0] };

/* A stream in memory, at an odd address between canaries. */
typedef struct held {
    unsigned char *block;
    size_t bytes;
} held;

/* A copy is bfloat16 where the form has nothing else. */
static adamw_dtype dtype_of(const form *f, int stream)
{
    return stream == ADAMW_STREAM_param_copy && f->dtype[stream] == F32 ? BF16 : f->dtype[stream];
}
static bool is_split(const form *f) { return f->dtype[ADAMW_STREAM_param_residual] == RESIDUAL; }
static size_t width_of(const form *f, int stream)
{
    const bool wide = dtype_of(f, stream) == F32 && stream != ADAMW_STREAM_param_residual;
    return wide ? sizeof(float) : sizeof(uint16_t);
}
static unsigned char *start_of(const held *h) { return h->block + MARGIN + 1; }

typedef struct model {
    held at[TENSORS][ADAMW_STREAM_COUNT];
} model;

static model model_new(const form *f)
{
    model m;
    for (int t = 0; t < TENSORS; t++)
        for (int s = 0; s < ADAMW_STREAM_COUNT; s++) {
            held *h = &m.at[t][s];
            h->bytes = sizes[t] * width_of(f, s);
            h->block = malloc(h->bytes + 2 * MARGIN);
            if (h->block == NULL)
                abort();
            memset(h->block, CANARY, h->bytes + 2 * MARGIN);
        }
    return m;
}

static void model_free(model *m)
{
    for (int t = 0; t < TENSORS; t++)
        for (int s = 0; s < ADAMW_STREAM_COUNT; s++)
            free(m->at[t][s].block);
}

static void model_copy(model *to, const model *from)
{
    for (int t = 0; t < TENSORS; t++)
        for (int s = 0; s < ADAMW_STREAM_COUNT; s++)
            memcpy(to->at[t][s].block, from->at[t][s].block, from->at[t][s].bytes + 2 * MARGIN);
}

static float value_of(const held *h, adamw_dtype dtype, size_t i)
{
    float x;
    uint16_t half;
    if (dtype == F32) {
        memcpy(&x, start_of(h) + i * sizeof x, sizeof x);
        return x;
    }
    memcpy(&half, start_of(h) + i * sizeof half, sizeof half);
    return dtype == BF16 ? widen_bf16(half) : widen_f16(half);
}

static void put(const held *h, adamw_dtype dtype, size_t i, float x)
{
    const uint16_t half = dtype == BF16 ? narrow_bf16(x) : narrow_f16(x);
    if (dtype == F32)
        memcpy(start_of(h) + i * sizeof x, &x, sizeof x);
    else
        memcpy(start_of(h) + i * sizeof half, &half, sizeof half);
}

/* A parameter in its two halves, by what they are: the bits are high * 2^16 + low, and low a signed number. */
static float joined(const held *high, const held *low, size_t i)
{
    uint16_t upper;
    int16_t lower;
    memcpy(&upper, start_of(high) + i * sizeof upper, sizeof upper);
    memcpy(&lower, start_of(low) + i * sizeof lower, sizeof lower);
    return float_of_bits((uint32_t)((int64_t)upper * 65536 + lower));
}
static void put_halves(const held *high, const held *low, size_t i, float x)
{
    const uint32_t bits = canonical_bits(x);
    const int16_t lower = (int16_t)(bits & 0xFFFF);
    const uint16_t upper = (uint16_t)((bits - (uint32_t)(int32_t)lower) >> 16);
    memcpy(start_of(high) + i * sizeof upper, &upper, sizeof upper);
    memcpy(start_of(low) + i * sizeof lower, &lower, sizeof lower);
}

static uint16_t rounded_randomly(float x, uint32_t fraction)
{
    return (uint16_t)((canonical_bits(x) + fraction) >> 16);
}

static bool is_same(const model *a, const model *b, const form *f, const char *what)
{
#define NAME(name, size) #name,
    static const char *const names[] = {ADAMW_STREAMS(NAME)};
#undef NAME
    for (int t = 0; t < TENSORS; t++)
        for (int s = 0; s < ADAMW_STREAM_COUNT; s++) {
            const held *x = &a->at[t][s], *y = &b->at[t][s];
            if (memcmp(x->block, y->block, x->bytes + 2 * MARGIN) == 0)
                continue;
            if (memcmp(x->block, y->block, MARGIN + 1) != 0 ||
                memcmp(start_of(x) + x->bytes, start_of(y) + y->bytes, MARGIN - 1) != 0)
                return check_fail("%s, %s: wrote beside %s of tensor %d", f->name, what, names[s], t);
            for (size_t i = 0; i < sizes[t]; i++) {
                if (dtype_of(f, s) == RESIDUAL) {
                    if (memcmp(start_of(x) + 2 * i, start_of(y) + 2 * i, 2) != 0)
                        return check_fail("%s, %s: residual of tensor %d, value %zu", f->name, what, t, i);
                    continue;
                }
                const float got = value_of(x, dtype_of(f, s), i), want = value_of(y, dtype_of(f, s), i);
                if (canonical_bits(got) != canonical_bits(want))
                    return check_fail("%s, %s: %s of tensor %d, value %zu is %a, not %a", f->name, what, names[s], t,
                                      i, (double)got, (double)want);
            }
        }
    return true;
}

/* One tensor goes beyond 2^32 inside a block, where random words have new keys. */
static uint64_t first_index_of(int tensor) { return tensor == 4 ? (UINT64_C(7) << 32) - 700 : (uint64_t)tensor * 9; }

static void tensors_of(const model *m, const form *f, const adamw_config *config, bool plain, adamw_tensor *tensors)
{
    for (int t = 0; t < TENSORS; t++) {
#define START(name, size) .name = start_of(&m->at[t][ADAMW_STREAM_##name]),
        tensors[t] = (adamw_tensor){.n = sizes[t], ADAMW_STREAMS(START)};
#undef START
        tensors[t].param_dtype = f->dtype[ADAMW_STREAM_param];
        tensors[t].grad_dtype = f->dtype[ADAMW_STREAM_grad];
        tensors[t].exp_avg_dtype = f->dtype[ADAMW_STREAM_exp_avg];
        tensors[t].exp_avg_sq_dtype = f->dtype[ADAMW_STREAM_exp_avg_sq];
        tensors[t].copy_dtype = dtype_of(f, ADAMW_STREAM_param_copy);
        tensors[t].step = t == 3 ? 2 : 0;
        tensors[t].random_stream = (uint64_t)t;
        tensors[t].first_index = first_index_of(t);
        if (!is_split(f))
            tensors[t].param_residual = NULL;
        if (!config->amsgrad)
            tensors[t].max_exp_avg_sq = NULL;
        if (plain)
            tensors[t].param_ema = tensors[t].param_copy = NULL;
    }
}

/* Values as a training run has them, or any bits, each rounded to what the form can hold. */
static void fill(model *m, const form *f, input_kind kind, uint64_t seed)
{
    for (int t = 0; t < TENSORS; t++) {
        buffers x = buffers_new(sizes[t]);
        buffers_fill(&x, kind, seed + (uint64_t)t);
        const float *const from[ADAMW_STREAM_COUNT] = {
            [ADAMW_STREAM_param] = x.param,           [ADAMW_STREAM_grad] = x.grad,
            [ADAMW_STREAM_exp_avg] = x.exp_avg,       [ADAMW_STREAM_exp_avg_sq] = x.exp_avg_sq,
            [ADAMW_STREAM_param_ema] = x.exp_avg,     [ADAMW_STREAM_max_exp_avg_sq] = x.max_exp_avg_sq,
            [ADAMW_STREAM_param_copy] = x.exp_avg_sq,
        };
        for (int s = 0; s < ADAMW_STREAM_COUNT; s++)
            for (size_t i = 0; i < sizes[t]; i++)
                if (s == ADAMW_STREAM_param && is_split(f))
                    put_halves(&m->at[t][s], &m->at[t][ADAMW_STREAM_param_residual], i, from[s][i]);
                else if (s != ADAMW_STREAM_param_residual)
                    put(&m->at[t][s], dtype_of(f, s), i, from[s][i]);
        buffers_free(&x);
    }
}

/* The same values in float32. */
static void widen(model *to, const model *from, const form *f)
{
    for (int t = 0; t < TENSORS; t++)
        for (int s = 0; s < ADAMW_STREAM_COUNT; s++)
            for (size_t i = 0; i < sizes[t]; i++)
                if (s == ADAMW_STREAM_param && is_split(f))
                    put(&to->at[t][s], F32, i, joined(&from->at[t][s], &from->at[t][ADAMW_STREAM_param_residual], i));
                else if (s != ADAMW_STREAM_param_residual && s != ADAMW_STREAM_param_copy)
                    put(&to->at[t][s], F32, i, value_of(&from->at[t][s], dtype_of(f, s), i));
}

/* The random bits of a stream: which half of which word. */
static uint32_t fraction_of(int stream, const adamw_config *config, uint64_t step, int t, size_t i)
{
    const unsigned word = stream == ADAMW_STREAM_param || stream == ADAMW_STREAM_max_exp_avg_sq;
    const uint32_t bits = random_word(config->seed, t == 3 ? 2 : step, (uint64_t)t, first_index_of(t) + i, word);
    return stream == ADAMW_STREAM_exp_avg || stream == ADAMW_STREAM_param ? bits & 0xFFFF : bits >> 16;
}

/* What the float32 update left, each stream rounded once. */
static void round_once(model *to, const model *wide, const form *f, const adamw_config *config, uint64_t step)
{
    for (int t = 0; t < TENSORS; t++)
        for (int s = 0; s < ADAMW_STREAM_COUNT; s++)
            for (size_t i = 0; i < sizes[t]; i++) {
                if (s == ADAMW_STREAM_param_copy || s == ADAMW_STREAM_param_residual || s == ADAMW_STREAM_grad)
                    continue;
                if (s == ADAMW_STREAM_max_exp_avg_sq && !config->amsgrad)
                    continue;
                const float x = value_of(&wide->at[t][s], F32, i);
                if (s == ADAMW_STREAM_param && is_split(f)) {
                    put_halves(&to->at[t][s], &to->at[t][ADAMW_STREAM_param_residual], i, x);
                } else if (dtype_of(f, s) == BF16 && config->rounding == ADAMW_ROUND_STOCHASTIC) {
                    const uint16_t half = rounded_randomly(x, fraction_of(s, config, step, t, i));
                    memcpy(start_of(&to->at[t][s]) + i * sizeof half, &half, sizeof half);
                } else {
                    put(&to->at[t][s], dtype_of(f, s), i, x);
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
    const form *f;
    const adamw_config *config;
    uint64_t step;
    adamw_update_options options;
    double norms[TENSORS];
    model input, want, got;
    adamw_update_report report;
} trial;

/* adamw_update() of the float32 buffers that hold the same, then one rounding. */
static bool expect(trial *t)
{
    form wide_form = {.name = "float32",
                      .dtype = {[ADAMW_STREAM_param_copy] = dtype_of(t->f, ADAMW_STREAM_param_copy)}};
    model wide = model_new(&wide_form);
    adamw_tensor tensors[TENSORS];
    widen(&wide, &t->input, t->f);
    for (int i = 0; i < TENSORS; i++)
        memcpy(start_of(&wide.at[i][ADAMW_STREAM_param_copy]), start_of(&t->input.at[i][ADAMW_STREAM_param_copy]),
               wide.at[i][ADAMW_STREAM_param_copy].bytes);
    tensors_of(&wide, &wide_form, t->config, false, tensors);
    adamw_isa_select(ADAMW_ISA_SCALAR);
    const bool right = adamw_update(t->config, t->step, tensors, TENSORS, &t->options, &t->report, 1) == ADAMW_OK;
    model_copy(&t->want, &t->input);
    if (!t->report.skipped)
        round_once(&t->want, &wide, t->f, t->config, t->step);
    for (int i = 0; i < TENSORS; i++) { /* the gradient is only read, or cleared */
        const held *grad = &t->want.at[i][ADAMW_STREAM_grad], *from = &t->input.at[i][ADAMW_STREAM_grad];
        memcpy(start_of(grad), start_of(from), grad->bytes);
        if (t->options.zero_grad)
            memset(start_of(grad), 0, grad->bytes);
        memcpy(start_of(&t->want.at[i][ADAMW_STREAM_param_copy]), start_of(&wide.at[i][ADAMW_STREAM_param_copy]),
               wide.at[i][ADAMW_STREAM_param_copy].bytes);
    }
    model_free(&wide);
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

static bool run(trial *t, adamw_isa isa, int threads)
{
    char what[96], said[256];
    adamw_tensor tensors[TENSORS];
    adamw_update_report report;
    snprintf(what, sizeof what, "%s, %d threads, clip %d, step %d", adamw_isa_name(isa), threads,
             (int)t->options.clip, (int)t->step);
    adamw_isa_select(isa);
    model_copy(&t->got, &t->input);
    tensors_of(&t->got, t->f, t->config, false, tensors);
    if (adamw_update(t->config, t->step, tensors, TENSORS, &t->options, &report, threads) != ADAMW_OK) {
        adamw_update_explain(t->config, t->step, tensors, TENSORS, &t->options, &report, threads, said, sizeof said);
        return check_fail("%s, %s: refused: %s", t->f->name, what, said);
    }
    if (t->f->dtype[ADAMW_STREAM_param] == F32 && !same_report(&report, &t->report))
        return check_fail("%s, %s: another report", t->f->name, what);
    return is_same(&t->got, &t->want, t->f, what);
}

/* A plain step in one call, in parts, and of each tensor in two calls. */
static bool run_plain(trial *t, adamw_isa isa)
{
    adamw_tensor tensors[TENSORS];
    adamw_isa_select(isa);
    for (int how = 0; how < 3; how++) {
        char what[96];
        snprintf(what, sizeof what, "%s, %s", adamw_isa_name(isa),
                 how == 0   ? "adamw_step"
                 : how == 1 ? "adamw_step_part"
                            : "tensors in two pieces");
        model_copy(&t->got, &t->input);
        tensors_of(&t->got, t->f, t->config, true, tensors);
        bool right = true;
        if (how == 0)
            right = adamw_step(t->config, t->step, tensors, TENSORS, 2) == ADAMW_OK;
        for (size_t part = 5; how == 1 && right && part-- > 0;)
            right = adamw_step_part(t->config, t->step, tensors, TENSORS, part, 5) == ADAMW_OK;
        for (int i = 0; how == 2 && right && i < TENSORS; i++) {
            adamw_tensor first = tensors[i], last = tensors[i];
            first.n = sizes[i] / 3;
            last.n -= first.n;
            last.first_index += first.n;
#define MOVE(name, size)                                                                                             \
    if (last.name != NULL)                                                                                           \
        last.name = (char *)(uintptr_t)last.name + first.n * width_of(t->f, ADAMW_STREAM_##name);
            ADAMW_STREAMS(MOVE)
#undef MOVE
            right = adamw_step(t->config, t->step, &last, 1, 1) == ADAMW_OK &&
                    adamw_step(t->config, t->step, &first, 1, 1) == ADAMW_OK;
        }
        if (!right)
            return check_fail("%s, %s: refused", t->f->name, what);
        if (!is_same(&t->got, &t->want, t->f, what))
            return false;
    }
    return true;
}

static bool check_form(const check_options *options, const form *f, uint64_t seed, int round)
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
    t.input = model_new(f);
    t.want = model_new(f);
    t.got = model_new(f);
    fill(&t.input, f, random >> 42 & 1 ? INPUT_NASTY : INPUT_TRAINING, random);
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
    model_free(&t.input);
    model_free(&t.want);
    model_free(&t.got);
    return right;
}

bool check_narrow_is_rounded_once(const check_options *options)
{
    const adamw_isa before = adamw_isa_active();
    const int rounds = options->quick ? 4 : options->full ? 60 : 12;
    bool right = true;
    for (int i = 0; i < FORMS; i++)
        for (int round = 0; right && round < rounds; round++) {
            check_progress("narrow streams: %s", forms[i].name);
            right = check_form(options, &forms[i], options->seed * 1000 + (uint64_t)(i * rounds + round), round);
        }
    check_progress("%s", "");
    adamw_isa_select(before);
    return right;
}
