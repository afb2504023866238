/*
 * conformance.c - the bits of every variant on every ISA, over inputs of integer arithmetic alone, as digests that
 * are kept in tests/data/conformance.txt and are the same on every platform. A new variant or ISA needs no new test.
 */
#include "check.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char path[] = "tests/data/conformance.txt", title[] = "libadamw conformance 1, seed 1";
enum { GOLDEN_SEED = 1 };

/* The values come in chunks, each with hyperparameters of its own, and sizes with every kind of tail. */
enum { CHUNK = 4096, CHUNK_TAILS = 67, CHUNK_MOST = CHUNK + CHUNK_TAILS };
/* Once and 88 times around all hyperparameters: 1.2 and 102 million values a variant. */
enum { CYCLE = 7 * 4 * 5 * 2, CHUNKS = CYCLE, CHUNKS_FULL = 88 * CYCLE };

static size_t chunk_size(int chunk) { return CHUNK + (size_t)chunk % CHUNK_TAILS; }

static adamw_config chunk_config(adamw_variant variant, int chunk, uint64_t *step)
{
    static const double betas[7][2] = {{0.9, 0.999}, {0, 0},         {0.8, 0.95},   {0.3, 0.99999},
                                       {0.5, 0.5},   {0.99999, 0.4}, {0.49999, 0.9}};
    static const struct {
        double lr, weight_decay, eps;
    } rates[4] = {{1e-3, 1e-4, 1e-8}, {1, 0.1, 0}, {1e-8, 0, 1e-10}, {2.5e-4, 1e-2, 1e-3}};
    static const uint64_t steps[5] = {1, 2, 1000, 16777216, UINT64_C(1) << 40};
    adamw_config config = config_of_variant(variant);
    config.beta1 = betas[chunk % 7][0];
    config.beta2 = betas[chunk % 7][1];
    config.lr = rates[chunk / 7 % 4].lr;
    config.weight_decay = rates[chunk / 7 % 4].weight_decay;
    config.eps = rates[chunk / 7 % 4].eps;
    *step = steps[chunk / 28 % 5];
    config.maximize = chunk / 140 % 2;
    return config;
}

/* Random sign and mantissa, and an exponent from `low` to `high`: values that meet each other in the sums. */
static uint32_t near_bits(uint64_t random, int low, int high)
{
    const uint32_t exponent = (uint32_t)(127 + low) + (uint32_t)((random >> 32) % (uint64_t)(high - low + 1));
    return ((uint32_t)random & 0x807FFFFF) | exponent << 23;
}

static void fill_chunk(buffers *x, uint64_t seed, int variant, int chunk)
{
    static const int low[5] = {-12, -24, -24, -44, -44}, high[5] = {1, 2, 0, 0, 0};
    float *const all[] = {x->param, x->grad, x->exp_avg, x->exp_avg_sq, x->max_exp_avg_sq};
    uint64_t counter = mix64(seed) + ((uint64_t)variant << 48) + (uint64_t)chunk * (UINT64_C(8) * CHUNK_MOST);
    for (size_t i = 0; i < x->n; i++) {
        /* Of 16 elements 8 are like a training run's, 5 any bits in any buffer, 3 the special values. */
        const uint64_t kind = mix64(++counter) >> 60;
        for (int b = 0; b < 5; b++) {
            const uint64_t random = mix64(++counter);
            uint32_t bits = kind < 8    ? near_bits(random, low[b], high[b])
                            : kind < 13 ? (uint32_t)random
                                        : special_bits[(random >> 33) % SPECIALS];
            if (b >= 3 && (kind < 8 || random >> 62 != 0)) /* second moments below zero are tried, but rarer */
                bits &= 0x7FFFFFFF;
            all[b][i] = float_of_bits(bits);
        }
    }
}

/* Of everything that a step writes. */
static uint64_t digest_of_buffers(const buffers *x)
{
    return digest_of(x->param, x->n) + mix64(digest_of(x->exp_avg, x->n)) +
           mix64(mix64(digest_of(x->exp_avg_sq, x->n))) + mix64(mix64(mix64(digest_of(x->max_exp_avg_sq, x->n))));
}

typedef struct conformance_run {
    const check_options *options;
    buffers input, work;
    uint64_t digest, values; /* over the chunks so far */
    bool same;
} conformance_run;

static void run_chunk(conformance_run *run, adamw_variant variant, int chunk)
{
    uint64_t step, scalar_digest = 0;
    const adamw_config config = chunk_config(variant, chunk, &step);
    run->input.n = run->work.n = chunk_size(chunk);
    fill_chunk(&run->input, run->options->seed, variant, chunk);
    for (adamw_isa isa = ADAMW_ISA_SCALAR; isa < ADAMW_ISA_COUNT; isa = (adamw_isa)(isa + 1)) {
        if (isa != ADAMW_ISA_SCALAR && !check_wants(run->options, isa))
            continue;
        for (size_t family = 0; family < (isa == ADAMW_ISA_SCALAR ? 1 : ADAMW_FAMILY_COUNT); family++) {
            buffers_copy(&run->work, &run->input);
            const adamw_tensor tensor = buffers_tensor(&run->work, &config);
            step_tuned(isa, &adamw_tunings[family], &config, step, &tensor);
            const uint64_t digest = digest_of_buffers(&run->work);
            if (isa == ADAMW_ISA_SCALAR)
                scalar_digest = digest;
            else if (digest != scalar_digest)
                run->same = check_fail("%s of %s, tuned for %s, has other bits than scalar in chunk %d: betas %g %g, "
                                       "lr %g, weight_decay "
                                       "%g, eps %g, maximize %d, step %" PRIu64 ", seed %" PRIu64,
                                       name_of_variant(variant), adamw_isa_name(isa), adamw_tunings[family].name,
                                       chunk, config.beta1, config.beta2, config.lr, config.weight_decay, config.eps,
                                       config.maximize, step, run->options->seed);
        }
    }
    run->digest = mix64(run->digest + scalar_digest);
    run->values += run->input.n;
}

static conformance_run run_new(const check_options *options)
{
    return (conformance_run){.options = options, .input = buffers_new(CHUNK_MOST), .work = buffers_new(CHUNK_MOST)};
}

static void run_variant(conformance_run *run, adamw_variant variant, int first, int end)
{
    for (int chunk = first; chunk < end && run->same; chunk++) {
        if (chunk % CYCLE == 0)
            check_progress("conformance: %s, %d %%", name_of_variant(variant), (int)(100LL * chunk / CHUNKS_FULL));
        run_chunk(run, variant, chunk);
    }
}

void conformance_print(void)
{
    const check_options scalar = {.seed = GOLDEN_SEED, .isa = ADAMW_ISA_SCALAR};
    char text[4096];
    size_t used = (size_t)snprintf(text, sizeof text, "%s\nvariant values digest\n", title);
    conformance_run run = run_new(&scalar);
    for (adamw_variant variant = 0; variant < ADAMW_VARIANT_COUNT; variant++) {
        run.same = true;
        run.digest = run.values = 0;
        for (int full = 0; full < 2; full++) {
            run_variant(&run, variant, full ? CHUNKS : 0, full ? CHUNKS_FULL : CHUNKS);
            used += (size_t)snprintf(text + used, sizeof text - used, "%s %" PRIu64 " %016" PRIx64 "\n",
                                     name_of_variant(variant), run.values, run.digest);
        }
    }
    check_progress("%s", "");
    golden_print(text);
    buffers_free(&run.input);
    buffers_free(&run.work);
}

/* Whether the golden file has this digest for this number of values of the variant. */
static bool golden_agrees(const char *golden, adamw_variant variant, uint64_t values, uint64_t digest)
{
    char start[80];
    snprintf(start, sizeof start, "\n%s %" PRIu64 " ", name_of_variant(variant), values);
    const char *line = strstr(golden, start);
    if (line == NULL)
        return check_fail("%s has no line '%s...'", path, start + 1);
    if (strtoull(line + strlen(start), NULL, 16) != digest)
        return check_fail("%s: %" PRIu64 " values have the digest %016" PRIx64 ", not that of %s",
                          name_of_variant(variant), values, digest, path);
    return true;
}

bool check_conformance(const check_options *options)
{
    char *golden = NULL;
    if (options->seed == GOLDEN_SEED) {
        golden = golden_read(path, title, "build/tests/plain --digests");
        if (golden == NULL)
            return false;
    }
    conformance_run run = run_new(options);
    bool right = true;
    for (adamw_variant variant = 0; variant < ADAMW_VARIANT_COUNT; variant++) {
        run.same = true;
        run.digest = run.values = 0;
        run_variant(&run, variant, 0, options->full ? CHUNKS_FULL : CHUNKS);
        right = right && run.same;
        if (run.same && golden != NULL)
            right = golden_agrees(golden, variant, run.values, run.digest) && right;
    }
    check_progress("%s", "");
    buffers_free(&run.input);
    buffers_free(&run.work);
    free(golden);
    return right;
}
