/*
 * test_library.c - the shared library as a plugin host has it: opened, used by several threads, and closed again. The
 * checks of tests/checks use the static one.
 */
#define _GNU_SOURCE
#include <criterion/criterion.h>

#include <dirent.h>
#include <dlfcn.h>
#include <stdlib.h>
#include <string.h>

#include "../include/adamw.h"

enum { N = 1 << 20, TIMES = 30 };

typedef adamw_status init_function(adamw_config *);
typedef adamw_status step_function(const adamw_config *, uint64_t, size_t, float *, const float *, float *, float *);
typedef adamw_status info_function(adamw_info *);

/* Writes the address to a pointer to a function, as dlsym()'s manual has it. */
static void find(void *library, const char *name, void *function)
{
    void *address = dlsym(library, name);
    cr_assert_not_null(address, "%s has no %s", ADAMW_SHARED_LIBRARY, name);
    memcpy(function, &address, sizeof address);
}

static int threads_of_process(void)
{
    DIR *tasks = opendir("/proc/self/task");
    cr_assert_not_null(tasks);
    int count = 0;
    for (struct dirent *entry; (entry = readdir(tasks)) != NULL;)
        count += entry->d_name[0] != '.';
    closedir(tasks);
    return count;
}

/* Several threads, if there are CPUs for them; then no code of theirs is left, or all of it stays. */
Test(library, opened_and_closed)
{
    static float param[N], grad[N], exp_avg[N], exp_avg_sq[N];
    const int before = threads_of_process();
    adamw_info info = {.threads = 0};
    for (int i = 0; i < TIMES; i++) {
        void *library = dlopen(ADAMW_SHARED_LIBRARY, RTLD_NOW | RTLD_LOCAL);
        cr_assert_not_null(library, "%s", dlerror());
        adamw_config config;
        init_function *init;
        step_function *step;
        info_function *get_info;
        find(library, "adamw_config_init", &init);
        find(library, "adamw_step_f32", &step);
        find(library, "adamw_info_get", &get_info);
        cr_assert_eq(init(&config), ADAMW_OK);
        cr_assert_eq(get_info(&info), ADAMW_OK);
        for (int k = 0; k < 3; k++)
            cr_assert_eq(step(&config, 1, N, param, grad, exp_avg, exp_avg_sq), ADAMW_OK);
        const int during = threads_of_process();
        if (info.threads == 1)
            cr_log_warn("skipped: this process may use one CPU, so no thread was started");
        else if (strcmp(info.engine, "own threads") == 0)
            cr_assert_gt(during, before, "no thread was started");
        const bool stays = strcmp(info.engine, "OpenMP") == 0;
        cr_assert_eq(dlclose(library), 0);
        void *again = dlopen(ADAMW_SHARED_LIBRARY, RTLD_NOW | RTLD_NOLOAD);
        cr_assert_eq(again != NULL, stays, "the library is %s", stays ? "unloaded" : "still there");
        if (again != NULL)
            dlclose(again);
        else
            cr_assert_eq(threads_of_process(), before, "a thread outlives its code");
    }
}
