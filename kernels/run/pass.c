/*
 * pass.c - see pass.h. A part of the list goes through its tensors piece by piece, in blocks where something is
 * summed up. A block's place in its tensor decides what it sums, and neither the cuts nor the threads do.
 */
#include "pass.h"

#include <math.h>
#include <string.h>

#include "../vec/half.h"
#include "stages.h"
#include "team.h"

_Static_assert(sizeof(adamw_part) <= ADAMW_PART_RESULT, "a part's findings fit the team's room for them");

/* A pass that is under way. */
typedef struct run {
    const adamw_plan *plan;
    const adamw_pass *pass;
    adamw_part *joined; /* the findings of the parts so far; NULL where the pass sums nothing up */
    adamw_marks marks;
} run;

enum { MARKED_LIST = 128 }; /* lists of more tensors have marks, if threads may share them */

static void mark(adamw_marks *marks, const adamw_plan *plan)
{
    marks->stride = 0;
    if (plan->count > MARKED_LIST && plan->threads != 1 && plan->total >= plan->tuning->parallel_threshold)
        adamw_marks_make(marks, plan->tensors, plan->count);
}

static bool sums_up(const adamw_pass *pass) { return pass->sum_grads || pass->abs_max || pass->sum_changes; }

static const char *grad_at(const adamw_tensor *tensor, size_t index)
{
    return (const char *)tensor->grad + index * dtype_size(tensor->grad_dtype);
}

static float grad_scale_of(const adamw_plan *plan)
{
    return plan->options != NULL ? (float)plan->options->grad_scale : 1.0f;
}

static bool is_finite_scaled(const adamw_tensor *tensor, size_t index, float scale)
{
    const char *at = grad_at(tensor, index);
    float x;
    if (tensor->grad_dtype == ADAMW_DTYPE_FLOAT32) {
        memcpy(&x, at, sizeof x);
    } else {
        uint16_t half;
        memcpy(&half, at, sizeof half);
        x = tensor->grad_dtype == ADAMW_DTYPE_BFLOAT16 ? widen_bf16(half) : widen_f16(half);
    }
    return isfinite(scale * x);
}

/* ---- a block ---- */

static void sum_grads(const adamw_plan *plan, const adamw_pieces *piece, size_t at, size_t n, adamw_exact_sum *sum,
                      adamw_findings *found)
{
    const adamw_tensor *tensor = &plan->tensors[piece->tensor];
    const float scale = grad_scale_of(plan);
    const double squares =
        plan->kernels->sum_squares(grad_at(tensor, at), tensor->grad_dtype, n, scale, plan->tuning->prefetch_sum);
    adamw_exact_sum_add(sum, squares);
    if (isfinite(squares) || found->not_finite)
        return;
    size_t index = at; /* the squares of finite float32 values are finite in double: there is one that is not */
    while (index < at + n - 1 && is_finite_scaled(tensor, index, scale))
        index++;
    found->not_finite = true;
    found->not_finite_tensor = piece->tensor;
    found->not_finite_index = index;
}

/* Not inlined, so that a step without sums has no room for them on its stack. */
__attribute__((noinline)) ADAMW_NOINLINE static void update_and_sum_changes(const adamw_group *group,
                                                                            const adamw_tensor *tensor, size_t at,
                                                                            size_t n, float coefficient,
                                                                            adamw_tensor_sums *sums)
{
    float before[ADAMW_SUM_BLOCK], room[ADAMW_SUM_BLOCK];
    memcpy(before, adamw_stages_param(group, tensor, at, n, room), n * sizeof(float));
    adamw_stages_run(group, tensor, at, n, coefficient);
    const char *after = adamw_stages_param(group, tensor, at, n, room);
    adamw_exact_sum_add(&sums->changes, group->kernels->sum_square_changes(before, after, n));
    adamw_exact_sum_add(&sums->params, group->kernels->sum_squares(before, ADAMW_DTYPE_FLOAT32, n, 1.0f, 0));
}

/* ---- a piece ---- */

static float coefficient_of(const adamw_plan *plan, const adamw_pass *pass, size_t tensor)
{
    if (plan->options == NULL || plan->options->clip != ADAMW_CLIP_TENSOR_NORM)
        return pass->clip_coefficient;
    return adamw_clip_coefficient(plan->config, plan->options, pass->tensor_norms[tensor]);
}

static void clear_grad(const adamw_tensor *tensor, size_t at, size_t n)
{
    const size_t size = dtype_size(tensor->grad_dtype);
    memset((char *)(uintptr_t)tensor->grad + at * size, 0, n * size);
}

/* A piece of a pass without sums. */
static void run_piece(const adamw_plan *plan, const adamw_pass *pass, const adamw_pieces *piece, adamw_group *group)
{
    const adamw_tensor *tensor = &plan->tensors[piece->tensor];
    const size_t n = piece->last - piece->first;
    if (pass->update) {
        adamw_group_take(group, plan, tensor);
        adamw_stages_run(group, tensor, piece->first, n, coefficient_of(plan, pass, piece->tensor));
    }
    if (pass->zero_grad)
        clear_grad(tensor, piece->first, n);
}

/* A piece of a pass with sums, block by block: what a block's sum reads is near the core for its update. */
static void sum_piece(const adamw_plan *plan, const adamw_pass *pass, const adamw_pieces *piece, adamw_group *group,
                      adamw_tensor_sums *sums, adamw_findings *found)
{
    const adamw_tensor *tensor = &plan->tensors[piece->tensor];
    float coefficient = 1;
    if (pass->update) {
        adamw_group_take(group, plan, tensor);
        coefficient = coefficient_of(plan, pass, piece->tensor);
    }
    for (size_t at = piece->first, n; at < piece->last; at += n) {
        n = piece->last - at < ADAMW_SUM_BLOCK ? piece->last - at : ADAMW_SUM_BLOCK;
        if (pass->sum_grads)
            sum_grads(plan, piece, at, n, &sums->grads, found);
        if (pass->abs_max)
            adamw_findings_take_abs(found, plan->kernels->abs_max(grad_at(tensor, at), tensor->grad_dtype, n));
        if (pass->update && pass->sum_changes)
            update_and_sum_changes(group, tensor, at, n, coefficient, sums);
        else if (pass->update)
            adamw_stages_run(group, tensor, at, n, coefficient);
    }
}

/* ---- a part ---- */

/* The ratio of parameters that were all zero is infinite, without a division by zero, which a caller may trap. */
static double ratio_of(double changes, double params)
{
    if (changes == 0)
        return 0;
    if (params == 0 && changes > 0)
        return (double)INFINITY;
    return sqrt(changes / params);
}

/* Takes the figures of a tensor that is summed up whole. */
static void tensor_summed(void *context, size_t tensor, const adamw_tensor_sums *sums, adamw_findings *found)
{
    const adamw_pass *pass = ((const run *)context)->pass;
    if (pass->sum_grads) {
        adamw_exact_sum_merge(&found->grads, &sums->grads);
        if (pass->tensor_norms != NULL)
            pass->tensor_norms[tensor] = sqrt(adamw_exact_sum_get(&sums->grads));
    }
    if (pass->sum_changes) {
        const double changes = adamw_exact_sum_get(&sums->changes), params = adamw_exact_sum_get(&sums->params);
        adamw_findings_take_ratio(found, ratio_of(changes, params), tensor);
    }
}

static void run_part(void *context, size_t part, size_t parts, void *result)
{
    const run *r = (const run *)context;
    const adamw_plan *plan = r->plan;
    adamw_part *of_part = (adamw_part *)result;
    adamw_group group;
    adamw_tensor_sums own;
    group.config = NULL; /* none yet */
    adamw_part_begin(of_part);
    adamw_pieces piece = adamw_pieces_of(plan->tensors, plan->count, plan->total, part, parts);
    adamw_pieces_skip(&piece, &r->marks);
    while (adamw_pieces_next(&piece)) {
        adamw_tensor_sums *sums = adamw_part_sums(of_part, &piece, &own);
        sum_piece(plan, r->pass, &piece, &group, sums, &of_part->found);
        adamw_part_piece_done(of_part, &piece, sums, tensor_summed, context);
    }
}

static void join_part(void *context, const void *result)
{
    adamw_part_join(((run *)context)->joined, (const adamw_part *)result, tensor_summed, context);
}

/* `marks` may be NULL. */
static void run_pieces(const adamw_plan *plan, const adamw_pass *pass, size_t part, size_t parts,
                       const adamw_marks *marks)
{
    adamw_group group;
    group.config = NULL; /* none yet */
    adamw_pieces piece = adamw_pieces_of(plan->tensors, plan->count, plan->total, part, parts);
    if (marks != NULL)
        adamw_pieces_skip(&piece, marks);
    while (adamw_pieces_next(&piece))
        run_piece(plan, pass, &piece, &group);
}

void adamw_pass_run_part(const adamw_plan *plan, const adamw_pass *pass, size_t part, size_t parts)
{
    run_pieces(plan, pass, part, parts, NULL);
}

static void run_part_without_sums(void *context, size_t part, size_t parts, void *result)
{
    const run *r = (const run *)context;
    (void)result;
    run_pieces(r->plan, r->pass, part, parts, &r->marks);
}

/* ---- the list ---- */

static adamw_findings run_with_sums(const adamw_plan *plan, const adamw_pass *pass)
{
    adamw_part joined;
    run all = {.plan = plan, .pass = pass, .joined = &joined};
    mark(&all.marks, plan);
    adamw_part_begin(&joined);
    if (pass->sum_grads && pass->tensor_norms != NULL)
        for (size_t i = 0; i < plan->count; i++) /* an empty tensor has no piece */
            if (plan->tensors[i].n == 0)
                pass->tensor_norms[i] = 0;
    adamw_team_run(plan->tuning, plan->total, plan->threads, run_part, join_part, &all);
    return joined.found;
}

void adamw_pass_run(const adamw_plan *plan, const adamw_pass *pass, adamw_findings *found)
{
    if (sums_up(pass)) {
        *found = run_with_sums(plan, pass);
        return;
    }
    run all;
    all.plan = plan, all.pass = pass, all.joined = NULL;
    mark(&all.marks, plan);
    adamw_team_run(plan->tuning, plan->total, plan->threads, run_part_without_sums, NULL, &all);
}
