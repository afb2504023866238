/*
 * coefficients.c - the scalars of a step, in double, with additions, multiplications, divisions and square roots
 * only, so that they have the same bits on every platform. kernels/ARITHMETIC.md has the formulas.
 */
#include "coefficients.h"

#include "../dispatch/float_env.h"

#include <math.h>

adamw_variant adamw_variant_of(const adamw_config *config)
{
    const bool torch = config->arithmetic == ADAMW_ARITHMETIC_TORCH;
    /* torch leaves the gradient alone at weight_decay 0; its decoupled form, with a factor of 1, does just that. */
    const bool l2 = config->decay == ADAMW_DECAY_L2 && !(torch && config->weight_decay == 0);

    size_t i = 0;
    while (adamw_variant_traits[i].torch != torch || adamw_variant_traits[i].l2 != l2 ||
           adamw_variant_traits[i].amsgrad != config->amsgrad)
        i++; /* every combination has its variant */
    return (adamw_variant)i;
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

void adamw_coefficients_of(adamw_coefficients *k, const adamw_config *config, uint64_t step)
{
    const double bias_correction1 = config->bias_correction ? adamw_bias_correction(config->beta1, step) : 1;
    const double bias_correction2_sqrt =
        config->bias_correction ? sqrt(adamw_bias_correction(config->beta2, step)) : 1;
    const double decay = config->lr * config->weight_decay;

    *k = (adamw_coefficients){
        .sign = config->maximize ? -1.0f : 1.0f,
        .beta1 = (float)config->beta1,
        .c1 = (float)(1 - config->beta1),
        .beta2 = (float)config->beta2,
        .c2 = (float)(1 - config->beta2),
        .weight_decay = (float)config->weight_decay,
        .to_nearest = adamw_float_env_is_to_nearest(),
    };
    if (config->arithmetic == ADAMW_ARITHMETIC_TORCH) {
        k->torch.decay_factor = config->decay == ADAMW_DECAY_DECOUPLED ? (float)(1 - decay) : 1.0f;
        k->torch.negative_step_size = (float)(-config->lr / bias_correction1);
        k->torch.bias_correction2_sqrt = (float)bias_correction2_sqrt;
        k->torch.reciprocal = 1 / k->torch.bias_correction2_sqrt;
        k->torch.eps = (float)config->eps;
        k->torch.one_minus_c1 = 1 - k->c1;
        k->small_beta1 = !(k->c1 < 0.5f); /* torch.lerp's own switch, on the float32 weight */
    } else {
        k->accurate.decay = (float)decay;
        k->accurate.step_size = (float)(config->lr * bias_correction2_sqrt / bias_correction1);
        k->accurate.eps = (float)(config->eps * bias_correction2_sqrt);
        k->small_beta1 = config->beta1 < 0.5;
        k->small_beta2 = config->beta2 < 0.5;
    }
}
