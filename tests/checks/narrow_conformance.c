/*
 * narrow_conformance.c - the bits of every form of narrow streams with every variant that takes it, on every ISA, over
 * inputs of integer arithmetic alone, as digests that are kept in tests/data/conformance_narrow.txt.
 */
#include "narrow.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char path[] = "tests/data/conformance_narrow.txt", title[] = "libadamw narrow conformance 1";
enum { ROUNDS = 6, USED = NARROW_TENSORS - 1 /* the last one is for threads */, VARIANTS = 4 };

/* As conformance.c has them: of 16 values 8 are like a training run's, 5 any bits, 3 special. */
static float value_of(uint64_t *counter, int low, int high, bool positive)
{
    const uint64_t kind = mix64(++*counter) >> 60, random = mix64(++*counter);
    const uint32_t exponent = (uint32_t)(127 + low) + (uint32_t)((random >> 32) % (uint64_t)(high - low + 1));
    const uint32_t bits = kind < 8    ? ((uint32_t)random & 0x807FFFFF) | exponent << 23
                          : kind < 13 ? (uint32_t)random
                                      : special_bits[(random >> 33) % SPECIALS];
    return float_of_bits(positive ? bits & 0x7FFFFFFF : bits);
}

static void fill(narrow_model *m, const narrow_form *f, uint64_t seed)
{
    static const int low[ADAMW_STREAM_COUNT] = {[ADAMW_STREAM_param] = -12,
                                                [ADAMW_STREAM_grad] = -24,
                                                [ADAMW_STREAM_exp_avg] = -24,
                                                [ADAMW_STREAM_exp_avg_sq] = -44,
                                                [ADAMW_STREAM_max_exp_avg_sq] = -44};
    uint64_t counter = mix64(seed);
    for (int t = 0; t < USED; t++)
        for (int s = 0; s < ADAMW_STREAM_COUNT; s++)
            for (size_t i = 0; i < narrow_sizes[t]; i++) {
                const bool square = s == ADAMW_STREAM_exp_avg_sq || s == ADAMW_STREAM_max_exp_avg_sq;
                const float x = value_of(&counter, low[s], 1, square);
                if (s == ADAMW_STREAM_param && narrow_is_split(f))
                    narrow_put_halves(&m->at[t][s], &m->at[t][ADAMW_STREAM_param_residual], i, x);
                else if (s == ADAMW_STREAM_param_residual && f->dtype[s] == BF16)
                    narrow_put(&m->at[t][s], BF16, i, float_of_bits(bits_of_float(x) & 0x8FFFFFFF));
                else if (s != ADAMW_STREAM_param_residual)
                    narrow_put(&m->at[t][s], narrow_dtype_of(f, s), i, x);
            }
}

static uint64_t digest_of_model(const narrow_model *m, const narrow_form *f)
{
    uint64_t digest = 0;
    for (int t = 0; t < USED; t++)
        for (int s = 0; s <= ADAMW_STREAM_param_residual; s++) {
            float *const x = calloc(narrow_sizes[t] + 1, sizeof *x);
            if (x == NULL)
                abort();
            for (size_t i = 0; i < narrow_sizes[t]; i++)
                x[i] = narrow_dtype_of(f, s) == RESIDUAL ? (float)narrow_bits_of(&m->at[t][s], i)
                       : s == ADAMW_STREAM_param_residual && f->dtype[s] == F32
                           ? 0
                           : narrow_value_of(&m->at[t][s], narrow_dtype_of(f, s), i);
            digest = mix64(digest + digest_of(x, narrow_sizes[t]));
            free(x);
        }
    return digest;
}

static adamw_config config_of(const narrow_form *f, int variant, int round, uint64_t *step)
{
    static const double betas[][2] = {{0.9, 0.999}, {0.8, 0.95}, {0.3, 0.99999}, {0.99999, 0.4}, {0, 0}};
    static const uint64_t steps[] = {1, 1000, UINT64_C(1) << 40};
    adamw_config config = config_of_variant((adamw_variant)variant);
    config.beta1 = betas[round % 5][0];
    config.beta2 = betas[round % 5][1];
    config.weight_decay = 0.01;
    config.rounding = f->rounding;
    config.seed = (uint64_t)round;
    if (f->rounding == ADAMW_ROUND_NEAREST && f->dtype[ADAMW_STREAM_exp_avg_sq] == BF16 && config.beta2 > 0.98)
        config.beta2 = 0.98;
    *step = steps[round % 3];
    return config;
}

/* The digest of a form and variant on an ISA. */
static uint64_t digest_of_form(const narrow_form *f, int variant, adamw_isa isa)
{
    uint64_t digest = 0;
    narrow_model m = narrow_model_new(f);
    for (int round = 0; round < ROUNDS; round++) {
        uint64_t step;
        adamw_tensor tensors[NARROW_TENSORS];
        const adamw_config config = config_of(f, variant, round, &step);
        fill(&m, f, 1000 * (uint64_t)variant + (uint64_t)round);
        narrow_tensors_of(&m, f, &config, true, tensors);
        for (int t = 0; t < USED; t++)
            step_with(isa, &config, tensors[t].step != 0 ? tensors[t].step : step, &tensors[t]);
        digest = mix64(digest + digest_of_model(&m, f));
    }
    narrow_model_free(&m);
    return digest;
}

static void line_of(char *line, size_t size, int form, int variant, uint64_t digest)
{
    snprintf(line, size, "%s, %s: %016" PRIx64 "\n", narrow_forms[form].name, name_of_variant((adamw_variant)variant),
             digest);
}

void narrow_conformance_print(void)
{
    char text[16384];
    size_t used = (size_t)snprintf(text, sizeof text, "%s\nform, variant: digest\n", title);
    for (int form = 0; form < NARROW_FORMS; form++)
        for (int variant = 0; variant < VARIANTS; variant++) {
            line_of(text + used, sizeof text - used, form, variant,
                    digest_of_form(&narrow_forms[form], variant, ADAMW_ISA_SCALAR));
            used += strlen(text + used);
        }
    golden_print(text);
}

bool check_narrow_conformance(const check_options *options)
{
    char *const golden = golden_read(path, title, "build/tests/plain --narrow-digests");
    bool right = golden != NULL;
    for (int form = 0; right && form < NARROW_FORMS; form++)
        for (int variant = 0; right && variant < VARIANTS; variant++)
            FOR_EACH_ISA(options, isa)
            {
                char line[160];
                line_of(line, sizeof line, form, variant, digest_of_form(&narrow_forms[form], variant, isa));
                if (strstr(golden, line) == NULL)
                    right = check_fail("%s has no line '%.*s', which is that of %s", path, (int)strlen(line) - 1,
                                       line, adamw_isa_name(isa));
            }
    free(golden);
    return right;
}
