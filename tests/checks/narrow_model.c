/*
 * narrow_model.c - see narrow.h.
 */
#include "narrow.h"

#include <stdlib.h>
#include <string.h>

#include "../../kernels/vec/half.h"

enum { CANARY = 0xA5 };
const size_t narrow_sizes[NARROW_TENSORS] = {1, 47, 0, 1023, 5000, 12290, 300001};

const narrow_form narrow_forms[] = {
    {.name = "bf16 gradients", .dtype = {[ADAMW_STREAM_grad] = BF16, [ADAMW_STREAM_param_copy] = BF16}},
    {.name = "f16 gradients", .dtype = {[ADAMW_STREAM_grad] = F16, [ADAMW_STREAM_param_copy] = F16}},
    {.name = "f32 gradients", .dtype = {[ADAMW_STREAM_param_copy] = BF16}},
    {.name = "split parameters", .dtype = {[ADAMW_STREAM_param] = BF16, [ADAMW_STREAM_param_residual] = RESIDUAL}},
    {.name = "split parameters, all else bf16",
     .dtype = {[ADAMW_STREAM_param] = BF16,
               [ADAMW_STREAM_param_residual] = RESIDUAL,
               [ADAMW_STREAM_grad] = BF16,
               [ADAMW_STREAM_exp_avg] = BF16,
               [ADAMW_STREAM_exp_avg_sq] = BF16,
               [ADAMW_STREAM_max_exp_avg_sq] = BF16,
               [ADAMW_STREAM_param_copy] = BF16},
     .rounding = ADAMW_ROUND_STOCHASTIC},
    {.name = "bf16 parameters, to nearest", .dtype = {[ADAMW_STREAM_param] = BF16}},
    {.name = "bf16 parameters", .dtype = {[ADAMW_STREAM_param] = BF16}, .rounding = ADAMW_ROUND_STOCHASTIC},
    {.name = "bf16 exp_avg", .dtype = {[ADAMW_STREAM_exp_avg] = BF16}, .rounding = ADAMW_ROUND_STOCHASTIC},
    {.name = "bf16 exp_avg, to nearest", .dtype = {[ADAMW_STREAM_exp_avg] = BF16}},
    {.name = "bf16 exp_avg_sq",
     .dtype = {[ADAMW_STREAM_exp_avg_sq] = BF16, [ADAMW_STREAM_max_exp_avg_sq] = BF16},
     .rounding = ADAMW_ROUND_STOCHASTIC},
    {.name = "all in bf16, to nearest",
     .dtype = {[ADAMW_STREAM_param] = BF16,
               [ADAMW_STREAM_grad] = BF16,
               [ADAMW_STREAM_exp_avg] = BF16,
               [ADAMW_STREAM_exp_avg_sq] = BF16,
               [ADAMW_STREAM_max_exp_avg_sq] = BF16}},
    {.name = "all in bf16, f16 gradients",
     .dtype = {[ADAMW_STREAM_param] = BF16,
               [ADAMW_STREAM_grad] = F16,
               [ADAMW_STREAM_exp_avg] = BF16,
               [ADAMW_STREAM_exp_avg_sq] = BF16,
               [ADAMW_STREAM_max_exp_avg_sq] = BF16,
               [ADAMW_STREAM_param_copy] = F16},
     .rounding = ADAMW_ROUND_STOCHASTIC},
    {.name = "compensated parameters, bf16 gradients",
     .dtype = {[ADAMW_STREAM_param_residual] = BF16, [ADAMW_STREAM_grad] = BF16}},
};
_Static_assert(sizeof narrow_forms / sizeof narrow_forms[0] == NARROW_FORMS, "the header knows how many");

/* A copy is bfloat16 where the form has nothing else. */
adamw_dtype narrow_dtype_of(const narrow_form *f, int stream)
{
    return stream == ADAMW_STREAM_param_copy && f->dtype[stream] == F32 ? BF16 : f->dtype[stream];
}
bool narrow_is_split(const narrow_form *f) { return f->dtype[ADAMW_STREAM_param_residual] == RESIDUAL; }
size_t narrow_width_of(const narrow_form *f, int stream)
{
    const bool wide = narrow_dtype_of(f, stream) == F32 && stream != ADAMW_STREAM_param_residual;
    return wide ? sizeof(float) : sizeof(uint16_t);
}
unsigned char *narrow_start_of(const narrow_held *h) { return h->block + NARROW_MARGIN + 1; }

narrow_model narrow_model_new(const narrow_form *f)
{
    narrow_model m;
    memset(&m, 0, sizeof m);
    for (int t = 0; t < NARROW_TENSORS; t++)
        for (int s = 0; s < ADAMW_STREAM_COUNT; s++) {
            narrow_held *h = &m.at[t][s];
            h->bytes = narrow_sizes[t] * narrow_width_of(f, s);
            h->block = malloc(h->bytes + (size_t)2 * NARROW_MARGIN);
            if (h->block == NULL)
                abort();
            memset(h->block, CANARY, h->bytes + (size_t)2 * NARROW_MARGIN);
        }
    return m;
}

void narrow_model_free(narrow_model *m)
{
    for (int t = 0; t < NARROW_TENSORS; t++)
        for (int s = 0; s < ADAMW_STREAM_COUNT; s++)
            free(m->at[t][s].block);
}

void narrow_model_copy(narrow_model *to, const narrow_model *from)
{
    for (int t = 0; t < NARROW_TENSORS; t++)
        for (int s = 0; s < ADAMW_STREAM_COUNT; s++)
            memcpy(to->at[t][s].block, from->at[t][s].block, from->at[t][s].bytes + (size_t)2 * NARROW_MARGIN);
}

float narrow_value_of(const narrow_held *h, adamw_dtype dtype, size_t i)
{
    float x;
    uint16_t half;
    if (dtype == F32) {
        memcpy(&x, narrow_start_of(h) + i * sizeof x, sizeof x);
        return x;
    }
    memcpy(&half, narrow_start_of(h) + i * sizeof half, sizeof half);
    return dtype == BF16 ? widen_bf16(half) : widen_f16(half);
}

void narrow_put(const narrow_held *h, adamw_dtype dtype, size_t i, float x)
{
    const uint16_t half = dtype == BF16 ? narrow_bf16(x) : narrow_f16(x);
    if (dtype == F32)
        memcpy(narrow_start_of(h) + i * sizeof x, &x, sizeof x);
    else
        memcpy(narrow_start_of(h) + i * sizeof half, &half, sizeof half);
}

/* A parameter in its two halves, by what they are: the bits are high * 2^16 + low, and low a signed number. */
float narrow_joined(const narrow_held *high, const narrow_held *low, size_t i)
{
    uint16_t upper;
    int16_t lower;
    memcpy(&upper, narrow_start_of(high) + i * sizeof upper, sizeof upper);
    memcpy(&lower, narrow_start_of(low) + i * sizeof lower, sizeof lower);
    return float_of_bits((uint32_t)((int64_t)upper * 65536 + lower));
}
void narrow_put_halves(const narrow_held *high, const narrow_held *low, size_t i, float x)
{
    const uint32_t bits = canonical_bits(x);
    const int16_t lower = (int16_t)(bits & 0xFFFF);
    const uint16_t upper = (uint16_t)((bits - (uint32_t)(int32_t)lower) >> 16);
    memcpy(narrow_start_of(high) + i * sizeof upper, &upper, sizeof upper);
    memcpy(narrow_start_of(low) + i * sizeof lower, &lower, sizeof lower);
}

bool narrow_is_same(const narrow_model *a, const narrow_model *b, const narrow_form *f, const char *what)
{
#define NAME(name, size) #name,
    static const char *const names[] = {ADAMW_STREAMS(NAME)};
#undef NAME
    for (int t = 0; t < NARROW_TENSORS; t++)
        for (int s = 0; s < ADAMW_STREAM_COUNT; s++) {
            const narrow_held *x = &a->at[t][s], *y = &b->at[t][s];
            if (memcmp(x->block, y->block, x->bytes + (size_t)2 * NARROW_MARGIN) == 0)
                continue;
            if (memcmp(x->block, y->block, NARROW_MARGIN + 1) != 0 ||
                memcmp(narrow_start_of(x) + x->bytes, narrow_start_of(y) + y->bytes, NARROW_MARGIN - 1) != 0)
                return check_fail("%s, %s: wrote beside %s of tensor %d", f->name, what, names[s], t);
            for (size_t i = 0; i < narrow_sizes[t]; i++) {
                if (narrow_dtype_of(f, s) == RESIDUAL) {
                    if (memcmp(narrow_start_of(x) + 2 * i, narrow_start_of(y) + 2 * i, 2) != 0)
                        return check_fail("%s, %s: residual of tensor %d, value %zu", f->name, what, t, i);
                    continue;
                }
                const float got = narrow_value_of(x, narrow_dtype_of(f, s), i),
                            want = narrow_value_of(y, narrow_dtype_of(f, s), i);
                if (canonical_bits(got) != canonical_bits(want))
                    return check_fail("%s, %s: %s of tensor %d, value %zu is %a, not %a", f->name, what, names[s], t,
                                      i, (double)got, (double)want);
            }
        }
    return true;
}

/* One tensor goes beyond 2^32 inside a block, where random words have new keys. */
uint64_t narrow_first_index_of(int tensor) { return tensor == 4 ? (UINT64_C(7) << 32) - 700 : (uint64_t)tensor * 9; }

void narrow_tensors_of(const narrow_model *m, const narrow_form *f, const adamw_config *config, bool plain,
                       adamw_tensor *tensors)
{
    for (int t = 0; t < NARROW_TENSORS; t++) {
#define START(name, size) .name = narrow_start_of(&m->at[t][ADAMW_STREAM_##name]),
        tensors[t] = (adamw_tensor){.n = narrow_sizes[t], ADAMW_STREAMS(START)};
#undef START
        tensors[t].param_dtype = f->dtype[ADAMW_STREAM_param];
        tensors[t].grad_dtype = f->dtype[ADAMW_STREAM_grad];
        tensors[t].exp_avg_dtype = f->dtype[ADAMW_STREAM_exp_avg];
        tensors[t].exp_avg_sq_dtype = f->dtype[ADAMW_STREAM_exp_avg_sq];
        tensors[t].copy_dtype = narrow_dtype_of(f, ADAMW_STREAM_param_copy);
        tensors[t].step = t == 3 ? 2 : 0;
        tensors[t].random_stream = (uint64_t)t;
        tensors[t].first_index = narrow_first_index_of(t);
        if (f->dtype[ADAMW_STREAM_param_residual] == F32) /* it has none */
            tensors[t].param_residual = NULL;
        if (!config->amsgrad)
            tensors[t].max_exp_avg_sq = NULL;
        if (plain)
            tensors[t].param_ema = tensors[t].param_copy = NULL;
    }
}

/* Values as a training run has them, or any bits, each rounded to what the form can hold. */
void narrow_fill(narrow_model *m, const narrow_form *f, input_kind kind, uint64_t seed)
{
    for (int t = 0; t < NARROW_TENSORS; t++) {
        buffers x = buffers_new(narrow_sizes[t]);
        buffers_fill(&x, kind, seed + (uint64_t)t);
        const float *const from[ADAMW_STREAM_COUNT] = {
            [ADAMW_STREAM_param] = x.param,           [ADAMW_STREAM_grad] = x.grad,
            [ADAMW_STREAM_exp_avg] = x.exp_avg,       [ADAMW_STREAM_exp_avg_sq] = x.exp_avg_sq,
            [ADAMW_STREAM_param_ema] = x.exp_avg,     [ADAMW_STREAM_max_exp_avg_sq] = x.max_exp_avg_sq,
            [ADAMW_STREAM_param_copy] = x.exp_avg_sq, [ADAMW_STREAM_param_residual] = x.grad,
        };
        for (int s = 0; s < ADAMW_STREAM_COUNT; s++)
            for (size_t i = 0; i < narrow_sizes[t]; i++)
                if (s == ADAMW_STREAM_param && narrow_is_split(f))
                    narrow_put_halves(&m->at[t][s], &m->at[t][ADAMW_STREAM_param_residual], i, from[s][i]);
                else if (narrow_dtype_of(f, s) == BF16 || s != ADAMW_STREAM_param_residual)
                    narrow_put(&m->at[t][s], narrow_dtype_of(f, s), i, from[s][i]);
        buffers_free(&x);
    }
}

uint16_t narrow_bits_of(const narrow_held *h, size_t i)
{
    uint16_t bits;
    memcpy(&bits, narrow_start_of(h) + i * sizeof bits, sizeof bits);
    return bits;
}
