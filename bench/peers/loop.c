/*
 * loop.c - the plain C loop that the library is compared with: AdamW over one flat buffer, compiled with
 * -O3 -march=native -ffast-math. The compiler vectorises it, and replaces division and square root by estimates with
 * a Newton step. Nothing of the library belongs here.
 */
#include "peers.h"

#include <math.h>

static void update(size_t n, float *restrict param, const float *restrict grad, float *restrict exp_avg,
                   float *restrict exp_avg_sq, const adamw_config *config, uint64_t step, int threads)
{
    const float lr = (float)config->lr, beta1 = (float)config->beta1, beta2 = (float)config->beta2,
                eps = (float)config->eps, weight_decay = (float)config->weight_decay;
    const float correction1 = 1.0f - powf(beta1, (float)step), correction2 = 1.0f - powf(beta2, (float)step);

    /* A team for 16K values and more, as one would after a look at a profile. */
#pragma omp parallel for simd num_threads(threads) if (parallel : threads > 1 && n >= 16384)
    for (size_t i = 0; i < n; i++) {
        const float g = grad[i];
        const float m = beta1 * exp_avg[i] + (1.0f - beta1) * g;
        const float v = beta2 * exp_avg_sq[i] + (1.0f - beta2) * g * g;
        exp_avg[i] = m;
        exp_avg_sq[i] = v;
        const float m_hat = m / correction1, v_hat = v / correction2;
        param[i] -= lr * (m_hat / (sqrtf(v_hat) + eps) + weight_decay * param[i]);
    }
}

void bench_c_loop(const adamw_config *config, uint64_t step, const adamw_tensor *tensors, size_t count, int threads)
{
    for (size_t i = 0; i < count; i++)
        update(tensors[i].n, (float *)tensors[i].param, (const float *)tensors[i].grad, (float *)tensors[i].exp_avg,
               (float *)tensors[i].exp_avg_sq, config, step, threads);
}
