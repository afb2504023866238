/*
 * coefficients.c - the scalars of a step, in double, with additions, multiplications, divisions and square roots
 * only, so that they have the same bits on every platform. kernels/README.md has the formulas.
 */
#include "coefficients.h"

#include "../dispatch/float_env.h"

#include <math.h>

adamw_variant adamw_variant_of(const adamw_config *config)
{
    const bool torch = config->arithmetic == ADAMW_ARITHMETIC_TORCH;
    /* torch leaves the gradient alone at weight_decay 0; its decoupled form, with a factor of 1, does just that. */
    const bool l2 = config->decay == ADAMW_DECAY_L2 && !(torch && config->weight_decay == 0);

    static const adamw_variant variants[2][2][2] = {
#define ADAMW_PLACE(name, torch, l2, amsgrad) [torch][l2][amsgrad] = ADAMW_VARIANT_##name,
        ADAMW_VARIANTS(ADAMW_PLACE)
#undef ADAMW_PLACE
    };
    return variants[torch][l2][config->amsgrad];
}

/*
 * 1 - beta^step by repeated squaring of 1 - x, which loses nothing to cancellation: relative error up to 1.3e-15 for
 * beta from 0.5 to 1 - 1e-12 and steps to 2^40, where 1 - pow() loses up to 5e-9. No running product: a resume must
 * give the same bits.
 */
double adamw_bias_correction(double beta, uint64_t step)
{
    double x = 1 - beta, r = 0;
    for (; step != 0; step >>= 1) {
        if (step & 1)
            r = r + x * (1 - r);
        x = x * (2 - x);
    }
    return r;
}

adamw_coefficients adamw_coefficients_of(const adamw_config *config, uint64_t step)
{
    const double bc1 = adamw_bias_correction(config->beta1, step);
    const double root_bc2 = sqrt(adamw_bias_correction(config->beta2, step));
    const double decay = config->lr * config->weight_decay;

    adamw_coefficients k = {
        .sign = config->maximize ? -1.0f : 1.0f,
        .beta1 = (float)config->beta1,
        .c1 = (float)(1 - config->beta1),
        .beta2 = (float)config->beta2,
        .c2 = (float)(1 - config->beta2),
        .weight_decay = (float)config->weight_decay,
        .to_nearest = adamw_float_env_is_to_nearest(),
    };
    if (config->arithmetic == ADAMW_ARITHMETIC_TORCH) {
        k.w1 = 1 - k.c1;
        k.decay = config->decay == ADAMW_DECAY_DECOUPLED ? (float)(1 - decay) : 1.0f;
        k.step = (float)(-config->lr / bc1);
        k.root_bc2 = (float)root_bc2;
        k.eps = (float)config->eps;
        k.small_beta1 = !(k.c1 < 0.5f); /* torch.lerp's own switch, on the float32 weight */
    } else {
        k.decay = (float)decay;
        k.step = (float)(config->lr * root_bc2 / bc1);
        k.eps = (float)(config->eps * root_bc2);
        k.small_beta1 = config->beta1 < 0.5;
        k.small_beta2 = config->beta2 < 0.5;
    }
    return k;
}
