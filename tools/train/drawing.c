/*
 * drawing.c - see drawing.h.
 */
#include "drawing.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "fail.h"

const char *const drawing_colour[2] = {"#1f77b4", "#d62728"};

output drawing_open(const options *o, const task *t, const char *suffix, int width, int height)
{
    output script = output_open("%s/%s%s.gnuplot", o->out, t->file, suffix);
    fprintf(script.stream,
            "set terminal svg size %d,%d font 'Helvetica,13' background rgb 'white'\n"
            "set grid linecolor rgb '#dddddd'\nset lmargin 10\nset rmargin 3\n",
            width, height);
    return script;
}

/* Runs gnuplot on the script, its standard output going to the picture; false where there is no gnuplot. */
static bool draw(const output *script, const output *picture)
{
    const pid_t child = fork();
    if (child == 0) {
        const int nowhere = open("/dev/null", O_WRONLY); /* for its warnings, that a curve is flat */
        dup2(nowhere, STDERR_FILENO);
        dup2(fileno(picture->stream), STDOUT_FILENO);
        execlp("gnuplot", "gnuplot", script->path, (char *)NULL);
        _exit(errno == ENOENT ? 127 : 126);
    }
    int status = 0;
    if (child < 0 || waitpid(child, &status, 0) != child)
        fail("cannot start gnuplot: %s", strerror(errno));
    if (WIFEXITED(status) && WEXITSTATUS(status) == 127)
        return false;
    if (status != 0) {
        remove(picture->temporary);
        fail("gnuplot could not draw %s from %s", picture->path, script->path);
    }
    return true;
}

void drawing_finish(output *script, const options *o, const task *t, const char *suffix)
{
    output_commit(script);
    output picture = output_open("%s/%s%s.svg", o->out, t->file, suffix);
    if (draw(script, &picture)) {
        output_commit(&picture);
        printf("wrote %s\n", picture.path);
    } else {
        fclose(picture.stream);
        remove(picture.temporary);
        printf("no picture: gnuplot is not installed (Debian: gnuplot-nox); %s draws it\n", script->path);
    }
}
