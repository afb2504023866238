/*
 * memory.c - what a kernel touches: the values it was given, at any address, and not a byte beside them.
 */
#define _GNU_SOURCE /* MAP_ANONYMOUS */
#include "check.h"

#include <setjmp.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

enum { GRAD = BUFFERS_grad, LARGEST = 130, OFFSETS = 64, PAGES = 2 * BUFFERS + 3, CANARY = 0xA5 };

/* One page for each buffer, each between two pages without access, and a page of canaries to compare with. */
typedef struct guarded {
    char *page[BUFFERS], *canaries;
    size_t page_size;
    char *whole;
} guarded;

static bool guarded_new(guarded *g)
{
    g->page_size = (size_t)sysconf(_SC_PAGESIZE);
    g->whole = mmap(NULL, PAGES * g->page_size, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (g->whole == MAP_FAILED)
        return false;
    for (size_t b = 0; b <= BUFFERS; b++) {
        char *const page = g->whole + (2 * b + 1) * g->page_size;
        if (mprotect(page, g->page_size, PROT_READ | PROT_WRITE) != 0)
            return false;
        memset(page, CANARY, g->page_size);
        if (b < BUFFERS)
            g->page[b] = page;
        else
            g->canaries = page;
    }
    return true;
}

static void guarded_free(guarded *g) { munmap(g->whole, PAGES * g->page_size); }

static sigjmp_buf touched;
static void on_fault(int signal)
{
    (void)signal;
    siglongjmp(touched, 1);
}

/* Where buffer `b` lies: each at another place within a cache line, and all at the very end where `offset` is 0; a
 * cache line before that where the emulator is known to read what a masked load leaves out. */
static char *place(const guarded *g, int b, size_t bytes, size_t offset, bool at_end, bool unmasked)
{
    const size_t own = offset * (size_t)(2 * b + 1) % OFFSETS;
    return at_end ? g->page[b] + g->page_size - bytes - own - (unmasked ? OFFSETS : 0) : g->page[b] + own;
}

static bool run_there(const guarded *g, adamw_isa isa, const adamw_config *config, const buffers *input,
                      const buffers *expected, size_t offset, bool at_end, bool unmasked)
{
    const float *const before[] = {input->param, input->grad, input->exp_avg, input->exp_avg_sq,
                                   input->max_exp_avg_sq};
    const float *const after[] = {expected->param, expected->grad, expected->exp_avg, expected->exp_avg_sq,
                                  expected->max_exp_avg_sq};
    const size_t bytes = input->n * sizeof(float);
    char *at[BUFFERS];
    for (int b = 0; b < BUFFERS; b++) {
        memset(g->page[b], CANARY, g->page_size);
        at[b] = place(g, b, bytes, offset, at_end, unmasked);
        memcpy(at[b], before[b], bytes);
    }
    const adamw_tensor tensor = {.n = input->n,
                                 .param = at[0],
                                 .grad = at[GRAD],
                                 .exp_avg = at[2],
                                 .exp_avg_sq = at[3],
                                 .max_exp_avg_sq = config->amsgrad ? at[4] : NULL};
    mprotect(g->page[GRAD], g->page_size, PROT_READ);
    step_with(isa, config, 7, &tensor);
    mprotect(g->page[GRAD], g->page_size, PROT_READ | PROT_WRITE);

    for (int b = 0; b < BUFFERS; b++) {
        if (memcmp(at[b], after[b], bytes) != 0)
            return check_fail("%s: other bits in buffer %d of %zu values at offset %zu", adamw_isa_name(isa), b,
                              input->n, offset);
        const size_t before_it = (size_t)(at[b] - g->page[b]), behind = before_it + bytes;
        if (memcmp(g->page[b], g->canaries, before_it) != 0 ||
            memcmp(g->page[b] + behind, g->canaries, g->page_size - behind) != 0)
            return check_fail("%s wrote beside buffer %d of %zu values at offset %zu", adamw_isa_name(isa), b,
                              input->n, offset);
    }
    return true;
}

static bool run_size(const check_options *options, const guarded *g, const adamw_config *config, size_t n)
{
    const size_t stride = options->quick ? 21 : 1;
    buffers input = buffers_new(n), expected = buffers_new(n);
    buffers_fill(&input, INPUT_TRAINING, options->seed + n);
    buffers_copy(&expected, &input);
    const adamw_tensor tensor = buffers_tensor(&expected, config);
    step_with(ADAMW_ISA_SCALAR, config, 7, &tensor);
    volatile bool right = true;
    volatile adamw_isa running = ADAMW_ISA_SCALAR;
    if (sigsetjmp(touched, 1) == 0) {
        FOR_EACH_ISA(options, isa)
        for (size_t offset = 0; right && offset < OFFSETS; offset += stride) {
            running = isa;
            right = run_there(g, isa, config, &input, &expected, offset, false, options->unmasked) &&
                    run_there(g, isa, config, &input, &expected, offset, true, options->unmasked);
        }
    } else {
        right = check_fail("%s touched a byte beside its buffers, or wrote to grad: n %zu, amsgrad %d",
                           adamw_isa_name(running), n, config->amsgrad);
    }
    buffers_free(&input);
    buffers_free(&expected);
    return right;
}

bool check_memory(const check_options *options)
{
    guarded g;
    if (!guarded_new(&g)) {
        check_fail("the system gives no pages to guard");
        return false;
    }
    if (options->unmasked)
        check_skip("the very ends of the pages: this emulator also touches what a masked access leaves out");
    struct sigaction old_segv, old_bus;
    const struct sigaction catch = {.sa_handler = on_fault};
    sigaction(SIGSEGV, &catch, &old_segv);
    sigaction(SIGBUS, &catch, &old_bus);
    bool right = true;
    for (int variant = 0; right && variant < ADAMW_VARIANT_COUNT; variant++) {
        const adamw_config config = config_of_variant((adamw_variant)variant);
        for (size_t n = 0; right && n <= LARGEST; n++)
            right = run_size(options, &g, &config, n);
    }
    sigaction(SIGSEGV, &old_segv, NULL);
    sigaction(SIGBUS, &old_bus, NULL);
    guarded_free(&g);
    return right;
}
