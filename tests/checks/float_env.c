/*
 * float_env.c - the caller's floating-point environment, by walking the public functions: each leaves the control
 * register and its exception flags as they were, works in the caller's mode on every thread, and raises no exception
 * of its own where a caller has unmasked them.
 */
#define _GNU_SOURCE /* feenableexcept, MAP_ANONYMOUS */
#include "../../kernels/dispatch/float_env.h"

#include "check.h"

#include <fenv.h>
#include <math.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

enum { TENSORS = 3, LARGE = 270001 };

/* Everything that a call may read or write. */
typedef struct state {
    buffers x[TENSORS];
    float *ema[TENSORS];
    uint16_t *copy[TENSORS];
    adamw_tensor tensors[TENSORS];
    adamw_config config;
    adamw_update_options options;
    adamw_update_report report;
    double norms[TENSORS], norm[2];
    adamw_loss_scale scale;
} state;

static state state_new(const size_t *sizes)
{
    state s;
    memset(&s, 0, sizeof s);
    for (int i = 0; i < TENSORS; i++) {
        s.x[i] = buffers_new(sizes[i]);
        s.ema[i] = calloc(sizes[i] + 1, sizeof(float));
        s.copy[i] = calloc(sizes[i] + 1, sizeof(uint16_t));
    }
    return s;
}

static void state_free(state *s)
{
    for (int i = 0; i < TENSORS; i++) {
        buffers_free(&s->x[i]);
        free(s->ema[i]);
        free(s->copy[i]);
    }
}

/* The public functions that compute or validate: X(name, its call on the state `s` with `threads`, which is true where
 * it did what it should). */
#define FUNCTIONS(X)                                                                                                 \
    X(adamw_step, adamw_step(&s->config, 3, s->tensors, TENSORS, threads) == ADAMW_OK)                               \
    X(adamw_step_part, adamw_step_part(&s->config, 3, s->tensors, TENSORS, 1, 2) == ADAMW_OK)                        \
    X(adamw_step_f32,                                                                                                \
      adamw_step_f32(&s->config, 3, s->x[0].n, s->x[0].param, s->x[0].grad, s->x[0].exp_avg, s->x[0].exp_avg_sq) ==  \
          (s->config.amsgrad ? ADAMW_ERROR_INVALID_ARGUMENT : ADAMW_OK))                                             \
    X(adamw_step_explain, adamw_step_explain(&s->config, 3, s->tensors, TENSORS, threads, NULL, 0) == ADAMW_OK)      \
    X(adamw_update, update(s, threads))                                                                              \
    X(adamw_update_explain, update_explain(s, threads))                                                              \
    X(adamw_grad_norm,                                                                                               \
      adamw_grad_norm(s->tensors, TENSORS, ADAMW_NORM_L2, threads, &s->norm[0]) == ADAMW_OK &&                       \
          adamw_grad_norm(s->tensors, TENSORS, ADAMW_NORM_INFINITY, threads, &s->norm[1]) == ADAMW_OK)               \
    X(adamw_accumulate, accumulate(s, threads))                                                                      \
    X(adamw_loss_scale_update, adamw_loss_scale_update(&s->scale, true) == ADAMW_OK)                                 \
    X(adamw_isa_select, adamw_isa_select(adamw_isa_active()) == ADAMW_OK)                                            \
    X(refused, refused(s, threads))

static void with_options(const state *s, adamw_tensor *tensors)
{
    for (int i = 0; i < TENSORS; i++) {
        tensors[i] = s->tensors[i];
        tensors[i].param_ema = s->ema[i];
        tensors[i].param_copy = s->copy[i];
        tensors[i].copy_dtype = i % 2 ? ADAMW_DTYPE_BFLOAT16 : ADAMW_DTYPE_FLOAT16;
    }
}

static bool update_explain(const state *s, int threads)
{
    adamw_tensor tensors[TENSORS];
    with_options(s, tensors);
    return adamw_update_explain(&s->config, 3, tensors, TENSORS, &s->options, &s->report, threads, NULL, 0) ==
           ADAMW_OK;
}

static bool update(state *s, int threads)
{
    adamw_tensor tensors[TENSORS];
    with_options(s, tensors);
    return adamw_update(&s->config, 3, tensors, TENSORS, &s->options, &s->report, threads) == ADAMW_OK;
}

static bool accumulate(state *s, int threads)
{
    for (int i = 0; i < TENSORS; i++)
        if (adamw_accumulate(s->x[i].n, s->x[i].param, s->x[i].grad, ADAMW_DTYPE_FLOAT32, threads) != ADAMW_OK ||
            adamw_accumulate(s->x[i].n, s->x[i].exp_avg, s->copy[i], ADAMW_DTYPE_BFLOAT16, threads) != ADAMW_OK ||
            adamw_accumulate(s->x[i].n, s->x[i].exp_avg, s->copy[i], ADAMW_DTYPE_FLOAT16, threads) != ADAMW_OK)
            return false;
    return true;
}

/* Wrong numbers are refused in words, not by an exception. */
static bool refused(state *s, int threads)
{
    const adamw_status wrong = ADAMW_ERROR_INVALID_ARGUMENT;
    adamw_config config = s->config;
    adamw_update_options options = s->options;
    adamw_loss_scale scale = s->scale;
    config.lr = NAN;
    bool right = adamw_step(&config, 3, s->tensors, TENSORS, threads) == wrong;
    config.lr = 1e300;
    right = right && adamw_step(&config, 3, s->tensors, TENSORS, threads) == wrong;
    config = s->config;
    config.beta2 = NAN;
    right = right && adamw_step_part(&config, 3, s->tensors, TENSORS, 0, 1) == wrong;
    options.grad_scale = NAN;
    right = right && adamw_update(&s->config, 3, s->tensors, TENSORS, &options, NULL, threads) == wrong;
    options.grad_scale = 1e-60;
    right = right && adamw_update(&s->config, 3, s->tensors, TENSORS, &options, NULL, threads) == wrong;
    options = s->options;
    options.clip_max = NAN;
    right = right && adamw_update(&s->config, 3, s->tensors, TENSORS, &options, NULL, threads) == wrong;
    options = s->options;
    options.ema_decay = NAN;
    right = right && adamw_update(&s->config, 3, s->tensors, TENSORS, &options, NULL, threads) == wrong;
    scale.scale = NAN;
    return right && adamw_loss_scale_update(&scale, true) == wrong;
}

enum {
#define NUMBER(name, call) FUNCTION_##name,
    FUNCTIONS(NUMBER)
#undef NUMBER
        FUNCTION_COUNT
};
static const char *const names[FUNCTION_COUNT] = {
#define NAME(name, call) #name,
    FUNCTIONS(NAME)
#undef NAME
};

static bool run(state *s, int function, int threads)
{
    switch (function) {
#define RUN(name, call)                                                                                              \
    case FUNCTION_##name:                                                                                            \
        return call;
        FUNCTIONS(RUN)
#undef RUN
    }
    return false;
}

/* ---- kept, and the same mode on every thread ---- */

static void fill(state *s, adamw_variant variant, bool clean)
{
    s->config = config_of_variant(variant);
    for (int i = 0; i < TENSORS; i++) {
        buffers_fill(&s->x[i], clean ? INPUT_TRAINING : INPUT_NASTY, 60 + (uint64_t)i);
        s->tensors[i] = buffers_tensor(&s->x[i], &s->config);
        memset(s->ema[i], 0, s->x[i].n * sizeof(float));
        for (size_t k = 0; k < s->x[i].n; k++)
            s->copy[i][k] = (uint16_t)(0x3000 + mix64(k) % 0x0800); /* finite in both half-width dtypes */
    }
    adamw_update_options_init(&s->options);
    s->options.grad_scale = 0.3;
    s->options.clip = ADAMW_CLIP_TENSOR_NORM;
    s->options.clip_max = 0.05;
    s->options.ema = ADAMW_EMA_BIAS_CORRECTED;
    s->options.ema_decay = 0.9;
    s->options.copy = s->options.report_norm = s->options.report_ratio = true;
    s->options.tensor_norms = s->norms;
    memset(s->norms, 0, sizeof s->norms);
    memset(s->norm, 0, sizeof s->norm);
    adamw_loss_scale_init(&s->scale);
    s->scale.backoff_factor = 0.3;
    s->scale.scale = 65537; /* not a power of 2: the product is inexact */
}

static bool states_same(const state *a, const state *b)
{
    for (int i = 0; i < TENSORS; i++)
        if (buffers_difference(&a->x[i], &b->x[i]) != a->x[i].n ||
            floats_difference(a->ema[i], b->ema[i], a->x[i].n) != a->x[i].n ||
            memcmp(a->copy[i], b->copy[i], a->x[i].n * sizeof(uint16_t)) != 0 ||
            memcmp(&a->norms[i], &b->norms[i], sizeof a->norms[i]) != 0)
            return false;
    return memcmp(a->norm, b->norm, sizeof a->norm) == 0;
}

#if defined(__x86_64__)
static const uint64_t flush = 0x8040; /* FTZ and DAZ */
#else
static const uint64_t flush = 1u << 24; /* FZ */
#endif

bool check_float_env_everywhere(const check_options *options)
{
    static const int roundings[] = {FE_TONEAREST, FE_UPWARD, FE_DOWNWARD, FE_TOWARDZERO};
    static const size_t sizes[TENSORS] = {37, LARGE, 5003};
    const adamw_isa before = adamw_isa_active();
    const uint64_t own = adamw_float_env_get();
    state one = state_new(sizes), team = state_new(sizes);
    bool right = true;
    FOR_EACH_ISA(options, isa)
    for (int mode = 0; right && mode < 8; mode++)
        for (int function = 0; right && function < FUNCTION_COUNT; function++)
            for (int clean = 0; right && clean < 2; clean++) {
                if (options->quick && (mode + function + clean) % 4 != 0 && mode != 1)
                    continue;
                adamw_isa_select(isa);
                fill(&one, (adamw_variant)((mode + function) % ADAMW_VARIANT_COUNT), clean);
                fill(&team, (adamw_variant)((mode + function) % ADAMW_VARIANT_COUNT), clean);
                for (int threads = 1; right && threads <= 3; threads += 2) {
                    feclearexcept(FE_ALL_EXCEPT); /* so that a flag that is raised shows */
                    fesetround(roundings[mode % 4]);
                    adamw_float_env_set(adamw_float_env_get() | (mode >= 4 ? flush : 0));
                    const uint64_t caller = adamw_float_env_get();
                    const bool done = run(threads == 1 ? &one : &team, function, threads);
                    const uint64_t now = adamw_float_env_get();
                    const int raised = fetestexcept(FE_ALL_EXCEPT);
                    fesetround(FE_TONEAREST); /* the x87's register too, which long double and printf use */
                    adamw_float_env_set(own);
                    if (!done)
                        right = check_fail("%s of %s did not work", names[function], adamw_isa_name(isa));
                    else if (now != caller || raised != 0)
                        right =
                            check_fail("%s of %s, %d threads: the control register was %llx and is %llx, flags %x",
                                       names[function], adamw_isa_name(isa), threads, (unsigned long long)caller,
                                       (unsigned long long)now, raised);
                }
                if (right && clean && !states_same(&one, &team))
                    right = check_fail("%s of %s, mode %d: three threads have other bits than one", names[function],
                                       adamw_isa_name(isa), mode);
            }
    adamw_isa_select(before);
    state_free(&one);
    state_free(&team);
    return right;
}

/* ---- unmasked exceptions ---- */

#if defined(__GLIBC__)

/* Where a child process is, for its parent to tell. */
typedef struct place {
    adamw_isa isa;
    int function, variant, betas;
    size_t n;
} place;

enum { RAN = 0, FAILED = 1, MASKED = 2 };

/* Values of a clean run: nothing infinite, no division by zero but what idle lanes would do with eps 0. Second moments
 * of zero among them where eps is above 0, and parameters of zero, as a bias begins. */
static void clean_values(state *s, int variant, int betas)
{
    static const double pairs[][2] = {{0.9, 0.999}, {0.3, 0}, {0, 0.4}};
    fill(s, (adamw_variant)variant, true);
    s->config.beta1 = pairs[betas][0];
    s->config.beta2 = pairs[betas][1];
    s->config.eps = variant % 2 ? 0 : 1e-8;
    for (int i = 0; i < TENSORS; i++)
        for (size_t k = 0; k < s->x[i].n; k++) {
            s->x[i].exp_avg_sq[k] = s->config.eps > 0 && k % 3 ? 0 : 0x1p-20f;
            s->x[i].max_exp_avg_sq[k] = s->x[i].exp_avg_sq[k];
            s->x[i].grad[k] = s->config.eps > 0 && k % 6 == 1 ? 0 : 0.25f + (float)(k % 7);
            s->x[i].exp_avg[k] = 0.125f;
            s->x[i].param[k] = i == 2 ? 0 : 1;
        }
}

static void child(const check_options *options, place *at)
{
    if (feenableexcept(FE_INVALID | FE_DIVBYZERO | FE_OVERFLOW) == -1 ||
        (fegetexcept() & FE_INVALID) == 0) /* AArch64 may leave them out */
        _exit(MASKED);
    for (size_t n = 1; n < 400; n = n < 40 ? n + 1 : n * 3)
        FOR_EACH_ISA(options, isa)
    for (int variant = 0; variant < ADAMW_VARIANT_COUNT; variant++)
        for (int betas = 0; betas < 3; betas++) {
            const size_t sizes[TENSORS] = {n, 0, n + 1};
            state s = state_new(sizes);
            adamw_isa_select(isa);
            for (int function = 0; function < FUNCTION_COUNT; function++) {
                *at = (place){isa, function, variant, betas, n};
                clean_values(&s, variant, betas);
                if (!run(&s, function, 1))
                    _exit(FAILED);
            }
            state_free(&s);
        }
    _exit(RAN);
}

bool check_unmasked_exceptions(const check_options *options)
{
    place *at = mmap(NULL, sizeof *at, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    int status = 0;
    if (at == MAP_FAILED)
        return check_fail("no memory to share with a child process");
    fflush(NULL);
    const pid_t pid = fork();
    if (pid == 0) {
        signal(SIGFPE, SIG_DFL);
        child(options, at);
    }
    bool right = pid > 0 && waitpid(pid, &status, 0) == pid;
    if (!right)
        check_fail("no child process");
    else if (WIFEXITED(status) && WEXITSTATUS(status) == MASKED)
        check_skip("this CPU does not unmask floating-point exceptions");
    else if (!WIFEXITED(status) || WEXITSTATUS(status) != RAN)
        right = check_fail("%s of %s, %s, betas %d, eps %d, %zu values: %s %d", names[at->function],
                           adamw_isa_name(at->isa), name_of_variant((adamw_variant)at->variant), at->betas,
                           at->variant % 2 == 0, at->n, WIFSIGNALED(status) ? "signal" : "status",
                           WIFSIGNALED(status) ? WTERMSIG(status) : WEXITSTATUS(status));
    munmap(at, sizeof *at);
    return right;
}

#else

bool check_unmasked_exceptions(const check_options *options)
{
    (void)options;
    check_skip("unmasked exceptions: this C library has no feenableexcept()");
    return true;
}

#endif
