/*
 * growth.c - how far a float32 parameter is from the exact recurrence after 1 to 100,000 steps: both arithmetics of
 * each variant, beside what rounding the parameter alone costs. Gradients do not depend on the parameters, so nothing
 * pulls an error back, which is the hardest case; a last form has gradients that pull each p to where it began.
 */
#include "accuracy.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { FORMS = 5, PULLED = 4, KINDS = 3, CHECKPOINTS = 11, WITNESSES = 64 };
typedef enum run_kind { ROUNDING_ALONE, ACCURATE, TORCH } run_kind;

static const uint64_t checkpoints[CHECKPOINTS] = {1, 3, 10, 30, 100, 300, 1000, 3000, 10000, 30000, 100000};

/* The variants of an arithmetic, by two bits, and AdamW once more with the pull. */
static const char *const form_names[FORMS] = {"AdamW", "AdamW, amsgrad", "Adam, L2", "Adam, L2, amsgrad",
                                              "AdamW, pulled back"};
static bool form_is_l2(int form) { return form == 2 || form == 3; }
static bool form_is_amsgrad(int form) { return form % 2 == 1; }

static adamw_config config_of(int form, run_kind kind)
{
    adamw_config config;
    adamw_config_init(&config); /* the recipe: lr 1e-3, weight_decay 1e-4 */
    config.decay = form_is_l2(form) ? ADAMW_DECAY_L2 : ADAMW_DECAY_DECOUPLED;
    config.amsgrad = form_is_amsgrad(form);
    config.arithmetic = kind == TORCH ? ADAMW_ARITHMETIC_TORCH : ADAMW_ARITHMETIC_ACCURATE;
    return config;
}

typedef struct float_run {
    float p[BLOCK], m[BLOCK], v[BLOCK], max_v[BLOCK];
} float_run;
typedef struct double_run {
    double p[BLOCK], m[BLOCK], v[BLOCK], max_v[BLOCK];
} double_run;
typedef struct growth_block {
    float start[BLOCK], noise[BLOCK], pulled[KINDS][BLOCK]; /* pulled: the gradients of the form PULLED */
    double_run exact[FORMS], rounded[FORMS];
    float_run run[FORMS][KINDS]; /* ROUNDING_ALONE stays unused: it is a double_run */
} growth_block;

/* Error and size of one value at one checkpoint. */
typedef struct deviation {
    double ulps, size;
} deviation;

static deviation deviation_of(double p, double reference)
{
    return (deviation){fabs(p - reference) / (fabs(reference) * 0x1p-23), fabs(reference)};
}

/* A parabola around the start; Adam makes of it a pull of about 1 % of the distance in a step. */
static double pulled(double noise, double p, double start) { return noise + 0.1 * (p - start); }

static void exact_step_of(const growth_block *b, int form, uint64_t step, double_run *run, bool rounded)
{
    const adamw_config config = config_of(form, ACCURATE);
    const exact k = exact_of(&config, step);
    double grad[BLOCK];
    for (int i = 0; i < BLOCK; i++)
        grad[i] = form == PULLED ? pulled(b->noise[i], run->p[i], b->start[i]) : b->noise[i];
    exact_step(&k, grad, run->p, run->m, run->v, form_is_amsgrad(form) ? run->max_v : NULL, rounded);
}

static void run_block(uint64_t block, int last, size_t blocks, deviation *errors)
{
    growth_block *b = allocate(1, sizeof *b);
    adamw_config call, configs[FORMS][KINDS];
    adamw_tensor tensors[2 * FORMS];
    size_t count = 0;
    adamw_config_init(&call);
    near_normal(b->start, 1, block, 0, 0.1);
    for (int form = 0; form < FORMS; form++) {
        for (int i = 0; i < BLOCK; i++)
            b->exact[form].p[i] = b->rounded[form].p[i] = b->start[i];
        for (run_kind kind = ACCURATE; kind <= TORCH; kind++) {
            float_run *run = &b->run[form][kind];
            memcpy(run->p, b->start, sizeof run->p);
            configs[form][kind] = config_of(form, kind);
            tensors[count++] = (adamw_tensor){.n = BLOCK,
                                              .param = run->p,
                                              .grad = form == PULLED ? b->pulled[kind] : b->noise,
                                              .exp_avg = run->m,
                                              .exp_avg_sq = run->v,
                                              .max_exp_avg_sq = form_is_amsgrad(form) ? run->max_v : NULL,
                                              .config = &configs[form][kind]};
        }
    }
    int checkpoint = 0;
    for (uint64_t step = 1; step <= checkpoints[last]; step++) {
        near_normal(b->noise, 2, block, step, 0.01);
        for (run_kind kind = ACCURATE; kind <= TORCH; kind++)
            for (int i = 0; i < BLOCK; i++)
                b->pulled[kind][i] = (float)pulled(b->noise[i], b->run[PULLED][kind].p[i], b->start[i]);
        if (adamw_step(&call, step, tensors, count, 1) != ADAMW_OK)
            abort();
        for (int form = 0; form < FORMS; form++) {
            exact_step_of(b, form, step, &b->exact[form], false);
            exact_step_of(b, form, step, &b->rounded[form], true);
        }
        if (step % 256 == 0)
            progress_add(256);
        if (step != checkpoints[checkpoint])
            continue;
        for (int form = 0; form < FORMS; form++)
            for (int i = 0; i < BLOCK; i++) {
                deviation *at =
                    errors + ((size_t)(checkpoint * FORMS + form) * KINDS * blocks + block) * BLOCK + (size_t)i;
                const double reference = b->exact[form].p[i];
                at[ROUNDING_ALONE * blocks * BLOCK] = deviation_of(b->rounded[form].p[i], reference);
                at[ACCURATE * blocks * BLOCK] = deviation_of(b->run[form][ACCURATE].p[i], reference);
                at[TORCH * blocks * BLOCK] = deviation_of(b->run[form][TORCH].p[i], reference);
            }
        checkpoint++;
    }
    free(b);
}

/* The largest distance of the double recurrence from a long double one, in float32 ulp of p: what makes double
 * sufficient. The first values of block 0 stand for all. */
static double distance_of_double(int form, uint64_t steps)
{
    const adamw_config config = config_of(form, ACCURATE);
    const long double c1 = 1 - (long double)config.beta1, c2 = 1 - (long double)config.beta2;
    const long double coupled = form_is_l2(form) ? (long double)config.weight_decay : 0;
    const long double decoupled = form_is_l2(form) ? 0 : (long double)config.weight_decay;
    long double p[WITNESSES], m[WITNESSES] = {0}, v[WITNESSES] = {0}, max_v[WITNESSES] = {0};
    double_run *run = allocate(1, sizeof *run);
    float x[BLOCK];
    double grad[BLOCK];
    near_normal(x, 1, 0, 0, 0.1);
    for (int i = 0; i < BLOCK; i++)
        run->p[i] = x[i];
    for (int i = 0; i < WITNESSES; i++)
        p[i] = x[i];
    long double power1 = 1, power2 = 1;
    for (uint64_t step = 1; step <= steps; step++) {
        const exact k = exact_of(&config, step);
        near_normal(x, 2, 0, step, 0.01);
        for (int i = 0; i < BLOCK; i++)
            grad[i] = x[i];
        exact_step(&k, grad, run->p, run->m, run->v, form_is_amsgrad(form) ? run->max_v : NULL, false);
        power1 *= config.beta1;
        power2 *= config.beta2;
        for (int i = 0; i < WITNESSES; i++) {
            const long double g = x[i] + coupled * p[i];
            m[i] += c1 * (g - m[i]);
            v[i] += c2 * (g * g - v[i]);
            max_v[i] = v[i] > max_v[i] ? v[i] : max_v[i];
            const long double second = form_is_amsgrad(form) ? max_v[i] : v[i];
            p[i] -=
                config.lr * (m[i] / (1 - power1) / (sqrtl(second / (1 - power2)) + config.eps) + decoupled * p[i]);
        }
        if (step % 256 == 0)
            progress_add(256);
    }
    double worst = 0;
    for (int i = 0; i < WITNESSES; i++) {
        const double ulps = (double)(fabsl(run->p[i] - p[i]) / (fabsl(p[i]) * 0x1p-23L));
        worst = ulps > worst ? ulps : worst;
    }
    free(run);
    return worst;
}

static int by_ulps(const void *a, const void *b)
{
    const double x = ((const deviation *)a)->ulps, y = ((const deviation *)b)->ulps;
    return (x > y) - (x < y);
}

typedef struct summary {
    double median, largest;
} summary;

/* A p that happens to lie near 0 has a tiny ulp, and its error in ulp says nothing: the maximum leaves it out. */
static const double smallest_counted = 0.01;

static summary summarise(deviation *errors, size_t n)
{
    summary s = {0, 0};
    qsort(errors, n, sizeof *errors, by_ulps);
    s.median = errors[n / 2].ulps;
    for (size_t i = 0; i < n; i++)
        if (errors[i].size >= smallest_counted && errors[i].ulps > s.largest)
            s.largest = errors[i].ulps;
    return s;
}

static bool report(const accuracy_options *options, deviation *errors, size_t n, int last)
{
    output file;
    if (!open_data(options, "growth.dat", &file))
        return false;
    fprintf(file.stream, "# steps, then the median error of AdamW in ulp: rounding p alone, ACCURATE, TORCH\n");
    printf("| variant | steps | median: rounding p alone | ACCURATE | TORCH | maximum: rounding p alone | ACCURATE | "
           "TORCH |\n| --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: |\n");
    summary table[CHECKPOINTS][FORMS][KINDS];
    for (int c = 0; c <= last; c++)
        for (int form = 0; form < FORMS; form++)
            for (int kind = 0; kind < KINDS; kind++)
                table[c][form][kind] = summarise(errors + (size_t)((c * FORMS + form) * KINDS + kind) * n, n);
    for (int form = 0; form < FORMS; form++)
        for (int c = 0; c <= last; c++) {
            const summary *s = table[c][form];
            char text[6][NUMBER_SIZE];
            if (form == 0)
                fprintf(file.stream, "%llu %g %g %g\n", (unsigned long long)checkpoints[c], s[ROUNDING_ALONE].median,
                        s[ACCURATE].median, s[TORCH].median);
            if (checkpoints[c] != 1 && checkpoints[c] != 10 && checkpoints[c] != 1000 && checkpoints[c] != 100000)
                continue;
            printf("| %s | %s ", form_names[form], number((double)checkpoints[c], 1, text[0]));
            for (int kind = 0; kind < KINDS; kind++)
                printf("| %s ", number(s[kind].median, 2, text[kind]));
            for (int kind = 0; kind < KINDS; kind++)
                printf("| %s ", number(s[kind].largest, 2, text[3 + kind]));
            printf("|\n");
        }
    return close_data(&file);
}

bool measure_growth(const accuracy_options *options)
{
    const int last = options->quick ? 6 : CHECKPOINTS - 1;
    const size_t blocks = options->quick ? 2 : 16, n = blocks * BLOCK;
    const uint64_t steps = checkpoints[last];
    deviation *errors = allocate((size_t)CHECKPOINTS * FORMS * KINDS * n, sizeof *errors);
    double distance = 0;

    progress_begin("error growth", (double)steps * (double)(blocks + PULLED));
#pragma omp parallel for schedule(dynamic)
    for (size_t job = 0; job < blocks; job++)
        run_block(job, last, blocks, errors);
#pragma omp parallel for schedule(dynamic) reduction(max : distance)
    for (int form = 0; form < PULLED; form++) {
        const double of_form = distance_of_double(form, steps);
        distance = of_form > distance ? of_form : distance;
    }
    progress_end();

    printf("### Many steps\n\n");
    paragraph(
        "The error of p in ulp against the exact recurrence, which runs in double: %zu values, near normal with RMS "
        "0.1; gradients near normal with RMS 0.01; lr 1e-3, weight_decay 1e-4. Nothing pulls an error back, but in "
        "the last rows, whose gradients have a term 0.1*(p - start). \"Rounding p alone\" is the exact recurrence "
        "whose p is rounded to float32 after each step: what any float32 parameter costs. The maximum is over "
        "values of at least %g, as the ulp of one near 0 says nothing.",
        n, smallest_counted);
    const bool written = report(options, errors, n, last);
    printf("\n");
    paragraph("Double is sufficient: a long double recurrence of %d values differs from it by at most %.0e ulp after "
              "%llu steps.",
              WITNESSES, distance, (unsigned long long)steps);
    printf("![The median error of AdamW over the steps](figures/growth.svg)\n\n");
    free(errors);
    return written;
}
