/*
 * drawing.c - see drawing.h.
 */
#include "drawing.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "fail.h"

const char *const drawing_colour[2] = {"#1f77b4", "#d62728"};

result drawing_open(const options *o, const task *t, const char *suffix, int width, int height)
{
    result script = result_open("%s/%s%s.gnuplot", o->out, t->file, suffix);
    fprintf(script.output.stream,
            "set terminal svg size %d,%d font 'Helvetica,13' background rgb 'white'\n"
            "set grid linecolor rgb '#dddddd'\nset lmargin 10\nset rmargin 3\n",
            width, height);
    return script;
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
