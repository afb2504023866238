/*
 * vocabulary.c - each operation of each ISA's vocabulary (kernels/vec) against the same in plain C. Whatever helper
 * replaces an IEEE operation is checked here, over all its operands where one lifetime is enough for that.
 */
#include "../vec/operations.h"

#include "check.h"

#include <fenv.h>
#include <math.h>
#include <string.h>

/* x rounded to nearest even in a format with `bits` bits behind the leading one and exponents `lowest` to `highest`. */
static float rounded_to(float x, int bits, int lowest, int highest)
{
    if (!isfinite(x) || x == 0)
        return x;
    int exponent;
    frexp((double)x, &exponent); /* |x| lies in [2^(exponent-1), 2^exponent) */
    const double unit = ldexp(1, (exponent - 1 < lowest ? lowest : exponent - 1) - bits);
    const double value = rint((double)x / unit) * unit;
    if (fabs(value) >= ldexp(1, highest + 1))
        return copysignf(INFINITY, x);
    return copysignf((float)value, x);
}

/* What the operation has to be. Float arguments, so each expression rounds once. */
static float expected(int operation, float a, float b, float c)
{
    switch (operation) {
    case VEC_add:
        return a + b;
    case VEC_sub:
        return a - b;
    case VEC_mul:
        return a * b;
    case VEC_div:
        return a / b;
    case VEC_abs:
        return float_of_bits(bits_of_float(a) & 0x7FFFFFFF);
    case VEC_bf16:
        return rounded_to(a, 7, -126, 127);
    case VEC_f16:
        return rounded_to(a, 10, -14, 15);
    case VEC_clamp:
        b = fabsf(b); /* a NaN as limit never happens */
        return a < -b ? -b : a > b ? b : a;
    case VEC_sqrt:
    case VEC_sqrt_bundle:
    case VEC_sqrt_bundle_last:
    case VEC_sqrt_divider:
    case VEC_sqrt_divider_last: /* rounding the double root to float is known to equal rounding once */
        return (float)sqrt((double)a);
    case VEC_fma:
        return adamw_fmaf(a, b, c);
    case VEC_fms:
        return adamw_fmaf(a, b, -c);
    case VEC_fnma:
        return adamw_fmaf(-a, b, c);
    default: /* max_or_nan */
        return isnan(a) || isnan(b) ? NAN : a > b ? a : b;
    }
}

/* The operations on bits, of value `i` of the arrays; false for another one. */
static bool expected_bits(int operation, float a, float b, uint32_t i, uint32_t *want)
{
    const uint32_t x = bits_of_float(a), y = bits_of_float(b);
    switch (operation) {
    case VEC_bits_add:
        *want = x + y;
        return true;
    case VEC_bits_sub:
        *want = x - y;
        return true;
    case VEC_bits_mul:
        *want = x * y;
        return true;
    case VEC_bits_and:
        *want = x & y;
        return true;
    case VEC_bits_xor:
        *want = x ^ y;
        return true;
    case VEC_bits_left:
        *want = x << 7;
        return true;
    case VEC_bits_right:
        *want = x >> 7;
        return true;
    case VEC_bits_lanes:
        *want = i;
        return true;
    case VEC_bits_16:
        *want = x & 0xFFFF;
        return true;
    case VEC_one_nan:
        *want = canonical_bits(a);
        return true;
    default:
        return false;
    }
}

static const char *const operation_names[] = {
#define NAME(name, call) "v_" #name,
    VEC_OPERATIONS(NAME)};

enum { BATCH = 1024 }; /* a multiple of every vector */

/* The operations on one batch of operands. */
static bool batch_agrees(adamw_isa isa, const float *a, const float *b, const float *c)
{
    float out[BATCH];
    for (int operation = 0; operation < VEC_COUNT; operation++) {
        vec_operations_of(isa)->run[operation](a, b, c, out, BATCH);
        for (int i = 0; i < BATCH; i++) {
            uint32_t bits;
            if (expected_bits(operation, a[i], b[i], (uint32_t)i, &bits)) {
                if (bits_of_float(out[i]) != bits)
                    return check_fail("%s of %s on %08x, %08x is %08x, not %08x", operation_names[operation],
                                      adamw_isa_name(isa), bits_of_float(a[i]), bits_of_float(b[i]),
                                      bits_of_float(out[i]), bits);
                continue;
            }
            const float want = expected(operation, a[i], b[i], c[i]);
            /* Of two zeros the maximum may have either sign in C: here it is b's, as in the scalar vocabulary. */
            if (canonical_bits(out[i]) != canonical_bits(want))
                return check_fail("%s of %s on %a, %a, %a is %a, not %a", operation_names[operation],
                                  adamw_isa_name(isa), (double)a[i], (double)b[i], (double)c[i], (double)out[i],
                                  (double)want);
        }
    }
    return true;
}

/* An operand: a special value or one of its neighbours, a half-way case's mantissa, or any bits. */
static float operand(uint64_t random)
{
    const uint32_t kind = random >> 61;
    if (kind < 2)
        return float_of_bits(special_bits[(random >> 40) % SPECIALS] + ((random >> 50) % 3 - 1));
    if (kind < 5) /* mantissas of few bits: sums and products that fall on and beside the middle of two floats */
        return float_of_bits(((uint32_t)random & 0x80780007) | (uint32_t)(115 + (random >> 40) % 24) << 23);
    return float_of_bits((uint32_t)random);
}

static bool parts_agree(adamw_isa isa)
{
    const vec_operations *vec = vec_operations_of(isa);
    float from[16], whole[16], to[16], ones[16];
    for (int i = 0; i < 16; i++)
        from[i] = (float)(i + 2);
    for (size_t n = 0; n <= vec->lanes; n++) {
        memset(whole, 0xFF, sizeof whole);
        vec->load_part(from, n < vec->lanes ? n : 0, whole);
        vec->part_or_one(from, n < vec->lanes ? n : 0, ones);
        memset(to, 0xFF, sizeof to);
        vec->store_part(from, n < vec->lanes ? n : 0, to);
        for (size_t i = 0; i < vec->lanes; i++) {
            const bool inside = i < (n < vec->lanes ? n : 0);
            if (whole[i] != (inside ? from[i] : 0))
                return check_fail("v_load_tail of %s: %zu values, lane %zu", adamw_isa_name(isa), n, i);
            if (ones[i] != (inside ? from[i] : 1))
                return check_fail("v_tail_or_one of %s: %zu values, lane %zu", adamw_isa_name(isa), n, i);
            if (inside ? to[i] != from[i] : bits_of_float(to[i]) != 0xFFFFFFFF)
                return check_fail("v_store_tail of %s: %zu values, lane %zu", adamw_isa_name(isa), n, i);
        }
    }
    return true;
}

bool check_vocabulary(const check_options *options)
{
    const int batches = options->quick ? 200 : options->full ? 100000 : 2000;
    uint64_t counter = mix64(options->seed) << 8;
    for (int batch = 0; batch < batches; batch++) {
        float a[BATCH], b[BATCH], c[BATCH];
        for (int i = 0; i < BATCH; i++) {
            a[i] = operand(mix64(++counter));
            b[i] = operand(mix64(++counter));
            c[i] = operand(mix64(++counter));
            if (counter % 5 == 0) /* a product and a sum that nearly cancel: where one rounding is not two */
                c[i] = -(a[i] * b[i]);
        }
        FOR_EACH_ISA(options, isa)
        if (!batch_agrees(isa, a, b, c))
            return false;
    }
    FOR_EACH_ISA(options, isa)
    if (!parts_agree(isa))
        return false;

    /* The maximum: each of the special values and its neighbours against each. */
    float edges[3 * SPECIALS], a[BATCH], b[BATCH], out[BATCH];
    for (int i = 0; i < 3 * SPECIALS; i++)
        edges[i] = float_of_bits(special_bits[i / 3] + (uint32_t)(i % 3) - 1);
    FOR_EACH_ISA(options, isa)
    for (int i = 0; i < 3 * SPECIALS * 3 * SPECIALS; i += BATCH) {
        for (int k = 0; k < BATCH; k++) {
            a[k] = edges[(i + k) / (3 * SPECIALS) % (3 * SPECIALS)];
            b[k] = edges[(i + k) % (3 * SPECIALS)];
        }
        vec_operations_of(isa)->run[VEC_max_or_nan](a, b, b, out, BATCH);
        for (int k = 0; k < BATCH; k++)
            if (canonical_bits(out[k]) != canonical_bits(expected(VEC_max_or_nan, a[k], b[k], b[k])))
                return check_fail("v_max_or_nan of %s on %a, %a is %a", adamw_isa_name(isa), (double)a[k],
                                  (double)b[k], (double)out[k]);
    }
    return true;
}

/* The operations that no IEEE operation of the hardware stands behind, or that have one operand and so few inputs
 * that all can be tried. */
static bool all_agree(const check_options *options, int operation, uint64_t stride)
{
    const uint64_t all = UINT64_C(1) << 32;
    for (uint64_t at = 0; at < all; at += BATCH * stride) {
        float in[BATCH], want[BATCH], out[BATCH];
        if (options->full && at % (all / 100) < BATCH)
            check_progress("%s: %d %%", operation_names[operation], (int)(at / (all / 100)));
        for (int i = 0; i < BATCH; i++) {
            in[i] = float_of_bits((uint32_t)(at + (uint64_t)i * stride));
            want[i] = expected(operation, in[i], in[i], in[i]);
        }
        FOR_EACH_ISA(options, isa)
        {
            vec_operations_of(isa)->run[operation](in, in, in, out, BATCH);
            for (int i = 0; i < BATCH; i++)
                if (canonical_bits(out[i]) != canonical_bits(want[i]))
                    return check_fail("%s of %s on %a is %a, not %a", operation_names[operation], adamw_isa_name(isa),
                                      (double)in[i], (double)out[i], (double)want[i]);
        }
    }
    check_progress("%s", "");
    return true;
}

bool check_all_floats(const check_options *options)
{
    /* All 2^32 bit patterns, or every Nth of them (a prime, so that every exponent gets many mantissas). */
    static const struct {
        int operation;
        uint64_t stride;
    } each[] = {{VEC_sqrt, 67},          {VEC_sqrt_bundle, 67}, {VEC_sqrt_bundle_last, 997},
                {VEC_sqrt_divider, 997}, {VEC_abs, 997},        {VEC_bf16, 997},
                {VEC_f16, 997}};
    for (size_t i = 0; i < sizeof each / sizeof each[0]; i++)
        if (!all_agree(options, each[i].operation, options->full ? 1 : options->quick ? 65537 : each[i].stride))
            return false;
    return true;
}

#if defined(_WIN32)
bool check_fused(const check_options *options)
{
    check_skip("mingw's fmaf rounds twice, so there is nothing to compare with; the check vocabulary has AVX2's");
    (void)options;
    return true;
}
#else
/* Three operands: any bits; of like size; a sum that cancels; one near the middle of two floats. */
static void fused_operands(uint64_t i, float x[3])
{
    const uint64_t word = mix64(3 * i), other = mix64(3 * i + 1);
    for (int k = 0; k < 3; k++)
        x[k] = float_of_bits((uint32_t)mix64(3 * i + (uint64_t)k));
    if (i % 4 == 0)
        return;
    for (int k = 0; k < 3; k++) /* magnitudes from 2^-24 to 2^7 */
        x[k] = float_of_bits((bits_of_float(x[k]) & 0x8FFFFFFF) | 0x30000000);
    if (i % 4 == 2)
        x[2] = -(x[0] * x[1]);
    /* A product far below half a unit of a c with few bits: 1.5 ulp, 2.5 ulp and their neighbours. */
    if (i % 4 == 3) {
        x[0] = ldexpf(1 + (float)(word % 4), -24 - (int)(other % 3));
        x[1] = 1 + (float)((int)(word >> 8 & 3) - 1) * 0x1p-23f;
        x[2] = ldexpf(1 + (float)(other >> 8 & 3), (int)(other >> 16 & 1)) * (word >> 16 & 1 ? 1.0f : -1.0f);
    }
}

bool check_fused(const check_options *options)
{
    static const int modes[] = ROUNDINGS;
    const uint64_t trials = options->quick ? 200000 : options->full ? 1000000000 : 3000000;
    bool right = true;
    for (size_t mode = 0; right && mode < sizeof modes / sizeof modes[0]; mode++) {
        fesetround(modes[mode]);
        for (uint64_t i = 0; right && i < trials; i++) {
            float operands[3];
            fused_operands(options->seed * trials + i, operands);
            const volatile float a = operands[0], b = operands[1], c = operands[2];
            const float is = adamw_fmaf_in_double(a, b, c), has_to_be = fmaf(a, b, c);
            if (canonical_bits(is) != canonical_bits(has_to_be))
                right = check_fail("mode %zu: fmaf(%a, %a, %a) is %a and not %a", mode, (double)a, (double)b,
                                   (double)c, (double)is, (double)has_to_be);
        }
        fesetround(FE_TONEAREST);
    }
    return right;
}
#endif
