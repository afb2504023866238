/*
 * stack.c - the stacks that adamw.h calls enough: each call on a thread whose stack has just that many bytes, between
 * pages that may not be touched. In a child process, because a stack that overflows ends it.
 */
#define _GNU_SOURCE /* MAP_ANONYMOUS, pthread_attr_setstack */
#include "check.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

/* Sanitizers and unoptimised code need more stack than the library's own build. */
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define UNFIT "a sanitizer's frames are larger"
#elif !defined(__OPTIMIZE__)
#define UNFIT "frames of unoptimised code are larger"
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer) || __has_feature(memory_sanitizer)
#define UNFIT "a sanitizer's frames are larger"
#endif
#endif

#if defined(UNFIT)

bool check_small_stack(const check_options *options)
{
    (void)options;
    check_skip("small stacks: %s", UNFIT);
    return true;
}

#else

/* The emulated AVX-512 is compiled without optimisation (tests/rules.mk). */
#if !defined(UNOPTIMISED_ISA)
#define UNOPTIMISED_ISA ADAMW_ISA_AUTO
#endif

enum { N = 9001, TENSORS = 3, KIB = 1024 };

typedef enum call { STEP, STEP_WITHOUT_EXP_AVG, STEP_PART, STEP_F32, UPDATE, GRAD_NORM, ACCUMULATE, CALLS } call;
static const struct {
    const char *name;
    size_t stack;
} calls[CALLS] = {[STEP] = {"adamw_step", 16 * KIB},
                  [STEP_WITHOUT_EXP_AVG] = {"adamw_step without exp_avg", 32 * KIB},
                  [STEP_PART] = {"adamw_step_part", 16 * KIB},
                  [STEP_F32] = {"adamw_step_f32", 16 * KIB},
                  [UPDATE] = {"adamw_update", 64 * KIB},
                  [GRAD_NORM] = {"adamw_grad_norm", 64 * KIB},
                  [ACCUMULATE] = {"adamw_accumulate", 64 * KIB}};

/* What a call gets, all of it outside the small stack. */
typedef struct job {
    call which;
    adamw_isa isa;
    adamw_config config;
    adamw_tensor tensors[TENSORS];
    adamw_update_options options;
    adamw_update_report report;
    double norms[TENSORS], norm;
    adamw_status status;
} job;

static void *work(void *context)
{
    job *j = context;
    const adamw_tensor *t = j->tensors;
    adamw_isa_select(j->isa); /* as at a first step, with the test of the build */
    switch (j->which) {
    case STEP:
    case STEP_WITHOUT_EXP_AVG:
        j->status = adamw_step(&j->config, 2, t, TENSORS, 1);
        break;
    case STEP_PART:
        j->status = adamw_step_part(&j->config, 2, t, TENSORS, 1, 2);
        break;
    case STEP_F32:
        j->status = adamw_step_f32(&j->config, 2, t->n, t->param, t->grad, t->exp_avg, t->exp_avg_sq);
        break;
    case UPDATE:
        j->status = adamw_update(&j->config, 2, t, TENSORS, &j->options, &j->report, 1);
        break;
    case GRAD_NORM:
        j->status = adamw_grad_norm(t, TENSORS, ADAMW_NORM_L2, 1, &j->norm);
        break;
    default:
        j->status = adamw_accumulate(t->n, t->param, t->grad, ADAMW_DTYPE_FLOAT32, 1);
        break;
    }
    return NULL;
}

/* Runs the job on a stack of just that size; false where the system gives no such thread. */
static bool run_on_stack(job *j, size_t size)
{
    const size_t page = (size_t)sysconf(_SC_PAGESIZE), room = (size + page - 1) / page * page;
    char *whole = mmap(NULL, room + 2 * page, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    pthread_attr_t attributes;
    pthread_t thread;
    bool ran = whole != MAP_FAILED && mprotect(whole + page, room, PROT_READ | PROT_WRITE) == 0 &&
               pthread_attr_init(&attributes) == 0 && pthread_attr_setstack(&attributes, whole + page, room) == 0 &&
               pthread_create(&thread, &attributes, work, j) == 0;
    if (ran)
        pthread_join(thread, NULL);
    return ran;
}

enum { RAN, NO_THREAD, REFUSED };

static void child(job *j)
{
    static float ema[TENSORS][N];
    static uint16_t copy[TENSORS][N];
    for (int i = 0; i < TENSORS; i++) {
        buffers x = buffers_new(N);
        buffers_fill(&x, INPUT_TRAINING, 3 + (uint64_t)i);
        j->tensors[i] = buffers_tensor(&x, &j->config);
        if (j->which == UPDATE) {
            j->tensors[i].param_ema = ema[i];
            j->tensors[i].param_copy = copy[i];
            j->tensors[i].copy_dtype = i % 2 ? ADAMW_DTYPE_BFLOAT16 : ADAMW_DTYPE_FLOAT16;
        }
        if (j->which == STEP_WITHOUT_EXP_AVG || j->which == UPDATE)
            j->tensors[i].exp_avg = NULL;
    }
    if (j->which == STEP_WITHOUT_EXP_AVG || j->which == UPDATE)
        j->config.beta1 = 0;
    adamw_update_options_init(&j->options);
    j->options.grad_scale = 0.5;
    j->options.clip = ADAMW_CLIP_TENSOR_NORM;
    j->options.clip_max = 0.1;
    j->options.skip_not_finite = j->options.copy = j->options.zero_grad = true;
    j->options.report_norm = j->options.report_ratio = true;
    j->options.ema = ADAMW_EMA_BIAS_CORRECTED;
    j->options.ema_decay = 0.99;
    j->options.tensor_norms = j->norms;
    if (!run_on_stack(j, calls[j->which].stack))
        _exit(NO_THREAD);
    _exit(j->status == ADAMW_OK ? RAN : REFUSED);
}

bool check_small_stack(const check_options *options)
{
    bool right = true;
    fflush(NULL);
    if (check_wants(options, UNOPTIMISED_ISA) && UNOPTIMISED_ISA != ADAMW_ISA_AUTO)
        check_skip("small stacks of %s, which is compiled without optimisation", adamw_isa_name(UNOPTIMISED_ISA));
    FOR_EACH_ISA(options, isa)
    for (int which = 0; right && isa != UNOPTIMISED_ISA && which < CALLS; which++)
        for (int amsgrad = 0; right && amsgrad < 1 + (which != STEP_F32); amsgrad++) {
            static job j;
            int status = 0;
            memset(&j, 0, sizeof j);
            j.which = (call)which;
            j.config = config_of_variant(amsgrad ? ADAMW_VARIANT_torch_adam_l2_amsgrad : ADAMW_VARIANT_adamw);
            j.isa = isa;
            const pid_t pid = fork();
            if (pid == 0)
                child(&j);
            if (pid < 0 || waitpid(pid, &status, 0) != pid) {
                right = check_fail("no child process");
            } else if (WIFSIGNALED(status)) {
                right = check_fail("%s of %s needs more than a stack of %zu KiB: signal %d", calls[which].name,
                                   adamw_isa_name(isa), calls[which].stack / KIB, WTERMSIG(status));
            } else if (WEXITSTATUS(status) == NO_THREAD) {
                check_skip("this system starts no thread on a stack of %zu KiB", calls[which].stack / KIB);
            } else if (WEXITSTATUS(status) != RAN) {
                right = check_fail("%s was refused", calls[which].name);
            }
        }
    return right;
}

#endif
