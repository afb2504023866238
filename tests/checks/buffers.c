/*
 * buffers.c - inputs and configs that the checks share.
 */
#define _POSIX_C_SOURCE 200809L /* isatty */
#include "check.h"

#include "../../kernels/run/pass.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#if defined(ADAMW_POSIX)
#include <unistd.h>
#endif

void check_skip(const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    fputs("  skipped: ", stderr);
    vfprintf(stderr, format, arguments);
    fputc('\n', stderr);
    va_end(arguments);
}

bool check_fail(const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    fputs("  failed: ", stderr);
    vfprintf(stderr, format, arguments);
    fputc('\n', stderr);
    va_end(arguments);
    return false;
}

static bool has_terminal(void)
{
#if defined(ADAMW_POSIX)
    return isatty(STDERR_FILENO);
#else
    return false;
#endif
}

void check_progress(const char *format, ...)
{
    if (!has_terminal())
        return;
    va_list arguments;
    va_start(arguments, format);
    fputs("\r\033[K", stderr);
    vfprintf(stderr, format, arguments);
    va_end(arguments);
}

bool parse_seed(const char *text, uint64_t *seed)
{
    char *end;
    *seed = strtoull(text, &end, 0);
    return text[0] >= '0' && text[0] <= '9' && *end == '\0';
}

bool check_wants(const check_options *options, adamw_isa isa)
{
    return adamw_isa_supported(isa) && (options->isa == ADAMW_ISA_AUTO || options->isa == isa);
}

const uint32_t special_bits[SPECIALS] = {0x00000000, 0x80000000, 0x7F800000, 0xFF800000, 0x7FC00000, 0x7F800001,
                                         0x00000001, 0x80000001, 0x807FFFFF, 0x00800000, 0x00800001, 0x7F7FFFFF,
                                         0x3F800000, 0xBF800000, 0x7F000000, 0x1E3CE508};

uint64_t digest_of(const float *x, size_t n)
{
    uint64_t sum = 0;
    for (size_t i = 0; i < n; i++)
        sum += mix64(canonical_bits(x[i]) ^ ((uint64_t)i + 1) << 32);
    return sum;
}

double uniform(uint64_t *state) { return ((double)(mix64(++*state) >> 11) + 0.5) * 0x1p-53; }

double normal(uint64_t *state)
{
    const double radius = sqrt(-2 * log(uniform(state)));
    return radius * cos(6.283185307179586 * uniform(state));
}

double normal_like(uint64_t *state)
{
    const uint64_t r = mix64(++*state);
    const double sum =
        (double)(r & 0xFFFF) + (double)(r >> 16 & 0xFFFF) + (double)(r >> 32 & 0xFFFF) + (double)(r >> 48);
    return (sum / 65536 - 2) * 1.7320508;
}

buffers buffers_new(size_t n)
{
    float *all = malloc((BUFFERS * n + 1) * sizeof *all);
    if (all == NULL) {
        fprintf(stderr, "out of memory for %zu values\n", BUFFERS * n);
        exit(2);
    }
#define PLACE(name, when) .name = all + BUFFERS_##name * n,
    return (buffers){.n = n, ADAMW_UPDATE_STREAMS(PLACE)};
#undef PLACE
}

void buffers_all(const buffers *x, float *all[BUFFERS])
{
#define MEMBER(name, when) all[BUFFERS_##name] = x->name;
    ADAMW_UPDATE_STREAMS(MEMBER)
#undef MEMBER
}

void buffers_free(buffers *x) { free(x->param); }

static float training_value(uint64_t *state, int buffer)
{
    switch (buffer) {
    case BUFFERS_param:
        return (float)(0.1 * normal_like(state));
    case BUFFERS_grad:
    case BUFFERS_exp_avg:
        return (float)(0.01 * normal_like(state));
    default:
        return (float)(1e-4 * uniform(state));
    }
}

static float nasty_value(uint64_t *state, int buffer)
{
    const uint64_t random = mix64(++*state);
    uint32_t bits = (uint32_t)random;
    if ((random >> 32) % 4 == 0)
        bits = special_bits[(random >> 40) % SPECIALS];
    if (buffer >= BUFFERS_exp_avg_sq &&
        (random >> 60) != 0) /* second moments are mostly not negative, but nothing promises it */
        bits &= 0x7FFFFFFF;
    return float_of_bits(bits);
}

void buffers_fill(buffers *x, input_kind kind, uint64_t seed)
{
    float *all[BUFFERS];
    buffers_all(x, all);
    uint64_t state = seed << 20;
    for (int b = 0; b < BUFFERS; b++)
        for (size_t i = 0; i < x->n; i++) /* every other value is of a training run, so that the kinds meet */
            all[b][i] =
                kind == INPUT_NASTY && (mix64(seed + i) & 1) ? nasty_value(&state, b) : training_value(&state, b);
}

void buffers_copy(buffers *to, const buffers *from)
{
    float *target[BUFFERS], *source[BUFFERS];
    buffers_all(to, target);
    buffers_all(from, source);
    for (int b = 0; b < BUFFERS; b++)
        memcpy(target[b], source[b], from->n * sizeof(float));
}

adamw_tensor buffers_tensor(const buffers *x, const adamw_config *config)
{
    return (adamw_tensor){.n = x->n,
                          .param = x->param,
                          .grad = x->grad,
                          .exp_avg = x->exp_avg,
                          .exp_avg_sq = x->exp_avg_sq,
                          .max_exp_avg_sq = config->amsgrad ? x->max_exp_avg_sq : NULL};
}

size_t floats_difference(const float *a, const float *b, size_t n)
{
    enum { BLOCK = 64 }; /* the same bytes are found quickly; where they are not, the values decide */
    for (size_t begin = 0; begin < n; begin += BLOCK) {
        const size_t end = n - begin < BLOCK ? n : begin + BLOCK;
        if (memcmp(a + begin, b + begin, (end - begin) * sizeof *a) == 0)
            continue;
        for (size_t i = begin; i < end; i++)
            if (canonical_bits(a[i]) != canonical_bits(b[i]))
                return i;
    }
    return n;
}

size_t buffers_difference(const buffers *a, const buffers *b)
{
    float *left[BUFFERS], *right[BUFFERS];
    buffers_all(a, left);
    buffers_all(b, right);
    size_t first = a->n;
    for (int k = 0; k < BUFFERS; k++)
        first = floats_difference(left[k], right[k], first);
    return first;
}

adamw_config config_of_variant(adamw_variant variant)
{
    const adamw_traits traits = adamw_variant_traits[variant];
    adamw_config config;
    adamw_config_init(&config);
    config.arithmetic = traits.torch ? ADAMW_ARITHMETIC_TORCH : ADAMW_ARITHMETIC_ACCURATE;
    config.decay = traits.l2 ? ADAMW_DECAY_L2 : ADAMW_DECAY_DECOUPLED;
    config.amsgrad = traits.amsgrad;
    return config;
}

const char *name_of_variant(adamw_variant variant)
{
    static const char *const names[] = {
#define NAME(name) #name,
        ADAMW_VARIANTS(NAME)};
    return names[variant];
}

bool for_each_config(config_visitor *visit, void *context)
{
    static const double betas[][2] = {{0.9, 0.999}, {0, 0}, {0.3, 0.99999}, {0.99999, 0.4}, {0.5, 0.5}};
    static const struct {
        double lr, weight_decay, eps;
    } rates[] = {{1e-3, 1e-4, 1e-8}, {1, 0.1, 0}, {1e-8, 0, 1e-3}};
    static const uint64_t steps[] = {1, 1000, UINT64_C(1) << 40};
    for (int variant = 0; variant < ADAMW_VARIANT_COUNT; variant++)
        for (int b = 0; b < 5; b++)
            for (int r = 0; r < 3; r++)
                for (int maximize = 0; maximize < 2; maximize++) {
                    adamw_config config = config_of_variant((adamw_variant)variant);
                    config.beta1 = betas[b][0];
                    config.beta2 = betas[b][1];
                    config.lr = rates[r].lr;
                    config.weight_decay = rates[r].weight_decay;
                    config.eps = rates[r].eps;
                    config.maximize = maximize;
                    if (!visit(&config, steps[(b + r) % 3], context))
                        return false;
                }
    return true;
}

void step_with(adamw_isa isa, const adamw_config *config, uint64_t step, const adamw_tensor *tensor)
{
    step_tuned(isa, adamw_dispatch_active()->tuning, config, step, tensor);
}

void step_tuned(adamw_isa isa, const adamw_tuning *tuning, const adamw_config *config, uint64_t step,
                const adamw_tensor *tensor)
{
    const adamw_pass pass = {.update = true, .clip_coefficient = 1};
    const adamw_plan plan = {.config = config,
                             .step = step,
                             .tensors = tensor,
                             .count = 1,
                             .total = tensor->n,
                             .kernels = adamw_kernels_of(isa),
                             .tuning = tuning,
                             /* with and without */
                             .prefetch = adamw_prefetch_of(tuning, step % 2 ? SIZE_MAX : 0)};
    adamw_pass_run_part(&plan, &pass, 0, 1);
}
