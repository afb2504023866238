/*
 * info.c - adamw_info_get() describes the library and the machine it runs on. Nothing here steers a step.
 */
#include "../dispatch/isa.h"

#include <stdio.h>
#include <string.h>

#include "../dispatch/cpu.h"
#include "../run/team.h"

#ifndef ADAMW_BUILD_FLAGS
#define ADAMW_BUILD_FLAGS "unknown"
#endif
#if defined(__clang__)
#define COMPILER "clang " __clang_version__
#else
#define COMPILER "gcc " __VERSION__
#endif

/*
 * Reads the caches from sysfs, which knows how large one cache is; on virtual machines sysconf() was seen to tell the
 * sum of several. 0 where the system does not say.
 */
static size_t cache_bytes(int level)
{
    for (int index = 0; index < 8; index++) {
        char path[96], type[16] = "";
        int of_level = 0;
        size_t kib = 0;
        const struct {
            const char *file, *format;
            void *to;
        } reads[] = {{"level", "%d", &of_level}, {"type", "%15s", type}, {"size", "%zuK", &kib}};
        for (size_t i = 0; i < sizeof reads / sizeof reads[0]; i++) {
            snprintf(path, sizeof path, "/sys/devices/system/cpu/cpu0/cache/index%d/%s", index, reads[i].file);
            FILE *file = fopen(path, "r");
            if (file == NULL)
                return 0;
            const int found = fscanf(file, reads[i].format, reads[i].to);
            fclose(file);
            if (found != 1)
                return 0;
        }
        if (of_level == level && strcmp(type, "Instruction") != 0)
            return kib * 1024;
    }
    return 0;
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
                         .engine = adamw_team_engine(),
                         .threads = adamw_team_most(),
                         .active = adamw_isa_active(),
                         .reason = adamw_isa_reason(),
                         .tuning = adamw_dispatch_active()->tuning->name};
    info->l1d = cache_bytes(1);
    info->l2 = cache_bytes(2);
    info->l3 = cache_bytes(3);
    adamw_cpu_name(info->cpu);
    read_huge_pages(info->huge_pages, sizeof info->huge_pages);
    return ADAMW_OK;
}
