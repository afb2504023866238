/*
 * adamw.h - the public interface of libadamw: AdamW and coupled-L2 Adam parameter updates for CPUs.
 *
 * The simplest call updates one float32 buffer:
 *
 *     adamw_config config;
 *     adamw_config_init(&config);              // lr 1e-3, betas 0.9/0.999, eps 1e-8, weight_decay 1e-4
 *     adamw_step_f32(&config, step, n, param, grad, exp_avg, exp_avg_sq);     // `step` counts from 1
 *
 * A model is a list of tensors, which one call updates in one pass over memory. A parameter group is a config that
 * its tensors point to:
 *
 *     adamw_config decayed, plain;
 *     adamw_config_init(&decayed);
 *     plain = decayed;
 *     plain.weight_decay = 0;                  // biases and norms are not decayed
 *     adamw_tensor tensors[] = {
 *         {.n = 784 * 256, .param = w, .grad = gw, .exp_avg = mw, .exp_avg_sq = vw},
 *         {.n = 256, .param = b, .grad = gb, .exp_avg = mb, .exp_avg_sq = vb, .config = &plain},
 *     };
 *     if (adamw_step(&decayed, step, tensors, 2, 0) != ADAMW_OK) ...         // adamw_step_explain() says why
 *
 * The caller owns every buffer. The library keeps no state but the choice of the instruction set and its threads,
 * allocates nothing in a step, never prints and never ends the process. Every function may be called from any number
 * of threads at once, as long as no two calls write to the same buffers.
 *
 * Bits: the same input gives the same bits on every instruction set, for every number of threads, split of a tensor
 * or of the list, alignment and resume, in the processor's default floating-point environment (round to nearest,
 * subnormals kept). Whether a value is NaN is inside this promise; the payload and sign of a NaN are outside.
 */
#ifndef ADAMW_H
#define ADAMW_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* On Windows: a program that uses the library as a DLL defines ADAMW_DLL; ADAMW_DLL_BUILD makes that DLL. */
#ifndef ADAMW_API
#if !defined(_WIN32)
#define ADAMW_API __attribute__((visibility("default")))
#elif defined(ADAMW_DLL_BUILD)
#define ADAMW_API __declspec(dllexport)
#elif defined(ADAMW_DLL)
#define ADAMW_API __declspec(dllimport)
#else
#define ADAMW_API
#endif
#endif

/* ---- version ------------------------------------------------------------------------------------------------- */

#define ADAMW_VERSION_MAJOR 0
#define ADAMW_VERSION_MINOR 2
#define ADAMW_VERSION_PATCH 0
#define ADAMW_VERSION_STRING "0.2.0"
/* The version as one number to compare: 10000 * major + 100 * minor + patch. */
#define ADAMW_VERSION (ADAMW_VERSION_MAJOR * 10000 + ADAMW_VERSION_MINOR * 100 + ADAMW_VERSION_PATCH)

/* adamw_version() returns the version of the library that runs, to compare with ADAMW_VERSION_STRING of the header
 * that was compiled. */
ADAMW_API const char *adamw_version(void);

/* ---- status -------------------------------------------------------------------------------------------------- */

typedef enum adamw_status {
    ADAMW_OK = 0,
    /* An argument is outside its range, missing, or contradicts another one. */
    ADAMW_ERROR_INVALID_ARGUMENT = 1,
    /* The argument is meaningful, but this version has no kernel for it (a dtype, an optional stream). */
    ADAMW_ERROR_UNSUPPORTED = 2,
    /* The instruction set asked for is unknown, this build or CPU does not have it, or its kernels in this build have
     * wrong bits. */
    ADAMW_ERROR_ISA = 3,
    /* A saved state is cut off, edited, of another version, or of another schedule. */
    ADAMW_ERROR_STATE = 4,
    /* The operating system refuses: no such file, no permission, no space, no memory (adamw_file.h). */
    ADAMW_ERROR_SYSTEM = 5
} adamw_status;

/* adamw_status_string() returns a short English name of the status; never NULL, also for values that are no
 * status. */
ADAMW_API const char *adamw_status_string(adamw_status status);

/* ---- what a step does ---------------------------------------------------------------------------------------- */

/* How weight_decay acts. */
typedef enum adamw_decay {
    ADAMW_DECAY_DECOUPLED = 0, /* AdamW: the weight shrinks by lr * weight_decay, whatever its gradient is */
    ADAMW_DECAY_L2 = 1         /* Adam: weight_decay * param is added to the gradient (coupled L2) */
} adamw_decay;

/* Which sequence of float32 operations computes the step. kernels/ARITHMETIC.md has both. */
typedef enum adamw_arithmetic {
    /* One square root, one division, one final rounding of the parameter. Wherever gradients flow, 100 % of the decay
     * happens, also where lr * weight_decay is near or below float32's 2^-24; a parameter that never has a gradient
     * decays in whole ulps. */
    ADAMW_ARITHMETIC_ACCURATE = 0,
    /* The sequence of operations of torch.optim.AdamW and torch.optim.Adam with foreach=False on float32 tensors,
     * from PyTorch 2.1 on, with correctly rounded square roots: torch's own bits where torch's root is correctly
     * rounded. Up to step 2^24; torch's own float32 counter goes no further. */
    ADAMW_ARITHMETIC_TORCH = 1
} adamw_arithmetic;

/* How a value is narrowed to a dtype of fewer bits. */
typedef enum adamw_rounding {
    ADAMW_ROUND_NEAREST = 0, /* to the nearest, ties to even */
    /* Up or down at random, unbiased: by a random word that is a function of seed, the step, random_stream and the
     * value's place (first_index and its index) alone, so that bits depend on nothing else. */
    ADAMW_ROUND_STOCHASTIC = 1
} adamw_rounding;

typedef enum adamw_dtype {
    ADAMW_DTYPE_FLOAT32 = 0,
    ADAMW_DTYPE_BFLOAT16 = 1,
    ADAMW_DTYPE_FLOAT16 = 2,
    ADAMW_DTYPE_Q8 = 3 /* 8-bit codes with a scale for each block: ADAMW_ERROR_UNSUPPORTED in this version */
} adamw_dtype;

/*
 * The hyperparameters of a call, or of a parameter group (adamw_tensor.config). Change a field between steps as you
 * like. Names and meaning are torch.optim's.
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
    bool bias_correction;        /* correct the moments for their start at zero; default true. false: both bias
                                  * corrections are 1, for hosts that fold their own into lr and eps */
    adamw_rounding rounding;     /* of bfloat16 parameters without a residual and bfloat16 moments; default
                                  * ADAMW_ROUND_NEAREST */
    uint64_t seed;               /* of stochastic rounding, which alone reads it; default 0 */
} adamw_config;

/* adamw_config_init() fills in the defaults named above. NULL is ADAMW_ERROR_INVALID_ARGUMENT. */
ADAMW_API adamw_status adamw_config_init(adamw_config *config);

/*
 * One tensor of the list: n values, and the buffers that belong to them, each of n values, at any alignment.
 *
 * The buffers of one tensor must not overlap each other: that is checked. The buffers of different tensors must not
 * overlap either: that is not checked. Zero is the default of every field, so
 * `adamw_tensor t = {.n = n, .param = p, ...}` is complete.
 *
 * A narrow stream (another dtype than float32) is read exactly into float32, the float32 step is done, and what is
 * written is rounded once, as config->rounding says. Narrow streams need ADAMW_ARITHMETIC_ACCURATE. A combination
 * that this version does not have is ADAMW_ERROR_UNSUPPORTED, never ignored. kernels/ARITHMETIC.md defines each form:
 *
 *     param        param_residual   bytes
 *     float32      -                4       the default
 *     bfloat16     16-bit integer   4       split: an exact float32 in two halves, the bits of a float32 run
 *     float32      bfloat16         6       compensated: what each rounding of param loses is kept and added later
 *     bfloat16     -                2       rounded once a step: ADAMW_ROUND_STOCHASTIC, or small updates are lost
 *
 * exp_avg and exp_avg_sq are float32 or bfloat16, each by itself. A bfloat16 exp_avg_sq that is rounded to nearest
 * would stop falling where 1 - beta2 is below 2^-6, and is refused there.
 */
typedef struct adamw_tensor {
    size_t n;                   /* number of values; 0 is allowed, and then nothing is read */
    void *param;                /* read and written */
    const void *grad;           /* read only */
    void *exp_avg;              /* first moment; zeros before step 1; read and written. May be NULL where beta1 is 0:
                                 * then the step has the bits of one that finds zeros there */
    void *exp_avg_sq;           /* second moment; zeros before step 1; read and written */
    void *max_exp_avg_sq;       /* with amsgrad: its largest value so far; zeros before step 1; NULL without */
    const adamw_config *config; /* the parameter group that this tensor belongs to; NULL: the call's config */
    uint64_t step;              /* this tensor's own count of steps, from 1, as torch counts; 0: the call's */

    adamw_dtype param_dtype;      /* of param: float32 or bfloat16 */
    adamw_dtype grad_dtype;       /* of grad: float32, bfloat16 or float16 */
    adamw_dtype exp_avg_dtype;    /* of exp_avg: float32 or bfloat16 */
    adamw_dtype exp_avg_sq_dtype; /* of exp_avg_sq and max_exp_avg_sq: float32 or bfloat16 */
    adamw_dtype copy_dtype;       /* of param_copy: ADAMW_DTYPE_BFLOAT16 or ADAMW_DTYPE_FLOAT16 where that is set */

    void *param_residual;   /* NULL, or n values of 16 bits, read and written: of a bfloat16 param the lower half of a
                             * float32 (adamw_split() makes both), of a float32 param its compensation, zeros before
                             * step 1 */
    void *exp_avg_scale;    /* of an 8-bit exp_avg; NULL, or ADAMW_ERROR_UNSUPPORTED in this version */
    void *exp_avg_sq_scale; /* of an 8-bit exp_avg_sq; likewise */
    void *param_ema;        /* adamw_update(): float32 exponential moving average of param; zeros before step 1 */
    void *param_copy;       /* adamw_update(): a second, narrower copy of the new parameter; only written */

    uint64_t first_index;   /* where this piece begins in its whole tensor, for shards. Only stochastic rounding and
                             * 8-bit states depend on it */
    uint64_t random_stream; /* which tensor it is, for stochastic rounding, which alone reads it */
} adamw_tensor;

/* ---- the step ------------------------------------------------------------------------------------------------ */

/*
 * adamw_step() updates every tensor of the list once, in place.
 *
 *   config   the hyperparameters of each tensor without a config of its own
 *   step     which step this is, counted from 1: the bias corrections follow from it
 *   tensors  `count` tensors; may be NULL where count is 0, and then nothing happens
 *   threads  the most threads that work on it; 0: the library decides, at most adamw_info.threads. There are fewer
 *            where the list is too small for threads to pay, and never more than CPUs that the process may use
 *
 * Returns ADAMW_OK, or ADAMW_ERROR_INVALID_ARGUMENT, ADAMW_ERROR_UNSUPPORTED or ADAMW_ERROR_ISA. After an error
 * nothing at all was written, not even to the tensors before the bad one; adamw_step_explain() has the sentence.
 *
 * Threads take over the caller's rounding and subnormal mode. The caller's control register (MXCSR, FPCR), exception
 * flags included, is as before. A stack of 16 KiB is enough; 32 KiB where a stream is narrow or exp_avg is missing.
 *
 * ACCURATE evaluates Loshchilov & Hutter 2019 (arXiv:1711.05101), algorithm 2, and Kingma & Ba 2015
 * (arXiv:1412.6980) with the bias corrections folded into the rate and eps (its section 2). amsgrad is Reddi et al.
 * 2018 (arXiv:1904.09237) with the uncorrected second moment, as torch has it.
 */
ADAMW_API adamw_status adamw_step(const adamw_config *config, uint64_t step, const adamw_tensor *tensors,
                                  size_t count, int threads);

/*
 * adamw_step_part() does the share `part` of `parts` of a step on the calling thread, for hosts with threads of their
 * own. All parts 0 .. parts - 1, in any order or at once, equal one adamw_step() bit for bit.
 *
 * Errors are those of adamw_step(), and ADAMW_ERROR_INVALID_ARGUMENT for part >= parts.
 */
ADAMW_API adamw_status adamw_step_part(const adamw_config *config, uint64_t step, const adamw_tensor *tensors,
                                       size_t count, size_t part, size_t parts);

/*
 * adamw_step_f32() is adamw_step() for one float32 tensor of n values: the drop-in for a loop over one flat buffer.
 * Threads work as with `threads` 0. config->amsgrad needs a buffer that this call has no room for: use adamw_step().
 */
ADAMW_API adamw_status adamw_step_f32(const adamw_config *config, uint64_t step, size_t n, float *param,
                                      const float *grad, float *exp_avg, float *exp_avg_sq);

/*
 * adamw_step_explain() says why adamw_step() refuses these arguments. It checks them as adamw_step() would, changes
 * nothing, writes to `buffer` which argument of which tensor is wrong and what would be right, or "ok", and returns
 * the status that adamw_step() would return. At most `size` bytes are written, the terminating zero included;
 * `buffer` may be NULL where size is 0. 256 bytes hold every sentence.
 */
ADAMW_API adamw_status adamw_step_explain(const adamw_config *config, uint64_t step, const adamw_tensor *tensors,
                                          size_t count, int threads, char *buffer, size_t size);

/* ---- the whole update in one pass ---------------------------------------------------------------------------- */

/* How gradients are clipped. */
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
    /* (1 - ema_decay) / (1 - ema_decay^t): the average is corrected for its start at zero, as Adam corrects its
     * moments; 1/t for a decay of 1; a copy at step 1. */
    ADAMW_EMA_BIAS_CORRECTED = 4
} adamw_ema;

/* What adamw_update() does beside the step. adamw_update_options_init() turns everything off. */
typedef struct adamw_update_options {
    double grad_scale; /* multiplies each gradient before anything else (1 / loss scale, 1 / accumulation steps, 1 /
                          world size); finite, within float32's range, not 0; default 1 */
    adamw_clip clip;   /* default ADAMW_CLIP_NONE */
    double clip_max;   /* with clip: the largest norm or value; at least 0, infinity allowed; default -1, to be set */
    bool skip_not_finite; /* nothing is updated when a gradient, scaled, is infinite or NaN */
    adamw_ema ema;        /* keeps every tensor's param_ema; default ADAMW_EMA_NONE: a param_ema is left as it is */
    double ema_decay;     /* with ema: [0, 1] */
    bool copy;            /* writes every tensor's param_copy; false: it is left as it is */
    bool zero_grad;       /* clears the gradients at the end: `grad` then points to memory that may be written */
    bool report_norm;     /* fills in the report's grad_norm also without clipping */
    bool report_ratio;    /* fills in the report's update_ratio */
    double *tensor_norms; /* NULL, or room for `count` norms, which are filled in: each tensor's gradient, scaled; 0
                           * for an empty tensor. Overlaps no buffer of a tensor */
} adamw_update_options;

/* What adamw_update() found. NaN and SIZE_MAX stand for what was not asked for or not found. */
typedef struct adamw_update_report {
    bool skipped;               /* nothing was updated: the step did not happen, and its number is to be used again */
    double grad_norm;           /* L2 norm of all gradients, scaled, before clipping */
    double clip_coefficient;    /* what gradients were multiplied with to clip them; per tensor: the smallest */
    double update_ratio;        /* the largest of the tensors' |param - old param| / |old param|, as L2 norms of the
                                 * parameters as they are stored */
    size_t update_ratio_tensor; /* which tensor has it */
    size_t not_finite_tensor;   /* the first gradient that, scaled, is infinite or NaN: its tensor */
    size_t not_finite_index;    /* and its place there */
} adamw_update_report;

/* adamw_update_options_init() sets the scale to 1, clip_max to -1 and everything else off. NULL is
 * ADAMW_ERROR_INVALID_ARGUMENT. */
ADAMW_API adamw_status adamw_update_options_init(adamw_update_options *options);

/*
 * adamw_update() is adamw_step() with what trainers do around it, in one call: it scales the gradients, takes their
 * norm, clips, skips the step when a gradient is not finite, updates, averages the weights, copies them to half width
 * and clears the gradients.
 *
 *   config, step, tensors, count, threads   as in adamw_step()
 *   options   what to do; NULL: nothing beside the step
 *   report    receives the findings; may be NULL
 *
 * Passes over memory: one. Clipping by a norm and skip_not_finite need a second one before it, which reads gradients
 * alone. The figures of the report cost no further pass; norms are summed up only for clipping, skip_not_finite,
 * report_norm and tensor_norms.
 *
 * A skipped step is ADAMW_OK with report->skipped: no parameter, moment, average or copy was written; gradients are
 * still cleared where zero_grad asks for it. Do not count it: the next call takes the same `step`. Without
 * skip_not_finite a NaN spreads as the arithmetic says, and the report has its place whenever a norm was taken.
 *
 * Bits: each combination equals its parts done one after another as passes of their own, in float32: g =
 * grad_scale*g; the norm or the value clips; g = coefficient*g; the step; the average as torch.lerp has it. The norm
 * is that of adamw_grad_norm(), and the coefficient min(1, clip_max / (norm + 1e-6)) in double, rounded once; with
 * ADAMW_ARITHMETIC_TORCH in the call's config it is torch's own sequence of float32 operations on the rounded norm.
 *
 * Errors are those of adamw_step(), and ADAMW_ERROR_INVALID_ARGUMENT for an option out of its range, a buffer that an
 * option needs and a tensor lacks, or one that overlaps another; nothing was written then, the report included.
 * A stack of 64 KiB is enough.
 */
ADAMW_API adamw_status adamw_update(const adamw_config *config, uint64_t step, const adamw_tensor *tensors,
                                    size_t count, const adamw_update_options *options, adamw_update_report *report,
                                    int threads);

/* adamw_update_explain() says why adamw_update() refuses these arguments, as adamw_step_explain() does for
 * adamw_step(). */
ADAMW_API adamw_status adamw_update_explain(const adamw_config *config, uint64_t step, const adamw_tensor *tensors,
                                            size_t count, const adamw_update_options *options,
                                            const adamw_update_report *report, int threads, char *buffer,
                                            size_t size);

typedef enum adamw_norm { ADAMW_NORM_L2 = 0, ADAMW_NORM_INFINITY = 1 } adamw_norm;

/*
 * adamw_grad_norm() computes the norm of all gradients of the list together, in double: the root of the sum of their
 * squares, or the largest magnitude. It reads n, grad and grad_dtype (float32, bfloat16, float16) of each tensor.
 *
 *   threads  as in adamw_step()
 *   norm     receives the norm; NaN if a gradient is NaN, else infinity if one is infinite. Finite gradients always
 *            have a finite norm: their squares do not leave double's range
 *
 * The same bits for every instruction set and thread count: squares are exact in double, sums run over fixed blocks
 * of each tensor in 16 lanes, and block sums are added exactly. ADAMW_ERROR_INVALID_ARGUMENT for NULL where a pointer
 * is needed, an unknown kind or dtype, threads below 0; *norm is then as before. A stack of 64 KiB is enough.
 */
ADAMW_API adamw_status adamw_grad_norm(const adamw_tensor *tensors, size_t count, adamw_norm kind, int threads,
                                       double *norm);

/*
 * adamw_accumulate() adds a gradient to a float32 sum: sum[i] += grad[i] for n values, one rounding each. `grad` is
 * of the dtype (float32, bfloat16, float16); the two do not overlap. threads as in adamw_step().
 * ADAMW_ERROR_INVALID_ARGUMENT as in adamw_grad_norm(); nothing is written then.
 */
ADAMW_API adamw_status adamw_accumulate(size_t n, float *sum, const void *grad, adamw_dtype dtype, int threads);

/*
 * adamw_split() makes a split parameter of n float32 values: `param` receives their upper halves as bfloat16, rounded
 * to nearest, and `residual` what those lack, as int16_t. adamw_join() is the way back, with all bits but a NaN's
 * payload. (bits + 0x8000) >> 16 and the low 16 bits: the layout of TransformerEngine's and apex's remainders.
 *
 * Buffers have any alignment and do not overlap. threads as in adamw_step(). ADAMW_ERROR_INVALID_ARGUMENT for NULL
 * with n > 0, an overlap or threads below 0; nothing is written then.
 */
ADAMW_API adamw_status adamw_split(size_t n, const float *values, void *param, void *residual, int threads);
ADAMW_API adamw_status adamw_join(size_t n, const void *param, const void *residual, float *values, int threads);

/*
 * adamw_encode() rounds n float32 values to nearest, ties to even, into a buffer of the dtype; adamw_decode() widens
 * one exactly. Errors are those of adamw_split(), and ADAMW_ERROR_UNSUPPORTED for ADAMW_DTYPE_Q8.
 */
ADAMW_API adamw_status adamw_encode(size_t n, const float *values, void *to, adamw_dtype dtype, int threads);
ADAMW_API adamw_status adamw_decode(size_t n, const void *from, adamw_dtype dtype, float *values, int threads);

/* adamw_state_bytes() returns the bytes of n values of the dtype; 0 for a value that is no adamw_dtype, or where
 * there cannot be so many. */
ADAMW_API size_t adamw_state_bytes(adamw_dtype dtype, size_t n);

/*
 * The scale of a loss in mixed precision, by the rule of torch.amp.GradScaler with a floor: multiply the loss with
 * `scale`, give adamw_update() grad_scale = 1 / scale with skip_not_finite, and tell adamw_loss_scale_update()
 * whether it skipped.
 */
typedef struct adamw_loss_scale {
    double scale;          /* the scale now; from 2^-126 to float32's largest; default 65536 */
    double growth_factor;  /* > 1; default 2 */
    double backoff_factor; /* in (0, 1); default 0.5 */
    double min_scale;    /* a skip does not take the scale below this; default 2^-126, where 1 / scale is still within
                            * float32's range. DeepSpeed's rule has 1 */
    int growth_interval; /* the scale grows after this number of steps without a skip; >= 1; default 2000 */
    int growth_tracker;  /* steps since the last skip or growth */
} adamw_loss_scale;

/* adamw_loss_scale_init() fills in the defaults. NULL is ADAMW_ERROR_INVALID_ARGUMENT. */
ADAMW_API adamw_status adamw_loss_scale_init(adamw_loss_scale *scale);

/* adamw_loss_scale_update() moves the scale after a step. It never grows beyond float32's range, as in torch.
 * ADAMW_ERROR_INVALID_ARGUMENT for NULL or a member out of its range; nothing is changed then. */
ADAMW_API adamw_status adamw_loss_scale_update(adamw_loss_scale *scale, bool skipped);

/* ---- the instruction set ------------------------------------------------------------------------------------- */

typedef enum adamw_isa {
    ADAMW_ISA_AUTO = 0,   /* the fastest one that this CPU supports; on Skylake-SP, Cascade Lake and Cooper Lake AVX2,
                           * because 512-bit arithmetic lowers their clock for the rest of the program */
    ADAMW_ISA_SCALAR = 1, /* portable C, every CPU */
    ADAMW_ISA_AVX2 = 2,   /* x86-64 with AVX2, FMA and F16C: Intel since Haswell (2013), AMD since Zen (2017) */
    ADAMW_ISA_AVX512 = 3, /* x86-64 with AVX-512F: Intel's servers since 2017, AMD since Zen 4 (2022) */
    ADAMW_ISA_NEON = 4,   /* AArch64 */
    ADAMW_ISA_COUNT       /* how many there are in this header */
} adamw_isa;

/* adamw_isa_supported() tells whether this build has the instruction set and this CPU and operating system can run
 * it. AUTO always can. */
ADAMW_API bool adamw_isa_supported(adamw_isa isa);

/*
 * adamw_isa_select() chooses the instruction set for the whole process, over the environment variable ADAMW_ISA (a
 * name of adamw_isa_name(); empty is auto), which is read once, at first need. ADAMW_ISA_AUTO returns to the CPU's
 * best. One that cannot run here, or whose kernels do not have the promised bits because the library's files were
 * compiled with flags that change them (a test of 0.1 ms), is ADAMW_ERROR_ISA and a value that is no adamw_isa
 * ADAMW_ERROR_INVALID_ARGUMENT; the choice is then as before. Safe at any time, also while other threads step: all of
 * them give the same bits.
 *
 * ADAMW_TUNING in the environment, read at the same moment, chooses the family of CPUs whose figures are used (how
 * roots are computed, prefetches, thresholds), where the library would choose by the CPU's vendor: intel, amd, other;
 * empty or auto leaves it to the library. The bits do not depend on it. With an unknown name every step, and
 * adamw_isa_select(), is ADAMW_ERROR_ISA.
 */
ADAMW_API adamw_status adamw_isa_select(adamw_isa isa);

/* adamw_isa_active() returns the instruction set that the next step uses; ADAMW_ISA_AUTO (none) while ADAMW_ISA in
 * the environment names one that is unknown or cannot run here, or its kernels do not have the promised bits in this
 * build, or ADAMW_TUNING names no family: every step is then ADAMW_ERROR_ISA. */
ADAMW_API adamw_isa adamw_isa_active(void);

/* adamw_isa_name() returns the name that ADAMW_ISA takes: "auto", "scalar", "avx2", "avx512", "neon"; "unknown" for
 * values that are no adamw_isa. */
ADAMW_API const char *adamw_isa_name(adamw_isa isa);

/* adamw_isa_from_name() looks a name up. A name that is none, or NULL, is ADAMW_ERROR_INVALID_ARGUMENT; *isa is then
 * as before. */
ADAMW_API adamw_status adamw_isa_from_name(const char *name, adamw_isa *isa);

/* ---- threads ------------------------------------------------------------------------------------------------- */

/*
 * A large list is stepped by several threads: the caller's, and those of a small team that the library starts at the
 * first need (at the first call of 256 Ki values or more, say) and that sleep in between. No thread is pinned, and
 * there are no more than CPUs that the process may use, by its affinity and by the CPU quota of its control groups;
 * OMP_NUM_THREADS does not matter. The caller works too and returns when the work is done, whether or not another
 * thread ever had a CPU, so a busy machine makes a step no slower than one thread would be. Where the system gives no
 * thread, the caller works alone.
 *
 * One team serves the whole process, one caller at a time: a call that finds it serving another one is done by its
 * own thread alone. A step may be called inside a parallel region of the host. A child of fork() starts a team of its
 * own when it needs one, also when another thread was inside a step at the fork. The team's threads have signals
 * blocked, are named "adamw-1" and so on, and end when the library is unloaded.
 *
 * A build with TEAM=openmp (-DADAMW_TEAM_OPENMP) has OpenMP's threads instead: the end of a step waits for each of
 * them, and OMP_NUM_THREADS says how many `threads` 0 is.
 */

/* A part of a call. The host's parallel-for calls it with the context that it was given. */
typedef void adamw_parallel_body(void *body_context, size_t part);

/*
 * A host's parallel-for: calls body(body_context, part) once for each part 0 .. parts - 1, on any threads, in any
 * order or at once, and returns when all of these calls have returned. `context` is what was given with it.
 */
typedef void adamw_parallel_for(void *context, size_t parts, adamw_parallel_body *body, void *body_context);

/*
 * adamw_parallel_for_set() lends the library a parallel-for for the whole process: every call with `threads` other
 * than 1 (adamw_step(), adamw_update(), adamw_grad_norm(), adamw_accumulate(), adamw_alloc()) on a list large enough
 * runs on the host's threads, and the library starts none.
 *
 *   function  the host's parallel-for; NULL: the library's own threads again (context NULL and parts 0 then)
 *   context   handed to it; may be NULL
 *   parts     1 to 256: how many parts a call is cut into at most, which is the most that run at once. As many as the
 *             host has threads, or a few times as many where they may be late
 *
 * A body needs 64 KiB of stack at most and does not block; it may be run by the thread that called `function`. It
 * sets the caller's floating-point mode and then its thread's own again. A part that is called twice is done once,
 * and one that is left out is done by the calling thread at the end. Two calls that sum up (norms, clipping) at the
 * same time: the second one works alone.
 *
 * ADAMW_ERROR_INVALID_ARGUMENT for parts out of range; nothing is changed then. Safe at any time, also while other
 * threads step: a call that is under way keeps the function that it began with. The bits do not depend on it.
 */
ADAMW_API adamw_status adamw_parallel_for_set(adamw_parallel_for *function, void *context, int parts);

/* ---- memory, and what runs here ------------------------------------------------------------------------------ */

/*
 * adamw_alloc() allocates `bytes` zero bytes for parameters, gradients or moments: aligned to 64 bytes, from 2 MiB on
 * to 2 MiB and on huge pages where the system grants them (madvise). They are first touched by the threads that a
 * step of one tensor in it will run on, which places each page near its thread on machines with several memory nodes.
 * threads as in adamw_step(). Returns NULL for 0 bytes, threads below 0, or more bytes than there are. To be freed
 * with adamw_free(). A step takes any other memory just as well; bench/README.md has what this brings.
 */
ADAMW_API void *adamw_alloc(size_t bytes, int threads);

/* adamw_free() frees what adamw_alloc() returned; NULL is allowed. */
ADAMW_API void adamw_free(void *memory);

/* What the library found and was built with, for logs and for people (build/adamw-info prints it). */
typedef struct adamw_info {
    const char *version;  /* as adamw_version() */
    const char *compiler; /* what compiled it, with its version */
    const char *flags;    /* CFLAGS of the build; "unknown" where another build system compiled the sources */
    const char *engine;   /* what runs the parts of a call: "own threads", "OpenMP", "the host's parallel-for" or
                           * "none" */
    int threads;          /* the most threads that `threads` 0 means now: the CPUs that the calling thread may run on,
                           * by its affinity and the quota of its control groups; with OpenMP its default; with a
                           * host's parallel-for its parts; 1 with none */
    adamw_isa active;     /* as adamw_isa_active() */
    const char *reason;   /* why that one, in words */
    const char *tuning;   /* the family of CPUs whose figures are in use: a name of ADAMW_TUNING */
    char cpu[64];         /* the CPU's own name; "unknown" where it has none */
    size_t l1d, l2, l3;   /* bytes of one cache of each level, as the system tells; 0: unknown */
    char huge_pages[16];  /* the system's setting for transparent huge pages: always, madvise, never, unknown */
} adamw_info;

/* adamw_info_get() fills it in. NULL is ADAMW_ERROR_INVALID_ARGUMENT. */
ADAMW_API adamw_status adamw_info_get(adamw_info *info);

#ifdef __cplusplus
}
#endif

#include "adamw_schedule.h" /* before adamw_file.h, which saves schedules */

#include "adamw_file.h"

#endif /* ADAMW_H */
