/*
 * pass.c - see pass.h. A part of the list goes through its tensors block by block; a tensor that lies in several
 * parts is summed up when the parts are joined, in their order. Sums of blocks are exact, so no cut shows.
 */
#include "pass.h"

#include <math.h>
#include <string.h>

#include "../vec/half.h"
#include "coefficients.h"
#include "extras.h"

static const char *grad_at(const adamw_tensor *tensor, size_t index)
{
    return (const char *)tensor->grad + index * dtype_size(tensor->grad_dtype);
}

static bool is_finite_grad(const adamw_tensor *tensor, size_t index)
{
    const char *at = grad_at(tensor, index);
    if (tensor->grad_dtype == ADAMW_DTYPE_FLOAT32) {
        float x;
        memcpy(&x, at, sizeof x);
        return isfinite(x);
    }
    uint16_t half;
    memcpy(&half, at, sizeof half);
    return isfinite(tensor->grad_dtype == ADAMW_DTYPE_BFLOAT16 ? widen_bf16(half) : widen_f16(half));
}

static float grad_scale_of(const adamw_pass *pass)
{
    return pass->options != NULL ? (float)pass->options->grad_scale : 1.0f;
}

static void sum_grads(const adamw_pass *pass, const adamw_pieces *piece, size_t at, size_t n, adamw_tensor_sums *sums,
                      adamw_result *result)
{
    const adamw_tensor *tensor = &pass->tensors[piece->tensor];
    const double sum = pass->kernels->sum_squares(grad_at(tensor, at), tensor->grad_dtype, n, grad_scale_of(pass));
    adamw_exact_sum_add(&sums->grads, sum);
    if (isfinite(sum) || result->not_finite)
        return;
    size_t index = at;
    while (index < at + n && is_finite_grad(tensor, index))
        index++;
    result->not_finite = true;
    result->not_finite_tensor = piece->tensor;
    result->not_finite_index = index < at + n ? index : at; /* none: a finite gradient whose scaled value is not */
}

/* What the kernel of a tensor needs; neighbours in the list mostly share it. */
typedef struct tensor_group {
    const adamw_config *config;
    uint64_t step;
    float coefficient;
    adamw_coefficients coefficients;
    adamw_extras extras;
    adamw_extended_kernel *update;
} tensor_group;

static void take_group(const adamw_pass *pass, size_t tensor_index, tensor_group *group)
{
    const adamw_tensor *tensor = &pass->tensors[tensor_index];
    const adamw_config *config = tensor->config != NULL ? tensor->config : pass->config;
    const uint64_t step = tensor->step != 0 ? tensor->step : pass->step;
    float coefficient = pass->coefficient;
    if (pass->options->clip == ADAMW_CLIP_TENSOR_NORM)
        coefficient =
            adamw_clip_coefficient(pass->config, pass->options->clip_max, pass->options->tensor_norms[tensor_index]);
    if (config != group->config || step != group->step || !(coefficient == group->coefficient)) {
        group->config = config;
        group->step = step;
        group->coefficient = coefficient;
        group->coefficients = adamw_coefficients_of(config, step);
        group->coefficients.look_ahead = pass->look_ahead;
        group->extras = adamw_extras_of(pass->options, step);
        group->extras.grad_factor = coefficient;
        group->update = pass->kernels->extended[adamw_variant_of(config)];
    }
    group->extras.copy = pass->options->copy ? tensor->copy_dtype : ADAMW_DTYPE_FLOAT32;
}

static void update_and_sum_changes(const adamw_pass *pass, const adamw_tensor *tensor, const tensor_group *group,
                                   size_t at, size_t n, adamw_tensor_sums *sums)
{
    float before[ADAMW_SUM_BLOCK];
    const char *param = (const char *)tensor->param + at * sizeof(float);
    memcpy(before, param, n * sizeof(float));
    group->update(&group->coefficients, &group->extras, tensor, at, n);
    adamw_exact_sum_add(&sums->changes, pass->kernels->sum_square_changes(before, param, n));
    adamw_exact_sum_add(&sums->params, pass->kernels->sum_squares(before, ADAMW_DTYPE_FLOAT32, n, 1.0f));
}

static void run_piece(const adamw_pass *pass, const adamw_pieces *piece, tensor_group *group, adamw_tensor_sums *sums,
                      adamw_result *result)
{
    const adamw_tensor *tensor = &pass->tensors[piece->tensor];
    if (pass->update)
        take_group(pass, piece->tensor, group);
    /* Whole pieces where nothing is summed up: fewer calls. */
    const size_t whole = piece->last - piece->first;
    const size_t block = pass->sum_grads || pass->sum_changes ? ADAMW_SUM_BLOCK : whole;
    for (size_t at = piece->first; at < piece->last; at += block) {
        const size_t n = piece->last - at < block ? piece->last - at : block;
        if (pass->sum_grads)
            sum_grads(pass, piece, at, n, sums, result);
        if (pass->abs_max) {
            const float largest = pass->kernels->abs_max(grad_at(tensor, at), tensor->grad_dtype, n);
            if (largest > result->abs_max || largest != largest)
                result->abs_max = largest;
        }
        if (pass->sum_changes)
            update_and_sum_changes(pass, tensor, group, at, n, sums);
        else if (pass->update)
            group->update(&group->coefficients, &group->extras, tensor, at, n);
        if (pass->zero_only)
            memset((char *)(uintptr_t)tensor->grad + at * sizeof(float), 0, n * sizeof(float));
    }
}

/* Keeps the largest ratio, and the first NaN over any. */
static void take_ratio(adamw_result *result, double ratio, size_t tensor)
{
    if (ratio > result->update_ratio || (ratio != ratio && result->update_ratio == result->update_ratio)) {
        result->update_ratio = ratio;
        result->update_ratio_tensor = tensor;
    }
}

/* All of a tensor is summed up: its figures. */
static void finish_tensor(const adamw_pass *pass, size_t tensor, const adamw_tensor_sums *sums, adamw_result *result)
{
    if (pass->sum_grads) {
        adamw_exact_sum_merge(&result->grads, &sums->grads);
        if (pass->tensor_norms != NULL)
            pass->tensor_norms[tensor] = sqrt(adamw_exact_sum_get(&sums->grads));
    }
    if (pass->sum_changes) {
        const double changes = adamw_exact_sum_get(&sums->changes), params = adamw_exact_sum_get(&sums->params);
        const double ratio = changes == 0 ? 0 : sqrt(changes / params);
        take_ratio(result, ratio, tensor);
    }
}

static void run_part(void *context, size_t part, size_t parts, adamw_result *result)
{
    const adamw_pass *pass = (const adamw_pass *)context;
    const bool sums_up = pass->sum_grads || pass->sum_changes;
    tensor_group group = {0};
    result->update_ratio_tensor = SIZE_MAX;
    adamw_pieces piece = adamw_pieces_of(pass->tensors, pass->count, pass->total, part, parts);
    while (adamw_pieces_next(&piece)) {
        const bool begins = piece.first == 0, ends = piece.last == pass->tensors[piece.tensor].n;
        adamw_tensor_sums own;
        if (sums_up && begins && ends)
            memset(&own, 0, sizeof own);
        /* run_piece() looks at the sums only where sums_up. */
        /* cppcheck-suppress uninitvar */
        adamw_tensor_sums *sums = !begins ? &result->head : !ends ? &result->tail : &own;
        run_piece(pass, &piece, &group, sums, result);
        if (!begins) {
            result->has_head = true;
            result->head_ends = ends;
            result->head_tensor = piece.tensor;
        } else if (!ends) {
            result->has_tail = true;
        } else if (sums_up) {
            finish_tensor(pass, piece.tensor, &own, result);
        }
    }
}

static void merge_tensor(adamw_tensor_sums *sums, const adamw_tensor_sums *other)
{
    adamw_exact_sum_merge(&sums->grads, &other->grads);
    adamw_exact_sum_merge(&sums->changes, &other->changes);
    adamw_exact_sum_merge(&sums->params, &other->params);
}

static void join(void *context, const adamw_result *result)
{
    adamw_pass *pass = (adamw_pass *)context;
    adamw_result *found = &pass->found;
    if (result->has_head) { /* the tail so far is of the same tensor */
        merge_tensor(&found->tail, &result->head);
        if (result->head_ends)
            finish_tensor(pass, result->head_tensor, &found->tail, found);
    }
    if (result->has_tail)
        found->tail = result->tail;
    adamw_exact_sum_merge(&found->grads, &result->grads);
    if (result->abs_max > found->abs_max || result->abs_max != result->abs_max)
        found->abs_max = result->abs_max;
    if (result->update_ratio_tensor != SIZE_MAX)
        take_ratio(found, result->update_ratio, result->update_ratio_tensor);
    if (result->not_finite && !found->not_finite) {
        found->not_finite = true;
        found->not_finite_tensor = result->not_finite_tensor;
        found->not_finite_index = result->not_finite_index;
    }
}

void adamw_pass_run(adamw_pass *pass, int threads)
{
    memset(&pass->found, 0, sizeof pass->found);
    pass->found.update_ratio_tensor = SIZE_MAX;
    adamw_run(adamw_team_size(pass->total, threads), run_part, join, pass);
}

float adamw_clip_coefficient(const adamw_config *config, double clip_max, double norm)
{
    if (config->arithmetic ==
        ADAMW_ARITHMETIC_TORCH) { /* clip_max / tensor is tensor.reciprocal() * clip_max there */
        const float reciprocal = 1.0f / ((float)norm + 1e-6f);
        const float coefficient = reciprocal * (float)clip_max;
        return coefficient > 1 ? 1 : coefficient;
    }
    const double coefficient = clip_max / (norm + 1e-6);
    return (float)(coefficient > 1 ? 1 : coefficient);
}
