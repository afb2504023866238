/*
 * fuzz_text.c - any bytes as a text that a user hands to a tool: a CSV file for adamw-lr's --metric, a list of shapes
 * for the benchmarks, a saved schedule. Each is read or refused with one sentence; what is read is what stands there,
 * as far as a second, simpler reading here can tell. For libFuzzer (tools/check.sh fuzz). The readers are the tools' own
 * files; the file that they open and the way out are this file's.
 */
#define _GNU_SOURCE /* fmemopen */
#include "../../bench/core/lists.h"
#include "../../include/adamw_schedule.h"
#include "../../tools/lr/lr.h"

#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

enum { BLOCKS = 16, TEXT_SIZE = 1024 };

static jmp_buf refused;
static void *blocks[BLOCKS]; /* what lr_allocate() gave */
static const uint8_t *text;
static size_t length;
static FILE *opened;

/* The readers are compiled with -Dfopen=fuzz_fopen -Dfclose=fuzz_fclose -Dfree=fuzz_free -Drealloc=fuzz_realloc. */
FILE *fuzz_fopen(const char *path, const char *mode);
int fuzz_fclose(FILE *file);
void fuzz_free(void *memory);
void *fuzz_realloc(void *memory, size_t size);

FILE *fuzz_fopen(const char *path, const char *mode)
{
    (void)path;
    /* (An empty buffer is an error of fmemopen's.) */
    return opened = length != 0 ? fmemopen((void *)(uintptr_t)text, length, mode) : fopen("/dev/null", mode);
}

int fuzz_fclose(FILE *file)
{
    opened = NULL;
    return fclose(file);
}

static void **place_of(const void *memory)
{
    for (size_t i = 0; i < BLOCKS; i++)
        if (blocks[i] == memory)
            return &blocks[i];
    abort();
}

void fuzz_free(void *memory)
{
    for (size_t i = 0; i < BLOCKS; i++)
        if (memory != NULL && blocks[i] == memory)
            blocks[i] = NULL;
    free(memory);
}

void *fuzz_realloc(void *memory, size_t size)
{
    void **place = place_of(memory);
    return *place = realloc(memory, size);
}

void *lr_allocate(size_t count, size_t size) { return *place_of(NULL) = calloc(count, size); }

static void is_sentence(const char *said, size_t size)
{
    bool right = strlen(said) >= 10 && strlen(said) + 1 < size;
    for (const char *c = said; *c != '\0'; c++)
        right = right && ((unsigned char)*c >= ' ' || *c == '\t') && *c != 0x7F; /* nothing that a terminal obeys */
    if (!right) {
        fprintf(stderr, "no sentence: %s\n", said);
        abort();
    }
}

void lr_fail(const char *format, ...)
{
    char said[4 * TEXT_SIZE];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(said, sizeof said, format, arguments);
    va_end(arguments);
    is_sentence(said, sizeof said);
    longjmp(refused, 1);
}

static void wrong(const char *what)
{
    fprintf(stderr, "fuzz_text: %s\n", what);
    abort();
}

/* ---- the three texts ---- */

/* Lines of one number each and nothing else: what they hold, by strtod() alone; -1 where the text is another. */
static int64_t plain_numbers(double *value, int64_t most)
{
    char copy[TEXT_SIZE];
    if (length >= sizeof copy || memchr(text, '\0', length) != NULL)
        return -1;
    memcpy(copy, text, length);
    copy[length] = '\0';
    if (strspn(copy, "0123456789.-\n") != length)
        return -1;
    int64_t count = 0;
    char *rest = NULL;
    for (char *line = strtok_r(copy, "\n", &rest); line != NULL; line = strtok_r(NULL, "\n", &rest)) {
        char *end;
        if (count == most)
            return -1;
        value[count++] = strtod(line, &end);
        if (*end != '\0')
            return -1;
    }
    return count;
}

static void read_metric(void)
{
    static const char *columns[] = {NULL, "1", "2", "val_loss", "", "x"};
    double plain[TEXT_SIZE];
    const char *const column = length != 0 ? columns[text[length - 1] % 6] : NULL;
    int64_t epochs = 0, blank = 0;
    const double *metric = lr_read_metric("d.csv", column, &epochs, &blank);
    if (epochs < 1 || blank < 0 || (uint64_t)(epochs + blank) > length)
        wrong("more values than bytes");
    const int64_t count = plain_numbers(plain, TEXT_SIZE);
    if (count >= 0 && (column == NULL || strcmp(column, "1") == 0) &&
        (count != epochs || memcmp(plain, metric, (size_t)count * sizeof *plain) != 0))
        wrong("a column of plain numbers was read as another");
}

static void read_shapes(void)
{
    bench_list list, again;
    char said[BENCH_MESSAGE];
    if (!bench_list_read(&list, "d.txt", said)) {
        is_sentence(said, sizeof said);
        return;
    }
    /* What is printed is read as the same list. */
    char *printed;
    size_t size, lines = 1, total = 0;
    FILE *to = open_memstream(&printed, &size);
    bench_list_print(&list, to);
    fclose(to);
    for (size_t i = 0; i < length; i++)
        lines += text[i] == '\n';
    if (memchr(text, '\0', length) != NULL || memchr(printed, '\0', size) != NULL)
        wrong("a text with a zero byte was read");
    for (size_t i = 0; i < list.count; i++)
        total += list.shapes[i].n;
    if (list.count == 0 || list.count > lines || total != list.total)
        wrong("a list has more tensors than lines, or another total than their sum");
    text = (const uint8_t *)printed, length = size;
    if (!bench_list_read(&again, "d.txt", said))
        wrong(said);
    if (again.count != list.count)
        wrong("a printed list is read as a longer or shorter one");
    for (size_t i = 0; i < list.count; i++)
        if (again.shapes[i].n != list.shapes[i].n || again.shapes[i].rank != list.shapes[i].rank ||
            strcmp(again.shapes[i].name, list.shapes[i].name) != 0)
            wrong("a printed list is read as another");
    bench_list_free(&list);
    bench_list_free(&again);
    free(printed);
}

static uint64_t checksum(const char *of, size_t size) /* FNV-1a */
{
    uint64_t sum = UINT64_C(0xCBF29CE484222325);
    for (size_t i = 0; i < size; i++)
        sum = (sum ^ (unsigned char)of[i]) * UINT64_C(0x100000001B3);
    return sum;
}

/* The text of a schedule with lines of its state replaced by those of the input and the checksum made right: it is
 * refused, or it is the text that the loaded schedule saves. */
static void load_schedule(int kind)
{
    adamw_schedule_config recipe;
    adamw_schedule schedule, loaded;
    char own[ADAMW_SCHEDULE_TEXT_SIZE], all[2 * ADAMW_SCHEDULE_TEXT_SIZE + TEXT_SIZE], said[TEXT_SIZE];
    static const int64_t milestones[] = {3, 7};
    adamw_schedule_config_init(&recipe);
    recipe.kind = (adamw_schedule_kind)kind;
    recipe.warmup = kind % 3;
    if (recipe.total == 0)
        recipe.total = 50;
    if (recipe.step_size == 0)
        recipe.step_size = 5;
    if (recipe.period == 0)
        recipe.period = 9;
    recipe.milestones = milestones, recipe.milestone_count = 2;
    if (adamw_schedule_init(&schedule, &recipe) != ADAMW_OK)
        return;
    const size_t saved = adamw_schedule_save(&schedule, own, sizeof own);
    const char *state = strstr(own, "\nstep ");
    if (state == NULL || saved >= sizeof own || length > TEXT_SIZE)
        return;
    size_t size = (size_t)(state + 1 - own);
    memcpy(all, own, size);
    memcpy(all + size, text, length);
    size += length;
    size += (size_t)snprintf(all + size, sizeof all - size, "end %016" PRIx64 "\n", checksum(all, size));
    char *const exact = malloc(size);
    memcpy(exact, all, size);
    loaded = schedule;
    const bool taken = adamw_schedule_load(&loaded, exact, size) == ADAMW_OK;
    if (taken != (adamw_schedule_load_explain(&schedule, exact, size, said, sizeof said) == ADAMW_OK))
        wrong("load and load_explain differ");
    if (!taken) {
        is_sentence(said, sizeof said);
        if (memcmp(&loaded, &schedule, sizeof loaded) != 0)
            wrong("a refused text changed the schedule");
    } else if (adamw_schedule_save(&loaded, own, sizeof own) != size || memcmp(own, exact, size) != 0) {
        wrong("a loaded text is not what the schedule saves");
    } else if (!(adamw_schedule_lr(&loaded) >= 0 && adamw_schedule_lr(&loaded) <= 1e3)) {
        wrong("a loaded schedule has a rate beyond its range");
    }
    free(exact);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size == 0)
        return 0;
    const int kind = data[0];
    text = data + 1;
    length = size - 1;
    if (setjmp(refused) == 0) {
        if (kind == 'm')
            read_metric();
        else if (kind == 's')
            read_shapes();
        else
            load_schedule(kind % 16);
    }
    if (opened != NULL)
        fuzz_fclose(opened);
    for (size_t i = 0; i < BLOCKS; i++)
        fuzz_free(blocks[i]);
    return 0;
}
