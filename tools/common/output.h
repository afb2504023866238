/*
 * output.h - an output file is complete or absent. It is written under a temporary name beside its place and renamed
 * when it is whole, so that a full disk or a killed program leaves the old file as it was. Every tool that writes a
 * file that a user names does it through these three functions. Messages, formats and options belong to the tool.
 */
#ifndef ADAMW_TOOLS_OUTPUT_H
#define ADAMW_TOOLS_OUTPUT_H

#include <stdbool.h>
#include <stdio.h>

typedef struct output {
    FILE *stream;    /* what the tool writes to between open and commit; NULL when nothing is open */
    char *target;    /* the path with its symbolic links followed */
    char *temporary; /* what will be renamed to it; NULL where the output is written straight into its place */
    char said[512];  /* after a failure: one sentence with the path, the reason and what would be right */
} output;

/*
 * Opens an output. A regular file, or a path where nothing is, gets a temporary beside it: a name that cannot be
 * guessed, created exclusively, with the mode and owner of the file that it replaces (0666 less the umask for a new
 * one). A symbolic link is followed, also to a file that is not there yet. A pipe, a terminal or another character
 * device is written straight into, and so is an open descriptor (/dev/stdout, /dev/fd/3), whatever it leads to. A
 * directory, a block device, a socket and a file without the right to write it are refused. The umask is read by
 * setting it: no other thread should create files at this moment.
 *
 * Returns false where it cannot be opened: `said` has the sentence, nothing was changed, nothing is left to close.
 */
bool output_open(output *x, const char *path);

/*
 * Closes the output and puts it into its place. Returns false where anything since the opening was not written:
 * `said` has the sentence, the temporary is gone, and the file that was there is as it was.
 */
bool output_commit(output *x);

/* Closes the output and removes its temporary: the file that was there stays. Nothing where no output is open. */
void output_discard(output *x);

#endif
