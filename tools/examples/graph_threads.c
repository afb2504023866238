/*
 * graph_threads.c - the optimizer as a node of a graph, as ggml has it: each of the host's threads comes with its number,
 * the tensors have rows at any distance, and instead of the step's number the host hands over the factors that correct
 * the moments for their start at zero. step_by_library() is what takes the place of such a loop; main() shows that the
 * corrections fold into the rate and eps exactly, and that threads and rows change no bit.
 */
#include <adamw.h>
#include <math.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* `beta1h` is 1 / (1 - beta1^t) and `beta2h` 1 / (1 - beta2^t). */
typedef struct hyperparameters {
    double alpha, beta1, beta2, eps, wd, beta1h, beta2h;
} hyperparameters;

/* Rows of `columns` values, each `stride` bytes behind the last one. */
typedef struct matrix {
    size_t rows, columns, stride;
    char *data;
} matrix;

typedef struct node {
    hyperparameters h;
    matrix param, grad, exp_avg, exp_avg_sq;
} node;

static float *row_of(const matrix *x, size_t row) { return (float *)(void *)(x->data + row * x->stride); }

/* The host's own loop, in float, over the rows of this thread. */
static void step_by_loop(const node *op, size_t thread, size_t threads)
{
    const float alpha = (float)op->h.alpha, beta1 = (float)op->h.beta1, beta2 = (float)op->h.beta2;
    const float eps = (float)op->h.eps, beta1h = (float)op->h.beta1h, beta2h = (float)op->h.beta2h;
    const float kept = 1 - alpha * (float)op->h.wd;
    for (size_t row = thread; row < op->param.rows; row += threads) {
        float *param = row_of(&op->param, row), *m = row_of(&op->exp_avg, row);
        float *v = row_of(&op->exp_avg_sq, row);
        const float *grad = row_of(&op->grad, row);
        for (size_t i = 0; i < op->param.columns; i++) {
            m[i] = beta1 * m[i] + (1 - beta1) * grad[i];
            v[i] = beta2 * v[i] + (1 - beta2) * grad[i] * grad[i];
            param[i] = kept * param[i] - alpha * (m[i] * beta1h) / (sqrtf(v[i] * beta2h) + eps);
        }
    }
}

/*
 * The host's step as a step without corrections: numerator and denominator of
 * alpha*beta1h*m / (sqrt(beta2h*v) + eps) are divided by sqrt(beta2h), and alpha*wd stays what it was.
 */
static adamw_config folded(const hyperparameters *h)
{
    const double root = sqrt(h->beta2h);
    adamw_config config;
    adamw_config_init(&config);
    config.bias_correction = false;
    config.lr = h->alpha * h->beta1h / root;
    config.eps = h->eps / root;
    config.weight_decay = config.lr > 0 ? h->alpha * h->wd / config.lr : 0;
    config.beta1 = h->beta1;
    config.beta2 = h->beta2;
    return config;
}

/* The call that takes the loop's place: rows that touch are one tensor, others a tensor each, some at a time. */
static void step_by_library(const node *op, size_t thread, size_t threads)
{
    enum { AT_ONCE = 32 };
    const adamw_config config = folded(&op->h);
    const matrix *streams[] = {&op->param, &op->grad, &op->exp_avg, &op->exp_avg_sq};
    size_t rows = op->param.rows, columns = op->param.columns;
    bool touch = true;
    for (int i = 0; i < 4; i++)
        touch = touch && streams[i]->stride == columns * sizeof(float);
    if (touch)
        columns *= rows, rows = rows > 0;

    adamw_tensor tensors[AT_ONCE];
    for (size_t done = 0; done < rows; done += AT_ONCE) {
        const size_t count = rows - done < AT_ONCE ? rows - done : AT_ONCE;
        for (size_t i = 0; i < count; i++)
            tensors[i] = (adamw_tensor){.n = columns,
                                        .param = row_of(&op->param, done + i),
                                        .grad = row_of(&op->grad, done + i),
                                        .exp_avg = row_of(&op->exp_avg, done + i),
                                        .exp_avg_sq = row_of(&op->exp_avg_sq, done + i)};
        /* The step's number is of no account without corrections. */
        if (adamw_step_part(&config, 1, tensors, count, thread, threads) != ADAMW_OK) {
            char why[256];
            adamw_step_explain(&config, 1, tensors, count, 0, why, sizeof why);
            fprintf(stderr, "graph_threads: %s\n", why);
            exit(1);
        }
    }
}

/* ---- The host: its threads, its matrices, and what is shown of them. ---- */

typedef void step_function(const node *op, size_t thread, size_t threads);

typedef struct worker {
    pthread_t id;
    const node *op;
    step_function *step;
    size_t thread, threads;
} worker;

static void *work(void *argument)
{
    const worker *me = argument;
    me->step(me->op, me->thread, me->threads);
    return NULL;
}

static void run(const node *op, step_function *step, size_t threads)
{
    worker workers[8];
    for (size_t i = 0; i < threads; i++) {
        workers[i] = (worker){.op = op, .step = step, .thread = i, .threads = threads};
        if (pthread_create(&workers[i].id, NULL, work, &workers[i]) != 0) {
            fprintf(stderr, "graph_threads: no thread\n");
            exit(1);
        }
    }
    for (size_t i = 0; i < threads; i++)
        pthread_join(workers[i].id, NULL);
}

enum { ROWS = 101, COLUMNS = 367, STEPS = 1000 };

static matrix matrix_of(size_t gap)
{
    matrix x = {.rows = ROWS, .columns = COLUMNS, .stride = (COLUMNS + gap) * sizeof(float)};
    x.data = calloc(x.rows, x.stride);
    if (x.data == NULL)
        exit(1);
    return x;
}

static float uniform(uint32_t *state)
{
    *state = *state * 1664525u + 1013904223u;
    return (float)(*state >> 8) / 8388608.0f - 1.0f;
}

static void fill(const matrix *x, float scale, uint32_t seed)
{
    for (size_t row = 0; row < x->rows; row++)
        for (size_t i = 0; i < x->columns; i++)
            row_of(x, row)[i] = scale * uniform(&seed);
}

/* As it is for step_function, but by the step's number and the library's own corrections. */
static uint64_t now;
static void step_by_number(const node *op, size_t thread, size_t threads)
{
    adamw_config config;
    adamw_config_init(&config);
    config.lr = op->h.alpha, config.beta1 = op->h.beta1, config.beta2 = op->h.beta2;
    config.eps = op->h.eps, config.weight_decay = op->h.wd;
    const adamw_tensor tensor = {.n = (size_t)ROWS * COLUMNS,
                                 .param = op->param.data,
                                 .grad = op->grad.data,
                                 .exp_avg = op->exp_avg.data,
                                 .exp_avg_sq = op->exp_avg_sq.data};
    if (adamw_step_part(&config, now, &tensor, 1, thread, threads) != ADAMW_OK)
        exit(1);
}

/* STEPS steps from the same start; the corrections are rounded to float where the host has floats. */
static matrix train(step_function *step, size_t threads, size_t gap, bool in_float)
{
    node op = {.h = {.alpha = 1e-3f, .beta1 = 0.9f, .beta2 = 0.999f, .eps = 1e-8f, .wd = 0.01f},
               .param = matrix_of(gap),
               .grad = matrix_of(gap),
               .exp_avg = matrix_of(gap),
               .exp_avg_sq = matrix_of(gap)};
    fill(&op.param, 0.1f, 1);
    for (now = 1; now <= STEPS; now++) {
        fill(&op.grad, 0.01f, (uint32_t)now);
        op.h.beta1h = 1 / -expm1((double)now * log(op.h.beta1));
        op.h.beta2h = 1 / -expm1((double)now * log(op.h.beta2));
        if (in_float)
            op.h.beta1h = (float)op.h.beta1h, op.h.beta2h = (float)op.h.beta2h;
        run(&op, step, threads);
    }
    free(op.grad.data);
    free(op.exp_avg.data);
    free(op.exp_avg_sq.data);
    return op.param;
}

/* How many values of b have other bits than a's; the largest difference goes to *largest. */
static size_t differing(const matrix *a, const matrix *b, double *largest)
{
    size_t count = 0;
    *largest = 0;
    for (size_t row = 0; row < ROWS; row++) {
        const float *x = row_of(a, row), *y = row_of(b, row);
        for (size_t i = 0; i < COLUMNS; i++) {
            count += memcmp(&x[i], &y[i], sizeof *x) != 0;
            *largest = fmax(*largest, fabs((double)x[i] - (double)y[i]));
        }
    }
    return count;
}

int main(void)
{
    double largest;
    size_t different;
    bool right = true;

    matrix by_number = train(step_by_number, 1, 0, false), by_loop = train(step_by_loop, 2, 0, true);
    matrix in_double = train(step_by_library, 1, 0, false);
    different = differing(&by_number, &in_double, &largest);
    printf("corrections folded into lr and eps, or left to the library: %zu of %d values differ after %d steps\n",
           different, ROWS * COLUMNS, STEPS);
    right = right && different == 0;

    matrix once = train(step_by_library, 1, 0, true);
    differing(&by_loop, &once, &largest);
    printf("the host's float loop: %.2g at most\n", largest);
    right = right && largest < 5e-5; /* of parameters near 0.1 that have moved by 1e-3 a step */
    for (size_t threads = 1; threads <= 4; threads *= 2) {
        for (size_t gap = 0; gap <= 5; gap += 5) {
            matrix again = train(step_by_library, threads, gap, true);
            different = differing(&once, &again, &largest);
            printf("%zu thread%s, rows %zu values apart: %zu values differ\n", threads, threads > 1 ? "s" : "", gap,
                   different);
            right = right && different == 0;
            free(again.data);
        }
    }
    free(by_number.data);
    free(by_loop.data);
    free(in_double.data);
    free(once.data);
    return right ? 0 : 1;
}
