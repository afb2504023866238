/*
 * step.c - the version, statuses, config and step of adamw.h. A step is the way of the data in two lines: validate,
 * then one pass over the list.
 */
#include "../dispatch/float_env.h"
#include "../plan/validate.h"
#include "../run/pass.h"

const char *adamw_version(void) { return ADAMW_VERSION_STRING; }

const char *adamw_status_string(adamw_status status)
{
    switch (status) {
    case ADAMW_OK:
        return "ok";
    case ADAMW_ERROR_INVALID_ARGUMENT:
        return "invalid argument";
    case ADAMW_ERROR_UNSUPPORTED:
        return "unsupported by this version";
    case ADAMW_ERROR_ISA:
        return "instruction set unknown or not available here";
    case ADAMW_ERROR_STATE:
        return "saved state damaged or not of this kind";
    case ADAMW_ERROR_SYSTEM:
        return "refused by the operating system";
    }
    return "unknown status";
}

adamw_status adamw_config_init(adamw_config *config)
{
    if (config == NULL)
        return ADAMW_ERROR_INVALID_ARGUMENT;
    *config = (adamw_config){.lr = 1e-3,
                             .beta1 = 0.9,
                             .beta2 = 0.999,
                             .eps = 1e-8,
                             .weight_decay = 1e-4,
                             .decay = ADAMW_DECAY_DECOUPLED,
                             .arithmetic = ADAMW_ARITHMETIC_ACCURATE,
                             .bias_correction = true};
    return ADAMW_OK;
}

static const adamw_pass the_step = {.update = true, .clip_coefficient = 1};

adamw_status adamw_step(const adamw_config *config, uint64_t step, const adamw_tensor *tensors, size_t count,
                        int threads)
{
    adamw_plan plan;
    const uint64_t env = adamw_float_env_get();
    const adamw_status status =
        adamw_validate(&plan, config, step, tensors, count, NULL, NULL, threads, (adamw_sentence){NULL, 0});
    if (status == ADAMW_OK)
        adamw_pass_run(&plan, &the_step, NULL);
    adamw_float_env_set(env);
    return status;
}

adamw_status adamw_step_part(const adamw_config *config, uint64_t step, const adamw_tensor *tensors, size_t count,
                             size_t part, size_t parts)
{
    adamw_plan plan;
    if (part >= parts)
        return ADAMW_ERROR_INVALID_ARGUMENT;
    const uint64_t env = adamw_float_env_get();
    const adamw_status status =
        adamw_validate(&plan, config, step, tensors, count, NULL, NULL, 1, (adamw_sentence){NULL, 0});
    if (status == ADAMW_OK)
        adamw_pass_run_part(&plan, &the_step, part, parts);
    adamw_float_env_set(env);
    return status;
}

adamw_status adamw_step_f32(const adamw_config *config, uint64_t step, size_t n, float *param, const float *grad,
                            float *exp_avg, float *exp_avg_sq)
{
    const adamw_tensor tensor = {.n = n, .param = param, .grad = grad, .exp_avg = exp_avg, .exp_avg_sq = exp_avg_sq};
    return adamw_step(config, step, &tensor, 1, 0);
}

adamw_status adamw_step_explain(const adamw_config *config, uint64_t step, const adamw_tensor *tensors, size_t count,
                                int threads, char *buffer, size_t size)
{
    adamw_plan plan;
    const adamw_sentence to = adamw_sentence_in(buffer, size);
    const uint64_t env = adamw_float_env_get();
    const adamw_status status = adamw_validate(&plan, config, step, tensors, count, NULL, NULL, threads, to);
    adamw_float_env_set(env);
    return adamw_told(status, to);
}
