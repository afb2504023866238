/*
 * fuzz_step.c - any bytes become a tensor list and configs: the scalar kernels and the best ISA's, one call and
 * parts, must return the same status and write the same bits; where a call is refused, a sentence says why and
 * nothing is written. For libFuzzer (tools/check.sh fuzz). Only the public interface is used here.
 */
#include "list.h"

#include <string.h>

static list *fresh(const uint8_t *data, size_t size)
{
    stream s = {data, size};
    return list_from(&s, STEP_BUFFERS);
}

static adamw_status run(list *l, adamw_isa isa, bool in_parts)
{
    expect(adamw_isa_select(isa) == ADAMW_OK, "an ISA that was there is gone", adamw_isa_name(isa));
    if (!in_parts)
        return adamw_step(&l->configs[0], l->step, l->tensors, l->count, l->threads);
    adamw_status status = ADAMW_OK;
    for (size_t part = l->parts; part-- > 0 && status == ADAMW_OK;)
        status = adamw_step_part(&l->configs[0], l->step, l->tensors, l->count, part, l->parts);
    return status;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    list *const untouched = fresh(data, size), *const scalar = fresh(data, size), *const best = fresh(data, size),
                *const parts = fresh(data, size);
    char said[256] = "";
    const adamw_status wanted = adamw_step_explain(&scalar->configs[0], scalar->step, scalar->tensors, scalar->count,
                                                   scalar->threads, said, sizeof said);
    expect((wanted == ADAMW_OK) == (strcmp(said, "ok") == 0) && said[0] != '\0', "the sentence", said);
    expect(strlen(said) < sizeof said - 1, "the sentence is cut", said);
    expect(same_memory(untouched, scalar, false), "explain wrote", said);

    expect(run(scalar, ADAMW_ISA_SCALAR, false) == wanted, "scalar has another status", said);
    expect(run(best, ADAMW_ISA_AUTO, false) == wanted, "the best ISA has another status", said);
    expect(same_memory(scalar, best, true), "the best ISA has other bits", said);
    if (parts->parts != 0 && parts->threads >= 0) { /* parts have no threads that could be wrong */
        expect(run(parts, ADAMW_ISA_AUTO, true) == wanted, "parts have another status", said);
        expect(same_memory(scalar, parts, true), "parts have other bits", said);
    }
    if (wanted != ADAMW_OK)
        expect(same_memory(untouched, scalar, false) && same_memory(untouched, best, false) &&
                   same_memory(untouched, parts, false),
               "a refused call wrote", said);
    list_free(untouched);
    list_free(scalar);
    list_free(best);
    list_free(parts);
    return 0;
}
