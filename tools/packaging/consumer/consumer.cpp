// consumer.cpp - the same steps and the same digest as consumer.c, as a C++ program has them.
#include <adamw.h>

#include <cstdio>
#include <string>
#include <vector>

static float uniform(std::uint32_t &state)
{
    state = state * 1664525u + 1013904223u;
    return static_cast<float>(state >> 8) / 8388608.0f - 1.0f;
}

int main()
{
    const std::size_t n = 300007;
    std::uint64_t digest = UINT64_C(0xCBF29CE484222325);
    std::uint32_t state = 1;
    for (adamw_arithmetic arithmetic : {ADAMW_ARITHMETIC_ACCURATE, ADAMW_ARITHMETIC_TORCH}) {
        adamw_config config;
        adamw_config_init(&config);
        config.arithmetic = arithmetic;
        std::vector<float> param(n), grad(n), exp_avg(n), exp_avg_sq(n);
        for (float &x : param)
            x = uniform(state);
        for (int step = 1; step <= 3; step++) {
            for (float &x : grad)
                x = uniform(state);
            adamw_tensor tensor = adamw_tensor();
            tensor.n = n;
            tensor.param = param.data();
            tensor.grad = grad.data();
            tensor.exp_avg = exp_avg.data();
            tensor.exp_avg_sq = exp_avg_sq.data();
            if (adamw_step(&config, step, &tensor, 1, 0) != ADAMW_OK)
                return 1;
        }
        for (const std::vector<float> *values : {&param, &exp_avg, &exp_avg_sq})
            for (std::size_t i = 0; i < n * sizeof(float); i++)
                digest =
                    (digest ^ reinterpret_cast<const unsigned char *>(values->data())[i]) * UINT64_C(0x100000001B3);
    }
    if (std::string(adamw_version()) != ADAMW_VERSION_STRING)
        return 1;
    std::printf("%016llx\n", static_cast<unsigned long long>(digest));
    return 0;
}
