/*
 * fuzz_step.c - any bytes become a tensor list and configs: the scalar kernels and the best ISA's, one call and
 * parts, must return the same status and write the same bits; where a call is refused, a sentence says why and
 * nothing is written. For libFuzzer (tools/check.sh fuzz). Only the public interface is used here.
 */
#include "../../include/adamw.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { TENSORS = 6, BUFFERS = 5, LARGEST = 70, GROUPS = 3 };

/* The input as a stream; zeros behind its end. */
typedef struct stream {
    const uint8_t *at;
    size_t left;
} stream;

static void take(stream *s, void *to, size_t size)
{
    const size_t here = size < s->left ? size : s->left;
    memset(to, 0, size);
    if (here == 0)
        return;
    memcpy(to, s->at, here);
    s->at += here;
    s->left -= here;
}

static uint8_t byte(stream *s)
{
    uint8_t x;
    take(s, &x, sizeof x);
    return x;
}

/* Mostly a usual value; sometimes any bits, so that the checks of the arguments are reached too. */
static double number(stream *s, double usual)
{
    static const double values[] = {0, 1e-8, 1e-4, 1e-3, 0.1, 0.4, 0.5, 0.9, 0.999, 0.99999, 1, 1e10, -1, 1e300};
    const uint8_t kind = byte(s);
    double any;
    if (kind < 128)
        return usual;
    if (kind < 240)
        return values[kind % (sizeof values / sizeof values[0])];
    take(s, &any, sizeof any);
    return any;
}

static adamw_config config_from(stream *s)
{
    adamw_config config;
    adamw_config_init(&config);
    config.lr = number(s, 1e-3);
    config.beta1 = number(s, 0.9);
    config.beta2 = number(s, 0.999);
    config.eps = number(s, 1e-8);
    config.weight_decay = number(s, 1e-2);
    const uint8_t flags = byte(s);
    config.decay = flags >= 250 ? (adamw_decay)flags : (adamw_decay)(flags & 1);
    config.arithmetic = flags == 249 ? (adamw_arithmetic)7 : (adamw_arithmetic)(flags >> 1 & 1);
    config.amsgrad = flags >> 2 & 1;
    config.maximize = flags >> 3 & 1;
    /* At most 127: a team that the tests never start would only slow this down. */
    config.threads = flags >> 4 & 1 ? (int)byte(s) % 128 - 1 : 0;
    return config;
}

/* A call with memory of its own: each buffer a block of just its size, so that a sanitizer sees its ends. */
typedef struct call {
    adamw_config configs[GROUPS];
    adamw_tensor tensors[TENSORS];
    char *blocks[TENSORS][BUFFERS];
    size_t bytes[TENSORS], count, parts;
    uint64_t step;
} call;

/* Sometimes makes a pointer or the size of the tensor wrong. */
static void spoil(uint8_t how, size_t *n, void **at)
{
    if (how >= 230)
        at[how % BUFFERS] = NULL;
    else if (how >= 210) /* into the next of the four buffers that are always used */
        at[how % 4] = (char *)at[(how + 1) % 4] + (*n > 0 ? how % (*n * sizeof(float)) : 0);
    else if (how >= 205)
        *n = SIZE_MAX / (size_t)(how - 204) / 2 + 1;
}

static void tensor_from(stream *s, call *c, size_t t)
{
    const uint8_t flags = byte(s), shift = byte(s) % sizeof(float);
    size_t n = byte(s) % LARGEST;
    void *at[BUFFERS];
    c->bytes[t] = n * sizeof(float) + shift;
    for (int b = 0; b < BUFFERS; b++) {
        char *const block = malloc(c->bytes[t] != 0 ? c->bytes[t] : 1);
        if (block == NULL)
            abort();
        take(s, block, c->bytes[t]);
        c->blocks[t][b] = block;
        at[b] = block + shift;
    }
    spoil(byte(s), &n, at);
    const adamw_config *const config = flags % (GROUPS + 1) < GROUPS ? &c->configs[flags % (GROUPS + 1)] : NULL;
    adamw_tensor tensor = {.n = n, .param = at[0], .grad = at[1], .exp_avg = at[2], .exp_avg_sq = at[3]};
    tensor.config = config;
    if ((config != NULL ? config : &c->configs[0])->amsgrad != (flags >= 252))
        tensor.max_exp_avg_sq = at[4];
    if (flags & 64)
        tensor.step = byte(s);
    if (flags == 251)
        tensor.param_dtype = (adamw_dtype)byte(s);
    if (flags == 250)
        tensor.grad_dtype = (adamw_dtype)byte(s);
    if (flags == 249)
        tensor.param_ema = at[0];
    c->tensors[t] = tensor;
}

static call *call_from(const uint8_t *data, size_t size)
{
    stream s = {data, size};
    call *const c = calloc(1, sizeof *c);
    if (c == NULL)
        abort();
    c->count = byte(&s) % (TENSORS + 1);
    for (int g = 0; g < GROUPS; g++) {
        c->configs[g] = config_from(&s);
        if (g > 0 && byte(&s) < 250)
            c->configs[g].threads = 0; /* threads belong to the call: mostly right */
    }
    c->parts = byte(&s) % 5;
    if (byte(&s) >= 128)
        take(&s, &c->step, sizeof c->step);
    else
        c->step = 1 + (uint64_t)byte(&s);
    for (size_t t = 0; t < c->count; t++)
        tensor_from(&s, c, t);
    return c;
}

static void call_free(call *c)
{
    for (size_t t = 0; t < c->count; t++)
        for (int b = 0; b < BUFFERS; b++)
            free(c->blocks[t][b]);
    free(c);
}

static void expect(bool right, const char *what, const char *said)
{
    if (right)
        return;
    fprintf(stderr, "fuzz_step: %s (%s)\n", what, said);
    abort();
}

/* Byte for byte, but that any NaN equals any other one. */
static bool same_memory(const call *a, const call *b)
{
    for (size_t t = 0; t < a->count; t++)
        for (int k = 0; k < BUFFERS; k++) {
            const size_t shift = a->bytes[t] % sizeof(float);
            if (memcmp(a->blocks[t][k], b->blocks[t][k], shift) != 0)
                return false;
            for (size_t i = shift; i < a->bytes[t]; i += sizeof(float)) {
                float x, y;
                memcpy(&x, a->blocks[t][k] + i, sizeof x);
                memcpy(&y, b->blocks[t][k] + i, sizeof y);
                if (memcmp(&x, &y, sizeof x) != 0 && !(x != x && y != y))
                    return false;
            }
        }
    return true;
}

static adamw_status run(call *c, adamw_isa isa, bool in_parts)
{
    expect(adamw_isa_select(isa) == ADAMW_OK, "an ISA that was there is gone", adamw_isa_name(isa));
    if (!in_parts)
        return adamw_step(&c->configs[0], c->step, c->tensors, c->count);
    adamw_status status = ADAMW_OK;
    for (size_t part = c->parts; part-- > 0 && status == ADAMW_OK;)
        status = adamw_step_part(&c->configs[0], c->step, c->tensors, c->count, part, c->parts);
    return status;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    call *const untouched = call_from(data, size), *const scalar = call_from(data, size),
                *const best = call_from(data, size), *const parts = call_from(data, size);
    char said[256] = "";
    const adamw_status wanted =
        adamw_explain(&scalar->configs[0], scalar->step, scalar->tensors, scalar->count, said, sizeof said);
    expect((wanted == ADAMW_OK) == (strcmp(said, "ok") == 0) && said[0] != '\0', "the sentence", said);
    expect(strlen(said) < sizeof said - 1, "the sentence is cut", said);
    expect(same_memory(untouched, scalar), "explain wrote", said);

    expect(run(scalar, ADAMW_ISA_SCALAR, false) == wanted, "scalar has another status", said);
    expect(run(best, ADAMW_ISA_AUTO, false) == wanted, "the best ISA has another status", said);
    expect(same_memory(scalar, best), "the best ISA has other bits", said);
    if (parts->parts != 0) {
        expect(run(parts, ADAMW_ISA_AUTO, true) == wanted, "parts have another status", said);
        expect(same_memory(scalar, parts), "parts have other bits", said);
    }
    if (wanted != ADAMW_OK)
        expect(same_memory(untouched, scalar), "a refused call wrote", said);
    call_free(untouched);
    call_free(scalar);
    call_free(best);
    call_free(parts);
    return 0;
}
