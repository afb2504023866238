/*
 * update.h - the update, once for every ISA and variant. Included by each file of kernels/isa after its vocabulary
 * (kernels/vec), it defines the kernels of ADAMW_VARIANTS.
 *
 * Every line of update_moments() and updated_param() is one operation of the vocabulary: one rounding. Their order is
 * the bits; it is laid down in kernels/ARITHMETIC.md. These functions are templates: the members of update_form are
 * constants where they are inlined (the small betas only in the loops without them). No intrinsics here.
 */
#include "kernels.h"

typedef struct update_form {
    adamw_traits traits; /* the variant */
    bool prefetches;     /* as coefficients.prefetch has it */
    root_mix mix;        /* as coefficients.roots has it */
    bool compensated;    /* the parameter carries a residual: */
    char *residual;
    bool small_beta1, small_beta2; /* the moments' forms for betas below one half */
} update_form;

/* A vector of each stream. */
typedef struct update_values {
    vfloat param, grad, exp_avg, exp_avg_sq, max_exp_avg_sq;
} update_values;

/* The moments; returns the second moment whose root divides. */
ADAMW_INLINE vfloat update_moments(const adamw_coefficients *k, update_values *x, const update_form form)
{
    const adamw_traits is = form.traits;
    vfloat p = x->param, g = x->grad, m = x->exp_avg, v = x->exp_avg_sq;

    if (is.torch && !is.l2)
        p = v_mul(p, v_set(k->torch.decay_factor));
    if (is.l2)
        g = v_fma(v_set(k->weight_decay), p, v_mul(v_set(k->sign), g));

    /* Without L2 the gradient keeps the caller's sign, and `sign`, -1 to maximize, turns it where it meets the first
     * moment: exact, and one operation less. */
    if (!form.small_beta1) {
        m = v_fma(v_set(k->c1), is.l2 ? v_sub(g, m) : v_fms(v_set(k->sign), g, m), m);
    } else {
        const vfloat turned = is.l2 ? g : v_mul(v_set(k->sign), g);
        if (is.torch)
            m = v_fnma(v_sub(turned, m), v_set(k->torch.one_minus_c1), turned);
        else
            m = v_fma(v_set(k->beta1), v_sub(m, turned), turned);
    }

    if (is.torch) {
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
    if (is.amsgrad)
        x->max_exp_avg_sq = v_max_or_nan(v, x->max_exp_avg_sq);
    return is.amsgrad ? x->max_exp_avg_sq : v;
}

/* The parameter, from the root of the second moment. In a bundle, where the mode is to nearest, the quotient by a
 * constant needs no divider. */
ADAMW_INLINE vfloat updated_param(const adamw_coefficients *k, vfloat p, vfloat m, vfloat root, const adamw_traits is,
                                  bool in_bundle)
{
    if (is.torch) {
        const vfloat divisor = v_set(k->torch.bias_correction2_sqrt);
        const vfloat root_hat =
            in_bundle ? v_div_by(root, divisor, v_set(k->torch.reciprocal)) : v_div(root, divisor);
        const vfloat denominator = v_add(root_hat, v_set(k->torch.eps));
        return v_add(p, v_div(v_mul(v_set(k->torch.negative_step_size), m), denominator));
    }
    const vfloat u = v_div(m, v_add(root, v_set(k->accurate.eps)));
    if (is.l2)
        return v_fnma(v_set(k->accurate.step_size), u, p);
    return v_sub(p, v_fma(v_set(k->accurate.step_size), u, v_mul(v_set(k->accurate.decay), p)));
}

/* What is added to the parameter where `residual` is what it lacks so far. */
ADAMW_INLINE vfloat param_change(const adamw_coefficients *k, vfloat p, vfloat residual, vfloat m, vfloat root,
                                 const adamw_traits is)
{
    const vfloat u = v_div(m, v_add(root, v_set(k->accurate.eps)));
    if (is.l2)
        return v_fnma(v_set(k->accurate.step_size), u, residual);
    const vfloat decay = v_mul(v_set(k->accurate.decay), v_add(p, residual));
    return v_sub(residual, v_fma(v_set(k->accurate.step_size), u, decay));
}

/* One vector at `at` bytes; where `tail` is not 0, only its first `tail` values. */
ADAMW_INLINE vfloat load(const char *from, size_t at, size_t tail)
{
    return tail ? v_load_tail(from + at, tail) : v_load(from + at);
}
ADAMW_INLINE void store(char *to, size_t at, size_t tail, vfloat x)
{
    if (tail)
        v_store_tail(to + at, tail, x);
    else
        v_store(to + at, x);
}

/* The values of a bundle that its second half needs of its first. */
typedef struct update_bundle {
    vfloat param[BUNDLE_MOST], exp_avg[BUNDLE_MOST], root[BUNDLE_MOST];
} update_bundle;

/* Whether vector i of a bundle is the first one in 64 bytes, a line of the cache on every CPU with bundles: its
 * prefetch serves them all. */
ADAMW_INLINE bool begins_line(int i) { return (size_t)i * sizeof(vfloat) % 64 == 0; }

ADAMW_INLINE void prefetch_streams(const adamw_update_streams *s, size_t ahead, prefetch_level level,
                                   const adamw_traits traits)
{
#define PREFETCH(name, when)                                                                                         \
    if (when)                                                                                                        \
        prefetch_ahead(s->name, ahead, level);
    ADAMW_UPDATE_STREAMS(PREFETCH)
#undef PREFETCH
}

/* The first half of a bundle at `at`: the moments and roots of `count` vectors: a whole bundle, or 1 and then perhaps
 * only its first `tail` values. */
ADAMW_INLINE update_bundle update_begin(const adamw_coefficients *k, const adamw_update_streams *s, size_t at,
                                        int count, size_t tail, const update_form form)
{
    update_bundle b = {.root = {v_set(0)}}; /* all are set below; gcc's analyser does not see it */
    ADAMW_UNROLL
    for (int i = 0; i < count; i++) {
        const size_t here = at + (size_t)i * sizeof(vfloat);
        if (form.prefetches && begins_line(i))
            prefetch_streams(s, here + k->prefetch.near, FIRST_LEVEL, form.traits);
        update_values x = {.param = load(s->param, here, tail),
                           .grad = load(s->grad, here, tail),
                           .exp_avg = load(s->exp_avg, here, tail),
                           .exp_avg_sq = load(s->exp_avg_sq, here, tail)};
        if (form.traits.amsgrad)
            x.max_exp_avg_sq = load(s->max_exp_avg_sq, here, tail);
        b.root[i] = update_moments(k, &x, form);
        store(s->exp_avg, here, tail, x.exp_avg);
        store(s->exp_avg_sq, here, tail, x.exp_avg_sq);
        if (form.traits.amsgrad)
            store(s->max_exp_avg_sq, here, tail, x.max_exp_avg_sq);
        b.param[i] = x.param;
        b.exp_avg[i] = x.exp_avg;
    }
    if (form.prefetches && k->prefetch.far != 0) {
        ADAMW_UNROLL
        for (int i = 0; i < count; i++)
            if (begins_line(i))
                prefetch_streams(s, at + (size_t)i * sizeof(vfloat) + k->prefetch.far, SECOND_LEVEL, form.traits);
    }
    if (count > 1)
        v_sqrt_bundle(b.root, form.mix);
    else
        b.root[0] = v_sqrt(b.root[0]);
    if (tail) /* idle lanes divide by 1: with eps 0 they would be 0/0, which a caller may trap */
        b.root[0] = v_tail_or_one(b.root[0], tail);
    return b;
}

/* The second half: the quotients and parameters. */
ADAMW_INLINE void update_finish(const adamw_coefficients *k, const adamw_update_streams *s, size_t at, int count,
                                size_t tail, const update_form form, const update_bundle *bundle)
{
    ADAMW_UNROLL
    for (int i = 0; i < count; i++) {
        const size_t here = at + (size_t)i * sizeof(vfloat);
        if (form.compensated) {
            const vfloat p = bundle->param[i];
            const vfloat change =
                param_change(k, p, load(form.residual, here, tail), bundle->exp_avg[i], bundle->root[i], form.traits);
            const vfloat sum = v_add(p, change);
            store(s->param, here, tail, sum);
            store(form.residual, here, tail, v_sub(change, v_sub(sum, p)));
            continue;
        }
        store(s->param, here, tail,
              updated_param(k, bundle->param[i], bundle->exp_avg[i], bundle->root[i], form.traits, count > 1));
    }
}

/* One vector, or its first `tail` values; its root comes from the divide and square-root unit. */
ADAMW_INLINE void update_vector(const adamw_coefficients *k, const adamw_update_streams *s, size_t at, size_t tail,
                                const update_form form)
{
    const update_bundle one = update_begin(k, s, at, 1, tail, form);
    update_finish(k, s, at, 1, tail, form, &one);
}

/* Whole bundles, as many as there are; returns where they end. */
ADAMW_INLINE size_t update_bundles(const adamw_coefficients *k, const adamw_update_streams *s, size_t bytes,
                                   const update_form form)
{
    const int count = form.mix.bundle;
    const size_t whole = (size_t)count * sizeof(vfloat);
    size_t at = 0;
    if (!form.mix.overlap) {
        for (; at + whole <= bytes; at += whole) {
            const update_bundle b = update_begin(k, s, at, count, 0, form);
            update_finish(k, s, at, count, 0, form, &b);
        }
        return at;
    }
    if (bytes < whole)
        return 0;
    /* A bundle's quotients wait until the next one's roots have begun; otherwise each unit idles while the other
     * works. */
    update_bundle now = update_begin(k, s, at, count, 0, form);
    for (; at + 2 * whole <= bytes; at += whole) {
        const update_bundle next = update_begin(k, s, at + whole, count, 0, form);
        update_finish(k, s, at, count, 0, form, &now);
        now = next;
    }
    update_finish(k, s, at, count, 0, form, &now);
    return at + whole;
}

/* The values from `at` on, vector by vector. The tail runs the same body on a part of a vector, so that an element's
 * bits never depend on its index. */
ADAMW_INLINE void update_rest(const adamw_coefficients *k, const adamw_update_streams *s, size_t at, size_t n,
                              const update_form form)
{
    for (; at + sizeof(vfloat) <= n * sizeof(float); at += sizeof(vfloat))
        update_vector(k, s, at, 0, form);
    if (LANES > 1 && n % LANES != 0)
        update_vector(k, s, at, n % LANES, form);
}

/* Whole bundles, and then the rest; bundles of several vectors are right to nearest alone. */
ADAMW_INLINE size_t update_most(const adamw_coefficients *k, const adamw_update_streams *s, size_t n,
                                const update_form form)
{
    return form.mix.bundle == 1 || k->to_nearest ? update_bundles(k, s, n * sizeof(float), form) : 0;
}

/* Four specialisations of the loop over bundles: the common case with and without prefetching (whose instructions
 * cost 1.4 % in cache), for CPUs with a quick divider one that tests this at run time, as none of them is known to
 * gain by prefetching, and a slow path for small betas that tests everything at run time. The few vectors behind the
 * last bundle test everything as well, so that all four share them. */
ADAMW_INLINE void update_forms(const adamw_coefficients *coefficients, const adamw_update_streams *streams, size_t n,
                               const adamw_traits traits)
{
    /* Copies that no store can alias: their members stay in registers. */
    const adamw_coefficients k = *coefficients;
    const adamw_update_streams s = *streams;
    const update_form rest = {.traits = traits,
                              .prefetches = k.prefetch.near != 0,
                              .mix = root_mixes[ADAMW_ROOTS_FMA],
                              .small_beta1 = k.small_beta1,
                              .small_beta2 = k.small_beta2};
    update_form form = rest;
    size_t at;
    if (k.small_beta1 || k.small_beta2) {
        form.mix.overlap = false;
        at = update_most(&k, &s, n, form);
    } else {
        form.small_beta1 = form.small_beta2 = false;
        if (BUNDLE_MOST > 1 && k.roots == ADAMW_ROOTS_DIVIDER) {
            form.mix = root_mixes[ADAMW_ROOTS_DIVIDER];
            at = update_most(&k, &s, n, form);
        } else if (form.prefetches) {
            at = update_most(&k, &s, n, form);
        } else {
            at = update_most(&k, &s, n, form);
        }
    }
    update_rest(coefficients, streams, at, n, rest); /* not the copies, which would take registers from the loops */
}

/* One loop for each of the ACCURATE variants, which tests everything else at run time. */
static void update_compensated(const adamw_coefficients *coefficients, const adamw_update_streams *streams,
                               void *residual, size_t n, adamw_variant variant)
{
    const adamw_coefficients k = *coefficients; /* as in update_forms() */
    const adamw_update_streams s = *streams;
    update_form form = {.prefetches = k.prefetch.near != 0,
                        .mix = root_mixes[ADAMW_ROOTS_FMA],
                        .compensated = true,
                        .residual = (char *)residual,
                        .small_beta1 = k.small_beta1,
                        .small_beta2 = k.small_beta2};
#define LOOP(name)                                                                                                   \
    case ADAMW_VARIANT_##name:                                                                                       \
        form.traits = adamw_variant_traits[ADAMW_VARIANT_##name];                                                    \
        update_rest(&k, &s, update_most(&k, &s, n, form), n, form);                                                  \
        break;
    switch (variant) {
        LOOP(adamw)
        LOOP(adamw_amsgrad)
        LOOP(adam_l2)
        LOOP(adam_l2_amsgrad)
    default: /* TORCH has no such form */
        break;
    }
#undef LOOP
}
