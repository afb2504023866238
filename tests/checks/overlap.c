/*
 * overlap.c - which buffers may not share a byte: every pair of them, by one byte at either end. The explain functions
 * look at addresses alone, so these lead nowhere.
 */
#include "check.h"

#include <string.h>

enum { N = 100, PLACES = ADAMW_STREAM_COUNT + 2, FIRST = 1 << 20, APART = 1 << 12 };

/* The streams of a tensor, then the norms and the report: the bytes of each, in order of ADAMW_STREAMS. */
static size_t bytes_of(int which, const adamw_tensor *t)
{
    int i = 0;
#define BYTES(name, size)                                                                                            \
    if (i++ == which)                                                                                                \
        return t->n * (size);
    ADAMW_STREAMS(BYTES)
#undef BYTES
    return which == ADAMW_STREAM_COUNT ? sizeof(double) : sizeof(adamw_update_report);
}

typedef struct call {
    adamw_config config;
    adamw_tensor tensor;
    adamw_update_options options;
    adamw_update_report *report;
    uintptr_t at[PLACES];
} call;

static void put(call *c, int which, uintptr_t at)
{
    int i = 0;
    c->at[which] = at;
#define PUT(name, size)                                                                                              \
    if (i++ == which)                                                                                                \
        c->tensor.name = (void *)at;
    ADAMW_STREAMS(PUT)
#undef PUT
    if (which == ADAMW_STREAM_COUNT)
        c->options.tensor_norms = (double *)at;
    if (which == ADAMW_STREAM_COUNT + 1)
        c->report = (adamw_update_report *)at;
}

static call call_new(void)
{
    call c;
    memset(&c, 0, sizeof c);
    adamw_config_init(&c.config);
    adamw_update_options_init(&c.options);
    c.config.amsgrad = true;
    c.options.ema = ADAMW_EMA_CONSTANT;
    c.options.ema_decay = 0.5;
    c.options.copy = true;
    c.tensor = (adamw_tensor){.n = N, .copy_dtype = ADAMW_DTYPE_BFLOAT16};
    for (int i = 0; i < PLACES; i++)
        put(&c, i, FIRST + (uintptr_t)i * APART);
    return c;
}

static adamw_status explained(const call *c, char said[256])
{
    return adamw_update_explain(&c->config, 1, &c->tensor, 1, &c->options, c->report, 0, said, 256);
}

/* `second` at `at`: refused where they share a byte, right where they only touch. */
static bool placed(int first, int second, intptr_t from_first, bool overlap)
{
    char said[256];
    call c = call_new();
    put(&c, second, (uintptr_t)((intptr_t)c.at[first] + from_first));
    const adamw_status status = explained(&c, said);
    return status == (overlap ? ADAMW_ERROR_INVALID_ARGUMENT : ADAMW_OK) ||
           check_fail("buffer %d lies %td bytes behind the start of buffer %d: '%s'", second, (ptrdiff_t)from_first,
                      first, said);
}

/* A stream that the options leave out is not looked at: it may lie anywhere. */
static bool unused(void)
{
    char said[256];
    call c = call_new();
    c.options.ema = ADAMW_EMA_NONE;
    c.options.copy = false;
    c.tensor.param_ema = c.tensor.param;
    c.tensor.param_copy = c.tensor.param;
    if (explained(&c, said) != ADAMW_OK)
        return check_fail("param_ema and param_copy are not used, and are looked at: '%s'", said);
    c.options.copy = true;
    return explained(&c, said) != ADAMW_OK || check_fail("a param_copy that is used may lie on param");
}

/* The norms have one place for each tensor of the list: the last one counts too. */
static bool whole_of_norms(void)
{
    char said[256];
    call c = call_new();
    const adamw_tensor tensors[3] = {c.tensor, {.n = 0}, {.n = 0}};
    c.options.tensor_norms = (double *)(c.at[0] - 2 * sizeof(double) - 1);
    return adamw_update_explain(&c.config, 1, tensors, 3, &c.options, NULL, 0, said, sizeof said) != ADAMW_OK ||
           check_fail("the last of three norms overlaps param by seven bytes, and is taken");
}

/* With beta1 0 exp_avg may be missing; where it is there, it is a buffer as any other. */
static bool exp_avg_of_no_use(void)
{
    char said[256];
    call c = call_new();
    c.config.beta1 = 0;
    c.tensor.exp_avg = c.tensor.param;
    return explained(&c, said) != ADAMW_OK || check_fail("with beta1 0 exp_avg may lie on param");
}

/* The sum and the gradient of adamw_accumulate: one byte in common is refused, touching is right. */
static bool accumulated(void)
{
    static float memory[4 * N];
    char *sum = (char *)&memory[N];
    for (int dtype = ADAMW_DTYPE_FLOAT32; dtype <= ADAMW_DTYPE_FLOAT16; dtype++) {
        const ptrdiff_t grad = (ptrdiff_t)(dtype == ADAMW_DTYPE_FLOAT32 ? 4 : 2) * N, whole = (ptrdiff_t)4 * N;
        const ptrdiff_t places[] = {1 - grad, whole - 1, 0, -grad, whole};
        for (size_t i = 0; i < sizeof places / sizeof places[0]; i++)
            if ((adamw_accumulate(N, (float *)(void *)sum, sum + places[i], (adamw_dtype)dtype, 1) == ADAMW_OK) !=
                (i >= 3))
                return check_fail("adamw_accumulate with a gradient of dtype %d at %td bytes behind the sum", dtype,
                                  places[i]);
    }
    return true;
}

/* More values together than a size_t counts: refused before any is read. */
static bool too_many(void)
{
    enum { MANY = 9 };
    adamw_tensor tensors[MANY];
    double norm = 5;
    for (int i = 0; i < MANY; i++)
        tensors[i] = (adamw_tensor){.n = PTRDIFF_MAX / sizeof(float), .grad = &norm};
    return (adamw_grad_norm(tensors, MANY, ADAMW_NORM_L2, 1, &norm) == ADAMW_ERROR_INVALID_ARGUMENT && norm == 5) ||
           check_fail("a list of more values than there are addresses was taken");
}

bool check_overlaps(const check_options *options)
{
    (void)options;
    bool right = true;
    for (int a = 0; a < PLACES; a++)
        for (int b = 0; right && b < PLACES; b++) {
            const call c = call_new();
            if (a == b || (a >= ADAMW_STREAM_COUNT && b >= ADAMW_STREAM_COUNT && a > b))
                continue;
            const intptr_t of_a = (intptr_t)bytes_of(a, &c.tensor), of_b = (intptr_t)bytes_of(b, &c.tensor);
            right = placed(a, b, of_a - 1, true) && placed(a, b, 1 - of_b, true) && placed(a, b, of_a, false) &&
                    placed(a, b, -of_b, false) && placed(a, b, 0, true);
        }
    return right && unused() && whole_of_norms() && exp_avg_of_no_use() && accumulated() && too_many();
}
