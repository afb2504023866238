/*
 * isa.c - every ISA's kernels against the scalar ones: bits, alignment, and what lies around the buffers.
 */
#include "check.h"

#include <stdlib.h>
#include <string.h>

#define FOR_EACH_ISA(options, isa)                                                                                   \
    for (adamw_isa isa = ADAMW_ISA_AVX2; isa <= ADAMW_ISA_NEON; isa = (adamw_isa)(isa + 1))                          \
        if (check_wants(options, isa))

typedef struct comparison {
    const check_options *options;
    const buffers *input;
    buffers *expected, *actual;
} comparison;

static bool compare_isas(const adamw_config *config, uint64_t step, void *context)
{
    const comparison *c = context;
    adamw_tensor tensor = buffers_tensor(c->expected, config);
    buffers_copy(c->expected, c->input);
    step_with(ADAMW_ISA_SCALAR, config, step, &tensor);
    FOR_EACH_ISA(c->options, isa)
    {
        tensor = buffers_tensor(c->actual, config);
        buffers_copy(c->actual, c->input);
        step_with(isa, config, step, &tensor);
        const size_t at = buffers_difference(c->expected, c->actual);
        if (at != c->input->n)
            return check_fail("%s differs from scalar at %zu of %zu: decay %d, arithmetic %d, amsgrad %d, maximize "
                              "%d, betas %g %g, lr %g, step %llu, seed %llu",
                              adamw_isa_name(isa), at, c->input->n, (int)config->decay, (int)config->arithmetic,
                              config->amsgrad, config->maximize, config->beta1, config->beta2, config->lr,
                              (unsigned long long)step, (unsigned long long)c->options->seed);
    }
    return true;
}

static bool compare_size(const check_options *options, size_t n, input_kind kind)
{
    buffers input = buffers_new(n), expected = buffers_new(n), actual = buffers_new(n);
    buffers_fill(&input, kind, options->seed + n);
    comparison c = {options, &input, &expected, &actual};
    const bool same = for_each_config(compare_isas, &c);
    buffers_free(&input);
    buffers_free(&expected);
    buffers_free(&actual);
    return same;
}

bool check_isa_equals_scalar(const check_options *options)
{
    for (size_t n = 0; n <= 130; n++)
        if (!compare_size(options, n, INPUT_NASTY))
            return false;
    const size_t large = options->quick ? 4099 : 100003;
    return compare_size(options, large, INPUT_NASTY) && compare_size(options, large, INPUT_TRAINING);
}

/* A tensor whose buffers lie in one block, each `offset` bytes past a multiple of 64. */
enum { SLOT = 1024 };

static adamw_tensor tensor_at(char *block, size_t offset, size_t n, bool amsgrad)
{
    char *base = block + offset;
    return (adamw_tensor){.n = n,
                          .param = base,
                          .grad = base + SLOT,
                          .exp_avg = base + 2 * SLOT,
                          .exp_avg_sq = base + 3 * SLOT,
                          .max_exp_avg_sq = amsgrad ? base + 4 * SLOT : NULL};
}

static void fill_at(char *block, size_t offset, const buffers *x)
{
    memcpy(block + offset, x->param, x->n * sizeof(float));
    memcpy(block + offset + SLOT, x->grad, x->n * sizeof(float));
    memcpy(block + offset + 2 * SLOT, x->exp_avg, x->n * sizeof(float));
    memcpy(block + offset + 3 * SLOT, x->exp_avg_sq, x->n * sizeof(float));
    memcpy(block + offset + 4 * SLOT, x->max_exp_avg_sq, x->n * sizeof(float));
}

/* Runs one step at the offset between canaries; false if a canary or a bit differs from `expected`. */
static bool run_at(adamw_isa isa, const adamw_config *config, char *block, size_t offset, const buffers *input,
                   const buffers *expected)
{
    const float *const want[] = {expected->param, expected->grad, expected->exp_avg, expected->exp_avg_sq,
                                 expected->max_exp_avg_sq};
    const size_t bytes = input->n * sizeof(float);
    memset(block, 0xA5, 6 * SLOT);
    fill_at(block, offset, input);
    const adamw_tensor tensor = tensor_at(block, offset, input->n, config->amsgrad);
    step_with(isa, config, 7, &tensor);
    for (size_t i = 0; i < 6 * SLOT; i++) {
        const size_t slot = i < offset ? 5 : (i - offset) / SLOT, at = i < offset ? bytes : (i - offset) % SLOT;
        const bool inside = slot < 5 && at < bytes;
        if (!inside && (unsigned char)block[i] != 0xA5)
            return check_fail("%s wrote outside: n %zu, offset %zu, byte %zu", adamw_isa_name(isa), input->n, offset,
                              i);
        if (inside && memcmp(block + i, (const char *)want[slot] + at, 1) != 0)
            return check_fail("%s: other bits at offset %zu, n %zu, buffer %zu", adamw_isa_name(isa), offset,
                              input->n, slot);
    }
    return true;
}

static bool run_everywhere(const check_options *options, size_t offsets, size_t step_of_offsets, size_t largest)
{
    char *block = aligned_alloc(64, 6 * SLOT);
    bool right = block != NULL;
    for (int variant = 0; right && variant < ADAMW_VARIANT_COUNT; variant++) {
        const adamw_config config = config_of_variant((adamw_variant)variant);
        for (size_t n = 1; right && n <= largest; n++) {
            buffers input = buffers_new(n), expected = buffers_new(n);
            buffers_fill(&input, INPUT_TRAINING, options->seed + n);
            buffers_copy(&expected, &input);
            const adamw_tensor tensor = buffers_tensor(&expected, &config);
            step_with(ADAMW_ISA_SCALAR, &config, 7, &tensor);
            for (adamw_isa isa = ADAMW_ISA_SCALAR; right && isa <= ADAMW_ISA_NEON; isa = (adamw_isa)(isa + 1))
                for (size_t offset = 0; check_wants(options, isa) && right && offset < offsets;
                     offset += step_of_offsets)
                    right = run_at(isa, &config, block, offset, &input, &expected);
            buffers_free(&input);
            buffers_free(&expected);
        }
    }
    free(block);
    return right;
}

bool check_isa_misaligned(const check_options *options) { return run_everywhere(options, 64, 1, 33); }

bool check_nothing_outside(const check_options *options) { return run_everywhere(options, 64, 20, 130); }
