/*
 * norm.c - the norm of a list's gradients.
 */
#include "../dispatch/float_env.h"
#include "../plan/validate.h"
#include "../run/pass.h"

#include <math.h>

adamw_status adamw_grad_norm(const adamw_tensor *tensors, size_t count, adamw_norm kind, int threads, double *norm)
{
    adamw_plan plan;
    if (norm == NULL || (kind != ADAMW_NORM_L2 && kind != ADAMW_NORM_INFINITY))
        return ADAMW_ERROR_INVALID_ARGUMENT;
    const uint64_t env = adamw_float_env_get();
    const adamw_status status = adamw_validate_grads(&plan, tensors, count, threads);
    if (status == ADAMW_OK) {
        const adamw_pass pass = {.sum_grads = kind == ADAMW_NORM_L2, .abs_max = kind == ADAMW_NORM_INFINITY};
        adamw_findings found;
        adamw_pass_run(&plan, &pass, &found);
        *norm = kind == ADAMW_NORM_L2 ? sqrt(adamw_exact_sum_get(&found.grads)) : (double)found.abs_max;
    }
    adamw_float_env_set(env);
    return status;
}
