/*
 * crash.c - the proof that a save leaves the old file or the new one: build/tests/crash [--full] [PART ...]. Each
 * part prints what it counted. `faults` makes each system call of a save fail in each way; `crashes` builds every
 * state that a crash may leave of the calls made so far; `kill` ends saving processes at random moments; `full` saves
 * to a full disk. The protocol itself is kernels/files/replace.c's.
 */
#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "../../include/adamw.h"
#include "shim.h"

enum { VALUES = 40000, SMALL = 5 }; /* 320 kB in one tensor: more than one write; and some that share one */

static bool full; /* the long form */
static char folder[128], target[256], said[ADAMW_FILE_SENTENCE_SIZE];

static void fail(const char *what)
{
    fprintf(stderr, "crash: failed: %s (%s)\n", what, said);
    exit(1);
}

/* ---- versions of a file ---- */

static adamw_status save_version(const char *path, uint64_t version, size_t values)
{
    static uint64_t data[VALUES], small[SMALL];
    static const uint64_t one = 1;
    static const char *const names[SMALL] = {"a", "b", "c", "d", "e"};
    const uint64_t shape = values;
    for (size_t i = 0; i < values; i++)
        data[i] = version;
    adamw_file_tensor list[SMALL + 1] = {{"values", ADAMW_FILE_U64, 1, &shape, data, 0}};
    for (size_t i = 0; i < SMALL; i++) {
        small[i] = version;
        list[i + 1] = (adamw_file_tensor){names[i], ADAMW_FILE_U64, 1, &one, &small[i], 0};
    }
    const adamw_file_entry entry = {"note", "a version"};
    return adamw_save(path, list, SMALL + 1, &entry, 1, said, sizeof said);
}

enum { NO_FILE = -1, DAMAGED = -2 };

/* The version that is there in full; NO_FILE; or DAMAGED where the file is refused. A file that is taken though not
 * all of it is of one version ends the run. */
static long version_of(const char *path)
{
    adamw_file *file;
    const adamw_status status = adamw_open(&file, path, said, sizeof said);
    if (status == ADAMW_ERROR_SYSTEM)
        return NO_FILE;
    if (status != ADAMW_OK)
        return DAMAGED;
    if (adamw_file_check(file, NULL, said, sizeof said) != ADAMW_OK) {
        adamw_file_close(file);
        return DAMAGED;
    }
    uint64_t first = 0;
    if (adamw_file_count(file) != SMALL + 1)
        fail("a file without all its tensors was taken");
    for (size_t i = 0; i < adamw_file_count(file); i++) {
        const adamw_file_tensor *const t = adamw_file_at(file, i);
        const uint64_t *const data = t->data;
        for (size_t k = 0; k < t->bytes / sizeof *data; k++) {
            if (i == 0 && k == 0)
                first = data[0];
            if (data[k] != first)
                fail("a mixture of two versions was taken");
        }
    }
    adamw_file_close(file);
    return (long)first;
}

/* How many files the folder has; deletes those whose names end in .tmp where asked to. */
static int entries(bool delete_temporaries)
{
    int count = 0;
    DIR *const all = opendir(folder);
    for (const struct dirent *entry; all != NULL && (entry = readdir(all)) != NULL;) {
        const size_t length = strlen(entry->d_name);
        if (entry->d_name[0] == '.' && length < 3)
            continue;
        count++;
        if (delete_temporaries && length > 4 && strcmp(entry->d_name + length - 4, ".tmp") == 0)
            unlinkat(dirfd(all), entry->d_name, 0);
    }
    if (all != NULL)
        closedir(all);
    return count;
}

static int open_descriptors(void)
{
    int count = 0;
    DIR *const all = opendir("/proc/self/fd");
    while (all != NULL && readdir(all) != NULL)
        count++;
    if (all != NULL)
        closedir(all);
    return count;
}

/* ---- each call fails ---- */

static const struct {
    int error;
    const char *words;
} errors[] = {{ENOSPC, "no space left on the disk"},
              {EIO, "input/output error"},
              {EDQUOT, "quota"},
              {EROFS, "read-only"},
              {EACCES, "permission denied"},
              {EFBIG, "larger than the file system"}};
enum { ERRORS = sizeof errors / sizeof errors[0] };

/* `e` is of errors. */
static void one_fault(shim_call at, int which, shim_fault fault, size_t e, bool old, int *hits)
{
    shim_reset();
    unlink(target);
    if (old && save_version(target, 1, VALUES) != ADAMW_OK)
        fail("the first save");
    const int descriptors = open_descriptors();
    shim_reset();
    shim.at = at, shim.which = which, shim.fault = fault, shim.error = errors[e].error;
    const adamw_status status = save_version(target, 2, VALUES);
    const bool hit = shim.hit;
    shim_reset();
    if (!hit)
        return;
    ++*hits;
    const bool transparent = fault == SHIM_INTERRUPTED || fault == SHIM_SHORT;
    if (strncmp(said, transparent ? "ok" : target, transparent ? 3 : strlen(target)) != 0 ||
        (!transparent && strstr(said, errors[e].words) == NULL))
        fail("the sentence has no path or no reason");
    const long version = version_of(target);
    if (transparent ? status != ADAMW_OK || version != 2 : status != ADAMW_ERROR_SYSTEM)
        fail(transparent ? "an interrupted or short call was no success" : "a failed call was taken for a success");
    /* A folder that cannot be synced is found out after the rename: the new file is in place. */
    if (!transparent && version != (at == SHIM_SYNC_FOLDER ? 2 : old ? 1 : NO_FILE))
        fail("after an error the target is not as it was");
    if (entries(false) != (version != NO_FILE))
        fail("a temporary file is left");
    if (open_descriptors() != descriptors)
        fail("a descriptor is left open");
}

static void part_faults(void)
{
    int failed = 0, folders = 0, transparent = 0, counts[SHIM_CALLS];
    shim_reset();
    save_version(target, 1, VALUES);
    memcpy(counts, shim.counts, sizeof counts);
    for (int call = 0; call < SHIM_CALLS; call++)
        for (int which = 0; which < counts[call]; which++)
            for (int old = 0; old < 2; old++) {
                for (size_t e = 0; e < ERRORS; e++) {
                    one_fault((shim_call)call, which, SHIM_ERROR, e, old,
                              call == SHIM_SYNC_FOLDER ? &folders : &failed);
                    if (call == SHIM_WRITE)
                        one_fault(SHIM_WRITE, which, SHIM_FULL, e, old, &failed);
                }
                one_fault((shim_call)call, which, SHIM_INTERRUPTED, 0, old, &transparent);
                if (call == SHIM_WRITE)
                    one_fault(SHIM_WRITE, which, SHIM_SHORT, 0, old, &transparent);
            }
    printf("faults: a save makes");
    for (int call = 0; call < SHIM_CALLS; call++)
        printf(" %d %s%s", counts[call], shim_names[call], call + 1 < SHIM_CALLS ? "," : ":");
    printf(
        " %d failures left the old file, %d of the folder's fsync the new one, told; %d interrupted or short calls "
        "the new one\n",
        failed, folders, transparent);
    /* Each call at least once, with each error, with and without an old file. */
    if (failed < 2 * ERRORS * (SHIM_CALLS - 1) || folders < 2 * ERRORS || transparent < 2 * SHIM_CALLS ||
        counts[SHIM_WRITE] < 3)
        fail("too few faults happened");
}

/* ---- what a crash may leave ---- */

/* The temporary file's contents after the first `made` calls and a crash: everything up to the last fsync is there;
 * of the writes since then, those whose bit in `kept` is set, the last of them cut to `share` quarters, or with 3 by
 * its last byte. `zeroed`: the length is on the disk, the data are not. */
typedef struct image {
    char *bytes;
    size_t size;
} image;

static image image_of(size_t made, uint64_t kept, unsigned share, bool zeroed)
{
    size_t synced = 0, unsynced = 0, last = SIZE_MAX;
    image x = {calloc(1, 1 << 20), 0};
    if (x.bytes == NULL)
        fail("no memory");
    for (size_t i = 0; i < made; i++)
        if (shim.records[i].call == SHIM_SYNC)
            synced = i;
    for (size_t i = 0; i < made; i++)
        if (shim.records[i].call == SHIM_WRITE && i >= synced && kept >> unsynced++ & 1)
            last = i;
    unsynced = 0;
    for (size_t i = 0; i < made; i++) {
        const shim_record *const r = &shim.records[i];
        if (r->call != SHIM_WRITE)
            continue;
        const bool there = i < synced || (kept >> unsynced++ & 1);
        const size_t size = i != last || share == 4 ? r->size : share == 3 ? r->size - 1 : r->size * share / 4;
        if (there)
            memcpy(x.bytes + r->offset, r->bytes, size);
        if ((there || zeroed) && x.size < r->offset + size)
            x.size = r->offset + size;
    }
    return x;
}

static size_t unsynced_writes(size_t made)
{
    size_t count = 0;
    for (size_t i = 0; i < made; i++)
        count = shim.records[i].call == SHIM_SYNC ? 0 : count + (shim.records[i].call == SHIM_WRITE);
    return count;
}

static bool happened(size_t made, shim_call call)
{
    for (size_t i = 0; i < made; i++)
        if (shim.records[i].call == call)
            return true;
    return false;
}

/* Counts of the states that were built. */
typedef struct outcome {
    int states, old, new, neither;
} outcome;

/* Builds one state in a folder of its own and looks at the target there. */
static void one_state(const image *temporary, bool renamed, bool has_old, const image *old, outcome *sum)
{
    char path[256];
    snprintf(path, sizeof path, "%s/state", folder);
    const image *const x = renamed ? temporary : old;
    unlink(path);
    if (renamed || has_old) {
        FILE *const to = fopen(path, "wb");
        if (to == NULL || fwrite(x->bytes, 1, x->size, to) != x->size || fclose(to) != 0)
            fail("cannot build a state");
    }
    const long version = version_of(path);
    sum->states++;
    if (version == 2)
        sum->new ++;
    else if (version == (has_old ? 1 : NO_FILE))
        sum->old++;
    else
        sum->neither++; /* refused by name: version_of() ends the run where a wrong value is taken */
    unlink(path);
}

/* Every legal state behind every call of a save: which unsynced writes are there, whole or cut, with the length on
 * the disk before the data or not; and, from the rename on and until the folder is synced, with and without it. */
static outcome all_states(bool has_old, bool no_syncs)
{
    outcome sum = {0};
    image old = {NULL, 0};
    shim_reset();
    unlink(target);
    if (has_old) {
        shim.recording = true;
        if (save_version(target, 1, VALUES) != ADAMW_OK)
            fail("the first save");
        old = image_of(shim.record_count, UINT64_MAX, 4, false);
    }
    shim_reset();
    shim.recording = true;
    shim.no_syncs = no_syncs;
    if (save_version(target, 2, VALUES) != ADAMW_OK)
        fail("the second save");
    for (size_t made = 0; made <= shim.record_count; made++) {
        const size_t loose = unsynced_writes(made);
        if (loose > 12)
            fail("too many writes for all their subsets");
        for (uint64_t kept = 0; kept < UINT64_C(1) << loose; kept++)
            for (unsigned form = 0; form < 8; form++) {
                const image x = image_of(made, kept, 1 + form / 2, form & 1);
                const bool renamed = happened(made, SHIM_RENAME);
                if (!happened(made, SHIM_SYNC_FOLDER))
                    one_state(&x, false, has_old, &old, &sum);
                if (renamed)
                    one_state(&x, true, has_old, &old, &sum);
                free(x.bytes);
            }
    }
    free(old.bytes);
    shim_reset();
    return sum;
}

static void part_crashes(void)
{
    for (int has_old = 0; has_old < 2; has_old++) {
        const outcome sum = all_states(has_old, false);
        printf("crashes: %s: %d states behind the calls of a save: %d have %s, %d the new file, %d neither\n",
               has_old ? "over an old file" : "no old file", sum.states, sum.old, has_old ? "the old file" : "none",
               sum.new, sum.neither);
        if (sum.neither != 0 || sum.old == 0 || sum.new == 0)
            fail("a crash may leave neither file");
    }
    /* The same without fsync must be found wrong, or the states prove nothing. */
    const outcome broken = all_states(true, true);
    printf("crashes: without fsync: %d states, %d neither, each refused by name\n", broken.states, broken.neither);
    if (broken.neither == 0)
        fail("a save without fsync was not found wrong");
}

/* ---- kill -9 ---- */

static void save_for_ever(void)
{
    for (uint64_t version = 1;; version++)
        if (save_version(target, version, 1000 + version % 7 * 5000) != ADAMW_OK)
            _exit(1);
}

static void part_kill(void)
{
    const int kills = full ? 1000 : 48;
    int temporaries = 0;
    uint64_t random = 1;
    long versions = 0;
    if (save_version(target, 0, VALUES) != ADAMW_OK)
        fail("the first save");
    for (int i = 0; i < kills; i++) {
        const pid_t child = fork();
        int status;
        if (child < 0)
            fail("fork");
        if (child == 0)
            save_for_ever();
        random = random * UINT64_C(6364136223846793005) + 1442695040888963407u;
        const struct timespec moment = {0, (long)(500000 + random % 5000000)};
        nanosleep(&moment, NULL);
        kill(child, SIGKILL);
        waitpid(child, &status, 0);
        if (!WIFSIGNALED(status))
            fail("a save failed before it was killed");
        const long version = version_of(target);
        if (version < 0)
            fail("a killed save left no whole file");
        versions += version;
        temporaries += entries(true) > 1;
    }
    printf("kill: %d processes killed while they saved: the file was whole each time; %ld saves had come through, %d "
           "left a temporary file\n",
           kills, versions, temporaries);
    if (versions == 0)
        fail("no save came through: the kills came too early to show anything");
}

/* ---- a full disk ---- */

static void write_text(const char *path, const char *text)
{
    FILE *const to = fopen(path, "w");
    if (to == NULL)
        return;
    fputs(text, to);
    (void)!fclose(to);
}

/* A mount namespace of this process's own; without root also a user namespace, in which the user stays who he is. */
static bool leave_mounts(void)
{
    const unsigned user = geteuid(), group = getegid();
    char map[64];
    if (user == 0)
        return unshare(CLONE_NEWNS) == 0;
    if (unshare(CLONE_NEWUSER | CLONE_NEWNS) != 0)
        return false;
    write_text("/proc/self/setgroups", "deny");
    snprintf(map, sizeof map, "%u %u 1", user, user);
    write_text("/proc/self/uid_map", map);
    snprintf(map, sizeof map, "%u %u 1", group, group);
    write_text("/proc/self/gid_map", map);
    return true;
}

/* In a process and a mount namespace of its own, so that nothing stays mounted, whatever happens; 77 without one. */
static int save_to_full_disk(void)
{
    char disk[200], path[256];
    snprintf(disk, sizeof disk, "%s/disk", folder);
    snprintf(path, sizeof path, "%s/file", disk);
    if (!leave_mounts() || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) != 0 ||
        mount("tmpfs", disk, "tmpfs", 0, "size=1m") != 0)
        return 77;
    int refused = 0;
    /* 320 kB, with 1 MB in all: the old file and two new ones do not fit, and with ballast not even one. */
    bool right = save_version(path, 1, VALUES) == ADAMW_OK;
    for (size_t ballast = 100; ballast <= 900 && right; ballast += 50) {
        char other[256];
        static char zeros[1024];
        snprintf(other, sizeof other, "%s/ballast", disk);
        FILE *const to = fopen(other, "wb");
        for (size_t i = 0; to != NULL && i < ballast; i++)
            fwrite(zeros, 1, sizeof zeros, to);
        if (to != NULL)
            (void)!fclose(to);
        const long before = version_of(path);
        const adamw_status status = save_version(path, (uint64_t)before + 1, VALUES);
        refused += status != ADAMW_OK;
        right = (status == ADAMW_OK || strstr(said, "no space left on the disk") != NULL) &&
                version_of(path) == before + (status == ADAMW_OK);
        unlink(other);
    }
    DIR *const all = opendir(disk);
    int left = 0;
    for (const struct dirent *entry; all != NULL && (entry = readdir(all)) != NULL;)
        left += strstr(entry->d_name, ".tmp") != NULL;
    if (all != NULL)
        closedir(all);
    if (!right || left != 0 || refused == 0)
        fail("on a full disk the old file is not as it was");
    printf("full: a disk of 1 MB: %d saves had no space; each left the old file and nothing else\n", refused);
    fflush(stdout);
    return 0;
}

static void part_full(void)
{
    char disk[200];
    int status;
    snprintf(disk, sizeof disk, "%s/disk", folder);
    mkdir(disk, 0700);
    const pid_t child = fork();
    if (child < 0)
        fail("fork");
    if (child == 0)
        _exit(save_to_full_disk());
    waitpid(child, &status, 0);
    rmdir(disk);
    if (!WIFEXITED(status) || (WEXITSTATUS(status) != 0 && WEXITSTATUS(status) != 77))
        fail("the saves to a full disk ended early");
    if (WEXITSTATUS(status) == 77)
        printf("full: skipped: no small tmpfs can be mounted here\n");
}

/* ---- */

static const struct {
    const char *name;
    void (*run)(void);
} parts[] = {{"faults", part_faults}, {"crashes", part_crashes}, {"kill", part_kill}, {"full", part_full}};
enum { PARTS = sizeof parts / sizeof parts[0] };

int main(int argc, char **argv)
{
    bool wanted[PARTS] = {false}, any = false;
    for (int i = 1; i < argc; i++) {
        int p = 0;
        if (strcmp(argv[i], "--full") == 0) {
            full = true;
            continue;
        }
        while (p < PARTS && strcmp(argv[i], parts[p].name) != 0)
            p++;
        if (p == PARTS) {
            fprintf(stderr, "crash: '%s' is unknown: crash [--full] [faults] [crashes] [kill] [full]\n", argv[i]);
            return 2;
        }
        wanted[p] = any = true;
    }
    const char *base = getenv("TMPDIR");
    if (base == NULL || base[0] == '\0')
        base = access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp";
    snprintf(folder, sizeof folder, "%.100s/adamw-crash-XXXXXX", base);
    if (mkdtemp(folder) == NULL)
        fail("no folder for the files");
    snprintf(target, sizeof target, "%s/run.safetensors", folder);
    for (int p = 0; p < PARTS; p++)
        if (!any || wanted[p]) {
            parts[p].run();
            entries(true);
            unlink(target);
            fflush(stdout);
        }
    rmdir(folder);
    return 0;
}
