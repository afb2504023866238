/*
 * loss.c - see loss.h.
 */
#include "loss.h"

#include <math.h>

#include "activation.h"

static size_t largest(const float *x, size_t n)
{
    size_t best = 0;
    for (size_t i = 1; i < n; i++)
        if (x[i] > x[best])
            best = i;
    return best;
}

static void score_classes(const task *t, const float *output, const float *target, size_t batch, size_t divisor,
                          float *back, score *sum)
{
    const size_t n = t->outputs;
    for (size_t row = 0; row < batch; row++)
        sum->hits += largest(output + row * n, n) == (size_t)target[row];
    sum->loss += softmax(batch, n, output, target, back);
    for (size_t row = 0; row < batch; row++)
        back[row * n + (size_t)target[row]] -= 1;
    for (size_t i = 0; i < batch * n; i++)
        back[i] /= (float)divisor;
}

void score_batch(const task *t, const float *output, const float *target, size_t batch, size_t divisor,
                 bool near_failure, float *back, score *sum)
{
    sum->count += batch;
    if (t->classify) {
        score_classes(t, output, target, batch, divisor, back, sum);
        return;
    }
    for (size_t row = 0; row < batch; row++) {
        const float error = output[row] - target[row], weight = near_failure ? 2 - target[row] : 1;
        const double cycles = (double)error * t->scale;
        sum->loss += (double)weight * (double)error * (double)error;
        sum->squares += cycles * cycles;
        back[row] = 2 * weight * error / (float)divisor;
    }
}

double score_loss(const score *x) { return x->loss / (double)x->count; }

double score_metric(const task *t, const score *x)
{
    return t->classify ? 100 * x->hits / (double)x->count : sqrt(x->squares / (double)x->count);
}
