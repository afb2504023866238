/*
 * group.c - see group.h.
 */
#include "group.h"

#include "coefficients.h"

void adamw_group_take(adamw_group *group, const adamw_plan *plan, const adamw_tensor *tensor)
{
    const adamw_config *config = tensor->config != NULL ? tensor->config : plan->config;
    const uint64_t step = tensor->step != 0 ? tensor->step : plan->step;
    if (config == group->config && step == group->step)
        return;
    group->config = config;
    group->step = step;
    group->kernels = plan->kernels;
    group->variant = adamw_variant_of(config);
    group->update = plan->kernels->update[group->variant];
    adamw_coefficients_of(&group->coefficients, config, step);
    group->coefficients.prefetch = plan->prefetch;
    group->coefficients.roots = plan->tuning->roots;
    adamw_stages_of(&group->stages, plan->options, step);
}
