/*
 * update.h - the update, once for every ISA and variant. Included by each file of kernels/isa after its vocabulary
 * (kernels/vec), it defines the kernels of ADAMW_VARIANTS and, through ADAMW_UPDATE_TABLE, the ISA's table.
 *
 * Every line of update_vector is one operation of the vocabulary: one rounding. Their order is the bits; it is laid
 * down in kernels/README.md. `torch`, `l2`, `amsgrad`, `small_beta1` and `small_beta2` are constants where this is
 * inlined, but for the small betas of the rarely used second loop. No intrinsics here.
 */
#include "kernels.h"

/* A bundle of LANES values of each buffer. */
typedef struct update_values {
    vfloat param, exp_avg, exp_avg_sq, max_exp_avg_sq;
} update_values;

ADAMW_INLINE void update_vector(const adamw_coefficients *k, update_values *x, vfloat grad, bool torch, bool l2,
                                bool amsgrad, bool small_beta1, bool small_beta2)
{
    vfloat p = x->param, m = x->exp_avg, v = x->exp_avg_sq;
    vfloat g = v_mul(v_set(k->scale), grad);

    if (torch && !l2)
        p = v_mul(p, v_set(k->decay));
    if (l2)
        g = v_fma(v_set(k->weight_decay), p, g);

    if (!small_beta1)
        m = v_fma(v_set(k->c1), v_sub(g, m), m);
    else if (torch)
        m = v_fnma(v_sub(g, m), v_set(k->w1), g);
    else
        m = v_fma(v_set(k->beta1), v_sub(m, g), g);

    if (torch) {
        v = v_fma(v_mul(v_set(k->c2), g), g, v_mul(v, v_set(k->beta2)));
    } else if (!small_beta2) {
        v = v_fma(v_set(k->c2), v_fms(g, g, v), v);
    } else {
        vfloat square = v_mul(g, g);
        v = v_fma(v_set(k->beta2), v_sub(v, square), square);
    }

    vfloat second = v;
    if (amsgrad)
        x->max_exp_avg_sq = second = v_max_or_nan(v, x->max_exp_avg_sq);

    if (torch) {
        vfloat denominator = v_add(v_div(v_sqrt(second), v_set(k->root_bc2)), v_set(k->eps));
        p = v_add(p, v_div(v_mul(v_set(k->step), m), denominator));
    } else {
        vfloat u = v_div(m, v_add(v_sqrt(second), v_set(k->eps)));
        if (l2) /* p is still the old parameter in both forms */
            p = v_fnma(v_set(k->step), u, p);
        else
            p = v_sub(p, v_fma(v_set(k->step), u, v_mul(v_set(k->decay), p)));
    }

    x->param = p;
    x->exp_avg = m;
    x->exp_avg_sq = v;
}

ADAMW_INLINE void update_loop(const adamw_coefficients *coefficients, const adamw_tensor *tensor, size_t first,
                              size_t n, bool torch, bool l2, bool amsgrad, bool small_beta1, bool small_beta2)
{
    /* A copy that no store can alias: its members stay in registers. */
    const adamw_coefficients local = *coefficients, *const k = &local;
    /* Bytes, because a caller's buffer may lie at any address. */
    char *param = (char *)tensor->param + first * sizeof(float);
    const char *grad = (const char *)tensor->grad + first * sizeof(float);
    char *exp_avg = (char *)tensor->exp_avg + first * sizeof(float);
    char *exp_avg_sq = (char *)tensor->exp_avg_sq + first * sizeof(float);
    char *max_exp_avg_sq = amsgrad ? (char *)tensor->max_exp_avg_sq + first * sizeof(float) : NULL;
    const size_t bytes = n * sizeof(float), whole = bytes - bytes % sizeof(vfloat);
    update_values x;

    for (size_t at = 0; at < whole; at += sizeof(vfloat)) {
        x.param = v_load(param + at);
        x.exp_avg = v_load(exp_avg + at);
        x.exp_avg_sq = v_load(exp_avg_sq + at);
        if (amsgrad)
            x.max_exp_avg_sq = v_load(max_exp_avg_sq + at);
        update_vector(k, &x, v_load(grad + at), torch, l2, amsgrad, small_beta1, small_beta2);
        v_store(param + at, x.param);
        v_store(exp_avg + at, x.exp_avg);
        v_store(exp_avg_sq + at, x.exp_avg_sq);
        if (amsgrad)
            v_store(max_exp_avg_sq + at, x.max_exp_avg_sq);
    }

    /* The tail runs the same body on a part of a vector, so that an element's bits never depend on its index. */
    const size_t rest = n % LANES;
    if (LANES > 1 && rest != 0) {
        x.param = v_load_part(param + whole, rest);
        x.exp_avg = v_load_part(exp_avg + whole, rest);
        x.exp_avg_sq = v_load_part(exp_avg_sq + whole, rest);
        if (amsgrad)
            x.max_exp_avg_sq = v_load_part(max_exp_avg_sq + whole, rest);
        update_vector(k, &x, v_load_part(grad + whole, rest), torch, l2, amsgrad, small_beta1, small_beta2);
        v_store_part(param + whole, rest, x.param);
        v_store_part(exp_avg + whole, rest, x.exp_avg);
        v_store_part(exp_avg_sq + whole, rest, x.exp_avg_sq);
        if (amsgrad)
            v_store_part(max_exp_avg_sq + whole, rest, x.max_exp_avg_sq);
    }
}

#define ADAMW_DEFINE_UPDATE(name, torch, l2, amsgrad)                                                                \
    static void update_##name(const adamw_coefficients *k, const adamw_tensor *tensor, size_t first, size_t n)       \
    {                                                                                                                \
        if (k->small_beta1 || k->small_beta2)                                                                        \
            update_loop(k, tensor, first, n, torch, l2, amsgrad, k->small_beta1, k->small_beta2);                    \
        else                                                                                                         \
            update_loop(k, tensor, first, n, torch, l2, amsgrad, false, false);                                      \
    }
ADAMW_VARIANTS(ADAMW_DEFINE_UPDATE)
#undef ADAMW_DEFINE_UPDATE

#define ADAMW_UPDATE_ENTRY(name, torch, l2, amsgrad) [ADAMW_VARIANT_##name] = update_##name,
#define ADAMW_UPDATE_TABLE                                                                                           \
    {                                                                                                                \
        .update = { ADAMW_VARIANTS(ADAMW_UPDATE_ENTRY) }                                                             \
    }
