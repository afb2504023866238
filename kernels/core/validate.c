/*
 * validate.c - checks a caller's arguments before anything is written, and words what is wrong with them. A step
 * asks for the status alone; adamw_explain() runs the same checks for the sentence.
 */
#include "validate.h"

#include <float.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "../dispatch/isa.h"

/* What a message calls the place of an argument: the call's config, a tensor, or a tensor's config. */
typedef struct place {
    const adamw_sentence *sentence;
    bool of_tensor;
    size_t tensor;
    const char *member; /* "config" or the empty string */
} place;

__attribute__((format(printf, 3, 4))) static adamw_status fail(const place *at, adamw_status status,
                                                               const char *format, ...)
{
    const adamw_sentence *to = at->sentence;
    if (to == NULL || to->size == 0)
        return status;
    int used = 0;
    if (at->of_tensor)
        used = snprintf(to->buffer, to->size, "tensors[%zu]%s%s: ", at->tensor, at->member[0] ? "." : "", at->member);
    else if (at->member[0])
        used = snprintf(to->buffer, to->size, "%s: ", at->member);
    if (used >= 0 && (size_t)used < to->size) {
        va_list arguments;
        va_start(arguments, format);
        vsnprintf(to->buffer + used, to->size - (size_t)used, format, arguments);
        va_end(arguments);
    }
    return status;
}

#define INVALID(at, ...) fail(at, ADAMW_ERROR_INVALID_ARGUMENT, __VA_ARGS__)

/* The kernels work with float32 coefficients: a larger value would silently be infinity. NaN fails both. */
static bool is_size(double x) { return x >= 0 && x <= FLT_MAX; }
static bool is_beta(double x) { return x >= 0 && x < 1; }

static adamw_status check_config(const adamw_config *config, const place *at)
{
    const struct {
        const char *name;
        double value;
    } sizes[] = {{"lr", config->lr}, {"eps", config->eps}, {"weight_decay", config->weight_decay}},
      betas[] = {{"beta1", config->beta1}, {"beta2", config->beta2}};

    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++)
        if (!is_size(sizes[i].value))
            return INVALID(at, "%s is %g: it must be finite, not negative and within float32's range", sizes[i].name,
                           sizes[i].value);
    for (size_t i = 0; i < sizeof betas / sizeof betas[0]; i++)
        if (!is_beta(betas[i].value))
            return INVALID(at, "%s is %.17g: it must be at least 0 and below 1", betas[i].name, betas[i].value);
    if (config->decay != ADAMW_DECAY_DECOUPLED && config->decay != ADAMW_DECAY_L2)
        return INVALID(at, "decay is %d: it must be ADAMW_DECAY_DECOUPLED or ADAMW_DECAY_L2", (int)config->decay);
    if (config->arithmetic != ADAMW_ARITHMETIC_ACCURATE && config->arithmetic != ADAMW_ARITHMETIC_TORCH)
        return INVALID(at, "arithmetic is %d: it must be ADAMW_ARITHMETIC_ACCURATE or ADAMW_ARITHMETIC_TORCH",
                       (int)config->arithmetic);
    if (config->threads < 0)
        return INVALID(at, "threads is %d: it must be 0 (OpenMP's default) or a number of threads", config->threads);
    if (at->of_tensor && config->threads != 0)
        return INVALID(at, "threads is %d: threads belong to the call's config; a group's must be 0",
                       config->threads);
    return ADAMW_OK;
}

static adamw_status check_later_fields(const adamw_tensor *tensor, const place *at)
{
    const struct {
        const char *name;
        adamw_dtype value;
    } dtypes[] = {{"param_dtype", tensor->param_dtype},
                  {"grad_dtype", tensor->grad_dtype},
                  {"state_dtype", tensor->state_dtype},
                  {"copy_dtype", tensor->copy_dtype}};
    const struct {
        const char *name;
        const void *value;
    } streams[] = {{"param_residual", tensor->param_residual},
                   {"param_ema", tensor->param_ema},
                   {"param_copy", tensor->param_copy}};

    for (size_t i = 0; i < sizeof dtypes / sizeof dtypes[0]; i++) {
        if ((unsigned)dtypes[i].value > ADAMW_DTYPE_FLOAT16)
            return INVALID(at, "%s is %d: it must be an adamw_dtype", dtypes[i].name, (int)dtypes[i].value);
        if (dtypes[i].value != ADAMW_DTYPE_FLOAT32)
            return fail(at, ADAMW_ERROR_UNSUPPORTED,
                        "%s is %d: this version has kernels for ADAMW_DTYPE_FLOAT32 (0) alone", dtypes[i].name,
                        (int)dtypes[i].value);
    }
    for (size_t i = 0; i < sizeof streams / sizeof streams[0]; i++)
        if (streams[i].value != NULL)
            return fail(at, ADAMW_ERROR_UNSUPPORTED, "%s is set: this version has no such stream; it must be NULL",
                        streams[i].name);
    return ADAMW_OK;
}

static adamw_status check_buffers(const adamw_tensor *tensor, bool amsgrad, const place *at)
{
    const struct {
        const char *name;
        const void *start;
    } buffers[] = {{"param", tensor->param},
                   {"grad", tensor->grad},
                   {"exp_avg", tensor->exp_avg},
                   {"exp_avg_sq", tensor->exp_avg_sq},
                   {"max_exp_avg_sq", tensor->max_exp_avg_sq}};
    const size_t used = amsgrad ? 5 : 4;
    const size_t bytes = tensor->n * sizeof(float);

    if (!amsgrad && tensor->max_exp_avg_sq != NULL)
        return INVALID(at, "max_exp_avg_sq is set, but amsgrad is off: it must be NULL, or amsgrad true");
    if (tensor->n > PTRDIFF_MAX / sizeof(float))
        return INVALID(at, "n is %zu: no buffer can hold so many float32 values", tensor->n);
    if (tensor->n == 0)
        return ADAMW_OK;
    for (size_t i = 0; i < used; i++) {
        if (buffers[i].start == NULL)
            return INVALID(at, "%s is NULL: it must point to n = %zu values%s", buffers[i].name, tensor->n,
                           i == 4 ? " where amsgrad is on" : "");
        if ((uintptr_t)buffers[i].start > UINTPTR_MAX - bytes)
            return INVALID(at, "%s with n = %zu reaches past the end of the address space", buffers[i].name,
                           tensor->n);
        for (size_t j = 0; j < i; j++) {
            const uintptr_t a = (uintptr_t)buffers[i].start, b = (uintptr_t)buffers[j].start;
            if ((a > b ? a - b : b - a) < bytes)
                return INVALID(at, "%s and %s overlap: each buffer must have n = %zu values of its own",
                               buffers[j].name, buffers[i].name, tensor->n);
        }
    }
    return ADAMW_OK;
}

adamw_status adamw_validate(adamw_plan *plan, const adamw_config *config, uint64_t step, const adamw_tensor *tensors,
                            size_t count, const adamw_sentence *sentence)
{
    const place call = {sentence, false, 0, ""}, call_config = {sentence, false, 0, "config"};
    if (config == NULL)
        return INVALID(&call, "config is NULL: adamw_config_init() fills in one");
    adamw_status status = check_config(config, &call_config);
    if (status != ADAMW_OK)
        return status;
    if (step == 0)
        return INVALID(&call, "step is 0: steps count from 1");
    if (tensors == NULL && count != 0)
        return INVALID(&call, "tensors is NULL with count %zu: it must point to so many adamw_tensor", count);

    size_t total = 0;
    const adamw_config *known = config; /* the last group that was found right */
    for (size_t i = 0; i < count; i++) {
        const adamw_tensor *tensor = &tensors[i];
        const place at = {sentence, true, i, ""};
        const adamw_config *group = tensor->config != NULL ? tensor->config : config;
        if (group != config && group != known) {
            const place at_config = {sentence, true, i, "config"};
            status = check_config(group, &at_config);
            known = group;
        }
        if (status == ADAMW_OK)
            status = check_later_fields(tensor, &at);
        if (status == ADAMW_OK)
            status = check_buffers(tensor, group->amsgrad, &at);
        if (status != ADAMW_OK)
            return status;
        if (tensor->n > SIZE_MAX - total)
            return INVALID(&at, "n is %zu: the list's values together exceed the address space", tensor->n);
        total += tensor->n;
    }

    const adamw_kernels *kernels = adamw_active_kernels();
    if (kernels == NULL) {
        const char *name = getenv(ADAMW_ISA_VARIABLE);
        return fail(&call, ADAMW_ERROR_ISA,
                    "the environment variable " ADAMW_ISA_VARIABLE
                    " is '%.40s', which is unknown or cannot run here: "
                    "it must be " ADAMW_ISA_NAMES ", as this CPU has it",
                    name != NULL ? name : "");
    }
    *plan = (adamw_plan){config, step, tensors, count, total, kernels};
    return ADAMW_OK;
}
