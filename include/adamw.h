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
    ADAMW_ERROR_ISA = 3
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
    /* The fields below describe what later versions add. Today only zero is built; any other value is
     * ADAMW_ERROR_UNSUPPORTED, never ignored. */
    adamw_dtype param_dtype; /* of param */
    adamw_dtype grad_dtype;  /* of grad */
    adamw_dtype state_dtype; /* of exp_avg, exp_avg_sq and max_exp_avg_sq */
    adamw_dtype copy_dtype;  /* of param_copy */
    void *param_residual;    /* the part of each parameter that its dtype cannot hold (compensated update) */
    void *param_ema;         /* exponential moving average of the parameter */
    void *param_copy;        /* a second, narrower copy of the new parameter */
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

/* ---- the instruction set ------------------------------------------------------------------------------------- */

typedef enum adamw_isa {
    ADAMW_ISA_AUTO = 0,   /* the best that this CPU has */
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

#ifdef __cplusplus
}
#endif

#endif /* ADAMW_H */
