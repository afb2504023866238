/*
 * lists.c - see lists.h. The two models stand here as tables; a list from a file has the same lines that
 * bench_list_print() writes, so each printed list is an example of a file.
 */
#define _POSIX_C_SOURCE 200809L
#include "lists.h"

#include <ctype.h>
#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

/* A model's tensors in order; rows with the same `repeat` > 1 that follow each other are one block, repeated. */
typedef struct model_row {
    const char *name; /* %d: the number of the block */
    const char *dims;
    int repeat;
} model_row;

/* Radford et al. 2019, the smallest size as its checkpoint has it: 148 tensors, 124,439,808 parameters. */
static const model_row gpt2[] = {
    {"wte.weight", "50257x768", 1},
    {"wpe.weight", "1024x768", 1},
    {"h.%d.ln_1.weight", "768", 12},
    {"h.%d.ln_1.bias", "768", 12},
    {"h.%d.attn.c_attn.weight", "768x2304", 12},
    {"h.%d.attn.c_attn.bias", "2304", 12},
    {"h.%d.attn.c_proj.weight", "768x768", 12},
    {"h.%d.attn.c_proj.bias", "768", 12},
    {"h.%d.ln_2.weight", "768", 12},
    {"h.%d.ln_2.bias", "768", 12},
    {"h.%d.mlp.c_fc.weight", "768x3072", 12},
    {"h.%d.mlp.c_fc.bias", "3072", 12},
    {"h.%d.mlp.c_proj.weight", "3072x768", 12},
    {"h.%d.mlp.c_proj.bias", "768", 12},
    {"ln_f.weight", "768", 1},
    {"ln_f.bias", "768", 1},
};

/* A remaining-useful-life network: three 1-D convolutions 17-64-128-64 with batch norms, two BiLSTM layers of 256,
 * attention over their 512 features, one head for the remaining life and one for the state of health. */
static const model_row rul[] = {
    {"conv1.weight", "64x17x3", 1},
    {"conv1.bias", "64", 1},
    {"norm1.weight", "64", 1},
    {"norm1.bias", "64", 1},
    {"conv2.weight", "128x64x3", 1},
    {"conv2.bias", "128", 1},
    {"norm2.weight", "128", 1},
    {"norm2.bias", "128", 1},
    {"conv3.weight", "64x128x3", 1},
    {"conv3.bias", "64", 1},
    {"norm3.weight", "64", 1},
    {"norm3.bias", "64", 1},
    {"lstm.weight_ih_l0", "1024x64", 1},
    {"lstm.weight_hh_l0", "1024x256", 1},
    {"lstm.bias_ih_l0", "1024", 1},
    {"lstm.bias_hh_l0", "1024", 1},
    {"lstm.weight_ih_l0_reverse", "1024x64", 1},
    {"lstm.weight_hh_l0_reverse", "1024x256", 1},
    {"lstm.bias_ih_l0_reverse", "1024", 1},
    {"lstm.bias_hh_l0_reverse", "1024", 1},
    {"lstm.weight_ih_l1", "1024x512", 1},
    {"lstm.weight_hh_l1", "1024x256", 1},
    {"lstm.bias_ih_l1", "1024", 1},
    {"lstm.bias_hh_l1", "1024", 1},
    {"lstm.weight_ih_l1_reverse", "1024x512", 1},
    {"lstm.weight_hh_l1_reverse", "1024x256", 1},
    {"lstm.bias_ih_l1_reverse", "1024", 1},
    {"lstm.bias_hh_l1_reverse", "1024", 1},
    {"attention.in_proj_weight", "1536x512", 1},
    {"attention.in_proj_bias", "1536", 1},
    {"attention.out_proj.weight", "512x512", 1},
    {"attention.out_proj.bias", "512", 1},
    {"life.0.weight", "64x512", 1},
    {"life.0.bias", "64", 1},
    {"life.1.weight", "1x64", 1},
    {"life.1.bias", "1", 1},
    {"health.0.weight", "64x512", 1},
    {"health.0.bias", "64", 1},
    {"health.1.weight", "3x64", 1},
    {"health.1.bias", "3", 1},
};

/* DeepSpeed's own benchmark of its CPU Adam (tests/perf/adam_test1.py): 1 G parameters and a small tensor. */
static const model_row deepspeed[] = {{"model", "1073741824", 1}, {"rest", "274432", 1}};

static const struct model {
    const char *name;
    const model_row *rows;
    size_t count;
} models[] = {
    {"gpt2", gpt2, sizeof gpt2 / sizeof gpt2[0]},
    {"rul", rul, sizeof rul / sizeof rul[0]},
    {"deepspeed", deepspeed, sizeof deepspeed / sizeof deepspeed[0]},
};

static bool append(bench_list *list, const bench_shape *shape)
{
    bench_shape *longer = realloc(list->shapes, (list->count + 1) * sizeof *longer);
    if (longer == NULL)
        return false;
    list->shapes = longer;
    list->shapes[list->count++] = *shape;
    list->total += shape->n;
    return true;
}

/* "64x17x3" to dims and their product; false where it is no shape or the product has no size_t. */
static bool parse_dims(bench_shape *shape, const char *text)
{
    shape->rank = 0;
    shape->n = 1;
    for (;;) {
        char *end;
        errno = 0;
        const unsigned long long dim = isdigit((unsigned char)*text) ? strtoull(text, &end, 10) : 0;
        if (dim == 0 || errno != 0 || shape->rank == BENCH_MAX_RANK || dim > SIZE_MAX / 64 / shape->n)
            return false;
        shape->dims[shape->rank++] = (size_t)dim;
        shape->n *= (size_t)dim;
        if (*end == '\0')
            return true;
        if (*end != 'x')
            return false;
        text = end + 1;
    }
}

static bool append_row(bench_list *list, const model_row *row, int number)
{
    bench_shape shape;
    const char *mark = strstr(row->name, "%d");
    if (mark != NULL)
        snprintf(shape.name, sizeof shape.name, "%.*s%d%s", (int)(mark - row->name), row->name, number, mark + 2);
    else
        snprintf(shape.name, sizeof shape.name, "%s", row->name);
    return parse_dims(&shape, row->dims) && append(list, &shape);
}

static bool build(bench_list *list, const struct model *model)
{
    for (size_t begin = 0, end; begin < model->count; begin = end) {
        const int repeat = model->rows[begin].repeat;
        for (end = begin + 1; end < model->count && repeat > 1 && model->rows[end].repeat == repeat;)
            end++;
        for (int number = 0; number < repeat; number++)
            for (size_t i = begin; i < end; i++)
                if (!append_row(list, &model->rows[i], number))
                    return false;
    }
    return true;
}

static bool out_of_memory(bench_list *list, char *message)
{
    bench_list_free(list);
    snprintf(message, BENCH_MESSAGE, "out of memory for the list of shapes");
    return false;
}

/* "100x10000": 100 tensors of 10,000 values; -1: the name has another form. */
static int build_grid(bench_list *list, const char *name)
{
    bench_shape parts;
    enum { MOST_TENSORS = 1000000 };
    if (!parse_dims(&parts, name) || parts.rank != 2)
        return -1;
    const size_t count = parts.dims[0];
    if (count > MOST_TENSORS)
        return -1;
    snprintf(list->name, sizeof list->name, "%s", name);
    bench_shape shape = {.dims = {parts.dims[1]}, .rank = 1, .n = parts.dims[1]};
    for (size_t i = 0; i < count; i++) {
        snprintf(shape.name, sizeof shape.name, "tensor.%zu", i);
        if (!append(list, &shape))
            return 0;
    }
    return 1;
}

bool bench_list_named(bench_list *list, const char *name, char *message)
{
    *list = (bench_list){0};
    for (size_t i = 0; i < sizeof models / sizeof models[0]; i++)
        if (strcmp(name, models[i].name) == 0) {
            snprintf(list->name, sizeof list->name, "%s", name);
            return build(list, &models[i]) || out_of_memory(list, message);
        }
    const int grid = build_grid(list, name);
    if (grid >= 0)
        return grid == 1 || out_of_memory(list, message);
    if (bench_list_of_size(list, name, message))
        return true;
    snprintf(message, BENCH_MESSAGE, "'%.80s' is no list: it must be one of " BENCH_LIST_NAMES, name);
    return false;
}

bool bench_list_of_size(bench_list *list, const char *size, char *message)
{
    static const char suffixes[] = "KMG"; /* powers of 1024 */
    *list = (bench_list){0};
    char *end = NULL;
    errno = 0;
    unsigned long long n = isdigit((unsigned char)*size) ? strtoull(size, &end, 10) : 0;
    bool right = n != 0 && errno == 0;
    if (right && *end != '\0') {
        const char *suffix = strchr(suffixes, *end);
        const int shift = suffix != NULL ? 10 * (int)(suffix - suffixes + 1) : 0;
        right = suffix != NULL && end[1] == '\0' && n <= SIZE_MAX / 64 >> shift;
        n <<= shift;
    }
    if (!right || n > SIZE_MAX / 64) {
        snprintf(message, BENCH_MESSAGE,
                 "'%.80s' is no size: it must be a number of parameters such as 1000, 64K or 124M (K, M and G are "
                 "powers of 1024)",
                 size);
        return false;
    }
    bench_shape shape = {.name = "tensor", .dims = {(size_t)n}, .rank = 1, .n = (size_t)n};
    snprintf(list->name, sizeof list->name, "%s", size);
    return append(list, &shape) || out_of_memory(list, message);
}

/* One line of a file: [name] dims, or nothing but a comment. False: no such line. */
static bool read_line(bench_list *list, char *line, size_t length, bool *full)
{
    if (strlen(line) != length)
        return false;
    length -= length > 0 && line[length - 1] == '\n';
    length -= length > 0 && line[length - 1] == '\r';
    line[length] = '\0';
    line[strcspn(line, "#")] = '\0';
    for (const char *c = line; *c != '\0'; c++)
        if (((unsigned char)*c < ' ' && *c != '\t') || *c == 0x7F) /* a carriage return would hide other lines */
            return false;
    bench_shape shape;
    char *rest = NULL, *words[3];
    size_t count = 0;
    for (char *word = strtok_r(line, " \t", &rest); word != NULL && count < 3; word = strtok_r(NULL, " \t", &rest))
        words[count++] = word;
    if (count == 0)
        return true;
    if (count > 2 || !parse_dims(&shape, words[count - 1]))
        return false;
    if (count == 2)
        snprintf(shape.name, sizeof shape.name, "%.*s", BENCH_NAME - 1, words[0]);
    else
        snprintf(shape.name, sizeof shape.name, "tensor.%zu", list->count);
    *full = shape.n > SIZE_MAX / 64 - list->total || !append(list, &shape);
    return true;
}

bool bench_list_read(bench_list *list, const char *path, char *message)
{
    *list = (bench_list){0};
    FILE *file = fopen(path, "r");
    if (file == NULL) {
        snprintf(message, BENCH_MESSAGE, "%.160s: %s", path, strerror(errno));
        return false;
    }
    const char *slash = strrchr(path, '/'), *base = slash != NULL ? slash + 1 : path;
    const char *dot = strrchr(base, '.');
    const size_t named = dot != NULL && dot != base ? (size_t)(dot - base) : strlen(base);
    /* The name becomes a part of case names, where a slash or a blank would split it. */
    for (size_t i = 0; i < named && i < BENCH_NAME - 1; i++)
        list->name[i] = isalnum((unsigned char)base[i]) || strchr("-_.", base[i]) != NULL ? base[i] : '_';

    char *line = NULL;
    size_t room = 0, number = 1;
    bool right = true, full = false;
    for (ssize_t length; right && !full && (length = getline(&line, &room, file)) >= 0; number++)
        right = read_line(list, line, (size_t)length, &full);
    const bool failed = ferror(file) != 0;
    free(line);
    fclose(file);

    if (right && !full && !failed && list->count > 0)
        return true;
    if (!right)
        snprintf(message, BENCH_MESSAGE,
                 "%.160s, line %zu: a line must be `name 768x2304` or `768x2304`, with # before a comment "
                 "(bench/shapes.py "
                 "prints this list of a .safetensors, .gguf or torch checkpoint file)",
                 path, number - 1);
    else if (full)
        snprintf(message, BENCH_MESSAGE, "%.160s, line %zu: no memory can hold this number of parameters", path,
                 number - 1);
    else if (failed)
        snprintf(message, BENCH_MESSAGE, "%.160s: cannot be read", path);
    else
        snprintf(message, BENCH_MESSAGE, "%.160s: has no tensor: a line of it must be `name 768x2304`", path);
    bench_list_free(list);
    return false;
}

void bench_list_free(bench_list *list)
{
    free(list->shapes);
    *list = (bench_list){0};
}

void bench_list_print(const bench_list *list, FILE *to)
{
    fprintf(to, "# %s: %zu tensor%s, %zu parameters\n", list->name, list->count, list->count == 1 ? "" : "s",
            list->total);
    for (size_t i = 0; i < list->count; i++) {
        fprintf(to, "%s ", list->shapes[i].name);
        for (size_t j = 0; j < list->shapes[i].rank; j++)
            fprintf(to, "%s%zu", j > 0 ? "x" : "", list->shapes[i].dims[j]);
        fputc('\n', to);
    }
}
