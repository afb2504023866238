/*
 * validate.c - see validate.h. A step needs the status alone; the explain functions run the same checks for the
 * sentence, which kernels/plan/message.c writes.
 */
#include "validate.h"

#include <float.h>
#include <math.h>
#include <stdlib.h>

#include "../dispatch/isa.h"
#include "options.h"
#include "streams.h"

/* The place of an argument as a sentence names it: the call's config, a tensor, or a tensor's config. */
typedef struct place {
    adamw_sentence to;
    bool of_tensor;
    size_t tensor;
    const char *member; /* "config", "options" or the empty string */
} place;

ADAMW_FORMAT(3, 4) static adamw_status fail(const place *at, adamw_status status, const char *format, ...)
{
    adamw_sentence to = at->to;
    if (to.size == 0)
        return status;
    if (at->of_tensor)
        adamw_say(&to, "tensors[%zu]%s%s: ", at->tensor, at->member[0] ? "." : "", at->member);
    else if (at->member[0])
        adamw_say(&to, "%s: ", at->member);
    va_list arguments;
    va_start(arguments, format);
    adamw_say_list(&to, format, arguments);
    va_end(arguments);
    return status;
}

#define INVALID(at, ...) fail(at, ADAMW_ERROR_INVALID_ARGUMENT, __VA_ARGS__)
#define UNSUPPORTED(at, ...) fail(at, ADAMW_ERROR_UNSUPPORTED, __VA_ARGS__)

/* ---- hyperparameters ---- */

/* The kernels work with float32 coefficients: a larger value would silently be infinity. NaN fails both, and raises
 * no exception: where a caller has unmasked "invalid", `x >= 0` would end the process instead. */
static bool is_size(double x) { return isgreaterequal(x, 0) && islessequal(x, FLT_MAX); }
static bool is_beta(double x) { return isgreaterequal(x, 0) && isless(x, 1); }

static adamw_status bad_size(const place *at, const char *name, double value)
{
    return INVALID(at, "%s is %s: it must be finite, not negative and within float32's range", name,
                   adamw_number_of(value).text);
}
static adamw_status bad_beta(const place *at, const char *name, double value)
{
    return INVALID(at, "%s is %s: it must be at least 0 and below 1", name, adamw_number_of(value).text);
}

static adamw_status check_config(const adamw_config *config, const place *at)
{
    if (!is_size(config->lr))
        return bad_size(at, "lr", config->lr);
    if (!is_size(config->eps))
        return bad_size(at, "eps", config->eps);
    if (!is_size(config->weight_decay))
        return bad_size(at, "weight_decay", config->weight_decay);
    if (!is_beta(config->beta1))
        return bad_beta(at, "beta1", config->beta1);
    if (!is_beta(config->beta2))
        return bad_beta(at, "beta2", config->beta2);
    if (config->decay != ADAMW_DECAY_DECOUPLED && config->decay != ADAMW_DECAY_L2)
        return INVALID(at, "decay is %d: it must be ADAMW_DECAY_DECOUPLED or ADAMW_DECAY_L2", (int)config->decay);
    if (config->arithmetic != ADAMW_ARITHMETIC_ACCURATE && config->arithmetic != ADAMW_ARITHMETIC_TORCH)
        return INVALID(at, "arithmetic is %d: it must be ADAMW_ARITHMETIC_ACCURATE or ADAMW_ARITHMETIC_TORCH",
                       (int)config->arithmetic);
    if (config->rounding != ADAMW_ROUND_NEAREST && config->rounding != ADAMW_ROUND_STOCHASTIC)
        return INVALID(at, "rounding is %d: it must be ADAMW_ROUND_NEAREST or ADAMW_ROUND_STOCHASTIC",
                       (int)config->rounding);
    return ADAMW_OK;
}

/* ---- a tensor ---- */

/* What a call does with a tensor: the plain step (options NULL) or one with options, by its group's config. */
typedef struct demand {
    const adamw_update_options *options;
    const adamw_update_report *report;
    size_t count; /* of the list: the length of options->tensor_norms */
    const adamw_config *group;
} demand;

static bool asks_ema(const demand *asked) { return asked->options != NULL && asked->options->ema != ADAMW_EMA_NONE; }
static bool asks_copy(const demand *asked) { return asked->options != NULL && asked->options->copy; }

/* The dtypes beside float32 that a stream may have, as bits, and the end of the sentence where it has another. */
static const struct {
    const char *name;
    unsigned works;
    const char *which;
} dtypes[] = {
    {"param_dtype", 1 << ADAMW_DTYPE_BFLOAT16, "ADAMW_DTYPE_FLOAT32 (0) or ADAMW_DTYPE_BFLOAT16 (1)"},
    {"grad_dtype", 1 << ADAMW_DTYPE_BFLOAT16 | 1 << ADAMW_DTYPE_FLOAT16,
     "ADAMW_DTYPE_FLOAT32 (0), ADAMW_DTYPE_BFLOAT16 (1) or ADAMW_DTYPE_FLOAT16 (2)"},
    {"exp_avg_dtype", 1 << ADAMW_DTYPE_BFLOAT16, "ADAMW_DTYPE_FLOAT32 (0) or ADAMW_DTYPE_BFLOAT16 (1)"},
    {"exp_avg_sq_dtype", 1 << ADAMW_DTYPE_BFLOAT16, "ADAMW_DTYPE_FLOAT32 (0) or ADAMW_DTYPE_BFLOAT16 (1)"},
};

static adamw_status check_dtypes(const adamw_tensor *tensor, const demand *asked, const place *at)
{
    const adamw_dtype values[] = {tensor->param_dtype, tensor->grad_dtype, tensor->exp_avg_dtype,
                                  tensor->exp_avg_sq_dtype};
    _Static_assert(sizeof values / sizeof values[0] == sizeof dtypes / sizeof dtypes[0], "a line for each");

    for (size_t i = 0; i < sizeof values / sizeof values[0]; i++) {
        const unsigned value = (unsigned)values[i];
        if (value == ADAMW_DTYPE_FLOAT32)
            continue;
        if (value > ADAMW_DTYPE_Q8)
            return INVALID(at, "%s is %d: it must be an adamw_dtype", dtypes[i].name, (int)value);
        if ((dtypes[i].works >> value & 1) == 0)
            return UNSUPPORTED(at, "%s is %d: in this version it must be %s", dtypes[i].name, (int)value,
                               dtypes[i].which);
        if (asked->group->arithmetic == ADAMW_ARITHMETIC_TORCH)
            return UNSUPPORTED(at,
                               "%s is %d: with ADAMW_ARITHMETIC_TORCH it must be ADAMW_DTYPE_FLOAT32 (0), or the "
                               "arithmetic ADAMW_ARITHMETIC_ACCURATE",
                               dtypes[i].name, (int)value);
    }
    if (tensor->param_residual != NULL && asked->group->arithmetic == ADAMW_ARITHMETIC_TORCH)
        return UNSUPPORTED(at,
                           "param_residual is set: with ADAMW_ARITHMETIC_TORCH it must be NULL, or the arithmetic "
                           "ADAMW_ARITHMETIC_ACCURATE");
    if (tensor->exp_avg_sq_dtype == ADAMW_DTYPE_BFLOAT16 && asked->group->rounding == ADAMW_ROUND_NEAREST &&
        1 - asked->group->beta2 < 0x1p-6)
        return INVALID(at,
                       "exp_avg_sq_dtype is 1 with beta2 %s, rounded to nearest: it would stop falling, for a step "
                       "takes off too "
                       "little; rounding must be ADAMW_ROUND_STOCHASTIC, or beta2 at most 0.984375",
                       adamw_number_of(asked->group->beta2).text);
#define UNSUPPORTED_STREAM(name)                                                                                     \
    if (tensor->name != NULL)                                                                                        \
        return UNSUPPORTED(at, "%s is set: this version has no such stream; it must be NULL", #name);
    ADAMW_UNSUPPORTED_STREAMS(UNSUPPORTED_STREAM)
#undef UNSUPPORTED_STREAM
    return ADAMW_OK;
}

/* Refuses streams that the call does not use, and a copy of a dtype that it cannot have. */
static adamw_status check_options_of(const adamw_tensor *tensor, const demand *asked, const place *at)
{
    const bool half = tensor->copy_dtype == ADAMW_DTYPE_BFLOAT16 || tensor->copy_dtype == ADAMW_DTYPE_FLOAT16;
    if ((unsigned)tensor->copy_dtype > ADAMW_DTYPE_Q8)
        return INVALID(at, "copy_dtype is %d: it must be an adamw_dtype", (int)tensor->copy_dtype);
    if (asked->options == NULL && tensor->param_ema != NULL)
        return INVALID(at, "param_ema is set, which adamw_step() does not keep: it must be NULL, or the call "
                           "adamw_update()");
    if (asked->options == NULL && tensor->param_copy != NULL)
        return INVALID(at, "param_copy is set, which adamw_step() does not write: it must be NULL, or the call "
                           "adamw_update()");
    if (tensor->param_copy != NULL && !half)
        return INVALID(at, "copy_dtype is %d: of a param_copy it must be ADAMW_DTYPE_BFLOAT16 or ADAMW_DTYPE_FLOAT16",
                       (int)tensor->copy_dtype);
    if (!asked->group->amsgrad && tensor->max_exp_avg_sq != NULL)
        return INVALID(at, "max_exp_avg_sq is set, but amsgrad is off: it must be NULL, or amsgrad true");
    return ADAMW_OK;
}

/* A buffer as the call sees it. */
typedef struct view {
    uintptr_t start;
    size_t bytes;
    unsigned what; /* an adamw_stream, or one of these: */
} view;
enum { VIEW_NORMS = ADAMW_STREAM_COUNT, VIEW_REPORT, VIEWS };

static const char *const view_names[VIEWS] = {
#define NAME(name, size) [ADAMW_STREAM_##name] = #name,
    ADAMW_STREAMS(NAME)
#undef NAME
        [VIEW_NORMS] = "options.tensor_norms",
    [VIEW_REPORT] = "report",
};

/* Whether the call uses a stream of the tensor. */
ADAMW_INLINE bool is_used(adamw_stream stream, const adamw_tensor *t, const demand *asked)
{
    switch (stream) {
    case ADAMW_STREAM_exp_avg:
        return asked->group->beta1 != 0 || t->exp_avg != NULL;
    case ADAMW_STREAM_max_exp_avg_sq:
        return asked->group->amsgrad;
    case ADAMW_STREAM_param_residual:
        return t->param_residual != NULL;
    case ADAMW_STREAM_param_ema:
        return asks_ema(asked);
    case ADAMW_STREAM_param_copy:
        return asks_copy(asked);
    default:
        return true;
    }
}

/* When a stream that not every step has is needed, behind "it must point to n values". */
static const char *when_needed(unsigned stream)
{
    return stream == ADAMW_STREAM_exp_avg          ? " where beta1 is not 0"
           : stream == ADAMW_STREAM_max_exp_avg_sq ? " where amsgrad is on"
           : stream == ADAMW_STREAM_param_ema      ? " with the option ema"
           : stream == ADAMW_STREAM_param_copy     ? " with the option copy"
                                                   : "";
}

/* The buffers that the call uses; returns how many. */
static size_t views_of(const adamw_tensor *t, const demand *asked, view views[VIEWS])
{
    const double *norms = asked->options != NULL ? asked->options->tensor_norms : NULL;
    size_t count = 0;
#define VIEW(name, size)                                                                                             \
    if (is_used(ADAMW_STREAM_##name, t, asked))                                                                      \
        views[count++] = (view){(uintptr_t)t->name, t->n * (size), ADAMW_STREAM_##name};
    ADAMW_STREAMS(VIEW)
#undef VIEW
    if (norms != NULL)
        views[count++] = (view){(uintptr_t)norms, asked->count * sizeof *norms, VIEW_NORMS};
    if (asked->report != NULL)
        views[count++] = (view){(uintptr_t)asked->report, sizeof *asked->report, VIEW_REPORT};
    return count;
}

static adamw_status check_buffers(const adamw_tensor *tensor, const demand *asked, const place *at)
{
    view views[VIEWS];
    if (tensor->n > PTRDIFF_MAX / sizeof(float))
        return INVALID(at, "n is %zu: no buffer can hold that many float32 values", tensor->n);
    if (tensor->n == 0)
        return ADAMW_OK;
    const size_t count = views_of(tensor, asked, views);
    for (size_t i = 0; i < count; i++) {
        const view *v = &views[i];
        if (v->start == 0)
            return INVALID(at, "%s is NULL: it must point to n = %zu values%s", view_names[v->what], tensor->n,
                           when_needed(v->what));
        if (v->start > UINTPTR_MAX - v->bytes)
            return INVALID(at, "%s with n = %zu reaches past the end of the address space", view_names[v->what],
                           tensor->n);
        for (size_t j = 0; j < i; j++)
            if (v->start < views[j].start + views[j].bytes && views[j].start < v->start + v->bytes)
                return v->what < ADAMW_STREAM_COUNT
                           ? INVALID(at, "%s and %s overlap: each buffer must have n = %zu values of its own",
                                     view_names[views[j].what], view_names[v->what], tensor->n)
                           : INVALID(at, "%s overlaps %s: it must have memory of its own", view_names[views[j].what],
                                     view_names[v->what]);
    }
    return ADAMW_OK;
}

/* ---- a call ---- */

static adamw_status check_options(const adamw_update_options *options, size_t count, const place *at)
{
    if (!(is_size(fabs(options->grad_scale)) && (float)options->grad_scale != 0))
        return INVALID(at, "grad_scale is %s: it must be finite, not 0 and within float32's range",
                       adamw_number_of(options->grad_scale).text);
    if ((unsigned)options->clip > ADAMW_CLIP_VALUE)
        return INVALID(at, "clip is %d: it must be an adamw_clip", (int)options->clip);
    if (options->clip != ADAMW_CLIP_NONE && !isgreaterequal(options->clip_max, 0))
        return INVALID(at, "clip_max is %s: with the option clip it must be set, at least 0",
                       adamw_number_of(options->clip_max).text);
    if (options->clip == ADAMW_CLIP_TENSOR_NORM && options->tensor_norms == NULL && count != 0)
        return INVALID(
            at, "tensor_norms is NULL: with ADAMW_CLIP_TENSOR_NORM it must have room for count = %zu norms", count);
    if ((unsigned)options->ema > ADAMW_EMA_BIAS_CORRECTED)
        return INVALID(at, "ema is %d: it must be an adamw_ema", (int)options->ema);
    if (options->ema != ADAMW_EMA_NONE &&
        !(isgreaterequal(options->ema_decay, 0) && islessequal(options->ema_decay, 1)))
        return INVALID(at, "ema_decay is %s: it must be from 0 to 1", adamw_number_of(options->ema_decay).text);
    return ADAMW_OK;
}

/* Puts the active kernels and tuning into the plan. */
static adamw_status take_kernels(adamw_plan *plan, const place *at)
{
    const adamw_dispatch *active = adamw_dispatch_active();
    plan->kernels = active->kernels;
    plan->tuning = active->tuning;
    plan->prefetch = adamw_prefetch_of(active->tuning, plan->total);
    if (plan->kernels != NULL)
        return ADAMW_OK;
    if (active->refusal != NULL)
        return fail(at, ADAMW_ERROR_ISA, "%s", active->refusal);
    const bool tuning = adamw_dispatch_lacks_tuning(active);
    const char *name = getenv(tuning ? ADAMW_TUNING_VARIABLE : ADAMW_ISA_VARIABLE);
    if (tuning)
        return fail(at, ADAMW_ERROR_ISA,
                    "the environment variable " ADAMW_TUNING_VARIABLE
                    " is '%.40s', which is unknown: it must be one of " ADAMW_TUNING_NAMES,
                    name != NULL ? name : "");
    return fail(at, ADAMW_ERROR_ISA,
                "the environment variable " ADAMW_ISA_VARIABLE " is '%.40s', which is unknown or cannot run here: "
                "it must be one of " ADAMW_ISA_NAMES " that this CPU has",
                name != NULL ? name : "");
}

adamw_status adamw_validate(adamw_plan *plan, const adamw_config *config, uint64_t step, const adamw_tensor *tensors,
                            size_t count, const adamw_update_options *options, const adamw_update_report *report,
                            int threads, adamw_sentence to)
{
    const place call = {to, false, 0, ""};
    if (config == NULL)
        return INVALID(&call, "config is NULL: adamw_config_init() fills in one");
    adamw_status status = check_config(config, &(place){to, false, 0, "config"});
    if (status == ADAMW_OK && options != NULL)
        status = check_options(options, count, &(place){to, false, 0, "options"});
    if (status != ADAMW_OK)
        return status;
    if (step == 0)
        return INVALID(&call, "step is 0: steps count from 1");
    if (tensors == NULL && count != 0)
        return INVALID(&call, "tensors is NULL with count %zu: it must point to that many adamw_tensor", count);
    if (threads < 0)
        return INVALID(&call, "threads is %d: it must be 0 (the library decides) or a number of threads", threads);

    size_t total = 0;
    const adamw_config *known = config; /* the last group that was found right */
    for (size_t i = 0; i < count; i++) {
        const adamw_tensor *tensor = &tensors[i];
        const place at = {to, true, i, ""};
        const adamw_config *group = tensor->config != NULL ? tensor->config : config;
        if (group != config && group != known) {
            status = check_config(group, &(place){to, true, i, "config"});
            known = group;
        }
        const demand asked = {options, report, count, group};
        if (status == ADAMW_OK)
            status = check_dtypes(tensor, &asked, &at);
        if (status == ADAMW_OK)
            status = check_options_of(tensor, &asked, &at);
        if (status == ADAMW_OK)
            status = check_buffers(tensor, &asked, &at);
        if (status != ADAMW_OK)
            return status;
        if (tensor->n > SIZE_MAX - total)
            return INVALID(&at, "n is %zu: the list's values together exceed the address space", tensor->n);
        total += tensor->n;
    }
    *plan = (adamw_plan){.config = config,
                         .step = step,
                         .tensors = tensors,
                         .count = count,
                         .total = total,
                         .threads = threads,
                         .options = options};
    return take_kernels(plan, &call);
}

adamw_status adamw_validate_grads(adamw_plan *plan, const adamw_tensor *tensors, size_t count, int threads)
{
    const place nowhere = {.member = ""};
    *plan = (adamw_plan){.tensors = tensors, .count = count, .threads = threads};
    if ((tensors == NULL && count != 0) || threads < 0)
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

adamw_status adamw_validate_accumulate(adamw_plan *plan, const adamw_tensor *tensor, int threads)
{
    const size_t size = dtype_size(tensor->grad_dtype);
    const uintptr_t sum = (uintptr_t)tensor->param, grad = (uintptr_t)tensor->grad;
    const adamw_status status = adamw_validate_grads(plan, tensor, 1, threads);
    if (status != ADAMW_OK || tensor->n == 0)
        return status;
    if (tensor->param == NULL || (sum < grad + tensor->n * size && grad < sum + tensor->n * sizeof(float)))
        return ADAMW_ERROR_INVALID_ARGUMENT;
    return ADAMW_OK;
}

adamw_status adamw_validate_buffers(adamw_plan *plan, size_t n, const adamw_buffer *buffers, size_t count,
                                    int threads)
{
    const place nowhere = {.member = ""};
    *plan = (adamw_plan){.threads = threads, .total = n};
    if (threads < 0 || n > PTRDIFF_MAX / sizeof(float))
        return ADAMW_ERROR_INVALID_ARGUMENT;
    for (size_t i = 0; n != 0 && i < count; i++) {
        const uintptr_t start = (uintptr_t)buffers[i].start;
        if (start == 0 || start > UINTPTR_MAX - n * buffers[i].width)
            return ADAMW_ERROR_INVALID_ARGUMENT;
        for (size_t j = 0; j < i; j++) {
            const uintptr_t other = (uintptr_t)buffers[j].start;
            if (start < other + n * buffers[j].width && other < start + n * buffers[i].width)
                return ADAMW_ERROR_INVALID_ARGUMENT;
        }
    }
    return take_kernels(plan, &nowhere);
}
