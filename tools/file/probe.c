/*
 * probe.c - build/adamw-file-probe FOLDER: writes the files that the tests of adamw-file and of the safetensors
 * package look at: every dtype, a run's state whole and in four shards. The values follow from their places, so that
 * a script can work them out.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../../include/adamw.h"

static char said[ADAMW_FILE_SENTENCE_SIZE], path[600];

static const char *in(const char *folder, const char *name)
{
    snprintf(path, sizeof path, "%.500s/%s", folder, name);
    return path;
}

static void expect(adamw_status status)
{
    if (status == ADAMW_OK)
        return;
    fprintf(stderr, "adamw-file-probe: %s\n", said);
    exit(1);
}

/* Tensor i has dtype i, its bytes are (7 * i + k) % 127, of which every dtype makes a number. */
static void write_dtypes(const char *folder)
{
    enum { COUNT = ADAMW_FILE_C64 + 1, VALUES = 24 };
    static const uint64_t shape[] = {2, 3, 4};
    static unsigned char data[COUNT][VALUES * 8];
    static char names[COUNT + 2][32];
    adamw_file_tensor list[COUNT + 2];
    for (size_t i = 0; i < COUNT; i++) {
        for (size_t k = 0; k < sizeof data[0]; k++)
            data[i][k] = (unsigned char)(i == ADAMW_FILE_BOOL ? k % 2 : (7 * i + k) % 127);
        snprintf(names[i], sizeof names[0], "dtype/%s", adamw_file_dtype_name((adamw_file_dtype)i));
        list[i] = (adamw_file_tensor){names[i], (adamw_file_dtype)i, 3, shape, data[i], 0};
    }
    static const uint64_t none[] = {3, 0};
    list[COUNT] = (adamw_file_tensor){"scalar \"\xC3\xA9\"\n", ADAMW_FILE_F32, 0, NULL, data[0], 0};
    list[COUNT + 1] = (adamw_file_tensor){"empty", ADAMW_FILE_F32, 2, none, NULL, 0};
    const adamw_file_entry entries[] = {{"format", "pt"}, {"note", "two\nlines \xE2\x82\xAC"}};
    expect(adamw_save(in(folder, "dtypes.safetensors"), list, COUNT + 2, entries, 2, said, sizeof said));
}

enum { TENSORS = 3, ROWS = 40, COLUMNS = 25, N = ROWS * COLUMNS };

/* Value i of stream s of tensor t is 1000 * s + i + t / 8. */
static void write_state(const char *folder, size_t ranks)
{
    static const char *const names[TENSORS] = {"wte.weight", "h.0.ln.bias", "lm_head"};
    static const uint64_t shape[] = {ROWS, COLUMNS};
    static float values[TENSORS][3][N];
    adamw_config config;
    adamw_schedule schedule;
    adamw_loss_scale scale;
    adamw_preset("rul", 20, &config, &schedule);
    adamw_loss_scale_init(&scale);
    char index[600], paths[8][600];
    const char *list[8];
    snprintf(index, sizeof index, "%.500s/run.safetensors.index.json", folder);
    for (size_t r = 0; r < ranks; r++) {
        adamw_tensor tensors[TENSORS];
        adamw_state_place places[TENSORS];
        const size_t first = N * r / ranks, n = N * (r + 1) / ranks - first;
        for (size_t t = 0; t < TENSORS; t++) {
            for (size_t s = 0; s < 3; s++)
                for (size_t i = 0; i < N; i++)
                    values[t][s][i] = (float)(1000 * s + i) + (float)t / 8;
            tensors[t] = (adamw_tensor){.n = n,
                                        .param = values[t][0] + first,
                                        .exp_avg = values[t][1] + first,
                                        .exp_avg_sq = values[t][2] + first};
            places[t] = (adamw_state_place){2, shape, first};
        }
        const adamw_state state = {.names = names,
                                   .tensors = tensors,
                                   .places = places,
                                   .count = TENSORS,
                                   .config = &config,
                                   .step = 12345,
                                   .seed = 42,
                                   .schedule = &schedule,
                                   .loss_scale = r == 0 ? &scale : NULL,
                                   .with_params = true};
        if (ranks == 1) {
            expect(adamw_save_state(in(folder, "run.safetensors"), &state, said, sizeof said));
            return;
        }
        expect(adamw_shard_path(paths[r], sizeof paths[r], index, 12345, r, ranks, said, sizeof said));
        expect(adamw_save_state(paths[r], &state, said, sizeof said));
        list[r] = paths[r];
    }
    expect(adamw_save_index(index, list, ranks, said, sizeof said));
}

int main(int argc, char **argv)
{
    if (argc != 2) {
        fputs("adamw-file-probe: it takes the folder to write into\n", stderr);
        return 2;
    }
    write_dtypes(argv[1]);
    write_state(argv[1], 1);
    write_state(argv[1], 4);
    return 0;
}
