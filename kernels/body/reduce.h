/*
 * reduce.h - sums of squares, largest magnitudes and sums of gradients, once for every ISA. Included by each file of
 * kernels/isa after its vocabulary. No intrinsics here.
 *
 * A sum of squares runs in double over 16 virtual lanes, value i in lane i % 16, whatever the vector holds, and ends
 * in one fixed fold: no ISA shows. The square of a float32 is exact in double, so each addition is the only rounding.
 */
#include "dtypes.h"

/* Vectors that hold 16 values. */
enum { GROUP = SUM_LANES / LANES };

ADAMW_INLINE size_t left(size_t n, size_t at) { return at < n ? n - at : 0; }

static double fold(const vsum *sum)
{
    double lane[SUM_LANES];
    v_sum_store(lane, sum);
    for (int width = SUM_LANES / 2; width != 0; width /= 2)
        for (int i = 0; i < width; i++)
            lane[i] += lane[i + width];
    return lane[0];
}

/* The sixteen values at `at`, or as many as are left. */
ADAMW_INLINE void add_group(vsum *sum, const char *x, adamw_dtype dtype, size_t at, size_t n, float scale)
{
    vfloat group[GROUP];
    ADAMW_UNROLL
    for (int i = 0; i < GROUP; i++) {
        const size_t here = at + (size_t)i * LANES;
        group[i] = v_mul(v_set(scale), load_as(x + here * dtype_size(dtype), dtype, left(n, here)));
    }
    v_sum_squares(sum, group);
}

ADAMW_INLINE double sum_squares_of(const char *x, adamw_dtype dtype, size_t n, float scale, size_t prefetch)
{
    const size_t whole = n - n % SUM_LANES;
    vsum sum = v_sum_zero();
    for (size_t at = 0; at < whole; at += SUM_LANES) {
        if (prefetch != 0)
            prefetch_ahead(x + at * dtype_size(dtype), prefetch, FIRST_LEVEL);
        add_group(&sum, x, dtype, at, at + SUM_LANES, scale); /* no length to ask about: whole vectors */
    }
    if (whole < n)
        add_group(&sum, x, dtype, whole, n, scale);
    return fold(&sum);
}

ADAMW_INLINE float abs_max_of(const char *x, adamw_dtype dtype, size_t n)
{
    vfloat largest = v_set(0);
    for (size_t at = 0; at < n; at += LANES)
        largest = v_max_or_nan(v_abs(load_as(x + at * dtype_size(dtype), dtype, n - at)), largest);
    float lane[LANES];
    v_store(lane, largest);
    for (int i = 1; i < LANES; i++)
        lane[0] = lane[i] > lane[0] || lane[i] != lane[i] ? lane[i] : lane[0];
    return lane[0];
}

ADAMW_INLINE void accumulate_as(char *sum, const char *x, adamw_dtype dtype, size_t n)
{
    size_t at = 0;
    for (; at + LANES <= n; at += LANES)
        v_store(sum + at * 4, v_add(v_load(sum + at * 4), load_as(x + at * dtype_size(dtype), dtype, n - at)));
    if (at < n) /* never with one lane */
        v_store_tail(sum + at * 4, n - at,
                     v_add(v_load_tail(sum + at * 4, n - at), load_as(x + at * dtype_size(dtype), dtype, n - at)));
}

static double sum_squares(const void *x, adamw_dtype dtype, size_t n, float scale, size_t prefetch)
{
    double sum = 0;
#define SUM(constant) sum = sum_squares_of((const char *)x, constant, n, scale, prefetch)
    FOR_DTYPE(dtype, SUM)
#undef SUM
    return sum;
}

static float abs_max(const void *x, adamw_dtype dtype, size_t n)
{
    float largest = 0;
#define MAX(constant) largest = abs_max_of((const char *)x, constant, n)
    FOR_DTYPE(dtype, MAX)
#undef MAX
    return largest;
}

static void accumulate(void *sum, const void *x, adamw_dtype dtype, size_t n)
{
#define ADD(constant) accumulate_as((char *)sum, (const char *)x, constant, n)
    FOR_DTYPE(dtype, ADD)
#undef ADD
}

/* sum (after - before)^2, the difference rounded to float32. */
static double sum_square_changes(const void *before, const void *after, size_t n)
{
    vsum sum = v_sum_zero();
    for (size_t at = 0; at < n; at += SUM_LANES) {
        vfloat group[GROUP];
        ADAMW_UNROLL
        for (int i = 0; i < GROUP; i++) {
            const size_t here = at + (size_t)i * LANES, values = left(n, here);
            group[i] = v_sub(load_as((const char *)after + here * 4, ADAMW_DTYPE_FLOAT32, values),
                             load_as((const char *)before + here * 4, ADAMW_DTYPE_FLOAT32, values));
        }
        v_sum_squares(&sum, group);
    }
    return fold(&sum);
}
