/*
 * loops.h - the two traffic loops, once for every ISA. Included by each file of this folder after a vocabulary of
 * kernels/vec and BENCH_REGISTER, the constraint letter of the registers that its vectors live in. No intrinsics.
 */
#include "tables.h"

/* The compiler must not see that what is stored is what was loaded, or it would drop both. */
ADAMW_INLINE vfloat laundered(vfloat x)
{
    __asm__("" : "+" BENCH_REGISTER(x));
    return x;
}

/* Nor that a gradient is loaded for nothing. */
ADAMW_INLINE void consume(vfloat x) { __asm__ volatile("" : : BENCH_REGISTER(x)); }

/* Reads `count` vectors, or the first `tail` values of one, and writes them back where `writes`. */
ADAMW_INLINE void move(const char *from, int count, size_t tail, bool writes)
{
    char *at = (char *)(uintptr_t)from;
    vfloat x[4];
    ADAMW_UNROLL
    for (int i = 0; i < count; i++)
        x[i] = laundered(tail ? v_load_tail(at, tail) : v_load(at + (size_t)i * sizeof(vfloat)));
    ADAMW_UNROLL
    for (int i = 0; i < count; i++)
        if (!writes)
            consume(x[i]);
        else if (tail)
            v_store_tail(at, tail, x[i]);
        else
            v_store(at + (size_t)i * sizeof(vfloat), x[i]);
}

ADAMW_INLINE void move_streams(const adamw_update_streams *s, size_t at, int count, size_t tail,
                               const adamw_traits traits, bool clears)
{
    /* What a step writes back; another stream of the list does not compile before it is named here. */
    const bool writes_param = true, writes_grad = clears, writes_exp_avg = true, writes_exp_avg_sq = true,
               writes_max_exp_avg_sq = true;
#define MOVE(name, when)                                                                                             \
    if (when)                                                                                                        \
        move(s->name + at, count, tail, writes_##name);
    ADAMW_UPDATE_STREAMS(MOVE)
#undef MOVE
}

/* `clears`: the gradient is written as well. */
ADAMW_INLINE void traffic_loop(const adamw_update_streams *streams, size_t n, bool amsgrad, bool clears,
                               bool unrolled)
{
    const adamw_update_streams s = *streams;
    const adamw_traits traits = {.amsgrad = amsgrad};
    const size_t bytes = n * sizeof(float), four = 4 * sizeof(vfloat);
    size_t at = 0;
    for (; unrolled && at + four <= bytes; at += four)
        move_streams(&s, at, 4, 0, traits, clears);
    for (; at + sizeof(vfloat) <= bytes; at += sizeof(vfloat))
        move_streams(&s, at, 1, 0, traits, clears);
    if (LANES > 1 && n % LANES != 0)
        move_streams(&s, at, 1, n % LANES, traits, clears);
}

/* The first pass of the whole update: the gradients read. */
static double read_loop(const void *x, adamw_dtype dtype, size_t n, float scale, size_t prefetch)
{
    const char *from = (const char *)x;
    const size_t bytes = n * sizeof(float), four = 4 * sizeof(vfloat);
    size_t at = 0;
    (void)dtype, (void)scale, (void)prefetch;
    for (; at + four <= bytes; at += four)
        move(from + at, 4, 0, false);
    for (; at + sizeof(vfloat) <= bytes; at += sizeof(vfloat))
        move(from + at, 1, 0, false);
    if (LANES > 1 && n % LANES != 0)
        move(from + at, 1, n % LANES, false);
    return 0;
}

#define BENCH_DEFINE_LOOP(loop, amsgrad, clears, unrolled)                                                           \
    static void loop(const adamw_coefficients *k, const adamw_update_streams *s, size_t n)                           \
    {                                                                                                                \
        (void)k;                                                                                                     \
        traffic_loop(s, n, amsgrad, clears, unrolled);                                                               \
    }
BENCH_DEFINE_LOOP(plain, false, false, false)
BENCH_DEFINE_LOOP(plain_amsgrad, true, false, false)
BENCH_DEFINE_LOOP(plain_whole, true, true, false)
BENCH_DEFINE_LOOP(unrolled, false, false, true)
BENCH_DEFINE_LOOP(unrolled_amsgrad, true, false, true)
BENCH_DEFINE_LOOP(unrolled_whole, true, true, true)
#undef BENCH_DEFINE_LOOP

/* What AdamW moves is what Adam and TORCH's variants move. */
#define BENCH_TABLE(loop)                                                                                            \
    {                                                                                                                \
        .update = {[ADAMW_VARIANT_adamw] = loop,                                                                     \
                   [ADAMW_VARIANT_adamw_amsgrad] = loop##_amsgrad,                                                   \
                   [BENCH_WHOLE_UPDATE] = loop##_whole},                                                             \
        .sum_squares = read_loop                                                                                     \
    }
#define BENCH_PLAIN_TABLE BENCH_TABLE(plain)
#define BENCH_UNROLLED_TABLE BENCH_TABLE(unrolled)
