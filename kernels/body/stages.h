/*
 * stages.h - the small passes around the update, each over a block that stays in the first-level cache, once for
 * every ISA: what widens and scales before it, what rounds, averages and copies after it. run/stages.c puts them in
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

/* Values at a place: all of a vector, known where this is inlined, or the last few. */
ADAMW_INLINE void narrow_at(char *to, const char *from, adamw_dtype dtype, size_t at, size_t values)
{
    const vfloat x = load_as(from + at * 4, ADAMW_DTYPE_FLOAT32, values);
    if (dtype == ADAMW_DTYPE_BFLOAT16)
        v_store_bf16(to + at * 2, values, x);
    else
        v_store_f16(to + at * 2, values, x);
}

ADAMW_INLINE void narrow_to(char *to, const char *from, adamw_dtype dtype, size_t n)
{
    size_t at = 0;
    for (; at + LANES <= n; at += LANES)
        narrow_at(to, from, dtype, at, LANES);
    if (at < n)
        narrow_at(to, from, dtype, at, n - at);
}

/* float32 to a narrower dtype, to nearest even. */
static void narrow(void *to, adamw_dtype dtype, const void *from, size_t n)
{
    if (dtype == ADAMW_DTYPE_BFLOAT16)
        narrow_to((char *)to, (const char *)from, ADAMW_DTYPE_BFLOAT16, n);
    else
        narrow_to((char *)to, (const char *)from, ADAMW_DTYPE_FLOAT16, n);
}

ADAMW_INLINE void widen_from(char *to, const char *from, adamw_dtype dtype, size_t n, size_t prefetch)
{
    const size_t size = dtype_size(dtype);
    size_t at = 0;
    for (; at + LANES <= n; at += LANES) {
        if (prefetch != 0)
            prefetch_ahead(from + at * size, prefetch, FIRST_LEVEL);
        v_store(to + at * 4, load_as(from + at * size, dtype, LANES));
    }
    if (at < n)
        v_store_tail(to + at * 4, n - at, load_as(from + at * size, dtype, n - at));
}

/* Any dtype to float32, exactly. */
static void widen(void *to, const void *from, adamw_dtype dtype, size_t n, size_t prefetch){
#define WIDEN(constant) widen_from((char *)to, (const char *)from, constant, n, prefetch)
    FOR_DTYPE(dtype, WIDEN)
#undef WIDEN
}

/*
 * A random word for each value: a function of the keys and the value's place alone. Two multiplications and three
 * shifts mix the place (the constants are Chris Wellons' lowbias32); the second key between them makes each pair of
 * keys a sequence of its own, not an order of the same words.
 */
ADAMW_INLINE vbits random_words(vbits place, const adamw_random *random)
{
    vbits x = b_xor(place, b_set(random->key[0]));
    x = b_mul(b_xor(x, b_right(x, 16)), b_set(0x7FEB352D));
    x = b_add(x, b_set(random->key[1]));
    x = b_mul(b_xor(x, b_right(x, 15)), b_set(0x846CA68B));
    return b_xor(x, b_right(x, 16));
}

/* `fraction` of 16 bits is added below the bfloat16: a carry is the step up. */
ADAMW_INLINE void store_bf16_randomly(char *to, const char *from, size_t at, size_t values, vbits fraction)
{
    const vfloat x = v_one_nan(load_as(from + at * 4, ADAMW_DTYPE_FLOAT32, values));
    b_store16(to + at * 2, values, b_right(b_add(v_bits(x), fraction), 16));
}

ADAMW_INLINE void narrow_pair_at(char *to_low, const char *from_low, char *to_high, const char *from_high, size_t at,
                                 size_t values, const adamw_random *by)
{
    const vbits word = random_words(b_add(b_lanes(), b_set(by->index + (uint32_t)at)), by);
    if (to_low != NULL)
        store_bf16_randomly(to_low, from_low, at, values, b_and(word, b_set(0xFFFF)));
    if (to_high != NULL)
        store_bf16_randomly(to_high, from_high, at, values, b_right(word, 16));
}

ADAMW_INLINE void narrow_pair(char *to_low, const char *from_low, char *to_high, const char *from_high, size_t n,
                              const adamw_random *by)
{
    size_t at = 0;
    for (; at + LANES <= n; at += LANES)
        narrow_pair_at(to_low, from_low, to_high, from_high, at, LANES, by);
    if (at < n)
        narrow_pair_at(to_low, from_low, to_high, from_high, at, n - at, by);
}

static void narrow_randomly(void *to_low, const void *from_low, void *to_high, const void *from_high, size_t n,
                            const adamw_random *random)
{
    const adamw_random by = *random; /* a copy that no store can alias */
    char *const low = (char *)to_low, *const high = (char *)to_high;
    if (low != NULL && high != NULL)
        narrow_pair(low, (const char *)from_low, high, (const char *)from_high, n, &by);
    else if (low != NULL)
        narrow_pair(low, (const char *)from_low, NULL, NULL, n, &by);
    else
        narrow_pair(NULL, NULL, high, (const char *)from_high, n, &by);
}

ADAMW_INLINE void split_at(char *high, char *low, const char *from, size_t at, size_t values)
{
    const vbits x = v_bits(v_one_nan(load_as(from + at * 4, ADAMW_DTYPE_FLOAT32, values)));
    b_store16(high + at * 2, values, b_right(b_add(x, b_set(0x8000)), 16));
    b_store16(low + at * 2, values, x);
}

/* The upper half is the nearest bfloat16 (of two that are as near, the one that is larger in magnitude), the lower
 * one the 16 bits that it lacks, as a signed number. */
static void split(void *high, void *low, const void *from, size_t n)
{
    size_t at = 0;
    for (; at + LANES <= n; at += LANES)
        split_at((char *)high, (char *)low, (const char *)from, at, LANES);
    if (at < n)
        split_at((char *)high, (char *)low, (const char *)from, at, n - at);
}

/* The sign of the lower half: x - 0x8000 of x with its sign bit turned. */
ADAMW_INLINE vfloat joined(const char *high, const char *low, size_t at, size_t values)
{
    const vbits upper = b_left(b_load16(high + at * 2, values), 16), lower = b_load16(low + at * 2, values);
    return v_of_bits(b_add(upper, b_sub(b_xor(lower, b_set(0x8000)), b_set(0x8000))));
}

static void join(void *to, const void *high, const void *low, size_t n, size_t prefetch)
{
    const char *const upper = (const char *)high, *const lower = (const char *)low;
    size_t at = 0;
    for (; at + LANES <= n; at += LANES) {
        if (prefetch != 0) {
            prefetch_ahead(upper + at * 2, prefetch, FIRST_LEVEL);
            prefetch_ahead(lower + at * 2, prefetch, FIRST_LEVEL);
        }
        v_store((char *)to + at * 4, joined(upper, lower, at, LANES));
    }
    if (at < n)
        v_store_tail((char *)to + at * 4, n - at, joined(upper, lower, at, n - at));
}
