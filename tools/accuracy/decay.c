/*
 * decay.c - how much of the weight decay happens. Three runs on the same gradients: the kernel's p, and in double d
 * with decay and q without. The share is sum((p - q)*q) / sum((d - q)*q): what p lost along the weights, of what it
 * should have lost. The loss is lr*weight_decay a step and each rounding some 3e-8, so a small rate needs many
 * values.
 */
#include "accuracy.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { STEPS = 2000, MAX_ROWS = 96 };

/* How often a value gets a gradient. */
typedef enum frequency { NEVER = 0, ALWAYS = 1, ONE_IN_10 = 10, ONE_IN_100 = 100, ONE_IN_1000 = 1000 } frequency;

/* One learning rate with its weight decay: what to run, and what came out for ACCURATE [0] and TORCH [1]. */
typedef struct row {
    double lr, weight_decay;
    size_t blocks;
    double share[2], uncertainty[2], mean_error[2];
} row;

/* The sums over one block. */
typedef struct sums {
    double wanted, happened[2], error[2];
} sums;

typedef struct runs {
    float p[2][BLOCK], m[2][BLOCK], v[2][BLOCK];
    double d[BLOCK], q[BLOCK];
} runs;

static sums sum_up(const runs *r)
{
    sums s = {0, {0, 0}, {0, 0}};
    for (int i = 0; i < BLOCK; i++) {
        s.wanted += (r->d[i] - r->q[i]) * r->q[i];
        for (int a = 0; a < 2; a++) {
            s.happened[a] += (r->p[a][i] - r->q[i]) * r->q[i];
            s.error[a] += fabs(r->p[a][i] - r->d[i]);
        }
    }
    return s;
}

/* Runs the rows that have more than `block` blocks on the values of this block. */
static void run_block(const row *rows, size_t count, frequency often, size_t block, sums *results)
{
    runs *all = allocate(count, sizeof *all);
    adamw_config call, configs[MAX_ROWS][2];
    adamw_tensor tensors[2 * MAX_ROWS];
    float grad[BLOCK] = {0}, start[BLOCK];
    double exact_grad[BLOCK] = {0}, m[BLOCK] = {0}, v[BLOCK] = {0}, update[BLOCK];
    size_t used = 0;
    adamw_config_init(&call);
    near_normal(start, 3, block, 0, 0.1);
    for (size_t r = 0; r < count; r++) {
        for (int i = 0; i < BLOCK; i++)
            all[r].d[i] = all[r].q[i] = start[i];
        for (int a = 0; a < 2 && block < rows[r].blocks; a++) {
            memcpy(all[r].p[a], start, sizeof start);
            configs[r][a] = call;
            configs[r][a].lr = rows[r].lr;
            configs[r][a].weight_decay = rows[r].weight_decay;
            configs[r][a].arithmetic = a == 0 ? ADAMW_ARITHMETIC_ACCURATE : ADAMW_ARITHMETIC_TORCH;
            tensors[used++] = (adamw_tensor){.n = BLOCK,
                                             .param = all[r].p[a],
                                             .grad = grad,
                                             .exp_avg = all[r].m[a],
                                             .exp_avg_sq = all[r].v[a],
                                             .config = &configs[r][a]};
        }
    }
    for (uint64_t step = 1; step <= STEPS; step++) {
        if (often != NEVER && (step - 1) % (uint64_t)often == 0)
            near_normal(grad, 4, block, step, 0.01);
        else
            memset(grad, 0, sizeof grad);
        if (adamw_step(&call, step, tensors, used, 1) != ADAMW_OK)
            abort();
        for (int i = 0; i < BLOCK; i++)
            exact_grad[i] = grad[i];
        const exact k = exact_of(&call, step);
        exact_update(&k, exact_grad, m, v, NULL, update); /* depends on neither the rate nor the parameters */
        for (size_t r = 0; r < count; r++)
            if (block < rows[r].blocks) {
                exact_apply(rows[r].lr, rows[r].weight_decay, update, all[r].d);
                exact_apply(rows[r].lr, 0, update, all[r].q);
            }
    }
    for (size_t r = 0; r < count; r++)
        results[r] = sum_up(&all[r]);
    free(all);
    progress_add((double)used);
}

static void measure(const char *what, row *rows, size_t count, frequency often)
{
    size_t blocks = 0;
    double work = 0;
    for (size_t r = 0; r < count; r++) {
        blocks = rows[r].blocks > blocks ? rows[r].blocks : blocks;
        work += 2 * (double)rows[r].blocks;
    }
    sums *results = allocate(blocks * count, sizeof *results);
    progress_begin(what, work);
#pragma omp parallel for schedule(dynamic)
    for (size_t block = 0; block < blocks; block++)
        run_block(rows, count, often, block, results + block * count);
    progress_end();

    /* In the order of the blocks, whatever thread did them. */
    for (size_t r = 0; r < count; r++)
        for (int a = 0; a < 2; a++) {
            double wanted = 0, happened = 0, error = 0, squares = 0;
            for (size_t block = 0; block < rows[r].blocks; block++) {
                const sums *s = &results[block * count + r];
                wanted += s->wanted;
                happened += s->happened[a];
                error += s->error[a];
            }
            rows[r].share[a] = happened / wanted;
            for (size_t block = 0; block < rows[r].blocks; block++) {
                const sums *s = &results[block * count + r];
                const double off = s->happened[a] - rows[r].share[a] * s->wanted;
                squares += off * off;
            }
            rows[r].uncertainty[a] = sqrt(squares) / fabs(wanted);
            rows[r].mean_error[a] = error / ((double)rows[r].blocks * BLOCK);
        }
    free(results);
}

/* The number of blocks for this number of element-steps. */
static size_t blocks_for(const accuracy_options *options, double element_steps)
{
    const double blocks = ceil(element_steps / (options->quick ? 100 : 1) / (STEPS * BLOCK));
    return (size_t)blocks;
}

/* To one decimal, and no minus before a zero. */
static double percent(double share) { return round(1000 * share) / 10 + 0.0; }

/* The rows of the recipe and around it. */
static void table(const accuracy_options *options)
{
    row rows[] = {{.lr = 1e-3, .weight_decay = 1e-2},
                  {.lr = 1e-3, .weight_decay = 1e-4},
                  {.lr = 5e-4, .weight_decay = 1e-4},
                  {.lr = 2.5e-4, .weight_decay = 1e-4},
                  {.lr = 1e-4, .weight_decay = 1e-4}};
    const size_t count = sizeof rows / sizeof rows[0];
    for (size_t r = 0; r < count; r++)
        rows[r].blocks = blocks_for(options, 2e8);
    measure("decay table", rows, count, ALWAYS);

    printf("### The decay\n\n");
    paragraph(
        "%zu values, near normal with RMS 0.1, gradients near normal with RMS 0.01, %d steps. The share of the decay "
        "that happens is sum((p-q)*q) / sum((d-q)*q), d and q double runs with and without decay.",
        rows[0].blocks * BLOCK, STEPS);
    printf("| lr | weight_decay | mean error of p: TORCH | ACCURATE | share of the decay: TORCH | ACCURATE |\n"
           "| ---: | ---: | ---: | ---: | ---: | ---: |\n");
    for (size_t r = 0; r < count; r++)
        printf("| %g | %g | %.1e | %.1e | %.1f %% | %.1f %% |\n", rows[r].lr, rows[r].weight_decay,
               rows[r].mean_error[1], rows[r].mean_error[0], percent(rows[r].share[1]), percent(rows[r].share[0]));
    printf("\n");
}

/* The rarer the gradients, the fewer updates there are to dither the rounding. */
static void limits(const accuracy_options *options)
{
    static const frequency patterns[] = {ALWAYS, ONE_IN_10, ONE_IN_100, ONE_IN_1000, NEVER};
    static const double products[] = {1e-6, 1e-7, 5e-8, 2.5e-8, 1e-8};
    enum { PATTERNS = 5, PRODUCTS = 5 };
    row rows[PATTERNS][PRODUCTS];
    for (int p = 0; p < PATTERNS; p++) {
        for (int r = 0; r < PRODUCTS; r++)
            rows[p][r] = (row){.lr = products[r] / 1e-4, .weight_decay = 1e-4, .blocks = blocks_for(options, 2e8)};
        measure("decay, rare gradients", rows[p], PRODUCTS, patterns[p]);
    }
    paragraph("The same with rarer gradients, weight_decay 1e-4, ACCURATE / TORCH:");
    printf("| lr * weight_decay | in each step | in one of 10 | in one of 100 | in one of 1,000 | never |\n"
           "| ---: | ---: | ---: | ---: | ---: | ---: |\n");
    for (int r = 0; r < PRODUCTS; r++) {
        printf("| %g ", products[r]);
        for (int p = 0; p < PATTERNS; p++)
            printf("| %.1f / %.1f %% ", percent(rows[p][r].share[0]), percent(rows[p][r].share[1]));
        printf("|\n");
    }
    printf("\n");
}

/* The picture: rates from 1e-2 down to 1e-6, dense where the rounded factor makes a saw. The uncertainty grows as
 * 1/lr, so the element-steps as 1/lr^2. */
static bool picture(const accuracy_options *options, const char *name, frequency often)
{
    enum { DENSE = 64, PER_DECADE_DENSE = 40, SPARSE = 24, PER_DECADE = 10, POINTS = DENSE + SPARSE + 1 };
    row rows[POINTS];
    for (int r = 0; r < POINTS; r++) {
        const double decades =
            r < DENSE ? (double)r / PER_DECADE_DENSE : 1.6 + (double)(r - DENSE) / PER_DECADE; /* 64/40 = 1.6 */
        const double lr = pow(10, -2 - decades);
        const double element_steps = often == NEVER ? 2e7 : fmax(4e7, 4e9 * (1e-6 / lr) * (1e-6 / lr));
        rows[r] = (row){.lr = lr, .weight_decay = 1e-4, .blocks = blocks_for(options, element_steps)};
    }
    measure(often == NEVER ? "decay picture, no gradients" : "decay picture", rows, POINTS, often);
    output file;
    if (!open_data(options, name, &file))
        return false;
    fprintf(file.stream, "# lr, element-steps, share of the decay and its standard error in %%: ACCURATE, TORCH\n");
    for (int r = 0; r < POINTS; r++)
        fprintf(file.stream, "%.6g %.3g %.4f %.4f %.4f %.4f\n", rows[r].lr, (double)rows[r].blocks * BLOCK * STEPS,
                100 * rows[r].share[0], 100 * rows[r].uncertainty[0], 100 * rows[r].share[1],
                100 * rows[r].uncertainty[1]);
    if (often == ALWAYS) {
        double lowest = 1e9, highest = 0;
        for (int r = 0; r < POINTS; r++) {
            lowest = fmin(lowest, rows[r].share[0]);
            highest = fmax(highest, rows[r].share[0]);
        }
        paragraph("Over lr from 1e-2 to 1e-6 at weight_decay 1e-4 (%d rates, %.0e element-steps at the small end) "
                  "ACCURATE realises %.1f to %.1f %% of the decay; at 1e-6 it is %.1f +- %.1f %%.",
                  POINTS, (double)rows[POINTS - 1].blocks * BLOCK * STEPS, 100 * lowest, 100 * highest,
                  100 * rows[POINTS - 1].share[0], 100 * rows[POINTS - 1].uncertainty[0]);
        printf("![The share of the decay over the learning rate, with and without gradients](figures/decay.svg)\n\n");
    }
    return close_data(&file);
}

bool measure_decay(const accuracy_options *options)
{
    table(options);
    const bool drawn = picture(options, "decay.dat", ALWAYS) && picture(options, "decay-zero.dat", NEVER);
    limits(options);
    return drawn;
}
