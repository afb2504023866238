/*
 * validate.c - checks a caller's arguments before anything is written, and words what is wrong with them. A step
 * asks for the status alone; adamw_explain() runs the same checks for the sentence.
 */
#include "validate.h"

#include <float.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "../dispatch/isa.h"

/*
 * A list of so many values lies in a cache near the core: what is asked for ahead is there, and past the end of 4,096
 * values it costs 8 % of their step. One of FAR values, 192 MiB in four streams, lies in DRAM: asking for the second
 * level as well, twice as far, takes a step there from 0.97 to 1.00 of the traffic limit (1.01 with AVX2), and would
 * take 4 % from one in the third level (Emerald Rapids, one thread; distances of 1024 and 2048 with 3072 to 8192
 * bytes are alike).
 */
enum { NEAR = 65536, FAR = 12 << 20 };

/* What a message calls the place of an argument: the call's config, a tensor, or a tensor's config. */
typedef struct place {
    const adamw_sentence *sentence;
    bool of_tensor;
    size_t tensor;
    const char *member; /* "config", "options" or the empty string */
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

/* What is asked of a tensor: the plain step (options NULL) or one with options. */
typedef struct demand {
    const adamw_update_options *options;
    bool amsgrad;
} demand;

static adamw_status check_dtypes(const adamw_tensor *tensor, const place *at)
{
    const struct {
        const char *name;
        adamw_dtype value;
    } dtypes[] = {{"param_dtype", tensor->param_dtype},
                  {"grad_dtype", tensor->grad_dtype},
                  {"state_dtype", tensor->state_dtype}};

    for (size_t i = 0; i < sizeof dtypes / sizeof dtypes[0]; i++) {
        if ((unsigned)dtypes[i].value > ADAMW_DTYPE_FLOAT16)
            return INVALID(at, "%s is %d: it must be an adamw_dtype", dtypes[i].name, (int)dtypes[i].value);
        if (dtypes[i].value != ADAMW_DTYPE_FLOAT32)
            return fail(at, ADAMW_ERROR_UNSUPPORTED, "%s is %d: this version steps ADAMW_DTYPE_FLOAT32 (0) alone",
                        dtypes[i].name, (int)dtypes[i].value);
    }
    if (tensor->param_residual != NULL)
        return fail(at, ADAMW_ERROR_UNSUPPORTED,
                    "param_residual is set: this version has no such stream; it must be NULL");
    return ADAMW_OK;
}

/* The streams behind the parameter: asked for and there, or neither. */
static adamw_status check_streams(const adamw_tensor *tensor, const demand *asked, const place *at)
{
    const adamw_update_options *options = asked->options;
    const bool half = tensor->copy_dtype == ADAMW_DTYPE_BFLOAT16 || tensor->copy_dtype == ADAMW_DTYPE_FLOAT16;
    if ((unsigned)tensor->copy_dtype > ADAMW_DTYPE_FLOAT16)
        return INVALID(at, "copy_dtype is %d: it must be an adamw_dtype", (int)tensor->copy_dtype);
    if (options == NULL && tensor->param_ema != NULL)
        return INVALID(at, "param_ema is set, which adamw_step() does not keep: it must be NULL, or the call "
                           "adamw_update()");
    if (options == NULL && tensor->param_copy != NULL)
        return INVALID(at, "param_copy is set, which adamw_step() does not write: it must be NULL, or the call "
                           "adamw_update()");
    if (tensor->param_copy != NULL && !half)
        return INVALID(at, "copy_dtype is %d: of a param_copy it must be ADAMW_DTYPE_BFLOAT16 or ADAMW_DTYPE_FLOAT16",
                       (int)tensor->copy_dtype);
    if (options != NULL && options->ema != ADAMW_EMA_NONE && tensor->param_ema == NULL && tensor->n != 0)
        return INVALID(at, "param_ema is NULL: with the option ema it must point to n = %zu values", tensor->n);
    if (options != NULL && options->copy && tensor->param_copy == NULL && tensor->n != 0)
        return INVALID(at, "param_copy is NULL: with the option copy it must point to n = %zu values", tensor->n);
    return ADAMW_OK;
}

static adamw_status check_buffers(const adamw_tensor *tensor, const demand *asked, const place *at)
{
    const bool ema = asked->options != NULL && asked->options->ema != ADAMW_EMA_NONE;
    const bool copy = asked->options != NULL && asked->options->copy;
    const struct {
        const char *name;
        const void *start;
        size_t size; /* of a value; 0: not used by this call */
    } buffers[] = {{"param", tensor->param, sizeof(float)},
                   {"grad", tensor->grad, sizeof(float)},
                   {"exp_avg", tensor->exp_avg, sizeof(float)},
                   {"exp_avg_sq", tensor->exp_avg_sq, sizeof(float)},
                   {"max_exp_avg_sq", tensor->max_exp_avg_sq, asked->amsgrad ? sizeof(float) : 0},
                   {"param_ema", tensor->param_ema, ema ? sizeof(float) : 0},
                   {"param_copy", tensor->param_copy, copy ? sizeof(uint16_t) : 0}};

    if (!asked->amsgrad && tensor->max_exp_avg_sq != NULL)
        return INVALID(at, "max_exp_avg_sq is set, but amsgrad is off: it must be NULL, or amsgrad true");
    if (tensor->n > PTRDIFF_MAX / sizeof(float))
        return INVALID(at, "n is %zu: no buffer can hold so many float32 values", tensor->n);
    if (tensor->n == 0)
        return ADAMW_OK;
    for (size_t i = 0; i < sizeof buffers / sizeof buffers[0]; i++) {
        const size_t bytes = tensor->n * buffers[i].size;
        const uintptr_t start = (uintptr_t)buffers[i].start;
        if (bytes == 0)
            continue;
        if (buffers[i].start == NULL)
            return INVALID(at, "%s is NULL: it must point to n = %zu values%s", buffers[i].name, tensor->n,
                           i == 4 ? " where amsgrad is on" : "");
        if (start > UINTPTR_MAX - bytes)
            return INVALID(at, "%s with n = %zu reaches past the end of the address space", buffers[i].name,
                           tensor->n);
        for (size_t j = 0; j < i; j++) {
            const uintptr_t other = (uintptr_t)buffers[j].start;
            if (start < other + tensor->n * buffers[j].size && other < start + bytes)
                return INVALID(at, "%s and %s overlap: each buffer must have n = %zu values of its own",
                               buffers[j].name, buffers[i].name, tensor->n);
        }
    }
    return ADAMW_OK;
}

static adamw_status check_options(const adamw_update_options *options, size_t count, const place *at)
{
    if (!(fabs(options->grad_scale) <= FLT_MAX && (float)options->grad_scale != 0))
        return INVALID(at, "grad_scale is %g: it must be finite, not 0 and within float32's range",
                       options->grad_scale);
    if ((unsigned)options->clip > ADAMW_CLIP_VALUE)
        return INVALID(at, "clip is %d: it must be an adamw_clip", (int)options->clip);
    if (options->clip != ADAMW_CLIP_NONE && !(options->clip_max >= 0))
        return INVALID(at, "clip_max is %g: it must be at least 0", options->clip_max);
    if (options->clip == ADAMW_CLIP_TENSOR_NORM && options->tensor_norms == NULL && count != 0)
        return INVALID(
            at, "tensor_norms is NULL: with ADAMW_CLIP_TENSOR_NORM it must have room for count = %zu norms", count);
    if ((unsigned)options->ema > ADAMW_EMA_BIAS_CORRECTED)
        return INVALID(at, "ema is %d: it must be an adamw_ema", (int)options->ema);
    if (options->ema != ADAMW_EMA_NONE && !(options->ema_decay >= 0 && options->ema_decay <= 1))
        return INVALID(at, "ema_decay is %.17g: it must be from 0 to 1", options->ema_decay);
    return ADAMW_OK;
}

static adamw_status take_kernels(adamw_plan *plan, const place *at)
{
    size_t look_ahead;
    plan->kernels = adamw_active_kernels(&look_ahead);
    plan->look_ahead = (adamw_look_ahead){.near = plan->total > NEAR ? look_ahead : 0,
                                          .far = plan->total >= FAR ? 2 * look_ahead : 0};
    if (plan->kernels != NULL)
        return ADAMW_OK;
    const char *name = getenv(ADAMW_ISA_VARIABLE);
    return fail(at, ADAMW_ERROR_ISA,
                "the environment variable " ADAMW_ISA_VARIABLE " is '%.40s', which is unknown or cannot run here: "
                "it must be " ADAMW_ISA_NAMES ", as this CPU has it",
                name != NULL ? name : "");
}

/* Both kinds of step; options NULL: the plain one. */
static adamw_status validate(adamw_plan *plan, const adamw_config *config, uint64_t step, const adamw_tensor *tensors,
                             size_t count, const adamw_update_options *options, const adamw_sentence *sentence)
{
    const place call = {sentence, false, 0, ""}, call_config = {sentence, false, 0, "config"},
                call_options = {sentence, false, 0, "options"};
    if (config == NULL)
        return INVALID(&call, "config is NULL: adamw_config_init() fills in one");
    adamw_status status = check_config(config, &call_config);
    if (status == ADAMW_OK && options != NULL)
        status = check_options(options, count, &call_options);
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
        const demand asked = {options, group->amsgrad};
        if (status == ADAMW_OK)
            status = check_dtypes(tensor, &at);
        if (status == ADAMW_OK)
            status = check_streams(tensor, &asked, &at);
        if (status == ADAMW_OK)
            status = check_buffers(tensor, &asked, &at);
        if (status != ADAMW_OK)
            return status;
        if (tensor->n > SIZE_MAX - total)
            return INVALID(&at, "n is %zu: the list's values together exceed the address space", tensor->n);
        total += tensor->n;
    }
    *plan = (adamw_plan){config, step, tensors, count, total, NULL, {0, 0}};
    return take_kernels(plan, &call);
}

adamw_status adamw_validate(adamw_plan *plan, const adamw_config *config, uint64_t step, const adamw_tensor *tensors,
                            size_t count, const adamw_sentence *sentence)
{
    return validate(plan, config, step, tensors, count, NULL, sentence);
}

adamw_status adamw_validate_update(adamw_plan *plan, const adamw_config *config, uint64_t step,
                                   const adamw_tensor *tensors, size_t count, const adamw_update_options *options,
                                   const adamw_sentence *sentence)
{
    return validate(plan, config, step, tensors, count, options, sentence);
}

adamw_status adamw_validate_grads(adamw_plan *plan, const adamw_tensor *tensors, size_t count)
{
    const place nowhere = {NULL, false, 0, ""};
    *plan = (adamw_plan){.tensors = tensors, .count = count};
    if (tensors == NULL && count != 0)
        return ADAMW_ERROR_INVALID_ARGUMENT;
    for (size_t i = 0; i < count; i++) {
        const adamw_tensor *tensor = &tensors[i];
        if ((unsigned)tensor->grad_dtype > ADAMW_DTYPE_FLOAT16 || (tensor->grad == NULL && tensor->n != 0) ||
            tensor->n > PTRDIFF_MAX / sizeof(float) || tensor->n > SIZE_MAX - plan->total)
            return ADAMW_ERROR_INVALID_ARGUMENT;
        plan->total += tensor->n;
    }
    return take_kernels(plan, &nowhere);
}

adamw_status adamw_validate_accumulate(adamw_plan *plan, const adamw_tensor *tensor)
{
    const size_t size = dtype_size(tensor->grad_dtype);
    const uintptr_t sum = (uintptr_t)tensor->param, grad = (uintptr_t)tensor->grad;
    const adamw_status status = adamw_validate_grads(plan, tensor, 1);
    if (status != ADAMW_OK || tensor->n == 0)
        return status;
    if (tensor->param == NULL || (sum < grad + tensor->n * size && grad < sum + tensor->n * sizeof(float)))
        return ADAMW_ERROR_INVALID_ARGUMENT;
    return ADAMW_OK;
}
