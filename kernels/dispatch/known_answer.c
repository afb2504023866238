/*
 * known_answer.c - see known_answer.h. The inputs are made by integers, and the answers are digests of the bits that
 * tests/data/conformance.txt and the other checks prove right: a change of the arithmetic changes them, and the check
 * known_answer prints the new ones.
 */
#include "known_answer.h"

#include "float_env.h"

#include <math.h>
#include <string.h>

#include "../vec/fused.h"

static const uint64_t answers[] = {
    [ADAMW_VARIANT_adamw] = UINT64_C(0x130C1BB708F919DF),
    [ADAMW_VARIANT_adamw_amsgrad] = UINT64_C(0x1625FFB9B6B5C24D),
    [ADAMW_VARIANT_adam_l2] = UINT64_C(0xCF575AB5196844C5),
    [ADAMW_VARIANT_adam_l2_amsgrad] = UINT64_C(0xF89258F6CE2A6F1A),
    [ADAMW_VARIANT_torch_adamw] = UINT64_C(0xEDBF4C7BF3A28906),
    [ADAMW_VARIANT_torch_adamw_amsgrad] = UINT64_C(0x20D3997BC471D135),
    [ADAMW_VARIANT_torch_adam_l2] = UINT64_C(0xF3F30A9F988E5FB8),
    [ADAMW_VARIANT_torch_adam_l2_amsgrad] = UINT64_C(0xF46603961417BBC6),
    [ADAMW_ANSWER_STAGES] = UINT64_C(0x71362E0CA5254890),
    [ADAMW_ANSWER_COMPENSATED] = UINT64_C(0x10AD90AB33129FF1),
    [ADAMW_ANSWER_NARROW] = UINT64_C(0xEB039D2FC6BE4934),
    [ADAMW_ANSWER_SUMS] = UINT64_C(0x5DD315B9A0E95D10),
    [ADAMW_ANSWER_COMPILER] = 0,
};
_Static_assert(sizeof answers / sizeof answers[0] == ADAMW_ANSWERS, "every variant has its answer");

/* Twice the longest bundle and a tail, in 3.6 KB of stack. */
enum { N = 2 * 5 * 16 + 21, STREAMS = 5, FORMS = 3 };

typedef struct values {
    float stream[STREAMS][N];
} values;

/* Exponents that meet in the sums, and every sixteenth value special: zeros, infinities, NaN, subnormals, huge. */
static void fill(values *x)
{
    static const uint32_t special[8] = {0x00000000, 0x80000000, 0x7F800000, 0x7FC00000,
                                        0x00000123, 0x7F7FFFFF, 0x80700000, 0x00800000};
    static const uint32_t lowest[STREAMS] = {115, 105, 105, 95, 95};
    uint64_t random = 1;
    for (int s = 0; s < STREAMS; s++)
        for (int i = 0; i < N; i++) {
            random = random * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407); /* Knuth's MMIX */
            const uint32_t some = (uint32_t)(random >> 32);
            uint32_t bits = (some & 0x807FFFFF) | (lowest[s] + (some >> 23 & 15)) << 23;
            if ((random >> 20 & 15) == 0)
                bits = special[random >> 24 & 7];
            if (s >= 3) /* second moments */
                bits &= 0x7FFFFFFF;
            memcpy(&x->stream[s][i], &bits, sizeof bits);
        }
}

static uint64_t add_bits(uint64_t digest, uint64_t bits) { return (digest ^ bits) * UINT64_C(0x9E3779B97F4A7C15); }

/* Every NaN is one. */
static uint64_t add_floats(uint64_t digest, const float *x, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        uint32_t bits;
        memcpy(&bits, &x[i], sizeof bits);
        digest = add_bits(digest, (bits & 0x7FFFFFFF) > 0x7F800000 ? 0x7FC00000 : bits);
    }
    return digest ^ digest >> 32;
}

static uint64_t add_double(uint64_t digest, double x)
{
    uint64_t bits;
    memcpy(&bits, &x, sizeof bits);
    return add_bits(digest, bits);
}

/* ---- the tests ---- */

static adamw_update_streams streams_of(values *x)
{
    return (adamw_update_streams){.param = (char *)x->stream[0],
                                  .grad = (const char *)x->stream[1],
                                  .exp_avg = (char *)x->stream[2],
                                  .exp_avg_sq = (char *)x->stream[3],
                                  .max_exp_avg_sq = (char *)x->stream[4]};
}

/* For each specialisation of the loop (body/update.h). */
static adamw_coefficients coefficients_of(int form)
{
    const bool small = form == 2;
    return (adamw_coefficients){.sign = form == 1 ? -1.0f : 1.0f,
                                .beta1 = small ? 0.3f : 0.9f,
                                .c1 = small ? 0.7f : 0.1f,
                                .beta2 = small ? 0.4f : 0.99f,
                                .c2 = small ? 0.6f : 0.01f,
                                .weight_decay = 0.013f,
                                .accurate = {.decay = 0.0007f, .step_size = 0.03f, .eps = 1e-6f},
                                .torch = {.decay_factor = 0.9993f,
                                          .negative_step_size = -0.03f,
                                          .bias_correction2_sqrt = 0.7f,
                                          .reciprocal = 1 / 0.7f,
                                          .eps = 1e-6f,
                                          .one_minus_c1 = 0.3f},
                                .to_nearest = true,
                                .small_beta1 = small,
                                .small_beta2 = small,
                                .prefetch = {.near = form == 1 ? 64 : 0, .far = form == 1 ? 128 : 0}};
}

/* Three steps, one by each specialisation. */
ADAMW_NOINLINE static uint64_t update_answer(const adamw_kernels *kernels, int variant)
{
    values x;
    uint64_t digest = 0;
    fill(&x);
    const adamw_update_streams streams = streams_of(&x);
    for (int form = 0; form < FORMS; form++) {
        const adamw_coefficients k = coefficients_of(form);
        kernels->update[variant](&k, &streams, N);
    }
    for (int s = 0; s < STREAMS; s++)
        digest = add_floats(digest, x.stream[s], N);
    return digest;
}

ADAMW_NOINLINE static uint64_t stages_answer(const adamw_kernels *kernels)
{
    static const adamw_grad_scaling by = {.scale = 0.3f, .limit = 0.01f, .factor = 0.7f};
    values x;
    uint16_t half[N];
    uint64_t digest = 0;
    fill(&x);
    kernels->scale_grad(x.stream[1], x.stream[1], ADAMW_DTYPE_FLOAT32, N, &by, 64);
    kernels->average(x.stream[2], x.stream[0], N, 0.3f, 0.7f, 0);
    kernels->average(x.stream[3], x.stream[0], N, 0.7f, 0.3f, 64);
    for (int dtype = ADAMW_DTYPE_BFLOAT16; dtype <= ADAMW_DTYPE_FLOAT16; dtype++) {
        kernels->narrow(half, (adamw_dtype)dtype, x.stream[0], N);
        kernels->accumulate(x.stream[4], half, (adamw_dtype)dtype, N);
    }
    kernels->accumulate(x.stream[4], x.stream[0], ADAMW_DTYPE_FLOAT32, N);
    for (int s = 0; s < STREAMS; s++)
        digest = add_floats(digest, x.stream[s], N);
    return digest;
}

/* Compensated parameters, each variant of ACCURATE by one specialisation of the loop. */
ADAMW_NOINLINE static uint64_t compensated_answer(const adamw_kernels *kernels)
{
    static const adamw_variant variants[] = {ADAMW_VARIANT_adamw, ADAMW_VARIANT_adamw_amsgrad, ADAMW_VARIANT_adam_l2,
                                             ADAMW_VARIANT_adam_l2_amsgrad};
    values x;
    float residual[N];
    uint64_t digest = 0;
    fill(&x);
    const adamw_update_streams streams = streams_of(&x);
    for (int i = 0; i < N; i++)
        residual[i] = 0x1p-12f * x.stream[3][i];
    for (int i = 0; i < 4; i++) {
        const adamw_coefficients k = coefficients_of(i % FORMS);
        kernels->update_compensated(&k, &streams, residual, N, variants[i]);
    }
    for (int s = 0; s < STREAMS; s++)
        digest = add_floats(digest, x.stream[s], N);
    return add_floats(digest, residual, N);
}

/* What narrow streams are read and written by. */
ADAMW_NOINLINE static uint64_t narrow_answer(const adamw_kernels *kernels)
{
    static const adamw_random random = {.key = {0x9E3779B9, 0x85EBCA6B}, .index = 77};
    values x;
    uint16_t first[N], second[N];
    fill(&x);
    kernels->narrow_randomly(first, x.stream[0], second, x.stream[3], N, &random);
    kernels->widen(x.stream[2], first, ADAMW_DTYPE_BFLOAT16, N, 0);
    kernels->widen(x.stream[3], second, ADAMW_DTYPE_BFLOAT16, N, 64);
    kernels->widen(x.stream[4], first, ADAMW_DTYPE_FLOAT16, N, 0);
    uint64_t digest = 0;
    for (int s = 2; s < STREAMS; s++)
        digest = add_floats(digest, x.stream[s], N);
    kernels->split(first, second, x.stream[0], N);
    kernels->join(x.stream[1], first, second, N, 64);
    kernels->widen(x.stream[2], first, ADAMW_DTYPE_BFLOAT16, N, 0);
    for (int s = 0; s < STREAMS; s++)
        digest = add_floats(digest, x.stream[s], N);
    return digest;
}

ADAMW_NOINLINE static uint64_t sums_answer(const adamw_kernels *kernels)
{
    values x;
    uint64_t digest = 0;
    fill(&x);
    for (int s = 0; s < 2; s++) /* finite: a NaN would hide the rest */
        for (int i = 0; i < N; i++) {
            uint32_t bits;
            memcpy(&bits, &x.stream[s][i], sizeof bits);
            bits = (bits & 0x83FFFFFF) | 0x38000000;
            memcpy(&x.stream[s][i], &bits, sizeof bits);
        }
    for (int dtype = ADAMW_DTYPE_FLOAT32; dtype <= ADAMW_DTYPE_FLOAT16; dtype++)
        digest = add_double(digest, kernels->sum_squares(x.stream[0], (adamw_dtype)dtype, N, 0.3f, 64));
    digest = add_double(digest, kernels->sum_square_changes(x.stream[0], x.stream[1], N));
    const float largest[2] = {kernels->abs_max(x.stream[0], ADAMW_DTYPE_FLOAT32, N),
                              kernels->abs_max(x.stream[2], ADAMW_DTYPE_FLOAT32, N)};
    return add_floats(digest, largest, 2);
}

/* What the compiler makes of plain C, which the scalars of a step and the schedules are written in. A bit for each
 * liberty that it takes; `volatile`, so that nothing is worked out while compiling. */
ADAMW_NOINLINE static uint64_t compiler_answer(void)
{
    volatile double five = 5, seven = 7, near_one = 1 + 0x1p-30, rounded_square = 1 + 0x1p-29, large = 0x1p53,
                    minus_zero = -0.0, divisor = 3;
    volatile double not_a_number = NAN, infinite = INFINITY;
    volatile float near_onef = 1 + 0x1p-13f, rounded_squaref = 1 + 0x1p-12f, two = 2;
    const double x = near_one, y = rounded_square, big = large, nan = not_a_number, zero = minus_zero, by = divisor;
    const float xf = near_onef, yf = rounded_squaref, root = sqrtf(two), fused = adamw_fmaf(xf, xf, -yf);
    const bool liberties[] = {x * x - y != 0,                      /* contraction */
                              xf * xf - yf != 0,                   /* in float */
                              (x + big) - big == x,                /* sums in another order */
                              five / by != 0x1.aaaaaaaaaaaabp+0 || /* products with a reciprocal */
                                  seven / by != 0x1.2aaaaaaaaaaabp+1,
                              !(nan != nan),            /* no NaN */
                              infinite - 1 != infinite, /* no infinity */
                              signbit(zero + 0.0) != 0, /* zeros without a sign */
                              root != 0x1.6a09e6p0f,    /* an estimate for a root */
                              fused != 0x1p-26f};       /* fmaf with two roundings */
    uint64_t taken = 0;
    for (size_t i = 0; i < sizeof liberties / sizeof liberties[0]; i++)
        taken |= (uint64_t)liberties[i] << i;
    return taken;
}

uint64_t adamw_answer_of(const adamw_kernels *kernels, int which)
{
    switch (which) {
    case ADAMW_ANSWER_STAGES:
        return stages_answer(kernels);
    case ADAMW_ANSWER_COMPENSATED:
        return compensated_answer(kernels);
    case ADAMW_ANSWER_NARROW:
        return narrow_answer(kernels);
    case ADAMW_ANSWER_SUMS:
        return sums_answer(kernels);
    case ADAMW_ANSWER_COMPILER:
        return compiler_answer();
    default:
        return update_answer(kernels, which);
    }
}

/* Whether the answers of tests `first` to `last` are right, in any environment, which is kept. */
static bool are_known(const adamw_kernels *kernels, int first, int last)
{
    const uint64_t env = adamw_float_env_get();
    bool known = true;
    adamw_float_env_set(ADAMW_FLOAT_ENV_DEFAULT);
    for (int i = first; known && i <= last; i++)
        known = adamw_answer_of(kernels, i) == answers[i];
    adamw_float_env_set(env);
    return known;
}

bool adamw_compiler_is_strict(void) { return are_known(NULL, ADAMW_ANSWER_COMPILER, ADAMW_ANSWER_COMPILER); }

bool adamw_answers_are_known(const adamw_kernels *kernels) { return are_known(kernels, 0, ADAMW_ANSWERS - 1); }
