/*
 * report.c - what adamw_update finds and tells: norms by their definition, coefficients, ratios, places. That it
 * updates as its parts do is update.c's.
 */
#include "check.h"

#include <float.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "../../kernels/run/exact_sum.h"
#include "../../kernels/run/team.h"

/* ---- the order of a sum ---- */

/* Sixteen lanes, value i in lane i % 16, and the fold by halves of kernels/ARITHMETIC.md, rule 6, for one block. */
static double block_sum(const float *x, size_t n, float scale)
{
    double lane[16] = {0};
    for (size_t i = 0; i < n; i++) {
        const float scaled = scale * x[i];
        lane[i % 16] += (double)scaled * (double)scaled;
    }
    for (int width = 8; width != 0; width /= 2)
        for (int i = 0; i < width; i++)
            lane[i] += lane[i + width];
    return lane[0];
}

enum { BLOCK = 2048, BLOCKS = 3, LONG = 300001, BEFORE = 1000 };

static double norm_by_definition(const float *x, size_t n)
{
    adamw_exact_sum sum = {.limb = {0}};
    for (size_t at = 0; at < n; at += BLOCK)
        adamw_exact_sum_add(&sum, block_sum(x + at, n - at < BLOCK ? n - at : BLOCK, 1));
    return sqrt(adamw_exact_sum_get(&sum));
}

/* The squares behind a block's first sixteen are lost beside them. In blocks that begin elsewhere some would not be: a
 * cut between threads at no block boundary shows. */
static bool cuts_keep_blocks(const check_options *options)
{
    static float x[LONG];
    bool right = true;
    for (size_t i = 0; i < LONG; i++)
        x[i] = i % BLOCK < 16 ? 1.0f : 0x1.ap-27f;
    const adamw_tensor tensors[2] = {{.n = BEFORE, .grad = x + 16}, {.n = LONG, .grad = x}};
    const double first = norm_by_definition(x + 16, BEFORE), second = norm_by_definition(x, LONG);
    const double want = second; /* the first tensor's share is below its last bit */
    if (sqrt(first * first + second * second) != want)
        return check_fail("the first tensor's squares show");
    FOR_EACH_ISA(options, isa)
    for (int threads = 1; right && threads <= 7; threads++) {
        double norm = -1;
        adamw_isa_select(isa);
        if (adamw_grad_norm(tensors, 2, ADAMW_NORM_L2, threads, &norm) != ADAMW_OK || norm != want)
            right = check_fail("%s, %d threads: the norm is %a, by blocks of %d values %a", adamw_isa_name(isa),
                               threads, norm, BLOCK, want);
    }
    return right;
}

bool check_norm_order(const check_options *options)
{
    static const size_t sizes[] = {1, 15, 16, 17, 100, 2047, BLOCK, BLOCK + 1, BLOCKS * BLOCK - 3};
    static float x[BLOCKS * BLOCK];
    const adamw_isa before = adamw_isa_active();
    bool right = true, shows = false;
    for (size_t i = 0; i < (size_t)BLOCKS * BLOCK;
         i++) /* 24 random bits, exponents that make the lanes' last bits matter */
        x[i] = ldexpf((float)(1 + (mix64(options->seed * BLOCK + i) >> 40)), -24 - (int)(i % 7));
    for (size_t s = 0; right && s < sizeof sizes / sizeof sizes[0]; s++) {
        const size_t n = sizes[s];
        double in_order = 0;
        for (size_t i = 0; i < n; i++)
            in_order += (double)x[i] * (double)x[i];
        const double want = norm_by_definition(x, n);
        shows = shows || sqrt(in_order) != want;
        const adamw_tensor tensor = {.n = n, .grad = x};
        FOR_EACH_ISA(options, isa)
        {
            double norm = -1;
            adamw_isa_select(isa);
            if (adamw_grad_norm(&tensor, 1, ADAMW_NORM_L2, 1, &norm) != ADAMW_OK || norm != want)
                right = check_fail("%s: the norm of %zu values is %a, by the order of the sum %a",
                                   adamw_isa_name(isa), n, norm, want);
        }
    }
    if (right && !shows)
        right = check_fail("these values have the same norm in any order");
    right = right && cuts_keep_blocks(options);
    adamw_isa_select(before);
    return right;
}

bool check_exact_sum(const check_options *options)
{
    enum { TERMS = 400 };
    static const double known[][4] = {/* two or three terms and their sum */
                                      {0x1p300, 0x1p-299, 0, 0x1p300},
                                      {0x1p339, 0x1p339, 0x1p339, 0x3p339},
                                      {0x1.fffffffffffffp319, 0x1p267, 0, 0x1p320}, /* a carry into the top limb */
                                      {0x1p-299, 0x1p-299, 0, 0x1p-298},
                                      {0x1p31, 0x1p-1, 0x1p-20, 0x1p31 + 0x1p-1 + 0x1p-20}};
    double terms[TERMS];
    for (size_t k = 0; k < sizeof known / sizeof known[0]; k++) {
        adamw_exact_sum sum = {.limb = {0}};
        for (int i = 0; i < 3; i++)
            adamw_exact_sum_add(&sum, known[k][i]);
        if (adamw_exact_sum_get(&sum) != known[k][3])
            return check_fail("%a + %a + %a is %a, not %a", known[k][0], known[k][1], known[k][2],
                              adamw_exact_sum_get(&sum), known[k][3]);
    }
    for (int i = 0; i < TERMS; i++)
        terms[i] = ldexp(1 + (double)(mix64(options->seed + (uint64_t)i) >> 12) * 0x1p-52, i % 60 - 30);
    long double all = 0;
    adamw_exact_sum up = {.limb = {0}}, down = {.limb = {0}}, halves[2] = {{.limb = {0}}, {.limb = {0}}};
    for (int i = 0; i < TERMS; i++) {
        all += (long double)terms[i];
        adamw_exact_sum_add(&up, terms[i]);
        adamw_exact_sum_add(&down, terms[TERMS - 1 - i]);
        adamw_exact_sum_add(&halves[i % 2], terms[i]);
    }
    adamw_exact_sum_merge(&halves[0], &halves[1]);
    const double sum = adamw_exact_sum_get(&up);
    if (sum != adamw_exact_sum_get(&down) || sum != adamw_exact_sum_get(&halves[0]))
        return check_fail("the order of the terms shows: %a, %a, %a", sum, adamw_exact_sum_get(&down),
                          adamw_exact_sum_get(&halves[0]));
    return fabsl((long double)sum - all) <=
               1e-13L * all || /* also where long double is a double, as under valgrind */
           check_fail("the sum is %a, in long double %La", sum, all);
}

/* ---- what is told of each tensor ---- */

enum { LISTED = 5, LARGEST = 5000 };
static const size_t listed[LISTED] = {700, 0, LARGEST, 33, 0};

typedef struct model {
    buffers x[LISTED];
    adamw_tensor tensors[LISTED];
} model;

static model model_new(const adamw_config *config)
{
    model m;
    for (int i = 0; i < LISTED; i++) {
        m.x[i] = buffers_new(listed[i]);
        buffers_fill(&m.x[i], INPUT_TRAINING, 50 + (uint64_t)i);
        m.tensors[i] = buffers_tensor(&m.x[i], config);
    }
    return m;
}

static void model_free(model *m)
{
    for (int i = 0; i < LISTED; i++)
        buffers_free(&m->x[i]);
}

static float coefficient_for(adamw_arithmetic arithmetic, double most, double norm)
{
    if (arithmetic == ADAMW_ARITHMETIC_TORCH) {
        const float c = 1.0f / ((float)norm + 1e-6f) * (float)most;
        return c > 1 ? 1 : c;
    }
    return (float)fmin(1, most / (norm + 1e-6));
}

/* Clipping per tensor: each one's norm is that of its scaled gradient, an empty one's 0; the coefficients are made in
 * the call's arithmetic, whatever the tensor's is; the report has the smallest. */
static bool clipped_by_tensor(adamw_arithmetic arithmetic, double most, int threads, bool *shows)
{
    const float scale = 0.37f;
    adamw_config call, group;
    adamw_config_init(&call);
    call.arithmetic = arithmetic;
    group = call;
    group.arithmetic = arithmetic == ADAMW_ARITHMETIC_TORCH ? ADAMW_ARITHMETIC_ACCURATE : ADAMW_ARITHMETIC_TORCH;
    model got = model_new(&call), want = model_new(&call);
    double norms[LISTED];
    adamw_update_options o;
    adamw_update_report report;
    adamw_update_options_init(&o);
    o.grad_scale = (double)scale;
    o.clip = ADAMW_CLIP_TENSOR_NORM;
    o.clip_max = most;
    o.tensor_norms = norms;
    for (int i = 0; i < LISTED; i++) {
        norms[i] = -7; /* must be written over, also where a tensor is empty */
        got.tensors[i].config = want.tensors[i].config = i == 2 ? &group : NULL;
    }
    bool right = adamw_update(&call, 2, got.tensors, LISTED, &o, &report, threads) == ADAMW_OK ||
                 check_fail("clipping per tensor was refused");
    float least = 1;
    for (int i = 0; right && i < LISTED; i++) {
        adamw_exact_sum sum = {.limb = {0}};
        for (size_t at = 0; at < listed[i]; at += BLOCK)
            adamw_exact_sum_add(
                &sum, block_sum(want.x[i].grad + at, listed[i] - at < BLOCK ? listed[i] - at : BLOCK, scale));
        const double norm = sqrt(adamw_exact_sum_get(&sum));
        if (norms[i] != norm)
            right = check_fail("the norm of tensor %d of %zu values is %a, not %a", i, listed[i], norms[i], norm);
        const float coefficient = coefficient_for(arithmetic, most, norm);
        *shows = *shows || (i == 2 && coefficient != coefficient_for(group.arithmetic, most, norm));
        if (listed[i] != 0 && coefficient < least)
            least = coefficient;
        for (size_t k = 0; k < listed[i]; k++)
            want.x[i].grad[k] = coefficient * (scale * want.x[i].grad[k]);
        right = right && adamw_step(&call, 2, &want.tensors[i], 1, 1) == ADAMW_OK;
        memcpy(want.x[i].grad, got.x[i].grad, listed[i] * sizeof(float));
        const size_t at = buffers_difference(&want.x[i], &got.x[i]);
        if (right && at != listed[i])
            right = check_fail("clipping per tensor, arithmetic %d: value %zu of tensor %d differs", (int)arithmetic,
                               at, i);
    }
    if (right && report.clip_coefficient != (double)least)
        right = check_fail("the smallest coefficient is %a, not %a", report.clip_coefficient, (double)least);
    model_free(&got);
    model_free(&want);
    return right;
}

/* Without a value the list's norm is 0 and no coefficient changes, whatever stood in the caller's memory. */
static bool all_empty(void)
{
    adamw_config config;
    adamw_config_init(&config);
    const adamw_tensor tensors[2] = {{.n = 0}, {.n = 0}};
    double norms[2] = {-7, NAN};
    adamw_update_options o;
    adamw_update_report report;
    adamw_update_options_init(&o);
    o.clip = ADAMW_CLIP_TENSOR_NORM;
    o.clip_max = 0.5;
    o.tensor_norms = norms;
    if (adamw_update(&config, 1, tensors, 2, &o, &report, 0) != ADAMW_OK || norms[0] != 0 || norms[1] != 0 ||
        report.clip_coefficient != 1 || report.grad_norm != 0)
        return check_fail("two empty tensors: norms %g and %g, coefficient %g", norms[0], norms[1],
                          report.clip_coefficient);
    norms[1] = -7; /* and where norms are taken in the pass of the update */
    o.clip = ADAMW_CLIP_NONE;
    return (adamw_update(&config, 1, tensors, 2, &o, &report, 0) == ADAMW_OK && norms[1] == 0) ||
           check_fail("an empty tensor's norm is %g", norms[1]);
}

/* A value is clipped once it is scaled, and a gradient counts as it is once it is scaled. */
static bool scaled_first(float scale)
{
    enum { N = 5003, AT = 2100 };
    adamw_config config;
    adamw_config_init(&config);
    buffers x = buffers_new(N), y = buffers_new(N);
    buffers_fill(&x, INPUT_TRAINING, 9);
    for (int i = N - 17; i < N; i++) /* whatever the vectors hold, values of the tail are clipped */
        x.grad[i] = i % 2 == 0 ? 1 : -1;
    buffers_copy(&y, &x);
    adamw_update_options o;
    adamw_update_report report;
    adamw_update_options_init(&o);
    o.grad_scale = (double)scale;
    o.clip = ADAMW_CLIP_VALUE;
    o.clip_max = 0.015625;
    adamw_tensor tensor = buffers_tensor(&x, &config);
    bool right = adamw_update(&config, 1, &tensor, 1, &o, NULL, 1) == ADAMW_OK;
    for (int i = 0; i < N; i++)
        y.grad[i] = fminf(fmaxf(scale * y.grad[i], -0.015625f), 0.015625f);
    tensor = buffers_tensor(&y, &config);
    right = right && adamw_step(&config, 1, &tensor, 1, 1) == ADAMW_OK;
    memcpy(y.grad, x.grad, N * sizeof(float));
    if (right && buffers_difference(&x, &y) != N)
        right = check_fail("a gradient was not scaled by %g and then clipped to 1/64", (double)scale);

    for (int skip = 0; skip < 2; skip++) { /* finite, but not once it is scaled: also in a half-width gradient */
        adamw_update_options_init(&o);
        o.grad_scale = 4;
        o.report_norm = true; /* also where the norm alone is asked for */
        o.skip_not_finite = skip;
        x.grad[AT] = 0x1p126f;
        x.grad[AT + 1] = INFINITY; /* not the first */
        tensor = buffers_tensor(&x, &config);
        const adamw_tensor pair[2] = {{.n = 0}, tensor};
        right = right && adamw_update(&config, 1, pair, 2, &o, &report, 1) == ADAMW_OK;
        if (right && (report.skipped != skip || report.not_finite_tensor != 1 || report.not_finite_index != AT))
            right = check_fail("4 * 2^126 in tensor 1 at %d: skipped %d, found in tensor %zu at %zu", AT,
                               report.skipped, report.not_finite_tensor, report.not_finite_index);
    }
    buffers_free(&x);
    buffers_free(&y);
    return right;
}

/* A NaN among the gradients makes the norm NaN, and with it the coefficient: every parameter is NaN then, as after
 * torch's clip_grad_norm_. */
static bool nan_norm_spreads(adamw_clip clip)
{
    adamw_config config;
    adamw_config_init(&config);
    model m = model_new(&config);
    double norms[LISTED];
    adamw_update_options o;
    adamw_update_report report;
    adamw_update_options_init(&o);
    o.clip = clip;
    o.clip_max = 1;
    o.tensor_norms = norms;
    m.x[2].grad[77] = NAN;
    bool right = adamw_update(&config, 1, m.tensors, LISTED, &o, &report, 1) == ADAMW_OK;
    if (right && !(isnan(report.grad_norm) && isnan(report.clip_coefficient) && isnan(m.x[2].param[LARGEST - 1]) &&
                   isnan(m.x[0].param[0]) == (clip == ADAMW_CLIP_GLOBAL_NORM)))
        right = check_fail("clip %d with a NaN: norm %g, coefficient %g, parameters %g and %g", (int)clip,
                           report.grad_norm, report.clip_coefficient, (double)m.x[2].param[LARGEST - 1],
                           (double)m.x[0].param[0]);
    model_free(&m);
    return right;
}

/* The largest ratio: of parameters that were all 0 it is infinite, with a NaN it is NaN and the first such tensor's. */
static bool ratios(void)
{
    adamw_config config;
    adamw_config_init(&config);
    model m = model_new(&config);
    adamw_update_options o;
    adamw_update_report report;
    adamw_update_options_init(&o);
    o.report_ratio = true;
    const adamw_tensor twice[2] = {m.tensors[0], m.tensors[0]};
    bool right = adamw_update(&config, 1, twice, 1, &o, &report, 1) == ADAMW_OK;
    const double once = report.update_ratio;
    buffers other = buffers_new(listed[0]);
    buffers_fill(&m.x[0], INPUT_TRAINING, 50);
    buffers_copy(&other, &m.x[0]);
    const adamw_tensor equal[2] = {m.tensors[0], buffers_tensor(&other, &config)};
    right = right && adamw_update(&config, 1, equal, 2, &o, &report, 1) == ADAMW_OK;
    if (right && !(report.update_ratio == once && report.update_ratio_tensor == 0))
        right = check_fail("of two equal ratios %g the report has that of tensor %zu, not 0", once,
                           report.update_ratio_tensor);
    buffers_free(&other);
    memset(m.x[2].param, 0, listed[2] * sizeof(float));
    right = right && adamw_update(&config, 1, m.tensors, LISTED, &o, &report, 1) == ADAMW_OK;
    if (right && !(report.update_ratio == INFINITY && report.update_ratio_tensor == 2))
        right = check_fail("parameters of 0 change: ratio %g of tensor %zu", report.update_ratio,
                           report.update_ratio_tensor);
    m.x[2].param[4000] = NAN;
    m.x[3].param[0] = NAN;
    right = right && adamw_update(&config, 2, m.tensors, LISTED, &o, &report, 1) == ADAMW_OK;
    if (right && !(isnan(report.update_ratio) && report.update_ratio_tensor == 2))
        right = check_fail("a NaN in tensors 2 and 3: ratio %g of tensor %zu", report.update_ratio,
                           report.update_ratio_tensor);
    for (int i = 0; i < LISTED; i++) { /* nothing moves: 0, also where the parameters are 0 */
        memset(m.x[i].grad, 0, listed[i] * sizeof(float));
        memset(m.x[i].exp_avg, 0, listed[i] * sizeof(float));
        memset(m.x[i].param, 0, listed[i] * sizeof(float));
    }
    right = right && adamw_update(&config, 3, m.tensors, LISTED, &o, &report, 1) == ADAMW_OK;
    if (right && report.update_ratio != 0)
        right = check_fail("nothing moves, and the ratio is %g", report.update_ratio);
    model_free(&m);
    return right;
}

bool check_update_report(const check_options *options)
{
    bool shows = false, right = true;
    for (int threads = 1; right && threads <= 3; threads += 2)
        for (int large = 0; right && large < 2; large++) /* with 1e6 nothing is clipped, nor made larger */
            right = clipped_by_tensor(ADAMW_ARITHMETIC_ACCURATE, large ? 1e6 : 0.011, threads, &shows) &&
                    clipped_by_tensor(ADAMW_ARITHMETIC_TORCH, large ? 1e6 : 0.011, threads, &shows);
    if (right && !shows)
        right = check_fail("both arithmetics give these norms the same coefficient: nothing is shown");
    const adamw_isa before = adamw_isa_active();
    FOR_EACH_ISA(options, isa)
    {
        adamw_isa_select(isa);
        right = right && scaled_first(4) && scaled_first(1);
    }
    adamw_isa_select(before);
    return right && all_empty() && ratios() && nan_norm_spreads(ADAMW_CLIP_GLOBAL_NORM) &&
           nan_norm_spreads(ADAMW_CLIP_TENSOR_NORM);
}

/* ---- how many threads ---- */

bool check_team_size(const check_options *options)
{
    const adamw_tuning *tuning = adamw_dispatch_active()->tuning;
    const size_t threshold = tuning->parallel_threshold, each = tuning->min_values_per_thread;
    (void)options;
    for (size_t total = 0; total < 40 * each + threshold; total += each / 2 + 1)
        for (size_t most = 1; most <= 64; most = most * 2 + 1) {
            const size_t size = adamw_team_size(tuning, total, threshold, most);
            if (size < 1 || size > most || (total < threshold && size != 1) || (size > 1 && total / size < each))
                return check_fail("%zu values, at most %zu threads: a team of %zu", total, most, size);
        }
    return true;
}
