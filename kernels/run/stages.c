/*
 * stages.c - see stages.h. Block by block, so that what one stage leaves is in the first-level cache for the next:
 * the gradient is widened, scaled and clipped into scratch, the float32 update runs, the parameter is averaged and
 * copied, the gradient is cleared. The formula is body/update.h's; nothing is computed here.
 */
#include "stages.h"

#include <math.h>
#include <string.h>

static adamw_update_streams streams_at(const adamw_tensor *tensor, size_t first)
{
    const size_t at = first * sizeof(float);
    return (adamw_update_streams){
        .param = (char *)tensor->param + at,
        .grad = (const char *)tensor->grad + at,
        .exp_avg = tensor->exp_avg != NULL ? (char *)tensor->exp_avg + at : NULL,
        .exp_avg_sq = (char *)tensor->exp_avg_sq + at,
        .max_exp_avg_sq = tensor->max_exp_avg_sq != NULL ? (char *)tensor->max_exp_avg_sq + at : NULL,
        .grad_prefetch = (const char *)tensor->grad + at,
    };
}

/* Whether scaling leaves every gradient as it is. */
static bool changes_nothing(const adamw_grad_scaling *by)
{
    return by->scale == 1 && by->factor == 1 && by->limit == INFINITY;
}

/*
 * The gradient of a block goes through `scratch`. The update's prefetches of a float32 gradient are moved on by a
 * block: when the update has done a block, the next one's gradient, which the stage reads before any other stream, is
 * in the cache. A narrow gradient advances by fewer bytes than the update, so the stage prefetches it itself.
 */
static void scale_block(const adamw_group *group, const adamw_tensor *tensor, const adamw_grad_scaling *by,
                        adamw_update_streams *s, size_t first, size_t n, float *scratch)
{
    const size_t block = ADAMW_STAGE_BLOCK * sizeof(float), near = group->coefficients.prefetch.near;
    const bool narrow = tensor->grad_dtype != ADAMW_DTYPE_FLOAT32;
    const char *grad = (const char *)tensor->grad + first * dtype_size(tensor->grad_dtype);
    group->kernels->scale_grad(scratch, grad, tensor->grad_dtype, n, by, narrow ? near : 0);
    s->grad = (const char *)scratch;
    s->grad_prefetch = narrow ? s->grad : grad + (block > near ? block - near : 0);
}

/* Stages that follow the update. */
static void follow_block(const adamw_group *group, const adamw_tensor *tensor, size_t first, size_t n)
{
    const adamw_stages *stages = &group->stages;
    const char *param = (const char *)tensor->param + first * sizeof(float);
    if (stages->average)
        group->kernels->average((char *)tensor->param_ema + first * sizeof(float), param, n, stages->ema_weight,
                                stages->ema_keep, group->coefficients.prefetch.near);
    if (stages->copy)
        group->kernels->narrow((char *)tensor->param_copy + first * sizeof(uint16_t), tensor->copy_dtype, param, n);
    if (stages->zero_grad) /* the caller's buffer is not const where this is asked for */
        memset((char *)(uintptr_t)tensor->grad + first * dtype_size(tensor->grad_dtype), 0,
               n * dtype_size(tensor->grad_dtype));
}

/* `scaling` is NULL where gradients are float32 and stay as they are. */
static void run_blocks(const adamw_group *group, const adamw_tensor *tensor, size_t first, size_t n,
                       const adamw_grad_scaling *scaling)
{
    float grad[ADAMW_STAGE_BLOCK], exp_avg[ADAMW_STAGE_BLOCK];
    for (size_t done = 0; done < n; done += ADAMW_STAGE_BLOCK) {
        const size_t at = first + done, values = n - done < ADAMW_STAGE_BLOCK ? n - done : ADAMW_STAGE_BLOCK;
        adamw_update_streams s = streams_at(tensor, at);
        if (scaling != NULL)
            scale_block(group, tensor, scaling, &s, at, values, grad);
        if (tensor->exp_avg == NULL) /* beta1 is 0: the form for small betas multiplies it with 0 */
            s.exp_avg = memset(exp_avg, 0, values * sizeof *exp_avg);
        group->update(&group->coefficients, &s, values);
        follow_block(group, tensor, at, values);
    }
}

void adamw_stages_run(const adamw_group *group, const adamw_tensor *tensor, size_t first, size_t n, float coefficient)
{
    const adamw_stages *stages = &group->stages;
    const bool scales = coefficient != 1 || !changes_nothing(&stages->grad) /* a NaN coefficient scales */
                        || tensor->grad_dtype != ADAMW_DTYPE_FLOAT32;
    if (scales || stages->average || stages->copy || stages->zero_grad || tensor->exp_avg == NULL) {
        adamw_grad_scaling scaling = stages->grad;
        scaling.factor = coefficient;
        run_blocks(group, tensor, first, n, scales ? &scaling : NULL);
    } else {
        const adamw_update_streams s = streams_at(tensor, first);
        group->update(&group->coefficients, &s, n);
    }
}
