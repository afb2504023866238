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

ADAMW_INLINE void move_vector(char *at) { v_store(at, laundered(v_load(at))); }

ADAMW_INLINE void move_vectors(char *at)
{
    const vfloat a = laundered(v_load(at)), b = laundered(v_load(at + sizeof a)),
                 c = laundered(v_load(at + 2 * sizeof a)), d = laundered(v_load(at + 3 * sizeof a));
    v_store(at, a);
    v_store(at + sizeof a, b);
    v_store(at + 2 * sizeof a, c);
    v_store(at + 3 * sizeof a, d);
}

ADAMW_INLINE void consume_vectors(const char *at)
{
    consume(v_load(at));
    consume(v_load(at + sizeof(vfloat)));
    consume(v_load(at + 2 * sizeof(vfloat)));
    consume(v_load(at + 3 * sizeof(vfloat)));
}

ADAMW_INLINE void traffic_loop(const adamw_tensor *tensor, size_t first, size_t n, bool amsgrad, bool unrolled)
{
    char *param = (char *)tensor->param + first * sizeof(float);
    const char *grad = (const char *)tensor->grad + first * sizeof(float);
    char *exp_avg = (char *)tensor->exp_avg + first * sizeof(float);
    char *exp_avg_sq = (char *)tensor->exp_avg_sq + first * sizeof(float);
    char *max_exp_avg_sq = amsgrad ? (char *)tensor->max_exp_avg_sq + first * sizeof(float) : NULL;
    const size_t bytes = n * sizeof(float), four = 4 * sizeof(vfloat);
    size_t at = 0;

    for (; unrolled && at + four <= bytes; at += four) {
        move_vectors(param + at);
        consume_vectors(grad + at);
        move_vectors(exp_avg + at);
        move_vectors(exp_avg_sq + at);
        if (amsgrad)
            move_vectors(max_exp_avg_sq + at);
    }
    for (; at + sizeof(vfloat) <= bytes; at += sizeof(vfloat)) {
        move_vector(param + at);
        consume(v_load(grad + at));
        move_vector(exp_avg + at);
        move_vector(exp_avg_sq + at);
        if (amsgrad)
            move_vector(max_exp_avg_sq + at);
    }
    const size_t rest = n % LANES;
    if (LANES > 1 && rest != 0) {
        v_store_part(param + at, rest, laundered(v_load_part(param + at, rest)));
        consume(v_load_part(grad + at, rest));
        v_store_part(exp_avg + at, rest, laundered(v_load_part(exp_avg + at, rest)));
        v_store_part(exp_avg_sq + at, rest, laundered(v_load_part(exp_avg_sq + at, rest)));
        if (amsgrad)
            v_store_part(max_exp_avg_sq + at, rest, laundered(v_load_part(max_exp_avg_sq + at, rest)));
    }
}

/* The second pass of the whole update: every stream of it read and written, the gradient too, for it is cleared. */
ADAMW_INLINE void whole_loop(const adamw_tensor *tensor, size_t first, size_t n, bool unrolled)
{
    const size_t begin = first * sizeof(float), bytes = n * sizeof(float), four = 4 * sizeof(vfloat);
    char *const streams[] = {(char *)tensor->param + begin, (char *)(uintptr_t)tensor->grad + begin,
                             (char *)tensor->exp_avg + begin, (char *)tensor->exp_avg_sq + begin,
                             (char *)tensor->param_ema + begin};
    size_t at = 0;
    for (; unrolled && at + four <= bytes; at += four) {
        ADAMW_UNROLL
        for (int i = 0; i < 5; i++)
            move_vectors(streams[i] + at);
    }
    for (; at + sizeof(vfloat) <= bytes; at += sizeof(vfloat)) {
        ADAMW_UNROLL
        for (int i = 0; i < 5; i++)
            move_vector(streams[i] + at);
    }
    const size_t rest = n % LANES;
    for (int i = 0; LANES > 1 && rest != 0 && i < 5; i++)
        v_store_part(streams[i] + at, rest, laundered(v_load_part(streams[i] + at, rest)));
}

/* The first: the gradients read. */
static double read_loop(const void *x, adamw_dtype dtype, size_t n, float scale)
{
    const char *from = (const char *)x;
    const size_t bytes = n * sizeof(float), four = 4 * sizeof(vfloat);
    size_t at = 0;
    (void)dtype, (void)scale;
    for (; at + four <= bytes; at += four)
        consume_vectors(from + at);
    for (; at + sizeof(vfloat) <= bytes; at += sizeof(vfloat))
        consume(v_load(from + at));
    if (LANES > 1 && n % LANES != 0)
        consume(v_load_part(from + at, n % LANES));
    return 0;
}

static void whole_plain(const adamw_coefficients *k, const adamw_extras *e, const adamw_tensor *tensor, size_t first,
                        size_t n)
{
    (void)k, (void)e;
    whole_loop(tensor, first, n, false);
}

static void whole_unrolled(const adamw_coefficients *k, const adamw_extras *e, const adamw_tensor *tensor,
                           size_t first, size_t n)
{
    (void)k, (void)e;
    whole_loop(tensor, first, n, true);
}

#define BENCH_DEFINE_LOOP(name, amsgrad, unrolled)                                                                   \
    static void name(const adamw_coefficients *k, const adamw_tensor *tensor, size_t first, size_t n)                \
    {                                                                                                                \
        (void)k;                                                                                                     \
        traffic_loop(tensor, first, n, amsgrad, unrolled);                                                           \
    }
BENCH_DEFINE_LOOP(plain, false, false)
BENCH_DEFINE_LOOP(plain_amsgrad, true, false)
BENCH_DEFINE_LOOP(unrolled, false, true)
BENCH_DEFINE_LOOP(unrolled_amsgrad, true, true)
#undef BENCH_DEFINE_LOOP

/* Every variant moves the same bytes but for amsgrad. */
#define BENCH_PLAIN_ENTRY(name, torch, l2, amsgrad) [ADAMW_VARIANT_##name] = amsgrad ? plain_amsgrad : plain,
#define BENCH_UNROLLED_ENTRY(name, torch, l2, amsgrad) [ADAMW_VARIANT_##name] = amsgrad ? unrolled_amsgrad : unrolled,
#define BENCH_PLAIN_TABLE                                                                                            \
    {                                                                                                                \
        .update = {ADAMW_VARIANTS(BENCH_PLAIN_ENTRY)}, .extended = {whole_plain}, .sum_squares = read_loop           \
    }
#define BENCH_UNROLLED_TABLE                                                                                         \
    {                                                                                                                \
        .update = {ADAMW_VARIANTS(BENCH_UNROLLED_ENTRY)}, .extended = {whole_unrolled}, .sum_squares = read_loop     \
    }
