/*
 * torch.c - TORCH arithmetic against tests/data/torch.txt, which tools/torch/golden.py made from torch's own code.
 * The inputs are the same functions of a counter as in tools/torch/inputs.py.
 */
#include "check.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char path[] = "tests/data/torch.txt", title[] = "libadamw torch parity 1, torch 2.13.0";

static float from_counter(uint32_t stream, size_t i, int low, int high)
{
    const uint64_t bits = mix64(((uint64_t)stream << 32) + i + 1);
    const uint32_t exponent = (uint32_t)(127 + low) + (uint32_t)((bits >> 32) % (uint64_t)(high - low + 1));
    return float_of_bits(((uint32_t)bits & 0x807FFFFF) | exponent << 23);
}

bool check_torch_golden(const check_options *options)
{
    char *text = golden_read(path, title, "tools/torch/golden.py");
    if (text == NULL)
        return false;
    const adamw_isa isa = options->isa != ADAMW_ISA_AUTO ? options->isa : adamw_isa_active();
    const size_t most = 5000;
    buffers x = buffers_new(most);
    bool right = true;
    uint64_t done = 0;
    int lines = 0;
    strtok(text, "\n"); /* the names of the columns */
    for (const char *line; right && (line = strtok(NULL, "\n")) != NULL; lines++) {
        int l2, amsgrad, maximize;
        size_t n;
        unsigned long long step, digests[4] = {0};
        adamw_config config;
        adamw_config_init(&config);
        if (sscanf(line, "%d %d %d %lf %lf %lf %lf %zu %llu %llx %llx %llx %llx", &l2, &amsgrad, &maximize,
                   &config.weight_decay, &config.beta1, &config.beta2, &config.lr, &n, &step, &digests[0],
                   &digests[1], &digests[2], &digests[3]) < 12 ||
            n > most) {
            right = check_fail("%s: line %d cannot be read", path, lines + 3);
            break;
        }
        config.arithmetic = ADAMW_ARITHMETIC_TORCH;
        config.decay = l2 ? ADAMW_DECAY_L2 : ADAMW_DECAY_DECOUPLED;
        config.amsgrad = amsgrad;
        config.maximize = maximize;
        if (options->quick && step > 10)
            continue;
        if (step <= done || step == 1) { /* the next configuration */
            done = 0;
            for (size_t i = 0; i < n; i++) {
                x.param[i] = from_counter(0, i, -10, 1);
                x.exp_avg[i] = x.exp_avg_sq[i] = x.max_exp_avg_sq[i] = 0;
            }
        }
        x.n = n;
        const adamw_tensor tensor = buffers_tensor(&x, &config);
        while (done < step) {
            done++;
            for (size_t i = 0; i < n; i++)
                x.grad[i] = from_counter((uint32_t)done, i, -100, 33);
            step_with(isa, &config, done, &tensor);
        }
        const float *const buffer[] = {x.param, x.exp_avg, x.exp_avg_sq, x.max_exp_avg_sq};
        static const char *const name[] = {"param", "exp_avg", "exp_avg_sq", "max_exp_avg_sq"};
        for (int b = 0; right && b < 3 + amsgrad; b++)
            if (digest_of(buffer[b], n) != digests[b])
                right = check_fail("%s line %d: %s of %s has other bits: %s", path, lines + 3, name[b],
                                   adamw_isa_name(isa), line);
    }
    if (right && lines != 864)
        right = check_fail("%s has %d lines, not 864", path, lines);
    buffers_free(&x);
    free(text);
    return right;
}
