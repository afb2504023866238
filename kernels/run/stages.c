/*
 * stages.c - see stages.h. Block by block, so that what one stage leaves is in the first-level cache for the next:
 * the gradient is widened, scaled and clipped into scratch, narrow parameters and states are widened; the float32
 * update runs; what was narrow is rounded back, the parameter is averaged and copied, the gradient is cleared. The
 * formula stands in body/update.h; nothing is computed here.
 */
#include "stages.h"

#include <math.h>
#include <string.h>

#include "random.h"

static adamw_update_streams streams_at(const adamw_tensor *tensor, size_t first)
{
    const size_t at = first * sizeof(float);
    return (adamw_update_streams){
        .param = (char *)tensor->param + at,
        .grad = (const char *)tensor->grad + at,
        .exp_avg = tensor->exp_avg != NULL ? (char *)tensor->exp_avg + at : NULL,
        .exp_avg_sq = (char *)tensor->exp_avg_sq + at,
        .max_exp_avg_sq = tensor->max_exp_avg_sq != NULL ? (char *)tensor->max_exp_avg_sq + at : NULL,
    };
}

/* Whether scaling leaves every gradient as it is. */
static bool changes_nothing(const adamw_grad_scaling *by)
{
    return by->scale == 1 && by->factor == 1 && by->limit == INFINITY;
}

/* Whether the parameter or a state has to be widened into scratch. */
static bool is_narrow(const adamw_tensor *t)
{
    return (t->param_dtype | t->exp_avg_dtype | t->exp_avg_sq_dtype) != 0 || t->param_residual != NULL;
}

/* The update of one tensor, block by block, and its scratch. */
typedef struct blocks {
    const adamw_group *group;
    const adamw_tensor *tensor;
    bool narrow;
    uint64_t random; /* adamw_random_base() of the tensor, where it rounds at random */
    size_t size;     /* of a block: a narrow tensor's has five streams in the room, another one's two */
    float *room;
} blocks;

enum { ROOM = 5 * ADAMW_NARROW_BLOCK };
_Static_assert(ROOM >= 2 * ADAMW_STAGE_BLOCK, "a gradient and a first moment fit");

/* Scratch of a stream: of the gradient first, then of the others in any order. */
enum { ROOM_grad, ROOM_exp_avg, ROOM_exp_avg_sq, ROOM_max_exp_avg_sq, ROOM_param };
static float *room_of(const blocks *b, int stream) { return b->room + (size_t)stream * b->size; }

/* The address of value `at` of a stream. */
static char *value_at(void *stream, adamw_dtype dtype, size_t at) { return (char *)stream + at * dtype_size(dtype); }

static bool rounds_randomly(const blocks *b) { return b->group->config->rounding == ADAMW_ROUND_STOCHASTIC; }
static bool is_split(const adamw_tensor *t)
{
    return t->param_dtype == ADAMW_DTYPE_BFLOAT16 && t->param_residual != NULL;
}
static bool is_compensated(const adamw_tensor *t)
{
    return t->param_dtype == ADAMW_DTYPE_FLOAT32 && t->param_residual != NULL;
}

/* The gradient of a block goes through scratch. The stage prefetches what it reads next: the next block of a float32
 * gradient, whose own prefetches in the update then find scratch; a narrow one by the update's distance. */
static void scale_block(const blocks *b, const adamw_grad_scaling *by, adamw_update_streams *s, size_t first,
                        size_t n)
{
    const adamw_tensor *t = b->tensor;
    const size_t block = b->size * sizeof(float), near = b->group->coefficients.prefetch.near;
    const size_t prefetch = near == 0 || t->grad_dtype != ADAMW_DTYPE_FLOAT32 ? near : block;
    const char *grad = (const char *)t->grad + first * dtype_size(t->grad_dtype);
    b->group->kernels->scale_grad(room_of(b, ROOM_grad), grad, t->grad_dtype, n, by, prefetch);
    s->grad = (const char *)room_of(b, ROOM_grad);
}

/* `stream` from value `first` on, as float32: in its place, or widened into scratch. */
static char *widened(const blocks *b, void *stream, adamw_dtype dtype, int room, size_t first, size_t n)
{
    if (stream == NULL || dtype == ADAMW_DTYPE_FLOAT32)
        return stream != NULL ? value_at(stream, dtype, first) : NULL;
    b->group->kernels->widen(room_of(b, room), value_at(stream, dtype, first), dtype, n,
                             b->group->coefficients.prefetch.near);
    return (char *)room_of(b, room);
}

static void read_narrow(const blocks *b, adamw_update_streams *s, size_t first, size_t n)
{
    const adamw_tensor *t = b->tensor;
    s->exp_avg = widened(b, t->exp_avg, t->exp_avg_dtype, ROOM_exp_avg, first, n);
    s->exp_avg_sq = widened(b, t->exp_avg_sq, t->exp_avg_sq_dtype, ROOM_exp_avg_sq, first, n);
    s->max_exp_avg_sq = widened(b, t->max_exp_avg_sq, t->exp_avg_sq_dtype, ROOM_max_exp_avg_sq, first, n);
    if (is_split(t)) {
        s->param = (char *)room_of(b, ROOM_param);
        b->group->kernels->join(s->param, value_at(t->param, t->param_dtype, first),
                                value_at(t->param_residual, ADAMW_DTYPE_BFLOAT16, first), n,
                                b->group->coefficients.prefetch.near);
    } else {
        s->param = widened(b, t->param, t->param_dtype, ROOM_param, first, n);
    }
    if (is_compensated(t)) /* its parameter needs no scratch */
        widened(b, t->param_residual, ADAMW_DTYPE_BFLOAT16, ROOM_param, first, n);
}

/* Rounds a block of one or two bfloat16 streams; one that is NULL is left out. */
static void round_pair(const blocks *b, unsigned word, void *low, int low_room, void *high, int high_room,
                       size_t first, size_t n)
{
    const adamw_kernels *kernels = b->group->kernels;
    char *const to_low = low != NULL ? value_at(low, ADAMW_DTYPE_BFLOAT16, first) : NULL;
    char *const to_high = high != NULL ? value_at(high, ADAMW_DTYPE_BFLOAT16, first) : NULL;
    if (rounds_randomly(b) && (low != NULL || high != NULL)) {
        const adamw_random by = adamw_random_at(b->random, b->tensor->first_index + first, word);
        kernels->narrow_randomly(to_low, room_of(b, low_room), to_high, room_of(b, high_room), n, &by);
        return;
    }
    if (low != NULL)
        kernels->narrow(to_low, ADAMW_DTYPE_BFLOAT16, room_of(b, low_room), n);
    if (high != NULL)
        kernels->narrow(to_high, ADAMW_DTYPE_BFLOAT16, room_of(b, high_room), n);
}

static void *if_bf16(void *stream, adamw_dtype dtype) { return dtype == ADAMW_DTYPE_BFLOAT16 ? stream : NULL; }

/* The halves of the random words that the streams have are part of the bits (kernels/ARITHMETIC.md). */
static void write_narrow(const blocks *b, size_t first, size_t n)
{
    const adamw_tensor *t = b->tensor;
    round_pair(b, 0, if_bf16(t->exp_avg, t->exp_avg_dtype), ROOM_exp_avg, if_bf16(t->exp_avg_sq, t->exp_avg_sq_dtype),
               ROOM_exp_avg_sq, first, n);
    round_pair(b, 1, is_split(t) ? NULL : if_bf16(t->param, t->param_dtype), ROOM_param,
               if_bf16(t->max_exp_avg_sq, t->exp_avg_sq_dtype), ROOM_max_exp_avg_sq, first, n);
    if (is_split(t))
        b->group->kernels->split(value_at(t->param, t->param_dtype, first),
                                 value_at(t->param_residual, ADAMW_DTYPE_BFLOAT16, first), room_of(b, ROOM_param), n);
    if (is_compensated(t))
        b->group->kernels->narrow(value_at(t->param_residual, ADAMW_DTYPE_BFLOAT16, first), ADAMW_DTYPE_BFLOAT16,
                                  room_of(b, ROOM_param), n);
}

/* Stages that follow the update; `param` are the block's new parameters before they are rounded. */
static void follow_block(const blocks *b, const char *param, size_t first, size_t n)
{
    const adamw_tensor *t = b->tensor;
    const adamw_stages *stages = &b->group->stages;
    if (stages->average)
        b->group->kernels->average((char *)t->param_ema + first * sizeof(float), param, n, stages->ema_weight,
                                   stages->ema_keep, b->group->coefficients.prefetch.near);
    if (stages->copy)
        b->group->kernels->narrow((char *)t->param_copy + first * sizeof(uint16_t), t->copy_dtype, param, n);
    if (stages->zero_grad) /* the caller's buffer is not const where this is asked for */
        memset((char *)(uintptr_t)t->grad + first * dtype_size(t->grad_dtype), 0, n * dtype_size(t->grad_dtype));
}

/* The values of the next block: random words have new keys at each multiple of 2^32. */
static size_t block_at(const blocks *b, size_t first, size_t left)
{
    const uint64_t to_new_keys = (UINT64_C(1) << 32) - (uint32_t)(b->tensor->first_index + first);
    const size_t n = left < b->size ? left : b->size;
    return n < to_new_keys ? n : (size_t)to_new_keys;
}

/* `scaling` is NULL where gradients are float32 and stay as they are. */
ADAMW_NOINLINE static void run_blocks(const adamw_group *group, const adamw_tensor *tensor, size_t first, size_t n,
                                      const adamw_grad_scaling *scaling)
{
    float room[ROOM];
    blocks b = {.group = group, .tensor = tensor, .narrow = is_narrow(tensor), .room = room};
    b.size = b.narrow ? ADAMW_NARROW_BLOCK : ADAMW_STAGE_BLOCK;
    if (b.narrow && rounds_randomly(&b))
        b.random = adamw_random_base(group->config->seed, group->step, tensor->random_stream);
    for (size_t done = 0, values; done < n; done += values) {
        const size_t at = first + done;
        values = block_at(&b, at, n - done);
        adamw_update_streams s = streams_at(tensor, at);
        if (scaling != NULL)
            scale_block(&b, scaling, &s, at, values);
        if (b.narrow)
            read_narrow(&b, &s, at, values);
        if (tensor->exp_avg == NULL) /* beta1 is 0: the form for small betas multiplies it with 0 */
            s.exp_avg = memset(room_of(&b, ROOM_exp_avg), 0, values * sizeof(float));
        if (is_compensated(tensor))
            group->kernels->update_compensated(&group->coefficients, &s, room_of(&b, ROOM_param), values,
                                               group->variant);
        else
            group->update(&group->coefficients, &s, values);
        if (b.narrow)
            write_narrow(&b, at, values);
        follow_block(&b, s.param, at, values);
    }
}

void adamw_stages_run(const adamw_group *group, const adamw_tensor *tensor, size_t first, size_t n, float coefficient)
{
    const adamw_stages *stages = &group->stages;
    const bool scales = coefficient != 1 || !changes_nothing(&stages->grad) /* a NaN coefficient scales */
                        || tensor->grad_dtype != ADAMW_DTYPE_FLOAT32;
    if (scales || stages->average || stages->copy || stages->zero_grad || tensor->exp_avg == NULL ||
        is_narrow(tensor)) {
        adamw_grad_scaling scaling = stages->grad;
        scaling.factor = coefficient;
        run_blocks(group, tensor, first, n, scales ? &scaling : NULL);
    } else {
        const adamw_update_streams s = streams_at(tensor, first);
        group->update(&group->coefficients, &s, n);
    }
}

const char *adamw_stages_param(const adamw_group *group, const adamw_tensor *tensor, size_t first, size_t n,
                               float *room)
{
    char *const param = value_at(tensor->param, tensor->param_dtype, first);
    if (tensor->param_dtype == ADAMW_DTYPE_FLOAT32)
        return param;
    if (is_split(tensor))
        group->kernels->join(room, param, value_at(tensor->param_residual, ADAMW_DTYPE_BFLOAT16, first), n, 0);
    else
        group->kernels->widen(room, param, tensor->param_dtype, n, 0);
    return (const char *)room;
}
