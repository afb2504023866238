/*
 * info.c - what people want to know of the library and the machine it runs on. Nothing here steers a step.
 */
#define _GNU_SOURCE /* glibc's sysconf() knows the caches */
#include "isa.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "cpu.h"

#if defined(_OPENMP)
#include <omp.h>
#endif

#ifndef ADAMW_BUILD_FLAGS
#define ADAMW_BUILD_FLAGS "unknown"
#endif
#if defined(__clang__)
#define COMPILER "clang " __clang_version__
#else
#define COMPILER "gcc " __VERSION__
#endif

static size_t cache_bytes(int name)
{
    const long bytes = name >= 0 ? sysconf(name) : 0;
    return bytes > 0 ? (size_t)bytes : 0;
}

/* The word in brackets, as in "always [madvise] never". */
static void read_huge_pages(char *setting, size_t size)
{
    char line[128] = "";
    FILE *file = fopen("/sys/kernel/mm/transparent_hugepage/enabled", "r");
    if (file != NULL) {
        if (fgets(line, sizeof line, file) == NULL)
            line[0] = '\0';
        fclose(file);
    }
    const char *open = strchr(line, '['), *close = open != NULL ? strchr(open, ']') : NULL;
    if (close != NULL)
        snprintf(setting, size, "%.*s", (int)(close - open - 1), open + 1);
    else
        snprintf(setting, size, "unknown");
}

adamw_status adamw_info_get(adamw_info *info)
{
    if (info == NULL)
        return ADAMW_ERROR_INVALID_ARGUMENT;
    *info = (adamw_info){.version = adamw_version(),
                         .compiler = COMPILER,
                         .flags = ADAMW_BUILD_FLAGS,
                         .threads = 1,
                         .active = adamw_isa_active(),
                         .reason = adamw_isa_reason()};
#if defined(_OPENMP)
    info->openmp = true;
    info->threads = omp_get_max_threads();
#endif
#if defined(_SC_LEVEL1_DCACHE_SIZE)
    info->l1d = cache_bytes(_SC_LEVEL1_DCACHE_SIZE);
    info->l2 = cache_bytes(_SC_LEVEL2_CACHE_SIZE);
    info->l3 = cache_bytes(_SC_LEVEL3_CACHE_SIZE);
#endif
    adamw_cpu_name(info->cpu);
    read_huge_pages(info->huge_pages, sizeof info->huge_pages);
    return ADAMW_OK;
}
