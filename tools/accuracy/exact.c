/*
 * exact.c - the recurrence of AdamW and coupled-L2 Adam in double, in the papers' textbook form, so that it shares
 * nothing with the kernels. Loops over a block without branches: the compiler vectorises them, with the same bits on
 * every machine, as nothing is summed over values.
 */
#include "accuracy.h"

#include <math.h>

static double correction(double beta, uint64_t step)
{
    return beta == 0 ? 1 : (double)(1 - powl((long double)beta, (long double)step));
}

exact exact_of(const adamw_config *config, uint64_t step)
{
    return (exact){.beta1 = config->beta1,
                   .c1 = 1 - config->beta1,
                   .beta2 = config->beta2,
                   .c2 = 1 - config->beta2,
                   .bc1 = correction(config->beta1, step),
                   .root_bc2 = sqrt(correction(config->beta2, step)),
                   .lr = config->lr,
                   .weight_decay = config->weight_decay,
                   .eps = config->eps,
                   .l2 = config->decay == ADAMW_DECAY_L2};
}

void exact_update(const exact *k, const double *grad, double *m, double *v, double *max_v, double *update)
{
    const exact c = *k;
    const double *second = max_v != NULL ? max_v : v;
    for (int i = 0; i < BLOCK; i++) {
        m[i] = c.beta1 * m[i] + c.c1 * grad[i];
        v[i] = c.beta2 * v[i] + c.c2 * grad[i] * grad[i];
    }
    for (int i = 0; max_v != NULL && i < BLOCK; i++)
        max_v[i] = v[i] > max_v[i] ? v[i] : max_v[i];
    for (int i = 0; i < BLOCK; i++)
        update[i] = m[i] / c.bc1 / (sqrt(second[i]) / c.root_bc2 + c.eps);
}

void exact_apply(double lr, double weight_decay, const double *update, double *p)
{
    for (int i = 0; i < BLOCK; i++)
        p[i] -= lr * (update[i] + weight_decay * p[i]);
}

void exact_step(const exact *k, const double *grad, double *p, double *m, double *v, double *max_v, bool rounded)
{
    double decayed[BLOCK], update[BLOCK];
    const double coupled = k->l2 ? k->weight_decay : 0;
    for (int i = 0; i < BLOCK; i++)
        decayed[i] = grad[i] + coupled * p[i];
    exact_update(k, decayed, m, v, max_v, update);
    exact_apply(k->lr, k->l2 ? 0 : k->weight_decay, update, p);
    for (int i = 0; rounded && i < BLOCK; i++)
        p[i] = (float)p[i];
}
