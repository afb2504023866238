/*
 * neighbour.cc - see neighbour.h.
 */
#include "neighbour.h"

#include <algorithm>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

namespace
{

pid_t start()
{
    const pid_t parent = getpid(), child = fork();
    if (child < 0) {
        std::perror("adamw-throughput: the neighbour process cannot be started");
        std::exit(1);
    }
    if (child == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        if (getppid() != parent)
            _exit(0);
        for (volatile double x = 1;;)
            x = x * 0.999 + 0.001;
    }
    return child;
}

} // namespace

std::vector<std::pair<std::string, double>> beside_neighbour(const std::vector<contestant> &all, int calls)
{
    const int turn = 50; /* long enough that a team of threads is used again, not only woken */
    std::vector<std::vector<double>> samples(all.size());
    const pid_t neighbour = start();
    for (int done = 0; done < calls; done += turn)
        for (size_t i = 0; i < all.size(); i++)
            for (int call = 0; call < turn; call++) {
                const double begin = now();
                all[i].call();
                samples[i].push_back(now() - begin);
            }
    kill(neighbour, SIGKILL);
    waitpid(neighbour, nullptr, 0);

    std::vector<std::pair<std::string, double>> figures;
    for (size_t i = 0; i < all.size(); i++) {
        std::sort(samples[i].begin(), samples[i].end());
        figures.emplace_back(all[i].label, samples[i][samples[i].size() / 2]);
        figures.emplace_back(all[i].label + "_p99", samples[i][samples[i].size() * 99 / 100]);
    }
    return figures;
}
