/*
 * fuzz_update.c - any bytes become options, a loss scale and a tensor list with averages and copies: adamw_update()
 * of the scalar kernels and of the best ISA's must return the same status and write the same bits and report, touch
 * nothing that the options leave out, and nothing at all where a sentence says why the call is refused. Then the
 * same for adamw_grad_norm() and adamw_accumulate(), which take half-width gradients. For libFuzzer (tools/check.sh
 * fuzz). Only the public interface is used here.
 */
#include "list.h"

#include <float.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

/* A list with all that a call of adamw_update() takes. */
typedef struct update {
    list *l;
    adamw_update_options options;
    const adamw_config *config;
    const adamw_tensor *tensors;
    bool plain, silent; /* options or report are NULL */
    double *norms;
    adamw_update_report report;
} update;

static adamw_loss_scale loss_scale_from(stream *s)
{
    adamw_loss_scale scale;
    adamw_loss_scale_init(&scale);
    scale.scale = number(s, scale.scale);
    scale.growth_factor = number(s, scale.growth_factor);
    scale.backoff_factor = number(s, scale.backoff_factor);
    const uint8_t interval = byte(s), tracker = byte(s);
    scale.growth_interval = interval < 250 ? 1 + interval : interval < 253 ? INT_MAX : 253 - interval;
    scale.growth_tracker = tracker < 250 ? tracker : tracker < 253 ? INT_MAX : 252 - tracker;
    return scale;
}

/* GradScaler's rule; wrong members change nothing. */
static double check_loss_scale(stream *s)
{
    adamw_loss_scale scale = loss_scale_from(s);
    const adamw_loss_scale before = scale;
    const bool skipped = byte(s) & 1;
    const bool right = before.scale >= FLT_MIN && before.scale <= FLT_MAX && before.growth_factor > 1 &&
                       before.growth_factor <= FLT_MAX && before.backoff_factor > 0 && before.backoff_factor < 1 &&
                       before.growth_interval >= 1 && before.growth_tracker >= 0;
    const adamw_status status = adamw_loss_scale_update(&scale, skipped);
    expect(status == (right ? ADAMW_OK : ADAMW_ERROR_INVALID_ARGUMENT), "the loss scale's status", "");
    if (!right) {
        expect(memcmp(&before, &scale, sizeof scale) == 0, "a refused loss scale changed", "");
        return scale.scale;
    }
    const bool grows = !skipped && before.growth_tracker >= before.growth_interval - 1;
    const double grown = before.scale * before.growth_factor;
    const double backed = before.scale * before.backoff_factor;
    expect(scale.scale == (skipped                     ? (backed > before.min_scale ? backed : before.min_scale)
                           : grows && grown <= FLT_MAX ? grown
                                                       : before.scale),
           "the loss scale", "");
    expect(scale.growth_tracker == (skipped || grows ? 0 : before.growth_tracker + 1), "the loss scale's count", "");
    return scale.scale;
}

static adamw_update_options options_from(stream *s)
{
    adamw_update_options o;
    adamw_update_options_init(&o);
    const double loss_scale = check_loss_scale(s);
    const uint8_t flags = byte(s), clip = byte(s), ema = byte(s);
    o.grad_scale = flags & 1 ? 1 / loss_scale : number(s, 1);
    o.clip = clip >= 250 ? (adamw_clip)clip : (adamw_clip)(clip % 4);
    o.clip_max = number(s, 0.5);
    o.ema = ema >= 250 ? (adamw_ema)ema : (adamw_ema)(ema % 5);
    o.ema_decay = number(s, 0.999);
    o.skip_not_finite = flags >> 1 & 1;
    o.copy = flags >> 2 & 1;
    o.zero_grad = flags >> 3 & 1;
    o.report_norm = flags >> 4 & 1;
    o.report_ratio = flags >> 5 & 1;
    return o;
}

static update fresh(const uint8_t *data, size_t size)
{
    stream s = {data, size};
    update u = {.options = options_from(&s)};
    const uint8_t missing = byte(&s);
    u.l = list_from(&s, UPDATE_BUFFERS);
    u.plain = missing >= 240 && missing < 250;
    u.silent = missing >> 1 & 1;
    u.config = missing == 250 ? NULL : &u.l->configs[0];
    u.tensors = missing == 251 ? NULL : u.l->tensors;
    u.norms = malloc(u.l->count != 0 ? u.l->count * sizeof *u.norms : 1);
    if (u.norms == NULL)
        abort();
    for (size_t t = 0; t < u.l->count; t++)
        u.norms[t] = -1;
    u.options.tensor_norms =
        missing >= 252 || (missing & 1 && u.options.clip != ADAMW_CLIP_TENSOR_NORM) ? NULL : u.norms;
    memset(&u.report, true, sizeof u.report); /* no byte that a bool may not have */
    return u;
}

static void end(update *u)
{
    list_free(u->l);
    free(u->norms);
}

static adamw_status run(update *u, adamw_isa isa)
{
    expect(adamw_isa_select(isa) == ADAMW_OK, "an ISA that was there is gone", adamw_isa_name(isa));
    return adamw_update(u->config, u->l->step, u->tensors, u->l->count, u->plain ? NULL : &u->options,
                        u->silent ? NULL : &u->report, u->l->threads);
}

static bool same_number(double x, double y) { return memcmp(&x, &y, sizeof x) == 0 || (x != x && y != y); }

static bool same_report(const update *a, const update *b)
{
    const adamw_update_report *x = &a->report, *y = &b->report;
    for (size_t t = 0; t < a->l->count; t++)
        if (!same_number(a->norms[t], b->norms[t]))
            return false;
    return x->skipped == y->skipped && same_number(x->grad_norm, y->grad_norm) &&
           same_number(x->clip_coefficient, y->clip_coefficient) && same_number(x->update_ratio, y->update_ratio) &&
           x->update_ratio_tensor == y->update_ratio_tensor && x->not_finite_tensor == y->not_finite_tensor &&
           x->not_finite_index == y->not_finite_index;
}

static bool all_zero(const list *l, size_t t)
{
    for (size_t i = l->shift[t]; i < l->bytes[t][GRAD]; i++)
        if (l->blocks[t][GRAD][i] != 0)
            return false;
    return true;
}

/* What the options leave out is as it was, and a skipped step writes nothing but cleared gradients. */
static void check_left_alone(const update *before, const update *after, const char *said)
{
    adamw_update_options o = after->options;
    if (after->plain)
        adamw_update_options_init(&o);
    const bool skipped = !after->silent && after->report.skipped;
    expect(!skipped || o.skip_not_finite, "skipped without being asked", said);
    for (size_t t = 0; t < after->l->count; t++)
        for (size_t k = 0; k < UPDATE_BUFFERS; k++) {
            if (k == GRAD && o.zero_grad)
                expect(all_zero(after->l, t), "a gradient is not cleared", said);
            else if (skipped || k == GRAD || (k == PARAM_EMA && o.ema == ADAMW_EMA_NONE) ||
                     (k == PARAM_COPY && !o.copy))
                expect(same_buffer(before->l, after->l, t, k, false), "a buffer whose option is off was written",
                       said);
        }
}

static void check_update(const uint8_t *data, size_t size)
{
    update untouched = fresh(data, size), scalar = fresh(data, size), best = fresh(data, size);
    char said[256] = "";
    const adamw_status wanted = adamw_update_explain(
        scalar.config, scalar.l->step, scalar.tensors, scalar.l->count, scalar.plain ? NULL : &scalar.options,
        scalar.silent ? NULL : &scalar.report, scalar.l->threads, said, sizeof said);
    expect((wanted == ADAMW_OK) == (strcmp(said, "ok") == 0) && said[0] != '\0', "the sentence", said);
    expect(strlen(said) < sizeof said - 1, "the sentence is cut", said);
    expect(same_memory(untouched.l, scalar.l, false), "explain wrote", said);

    expect(run(&scalar, ADAMW_ISA_SCALAR) == wanted, "scalar has another status", said);
    expect(run(&best, ADAMW_ISA_AUTO) == wanted, "the best ISA has another status", said);
    if (wanted == ADAMW_OK) {
        expect(same_memory(scalar.l, best.l, true), "the best ISA has other bits", said);
        expect(same_report(&scalar, &best), "the best ISA has another report", said);
        check_left_alone(&untouched, &scalar, said);
        check_left_alone(&untouched, &best, said);
    } else {
        expect(same_memory(untouched.l, scalar.l, false) && same_memory(untouched.l, best.l, false),
               "a refused call wrote", said);
        expect(memcmp(&untouched.report, &scalar.report, sizeof scalar.report) == 0 &&
                   memcmp(&untouched.report, &best.report, sizeof best.report) == 0,
               "a refused call wrote its report", said);
        expect(same_report(&untouched, &scalar) && same_report(&untouched, &best), "a refused call wrote norms",
               said);
    }
    end(&untouched);
    end(&scalar);
    end(&best);
}

/* Gradients of every dtype, added to those parameters that are float32. */
static void check_gradients(const uint8_t *data, size_t size)
{
    update scalar = fresh(data, size), best = fresh(data, size);
    if (!scalar.l->spoiled) {
        const int threads = (int)(scalar.l->step % 5) - 1;
        for (int kind = ADAMW_NORM_L2; kind <= ADAMW_NORM_INFINITY + 1; kind++) {
            double one = -1, other = -1;
            adamw_isa_select(ADAMW_ISA_SCALAR);
            const adamw_status status =
                adamw_grad_norm(scalar.tensors, scalar.l->count, (adamw_norm)kind, threads, &one);
            adamw_isa_select(ADAMW_ISA_AUTO);
            expect(adamw_grad_norm(best.tensors, best.l->count, (adamw_norm)kind, threads, &other) == status,
                   "another status of the norm", "");
            expect(same_number(one, other), "another norm", "");
            expect(status == ADAMW_OK || one == -1, "a refused norm was written", "");
            expect(status != ADAMW_OK || (kind <= ADAMW_NORM_INFINITY && threads >= 0), "a wrong norm was taken", "");
        }
        for (size_t t = 0; t < scalar.l->count; t++) {
            const adamw_tensor *x = &scalar.l->tensors[t], *y = &best.l->tensors[t];
            if (x->param_dtype != ADAMW_DTYPE_FLOAT32) /* its buffer is too small for a float32 sum */
                continue;
            adamw_isa_select(ADAMW_ISA_SCALAR);
            const adamw_status status = adamw_accumulate(x->n, (float *)x->param, x->grad, x->grad_dtype, threads);
            adamw_isa_select(ADAMW_ISA_AUTO);
            expect(adamw_accumulate(y->n, (float *)y->param, y->grad, y->grad_dtype, threads) == status,
                   "another status of the sum", "");
        }
        expect(same_memory(scalar.l, best.l, true), "other sums", "");
    }
    end(&scalar);
    end(&best);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    check_update(data, size);
    check_gradients(data, size);
    return 0;
}
