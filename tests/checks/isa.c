/*
 * isa.c - every ISA's kernels against the scalar ones, bit for bit.
 */
#include "check.h"

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
    for (size_t family = 0; family < ADAMW_FAMILY_COUNT; family++) {
        tensor = buffers_tensor(c->actual, config);
        buffers_copy(c->actual, c->input);
        step_tuned(isa, &adamw_tunings[family], config, step, &tensor);
        const size_t at = buffers_difference(c->expected, c->actual);
        if (at != c->input->n)
            return check_fail(
                "%s, tuned for %s, differs from scalar at %zu of %zu: decay %d, arithmetic %d, amsgrad %d, maximize "
                "%d, betas %g %g, lr %g, step %llu, seed %llu",
                adamw_isa_name(isa), adamw_tunings[family].name, at, c->input->n, (int)config->decay,
                (int)config->arithmetic, config->amsgrad, config->maximize, config->beta1, config->beta2, config->lr,
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
