/*
 * residual.c - parameters of two parts: float32 with a compensation in bfloat16 against the formula of
 * kernels/ARITHMETIC.md in plain C, and the conversion between float32 and a split parameter.
 */
#include "check.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "../../kernels/plan/coefficients.h"
#include "../../kernels/vec/half.h"

enum { N = 1301 };

typedef struct compensated_run {
    const check_options *options;
    buffers input, work, stepped;
    uint16_t residual[N], want_residual[N];
    float want[N];
} compensated_run;

/* The parameter and its residual, from the moments that the plain step leaves: those do not depend on the residual. */
static void by_formula(compensated_run *run, const adamw_config *config, uint64_t step)
{
    adamw_coefficients k;
    adamw_coefficients_of(&k, config, step);
    const adamw_tensor plain = buffers_tensor(&run->stepped, config);
    buffers_copy(&run->stepped, &run->input);
    step_with(ADAMW_ISA_SCALAR, config, step, &plain);
    for (size_t i = 0; i < N; i++) {
        const float p = run->input.param[i], r = widen_bf16(run->residual[i]);
        const float v = config->amsgrad ? run->stepped.max_exp_avg_sq[i] : run->stepped.exp_avg_sq[i];
        const float root = sqrtf(v) + k.accurate.eps, u = run->stepped.exp_avg[i] / root;
        float change;
        if (config->decay == ADAMW_DECAY_L2) {
            change = adamw_fmaf(-k.accurate.step_size, u, r);
        } else {
            const float with_residual = p + r, decay = k.accurate.decay * with_residual;
            change = r - adamw_fmaf(k.accurate.step_size, u, decay);
        }
        const float sum = p + change, moved = sum - p;
        run->want[i] = sum;
        run->want_residual[i] = narrow_bf16(change - moved);
    }
}

static bool compensated_config(const adamw_config *config, uint64_t step, void *context)
{
    compensated_run *run = context;
    if (config->arithmetic == ADAMW_ARITHMETIC_TORCH)
        return true;
    by_formula(run, config, step);
    FOR_EACH_ISA(run->options, isa)
    {
        uint16_t residual[N];
        adamw_tensor tensor = buffers_tensor(&run->work, config);
        buffers_copy(&run->work, &run->input);
        memcpy(residual, run->residual, sizeof residual);
        tensor.param_residual = residual;
        step_with(isa, config, step, &tensor);
        for (size_t i = 0; i < N; i++)
            if (canonical_bits(run->work.param[i]) != canonical_bits(run->want[i]) ||
                residual[i] != run->want_residual[i])
                return check_fail("%s: value %zu is %a and %04x, not %a and %04x", adamw_isa_name(isa), i,
                                  (double)run->work.param[i], residual[i], (double)run->want[i],
                                  run->want_residual[i]);
        memcpy(run->work.param, run->stepped.param, N * sizeof(float));
        const size_t at = buffers_difference(&run->work, &run->stepped);
        if (at != N)
            return check_fail("%s: a moment differs at value %zu", adamw_isa_name(isa), at);
    }
    return true;
}

/* A parameter without gradients loses 100 % of its decay, where float32 alone loses none of it. */
static bool dead_units_decay(void)
{
    enum { STEPS = 4000 };
    adamw_config config;
    adamw_config_init(&config);
    config.weight_decay = 1e-5; /* a step takes off 1e-8, a sixth of half an ulp */
    float param[N], grad[N] = {0}, exp_avg[N] = {0}, exp_avg_sq[N] = {0};
    uint16_t residual[N] = {0};
    const adamw_tensor tensor = {.n = N,
                                 .param = param,
                                 .grad = grad,
                                 .exp_avg = exp_avg,
                                 .exp_avg_sq = exp_avg_sq,
                                 .param_residual = residual};
    for (size_t i = 0; i < N; i++)
        param[i] = 0.5f + (float)i / N;
    for (uint64_t step = 1; step <= STEPS; step++)
        if (adamw_step(&config, step, &tensor, 1, 1) != ADAMW_OK)
            return check_fail("a compensated step is refused");
    for (size_t i = 0; i < N; i++) {
        const double start = 0.5 + (double)((float)i / N), now = (double)param[i] + (double)widen_bf16(residual[i]);
        const double share = (start - now) / (start * -expm1(STEPS * log1p(-1e-8)));
        if (!(fabs(share - 1) < 0.02))
            return check_fail("value %zu lost %.3f of its decay", i, share);
    }
    return true;
}

bool check_compensated(const check_options *options)
{
    compensated_run *run = malloc(sizeof *run);
    if (run == NULL)
        abort();
    run->options = options;
    run->input = buffers_new(N);
    run->work = buffers_new(N);
    run->stepped = buffers_new(N);
    bool right = true;
    for (int kind = INPUT_TRAINING; right && kind <= INPUT_NASTY; kind++) {
        uint64_t state = options->seed * 77;
        buffers_fill(&run->input, (input_kind)kind, options->seed + 5);
        for (size_t i = 0; i < N; i++) {
            const float half_ulp = ldexpf(run->input.param[i], -24);
            run->residual[i] =
                kind == INPUT_NASTY ? (uint16_t)mix64(++state) : narrow_bf16(half_ulp * (float)normal_like(&state));
        }
        right = for_each_config(compensated_config, run);
    }
    right = right && dead_units_decay();
    buffers_free(&run->input);
    buffers_free(&run->work);
    buffers_free(&run->stepped);
    free(run);
    return right;
}

/* ---- conversions ---- */

/* Floats of all 2^32 bit patterns, `stride` apart, there and back; the upper half is the nearest bfloat16. */
static bool splits_back(uint64_t stride)
{
    enum { BATCH = 4099 };
    static float from[BATCH], back[BATCH];
    static uint16_t high[BATCH];
    static int16_t low[BATCH];
    for (uint64_t at = 0; at < UINT64_C(1) << 32; at += BATCH * stride) {
        for (uint64_t i = 0; i < BATCH; i++)
            from[i] = float_of_bits((uint32_t)(at + i * stride));
        if (adamw_split(BATCH, from, high, low, 1) != ADAMW_OK || adamw_join(BATCH, high, low, back, 1) != ADAMW_OK)
            return check_fail("adamw_split or adamw_join is refused");
        for (int i = 0; i < BATCH; i++) {
            const uint32_t bits = bits_of_float(from[i]);
            if (bits_of_float(back[i]) != canonical_bits(from[i]))
                return check_fail("%a comes back as %a", (double)from[i], (double)back[i]);
            if (high[i] != narrow_bf16(from[i]) && (bits & 0xFFFF) != 0x8000)
                return check_fail("%a has the upper half %04x, not %04x", (double)from[i], high[i],
                                  narrow_bf16(from[i]));
        }
    }
    return true;
}

/* Many values and threads, each dtype. */
static bool conversions_agree(const check_options *options)
{
    enum { MANY = 1000003 };
    float *const from = malloc(MANY * sizeof *from), *const back = malloc(MANY * sizeof *back);
    uint16_t *const half = malloc(MANY * sizeof *half);
    if (from == NULL || back == NULL || half == NULL)
        abort();
    bool right = true;
    uint64_t state = options->seed;
    for (size_t i = 0; i < MANY; i++)
        from[i] = float_of_bits((uint32_t)mix64(++state));
    FOR_EACH_ISA(options, isa)
    for (int threads = 1; right && threads <= 3; threads++) {
        adamw_isa_select(isa);
        right = adamw_encode(MANY, from, half, ADAMW_DTYPE_BFLOAT16, threads) == ADAMW_OK &&
                adamw_decode(MANY, half, ADAMW_DTYPE_BFLOAT16, back, threads) == ADAMW_OK;
        for (size_t i = 0; right && i < MANY; i++)
            if (canonical_bits(back[i]) != canonical_bits(widen_bf16(narrow_bf16(from[i]))))
                right = check_fail("bf16, %s: %a becomes %a", adamw_isa_name(isa), (double)from[i], (double)back[i]);
        right = right && adamw_encode(MANY, from, half, ADAMW_DTYPE_FLOAT16, threads) == ADAMW_OK &&
                adamw_decode(MANY, half, ADAMW_DTYPE_FLOAT16, back, threads) == ADAMW_OK;
        for (size_t i = 0; right && i < MANY; i++)
            if (canonical_bits(back[i]) != canonical_bits(widen_f16(narrow_f16(from[i]))))
                right = check_fail("f16, %s: %a becomes %a", adamw_isa_name(isa), (double)from[i], (double)back[i]);
        right = right && adamw_encode(MANY, from, back, ADAMW_DTYPE_FLOAT32, threads) == ADAMW_OK &&
                floats_difference(from, back, MANY) == MANY;
    }
    free(from);
    free(back);
    free(half);
    return right;
}

static bool wrong_conversions_are_refused(void)
{
    float values[8] = {1, 2, 3}, before[8];
    uint16_t half[8], low[8];
    memcpy(before, values, sizeof before);
    if (adamw_split(8, NULL, half, low, 0) == ADAMW_OK || adamw_split(8, values, NULL, low, 0) == ADAMW_OK ||
        adamw_split(8, values, half, NULL, 0) == ADAMW_OK || adamw_split(8, values, half, half + 7, 0) == ADAMW_OK ||
        adamw_split(8, values, values, low, 0) == ADAMW_OK || adamw_split(8, values, half, low, -1) == ADAMW_OK ||
        adamw_split(SIZE_MAX, values, half, low, 0) == ADAMW_OK || adamw_join(8, half, half, values, 0) == ADAMW_OK)
        return check_fail("a wrong split is taken");
    if (adamw_encode(8, values, half, ADAMW_DTYPE_Q8, 0) != ADAMW_ERROR_UNSUPPORTED ||
        adamw_encode(8, values, half, (adamw_dtype)4, 0) != ADAMW_ERROR_INVALID_ARGUMENT ||
        adamw_decode(8, values, ADAMW_DTYPE_BFLOAT16, values, 0) != ADAMW_ERROR_INVALID_ARGUMENT)
        return check_fail("a wrong conversion is taken");
    if (adamw_split(0, NULL, NULL, NULL, 0) != ADAMW_OK || memcmp(before, values, sizeof before) != 0)
        return check_fail("no values are right, and a refused conversion writes nothing");
    if (adamw_state_bytes(ADAMW_DTYPE_FLOAT32, 10) != 40 || adamw_state_bytes(ADAMW_DTYPE_BFLOAT16, 10) != 20 ||
        adamw_state_bytes(ADAMW_DTYPE_FLOAT32, SIZE_MAX / 2) != 0 || adamw_state_bytes((adamw_dtype)9, 1) != 0)
        return check_fail("adamw_state_bytes");
    return true;
}

bool check_conversions(const check_options *options)
{
    const adamw_isa before = adamw_isa_active();
    bool right = true;
    FOR_EACH_ISA(options, isa)
    {
        adamw_isa_select(isa);
        right = right && splits_back(options->full ? 1 : options->quick ? 4001 : 401);
    }
    right = right && conversions_agree(options) && wrong_conversions_are_refused();
    adamw_isa_select(before);
    return right;
}

/* ---- a run ---- */

/* Whether a run of split parameters has the bits of the float32 run, in many values and steps. */
bool check_split_is_float32(const check_options *options)
{
    const size_t n = options->full ? 20000000 : options->quick ? 200000 : 400000;
    const uint64_t steps = 6;
    const adamw_isa before = adamw_isa_active();
    buffers a = buffers_new(n), b = buffers_new(n);
    uint16_t *const high = malloc(n * sizeof *high);
    int16_t *const low = malloc(n * sizeof *low);
    if (high == NULL || low == NULL)
        abort();
    adamw_config config;
    adamw_config_init(&config);
    config.weight_decay = 0.1;
    bool right = true;
    FOR_EACH_ISA(options, isa)
    {
        adamw_isa_select(isa);
        buffers_fill(&a, INPUT_TRAINING, options->seed + 3);
        buffers_copy(&b, &a);
        adamw_tensor wide = buffers_tensor(&a, &config), narrow = buffers_tensor(&b, &config);
        narrow.param = high;
        narrow.param_residual = low;
        narrow.param_dtype = ADAMW_DTYPE_BFLOAT16;
        right = right && adamw_split(n, a.param, high, low, 0) == ADAMW_OK;
        for (uint64_t step = 1; right && step <= steps; step++) {
            check_progress("split parameters: %s, step %d of %d", adamw_isa_name(isa), (int)step, (int)steps);
            right = adamw_step(&config, step, &wide, 1, 2) == ADAMW_OK &&
                    adamw_step(&config, step, &narrow, 1, 2) == ADAMW_OK;
        }
        right = right && adamw_join(n, high, low, b.param, 0) == ADAMW_OK;
        const size_t at = right ? buffers_difference(&a, &b) : n;
        if (at != n)
            right = check_fail("%s: value %zu is %a, not %a", adamw_isa_name(isa), at, (double)b.param[at],
                               (double)a.param[at]);
    }
    check_progress("%s", "");
    adamw_isa_select(before);
    buffers_free(&a);
    buffers_free(&b);
    free(high);
    free(low);
    return right;
}
