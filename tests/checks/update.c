/*
 * update.c - adamw_update against its parts as passes of their own, in plain C: scaling, norm, clipping, the plain
 * step (whose bits other checks prove), the average, the copy, the cleared gradients.
 */
#include "check.h"

#include <float.h>
#include <limits.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Tensors around the sizes where vectors, bundles, sum blocks, cuts and threads begin. */
enum { TENSORS = 8 };
static const size_t sizes[TENSORS] = {1, 47, 0, 1023, 5000, 33000, 270001, 130};

typedef struct model {
    buffers x[TENSORS];
    float *ema[TENSORS];
    uint16_t *copy[TENSORS];
} model;

static model model_new(void)
{
    model m;
    for (int i = 0; i < TENSORS; i++) {
        m.x[i] = buffers_new(sizes[i]);
        m.ema[i] = calloc(sizes[i] + 1, sizeof(float));
        m.copy[i] = calloc(sizes[i] + 1, sizeof(uint16_t));
    }
    return m;
}

static void model_free(model *m)
{
    for (int i = 0; i < TENSORS; i++) {
        buffers_free(&m->x[i]);
        free(m->ema[i]);
        free(m->copy[i]);
    }
}

static void model_fill(model *m, uint64_t seed)
{
    for (int i = 0; i < TENSORS; i++) {
        buffers_fill(&m->x[i], INPUT_TRAINING, seed + (uint64_t)i);
        for (size_t k = 0; k < sizes[i]; k++) {
            m->ema[i][k] = (float)normal_like(&seed);
            m->copy[i][k] = 0x1234;
        }
    }
}

static void model_copy(model *to, const model *from)
{
    for (int i = 0; i < TENSORS; i++) {
        buffers_copy(&to->x[i], &from->x[i]);
        memcpy(to->ema[i], from->ema[i], sizes[i] * sizeof(float));
        memcpy(to->copy[i], from->copy[i], sizes[i] * sizeof(uint16_t));
    }
}

static bool model_same(const model *a, const model *b, const char *what)
{
    for (int i = 0; i < TENSORS; i++) {
        const size_t at = buffers_difference(&a->x[i], &b->x[i]);
        if (at != sizes[i])
            return check_fail("%s: tensor %d differs at value %zu (param %a and %a, grad %a and %a)", what, i, at,
                              (double)a->x[i].param[at], (double)b->x[i].param[at], (double)a->x[i].grad[at],
                              (double)b->x[i].grad[at]);
        size_t k = floats_difference(a->ema[i], b->ema[i], sizes[i]);
        if (memcmp(a->copy[i], b->copy[i], k * sizeof(uint16_t)) != 0)
            for (k = 0; a->copy[i][k] == b->copy[i][k];)
                k++;
        if (k != sizes[i])
            return check_fail("%s: tensor %d: average or copy differ at value %zu (%a and %a, %x and %x)", what, i, k,
                              (double)a->ema[i][k], (double)b->ema[i][k], a->copy[i][k], b->copy[i][k]);
    }
    return true;
}

static void model_tensors(const model *m, const adamw_config *config, adamw_tensor *tensors)
{
    for (int i = 0; i < TENSORS; i++) {
        tensors[i] = buffers_tensor(&m->x[i], config);
        tensors[i].param_ema = m->ema[i];
        tensors[i].param_copy = m->copy[i];
        tensors[i].copy_dtype = i % 2 ? ADAMW_DTYPE_BFLOAT16 : ADAMW_DTYPE_FLOAT16;
        tensors[i].step = i == 3 ? 2 : 0;
    }
}

/* ---- the parts ---- */

static double norm_of(const float *x, size_t n)
{
    long double sum = 0;
    for (size_t i = 0; i < n; i++)
        sum += (long double)x[i] * (long double)x[i];
    return (double)sum;
}

static float lerp_weight(const adamw_update_options *o, uint64_t t)
{
    const double w = 1 - o->ema_decay;
    switch (o->ema) {
    case ADAMW_EMA_SWA_UTILS:
        return t == 1 ? 1 : (float)w;
    case ADAMW_EMA_TIMM:
        return (float)(t == 1 ? 1 : 1 - fmin(o->ema_decay, 1 - pow((double)t, -2.0 / 3)));
    case ADAMW_EMA_BIAS_CORRECTED:
        if (o->ema_decay == 1) /* the limit: the mean of all */
            return (float)(1.0 / (double)t);
        return (float)((1 - (long double)o->ema_decay) / (1 - powl((long double)o->ema_decay, (long double)t)));
    default:
        return (float)w;
    }
}

/* bf16 and f16 by what they are: the nearest of the values that the format has, from below or above. */
static uint16_t half_of(float x, adamw_dtype dtype)
{
    const int bits = dtype == ADAMW_DTYPE_BFLOAT16 ? 7 : 10, lowest = dtype == ADAMW_DTYPE_BFLOAT16 ? -126 : -14;
    int exponent;
    frexp((double)x, &exponent);
    exponent = exponent - 1 < lowest || x == 0 ? lowest : exponent - 1;
    const double units = rint(fabs((double)x) / ldexp(1, exponent - bits));
    const unsigned sign = signbit(x) ? 0x8000 : 0;
    return (uint16_t)(sign | (((unsigned)(exponent - lowest) << bits) + (unsigned)units));
}

/* What the report has for the norm decides the coefficient, so that this cannot differ by the norm's last bit. */
static float coefficient_of(const adamw_config *config, double most, double norm)
{
    if (config->arithmetic == ADAMW_ARITHMETIC_TORCH) {
        const float c = 1.0f / ((float)norm + 1e-6f) * (float)most;
        return c > 1 ? 1 : c;
    }
    return (float)fmin(1, most / (norm + 1e-6));
}

static void by_parts(model *m, const model *input, const adamw_config *config, uint64_t step,
                     const adamw_update_options *o, double grad_norm, const double *tensor_norms)
{
    adamw_tensor tensors[TENSORS];
    model_tensors(m, config, tensors);
    for (int i = 0; i < TENSORS; i++) {
        float *g = m->x[i].grad;
        const double norm = o->clip == ADAMW_CLIP_TENSOR_NORM ? tensor_norms[i] : grad_norm;
        const float coefficient = coefficient_of(config, o->clip_max, norm);
        for (size_t k = 0; k < sizes[i]; k++) {
            g[k] *= (float)o->grad_scale;
            const float limit = (float)o->clip_max;
            if (o->clip == ADAMW_CLIP_VALUE)
                g[k] = g[k] < -limit ? -limit : g[k] > limit ? limit : g[k];
            if (o->clip == ADAMW_CLIP_GLOBAL_NORM || o->clip == ADAMW_CLIP_TENSOR_NORM)
                g[k] *= coefficient;
        }
        adamw_tensor plain = tensors[i];
        plain.param_ema = plain.param_copy = NULL;
        step_with(ADAMW_ISA_SCALAR, config, plain.step != 0 ? plain.step : step, &plain);
        const float w = lerp_weight(o, plain.step != 0 ? plain.step : step);
        for (size_t k = 0; k < sizes[i]; k++) {
            const float p = m->x[i].param[k], e = m->ema[i][k];
            if (o->ema != ADAMW_EMA_NONE)
                m->ema[i][k] = w < 0.5f ? adamw_fmaf(w, p - e, e) : adamw_fmaf(-(p - e), 1 - w, p);
            if (o->copy)
                m->copy[i][k] = half_of(p, tensors[i].copy_dtype);
            /* One pass leaves the gradients as they are, where passes of their own would scale and clip them. */
            g[k] = o->zero_grad ? 0 : input->x[i].grad[k];
        }
    }
}

static adamw_update_options random_options(uint64_t random)
{
    static const double maxima[] = {1e-3, 0.05, 1e6};
    adamw_update_options o;
    adamw_update_options_init(&o);
    o.grad_scale = (const double[]){1, 1.0 / 1024, 0.3, -1}[random % 4];
    o.clip = (adamw_clip)(random / 4 % 4);
    o.clip_max = maxima[random / 16 % 3];
    o.ema = (adamw_ema)(random / 64 % 5);
    o.ema_decay = (const double[]){0.999, 0.3, 0, 1}[random / 512 % 4];
    o.copy = random / 2048 % 2;
    o.zero_grad = random / 4096 % 2;
    o.skip_not_finite = random / 8192 % 2;
    o.report_norm = random / 16384 % 2;
    o.report_ratio = random / 32768 % 2;
    return o;
}

bool check_update_parts(const check_options *options)
{
    const adamw_isa before = adamw_isa_active();
    model input = model_new(), want = model_new(), got = model_new();
    bool right = true;
    const int rounds = options->quick ? 4 : options->full ? 400 : 40;
    for (int round = 0; right && round < rounds; round++) {
        const uint64_t random = mix64(options->seed * 1000 + (uint64_t)round) >> 8;
        adamw_config config = config_of_variant((adamw_variant)(round % ADAMW_VARIANT_COUNT));
        config.maximize = random >> 40 & 1;
        adamw_update_options o = random_options(random);
        double norms[TENSORS], first_norms[TENSORS];
        o.tensor_norms = o.clip == ADAMW_CLIP_TENSOR_NORM || random >> 41 & 1 ? norms : NULL;
        const uint64_t step = (const uint64_t[]){1, 2, 1000}[round % 3];
        adamw_update_report first = {.grad_norm = 0};
        model_fill(&input, mix64(random));
        int run = 0;
        FOR_EACH_ISA(options, isa)
        for (int threads = 1; right && threads <= 3; threads += 2, run++) {
            char what[128];
            snprintf(what, sizeof what, "round %d, %s, %d threads, clip %d, ema %d", round, adamw_isa_name(isa),
                     threads, (int)o.clip, (int)o.ema);
            adamw_tensor tensors[TENSORS];
            adamw_update_report report;
            adamw_isa_select(isa);
            model_copy(&got, &input);
            model_tensors(&got, &config, tensors);
            if (!config.amsgrad)
                for (int i = 0; i < TENSORS; i++)
                    tensors[i].max_exp_avg_sq = NULL;
            right = adamw_update(&config, step, tensors, TENSORS, &o, &report, threads) == ADAMW_OK;
            if (!right)
                right = check_fail("%s: refused", what);
            if (right && run == 0) {
                first = report;
                memcpy(first_norms, norms, sizeof norms);
                model_copy(&want, &input);
                by_parts(&want, &input, &config, step, &o, report.grad_norm, norms);
            }
            right = right && model_same(&got, &want, what);
            if (right && (memcmp(&first, &report, sizeof report) != 0 ||
                          (o.tensor_norms != NULL && memcmp(norms, first_norms, sizeof norms) != 0)))
                right = check_fail("%s: another report: norm %a and %a, ratio %a and %a of %zu and %zu", what,
                                   first.grad_norm, report.grad_norm, first.update_ratio, report.update_ratio,
                                   first.update_ratio_tensor, report.update_ratio_tensor);
        }
    }
    adamw_isa_select(before);
    model_free(&input);
    model_free(&want);
    model_free(&got);
    return right;
}

/* ---- norms ---- */

static bool norm_everywhere(const check_options *options, const adamw_tensor *tensors, adamw_norm kind, double want,
                            double tolerance, const char *what)
{
    double first = -1;
    FOR_EACH_ISA(options, isa)
    for (int threads = 1; threads <= 7; threads += options->quick ? 3 : 1) {
        double norm = -1;
        adamw_isa_select(isa);
        if (adamw_grad_norm(tensors, TENSORS, kind, threads, &norm) != ADAMW_OK)
            return check_fail("%s: refused", what);
        if (isnan(want) ? !isnan(norm) : !(norm == want || fabs(norm - want) <= tolerance * want))
            return check_fail("%s: %s, %d threads: norm %.17g, not %.17g", what, adamw_isa_name(isa), threads, norm,
                              want);
        if (first == -1)
            first = norm;
        if (norm != first && !isnan(want))
            return check_fail("%s: %s, %d threads: norm %a, before %a", what, adamw_isa_name(isa), threads, norm,
                              first);
    }
    return true;
}

bool check_update_norms(const check_options *options)
{
    static const char *const names[] = {"float32", "bfloat16", "float16"};
    const adamw_isa before = adamw_isa_active();
    model m = model_new();
    adamw_tensor tensors[TENSORS];
    adamw_config config;
    adamw_config_init(&config);
    model_fill(&m, options->seed);
    model_tensors(&m, &config, tensors);
    bool right = true;

    uint64_t state = options->seed;
    double sum = 0, largest = 0;
    for (int i = 0; i < TENSORS; i++)
        sum += norm_of(m.x[i].grad, sizes[i]);
    for (int i = 0; i < TENSORS; i++)
        for (size_t k = 0; k < sizes[i]; k++)
            largest = fmax(largest, fabs((double)m.x[i].grad[k]));
    right = norm_everywhere(options, tensors, ADAMW_NORM_L2, sqrt(sum), 1e-14, "float32") &&
            norm_everywhere(options, tensors, ADAMW_NORM_INFINITY, largest, 0, "float32, infinity");

    /* Half-width gradients: random bits of finite values, told by what they widen to. */
    for (int dtype = ADAMW_DTYPE_BFLOAT16; right && dtype <= ADAMW_DTYPE_FLOAT16; dtype++) {
        sum = largest = 0;
        for (int i = 0; i < TENSORS; i++) {
            tensors[i].grad = m.copy[i];
            tensors[i].grad_dtype = (adamw_dtype)dtype;
            for (size_t k = 0; k < sizes[i]; k++) {
                const float x = ldexpf((float)normal_like(&state), -9);
                m.copy[i][k] = half_of(x, (adamw_dtype)dtype);
                const unsigned bits = m.copy[i][k] & 0x7FFF;
                const int mantissa = dtype == ADAMW_DTYPE_BFLOAT16 ? 7 : 10;
                const int low = dtype == ADAMW_DTYPE_BFLOAT16 ? -126 : -14;
                const int field = (int)(bits >> mantissa);
                const double value =
                    ldexp((double)(bits & ((1u << mantissa) - 1)) + (field ? (double)(1u << mantissa) : 0),
                          (field ? field - 1 : 0) + low - mantissa);
                sum += value * value;
                largest = fmax(largest, value);
            }
        }
        right = norm_everywhere(options, tensors, ADAMW_NORM_L2, sqrt(sum), 1e-14, names[dtype]) &&
                norm_everywhere(options, tensors, ADAMW_NORM_INFINITY, largest, 0, names[dtype]);
    }

    /* Near the largest float, the smallest, an infinity, a NaN. */
    model_tensors(&m, &config, tensors);
    for (int i = 0; i < TENSORS; i++)
        for (size_t k = 0; k < sizes[i]; k++)
            m.x[i].grad[k] = FLT_MAX;
    double count = 0;
    for (int i = 0; i < TENSORS; i++)
        count += (double)sizes[i];
    right = right && norm_everywhere(options, tensors, ADAMW_NORM_L2, sqrt(count) * (double)FLT_MAX, 1e-14, "huge");
    for (int i = 0; i < TENSORS; i++)
        for (size_t k = 0; k < sizes[i]; k++)
            m.x[i].grad[k] = 0x1p-149f;
    right = right && norm_everywhere(options, tensors, ADAMW_NORM_L2, sqrt(count) * 0x1p-149, 1e-14, "tiny");
    m.x[4].grad[4999] = -INFINITY;
    right = right && norm_everywhere(options, tensors, ADAMW_NORM_L2, INFINITY, 0, "infinite") &&
            norm_everywhere(options, tensors, ADAMW_NORM_INFINITY, INFINITY, 0, "infinite");
    m.x[1].grad[46] = NAN;
    right = right && norm_everywhere(options, tensors, ADAMW_NORM_L2, NAN, 0, "NaN") &&
            norm_everywhere(options, tensors, ADAMW_NORM_INFINITY, NAN, 0, "NaN");

    double norm = 5;
    right = right && adamw_grad_norm(NULL, 0, ADAMW_NORM_L2, 0, &norm) == ADAMW_OK && norm == 0;
    norm = 5;
    tensors[0].grad_dtype = (adamw_dtype)9;
    if (right && (adamw_grad_norm(NULL, 1, ADAMW_NORM_L2, 0, &norm) != ADAMW_ERROR_INVALID_ARGUMENT ||
                  adamw_grad_norm(tensors, 1, ADAMW_NORM_L2, 0, &norm) != ADAMW_ERROR_INVALID_ARGUMENT ||
                  adamw_grad_norm(tensors, 1, (adamw_norm)7, 0, &norm) != ADAMW_ERROR_INVALID_ARGUMENT ||
                  adamw_grad_norm(tensors, 0, ADAMW_NORM_L2, -1, &norm) != ADAMW_ERROR_INVALID_ARGUMENT ||
                  adamw_grad_norm(tensors, 0, ADAMW_NORM_L2, 0, NULL) != ADAMW_ERROR_INVALID_ARGUMENT || norm != 5))
        right = check_fail("a wrong argument of adamw_grad_norm was taken");
    adamw_isa_select(before);
    model_free(&m);
    return right;
}

/* ---- skipping ---- */

bool check_update_skip(const check_options *options)
{
    const adamw_isa before = adamw_isa_active();
    model input = model_new(), got = model_new(), want = model_new();
    bool right = true;
    model_fill(&input, options->seed + 7);
    input.x[5].grad[32000] = INFINITY;
    input.x[6].grad[269999] = NAN;
    FOR_EACH_ISA(options, isa)
    for (int zero = 0; right && zero < 2; zero++)
        for (int threads = 1; right && threads <= 4; threads += options->quick ? 2 : 1) {
            adamw_config config;
            adamw_config_init(&config);
            adamw_update_options o;
            adamw_update_options_init(&o);
            o.skip_not_finite = true;
            o.clip = ADAMW_CLIP_GLOBAL_NORM;
            o.clip_max = 1;
            o.ema = ADAMW_EMA_CONSTANT;
            o.ema_decay = 0.9;
            o.copy = true;
            o.zero_grad = zero;
            o.report_ratio = true;
            model_copy(&got, &input);
            model_copy(&want, &input);
            adamw_tensor tensors[TENSORS];
            model_tensors(&got, &config, tensors);
            for (int i = 0; i < TENSORS; i++)
                tensors[i].max_exp_avg_sq = NULL;
            adamw_update_report report;
            adamw_isa_select(isa);
            right = adamw_update(&config, 3, tensors, TENSORS, &o, &report, threads) == ADAMW_OK;
            if (right && (!report.skipped || report.not_finite_tensor != 5 || report.not_finite_index != 32000 ||
                          !isnan(report.grad_norm) || !isnan(report.update_ratio)))
                right = check_fail("%s, %d threads: skipped %d, first not finite %zu, %zu; norm %g",
                                   adamw_isa_name(isa), threads, report.skipped, report.not_finite_tensor,
                                   report.not_finite_index, report.grad_norm);
            if (zero)
                for (int i = 0; i < TENSORS; i++)
                    memset(want.x[i].grad, 0, sizes[i] * sizeof(float));
            right = right && model_same(&got, &want, "a skipped step");

            /* The same without the option: the NaN spreads, and the report still has its place. */
            o.skip_not_finite = false;
            o.clip = ADAMW_CLIP_NONE;
            o.report_norm = true;
            got.x[5].grad[32000] = NAN;
            right = right && adamw_update(&config, 3, tensors, TENSORS, &o, &report, threads) == ADAMW_OK;
            if (right && (report.skipped || report.not_finite_tensor != 5 || report.not_finite_index != 32000 ||
                          !isnan(got.x[5].param[32000]) || !isnan(got.ema[5][32000]) || isnan(got.x[5].param[31999])))
                right = check_fail("%s, %d threads: a NaN does not spread as arithmetic says", adamw_isa_name(isa),
                                   threads);
        }
    adamw_isa_select(before);
    model_free(&input);
    model_free(&want);
    model_free(&got);
    return right;
}

/* ---- the ratio of an update ---- */

bool check_update_streams(const check_options *options)
{
    model m = model_new(), old = model_new();
    adamw_config config;
    adamw_config_init(&config);
    adamw_update_options o;
    adamw_update_options_init(&o);
    o.report_ratio = true;
    model_fill(&m, options->seed + 3);
    model_copy(&old, &m);
    adamw_tensor tensors[TENSORS];
    model_tensors(&m, &config, tensors);
    for (int i = 0; i < TENSORS; i++)
        tensors[i].max_exp_avg_sq = NULL;
    adamw_update_report report;
    bool right = adamw_update(&config, 1, tensors, TENSORS, &o, &report, 2) == ADAMW_OK;
    double want = 0;
    size_t which = SIZE_MAX;
    for (size_t i = 0; i < TENSORS; i++) {
        double changes = 0, params = 0;
        for (size_t k = 0; k < sizes[i]; k++) {
            const double change = (double)(m.x[i].param[k] - old.x[i].param[k]);
            changes += change * change;
            params += (double)old.x[i].param[k] * (double)old.x[i].param[k];
        }
        if (sizes[i] != 0 && sqrt(changes / params) > want)
            want = sqrt(changes / params), which = i;
    }
    if (right && !(report.update_ratio_tensor == which && fabs(report.update_ratio - want) < 1e-12 * want))
        right = check_fail("ratio %.17g of tensor %zu, not %.17g of %zu", report.update_ratio,
                           report.update_ratio_tensor, want, which);
    if (right && !(isnan(report.grad_norm) && report.clip_coefficient == 1 && !report.skipped))
        right = check_fail("the report has figures that no option asked for");

    /* Averages and copies whose option is off are left as they are. */
    for (int i = 0; right && i < TENSORS; i++)
        if (memcmp(m.ema[i], old.ema[i], sizes[i] * sizeof(float)) != 0 ||
            memcmp(m.copy[i], old.copy[i], sizes[i] * sizeof(uint16_t)) != 0)
            right = check_fail("an average or a copy was written without its option");

    /* A decay of 1 keeps the average, 0 makes it the parameter; a first step copies, whatever the decay. */
    for (int kind = ADAMW_EMA_CONSTANT; right && kind <= ADAMW_EMA_BIAS_CORRECTED; kind++)
        for (int decay = 0; right && decay < 2; decay++) {
            o.ema = (adamw_ema)kind;
            o.ema_decay = decay;
            model_copy(&m, &old);
            right = adamw_update(&config, 1, tensors, TENSORS, &o, &report, 2) == ADAMW_OK;
            const float *expected = decay == 1 && kind == ADAMW_EMA_CONSTANT ? old.ema[5] : m.x[5].param;
            if (memcmp(m.ema[5], expected, sizes[5] * sizeof(float)) != 0)
                right = check_fail("average %d with decay %d at step 1", kind, decay);
        }
    model_free(&m);
    model_free(&old);
    return right;
}

/* ---- accumulation and loss scale ---- */

bool check_accumulate(const check_options *options)
{
    const adamw_isa before = adamw_isa_active();
    enum { N = 280037 };
    static float sum[N], start[N], grad[N];
    static uint16_t half[N];
    uint64_t state = options->seed;
    bool right = true;
    for (size_t i = 0; i < N; i++) {
        start[i] = float_of_bits((uint32_t)mix64(++state));
        grad[i] = (float)normal(&state);
        half[i] = (uint16_t)(bits_of_float(grad[i]) >> 16);
    }
    FOR_EACH_ISA(options, isa)
    for (int dtype = 0; dtype < 2; dtype++)
        for (int threads = 1; right && threads < 4; threads++) {
            adamw_isa_select(isa);
            memcpy(sum, start, sizeof sum);
            right = adamw_accumulate(N, sum, dtype ? (const void *)half : grad,
                                     dtype ? ADAMW_DTYPE_BFLOAT16 : ADAMW_DTYPE_FLOAT32, threads) == ADAMW_OK;
            for (size_t i = 0; right && i < N; i++) {
                const float added = dtype ? float_of_bits((uint32_t)half[i] << 16) : grad[i];
                if (canonical_bits(sum[i]) != canonical_bits(start[i] + added))
                    right = check_fail("%s: %a + %a is %a", adamw_isa_name(isa), (double)start[i], (double)added,
                                       (double)sum[i]);
            }
        }
    if (right && (adamw_accumulate(1, NULL, grad, ADAMW_DTYPE_FLOAT32, 0) != ADAMW_ERROR_INVALID_ARGUMENT ||
                  adamw_accumulate(1, sum, NULL, ADAMW_DTYPE_FLOAT32, 0) != ADAMW_ERROR_INVALID_ARGUMENT ||
                  adamw_accumulate(2, sum, sum + 1, ADAMW_DTYPE_FLOAT32, 0) != ADAMW_ERROR_INVALID_ARGUMENT ||
                  adamw_accumulate(1, sum, grad, ADAMW_DTYPE_Q8, 0) != ADAMW_ERROR_INVALID_ARGUMENT ||
                  adamw_accumulate(1, sum, grad, ADAMW_DTYPE_FLOAT32, -1) != ADAMW_ERROR_INVALID_ARGUMENT ||
                  adamw_accumulate(0, NULL, NULL, ADAMW_DTYPE_FLOAT32, 0) != ADAMW_OK))
        right = check_fail("wrong arguments of adamw_accumulate");
    adamw_isa_select(before);
    return right;
}

bool check_loss_scale(const check_options *options)
{
    (void)options;
    adamw_loss_scale s;
    adamw_loss_scale_init(&s);
    for (int i = 0; i < 1999; i++)
        adamw_loss_scale_update(&s, false);
    if (s.scale != 65536 || s.growth_tracker != 1999)
        return check_fail("the scale grew early: %g", s.scale);
    adamw_loss_scale_update(&s, false);
    if (s.scale != 131072 || s.growth_tracker != 0)
        return check_fail("after 2000 steps the scale is %g", s.scale);
    adamw_loss_scale_update(&s, false);
    adamw_loss_scale_update(&s, true);
    if (s.scale != 65536 || s.growth_tracker != 0)
        return check_fail("after a skip the scale is %g", s.scale);
    s.growth_interval = 1;
    s.scale = 0x1p127;
    if (adamw_loss_scale_update(&s, false) != ADAMW_OK || s.scale != 0x1p127)
        return check_fail("the scale grew beyond float32: %g", s.scale);
    s.growth_tracker = s.growth_interval = INT_MAX;
    if (adamw_loss_scale_update(&s, false) != ADAMW_OK || s.growth_tracker != 0)
        return check_fail("a count at the end of int is then %d", s.growth_tracker);
    s.min_scale = 3;
    s.scale = 4;
    adamw_loss_scale_update(&s, true);
    if (s.scale != 3)
        return check_fail("a skip took the scale from 4 to %g, below its smallest value of 3", s.scale);
    s.scale = 1; /* below it by the caller's hand: a skip does not raise it */
    if (adamw_loss_scale_update(&s, true) != ADAMW_OK || s.scale != 1)
        return check_fail("a skip raised the scale from 1 to %g", s.scale);
    adamw_loss_scale_init(&s);
    for (int i = 0; i < 2000; i++)
        adamw_loss_scale_update(&s, true);
    if (s.scale != 0x1p-126 || adamw_loss_scale_update(&s, false) != ADAMW_OK)
        return check_fail("after 2000 skips the scale is %g", s.scale);
    const adamw_loss_scale good = s;
#define WRONG_SCALE(member, value)                                                                                   \
    s = good;                                                                                                        \
    s.member = value;                                                                                                \
    if (adamw_loss_scale_update(&s, false) != ADAMW_ERROR_INVALID_ARGUMENT || s.growth_tracker > 1)                  \
        return check_fail("a loss scale with " #member " " #value " was taken");
    WRONG_SCALE(scale, 0)
    WRONG_SCALE(scale, 1e39)
    WRONG_SCALE(scale, NAN)
    WRONG_SCALE(growth_factor, 1)
    WRONG_SCALE(growth_factor, 1e39)
    WRONG_SCALE(backoff_factor, 0)
    WRONG_SCALE(backoff_factor, NAN)
    WRONG_SCALE(min_scale, 0)
    WRONG_SCALE(min_scale, 1e39)
    WRONG_SCALE(growth_interval, 0)
    WRONG_SCALE(growth_tracker, -1)
#undef WRONG_SCALE
    s = good;
    s.backoff_factor = 1;
    if (adamw_loss_scale_update(&s, true) != ADAMW_ERROR_INVALID_ARGUMENT || s.scale != good.scale ||
        adamw_loss_scale_update(NULL, true) != ADAMW_ERROR_INVALID_ARGUMENT ||
        adamw_loss_scale_init(NULL) != ADAMW_ERROR_INVALID_ARGUMENT)
        return check_fail("a wrong loss scale was taken");
    return true;
}

/* ---- wrong options ---- */

#define WRONG_OPTIONS(X)                                                                                             \
    X("options: grad_scale is 0: it must be finite, not 0 and within float32's range", o.grad_scale = 0)             \
    X("options: grad_scale is inf: it must be finite, not 0 and within float32's range", o.grad_scale = INFINITY)    \
    X("options: grad_scale is nan: it must be finite, not 0 and within float32's range", o.grad_scale = NAN)         \
    X("options: grad_scale is 1e+39: it must be finite, not 0 and within float32's range", o.grad_scale = 1e39)      \
    X("options: clip is 4: it must be an adamw_clip", o.clip = (adamw_clip)4)                                        \
    X("options: clip_max is -1: with the option clip it must be set, at least 0", o.clip_max = -1)                   \
    X("options: clip_max is nan: with the option clip it must be set, at least 0", o.clip_max = NAN)                 \
    X("options: clip_max is -1: with the option clip it must be set, at least 0", o.clip_max = initial.clip_max)     \
    X("options: tensor_norms is NULL: with ADAMW_CLIP_TENSOR_NORM it must have room for count = 8 norms",            \
      o.clip = ADAMW_CLIP_TENSOR_NORM)                                                                               \
    X("options: ema is 5: it must be an adamw_ema", o.ema = (adamw_ema)5)                                            \
    X("options: ema_decay is 1.5: it must be from 0 to 1", o.ema_decay = 1.5)                                        \
    X("options: ema_decay is -0.5: it must be from 0 to 1", o.ema_decay = -0.5)                                      \
    X("options: ema_decay is nan: it must be from 0 to 1", o.ema_decay = NAN)                                        \
    X("tensors[1]: param_ema is NULL: it must point to n = 47 values with the option ema", t[1].param_ema = NULL)    \
    X("tensors[1]: param_copy is NULL: it must point to n = 47 values with the option copy", t[1].param_copy = NULL) \
    X("tensors[3]: param and param_ema overlap: each buffer must have n = 1023 values of its own",                   \
      t[3].param_ema = (float *)t[3].param + 1022)                                                                   \
    X("tensors[3]: grad and param_copy overlap: each buffer must have n = 1023 values of its own",                   \
      t[3].param_copy = (char *)(uintptr_t)t[3].grad + 2)                                                            \
    X("tensors[4]: copy_dtype is 0: of a param_copy it must be ADAMW_DTYPE_BFLOAT16 or ADAMW_DTYPE_FLOAT16",         \
      t[4].copy_dtype = ADAMW_DTYPE_FLOAT32)                                                                         \
    X("tensors[4]: copy_dtype is 3: of a param_copy it must be ADAMW_DTYPE_BFLOAT16 or ADAMW_DTYPE_FLOAT16",         \
      t[4].copy_dtype = ADAMW_DTYPE_Q8)                                                                              \
    X("tensors[4]: copy_dtype is 4: it must be an adamw_dtype", t[4].copy_dtype = (adamw_dtype)4)                    \
    X("tensors[1]: param overlaps options.tensor_norms: it must have memory of its own",                             \
      o.tensor_norms = t[1].param)                                                                                   \
    X("tensors[5]: param_ema overlaps report: it must have memory of its own",                                       \
      t[5].param_ema = (char *)(uintptr_t)report - sizeof(float) * (t[5].n - 1))

static bool expect(const model *m, const model *input, const adamw_config *config, const adamw_tensor *tensors,
                   const adamw_update_options *o, adamw_update_report *report, const char *sentence)
{
    char said[256];
    if (adamw_update(config, 1, tensors, TENSORS, o, report, 0) != ADAMW_ERROR_INVALID_ARGUMENT ||
        report->grad_norm != 42)
        return check_fail("taken, or the report written: %s", sentence);
    if (adamw_update_explain(config, 1, tensors, TENSORS, o, report, 0, said, sizeof said) !=
            ADAMW_ERROR_INVALID_ARGUMENT ||
        strcmp(said, sentence) != 0)
        return check_fail("said '%s' instead of '%s'", said, sentence);
    return model_same(m, input, sentence);
}

bool check_bad_options(const check_options *options)
{
    model m = model_new(), input = model_new();
    adamw_config config;
    adamw_config_init(&config);
    model_fill(&input, options->seed);
    model_copy(&m, &input);
    bool right = true;
#define TRY(sentence, statement)                                                                                     \
    if (right) {                                                                                                     \
        adamw_tensor t[TENSORS];                                                                                     \
        adamw_update_report found = {.grad_norm = 42}, *report = &found;                                             \
        adamw_update_options o, initial;                                                                             \
        adamw_update_options_init(&initial);                                                                         \
        o = initial;                                                                                                 \
        o.clip = ADAMW_CLIP_GLOBAL_NORM;                                                                             \
        o.clip_max = 1;                                                                                              \
        o.ema = ADAMW_EMA_CONSTANT;                                                                                  \
        o.ema_decay = 0.5;                                                                                           \
        o.copy = true;                                                                                               \
        model_tensors(&m, &config, t);                                                                               \
        for (int i = 0; i < TENSORS; i++)                                                                            \
            t[i].max_exp_avg_sq = NULL;                                                                              \
        statement;                                                                                                   \
        right = expect(&m, &input, &config, t, &o, report, sentence);                                                \
    }
    WRONG_OPTIONS(TRY)
#undef TRY
    if (right && adamw_update_options_init(NULL) != ADAMW_ERROR_INVALID_ARGUMENT)
        right = check_fail("adamw_update_options_init(NULL)");

    /* Without options adamw_update() is adamw_step(). */
    model want = model_new();
    model_copy(&want, &input);
    adamw_tensor a[TENSORS], b[TENSORS];
    model_tensors(&m, &config, a);
    model_tensors(&want, &config, b);
    for (int i = 0; i < TENSORS; i++) {
        a[i].max_exp_avg_sq = b[i].max_exp_avg_sq = NULL;
        b[i].param_ema = b[i].param_copy = NULL;
    }
    right = right && adamw_update(&config, 1, a, TENSORS, NULL, NULL, 0) == ADAMW_OK &&
            adamw_step(&config, 1, b, TENSORS, 0) == ADAMW_OK && model_same(&m, &want, "no options");
    model_free(&want);
    model_free(&m);
    model_free(&input);
    return right;
}
