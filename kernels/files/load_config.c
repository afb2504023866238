/*
 * load_config.c - reads the hyperparameters that a parameter was saved with.
 */
#include "loader.h"

#if defined(ADAMW_POSIX)

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

const char *adamw_files_name_of(adamw_files_loader *l, const char *before, const char *name, const char *behind)
{
    l->name.length = 0;
    adamw_files_add_string(&l->name, before);
    adamw_files_add_string(&l->name, name);
    adamw_files_add_string(&l->name, behind);
    return l->name.failed ? NULL : l->name.bytes;
}

adamw_status adamw_files_read_values(adamw_files_loader *l, const char *name, adamw_file_dtype dtype, uint64_t values,
                                     void *memory)
{
    if (name == NULL)
        return adamw_files_no_memory(l->to);
    const adamw_file_tensor *const t = adamw_file_find(l->file, name);
    if (t != NULL && t->dtype == dtype && t->bytes != values * adamw_file_dtype_size(dtype))
        return OTHER("%s: tensor '%s' has %" PRIu64 " bytes: it must have %" PRIu64 " values", SHOWN(l->file->path),
                     SHOWN(name), t->bytes, values);
    return adamw_files_range(l->file, name, dtype, 0, values, memory, l->used, l->to);
}

static adamw_status load_config(adamw_files_loader *l, const char *parameter, adamw_config *config)
{
    adamw_files_hyperparameters h = {.lr = {0}};
    adamw_status status = ADAMW_OK;
#define READ(key, type, values)                                                                                      \
    if (status == ADAMW_OK)                                                                                          \
        status = adamw_files_read_values(l, adamw_files_name_of(l, "param_groups.", parameter, "." #key),            \
                                         ADAMW_FILE_##type, values, h.key);
    ADAMW_FILES_HYPERPARAMETERS(READ)
#undef READ
    for (size_t i = 0; i < l->file->count && status == ADAMW_OK; i++)
        if (l->used[i] == 2)
            status = adamw_files_check_record(l->file, i, l->to);
    if (status != ADAMW_OK)
        return status;
    if (h.arithmetic[0] > ADAMW_ARITHMETIC_TORCH || h.amsgrad[0] > 1 || h.maximize[0] > 1 ||
        h.decoupled_weight_decay[0] > 1 || h.bias_correction[0] > 1 || h.rounding[0] > ADAMW_ROUND_STOCHASTIC)
        return OTHER("%s: amsgrad, maximize, decoupled_weight_decay, arithmetic, bias_correction or rounding of "
                     "'param_groups.%s' is %d or more",
                     SHOWN(l->file->path), SHOWN(parameter), 2);
    config->lr = h.lr[0];
    config->beta1 = h.betas[0];
    config->beta2 = h.betas[1];
    config->eps = h.eps[0];
    config->weight_decay = h.weight_decay[0];
    config->amsgrad = h.amsgrad[0] != 0;
    config->maximize = h.maximize[0] != 0;
    config->decay = h.decoupled_weight_decay[0] ? ADAMW_DECAY_DECOUPLED : ADAMW_DECAY_L2;
    config->arithmetic = (adamw_arithmetic)h.arithmetic[0];
    config->bias_correction = h.bias_correction[0] != 0;
    config->rounding = (adamw_rounding)h.rounding[0];
    return adamw_files_right(l->to);
}

adamw_status adamw_load_config(const adamw_file *file, const char *name, adamw_config *config, char *sentence,
                               size_t size)
{
    const adamw_files_sentence to = {sentence, size};
    if (file == NULL || name == NULL || config == NULL)
        return adamw_files_fail(&to, ADAMW_ERROR_INVALID_ARGUMENT, "%s is NULL",
                                file == NULL   ? "file"
                                : name == NULL ? "name"
                                               : "config");
    adamw_files_loader l = {.file = file, .to = &to, .used = calloc(file->count + 1, 1)};
    const adamw_status status = l.used != NULL ? load_config(&l, name, config) : adamw_files_no_memory(&to);
    free(l.used);
    free(l.name.bytes);
    return status;
}

#endif
