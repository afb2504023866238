/*
 * law.c - the decay against the size of the gradients: AdamW's is lr*weight_decay a step whatever they are,
 * coupled-L2 Adam divides it by the root of the second moment, like everything that passes through the gradient. Both
 * have the same weight_decay, which matches them where the gradients' RMS is 1.
 *
 * The measure is the contraction a step. q is a double run without decay on the same gradients; what p lacks of it,
 * projected on the weights at the start, is (1-k)^T - 1, and k is compared with lr*weight_decay.
 */
#include "accuracy.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { STEPS = 2000, SIZES = 13, RUNS = 4 };

static const struct {
    const char *name;
    adamw_decay decay;
    adamw_arithmetic arithmetic;
} kinds[RUNS] = {{"AdamW, ACCURATE", ADAMW_DECAY_DECOUPLED, ADAMW_ARITHMETIC_ACCURATE},
                 {"AdamW, TORCH", ADAMW_DECAY_DECOUPLED, ADAMW_ARITHMETIC_TORCH},
                 {"Adam L2, ACCURATE", ADAMW_DECAY_L2, ADAMW_ARITHMETIC_ACCURATE},
                 {"Adam L2, TORCH", ADAMW_DECAY_L2, ADAMW_ARITHMETIC_TORCH}};

typedef struct sums {
    double lacking[RUNS], start; /* sum((p-q)*p0), sum(p0*p0) */
} sums;

typedef struct law_block {
    float grad[BLOCK], start[BLOCK], p[RUNS][BLOCK], m[RUNS][BLOCK], v[RUNS][BLOCK];
    double exact_grad[BLOCK], q[BLOCK], exact_m[BLOCK], exact_v[BLOCK], update[BLOCK];
} law_block;

static sums run_block(size_t block, double rms)
{
    law_block *b = allocate(1, sizeof *b);
    adamw_config call, configs[RUNS];
    adamw_tensor tensors[RUNS];
    adamw_config_init(&call);
    near_normal(b->start, 5, block, 0, 0.1);
    for (int r = 0; r < RUNS; r++) {
        configs[r] = call;
        configs[r].decay = kinds[r].decay;
        configs[r].arithmetic = kinds[r].arithmetic;
        memcpy(b->p[r], b->start, sizeof b->start);
        tensors[r] = (adamw_tensor){.n = BLOCK,
                                    .param = b->p[r],
                                    .grad = b->grad,
                                    .exp_avg = b->m[r],
                                    .exp_avg_sq = b->v[r],
                                    .config = &configs[r]};
    }
    for (int i = 0; i < BLOCK; i++)
        b->q[i] = b->start[i];
    for (uint64_t step = 1; step <= STEPS; step++) {
        near_normal(b->grad, 6, block, step, rms);
        if (adamw_step(&call, step, tensors, RUNS, 1) != ADAMW_OK)
            abort();
        const exact k = exact_of(&call, step);
        for (int i = 0; i < BLOCK; i++)
            b->exact_grad[i] = b->grad[i];
        exact_update(&k, b->exact_grad, b->exact_m, b->exact_v, NULL, b->update);
        exact_apply(k.lr, 0, b->update, b->q);
    }
    sums s = {{0}, 0};
    for (int i = 0; i < BLOCK; i++) {
        const double p0 = b->start[i];
        s.start += p0 * p0;
        for (int r = 0; r < RUNS; r++)
            s.lacking[r] += (b->p[r][i] - b->q[i]) * p0;
    }
    free(b);
    progress_add(1);
    return s;
}

/* The contraction a step of one run over all blocks, and its relative standard error from their scatter. */
typedef struct contraction {
    double value, uncertainty;
} contraction;

static contraction contraction_of(const sums *blocks, size_t count, int run)
{
    double lacking = 0, start = 0, squares = 0;
    for (size_t block = 0; block < count; block++) {
        lacking += blocks[block].lacking[run];
        start += blocks[block].start;
    }
    for (size_t block = 0; block < count; block++) {
        const double off = blocks[block].lacking[run] - lacking / start * blocks[block].start;
        squares += off * off;
    }
    const double value = -log1p(lacking / start) / STEPS;
    return (contraction){value, sqrt(squares) / (start + lacking) / STEPS / fabs(value)};
}

bool measure_law(const accuracy_options *options)
{
    const size_t blocks = options->quick ? 2 : 400;
    sums *results = allocate(SIZES * blocks, sizeof *results);
    adamw_config config;
    adamw_config_init(&config);
    output file;
    if (!open_data(options, "law.dat", &file)) {
        free(results);
        return false;
    }
    progress_begin("law of the decay", (double)(SIZES * blocks));
#pragma omp parallel for schedule(dynamic)
    for (size_t job = 0; job < SIZES * blocks; job++)
        results[job] = run_block(job % blocks, pow(10, -4 + (double)(job / blocks) / 2));
    progress_end();

    printf("### The decay against the size of the gradients\n\n");
    paragraph(
        "The same weight_decay 1e-4 and lr 1e-3 for both, which matches them where the gradients' RMS is 1; %.0e "
        "element-steps a row. The decay realised is the weights' contraction in a step, divided by lr * "
        "weight_decay.",
        (double)blocks * BLOCK * STEPS);
    printf("| RMS of the gradients |");
    for (int r = 0; r < RUNS; r++)
        printf(" %s |", kinds[r].name);
    printf(" 1 / RMS |\n| ---: | ---: | ---: | ---: | ---: | ---: |\n");
    fprintf(file.stream, "# RMS of the gradients, decay realised (1 = lr*weight_decay a step)");
    for (int r = 0; r < RUNS; r++)
        fprintf(file.stream, "; %s", kinds[r].name);
    fprintf(file.stream, "\n");
    double worst = 0;
    for (int size = 0; size < SIZES; size++) {
        const double rms = pow(10, -4 + (double)size / 2);
        char text[NUMBER_SIZE];
        fprintf(file.stream, "%.6g", rms);
        printf("| %s |", number(rms, 2, text));
        for (int r = 0; r < RUNS; r++) {
            const contraction found = contraction_of(results + (size_t)size * blocks, blocks, r);
            const double realised = found.value / (config.lr * config.weight_decay);
            fprintf(file.stream, " %.6g", realised);
            printf(" %s |", number(realised, 3, text));
            worst = fmax(worst, found.uncertainty);
        }
        fprintf(file.stream, "\n");
        printf(" %s |\n", number(1 / rms, 3, text));
    }
    printf("\n");
    paragraph("The relative standard error is at most %.1f %% in each place.", 100 * worst);
    printf("![The decay in a step against the size of the gradients](figures/law.svg)\n\n");
    free(results);
    return close_data(&file);
}
