/*
 * update.h - the update, once for every ISA and variant. Included by each file of kernels/isa after its vocabulary
 * (kernels/vec), it defines the kernels of ADAMW_VARIANTS.
 *
 * Every line of update_moments and update_param is one operation of the vocabulary: one rounding. Their order is the
 * bits; it is laid down in kernels/README.md. The members of update_form are constants where this is inlined, but for
 * the small betas, which the loop that nobody is in a hurry for asks about at run time. No intrinsics here.
 */
#include "kernels.h"

typedef struct update_form {
    bool torch, l2, amsgrad;       /* the variant */
    bool extended;                 /* with adamw_extras */
    bool asks_ahead;               /* for memory, as coefficients.look_ahead has it */
    bool small_beta1, small_beta2; /* the moments' forms for betas below one half */
} update_form;

/* A vector of each stream. */
typedef struct update_values {
    vfloat param, grad, exp_avg, exp_avg_sq, max_exp_avg_sq;
} update_values;

/* a + weight * (b - a), as torch.lerp has it: from the nearer end; `keep` is 1 - weight. */
ADAMW_INLINE vfloat lerp(vfloat a, vfloat b, float weight, float keep)
{
    return weight < 0.5f ? v_fma(v_set(weight), v_sub(b, a), a) : v_fnma(v_sub(b, a), v_set(keep), b);
}

/* What the options make of a gradient: scale, then either clip. Off, each is exact. */
ADAMW_INLINE vfloat prepared_grad(const adamw_extras *e, vfloat grad)
{
    return v_mul(v_set(e->grad_factor), v_clamp(v_mul(v_set(e->grad_scale), grad), v_set(e->grad_limit)));
}

/* The moments; returns the second moment whose root divides. */
ADAMW_INLINE vfloat update_moments(const adamw_coefficients *k, const adamw_extras *e, update_values *x,
                                   const update_form form)
{
    vfloat p = x->param, m = x->exp_avg, v = x->exp_avg_sq;
    vfloat g = form.extended ? prepared_grad(e, x->grad) : x->grad;

    if (form.torch && !form.l2)
        p = v_mul(p, v_set(k->decay));
    if (form.l2)
        g = v_fma(v_set(k->weight_decay), p, v_mul(v_set(k->sign), g));

    /* Without L2 the gradient keeps the caller's sign, and `sign`, -1 to maximize, turns it where it meets the first
     * moment: exact, and one operation less. */
    if (!form.small_beta1) {
        m = v_fma(v_set(k->c1), form.l2 ? v_sub(g, m) : v_fms(v_set(k->sign), g, m), m);
    } else {
        const vfloat turned = form.l2 ? g : v_mul(v_set(k->sign), g);
        if (form.torch)
            m = v_fnma(v_sub(turned, m), v_set(k->w1), turned);
        else
            m = v_fma(v_set(k->beta1), v_sub(m, turned), turned);
    }

    if (form.torch) {
        v = v_fma(v_mul(v_set(k->c2), g), g, v_mul(v, v_set(k->beta2)));
    } else if (!form.small_beta2) {
        v = v_fma(v_set(k->c2), v_fms(g, g, v), v);
    } else {
        const vfloat square = v_mul(g, g);
        v = v_fma(v_set(k->beta2), v_sub(v, square), square);
    }

    x->param = p;
    x->exp_avg = m;
    x->exp_avg_sq = v;
    if (form.amsgrad)
        x->max_exp_avg_sq = v_max_or_nan(v, x->max_exp_avg_sq);
    return form.amsgrad ? x->max_exp_avg_sq : v;
}

/* The parameter, from the root of the second moment. */
ADAMW_INLINE vfloat updated_param(const adamw_coefficients *k, vfloat p, vfloat m, vfloat root,
                                  const update_form form)
{
    if (form.torch) {
        const vfloat denominator = v_add(v_div(root, v_set(k->root_bc2)), v_set(k->eps));
        return v_add(p, v_div(v_mul(v_set(k->step), m), denominator));
    }
    const vfloat u = v_div(m, v_add(root, v_set(k->eps)));
    if (form.l2)
        return v_fnma(v_set(k->step), u, p);
    return v_sub(p, v_fma(v_set(k->step), u, v_mul(v_set(k->decay), p)));
}

/* Where the streams of a tensor begin. Bytes, because a caller's buffer may lie at any address. */
typedef struct update_streams {
    char *param, *exp_avg, *exp_avg_sq, *max_exp_avg_sq, *ema, *copy;
    const char *grad;
} update_streams;

/* One vector at `at` bytes, or its first `rest` values. */
ADAMW_INLINE vfloat load(const char *from, size_t at, size_t rest)
{
    return rest ? v_load_part(from + at, rest) : v_load(from + at);
}
ADAMW_INLINE void store(char *to, size_t at, size_t rest, vfloat x)
{
    if (rest)
        v_store_part(to + at, rest, x);
    else
        v_store(to + at, x);
}

/* What follows the new parameter: its average, its copy, the cleared gradient. */
ADAMW_INLINE void update_followers(const adamw_extras *e, const update_streams *s, size_t at, size_t rest,
                                   vfloat param)
{
    if (e->ema)
        store(s->ema, at, rest, lerp(load(s->ema, at, rest), param, e->ema_weight, e->ema_keep));
    if (e->copy == ADAMW_DTYPE_BFLOAT16)
        v_store_bf16(s->copy + at / 2, rest ? rest : LANES, param);
    else if (e->copy == ADAMW_DTYPE_FLOAT16)
        v_store_f16(s->copy + at / 2, rest ? rest : LANES, param);
    if (e->zero_grad) /* the caller's buffer is not const where he asks for this */
        store((char *)(uintptr_t)s->grad, at, rest, v_set(0));
}

/* Vectors on their way from the moments to the parameter: what it takes of each. */
typedef struct update_bundle {
    vfloat param[BUNDLE], exp_avg[BUNDLE], root[BUNDLE];
} update_bundle;

ADAMW_INLINE void look_ahead_in_streams(const update_streams *s, size_t at, size_t bytes, look_level level,
                                        const adamw_extras *e, const update_form form)
{
    look_ahead(s->param + at, bytes, level);
    look_ahead(s->grad + at, bytes, level);
    look_ahead(s->exp_avg + at, bytes, level);
    look_ahead(s->exp_avg_sq + at, bytes, level);
    if (form.amsgrad)
        look_ahead(s->max_exp_avg_sq + at, bytes, level);
    if (form.extended && e->ema)
        look_ahead(s->ema + at, bytes, level);
}

/* The moments and roots of `count` vectors at `at`: BUNDLE of them, or 1 and then perhaps only the first `rest`
 * values of it. */
ADAMW_INLINE update_bundle update_begin(const adamw_coefficients *k, const adamw_extras *e, const update_streams *s,
                                        size_t at, int count, size_t rest, const update_form form)
{
    update_bundle b = {.root = {v_set(0)}}; /* all are set below; gcc's analyser does not see it */
    ADAMW_UNROLL
    for (int i = 0; i < count; i++) {
        const size_t here = at + (size_t)i * sizeof(vfloat);
        if (form.asks_ahead)
            look_ahead_in_streams(s, here, k->look_ahead.near, FIRST_LEVEL, e, form);
        update_values x = {.param = load(s->param, here, rest),
                           .grad = load(s->grad, here, rest),
                           .exp_avg = load(s->exp_avg, here, rest),
                           .exp_avg_sq = load(s->exp_avg_sq, here, rest)};
        if (form.amsgrad)
            x.max_exp_avg_sq = load(s->max_exp_avg_sq, here, rest);
        b.root[i] = update_moments(k, e, &x, form);
        store(s->exp_avg, here, rest, x.exp_avg);
        store(s->exp_avg_sq, here, rest, x.exp_avg_sq);
        if (form.amsgrad)
            store(s->max_exp_avg_sq, here, rest, x.max_exp_avg_sq);
        b.param[i] = x.param;
        b.exp_avg[i] = x.exp_avg;
    }
    if (form.asks_ahead && k->look_ahead.far != 0) {
        ADAMW_UNROLL
        for (int i = 0; i < count; i++)
            look_ahead_in_streams(s, at + (size_t)i * sizeof(vfloat), k->look_ahead.far, SECOND_LEVEL, e, form);
    }
    if (count == BUNDLE)
        v_sqrt_bundle(b.root);
    else
        b.root[0] = v_sqrt(b.root[0]);
    return b;
}

/* Their quotients and parameters. */
ADAMW_INLINE void update_finish(const adamw_coefficients *k, const adamw_extras *e, const update_streams *s,
                                size_t at, int count, size_t rest, const update_form form,
                                const update_bundle *bundle)
{
    ADAMW_UNROLL
    for (int i = 0; i < count; i++) {
        const size_t here = at + (size_t)i * sizeof(vfloat);
        const vfloat param = updated_param(k, bundle->param[i], bundle->exp_avg[i], bundle->root[i], form);
        store(s->param, here, rest, param);
        if (form.extended)
            update_followers(e, s, here, rest, param);
    }
}

/* One vector, all of it from the divider; or its first `rest` values. */
ADAMW_INLINE void update_vector(const adamw_coefficients *k, const adamw_extras *e, const update_streams *s,
                                size_t at, size_t rest, const update_form form)
{
    const update_bundle one = update_begin(k, e, s, at, 1, rest, form);
    update_finish(k, e, s, at, 1, rest, form, &one);
}

/* Whole bundles from the begin on; returns where they end. */
ADAMW_INLINE size_t update_bundles(const adamw_coefficients *k, const adamw_extras *e, const update_streams *s,
                                   size_t bytes, const update_form form)
{
    const size_t whole = BUNDLE * sizeof(vfloat);
    size_t at = 0;
    if (!OVERLAP) {
        for (; at + whole <= bytes; at += whole) {
            const update_bundle b = update_begin(k, e, s, at, BUNDLE, 0, form);
            update_finish(k, e, s, at, BUNDLE, 0, form, &b);
        }
        return at;
    }
    if (bytes < whole)
        return 0;
    /* A bundle's quotients wait until the next one's roots are under way: else both units idle in turn. */
    update_bundle now = update_begin(k, e, s, at, BUNDLE, 0, form);
    for (; at + 2 * whole <= bytes; at += whole) {
        const update_bundle next = update_begin(k, e, s, at + whole, BUNDLE, 0, form);
        update_finish(k, e, s, at, BUNDLE, 0, form, &now);
        now = next;
    }
    update_finish(k, e, s, at, BUNDLE, 0, form, &now);
    return at + whole;
}

ADAMW_INLINE void update_loop(const adamw_coefficients *coefficients, const adamw_extras *extras,
                              const adamw_tensor *tensor, size_t first, size_t n, const update_form form)
{
    /* Copies that no store can alias: their members stay in registers. */
    const adamw_coefficients k = *coefficients;
    const adamw_extras e = form.extended ? *extras : (adamw_extras){0};
    const size_t begin = first * sizeof(float), bytes = n * sizeof(float);
    const update_streams s = {
        .param = (char *)tensor->param + begin,
        .grad = (const char *)tensor->grad + begin,
        .exp_avg = (char *)tensor->exp_avg + begin,
        .exp_avg_sq = (char *)tensor->exp_avg_sq + begin,
        .max_exp_avg_sq = form.amsgrad ? (char *)tensor->max_exp_avg_sq + begin : NULL,
        .ema = form.extended && e.ema ? (char *)tensor->param_ema + begin : NULL,
        .copy = form.extended && e.copy != ADAMW_DTYPE_FLOAT32 ? (char *)tensor->param_copy + begin / 2 : NULL,
    };
    size_t at = BUNDLE > 1 && k.to_nearest ? update_bundles(&k, &e, &s, bytes, form) : 0;
    for (; at + sizeof(vfloat) <= bytes; at += sizeof(vfloat))
        update_vector(&k, &e, &s, at, 0, form);
    /* The tail runs the same body on a part of a vector, so that an element's bits never depend on its index. */
    if (LANES > 1 && n % LANES != 0)
        update_vector(&k, &e, &s, at, n % LANES, form);
}

ADAMW_INLINE void update_forms(const adamw_coefficients *k, const adamw_extras *e, const adamw_tensor *tensor,
                               size_t first, size_t n, bool torch, bool l2, bool amsgrad)
{
    update_form form = {
        .torch = torch, .l2 = l2, .amsgrad = amsgrad, .extended = e != NULL, .asks_ahead = k->look_ahead.near != 0};
    /* One loop that asks what it is to do, and beside it two that need not, for the plain step that everything is
     * about: in cache, to ask for memory would cost 1.4 % and bring nothing. */
    if (form.extended || k->small_beta1 || k->small_beta2) {
        form.small_beta1 = k->small_beta1;
        form.small_beta2 = k->small_beta2;
        update_loop(k, e, tensor, first, n, form);
    } else if (form.asks_ahead) {
        update_loop(k, e, tensor, first, n, form);
    } else {
        update_loop(k, e, tensor, first, n, form);
    }
}
