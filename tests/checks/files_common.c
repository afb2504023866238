/*
 * files_common.c - see files.h.
 */
#define _GNU_SOURCE /* mkdtemp, dirent */
#include "files.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

bool folder_new(folder *x)
{
    const char *base = getenv("TMPDIR");
    /* In memory where there is such a folder: an fsync on a disk takes milliseconds, and the checks do thousands. */
    if (base == NULL || base[0] == '\0')
        base = access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp";
    snprintf(x->path, sizeof x->path, "%.100s/adamw-XXXXXX", base);
    return mkdtemp(x->path) != NULL || check_fail("no folder %s", x->path);
}

static int visit(const folder *x, bool delete)
{
    int count = 0;
    DIR *const all = opendir(x->path);
    if (all == NULL)
        return -1;
    for (const struct dirent *entry; (entry = readdir(all)) != NULL;) {
        if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0)
            continue;
        count++;
        if (delete)
            unlinkat(dirfd(all), entry->d_name, 0);
    }
    closedir(all);
    return count;
}

void folder_free(const folder *x)
{
    visit(x, true);
    rmdir(x->path);
}

int files_in(const folder *x) { return visit(x, false); }

const char *in_folder(const folder *x, const char *name)
{
    static _Thread_local char texts[8][400];
    static _Thread_local unsigned turn;
    char *const text = texts[turn++ % 8];
    snprintf(text, sizeof texts[0], "%s/%.260s", x->path, name);
    return text;
}

char *bytes_of_file(const char *path, size_t *size)
{
    FILE *const from = fopen(path, "rb");
    if (from == NULL)
        return NULL;
    fseek(from, 0, SEEK_END);
    *size = (size_t)ftell(from);
    rewind(from);
    char *const bytes = malloc(*size + 1);
    if (bytes != NULL && fread(bytes, 1, *size, from) != *size) {
        free(bytes);
        fclose(from);
        return NULL;
    }
    if (bytes != NULL)
        bytes[*size] = '\0';
    fclose(from);
    return bytes;
}

bool write_file(const char *path, const void *bytes, size_t size)
{
    FILE *const to = fopen(path, "wb");
    if (to == NULL)
        return false;
    const bool right = fwrite(bytes, 1, size, to) == size;
    return fclose(to) == 0 && right;
}

void run_begin(run_of_three *run, uint64_t seed)
{
    static const char *const names[] = {"layer.0.weight", "layer.0.bias", "\xC3\xA9.\"norm\"\n"};
    static const uint64_t shapes[][2] = {{7, 10}, {13, 1}, {16, 4}};
    static const size_t ranks[] = {2, 1, 2};
    memset(run, 0, sizeof *run);
    adamw_preset("rul", 50, &run->config, &run->schedule);
    adamw_loss_scale_init(&run->loss_scale);
    run->loss_scale.scale = 1024 + (double)(seed % 7);
    for (uint64_t i = 0; i < seed % 20; i++)
        adamw_schedule_epoch(&run->schedule, 1.0 / (double)(i + 1));
    run->config.lr = adamw_schedule_lr(&run->schedule);
    run->other = run->config;
    run->other.weight_decay = 0;
    run->other.decay = ADAMW_DECAY_L2;
    run->other.maximize = true;
    for (size_t t = 0; t < STATE_TENSORS; t++) {
        memcpy(run->shapes[t], shapes[t], sizeof shapes[t]);
        const size_t n = (size_t)(shapes[t][0] * shapes[t][1]);
        for (size_t b = 0; b < 5; b++)
            for (size_t i = 0; i < n; i++)
                run->values[t][b][i] = float_of_bits((uint32_t)mix64(seed * 1000003 + t * 4099 + b * 257 + i));
        for (size_t i = 0; i < n; i++)
            run->residuals[t][i] = (uint16_t)mix64(seed + i * 31 + t);
        run->names[t] = names[t];
        run->places[t] = (adamw_state_place){ranks[t], run->shapes[t], 0};
        run->tensors[t] = (adamw_tensor){.n = n,
                                         .param = run->values[t][0],
                                         .exp_avg = run->values[t][1],
                                         .exp_avg_sq = run->values[t][2],
                                         .max_exp_avg_sq = t == 1 ? run->values[t][3] : NULL,
                                         .param_ema = t == 2 ? run->values[t][4] : NULL,
                                         .param_residual = t == 0 ? run->residuals[t] : NULL,
                                         .config = t == 1 ? &run->other : NULL,
                                         .step = t == 2 ? 5 + seed : 0};
    }
    run->state = (adamw_state){.names = run->names,
                               .tensors = run->tensors,
                               .places = run->places,
                               .count = STATE_TENSORS,
                               .config = &run->config,
                               .step = 100 + seed,
                               .seed = mix64(seed),
                               .schedule = &run->schedule,
                               .loss_scale = &run->loss_scale,
                               .with_params = true};
}

/* By their texts: a copied struct need not have the same padding. */
static bool same_schedule(const adamw_schedule *a, const adamw_schedule *b)
{
    char texts[2][ADAMW_SCHEDULE_TEXT_SIZE];
    adamw_schedule_save(a, texts[0], sizeof texts[0]);
    adamw_schedule_save(b, texts[1], sizeof texts[1]);
    return strcmp(texts[0], texts[1]) == 0;
}

bool run_equals(const run_of_three *a, const run_of_three *b)
{
    for (size_t t = 0; t < STATE_TENSORS; t++) {
        if (a->tensors[t].step != b->tensors[t].step)
            return false;
        for (int k = 0; k < 5; k++) {
            const bool kept = k < 3 || (k == 3 && t == 1) || (k == 4 && t == 2);
            if (kept && memcmp(a->values[t][k], b->values[t][k], a->tensors[t].n * sizeof(float)) != 0)
                return false;
        }
    }
    return memcmp(a->residuals[0], b->residuals[0], a->tensors[0].n * sizeof(uint16_t)) == 0 &&
           a->state.step == b->state.step && a->state.seed == b->state.seed &&
           same_schedule(&a->schedule, &b->schedule) &&
           memcmp(&a->loss_scale, &b->loss_scale, sizeof a->loss_scale) == 0;
}
