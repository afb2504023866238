/*
 * bench.c - build/adamw-file-bench: the speed of adamw_save_state() beside a plain write of the same bytes with the
 * same fsyncs, in alternation; then what adamw_open() takes before the data are touched, and a whole check. Medians.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "../../include/adamw.h"

enum { MOST = 1000, TENSORS = 148 }; /* as many tensors as GPT-2 124M has */
static char said[ADAMW_FILE_SENTENCE_SIZE];

/* Wall-clock time, and this process's own: on a busy machine only the second one compares, as long as the folder is
 * in memory and nothing waits for a disk. */
enum { WALL, CPU, CLOCKS };
typedef struct moment {
    double at[CLOCKS];
} moment;

static moment now(void)
{
    static const clockid_t clocks[] = {CLOCK_MONOTONIC, CLOCK_PROCESS_CPUTIME_ID};
    moment x;
    for (int c = 0; c < CLOCKS; c++) {
        struct timespec t;
        clock_gettime(clocks[c], &t);
        x.at[c] = (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
    }
    return x;
}

/* Both times since then, into round r of a series. */
static void took(double (*series)[MOST], size_t r, moment begin)
{
    const moment end = now();
    for (int c = 0; c < CLOCKS; c++)
        series[c][r] = end.at[c] - begin.at[c];
}

static void fail(const char *what)
{
    fprintf(stderr, "adamw-file-bench: %s\n", what);
    exit(2);
}

static int by_size(const void *a, const void *b)
{
    const double x = *(const double *)a, y = *(const double *)b;
    return x < y ? -1 : x > y;
}

static double median(double *x, size_t count)
{
    qsort(x, count, sizeof *x, by_size);
    return count % 2 ? x[count / 2] : (x[count / 2 - 1] + x[count / 2]) / 2;
}

/* What a program without care for checksums and crashes does, but for the same fsyncs: the buffers one by one. */
static void write_plainly(const char *folder, const char *path, const adamw_tensor *tensors)
{
    const int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0666);
    for (size_t t = 0; t < TENSORS; t++)
        for (int s = 0; s < 2; s++) {
            const char *at = s == 0 ? tensors[t].exp_avg : tensors[t].exp_avg_sq;
            for (size_t left = tensors[t].n * sizeof(float); left > 0;) {
                const ssize_t wrote = write(fd, at, left);
                if (wrote <= 0)
                    fail("a plain write failed: is the disk full?");
                at += wrote;
                left -= (size_t)wrote;
            }
        }
    if (fd < 0 || fsync(fd) != 0 || close(fd) != 0)
        fail("a plain write failed");
    const int directory = open(folder, O_RDONLY | O_DIRECTORY);
    if (fsync(directory) != 0)
        fail("fsync of the folder failed");
    close(directory);
}

static double of_suffix(const char *text)
{
    char *end;
    const double x = strtod(text, &end);
    return x * (*end == 'M' ? 1e6 : *end == 'K' ? 1e3 : 1);
}

int main(int argc, char **argv)
{
    static char names[TENSORS][64];
    static const char *list[TENSORS];
    static double plain[CLOCKS][MOST], save[CLOCKS][MOST], opening[CLOCKS][MOST], check[CLOCKS][MOST];
    const char *folder = access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp";
    size_t params = 124000000, rounds = 5;
    for (int i = 1; i < argc; i += 2) {
        const char *const value = i + 1 < argc ? argv[i + 1] : "";
        if (strcmp(argv[i], "--params") == 0)
            params = (size_t)of_suffix(value);
        else if (strcmp(argv[i], "--rounds") == 0)
            rounds = (size_t)of_suffix(value);
        else if (strcmp(argv[i], "--dir") == 0)
            folder = value;
        else
            fail("adamw-file-bench [--params 124M] [--rounds 5] [--dir FOLDER]");
    }
    if (params < TENSORS || rounds < 1 || rounds > MOST)
        fail("--params must be at least 148, --rounds from 1 to 1000");
    float *const memory = adamw_alloc(2 * params * sizeof(float), 0);
    if (memory == NULL)
        fail("there is not so much memory");
    for (size_t i = 0; i < 2 * params; i++)
        memory[i] = (float)i;
    adamw_config config;
    adamw_config_init(&config);
    adamw_tensor tensors[TENSORS];
    for (size_t t = 0; t < TENSORS; t++) {
        const size_t first = params * t / TENSORS, n = params * (t + 1) / TENSORS - first;
        snprintf(names[t], sizeof names[t], "transformer.h.%zu.attn.c_proj.weight", t);
        list[t] = names[t];
        tensors[t] = (adamw_tensor){.n = n, .exp_avg = memory + first, .exp_avg_sq = memory + params + first};
    }
    const adamw_state state = {.names = list, .tensors = tensors, .count = TENSORS, .config = &config, .step = 1};
    char saved[600], written[600];
    snprintf(saved, sizeof saved, "%.500s/adamw-bench.safetensors", folder);
    snprintf(written, sizeof written, "%.500s/adamw-bench.plain", folder);
    for (size_t r = 0; r < rounds; r++) {
        /* Each time to a new file: replacing one would count the freeing of the old one on one side. */
        moment begin = now();
        write_plainly(folder, written, tensors);
        took(plain, r, begin);
        unlink(written);
        begin = now();
        if (adamw_save_state(saved, &state, said, sizeof said) != ADAMW_OK)
            fail(said);
        took(save, r, begin);
        adamw_file *file;
        begin = now();
        if (adamw_open(&file, saved, said, sizeof said) != ADAMW_OK)
            fail(said);
        took(opening, r, begin);
        begin = now();
        if (adamw_file_check(file, NULL, said, sizeof said) != ADAMW_OK)
            fail(said);
        took(check, r, begin);
        adamw_file_close(file);
        if (r + 1 < rounds)
            unlink(saved);
    }
    struct stat about;
    stat(saved, &about);
    unlink(saved);
    const double bytes = 1e-9 * (double)about.st_size;
    adamw_info info;
    adamw_info_get(&info);
    printf("%s, %s, %zu parameters in %d tensors, %.2f GB, medians of %zu\n", info.cpu, folder, params, TENSORS,
           bytes, rounds);
    for (int c = 0; c < CLOCKS; c++) {
        static double shares[MOST];
        for (size_t r = 0; r < rounds; r++)
            shares[r] = plain[c][r] / save[c][r];
        printf("%s: plain write %.2f GB/s, adamw_save_state %.2f GB/s, its share %.2f; adamw_open %.3f ms, "
               "adamw_file_check %.2f GB/s\n",
               c == WALL ? "wall clock" : "CPU time", bytes / median(plain[c], rounds),
               bytes / median(save[c], rounds), median(shares, rounds), 1e3 * median(opening[c], rounds),
               bytes / median(check[c], rounds));
    }
    adamw_free(memory);
    return 0;
}
