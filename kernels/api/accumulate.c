/*
 * accumulate.c - gradient accumulation: a gradient is added to a float32 sum between two steps.
 */
#include "../dispatch/float_env.h"
#include "../plan/validate.h"
#include "../run/pieces.h"
#include "../run/team.h"

static void accumulate_part(void *context, size_t part, size_t parts, void *result)
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
    const adamw_status status = adamw_validate_accumulate(&plan, &tensor, threads);
    if (status == ADAMW_OK) {
        const uint64_t env = adamw_float_env_get();
        adamw_team_run(plan.tuning, n, threads, accumulate_part, NULL, &plan);
        adamw_float_env_set(env);
    }
    return status;
}
