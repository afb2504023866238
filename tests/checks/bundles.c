/*
 * bundles.c - the roots of bundles that leave the divider alone (sqrt_from in kernels/vec). An estimate of the
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
        vec->run[VEC_sqrt_bundle](a, a, a, first, BATCH);
        vec->run[VEC_sqrt_bundle_last](a, a, a, last, BATCH);
        adamw_float_env_set(env);
        for (int i = 0; i < BATCH; i++)
            if (canonical_bits(first[i]) != canonical_bits(last[i]))
                return check_fail("the root of %a in a bundle of %s%s is %a or %a, by its place", (double)a[i],
                                  adamw_isa_name(isa), round % 2 ? ", flushing subnormals," : "", (double)first[i],
                                  (double)last[i]);
    }
    return true;
}

bool check_bundles(const check_options *options)
{
    bool any = false;
    FOR_EACH_ISA(options, isa)
    {
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
