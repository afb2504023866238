/*
 * update.c - see peers.h: the recipe of many trainers, global-norm clipping, a step, an average of the weights and
 * cleared gradients, by adamw_update() and as one pass after another.
 */
#include "peers.h"

#include <string.h>

/* Far above any norm: the coefficient is 1, which is not known before the norm is. */
static const double max_norm = 1e6, ema_decay = 0.999;

adamw_status bench_update(const adamw_config *config, uint64_t step, const adamw_tensor *tensors, size_t count,
                          int threads)
{
    adamw_update_options options;
    adamw_update_options_init(&options);
    options.clip = ADAMW_CLIP_GLOBAL_NORM;
    options.clip_max = max_norm;
    options.ema = ADAMW_EMA_CONSTANT;
    options.ema_decay = ema_decay;
    options.zero_grad = true;
    return adamw_update(config, step, tensors, count, &options, NULL, threads);
}

/* The fewest passes that separate calls allow: the coefficient goes into the step as a scale of the gradients. */
adamw_status bench_update_parts(const adamw_config *config, uint64_t step, const adamw_tensor *tensors, size_t count,
                                int threads)
{
    adamw_update_options options;
    double norm;
    adamw_status status = adamw_grad_norm(tensors, count, ADAMW_NORM_L2, threads, &norm);
    const double coefficient = max_norm / (norm + 1e-6);
    adamw_update_options_init(&options);
    options.grad_scale = coefficient < 1 ? coefficient : 1;
    if (status == ADAMW_OK)
        status = adamw_update(config, step, tensors, count, &options, NULL, threads);
    const float weight = (float)(1 - ema_decay);
    for (size_t i = 0; i < count; i++) {
        const float *param = tensors[i].param;
        float *ema = tensors[i].param_ema;
        const ptrdiff_t n = (ptrdiff_t)tensors[i].n;
#if defined(_OPENMP)
#pragma omp parallel for simd num_threads(threads) if (n > 32768)
#endif
        for (ptrdiff_t k = 0; k < n; k++)
            ema[k] += weight * (param[k] - ema[k]);
    }
    for (size_t i = 0; i < count; i++)
        memset((void *)(uintptr_t)tensors[i].grad, 0, tensors[i].n * sizeof(float));
    return status;
}
