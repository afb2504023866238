/*
 * drawing.c - see drawing.h.
 */
#include "drawing.h"

#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "fail.h"

/* tools/common/style.gp, so that a kept script needs no other file. */
static const char *const style[] = {
#include "style.inc"
};

const char *drawing_colour(adamw_decay decay) { return decay == ADAMW_DECAY_L2 ? "adam_l2" : "adamw"; }
const char *drawing_name(adamw_decay decay) { return decay == ADAMW_DECAY_L2 ? "Adam, L2" : "AdamW"; }

result drawing_open(const options *o, const task *t, const char *suffix, int width, int height)
{
    result script = result_open("%s/%s%s.gnuplot", o->out, t->file, suffix);
    FILE *to = script.output.stream;
    fprintf(to, "set terminal svg size %d,%d font 'sans-serif,13' background rgb 'white' noenhanced\n", width,
            height);
    for (size_t i = 0; i < sizeof style / sizeof style[0]; i++)
        fputs(style[i], to);
    fputs("unset key\nset lmargin 10\nset rmargin 20\n", to);
    return script;
}

static void cpu_name(char name[128])
{
    FILE *info = fopen("/proc/cpuinfo", "r");
    snprintf(name, 128, "unknown CPU");
    for (char line[256]; info != NULL && fgets(line, sizeof line, info) != NULL;)
        if (sscanf(line, "model name : %127[^\n]", name) == 1)
            break;
    if (info != NULL)
        fclose(info);
}

void drawing_title(FILE *to, const task *t, const char *shown)
{
    char cpu[128], date[16];
    const time_t now = time(NULL);
    struct tm day;
    cpu_name(cpu);
    for (char *c = cpu; *c != 0; c++)
        if (*c == '\'' || *c == '\\') /* the end of gnuplot's string */
            *c = ' ';
    strftime(date, sizeof date, "%Y-%m-%d", gmtime_r(&now, &day));
    fprintf(to, "'%s: %s; %s, %s'", t->name, shown, cpu, date);
}

void drawing_labels(FILE *to, end_label *labels, size_t count, double low, double high, bool logarithmic)
{
    enum { MOST = 2 };
    static const double gap = 0.15; /* of the plot's height: two lines of text */
    double at[MOST];
    for (size_t i = 0; i < count; i++) {
        at[i] = logarithmic ? log(labels[i].y / low) / log(high / low) : (labels[i].y - low) / (high - low);
        at[i] = fmin(fmax(at[i], 0.05), 0.95);
    }
    if (count == MOST && fabs(at[0] - at[1]) < gap) {
        const double middle = fmin(fmax((at[0] + at[1]) / 2, 0.05 + gap / 2), 0.95 - gap / 2);
        const double up = at[0] >= at[1] ? gap / 2 : -gap / 2;
        at[0] = middle + up;
        at[1] = middle - up;
    }
    fputs("unset label\n", to);
    for (size_t i = 0; i < count; i++)
        fprintf(to, "set label \"%s\" at graph 1.02, graph %.3f textcolor rgb %s\n", labels[i].text, at[i],
                labels[i].colour);
}

/* Runs gnuplot on the script, its standard output going to the picture; returns its exit status, 127 where there is
 * no gnuplot. No shell is in between, and -d keeps a user's own settings out. */
static int draw(const result *script, const result *picture)
{
    const pid_t child = fork();
    if (child == 0) {
        const int nowhere = open("/dev/null", O_WRONLY); /* for its warnings, that a curve is flat */
        dup2(nowhere, STDERR_FILENO);
        dup2(fileno(picture->output.stream), STDOUT_FILENO);
        setenv("LC_ALL", "C", 1);
        execlp("gnuplot", "gnuplot", "-d", "-c", script->path, (char *)NULL);
        _exit(errno == ENOENT ? 127 : 126);
    }
    int status = 0;
    if (child < 0 || waitpid(child, &status, 0) != child)
        fail("cannot start gnuplot: %s", strerror(errno));
    return WIFEXITED(status) ? WEXITSTATUS(status) : 1;
}

void drawing_finish(result *script, const options *o, const task *t, const char *suffix)
{
    result_commit(script);
    result picture = result_open("%s/%s%s.svg", o->out, t->file, suffix);
    const int status = draw(script, &picture);
    if (status == 0) {
        result_commit(&picture);
        printf("wrote %s\n", picture.path);
        return;
    }
    output_discard(&picture.output);
    if (status != 127)
        fail("gnuplot could not draw %s from %s", picture.path, script->path);
    printf("no picture: gnuplot is not installed (Debian: gnuplot-nox); %s draws it\n", script->path);
}
