/*
 * api.c - the choice of the ISA, and every wrong argument with its status and sentence.
 */
#include "check.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "../../kernels/dispatch/cpu.h"

/* The last of the list that runs here, but for CPUs that prefer AVX2. */
static adamw_isa best_here(void)
{
    adamw_isa isa = (adamw_isa)(ADAMW_ISA_COUNT - 1);
    while (!adamw_isa_supported(isa) || (isa == ADAMW_ISA_AVX512 && adamw_cpu_prefers_avx2()))
        isa = (adamw_isa)(isa - 1);
    return isa;
}

bool check_isa_choice(const check_options *options)
{
    (void)options;
    const adamw_isa before = adamw_isa_active();
    bool right = true;
    for (adamw_isa isa = ADAMW_ISA_SCALAR; right && isa < ADAMW_ISA_COUNT; isa = (adamw_isa)(isa + 1)) {
        const bool here = adamw_isa_supported(isa);
        if (adamw_isa_select(isa) != (here ? ADAMW_OK : ADAMW_ERROR_ISA))
            right = check_fail("adamw_isa_select(%s)", adamw_isa_name(isa));
        if (here && (adamw_isa_active() != isa || adamw_dispatch_active()->kernels != adamw_kernels_of(isa)))
            right =
                check_fail("%s was chosen, %s is active", adamw_isa_name(isa), adamw_isa_name(adamw_isa_active()));
    }
    if (adamw_isa_select((adamw_isa)99) != ADAMW_ERROR_INVALID_ARGUMENT || adamw_isa_supported((adamw_isa)99) ||
        strcmp(adamw_isa_name((adamw_isa)99), "unknown") != 0)
        right = check_fail("99 is no ISA");
    for (adamw_isa isa = ADAMW_ISA_SCALAR; right && isa < ADAMW_ISA_COUNT; isa = (adamw_isa)(isa + 1)) {
        adamw_isa_select(isa); /* so that auto has to move away from it, unless it is the best itself */
        if (adamw_isa_select(ADAMW_ISA_AUTO) != ADAMW_OK || adamw_isa_active() != best_here())
            right = check_fail("auto after %s is %s", adamw_isa_name(isa), adamw_isa_name(adamw_isa_active()));
    }
    adamw_isa_select(before);
    return right;
}

enum { N = 40, TENSORS = 2 };

typedef struct wrong_call {
    adamw_config config, group;
    uint64_t step;
    adamw_tensor tensors[TENSORS];
    const adamw_config *config_given;
    const adamw_tensor *tensors_given;
} wrong_call;

/* Each makes one argument wrong: X(status, sentence, statement on `c`). */
#define WRONG(X)                                                                                                     \
    X(INVALID_ARGUMENT, "config is NULL: adamw_config_init() fills in one", c->config_given = NULL)                  \
    X(INVALID_ARGUMENT, "tensors is NULL with count 2: it must point to that many adamw_tensor",                     \
      c->tensors_given = NULL)                                                                                       \
    X(INVALID_ARGUMENT, "step is 0: steps count from 1", c->step = 0)                                                \
    X(INVALID_ARGUMENT, "config: lr is -1: it must be finite, not negative and within float32's range",              \
      c->config.lr = -1)                                                                                             \
    X(INVALID_ARGUMENT, "config: lr is inf: it must be finite, not negative and within float32's range",             \
      c->config.lr = INFINITY)                                                                                       \
    X(INVALID_ARGUMENT, "config: lr is 1e+39: it must be finite, not negative and within float32's range",           \
      c->config.lr = 1e39)                                                                                           \
    X(INVALID_ARGUMENT, "config: eps is nan: it must be finite, not negative and within float32's range",            \
      c->config.eps = NAN)                                                                                           \
    X(INVALID_ARGUMENT, "config: weight_decay is -0.5: it must be finite, not negative and within float32's range",  \
      c->config.weight_decay = -0.5)                                                                                 \
    X(INVALID_ARGUMENT, "config: beta1 is 1: it must be at least 0 and below 1", c->config.beta1 = 1)                \
    X(INVALID_ARGUMENT, "config: beta2 is -0.25: it must be at least 0 and below 1", c->config.beta2 = -0.25)        \
    X(INVALID_ARGUMENT, "config: beta2 is nan: it must be at least 0 and below 1", c->config.beta2 = NAN)            \
    X(INVALID_ARGUMENT, "config: decay is 7: it must be ADAMW_DECAY_DECOUPLED or ADAMW_DECAY_L2",                    \
      c->config.decay = (adamw_decay)7)                                                                              \
    X(INVALID_ARGUMENT, "config: arithmetic is 2: it must be ADAMW_ARITHMETIC_ACCURATE or ADAMW_ARITHMETIC_TORCH",   \
      c->config.arithmetic = (adamw_arithmetic)2)                                                                    \
    X(INVALID_ARGUMENT, "config: rounding is 2: it must be ADAMW_ROUND_NEAREST or ADAMW_ROUND_STOCHASTIC",           \
      c->config.rounding = (adamw_rounding)2)                                                                        \
    X(INVALID_ARGUMENT, "tensors[1].config: lr is -2: it must be finite, not negative and within float32's range",   \
      c->group.lr = -2)                                                                                              \
    X(INVALID_ARGUMENT, "tensors[1]: param is NULL: it must point to n = 40 values", c->tensors[1].param = NULL)     \
    X(INVALID_ARGUMENT, "tensors[1]: grad is NULL: it must point to n = 40 values", c->tensors[1].grad = NULL)       \
    X(INVALID_ARGUMENT, "tensors[1]: exp_avg is NULL: it must point to n = 40 values where beta1 is not 0",          \
      c->tensors[1].exp_avg = NULL)                                                                                  \
    X(INVALID_ARGUMENT, "tensors[1]: exp_avg_sq is NULL: it must point to n = 40 values",                            \
      c->tensors[1].exp_avg_sq = NULL)                                                                               \
    X(INVALID_ARGUMENT, "tensors[1]: max_exp_avg_sq is NULL: it must point to n = 40 values where amsgrad is on",    \
      c->group.amsgrad = true)                                                                                       \
    X(INVALID_ARGUMENT, "tensors[1]: max_exp_avg_sq is set, but amsgrad is off: it must be NULL, or amsgrad true",   \
      c->tensors[1].max_exp_avg_sq = c->tensors[0].param)                                                            \
    X(INVALID_ARGUMENT, "tensors[1]: param and grad overlap: each buffer must have n = 40 values of its own",        \
      c->tensors[1].grad = (const float *)c->tensors[1].param + N - 1)                                               \
    X(INVALID_ARGUMENT, "tensors[1]: n is 18446744073709551615: no buffer can hold that many float32 values",        \
      c->tensors[1].n = SIZE_MAX)                                                                                    \
    X(UNSUPPORTED,                                                                                                   \
      "tensors[1]: param_dtype is 2: in this version it must be ADAMW_DTYPE_FLOAT32 (0) or ADAMW_DTYPE_BFLOAT16 "    \
      "(1)",                                                                                                         \
      c->tensors[1].param_dtype = ADAMW_DTYPE_FLOAT16)                                                               \
    X(UNSUPPORTED,                                                                                                   \
      "tensors[1]: grad_dtype is 3: in this version it must be ADAMW_DTYPE_FLOAT32 (0), ADAMW_DTYPE_BFLOAT16 (1) "   \
      "or "                                                                                                          \
      "ADAMW_DTYPE_FLOAT16 (2)",                                                                                     \
      c->tensors[1].grad_dtype = ADAMW_DTYPE_Q8)                                                                     \
    X(UNSUPPORTED,                                                                                                   \
      "tensors[1]: exp_avg_dtype is 2: in this version it must be ADAMW_DTYPE_FLOAT32 (0) or ADAMW_DTYPE_BFLOAT16 "  \
      "(1)",                                                                                                         \
      c->tensors[1].exp_avg_dtype = ADAMW_DTYPE_FLOAT16)                                                             \
    X(UNSUPPORTED,                                                                                                   \
      "tensors[1]: exp_avg_sq_dtype is 3: in this version it must be ADAMW_DTYPE_FLOAT32 (0) or "                    \
      "ADAMW_DTYPE_BFLOAT16 (1)",                                                                                    \
      c->tensors[1].exp_avg_sq_dtype = ADAMW_DTYPE_Q8)                                                               \
    X(INVALID_ARGUMENT,                                                                                              \
      "tensors[1]: exp_avg_sq_dtype is 1 with beta2 0.999, rounded to nearest: it would stop falling, for a step "   \
      "takes off too little; rounding must be ADAMW_ROUND_STOCHASTIC, or beta2 at most 0.984375",                    \
      c->tensors[1].exp_avg_sq_dtype = ADAMW_DTYPE_BFLOAT16)                                                         \
    X(UNSUPPORTED,                                                                                                   \
      "tensors[1]: param_residual is set: with ADAMW_ARITHMETIC_TORCH it must be NULL, or the arithmetic "           \
      "ADAMW_ARITHMETIC_ACCURATE",                                                                                   \
      (c->group.arithmetic = ADAMW_ARITHMETIC_TORCH, c->tensors[1].param_residual = c->tensors[0].param))            \
    X(INVALID_ARGUMENT,                                                                                              \
      "tensors[1]: param and param_residual overlap: each buffer must have n = 40 values of its own",                \
      c->tensors[1].param_residual = c->tensors[1].param)                                                            \
    X(UNSUPPORTED,                                                                                                   \
      "tensors[1]: grad_dtype is 1: with ADAMW_ARITHMETIC_TORCH it must be ADAMW_DTYPE_FLOAT32 (0), or the "         \
      "arithmetic ADAMW_ARITHMETIC_ACCURATE",                                                                        \
      (c->group.arithmetic = ADAMW_ARITHMETIC_TORCH, c->tensors[1].grad_dtype = ADAMW_DTYPE_BFLOAT16))               \
    X(INVALID_ARGUMENT, "tensors[1]: param_dtype is 4: it must be an adamw_dtype",                                   \
      c->tensors[1].param_dtype = (adamw_dtype)4)                                                                    \
    X(UNSUPPORTED, "tensors[1]: exp_avg_scale is set: this version has no such stream; it must be NULL",             \
      c->tensors[1].exp_avg_scale = c->tensors[0].param)                                                             \
    X(UNSUPPORTED, "tensors[1]: exp_avg_sq_scale is set: this version has no such stream; it must be NULL",          \
      c->tensors[1].exp_avg_sq_scale = c->tensors[0].param)                                                          \
    X(INVALID_ARGUMENT, "tensors[1]: copy_dtype is 9: it must be an adamw_dtype",                                    \
      c->tensors[1].copy_dtype = (adamw_dtype)9)                                                                     \
    X(INVALID_ARGUMENT,                                                                                              \
      "tensors[1]: param_ema is set, which adamw_step() does not keep: it must be NULL, or the "                     \
      "call adamw_update()",                                                                                         \
      c->tensors[1].param_ema = c->tensors[0].param)                                                                 \
    X(INVALID_ARGUMENT,                                                                                              \
      "tensors[1]: param_copy is set, which adamw_step() does not write: it must be NULL, or the "                   \
      "call adamw_update()",                                                                                         \
      c->tensors[1].param_copy = c->tensors[0].param)

typedef struct wrong_case {
    adamw_status status;
    const char *sentence;
} wrong_case;

static const wrong_case cases[] = {
#define CASE(status, sentence, statement) {ADAMW_ERROR_##status, sentence},
    WRONG(CASE)};
enum { CASES = sizeof cases / sizeof cases[0] };

static void spoil_case(wrong_call *c, int which)
{
    int i = 0;
#define SPOIL(status, sentence, statement)                                                                           \
    if (i++ == which)                                                                                                \
        (void)(statement);
    WRONG(SPOIL)
}

static bool try_case(int which)
{
    float values[TENSORS][4][N], before[TENSORS][4][N];
    wrong_call c = {.step = 3};
    char said[256] = "";
    adamw_config_init(&c.config);
    adamw_config_init(&c.group);
    for (int t = 0; t < TENSORS; t++) {
        for (int b = 0; b < 4; b++)
            for (int i = 0; i < N; i++)
                values[t][b][i] = 0.5f + (float)(b * N + i);
        c.tensors[t] = (adamw_tensor){.n = N,
                                      .param = values[t][0],
                                      .grad = values[t][1],
                                      .exp_avg = values[t][2],
                                      .exp_avg_sq = values[t][3],
                                      .config = t == 1 ? &c.group : NULL};
    }
    memcpy(before, values, sizeof values);
    c.config_given = &c.config;
    c.tensors_given = c.tensors;
    spoil_case(&c, which);

    const adamw_status status = adamw_step(c.config_given, c.step, c.tensors_given, TENSORS, 0);
    if (status != cases[which].status ||
        adamw_step_part(c.config_given, c.step, c.tensors_given, TENSORS, 0, 2) != status ||
        adamw_step_explain(c.config_given, c.step, c.tensors_given, TENSORS, 0, said, sizeof said) != status)
        return check_fail("'%s': status %d", cases[which].sentence, (int)status);
    if (strcmp(said, cases[which].sentence) != 0)
        return check_fail("'%s' was to be said, not '%s'", cases[which].sentence, said);
    if (memcmp(before, values, sizeof values) != 0)
        return check_fail("'%s': something was written", said);
    char small[8] = "zzzzzzz";
    adamw_step_explain(c.config_given, c.step, c.tensors_given, TENSORS, 0, small, 5);
    if (memcmp(small, said, 4) != 0 || small[4] != '\0' || small[5] != 'z')
        return check_fail("'%s': a buffer of 5 bytes holds '%.7s'", said, small);
    return adamw_step_explain(c.config_given, c.step, c.tensors_given, TENSORS, 0, NULL, 0) == status ||
           check_fail("explain without a buffer");
}

/* Each group of a list is looked at, wherever it stands and whatever stands before it. */
static bool each_group_is_checked(void)
{
    enum { GROUPS = 4 };
    static float values[4][N];
    char said[256], wanted[96];
    for (int wrong = 0; wrong < GROUPS; wrong++) {
        adamw_config call, groups[GROUPS];
        adamw_tensor tensors[2 * GROUPS];
        adamw_config_init(&call);
        for (int i = 0; i < 2 * GROUPS; i++) { /* 0 1 2 3 0 1 2 3, the call's own config between them at 1 */
            groups[i % GROUPS] = call;
            tensors[i] = (adamw_tensor){.n = N,
                                        .param = values[0],
                                        .grad = values[1],
                                        .exp_avg = values[2],
                                        .exp_avg_sq = values[3],
                                        .config = i == 1 ? NULL : &groups[i % GROUPS]};
        }
        groups[wrong].lr = -3;
        snprintf(wanted, sizeof wanted, "tensors[%d].config: lr is -3", wrong == 1 ? 1 + GROUPS : wrong);
        if (adamw_step_explain(&call, 1, tensors, (size_t)2 * GROUPS, 0, said, sizeof said) !=
                ADAMW_ERROR_INVALID_ARGUMENT ||
            strncmp(said, wanted, strlen(wanted)) != 0)
            return check_fail("'%s...' was to be said, not '%s'", wanted, said);
    }
    return true;
}

bool check_bad_arguments(const check_options *options)
{
    (void)options;
    bool right = true;
    for (int i = 0; i < CASES; i++)
        right = try_case(i) && right;
    right = each_group_is_checked() && right;

    adamw_config config;
    char said[256];
    if (adamw_config_init(NULL) != ADAMW_ERROR_INVALID_ARGUMENT)
        right = check_fail("adamw_config_init(NULL)");
    adamw_config_init(&config);
    if (adamw_step(&config, 1, NULL, 0, 0) != ADAMW_OK)
        right = check_fail("an empty list is right");
    if (adamw_step_part(&config, 1, NULL, 0, 0, 0) != ADAMW_ERROR_INVALID_ARGUMENT ||
        adamw_step_part(&config, 1, NULL, 0, 2, 2) != ADAMW_ERROR_INVALID_ARGUMENT)
        right = check_fail("part 2 of 2 and parts 0 are wrong");
    if (adamw_step(&config, 1, NULL, 0, -1) != ADAMW_ERROR_INVALID_ARGUMENT ||
        adamw_step_explain(&config, 1, NULL, 0, -1, said, sizeof said) != ADAMW_ERROR_INVALID_ARGUMENT ||
        strcmp(said, "threads is -1: it must be 0 (the library decides) or a number of threads") != 0)
        right = check_fail("threads -1: %s", said);
    const adamw_tensor empty = {0};
    if (adamw_step_explain(&config, 1, &empty, 1, 0, said, sizeof said) != ADAMW_OK || strcmp(said, "ok") != 0)
        right = check_fail("a tensor of no values is right: %s", said);
    for (int status = -1; status < 6; status++)
        if (adamw_status_string((adamw_status)status) == NULL)
            right = check_fail("status %d has no string", status);
    if (strcmp(adamw_version(), ADAMW_VERSION_STRING) != 0)
        right = check_fail("version %s", adamw_version());
    return right;
}
