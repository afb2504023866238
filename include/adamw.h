/*
 * adamw.h - the public interface of libadamw: AdamW and coupled-L2 Adam parameter updates for CPUs.
 *
 * The caller owns every buffer. One call updates a whole list of tensors in one pass over memory:
 *
 *     adamw_config config;
 *     adamw_config_init(&config);                       // lr 1e-3, betas 0.9/0.999, eps 1e-8, weight_decay 1e-4
 *     adamw_step_f32(&config, step, n, param, grad, exp_avg, exp_avg_sq);      // step counts from 1
 *
 * The library keeps no state but the choice of the instruction set, allocates nothing in a step, never prints and
 * never ends the process. Every function may be called from any number of threads at once, as long as no two calls
 * write to the same buffers.
 *
 * Bits: for the same input, every instruction set, thread count, split of a tensor or of the list, alignment and
 * resume gives the same bits, in the processor's default floating-point environment (round to nearest, subnormals
 * kept). The payload and sign of a NaN are outside this promise; whether a value is NaN is inside.
 */
#ifndef ADAMW_H
#define ADAMW_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#ifndef ADAMW_API
#define ADAMW_API __attribute__((visibility("default")))
#endif

/* ---- version ------------------------------------------------------------------------------------------------- */

#define ADAMW_VERSION_MAJOR 0
#define ADAMW_VERSION_MINOR 1
#define ADAMW_VERSION_PATCH 0
#define ADAMW_VERSION_STRING "0.1.0"
/* The version as one number to compare: 10000 * major + 100 * minor + patch. */
#define ADAMW_VERSION (ADAMW_VERSION_MAJOR * 10000 + ADAMW_VERSION_MINOR * 100 + ADAMW_VERSION_PATCH)

/* The version of the library that runs, to compare with ADAMW_VERSION_STRING of the header that was compiled. */
ADAMW_API const char *adamw_version(void);

/* ---- status -------------------------------------------------------------------------------------------------- */

typedef enum adamw_status {
    ADAMW_OK = 0,
    /* An argument is outside its range, missing, or contradicts another one. */
    ADAMW_ERROR_INVALID_ARGUMENT = 1,
    /* The argument is meaningful, but this version has no kernel for it (a dtype, an optional stream). */
    ADAMW_ERROR_UNSUPPORTED = 2,
    /* The instruction set asked for is unknown, or this build or CPU does not have it. */
    ADAMW_ERROR_ISA = 3,
    /* A saved state is cut off, edited, of another version, or of another schedule. */
    ADAMW_ERROR_STATE = 4,
    /* The operating system refuses: no such file, no permission, no space, no memory (adamw_file.h). */
    ADAMW_ERROR_SYSTEM = 5
} adamw_status;

/* A short English name of the status; never NULL, also for values that are no status. */
ADAMW_API const char *adamw_status_string(adamw_status status);

/* ---- what a step does ---------------------------------------------------------------------------------------- */

typedef enum adamw_decay {
    ADAMW_DECAY_DECOUPLED = 0, /* AdamW: the weight shrinks by lr * weight_decay, whatever its gradient is */
    ADAMW_DECAY_L2 = 1         /* Adam: weight_decay * param is added to the gradient (coupled L2) */
} adamw_decay;

typedef enum adamw_arithmetic {
    /* One square root, one division, one final rounding of the parameter: the decay happens in full, also where
     * lr * weight_decay is near or below float32's 2^-24. */
    ADAMW_ARITHMETIC_ACCURATE = 0,
    /* The bits of torch.optim.AdamW and torch.optim.Adam with foreach=False, float32, as PyTorch 2.1 and later
     * compute them on x86-64 Linux CPUs with FMA. Steps beyond 2^24, where torch's own counter stops, excluded. */
    ADAMW_ARITHMETIC_TORCH = 1
} adamw_arithmetic;

typedef enum adamw_dtype { ADAMW_DTYPE_FLOAT32 = 0, ADAMW_DTYPE_BFLOAT16 = 1, ADAMW_DTYPE_FLOAT16 = 2 } adamw_dtype;

/*
 * The hyperparameters of a call, or of a parameter group (adamw_tensor.config). A plain struct: change a field (the
 * rate, between steps) as you like. Names and meaning are torch.optim's.
 */
typedef struct adamw_config {
    double lr;                   /* learning rate; finite, >= 0, within float32's range; default 1e-3 */
    double beta1;                /* decay of the first moment; [0, 1); default 0.9 */
    double beta2;                /* decay of the second moment; [0, 1); default 0.999 */
    double eps;                  /* added to the root of the second moment; finite, >= 0; default 1e-8 */
    double weight_decay;         /* finite, >= 0; default 1e-4 */
    adamw_decay decay;           /* default ADAMW_DECAY_DECOUPLED */
    adamw_arithmetic arithmetic; /* default ADAMW_ARITHMETIC_ACCURATE */
    bool amsgrad;                /* divide by the root of the largest second moment so far; needs max_exp_avg_sq */
    bool maximize;               /* ascend: the gradient's sign is turned */
    int threads; /* of the call: 0 OpenMP's default, otherwise at most so many; 0 in a group's config */
} adamw_config;

/* Fills in the defaults named above. NULL is ADAMW_ERROR_INVALID_ARGUMENT. */
ADAMW_API adamw_status adamw_config_init(adamw_config *config);

/*
 * One tensor of the list: n values, and the buffers that belong to them, each with n values, at any alignment, none
 * overlapping another (neither inside a tensor, which is checked, nor between the tensors of a call, which is not).
 * Zero is the default of every field, so `adamw_tensor t = {.n = n, .param = p, ...}` is complete.
 */
typedef struct adamw_tensor {
    size_t n;                   /* number of values; 0 is allowed, and then nothing is read */
    void *param;                /* read and written */
    const void *grad;           /* read only */
    void *exp_avg;              /* first moment; zeros before step 1; read and written */
    void *exp_avg_sq;           /* second moment; zeros before step 1; read and written */
    void *max_exp_avg_sq;       /* with amsgrad: its largest value so far; zeros before step 1; NULL without */
    const adamw_config *config; /* NULL: the call's; otherwise the parameter group that this tensor belongs to */
    uint64_t step;              /* 0: the call's; otherwise this tensor's own count, from 1 (torch counts so) */
    /* A step has kernels for float32 alone: another dtype is ADAMW_ERROR_UNSUPPORTED there, never ignored.
     * adamw_grad_norm() takes gradients of each. */
    adamw_dtype param_dtype; /* of param */
    adamw_dtype grad_dtype;  /* of grad */
    adamw_dtype state_dtype; /* of exp_avg, exp_avg_sq and max_exp_avg_sq */
    adamw_dtype copy_dtype;  /* of param_copy: ADAMW_DTYPE_BFLOAT16 or _FLOAT16 where that is not NULL */
    void *param_residual;    /* for a later version: NULL, or ADAMW_ERROR_UNSUPPORTED */
    void *param_ema;  /* adamw_update(): float32 exponential moving average of the parameter; zeros before it */
    void *param_copy; /* adamw_update(): a second, narrower copy of the new parameter; only written */
} adamw_tensor;

/* ---- the step ------------------------------------------------------------------------------------------------ */

/*
 * Updates every tensor of the list once, in place, in one parallel region.
 *
 *   config   the call's hyperparameters, and those of each tensor without a config of its own
 *   step     which step this is, counted from 1: the bias corrections follow from it
 *   tensors  `count` descriptors; NULL only with count 0, which does nothing
 *
 * Returns ADAMW_OK, or ADAMW_ERROR_INVALID_ARGUMENT, ADAMW_ERROR_UNSUPPORTED or ADAMW_ERROR_ISA; then nothing at all
 * was written, not even to the tensors before the bad one. adamw_explain() has the sentence to it.
 *
 * Threads: an OpenMP team of config->threads (0: OpenMP's default), fewer or none where the list is too small for
 * threads to pay. They work in the caller's rounding and subnormal mode; the caller's MXCSR or FPCR is as before.
 *
 * ACCURATE evaluates Loshchilov & Hutter 2019 (arXiv:1711.05101), algorithm 2, and Kingma & Ba 2015
 * (arXiv:1412.6980) with the bias corrections folded into the rate and eps (its section 2); amsgrad is Reddi et al.
 * 2018 (arXiv:1904.09237) with the uncorrected second moment, as torch has it. kernels/README.md has every rounding.
 */
ADAMW_API adamw_status adamw_step(const adamw_config *config, uint64_t step, const adamw_tensor *tensors,
                                  size_t count);

/*
 * The share `part` of `parts` of the same step, on the calling thread alone, for hosts with threads of their own.
 * All parts 0 .. parts - 1, in any order or at once, equal one adamw_step() bit for bit. config->threads is checked
 * but starts nothing. Errors as adamw_step(), and ADAMW_ERROR_INVALID_ARGUMENT for parts 0 or part >= parts.
 */
ADAMW_API adamw_status adamw_step_part(const adamw_config *config, uint64_t step, const adamw_tensor *tensors,
                                       size_t count, size_t part, size_t parts);

/*
 * adamw_step() for one float32 tensor of n values: the drop-in for a loop over one flat parameter buffer.
 * config->amsgrad needs a buffer that this call has no room for: use adamw_step() there.
 */
ADAMW_API adamw_status adamw_step_f32(const adamw_config *config, uint64_t step, size_t n, float *param,
                                      const float *grad, float *exp_avg, float *exp_avg_sq);

/*
 * The sentence behind an error: checks the same arguments as adamw_step() would, changes nothing, and writes to
 * `buffer` (at most `size` bytes with the terminating zero; NULL with size 0 is allowed) which argument of which
 * tensor is wrong and what would be right, or "ok". Returns the status that adamw_step() would return.
 * 256 bytes hold every sentence.
 */
ADAMW_API adamw_status adamw_explain(const adamw_config *config, uint64_t step, const adamw_tensor *tensors,
                                     size_t count, char *buffer, size_t size);

/* ---- the whole update in one pass ---------------------------------------------------------------------------- */

typedef enum adamw_clip {
    ADAMW_CLIP_NONE = 0,
    /* All gradients times min(1, clip_max / (norm + 1e-6)), norm their common L2 norm: torch's clip_grad_norm_. */
    ADAMW_CLIP_GLOBAL_NORM = 1,
    /* The same for each tensor with its own norm. Needs tensor_norms. */
    ADAMW_CLIP_TENSOR_NORM = 2,
    /* Each gradient to [-clip_max, clip_max]: torch's clip_grad_value_. NaN stays. */
    ADAMW_CLIP_VALUE = 3
} adamw_clip;

/* The weight w of the new parameter in param_ema += w * (param - param_ema), at a tensor's step t from 1. */
typedef enum adamw_ema {
    ADAMW_EMA_NONE = 0,
    ADAMW_EMA_CONSTANT = 1, /* 1 - ema_decay */
    /* torch.optim.swa_utils (AveragedModel with get_ema_multi_avg_fn): a copy at step 1, then 1 - ema_decay. */
    ADAMW_EMA_SWA_UTILS = 2,
    /* timm's ModelEmaV3 with use_warmup: 1 - min(ema_decay, 1 - t^(-2/3)); a copy at step 1. */
    ADAMW_EMA_TIMM = 3,
    /* (1 - ema_decay) / (1 - ema_decay^t), the average without the bias to its zeros at the start, as Adam corrects
     * its moments; 1/t for a decay of 1; a copy at step 1. */
    ADAMW_EMA_BIAS_CORRECTED = 4
} adamw_ema;

/* What adamw_update() does beside the step. Fill it in with adamw_update_options_init(), where all is off. */
typedef struct adamw_update_options {
    double grad_scale; /* multiplies each gradient before anything else (1 / loss scale, 1 / accumulation steps, 1 /
                          world size); finite, within float32's range, not 0; default 1 */
    adamw_clip clip;   /* default ADAMW_CLIP_NONE */
    double clip_max;   /* with clip: the norm or value; >= 0, infinity allowed */
    bool skip_not_finite; /* nothing is updated when a gradient is infinite or NaN */
    adamw_ema ema;        /* keeps every tensor's param_ema; default ADAMW_EMA_NONE: a param_ema is left as it is */
    double ema_decay;     /* with ema: [0, 1] */
    bool copy;            /* writes every tensor's param_copy; false: it is left as it is */
    bool zero_grad;       /* clears the gradients at the end: `grad` then points to memory that may be written */
    bool report_norm;     /* fills in the report's grad_norm also without clipping */
    bool report_ratio;    /* fills in the report's update_ratio */
    double *tensor_norms; /* NULL, or room for `count` norms, which are filled in: each tensor's gradient, scaled */
} adamw_update_options;

/* What adamw_update() found. NaN and SIZE_MAX stand for what was not asked for or not found. */
typedef struct adamw_update_report {
    bool skipped;               /* nothing was updated: the step did not happen, and its number is to be used again */
    double grad_norm;           /* L2 norm of all gradients, scaled, before clipping */
    double clip_coefficient;    /* what gradients were multiplied with to clip them; per tensor: the smallest */
    double update_ratio;        /* the largest of the tensors' |param - old param| / |old param|, as L2 norms */
    size_t update_ratio_tensor; /* which tensor has it */
    size_t not_finite_tensor;   /* the first gradient that is infinite or NaN: its tensor */
    size_t not_finite_index;    /* and its place there */
} adamw_update_report;

/* Scale 1 and everything off. NULL is ADAMW_ERROR_INVALID_ARGUMENT. */
ADAMW_API adamw_status adamw_update_options_init(adamw_update_options *options);

/*
 * adamw_step() with what trainers do around it, in one call: scales the gradients, takes their norm, clips, skips the
 * step when a gradient is not finite, updates, averages the weights, copies them to half width, clears the gradients.
 *
 *   config, step, tensors, count   as in adamw_step()
 *   options   NULL: all off
 *   report    NULL, or where the findings go
 *
 * Passes over memory: one; two with clipping by a norm or skip_not_finite, the first of which reads gradients alone.
 * The report's figures cost no further pass; without report, report_norm and tensor_norms nothing is summed up but
 * for clipping.
 *
 * A skipped step is ADAMW_OK with report->skipped: no parameter, moment, average or copy was written, gradients are
 * still cleared where zero_grad asks for it. Do not count it: the next call takes the same `step`.
 * Without skip_not_finite a NaN spreads as arithmetic says; the report has its place whenever a norm was taken.
 *
 * Bits: each combination equals its parts done one after another as passes of their own, in float32: g =
 * grad_scale*g; the norm or the value clips; g = coefficient*g; the step; the average as torch.lerp has it. The norm
 * is that of adamw_grad_norm(), and the coefficient min(1, clip_max / (norm + 1e-6)) in double, rounded once; with
 * ADAMW_ARITHMETIC_TORCH in the call's config it is torch's own sequence of float32 operations on the rounded norm.
 *
 * Errors as adamw_step(), and ADAMW_ERROR_INVALID_ARGUMENT for an option out of its range, a buffer that an option
 * needs and a tensor lacks, or one that overlaps another; nothing was written then. Threads as adamw_step().
 */
ADAMW_API adamw_status adamw_update(const adamw_config *config, uint64_t step, const adamw_tensor *tensors,
                                    size_t count, const adamw_update_options *options, adamw_update_report *report);

/* The sentence behind an error of adamw_update(), as adamw_explain() has it for adamw_step(). */
ADAMW_API adamw_status adamw_update_explain(const adamw_config *config, uint64_t step, const adamw_tensor *tensors,
                                            size_t count, const adamw_update_options *options, char *buffer,
                                            size_t size);

typedef enum adamw_norm { ADAMW_NORM_L2 = 0, ADAMW_NORM_INFINITY = 1 } adamw_norm;

/*
 * The norm of all gradients of the list together, in double: the root of the sum of their squares, or the largest
 * magnitude. Reads n, grad and grad_dtype (float32, bfloat16, float16) of each tensor and nothing else of it.
 *
 *   threads  as adamw_config has it: 0 OpenMP's default, otherwise at most so many
 *   norm     receives it; NaN if a gradient is NaN, else infinity if one is infinite. Finite gradients always have a
 *            finite norm: their squares do not leave double's range.
 *
 * The same bits for every instruction set and thread count: squares are exact in double, sums run over fixed blocks
 * of each tensor in 16 lanes, and block sums are added exactly. ADAMW_ERROR_INVALID_ARGUMENT for NULL where a pointer
 * is needed, an unknown kind or dtype, threads below 0; *norm is then as before.
 */
ADAMW_API adamw_status adamw_grad_norm(const adamw_tensor *tensors, size_t count, adamw_norm kind, int threads,
                                       double *norm);

/*
 * sum[i] += grad[i] for n values: gradient accumulation over micro-batches. `sum` is float32, `grad` of the dtype;
 * they do not overlap. threads as above. One rounding per value. ADAMW_ERROR_INVALID_ARGUMENT as above; nothing is
 * written.
 */
ADAMW_API adamw_status adamw_accumulate(size_t n, float *sum, const void *grad, adamw_dtype dtype, int threads);

/*
 * The scale of a loss in mixed precision, by the rule of torch.amp.GradScaler: multiply the loss with `scale`, give
 * adamw_update() grad_scale = 1 / scale with skip_not_finite, and tell adamw_loss_scale_update() whether it skipped.
 */
typedef struct adamw_loss_scale {
    double scale;          /* now; 65536 at first */
    double growth_factor;  /* > 1; default 2 */
    double backoff_factor; /* in (0, 1); default 0.5 */
    int growth_interval;   /* so many steps without a skip make the scale grow; >= 1; default 2000 */
    int growth_tracker;    /* steps since the last skip or growth */
} adamw_loss_scale;

/* Fills in the defaults. NULL is ADAMW_ERROR_INVALID_ARGUMENT. */
ADAMW_API adamw_status adamw_loss_scale_init(adamw_loss_scale *scale);

/* After each step. A scale never grows beyond float32's range, as in torch. ADAMW_ERROR_INVALID_ARGUMENT for NULL or
 * a member out of its range; nothing is changed then. */
ADAMW_API adamw_status adamw_loss_scale_update(adamw_loss_scale *scale, bool skipped);

/* ---- the instruction set ------------------------------------------------------------------------------------- */

typedef enum adamw_isa {
    ADAMW_ISA_AUTO = 0,   /* the best for this CPU: the last of the list that it has, but AVX2 on Skylake-SP's kin,
                           * whose clock 512-bit arithmetic lowers for the rest of the program */
    ADAMW_ISA_SCALAR = 1, /* portable C, every CPU */
    ADAMW_ISA_AVX2 = 2,   /* x86-64 with AVX2 and FMA */
    ADAMW_ISA_AVX512 = 3, /* x86-64 with AVX-512F */
    ADAMW_ISA_NEON = 4    /* AArch64 */
} adamw_isa;

/* Whether this build has the instruction set and this CPU and operating system can run it. AUTO always can. */
ADAMW_API bool adamw_isa_supported(adamw_isa isa);

/*
 * Chooses the instruction set for the whole process, over the environment variable ADAMW_ISA (auto, scalar, avx2,
 * avx512, neon; empty is auto), which is read once, at first need. ADAMW_ISA_AUTO returns to the CPU's best. One
 * that cannot run here is ADAMW_ERROR_ISA and a value that is no adamw_isa ADAMW_ERROR_INVALID_ARGUMENT; the choice
 * is then as before. Safe at any time, also while other threads step: all instruction sets give the same bits.
 */
ADAMW_API adamw_status adamw_isa_select(adamw_isa isa);

/* The instruction set that the next step uses; ADAMW_ISA_AUTO (none) while ADAMW_ISA in the environment names one
 * that is unknown or cannot run here: every step is then ADAMW_ERROR_ISA. */
ADAMW_API adamw_isa adamw_isa_active(void);

/* Its name as ADAMW_ISA takes it: "auto", "scalar", "avx2", ...; "unknown" for values that are no adamw_isa. */
ADAMW_API const char *adamw_isa_name(adamw_isa isa);

/* ---- schedules ----------------------------------------------------------------------------------------------- */

/*
 * The learning rate of the coming step, from a linear warmup and one of twelve shapes, with weight decay on a
 * schedule beside it. All in double, from additions, multiplications, divisions, square roots and the library's own
 * cosine and power: the same bits on every platform. A schedule is a plain struct of the caller's, allocates nothing,
 * and may be copied by assignment. A training loop looks like this:
 *
 *     adamw_schedule_config recipe;
 *     adamw_schedule schedule;
 *     adamw_schedule_config_init(&recipe);
 *     recipe.kind = ADAMW_SCHEDULE_PLATEAU;
 *     recipe.warmup = 10;                                    // epochs
 *     if (adamw_schedule_init(&schedule, &recipe)) ...       // adamw_schedule_explain(&recipe, ...) says why
 *     for (int epoch = 0; epoch < epochs; epoch++) {
 *         for (each batch) {
 *             config.lr = adamw_schedule_lr(&schedule);
 *             adamw_step(&config, ++step, tensors, count);
 *             adamw_schedule_step(&schedule);
 *         }
 *         if (adamw_schedule_epoch(&schedule, validation_loss) & ADAMW_EVENT_CUT) ...
 *     }
 *
 * kernels/schedule/README.md has every formula and its source.
 */

/* The main phase, after the warmup. k counts from its start, T is its length, both in `unit`; base and min are
 * base_lr and min_lr. Past the end (k > T) the rate is held at its value for T. */
typedef enum adamw_schedule_kind {
    ADAMW_SCHEDULE_CONSTANT = 0, /* base */
    ADAMW_SCHEDULE_PLATEAU = 1,  /* torch's ReduceLROnPlateau, fed by adamw_schedule_epoch(); has no end */
    ADAMW_SCHEDULE_LINEAR = 2,   /* min + (base - min) * (T - k) / T; Hugging Face's for min 0 */
    ADAMW_SCHEDULE_COSINE = 3,   /* min + (base - min) * (1 + cos(pi * k / T)) / 2; torch's CosineAnnealingLR */
    /* the same over periods; torch's CosineAnnealingWarmRestarts; total optional */
    ADAMW_SCHEDULE_COSINE_RESTARTS = 4,
    ADAMW_SCHEDULE_POLYNOMIAL = 5,   /* min + (base - min) * (1 - k / T)^power; torch's PolynomialLR for min 0 */
    ADAMW_SCHEDULE_EXPONENTIAL = 6,  /* base * gamma^k, at least min; torch's ExponentialLR */
    ADAMW_SCHEDULE_STEP = 7,         /* base * gamma^(k / step_size), at least min; torch's StepLR */
    ADAMW_SCHEDULE_MULTISTEP = 8,    /* base * gamma^(milestones reached), at least min; torch's MultiStepLR */
    ADAMW_SCHEDULE_INVERSE_SQRT = 9, /* base / sqrt((k + timescale) / timescale), at least min; Hugging Face's */
    ADAMW_SCHEDULE_WSD = 10,      /* warmup-stable-decay: base, then down to min over decay_length; Hugging Face's */
    ADAMW_SCHEDULE_ONE_CYCLE = 11 /* base / div_factor up to base and far down, at least min; torch's OneCycleLR */
} adamw_schedule_kind;

/* What a length counts: calls of adamw_schedule_epoch(), or of adamw_schedule_step(). */
typedef enum adamw_unit { ADAMW_UNIT_EPOCH = 0, ADAMW_UNIT_STEP = 1 } adamw_unit;

typedef enum adamw_mode { ADAMW_MODE_MIN = 0, ADAMW_MODE_MAX = 1 } adamw_mode;

/* When a metric is better than the best so far (mode min; max turns it around). */
typedef enum adamw_threshold_mode {
    /* metric < best * (1 - threshold), torch's rule. A negative metric that does not move counts as better for ever,
     * so that it never brings a cut. */
    ADAMW_THRESHOLD_REL = 0,
    ADAMW_THRESHOLD_ABS = 1, /* metric < best - threshold */
    /* REL where best >= 0; metric < best * (1 + threshold) where best < 0: right for every sign */
    ADAMW_THRESHOLD_REL_SIGNED = 2
} adamw_threshold_mode;

/* How WSD and ONE_CYCLE go from a rate to the next; p runs from 0 to 1. */
typedef enum adamw_anneal {
    ADAMW_ANNEAL_COSINE = 0, /* (1 + cos(pi * p)) / 2 */
    ADAMW_ANNEAL_LINEAR = 1, /* 1 - p */
    ADAMW_ANNEAL_SQRT = 2    /* 1 - sqrt(p); WSD only */
} adamw_anneal;

/* What weight_decay does over the run. t counts from the run's start, N is `total`, both in `unit`. */
typedef enum adamw_weight_decay_kind {
    ADAMW_WEIGHT_DECAY_CONSTANT = 0,
    ADAMW_WEIGHT_DECAY_STEPS = 1,        /* weight_decay * weight_decay_gamma^(weight_decay_milestones reached) */
    ADAMW_WEIGHT_DECAY_LINEAR = 2,       /* end + (weight_decay - end) * (N - t) / N, end = weight_decay_end */
    ADAMW_WEIGHT_DECAY_COSINE = 3,       /* end + (weight_decay - end) * (1 + cos(pi * t / N)) / 2 */
    ADAMW_WEIGHT_DECAY_PROPORTIONAL = 4, /* weight_decay * lr / base_lr: it follows the rate */
    /* weight_decay / base_lr, so that a step, which multiplies by lr, takes weight_decay * lr / base_lr of a weight:
     * fully decoupled decay, where the size of base_lr does not matter (Loshchilov & Hutter 2019, algorithm 2). */
    ADAMW_WEIGHT_DECAY_FULLY_DECOUPLED = 5
} adamw_weight_decay_kind;

/*
 * A recipe. adamw_schedule_config_init() fills in the defaults named here, which are torch's where torch has the
 * field; only the fields that the kind uses are read. A length is a number of `unit`s from 0 to 2^53. Milestones
 * are points of the run, counted from its start; everything else in the main phase counts from the end of the warmup.
 */
typedef struct adamw_schedule_config {
    adamw_schedule_kind kind; /* default CONSTANT */
    adamw_unit unit;          /* of the main phase and of every length but the warmup's; default EPOCH */
    double base_lr;           /* the full rate, reached when the warmup ends; finite, >= 0; default 1e-3 */
    double min_lr;            /* where the main phase ends or the lowest it goes; 0 to base_lr; default 0 */
    int64_t total; /* length of the whole run, warmup included. 0: endless, which LINEAR, COSINE, POLYNOMIAL,
                    * WSD and ONE_CYCLE and a LINEAR or COSINE weight decay refuse; default 0 */

    /* Warmup: rate(t) = (rate of k = 0) * (s + (1 - s) * t / W), s = warmup_start, t from 0 to W = warmup. */
    double warmup_start;    /* 0 to 1; default 0.1; Hugging Face's warmups start from 0 */
    int64_t warmup;         /* default 0, none. At most total, where both have one unit */
    adamw_unit warmup_unit; /* its own; default EPOCH. Warmup in steps, main phase in epochs: that phase begins with
                             * the first epoch that begins after the warmup */

    /* PLATEAU: torch.optim.lr_scheduler.ReduceLROnPlateau, every option. */
    adamw_mode mode;                     /* default MIN */
    adamw_threshold_mode threshold_mode; /* default REL */
    bool fire_at_patience; /* cut at bad >= patience (then >= 1); default false: at bad > patience, as torch */
    double threshold;      /* finite; REL_SIGNED: 0 to below 1; default 1e-4 */
    double factor;         /* of a cut; above 0, below 1; default 0.1 */
    double eps;            /* a cut by no more than this does not happen; finite, >= 0; default 1e-8 */
    int64_t patience;      /* epochs without a better metric; >= 0; default 10 */
    int64_t cooldown;      /* epochs after a cut in which none is bad; >= 0; default 0 */

    double gamma;              /* EXPONENTIAL, STEP, MULTISTEP: above 0, to 1; default 0.1 */
    double power;              /* POLYNOMIAL: finite, above 0; default 1 */
    int64_t step_size;         /* STEP: at least 1; default 0, to be set */
    int64_t period;            /* COSINE_RESTARTS: length of the first period (T_0), >= 1; default 0, to be set */
    int64_t period_mult;       /* each next period is so many times as long (T_mult), >= 1; default 1 */
    int64_t timescale;         /* INVERSE_SQRT: >= 0; default 0: the warmup's length, 10,000 without a warmup */
    int64_t decay_length;      /* WSD: of the decay at the end of the run; >= 1; default 0, to be set */
    const int64_t *milestones; /* MULTISTEP: the caller's, ascending (equal ones count twice), >= 0; not copied */
    size_t milestone_count;    /* at least 1 */
    adamw_anneal anneal;       /* WSD, ONE_CYCLE; default COSINE */
    bool three_phase;          /* ONE_CYCLE: go back down to base / div_factor in a phase of its own; default false */
    double pct_start;          /* ONE_CYCLE: share of the rise; 0 to 1; default 0.3 */
    double div_factor;         /* ONE_CYCLE: it starts at base / div_factor; finite, >= 1; default 25 */
    double final_div_factor;   /* ONE_CYCLE: it ends at base / div_factor / final_div_factor; >= 1; default 1e4 */

    double weight_decay;                    /* finite, >= 0; default 1e-4 */
    double weight_decay_end;                /* finite, >= 0; default 0 */
    double weight_decay_gamma;              /* above 0, to 1; default 0.1 */
    const int64_t *weight_decay_milestones; /* as milestones */
    size_t weight_decay_milestone_count;
    adamw_weight_decay_kind weight_decay_kind; /* default CONSTANT */
} adamw_schedule_config;

/* A running schedule: the recipe and its state. Read the fields as you like; adamw_schedule_step() and _epoch() write
 * them. A setting may be changed while it runs, by hand in `config`, within its range. */
typedef struct adamw_schedule {
    adamw_schedule_config config;
    int64_t step;             /* calls of adamw_schedule_step() */
    int64_t epoch;            /* calls of adamw_schedule_epoch() */
    int64_t main_start;       /* step or epoch (config.unit) at which the main phase began; -1 during the warmup */
    double lr;                /* PLATEAU: the rate after the cuts so far; base_lr before the first */
    double best;              /* PLATEAU: the best metric; an infinity before the first */
    int64_t bad;              /* PLATEAU: epochs since then, as torch's num_bad_epochs */
    int64_t cooldown_counter; /* PLATEAU: epochs of cooldown left */
    int64_t cuts;             /* PLATEAU: how often the rule fired, blocked cuts included */
} adamw_schedule;

/* Fills in the defaults named above. NULL is ADAMW_ERROR_INVALID_ARGUMENT. */
ADAMW_API adamw_status adamw_schedule_config_init(adamw_schedule_config *config);

/*
 * Checks the recipe and puts the schedule at its start. ADAMW_ERROR_INVALID_ARGUMENT, for NULL or a field outside its
 * range, leaves `schedule` as it was; adamw_schedule_explain() names the field. `config` may be &schedule->config.
 * The lists of milestones are not copied: they must live as long as the schedule.
 */
ADAMW_API adamw_status adamw_schedule_init(adamw_schedule *schedule, const adamw_schedule_config *config);

/* The sentence behind a refused recipe, as adamw_explain(): which field is wrong and what would be right, or "ok".
 * Returns what adamw_schedule_init() would. 256 bytes hold every sentence of this section. */
ADAMW_API adamw_status adamw_schedule_explain(const adamw_schedule_config *config, char *buffer, size_t size);

/* The rate for the coming step (or epoch), for adamw_config.lr. NULL gives NaN, which adamw_step() refuses. */
ADAMW_API double adamw_schedule_lr(const adamw_schedule *schedule);

/* The weight decay for the coming step, for adamw_config.weight_decay. NULL gives NaN. */
ADAMW_API double adamw_schedule_weight_decay(const adamw_schedule *schedule);

/* A step was made. A loop whose recipe counts in epochs alone need not call this. NULL does nothing. */
ADAMW_API void adamw_schedule_step(adamw_schedule *schedule);

/* What adamw_schedule_epoch() returns: a sum of these, 0 where there is nothing to tell. */
typedef enum adamw_event {
    ADAMW_EVENT_WARMUP = 1,   /* the epoch began in the warmup: the plateau rule did not see the metric */
    ADAMW_EVENT_BETTER = 2,   /* the metric is the new best */
    ADAMW_EVENT_NAN = 4,      /* the metric is NaN, which is never better */
    ADAMW_EVENT_COOLDOWN = 8, /* the epoch was one of a cooldown: not counted as bad */
    ADAMW_EVENT_CUT = 16,     /* the rule fired, and the rate is lower from now on */
    ADAMW_EVENT_BLOCKED = 32  /* the rule fired, but min_lr or eps kept the rate */
} adamw_event;

/*
 * An epoch ended, with this value of the validation metric. Only PLATEAU looks at it; the other kinds take anything,
 * NaN by custom, and return 0. Returns a sum of adamw_event: with ADAMW_EVENT_CUT a trainer may log
 * adamw_schedule_lr() or go back to its best weights, with ADAMW_EVENT_BETTER keep them. NULL does nothing and
 * returns 0.
 */
ADAMW_API unsigned adamw_schedule_epoch(adamw_schedule *schedule, double metric);

/* A parameter group under a schedule: its own rates and decay in place of the recipe's, the rest as the recipe says.
 */
typedef struct adamw_schedule_group {
    adamw_config *config; /* gets lr and weight_decay; nothing else of it is read or written */
    double base_lr;       /* finite, >= 0 */
    double min_lr;        /* 0 to base_lr */
    double weight_decay;  /* finite, >= 0 */
} adamw_schedule_group;

/*
 * Writes the rate and the weight decay of the coming step into the config of each of `count` groups. The groups hold
 * no state, so the schedule stays one struct: a group's rate after n cuts of a plateau is worked out anew, with n
 * multiplications. ADAMW_EVENT_CUT and _BLOCKED speak of the recipe's own rate; as in torch, a group's eps and min_lr
 * may hold its rate in other epochs. ADAMW_ERROR_INVALID_ARGUMENT for NULL or a value outside its range: then no
 * config was written, and adamw_schedule_explain_apply() names the group. NULL is a right list of 0 groups.
 */
ADAMW_API adamw_status adamw_schedule_apply(const adamw_schedule *schedule, const adamw_schedule_group *groups,
                                            size_t count);
ADAMW_API adamw_status adamw_schedule_explain_apply(const adamw_schedule *schedule,
                                                    const adamw_schedule_group *groups, size_t count, char *buffer,
                                                    size_t size);

/* "constant", "plateau", "linear", "cosine", "cosine-restarts", "polynomial", "exponential", "step", "multistep",
 * "inverse-sqrt", "wsd", "one-cycle"; "unknown" for values that are no adamw_schedule_kind. */
ADAMW_API const char *adamw_schedule_name(adamw_schedule_kind kind);

/* Bytes that hold every text of adamw_schedule_save(), with its terminating zero. */
#define ADAMW_SCHEDULE_TEXT_SIZE 4096

/*
 * Writes the recipe and the state as text to `buffer` (at most `size` bytes with the terminating zero; NULL with size
 * 0 is allowed) and returns its length without that zero, as snprintf() does. One `key value` a line, floating-point
 * numbers in hexadecimal, so that every bit and infinity survives, whatever the locale; of lists of milestones, their
 * length and a digest. The last line is a checksum. NULL as schedule gives 0 and the empty string.
 */
ADAMW_API size_t adamw_schedule_save(const adamw_schedule *schedule, char *buffer, size_t size);

/*
 * Goes on from a saved state: the schedule then gives the same bits as the one that was saved. `schedule` must have
 * been started with the same recipe (adamw_schedule_init(), adamw_preset()): a text of another one is refused and not
 * silently mixed. To change a setting in mid-run, load first, then change schedule->config. `length` counts the bytes
 * of the text without a terminating zero.
 *
 * ADAMW_ERROR_STATE for a text that is cut off, edited, of another version or of another recipe,
 * ADAMW_ERROR_INVALID_ARGUMENT for NULL: the schedule is then as before, and adamw_schedule_explain_load() has the
 * sentence, with the name of the field that differs and both its values.
 */
ADAMW_API adamw_status adamw_schedule_load(adamw_schedule *schedule, const char *text, size_t length);
ADAMW_API adamw_status adamw_schedule_explain_load(const adamw_schedule *schedule, const char *text, size_t length,
                                                   char *buffer, size_t size);

/*
 * A published recipe by its name:
 *
 *     rul                        lr 1e-3, weight decay 1e-4; 10 epochs of warmup from 0.1, then a plateau rule:
 * factor 0.5, patience 30, min_lr 5e-6 bert-finetune              lr 5e-5, weight decay 0.01; 500 steps of warmup,
 * then linear to 0 vit-imagenet               lr 1e-4, weight decay 0.05; 5,000 steps of warmup, then cosine to 0
 *     stable-diffusion-finetune  lr 1e-5, weight decay 0.01; 100 steps of warmup, then constant
 *     gan, ppo                   lr 2e-4 and 3e-4, weight decay 0, constant
 *
 * Fills in the optimizer's config (lr is the base rate; the rest as adamw_config_init()) and starts the schedule.
 * `total` is the length of the run: epochs for rul, steps for the others; 0 is endless, which bert-finetune and
 * vit-imagenet refuse. To change one setting, change it in schedule->config and give that to adamw_schedule_init().
 * ADAMW_ERROR_INVALID_ARGUMENT for a name that is none, NULL, or a total that the recipe refuses: nothing was
 * written, and adamw_preset_explain() has the sentence.
 */
ADAMW_API adamw_status adamw_preset(const char *name, int64_t total, adamw_config *config, adamw_schedule *schedule);
ADAMW_API adamw_status adamw_preset_explain(const char *name, int64_t total, char *buffer, size_t size);

/* The names of the presets, from index 0 on; NULL past the last. */
ADAMW_API const char *adamw_preset_name(size_t index);

/* ---- memory, and what runs here ------------------------------------------------------------------------------ */

/*
 * Memory for parameters, gradients and moments: `bytes` zero bytes, aligned to 64 bytes, from 2 MiB on to 2 MiB and
 * on huge pages where the system grants them (madvise), and first touched by the threads that a step of one tensor in
 * it will run on (threads: as in adamw_config; on machines with several memory nodes that places each page near its
 * thread). NULL if there is not so much memory, for 0 bytes or threads below 0. To be freed with adamw_free(). A step
 * takes any other memory just as well. bench/README.md has what it brings.
 */
ADAMW_API void *adamw_alloc(size_t bytes, int threads);

/* Frees what adamw_alloc() gave; NULL is allowed. */
ADAMW_API void adamw_free(void *memory);

/* What the library found and was built with, for logs and for people (build/adamw-info prints it). */
typedef struct adamw_info {
    const char *version;  /* as adamw_version() */
    const char *compiler; /* what compiled it, with its version */
    const char *flags;    /* CFLAGS of the build; "unknown" where another build system compiled the sources */
    bool openmp;          /* whether steps can start threads */
    int threads;          /* OpenMP's default now: what `threads` 0 means; 1 without OpenMP */
    adamw_isa active;     /* as adamw_isa_active() */
    const char *reason;   /* why that one, in words */
    char cpu[64];         /* the CPU's own name; "unknown" where it has none */
    size_t l1d, l2, l3;   /* bytes of one cache of each level; 0: unknown */
    char huge_pages[16];  /* the system's setting for transparent huge pages: always, madvise, never, unknown */
} adamw_info;

/* Fills it in. NULL is ADAMW_ERROR_INVALID_ARGUMENT. */
ADAMW_API adamw_status adamw_info_get(adamw_info *info);

#ifdef __cplusplus
}
#endif

#include "adamw_file.h"

#endif /* ADAMW_H */
