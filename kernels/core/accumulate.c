/*
 * accumulate.c - gradient accumulation and the scale of the loss: what belongs to a step, but comes between two.
 */
#include "../dispatch/float_env.h"
#include "driver.h"
#include "validate.h"

#include <float.h>
#include <math.h>

static void accumulate_part(void *context, size_t part, size_t parts, adamw_result *result)
{
    const adamw_plan *plan = (const adamw_plan *)context;
    const adamw_tensor *tensor = plan->tensors;
    const size_t size = dtype_size(tensor->grad_dtype);
    adamw_pieces piece = adamw_pieces_of(tensor, 1, plan->total, part, parts);
    (void)result;
    while (adamw_pieces_next(&piece))
        plan->kernels->accumulate((char *)tensor->param + piece.first * sizeof(float),
                                  (const char *)tensor->grad + piece.first * size, tensor->grad_dtype,
                                  piece.last - piece.first);
}

adamw_status adamw_accumulate(size_t n, float *sum, const void *grad, adamw_dtype dtype, int threads)
{
    adamw_plan plan;
    const adamw_tensor tensor = {.n = n, .param = sum, .grad = grad, .grad_dtype = dtype};
    if (threads < 0)
        return ADAMW_ERROR_INVALID_ARGUMENT;
    const adamw_status status = adamw_validate_accumulate(&plan, &tensor);
    if (status != ADAMW_OK)
        return status;
    const uint64_t env = adamw_float_env_get();
    adamw_run(adamw_team_size(n, threads), accumulate_part, NULL, &plan);
    adamw_float_env_set(env);
    return ADAMW_OK;
}

adamw_status adamw_loss_scale_init(adamw_loss_scale *scale)
{
    if (scale == NULL)
        return ADAMW_ERROR_INVALID_ARGUMENT;
    *scale = (adamw_loss_scale){
        .scale = 65536, .growth_factor = 2, .backoff_factor = 0.5, .growth_interval = 2000, .growth_tracker = 0};
    return ADAMW_OK;
}

adamw_status adamw_loss_scale_update(adamw_loss_scale *scale, bool skipped)
{
    if (scale == NULL || !(scale->scale > 0 && scale->scale <= FLT_MAX) ||
        !(scale->growth_factor > 1 && scale->growth_factor <= FLT_MAX) ||
        !(scale->backoff_factor > 0 && scale->backoff_factor < 1) || scale->growth_interval < 1 ||
        scale->growth_tracker < 0)
        return ADAMW_ERROR_INVALID_ARGUMENT;
    if (skipped) {
        scale->scale *= scale->backoff_factor;
        scale->growth_tracker = 0;
    } else if (scale->growth_tracker >= scale->growth_interval - 1) { /* so, because + 1 may leave an int */
        const double grown = scale->scale * scale->growth_factor;
        if (grown <= FLT_MAX)
            scale->scale = grown;
        scale->growth_tracker = 0;
    } else {
        scale->growth_tracker++;
    }
    return ADAMW_OK;
}
