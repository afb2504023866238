/*
 * stages.h - the small passes around the update, each over a block that stays in the first-level cache, once for every
 * ISA: what scales a gradient before it, what averages and copies the parameter after it. run/stages.c puts them in
 * their order. No intrinsics here.
 */
#include "dtypes.h"

/* a + weight * (b - a), as torch.lerp has it: from the nearer end; `keep` is 1 - weight. */
ADAMW_INLINE vfloat lerp(vfloat a, vfloat b, float weight, float keep)
{
    return weight < 0.5f ? v_fma(v_set(weight), v_sub(b, a), a) : v_fnma(v_sub(b, a), v_set(keep), b);
}

ADAMW_INLINE vfloat scaled_grad(vfloat grad, const adamw_grad_scaling *by)
{
    return v_mul(v_set(by->factor), v_clamp(v_mul(v_set(by->scale), grad), v_set(by->limit)));
}

ADAMW_INLINE void scale_grad_of(char *to, const char *grad, adamw_dtype dtype, size_t n, const adamw_grad_scaling *by,
                                size_t prefetch)
{
    const size_t size = dtype_size(dtype);
    size_t at = 0;
    for (; at + LANES <= n; at += LANES) {
        if (prefetch != 0)
            prefetch_ahead(grad + at * size, prefetch, FIRST_LEVEL);
        v_store(to + at * 4, scaled_grad(load_as(grad + at * size, dtype, LANES), by));
    }
    if (at < n) /* never with one lane */
        v_store_tail(to + at * 4, n - at, scaled_grad(load_as(grad + at * size, dtype, n - at), by));
}

/* The gradient, widened, scaled and clipped. */
static void scale_grad(void *to, const void *grad, adamw_dtype dtype, size_t n, const adamw_grad_scaling *scaling,
                       size_t prefetch)
{
    const adamw_grad_scaling by = *scaling; /* a copy that no store can alias */
#define SCALE(constant) scale_grad_of((char *)to, (const char *)grad, constant, n, &by, prefetch)
    FOR_DTYPE(dtype, SCALE)
#undef SCALE
}

static void average(void *average, const void *param, size_t n, float weight, float keep, size_t prefetch)
{
    char *to = (char *)average;
    const char *from = (const char *)param;
    size_t at = 0;
    for (; at + LANES <= n; at += LANES) {
        if (prefetch != 0)
            prefetch_ahead(to + at * 4, prefetch, FIRST_LEVEL);
        v_store(to + at * 4, lerp(v_load(to + at * 4), v_load(from + at * 4), weight, keep));
    }
    if (at < n)
        v_store_tail(to + at * 4, n - at,
                     lerp(v_load_tail(to + at * 4, n - at), v_load_tail(from + at * 4, n - at), weight, keep));
}

/* float32 to a narrower dtype, to nearest even. */
static void narrow(void *to, adamw_dtype dtype, const void *from, size_t n)
{
    for (size_t at = 0; at < n; at += LANES) {
        const size_t values = n - at < LANES ? n - at : LANES;
        const char *here = (const char *)from + at * 4;
        const vfloat x = values < LANES ? v_load_tail(here, values) : v_load(here);
        if (dtype == ADAMW_DTYPE_BFLOAT16)
            v_store_bf16((char *)to + at * 2, values, x);
        else
            v_store_f16((char *)to + at * 2, values, x);
    }
}
