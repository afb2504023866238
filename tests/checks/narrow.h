/*
 * narrow.h - tensors whose streams are narrow, for the checks that compare them: what each form holds in which dtype,
 * its buffers between canaries, and the reading and writing of single values in plain C. What is checked belongs in
 * the checks.
 */
#ifndef ADAMW_TESTS_NARROW_H
#define ADAMW_TESTS_NARROW_H

#include "check.h"

/* Tensors around the sizes where vectors, bundles, blocks of stages, cuts and threads begin. */
enum { NARROW_TENSORS = 7, NARROW_MARGIN = 64 };
extern const size_t narrow_sizes[NARROW_TENSORS];

/* What a tensor's streams are held in. */
typedef struct narrow_form {
    const char *name;
    adamw_dtype dtype[ADAMW_STREAM_COUNT];
    adamw_rounding rounding;
} narrow_form;

#define F32 ADAMW_DTYPE_FLOAT32
#define BF16 ADAMW_DTYPE_BFLOAT16
#define F16 ADAMW_DTYPE_FLOAT16
/* Of a split parameter's other half: 16 bits that are no number of their own. */
#define RESIDUAL ADAMW_DTYPE_Q8

extern const narrow_form narrow_forms[];
/* The last one is compensated: its parameter and residual are more than a rounded float32 step. */
enum { NARROW_FORMS = 13, NARROW_ROUNDED = NARROW_FORMS - 1 };

/* A stream in memory, at an odd address between canaries. */
typedef struct narrow_held {
    unsigned char *block;
    size_t bytes;
} narrow_held;

typedef struct narrow_model {
    narrow_held at[NARROW_TENSORS][ADAMW_STREAM_COUNT];
} narrow_model;

adamw_dtype narrow_dtype_of(const narrow_form *f, int stream);
bool narrow_is_split(const narrow_form *f);
size_t narrow_width_of(const narrow_form *f, int stream);
unsigned char *narrow_start_of(const narrow_held *h);
narrow_model narrow_model_new(const narrow_form *f);
void narrow_model_free(narrow_model *m);
void narrow_model_copy(narrow_model *to, const narrow_model *from);
float narrow_value_of(const narrow_held *h, adamw_dtype dtype, size_t i);
void narrow_put(const narrow_held *h, adamw_dtype dtype, size_t i, float x);
float narrow_joined(const narrow_held *high, const narrow_held *low, size_t i);
void narrow_put_halves(const narrow_held *high, const narrow_held *low, size_t i, float x);
bool narrow_is_same(const narrow_model *a, const narrow_model *b, const narrow_form *f, const char *what);
uint64_t narrow_first_index_of(int tensor);
void narrow_tensors_of(const narrow_model *m, const narrow_form *f, const adamw_config *config, bool plain,
                       adamw_tensor *tensors);
void narrow_fill(narrow_model *m, const narrow_form *f, input_kind kind, uint64_t seed);
/* The 16 bits of a residual. */
uint16_t narrow_bits_of(const narrow_held *h, size_t i);

#endif
