/*
 * update.c - the whole update of adamw.h: which passes over the list a call consists of, in their order, and the
 * report of what they found.
 */
#include "../dispatch/float_env.h"
#include "../plan/options.h"
#include "../plan/validate.h"
#include "../run/pass.h"

#include <math.h>

static const adamw_update_options all_off = {.grad_scale = 1, .clip_max = -1};

adamw_status adamw_update_options_init(adamw_update_options *options)
{
    if (options == NULL)
        return ADAMW_ERROR_INVALID_ARGUMENT;
    *options = all_off;
    return ADAMW_OK;
}

/* The smallest coefficient that any tensor is clipped with; an empty one has no gradient to clip. */
static double least_coefficient(const adamw_plan *plan, double norm)
{
    const adamw_update_options *options = plan->options;
    if (options->clip == ADAMW_CLIP_GLOBAL_NORM)
        return (double)adamw_clip_coefficient(plan->config, options, norm);
    double least = 1;
    for (size_t i = 0; options->clip == ADAMW_CLIP_TENSOR_NORM && i < plan->count; i++) {
        const double own = (double)adamw_clip_coefficient(plan->config, options, options->tensor_norms[i]);
        if (plan->tensors[i].n != 0 && (own < least || own != own)) /* a NaN stays: nothing is less than it */
            least = own;
    }
    return least;
}

static void report_grads(adamw_update_report *report, const adamw_findings *found)
{
    report->grad_norm = sqrt(adamw_exact_sum_get(&found->grads));
    if (found->not_finite) {
        report->not_finite_tensor = found->not_finite_tensor;
        report->not_finite_index = found->not_finite_index;
    }
}

/* A skipped step leaves everything as it is, but for gradients that are to be cleared. */
static void skip(const adamw_plan *plan, adamw_update_report *report)
{
    const adamw_pass clear = {.zero_grad = true};
    report->skipped = true;
    if (plan->options->zero_grad)
        adamw_pass_run(plan, &clear, NULL);
}

/* The passes of a checked call: one over the gradients where the update depends on what it finds, and the update. */
static adamw_update_report run(const adamw_plan *plan)
{
    const adamw_update_options *options = plan->options;
    const bool grads_first = adamw_clips_by_norm(options) || options->skip_not_finite;
    adamw_update_report report = {.grad_norm = NAN,
                                  .clip_coefficient = 1,
                                  .update_ratio = NAN,
                                  .update_ratio_tensor = SIZE_MAX,
                                  .not_finite_tensor = SIZE_MAX,
                                  .not_finite_index = SIZE_MAX};
    adamw_findings found;
    adamw_pass update = {.update = true,
                         .sum_grads = !grads_first && (options->report_norm || options->tensor_norms != NULL),
                         .sum_changes = options->report_ratio,
                         .clip_coefficient = 1,
                         .tensor_norms = options->tensor_norms};

    if (grads_first) {
        const adamw_pass sum = {.sum_grads = true, .tensor_norms = options->tensor_norms};
        adamw_pass_run(plan, &sum, &found);
        report_grads(&report, &found);
        if (options->skip_not_finite && found.not_finite) {
            skip(plan, &report);
            return report;
        }
        report.clip_coefficient = least_coefficient(plan, report.grad_norm);
        if (options->clip == ADAMW_CLIP_GLOBAL_NORM)
            update.clip_coefficient = (float)report.clip_coefficient;
    }
    adamw_pass_run(plan, &update, &found);
    if (update.sum_grads)
        report_grads(&report, &found);
    if (update.sum_changes) {
        report.update_ratio = found.update_ratio;
        report.update_ratio_tensor = found.update_ratio_tensor;
    }
    return report;
}

adamw_status adamw_update(const adamw_config *config, uint64_t step, const adamw_tensor *tensors, size_t count,
                          const adamw_update_options *options, adamw_update_report *report, int threads)
{
    adamw_plan plan;
    const uint64_t env = adamw_float_env_get();
    const adamw_status status =
        adamw_validate(&plan, config, step, tensors, count, options != NULL ? options : &all_off, report, threads,
                       (adamw_sentence){NULL, 0});
    if (status == ADAMW_OK) {
        const adamw_update_report found = run(&plan);
        if (report != NULL)
            *report = found;
    }
    adamw_float_env_set(env);
    return status;
}

adamw_status adamw_update_explain(const adamw_config *config, uint64_t step, const adamw_tensor *tensors,
                                  size_t count, const adamw_update_options *options,
                                  const adamw_update_report *report, int threads, char *buffer, size_t size)
{
    adamw_plan plan;
    const adamw_sentence to = adamw_sentence_in(buffer, size);
    const uint64_t env = adamw_float_env_get();
    const adamw_status status = adamw_validate(&plan, config, step, tensors, count,
                                               options != NULL ? options : &all_off, report, threads, to);
    adamw_float_env_set(env);
    return adamw_told(status, to);
}
