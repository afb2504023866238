/*
 * convert.c - conversions of adamw.h between float32 and what narrow streams are held in, for checkpoints and for
 * buffers that begin in float32. Rounding at random is a step's alone.
 */
#include "../dispatch/float_env.h"
#include "../plan/validate.h"
#include "../run/pieces.h"
#include "../run/team.h"

/* One of `split` and `join`, or of `narrow` and `widen`. */
typedef enum direction { SPLIT, JOIN, ENCODE, DECODE } direction;

typedef struct conversion {
    adamw_plan plan;
    direction direction;
    adamw_tensor pieces; /* its n alone, to be cut */
    char *values;        /* float32 */
    char *narrow, *residual;
    adamw_dtype dtype; /* of narrow */
} conversion;

static void convert(const conversion *c, size_t first, size_t n)
{
    const adamw_kernels *kernels = c->plan.kernels;
    char *const values = c->values + first * sizeof(float), *const narrow = c->narrow + first * dtype_size(c->dtype);
    switch (c->direction) {
    case SPLIT:
        kernels->split(narrow, c->residual + first * sizeof(uint16_t), values, n);
        break;
    case JOIN:
        kernels->join(values, narrow, c->residual + first * sizeof(uint16_t), n, 0);
        break;
    case ENCODE:
        if (c->dtype == ADAMW_DTYPE_FLOAT32)
            kernels->widen(narrow, values, ADAMW_DTYPE_FLOAT32, n, 0);
        else
            kernels->narrow(narrow, c->dtype, values, n);
        break;
    case DECODE:
        kernels->widen(values, narrow, c->dtype, n, 0);
        break;
    }
}

static void convert_part(void *context, size_t part, size_t parts, void *result)
{
    const conversion *c = (const conversion *)context;
    adamw_pieces piece = adamw_pieces_of(&c->pieces, 1, c->pieces.n, part, parts);
    (void)result;
    while (adamw_pieces_next(&piece))
        convert(c, piece.first, piece.last - piece.first);
}

static adamw_status run(conversion c, size_t n, int threads)
{
    const adamw_buffer buffers[] = {
        {c.values, sizeof(float)}, {c.narrow, dtype_size(c.dtype)}, {c.residual, sizeof(uint16_t)}};
    const bool halves = c.direction == SPLIT || c.direction == JOIN;
    if ((unsigned)c.dtype > ADAMW_DTYPE_Q8)
        return ADAMW_ERROR_INVALID_ARGUMENT;
    if (c.dtype == ADAMW_DTYPE_Q8)
        return ADAMW_ERROR_UNSUPPORTED;
    const adamw_status status = adamw_validate_buffers(&c.plan, n, buffers, halves ? 3 : 2, threads);
    if (status != ADAMW_OK)
        return status;
    const uint64_t env = adamw_float_env_get();
    c.pieces.n = n;
    adamw_team_run(c.plan.tuning, n, threads, convert_part, NULL, &c);
    adamw_float_env_set(env);
    return ADAMW_OK;
}

adamw_status adamw_split(size_t n, const float *values, void *param, void *residual, int threads)
{
    return run((conversion){.direction = SPLIT,
                            .values = (char *)(uintptr_t)values,
                            .narrow = (char *)param,
                            .residual = (char *)residual,
                            .dtype = ADAMW_DTYPE_BFLOAT16},
               n, threads);
}

adamw_status adamw_join(size_t n, const void *param, const void *residual, float *values, int threads)
{
    return run((conversion){.direction = JOIN,
                            .values = (char *)values,
                            .narrow = (char *)(uintptr_t)param,
                            .residual = (char *)(uintptr_t)residual,
                            .dtype = ADAMW_DTYPE_BFLOAT16},
               n, threads);
}

adamw_status adamw_encode(size_t n, const float *values, void *to, adamw_dtype dtype, int threads)
{
    return run(
        (conversion){.direction = ENCODE, .values = (char *)(uintptr_t)values, .narrow = (char *)to, .dtype = dtype},
        n, threads);
}

adamw_status adamw_decode(size_t n, const void *from, adamw_dtype dtype, float *values, int threads)
{
    return run(
        (conversion){
            .direction = DECODE, .values = (char *)values, .narrow = (char *)(uintptr_t)from, .dtype = dtype},
        n, threads);
}

size_t adamw_state_bytes(adamw_dtype dtype, size_t n)
{
    return (unsigned)dtype <= ADAMW_DTYPE_Q8 && n <= SIZE_MAX / sizeof(float) ? n * dtype_size(dtype) : 0;
}
