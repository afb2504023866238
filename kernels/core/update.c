/*
 * update.c - the public entry points of the whole update: which passes over the list a call needs, and what they
 * found.
 */
#include "../dispatch/float_env.h"
#include "pass.h"
#include "validate.h"

#include <float.h>
#include <math.h>
#include <stdio.h>

adamw_status adamw_update_options_init(adamw_update_options *options)
{
    if (options == NULL)
        return ADAMW_ERROR_INVALID_ARGUMENT;
    *options = (adamw_update_options){.grad_scale = 1};
    return ADAMW_OK;
}

static bool clips_by_norm(const adamw_update_options *options)
{
    return options->clip == ADAMW_CLIP_GLOBAL_NORM || options->clip == ADAMW_CLIP_TENSOR_NORM;
}

/* The smallest coefficient that any tensor was clipped with. */
static double least_coefficient(const adamw_pass *pass, double norm)
{
    const adamw_update_options *options = pass->options;
    if (options->clip == ADAMW_CLIP_GLOBAL_NORM)
        return (double)adamw_clip_coefficient(pass->config, options->clip_max, norm);
    double least = 1;
    for (size_t i = 0; options->clip == ADAMW_CLIP_TENSOR_NORM && i < pass->count; i++) {
        const float own = adamw_clip_coefficient(pass->config, options->clip_max, options->tensor_norms[i]);
        if (!((double)own >= least)) /* also a NaN */
            least = (double)own;
    }
    return least;
}

static void report_grads(adamw_update_report *report, const adamw_pass *pass)
{
    report->grad_norm = sqrt(adamw_exact_sum_get(&pass->found.grads));
    if (pass->found.not_finite) {
        report->not_finite_tensor = pass->found.not_finite_tensor;
        report->not_finite_index = pass->found.not_finite_index;
    }
}

/* The passes of a checked call. */
static void run(const adamw_plan *plan, const adamw_update_options *options, adamw_update_report *report)
{
    const bool reads_first = clips_by_norm(options) || options->skip_not_finite;
    const bool sums = reads_first || options->report_norm || options->tensor_norms != NULL;
    adamw_pass pass = {
        .tensors = plan->tensors,
        .count = plan->count,
        .total = plan->total,
        .kernels = plan->kernels,
        .look_ahead = plan->look_ahead,
        .options = options,
        .config = plan->config,
        .step = plan->step,
        .coefficient = 1,
        .sum_grads = sums,
        .tensor_norms = options->tensor_norms,
    };
    const int threads = plan->config->threads;

    if (reads_first) {
        adamw_pass_run(&pass, threads);
        report_grads(report, &pass);
        pass.sum_grads = false;
        if (options->skip_not_finite && pass.found.not_finite) {
            report->skipped = true;
            pass.zero_only = options->zero_grad;
            if (pass.zero_only)
                adamw_pass_run(&pass, threads);
            return;
        }
        report->clip_coefficient = least_coefficient(&pass, report->grad_norm);
        if (options->clip == ADAMW_CLIP_GLOBAL_NORM)
            pass.coefficient = (float)report->clip_coefficient;
    }
    pass.update = true;
    pass.sum_changes = options->report_ratio;
    adamw_pass_run(&pass, threads);
    if (sums && !reads_first)
        report_grads(report, &pass);
    if (options->report_ratio) {
        report->update_ratio = pass.found.update_ratio;
        report->update_ratio_tensor = pass.found.update_ratio_tensor;
    }
}

adamw_status adamw_update(const adamw_config *config, uint64_t step, const adamw_tensor *tensors, size_t count,
                          const adamw_update_options *options, adamw_update_report *report)
{
    adamw_plan plan;
    adamw_update_options off;
    adamw_update_options_init(&off);
    const uint64_t env = adamw_float_env_get();
    const adamw_status status =
        adamw_validate_update(&plan, config, step, tensors, count, options != NULL ? options : &off, NULL);
    if (status == ADAMW_OK) {
        adamw_update_report own = {.grad_norm = NAN,
                                   .clip_coefficient = 1,
                                   .update_ratio = NAN,
                                   .update_ratio_tensor = SIZE_MAX,
                                   .not_finite_tensor = SIZE_MAX,
                                   .not_finite_index = SIZE_MAX};
        run(&plan, options != NULL ? options : &off, &own);
        if (report != NULL)
            *report = own;
    }
    adamw_float_env_set(env);
    return status;
}

adamw_status adamw_update_explain(const adamw_config *config, uint64_t step, const adamw_tensor *tensors,
                                  size_t count, const adamw_update_options *options, char *buffer, size_t size)
{
    adamw_plan plan;
    adamw_update_options off;
    adamw_update_options_init(&off);
    const adamw_sentence sentence = {buffer, buffer != NULL ? size : 0};
    const adamw_status status =
        adamw_validate_update(&plan, config, step, tensors, count, options != NULL ? options : &off, &sentence);
    if (status == ADAMW_OK && sentence.size != 0)
        snprintf(buffer, size, "ok");
    return status;
}

adamw_status adamw_grad_norm(const adamw_tensor *tensors, size_t count, adamw_norm kind, int threads, double *norm)
{
    adamw_plan plan;
    if (norm == NULL || (kind != ADAMW_NORM_L2 && kind != ADAMW_NORM_INFINITY) || threads < 0)
        return ADAMW_ERROR_INVALID_ARGUMENT;
    const adamw_status status = adamw_validate_grads(&plan, tensors, count);
    if (status != ADAMW_OK)
        return status;
    const uint64_t env = adamw_float_env_get();
    adamw_pass pass = {.tensors = tensors,
                       .count = count,
                       .total = plan.total,
                       .kernels = plan.kernels,
                       .sum_grads = kind == ADAMW_NORM_L2,
                       .abs_max = kind == ADAMW_NORM_INFINITY};
    adamw_pass_run(&pass, threads);
    *norm = kind == ADAMW_NORM_L2 ? sqrt(adamw_exact_sum_get(&pass.found.grads)) : (double)pass.found.abs_max;
    adamw_float_env_set(env);
    return ADAMW_OK;
}
