/*
 * list.c - see list.h. Only the public interface is used here.
 */
#include "list.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void take(stream *s, void *to, size_t size)
{
    const size_t here = size < s->left ? size : s->left;
    memset(to, 0, size);
    if (here == 0)
        return;
    memcpy(to, s->at, here);
    s->at += here;
    s->left -= here;
}

uint8_t byte(stream *s)
{
    uint8_t x;
    take(s, &x, sizeof x);
    return x;
}

double number(stream *s, double usual)
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

static adamw_config config_from(stream *s, int *threads)
{
    adamw_config config;
    adamw_config_init(&config);
    config.lr = number(s, 1e-3);
    config.beta1 = number(s, 0.9);
    config.beta2 = number(s, 0.999);
    config.eps = number(s, 1e-8);
    config.weight_decay = number(s, 1e-2);
    const uint8_t flags = byte(s);
    config.rounding = flags == 248 ? (adamw_rounding)2 : (adamw_rounding)(flags >> 5 & 1);
    config.seed = flags;
    config.decay = flags >= 250 ? (adamw_decay)flags : (adamw_decay)(flags & 1);
    config.arithmetic = flags == 249 ? (adamw_arithmetic)7 : (adamw_arithmetic)(flags >> 1 & 1);
    config.amsgrad = flags >> 2 & 1;
    config.maximize = flags >> 3 & 1;
    /* At most 127: a team that the tests never start would only slow this down. */
    *threads = flags >> 4 & 1 ? (int)byte(s) % 128 - 1 : 0;
    return config;
}

/* Behind the end of the input the values go on by themselves: of four, three are near one and one is any bits. */
static void go_on(char *block, size_t begin, size_t end, uint32_t *state)
{
    for (size_t i = begin; i + sizeof(uint32_t) <= end; i += sizeof(uint32_t)) {
        uint32_t bits = *state = *state * 1664525 + 1013904223;
        bits ^= bits >> 16; /* the low bits alone repeat soon */
        if (bits >> 8 & 3)
            bits = (bits & 0x87FFFFFF) | 0x38000000;
        memcpy(block + i, &bits, sizeof bits);
    }
}

/* Sometimes makes a pointer or the size of the tensor wrong. */
static bool spoil(uint8_t how, bool update, size_t *n, void **at)
{
    /* Into another one of the four buffers that are always used. */
    const size_t moved = how % (update ? UPDATE_BUFFERS : 4), target = (moved + 1) % 4;
    if (how >= 230)
        at[how % (update ? UPDATE_BUFFERS : STEP_BUFFERS)] = NULL;
    else if (how >= 210)
        at[moved] = (char *)at[target] + (*n > 0 ? how % (*n * sizeof(uint16_t)) : 0);
    else if (how >= 205)
        *n = SIZE_MAX / (size_t)(how - 204) / 2 + 1;
    return how >= 205;
}

/* The dtypes of a tensor: mostly float32, sometimes any that may work, rarely one that cannot. */
static void dtypes_from(stream *s, bool update, adamw_tensor *tensor)
{
    const uint8_t kind = byte(s);
    adamw_dtype *const all[] = {&tensor->param_dtype, &tensor->grad_dtype, &tensor->exp_avg_dtype,
                                &tensor->exp_avg_sq_dtype, &tensor->copy_dtype};
    const uint8_t bits = kind >= 128 ? byte(s) : 0;
    if (kind >= 128) {
        tensor->param_dtype = (adamw_dtype)(bits & 1);
        tensor->exp_avg_dtype = (adamw_dtype)(bits >> 1 & 1);
        tensor->exp_avg_sq_dtype = (adamw_dtype)(bits >> 2 & 1);
        tensor->grad_dtype = (adamw_dtype)((bits >> 3) % 3);
    }
    if (update)
        tensor->copy_dtype = (adamw_dtype)(1 + kind % 2);
    if (kind >= 250)
        *all[kind % 5] = (adamw_dtype)byte(s);
}

/* The dtype of the buffer's values. */
static adamw_dtype dtype_of(const adamw_tensor *tensor, size_t buffer)
{
    switch (buffer) {
    case PARAM:
        return tensor->param_dtype;
    case GRAD:
        return tensor->grad_dtype;
    case EXP_AVG:
        return tensor->exp_avg_dtype;
    case EXP_AVG_SQ:
    case MAX_EXP_AVG_SQ:
        return tensor->exp_avg_sq_dtype;
    case PARAM_RESIDUAL:
        return ADAMW_DTYPE_BFLOAT16;
    case PARAM_COPY:
        return tensor->copy_dtype;
    default:
        return ADAMW_DTYPE_FLOAT32;
    }
}

/* Bytes of a value of the buffer. */
static size_t width_of(const adamw_tensor *tensor, size_t buffer)
{
    return dtype_of(tensor, buffer) == ADAMW_DTYPE_FLOAT32 && buffer != PARAM_COPY ? sizeof(float) : sizeof(uint16_t);
}

static void tensor_from(stream *s, list *l, size_t t, uint32_t *values)
{
    const uint8_t flags = byte(s);
    l->shift[t] = byte(s) % sizeof(float);
    size_t n = byte(s) % LARGEST;
    void *at[UPDATE_BUFFERS] = {NULL};
    adamw_tensor tensor = {.n = 0};
    dtypes_from(s, l->buffers == UPDATE_BUFFERS, &tensor);
    for (size_t b = 0; b < l->buffers; b++) {
        const size_t bytes = n * width_of(&tensor, b) + l->shift[t];
        char *const block = malloc(bytes != 0 ? bytes : 1);
        if (block == NULL)
            abort();
        const size_t given = s->left < bytes ? s->left : bytes;
        take(s, block, bytes);
        go_on(block, given > l->shift[t] ? given : l->shift[t], bytes, values);
        l->bytes[t][b] = bytes;
        l->blocks[t][b] = block;
        at[b] = block + l->shift[t];
    }
    l->spoiled |= spoil(byte(s), l->buffers == UPDATE_BUFFERS, &n, at);
    const adamw_config *const config = flags % (GROUPS + 1) < GROUPS ? &l->configs[flags % (GROUPS + 1)] : NULL;
    tensor.n = n;
    tensor.param = at[PARAM];
    tensor.grad = at[GRAD];
    tensor.exp_avg = at[EXP_AVG];
    tensor.exp_avg_sq = at[EXP_AVG_SQ];
    tensor.config = config;
    if ((config != NULL ? config : &l->configs[0])->amsgrad != (flags >= 252))
        tensor.max_exp_avg_sq = at[MAX_EXP_AVG_SQ];
    if (flags & 64)
        tensor.step = byte(s);
    if (flags == 249)
        tensor.param_ema = at[PARAM];
    if (flags & 128)
        tensor.param_residual = at[PARAM_RESIDUAL];
    tensor.random_stream = flags & 15;
    tensor.first_index = flags & 16 ? UINT32_MAX - 20 : flags;
    if (l->buffers == UPDATE_BUFFERS) {
        const uint8_t streams = byte(s);
        tensor.param_ema = streams < 230 ? at[PARAM_EMA] : tensor.param_ema;
        tensor.param_copy = streams < 240 ? at[PARAM_COPY] : NULL;
    }
    l->tensors[t] = tensor;
}

list *list_from(stream *s, size_t buffers)
{
    list *const l = calloc(1, sizeof *l);
    if (l == NULL)
        abort();
    l->buffers = buffers;
    l->count = byte(s) % (TENSORS + 1);
    for (int g = 0; g < GROUPS; g++) {
        int threads;
        l->configs[g] = config_from(s, &threads);
        if (g == 0)
            l->threads = threads;
        else
            byte(s);
    }
    l->parts = byte(s) % 5;
    if (byte(s) >= 128)
        take(s, &l->step, sizeof l->step);
    else
        l->step = 1 + (uint64_t)byte(s);
    uint32_t values = (uint32_t)s->left;
    for (size_t t = 0; t < l->count; t++)
        tensor_from(s, l, t, &values);
    return l;
}

void list_free(list *l)
{
    for (size_t t = 0; t < l->count; t++)
        for (size_t b = 0; b < l->buffers; b++)
            free(l->blocks[t][b]);
    free(l);
}

void expect(bool right, const char *what, const char *said)
{
    if (right)
        return;
    fprintf(stderr, "fuzz: %s (%s)\n", what, said);
    abort();
}

static bool both_nan(const char *a, const char *b)
{
    float x, y;
    memcpy(&x, a, sizeof x);
    memcpy(&y, b, sizeof y);
    return x != x && y != y;
}

static bool both_half_nan(const char *a, const char *b, adamw_dtype dtype)
{
    const unsigned infinity = dtype == ADAMW_DTYPE_BFLOAT16 ? 0x7F80 : 0x7C00;
    uint16_t x, y;
    memcpy(&x, a, sizeof x);
    memcpy(&y, b, sizeof y);
    return (x & 0x7FFF) > infinity && (y & 0x7FFF) > infinity;
}

bool same_buffer(const list *a, const list *b, size_t tensor, size_t buffer, bool nan_is_nan)
{
    const char *const x = a->blocks[tensor][buffer], *const y = b->blocks[tensor][buffer];
    const size_t bytes = a->bytes[tensor][buffer], shift = a->shift[tensor];
    const adamw_dtype dtype = dtype_of(&a->tensors[tensor], buffer);
    const size_t width = width_of(&a->tensors[tensor], buffer);
    if (memcmp(x, y, bytes) == 0)
        return true;
    if (!nan_is_nan || memcmp(x, y, shift) != 0)
        return false;
    for (size_t i = shift; i < bytes; i += width)
        if (memcmp(x + i, y + i, width) != 0 &&
            !(width == sizeof(float) ? both_nan(x + i, y + i) : both_half_nan(x + i, y + i, dtype)))
            return false;
    return true;
}

bool same_memory(const list *a, const list *b, bool nan_is_nan)
{
    for (size_t t = 0; t < a->count; t++)
        for (size_t k = 0; k < a->buffers; k++)
            if (!same_buffer(a, b, t, k, nan_is_nan))
                return false;
    return true;
}
