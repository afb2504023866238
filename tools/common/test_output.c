/*
 * test_output.c - output.c over every kind of thing that a path can name, in a folder of its own. A part of make
 * test. What needs root (a device node of its own) or a user without rights is skipped, with the reason, where it
 * cannot be.
 */
#define _DEFAULT_SOURCE /* makedev, mknod */
#include "output.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>
#include <unistd.h>

static int failures;

#define EXPECT(truth, ...)                                                                                           \
    do {                                                                                                             \
        if (!(truth)) {                                                                                              \
            fprintf(stderr, "tools/common/test_output.c:%d: ", __LINE__);                                            \
            fprintf(stderr, __VA_ARGS__);                                                                            \
            fputc('\n', stderr);                                                                                     \
            failures++;                                                                                              \
        }                                                                                                            \
    } while (0)

/* Puts a text into a file by plain means. */
static void put(const char *path, const char *text)
{
    FILE *file = fopen(path, "w");
    EXPECT(file != NULL && fputs(text, file) >= 0, "%s: %s", path, strerror(errno));
    if (file != NULL)
        fclose(file);
}

static bool holds(const char *path, const char *text)
{
    char found[64] = "";
    FILE *file = fopen(path, "r");
    const size_t n = file != NULL ? fread(found, 1, sizeof found - 1, file) : 0;
    found[n] = '\0';
    if (file != NULL)
        fclose(file);
    return file != NULL && strcmp(found, text) == 0;
}

static mode_t mode_of(const char *path)
{
    struct stat s;
    return lstat(path, &s) == 0 ? s.st_mode : 0;
}

/* No temporary is left in the folder. */
static bool clean(const char *folder)
{
    DIR *entries = opendir(folder);
    bool found = false;
    for (struct dirent *e; entries != NULL && (e = readdir(entries)) != NULL;)
        found = found || strncmp(e->d_name, ".adamw", 6) == 0;
    if (entries != NULL)
        closedir(entries);
    return entries != NULL && !found;
}

/* Writes a text through the output; whether it was committed. */
static bool written(const char *path, const char *text)
{
    output x;
    if (!output_open(&x, path))
        return false;
    fputs(text, x.stream);
    return output_commit(&x);
}

static void refused(const char *path, const char *words)
{
    output x;
    const bool opened = output_open(&x, path);
    EXPECT(!opened && x.stream == NULL, "'%.40s' was opened", path);
    EXPECT(opened || strstr(x.said, words) != NULL, "'%s' says nothing of '%s'", x.said, words);
    output_discard(&x);
    EXPECT(clean("."), "a temporary is left by '%.40s'", path);
}

static void regular_files(void)
{
    output x, y;
    umask(027);
    EXPECT(written("new", "one") && holds("new", "one"), "a new file");
    EXPECT((mode_of("new") & 0777) == 0640, "the umask is not kept: %o", (unsigned)mode_of("new") & 0777);
    umask(022);
    chmod("new", 0604);
    EXPECT(output_open(&x, "new"), "%s", x.said);
    EXPECT(fputs("two", x.stream) >= 0 && fflush(x.stream) == 0 && holds("new", "one"), "written before the commit");
    EXPECT(output_commit(&x) && holds("new", "two"), "the commit");
    EXPECT((mode_of("new") & 0777) == 0604, "the old mode is not kept: %o", (unsigned)mode_of("new") & 0777);
    EXPECT(output_open(&x, "new") && fputs("three", x.stream) >= 0, "%s", x.said);
    output_discard(&x);
    output_discard(&x);
    EXPECT(holds("new", "two"), "a discarded output changed the file");

    /* Two at once have two temporaries, and names that somebody guessed lead nowhere. */
    put("victim", "mine");
    EXPECT(symlink("victim", "new.tmp") == 0 && symlink("victim", "new.partial") == 0, "%s", strerror(errno));
    EXPECT(output_open(&x, "new") && output_open(&y, "new"), "%s%s", x.said, y.said);
    EXPECT(strcmp(x.temporary, y.temporary) != 0, "one temporary for two: %s", x.temporary);
    fputs("from x", x.stream);
    fputs("from y", y.stream);
    EXPECT(output_commit(&y) && holds("new", "from y") && output_commit(&x) && holds("new", "from x"), "two at once");
    EXPECT(holds("victim", "mine"), "a planted link was written through");

    char longest[256];
    memset(longest, 'n', 255);
    longest[255] = '\0';
    EXPECT(written(longest, "long") && holds(longest, "long"), "a name of 255 characters");
    EXPECT(clean("."), "a temporary is left");
}

static void links(void)
{
    mkdir("below", 0777);
    put("below/file", "old");
    EXPECT(symlink("below/file", "link") == 0 && symlink("link", "chain") == 0 &&
               symlink("new-file", "below/ahead") == 0 && symlink("loop", "loop") == 0,
           "%s", strerror(errno));
    EXPECT(written("chain", "through") && holds("below/file", "through"), "a link is not followed");
    EXPECT(S_ISLNK(mode_of("link")) && S_ISLNK(mode_of("chain")), "a link was replaced");
    EXPECT(written("below/ahead", "made") && holds("below/new-file", "made"), "a link to no file yet");
    EXPECT(S_ISLNK(mode_of("below/ahead")), "a link was replaced");
    refused("loop", strerror(ELOOP));
    EXPECT(clean("below"), "a temporary is left");
}

static void special_files(void)
{
    char got[8] = "";
    EXPECT(mkfifo("fifo", 0666) == 0, "%s", strerror(errno));
    const int reader = open("fifo", O_RDONLY | O_NONBLOCK);
    EXPECT(written("fifo", "through"), "a pipe");
    EXPECT(read(reader, got, 7) == 7 && strcmp(got, "through") == 0, "the pipe brought '%s'", got);
    EXPECT(S_ISFIFO(mode_of("fifo")), "the pipe was replaced");
    close(reader);

    /* As root a device of our own, so that a failing test does not replace the system's. */
    const char *null = "null", *full = "full";
    const bool own = mknod(null, S_IFCHR | 0666, makedev(1, 3)) == 0 &&
                     mknod(full, S_IFCHR | 0666, makedev(1, 7)) == 0 && access(null, W_OK) == 0;
    const int opened = own ? open(null, O_WRONLY) : -1;
    if (opened < 0 && geteuid() == 0) {
        printf("tools/common/test_output.c: skipped: device nodes, because none can be made here\n");
    } else {
        close(opened);
        if (opened < 0)
            null = "/dev/null", full = "/dev/full";
        EXPECT(written(null, "gone") && S_ISCHR(mode_of(null)), "the null device");
        output x;
        EXPECT(output_open(&x, full), "%s", x.said);
        fputs("too much", x.stream);
        EXPECT(!output_commit(&x) && strstr(x.said, "No space left") != NULL, "a full device says '%s'", x.said);
        EXPECT(S_ISCHR(mode_of(full)), "the full device was replaced");
    }
    refused("below", "it is a directory");
    refused("none/file", "its folder must exist");
    refused("new/file", "its folder must exist");
    refused("", "its name is empty");
}

/* An open descriptor is written into where it stands, a file just as a pipe. */
static void descriptors(void)
{
    char path[32];
    const int file = open("shared", O_RDWR | O_CREAT | O_TRUNC, 0666);
    snprintf(path, sizeof path, "/dev/fd/%d", file);
    if (access("/dev/fd", X_OK) != 0) {
        printf("tools/common/test_output.c: skipped: descriptors, because there is no /dev/fd\n");
    } else {
        EXPECT(write(file, "a", 1) == 1 && written(path, "b") && write(file, "c", 1) == 1, "%s", path);
        EXPECT(holds("shared", "abc"), "a descriptor's file was replaced or overwritten");
        refused("/dev/fd/97", "its folder must exist");
    }
    close(file);
}

/* A limit on the size of files fails a write as a full disk does. */
static void full_disk(void)
{
    const struct rlimit limit = {4096, RLIM_INFINITY}, none = {RLIM_INFINITY, RLIM_INFINITY};
    output x;
    put("kept", "old");
    signal(SIGXFSZ, SIG_IGN);
    EXPECT(setrlimit(RLIMIT_FSIZE, &limit) == 0 && output_open(&x, "kept"), "no limit on files");
    for (int i = 0; i < 100000; i++)
        fputc('x', x.stream);
    EXPECT(!output_commit(&x) && x.said[0] != '\0', "an output beyond the limit was committed");
    EXPECT(output_open(&x, "kept"), "%s", x.said);
    for (int i = 0; i < 100000; i++)
        fputc('x', x.stream);
    setrlimit(RLIMIT_FSIZE, &none); /* there is room again, but bytes are lost */
    EXPECT(!output_commit(&x) && x.said[0] != '\0', "an output with a hole in it was committed");
    EXPECT(holds("kept", "old") && clean("."), "a failed output changed the file or left its temporary");
}

/* As a user without rights: in a child where this runs as root. */
static void rights(void)
{
    put("locked", "old");
    chmod("locked", 0444);
    mkdir("closed", 0555);
    chmod(".", 0777);
    const pid_t child = fork();
    if (child == 0) {
        failures = 0;
        if (geteuid() == 0 && (setgid(65534) != 0 || setuid(65534) != 0))
            _exit(99);
        refused("locked", "must be writable");
        refused("closed/file", "must be writable");
        _exit(failures);
    }
    int status = -1;
    waitpid(child, &status, 0);
    if (WIFEXITED(status) && WEXITSTATUS(status) == 99)
        printf("tools/common/test_output.c: skipped: rights, because root's cannot be given up here\n");
    else
        EXPECT(status == 0 && holds("locked", "old"), "a user without rights");
}

int main(void)
{
    char folder[] = "/tmp/adamw-output-XXXXXX", command[64];
    if (mkdtemp(folder) == NULL || chdir(folder) != 0) {
        perror(folder);
        return 1;
    }
    regular_files();
    links();
    special_files();
    descriptors();
    full_disk();
    rights();
    snprintf(command, sizeof command, "rm -rf %s", folder);
    if (chdir("/") != 0 || system(command) != 0)
        perror(folder);
    if (failures == 0)
        printf("tools/common/test_output.c: passed\n");
    return failures != 0;
}
