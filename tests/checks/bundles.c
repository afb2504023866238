/*
 * bundles.c - what bundles compute without the divider: roots (sqrt_from in kernels/vec) and quotients by a constant
 * (v_div_by). An estimate of the
 * hardware starts them, and CPUs differ in it: each root is taken from both ends of what the architecture promises,
 * from the middle, and from a random place between. A power of 4 changes no mantissa, so 2^24 operands are all there
 * are; --full takes them all.
 */
#include "../../kernels/dispatch/float_env.h"
#include "../vec/operations.h"

#include "check.h"

#include <math.h>

enum { BATCH = 1024 };

typedef struct batch {
    adamw_isa isa;
    int n;
    float a[BATCH], estimate[BATCH], want[BATCH];
} batch;

/* The roots that have been gathered. */
static bool batch_agrees(batch *x)
{
    float out[BATCH];
    for (int i = x->n; i < BATCH; i++)
        x->a[i] = x->estimate[i] = 1;
    vec_operations_of(x->isa)->sqrt_from(x->a, x->estimate, x->a, out, BATCH);
    for (int i = 0; i < x->n; i++)
        if (bits_of_float(out[i]) != bits_of_float(x->want[i]))
            return check_fail("the root of %a from the estimate %a of %s is %a, not %a", (double)x->a[i],
                              (double)x->estimate[i], adamw_isa_name(x->isa), (double)out[i], (double)x->want[i]);
    x->n = 0;
    return true;
}

/* Gathers the root of 4^k * a, for some k, from an estimate that lies at `place` between -1 and 1 of what is
 * promised, and not beyond it after its own rounding. */
static bool root_agrees(batch *x, float a, double place, uint64_t random)
{
    const int k = (int)(random % 63) - 44; /* from 2^-88 up to 2^38 */
    const double root = sqrt((double)a);   /* rounding this to float is known to equal rounding once */
    const double error = vec_operations_of(x->isa)->sqrt_estimate * place * (1 - 0x1p-9);
    x->a[x->n] = ldexpf(a, 2 * k);
    x->estimate[x->n] = ldexpf((float)((1 + error) / root), -k);
    x->want[x->n] = ldexpf((float)root, k);
    return ++x->n < BATCH || batch_agrees(x);
}

static bool roots_agree(const check_options *options, adamw_isa isa)
{
    const uint32_t stride = options->full ? 1 : options->quick ? 4099 : 61;
    batch x = {.isa = isa};
    for (uint32_t mantissa = 0; mantissa < 1u << 24; mantissa += stride) { /* from 1 to 4: both kinds of exponent */
        const float a = float_of_bits(0x3F800000 + mantissa);
        const uint64_t random = mix64(options->seed + mantissa);
        const double between = (double)(random >> 11) * 0x1p-52 - 1;
        if (!root_agrees(&x, a, -1, random) || !root_agrees(&x, a, 0, random) || !root_agrees(&x, a, 1, random) ||
            !root_agrees(&x, a, between, random))
            return false;
    }
    return batch_agrees(&x);
}

/* The roots that lie nearest to the middle Q/2 between two floats, where Q*Q is 25 bits and little more: from many
 * estimates. */
static bool hardest_roots_agree(adamw_isa isa)
{
    batch x = {.isa = isa};
    for (uint64_t middle = (1u << 24) + 1; middle < 1u << 25; middle += 2) {
        const uint64_t square = middle * middle, rounded = (square + (1u << 24)) >> 25;
        const int64_t distance = (int64_t)square - (int64_t)(rounded << 25);
        for (int i = -1000; distance > -64 && distance < 64 && i <= 1000; i++)
            if (!root_agrees(&x, (float)rounded * 0x1p-23f, i / 1000.0, mix64(middle)))
                return false;
    }
    return batch_agrees(&x);
}

/* Around the ends of what the FMA units can do, where residuals begin to be subnormal, and anywhere. */
static float operand(uint64_t random)
{
    static const uint32_t edges[] = {0x12800000, 0x52800000, 0x0C800000, 0x00800000,
                                     0x7F800000, 0x00000000, 0x7FC00000};
    const uint32_t sign = (uint32_t)(random >> 32) & 0x80000000;
    switch (random % 4) {
    case 0:
        return float_of_bits((edges[(random >> 8) % 7] + (uint32_t)(random >> 16) % 3 - 1) ^ sign);
    case 1:
        return float_of_bits((uint32_t)(random >> 8));
    default: /* 2^-102 up to 2^-66 */
        return float_of_bits(((uint32_t)(random >> 8) & 0x807FFFFF) | (25 + (uint32_t)(random >> 40) % 36) << 23);
    }
}

/* A value does not show where in a bundle it lay, also where the caller flushes subnormals. */
static bool places_agree(const check_options *options, adamw_isa isa)
{
    const vec_operations *vec = vec_operations_of(isa);
    const uint64_t env = adamw_float_env_get();
    uint64_t counter = mix64(options->seed + 7);
    for (int round = 0; round < (options->quick ? 200 : 4000); round++) {
        float a[BATCH], first[BATCH], last[BATCH];
        for (int i = 0; i < BATCH; i++)
            a[i] = operand(mix64(++counter));
#if defined(__x86_64__)
        adamw_float_env_set(env | (round % 2 ? 0x8040 : 0)); /* FTZ and DAZ */
#endif
        const bool fma = round / 2 % 2;
        vec->run[fma ? VEC_sqrt_bundle : VEC_sqrt_divider](a, a, a, first, BATCH);
        vec->run[fma ? VEC_sqrt_bundle_last : VEC_sqrt_divider_last](a, a, a, last, BATCH);
        adamw_float_env_set(env);
        for (int i = 0; i < BATCH; i++)
            if (canonical_bits(first[i]) != canonical_bits(last[i]))
                return check_fail("the root of %a in a bundle of %s%s is %a or %a, by its place", (double)a[i],
                                  adamw_isa_name(isa), round % 2 ? ", flushing subnormals," : "", (double)first[i],
                                  (double)last[i]);
    }
    return true;
}

/* ---- quotients by a constant ---- */

typedef struct quotients {
    adamw_isa isa;
    int n;
    float a[BATCH], d[BATCH];
} quotients;

/* The quotients that have been gathered, in the caller's mode and where subnormals are flushed. */
static bool quotients_agree(quotients *x)
{
    const uint64_t env = adamw_float_env_get();
    float reciprocal[BATCH], out[BATCH], want[BATCH];
    for (int i = x->n; i < BATCH; i++)
        x->a[i] = x->d[i] = 1;
    for (int flush = 0; flush < 2; flush++) {
#if defined(__x86_64__)
        adamw_float_env_set(env | (flush ? 0x8040 : 0)); /* FTZ and DAZ */
#endif
        for (int i = 0; i < BATCH; i++) {
            reciprocal[i] = 1 / x->d[i];
            want[i] = x->a[i] / x->d[i];
        }
        vec_operations_of(x->isa)->div_by(x->a, x->d, reciprocal, out, BATCH);
        adamw_float_env_set(env);
        for (int i = 0; i < BATCH; i++)
            if (canonical_bits(out[i]) != canonical_bits(want[i]))
                return check_fail("the quotient %a / %a of %s%s is %a, not %a", (double)x->a[i], (double)x->d[i],
                                  adamw_isa_name(x->isa), flush ? ", flushing subnormals," : "", (double)out[i],
                                  (double)want[i]);
    }
    x->n = 0;
    return true;
}

/* Gathers X/D times powers of two: any of a root, from 2^-74 up, and for D's of a divisor, down to 2^-27. */
static bool quotient_agrees(quotients *x, uint32_t a, uint32_t d, uint64_t random)
{
    x->a[x->n] = ldexpf((float)a, (int)(random % 138) - 74 - 23);
    x->d[x->n] = ldexpf((float)d, -(int)(random >> 32) % 26 - 1 - 23);
    return ++x->n < BATCH || quotients_agree(x);
}

/*
 * The dividends whose quotient by d lies nearest to the middle of two floats, for both binades of the quotient: the
 * middle is m * 2^-bits with an odd m of 25 bits, bits is 25 where the quotient is below 1 and 24 above, and
 * a * 2^bits = m*d + k. ARITHMETIC.md shows that no other than |k| <= 5 can be rounded wrongly.
 */
static bool hardest_quotients_agree(quotients *x, uint32_t d, uint64_t random)
{
    const int even = __builtin_ctz(d);
    const uint32_t odd = d >> even;
    uint32_t inverse =
        odd; /* modulo 2^32, by Newton's iteration: each doubles the right bits, of which 3 are there */
    for (int i = 0; i < 4; i++)
        inverse *= 2 - odd * inverse;
    for (int bits = 24; bits <= 25; bits++)
        for (int k = -7; k <= 7; k++) {
            if (k == 0 || __builtin_ctz((unsigned)k) != even)
                continue;
            const uint32_t period = 1u << (bits - even);
            uint32_t m = ((uint32_t)(-k / (1 << even)) * inverse) & (period - 1);
            for (; m < 1u << 25; m += period) {
                const uint64_t a = ((uint64_t)m * d + (uint64_t)(int64_t)k) >> bits;
                const bool fits = bits == 25 ? a >= 1u << 23 && a < d : a >= d && a < 1u << 24;
                if (m > 1u << 24 && fits && !quotient_agrees(x, (uint32_t)a, d, mix64(random + m)))
                    return false;
            }
        }
    return true;
}

static bool all_quotients_agree(const check_options *options, adamw_isa isa)
{
    /* Roots of everything there is: zeros, the smallest and largest float, what is none; and both ends of divisors. */
    static const float ends[] = {0.0f, -0.0f, 0x1.6a09e6p-75f, 0x1p-74f, 1, 0x1.fffffep63f, INFINITY, NAN};
    static const uint32_t divisors[] = {0x3F800000, 0x3F7FFFFF, 0x32350481 /* sqrt(2^-53) */, 0x32800000};
    const uint32_t stride = options->full ? 1 : options->quick ? 4099 : 61;
    quotients x = {.isa = isa};
    for (uint32_t d = 1u << 23; d < 1u << 24; d += stride) {
        const uint64_t random = mix64(options->seed + d);
        if (!hardest_quotients_agree(&x, d, random) ||
            !quotient_agrees(&x, 1u << 23 | (uint32_t)(random >> 41), d, mix64(random)))
            return false;
    }
    for (size_t i = 0; i < sizeof ends / sizeof ends[0]; i++)
        for (size_t k = 0; k < sizeof divisors / sizeof divisors[0]; k++) {
            x.a[x.n] = ends[i];
            x.d[x.n] = float_of_bits(divisors[k]);
            if (++x.n == BATCH && !quotients_agree(&x))
                return false;
        }
    return quotients_agree(&x);
}

bool check_bundles(const check_options *options)
{
    bool any = false;
    FOR_EACH_ISA(options, isa)
    {
        if (!all_quotients_agree(options, isa))
            return false;
        if (vec_operations_of(isa)->sqrt_from == NULL)
            continue;
        any = true;
        if (!roots_agree(options, isa) || !hardest_roots_agree(isa) || !places_agree(options, isa))
            return false;
    }
    if (!any)
        check_skip("no instruction set with such roots runs here");
    return true;
}
