/*
 * sums.c - see sums.h. pass.c makes the sums; they are joined here.
 */
#include "sums.h"

#include <string.h>

adamw_findings adamw_findings_none(void) { return (adamw_findings){.update_ratio_tensor = SIZE_MAX}; }

void adamw_part_begin(adamw_part *part)
{
    memset(part, 0, sizeof *part);
    part->found = adamw_findings_none();
}

static bool begins(const adamw_pieces *piece) { return piece->first == 0; }
static bool ends(const adamw_pieces *piece) { return piece->last == piece->tensors[piece->tensor].n; }

adamw_tensor_sums *adamw_part_sums(adamw_part *part, const adamw_pieces *piece, adamw_tensor_sums *own)
{
    if (!begins(piece))
        return &part->head;
    if (!ends(piece))
        return &part->tail;
    memset(own, 0, sizeof *own);
    return own;
}

void adamw_part_piece_done(adamw_part *part, const adamw_pieces *piece, const adamw_tensor_sums *sums,
                           adamw_tensor_summed *summed, void *context)
{
    if (!begins(piece)) {
        part->has_head = true;
        part->head_ends = ends(piece);
        part->head_tensor = piece->tensor;
    } else if (!ends(piece)) {
        part->has_tail = true;
    } else {
        summed(context, piece->tensor, sums, &part->found);
    }
}

static void merge(adamw_tensor_sums *sums, const adamw_tensor_sums *other)
{
    adamw_exact_sum_merge(&sums->grads, &other->grads);
    adamw_exact_sum_merge(&sums->changes, &other->changes);
    adamw_exact_sum_merge(&sums->params, &other->params);
}

void adamw_part_join(adamw_part *joined, const adamw_part *part, adamw_tensor_summed *summed, void *context)
{
    adamw_findings *all = &joined->found;
    const adamw_findings *found = &part->found;
    if (part->has_head) { /* the tail so far is of the same tensor */
        merge(&joined->tail, &part->head);
        if (part->head_ends)
            summed(context, part->head_tensor, &joined->tail, all);
    }
    if (part->has_tail)
        joined->tail = part->tail;
    adamw_exact_sum_merge(&all->grads, &found->grads);
    adamw_findings_take_abs(all, found->abs_max);
    if (found->update_ratio_tensor != SIZE_MAX)
        adamw_findings_take_ratio(all, found->update_ratio, found->update_ratio_tensor);
    if (found->not_finite && !all->not_finite) {
        all->not_finite = true;
        all->not_finite_tensor = found->not_finite_tensor;
        all->not_finite_index = found->not_finite_index;
    }
}

void adamw_findings_take_abs(adamw_findings *found, float abs_max)
{
    if (abs_max > found->abs_max || abs_max != abs_max)
        found->abs_max = abs_max;
}

void adamw_findings_take_ratio(adamw_findings *found, double ratio, size_t tensor)
{
    if (ratio > found->update_ratio || (ratio != ratio && found->update_ratio == found->update_ratio)) {
        found->update_ratio = ratio;
        found->update_ratio_tensor = tensor;
    }
}
