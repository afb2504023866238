/*
 * main.c - adamw-file: lists, checks and compares safetensors files, optimizer states among them. The words of the
 * command line and nothing else; each command is a file of its own.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "file.h"

static const char help[] =
    "adamw-file list [--values N] FILE   tensors, shapes, checksums, step, hyperparameters, schedule\n"
    "adamw-file check FILE ...           reads all data and compares it with the checksums\n"
    "adamw-file compare FILE FILE        which tensors and texts differ, in how many values and by how much\n"
    "\n"
    "FILE is a safetensors file or the index of several (NAME.safetensors.index.json).\n"
    "Exit status: 0 right or equal, 1 different, 2 damaged, unreadable or wrong usage.\n";

static int usage(const char *what, const char *word)
{
    fprintf(stderr, "adamw-file: %s '%s': adamw-file --help names the commands\n", what, word);
    return FILE_WRONG;
}

adamw_file *file_open(const char *path)
{
    char sentence[ADAMW_FILE_SENTENCE_SIZE];
    adamw_file *file;
    if (adamw_open(&file, path, sentence, sizeof sentence) == ADAMW_OK)
        return file;
    fprintf(stderr, "adamw-file: %s\n", sentence);
    exit(FILE_WRONG);
}

static int list(int count, char **words)
{
    size_t head = 0;
    if (count > 0 && strcmp(words[0], "--values") == 0) {
        char *end = NULL;
        if (count > 1)
            head = strtoul(words[1], &end, 10);
        if (count < 2 || words[1][0] < '0' || words[1][0] > '9' || *end != '\0')
            return usage("--values needs a whole number, not", count > 1 ? words[1] : "");
        count -= 2;
        words += 2;
    }
    if (count > 0 && strncmp(words[0], "--", 2) == 0)
        return usage("unknown option", words[0]);
    return count == 1 ? file_list(words[0], head) : usage("list takes one file, not", count > 0 ? words[1] : "");
}

int main(int argc, char **argv)
{
    const char *const command = argc > 1 ? argv[1] : "";
    if (strcmp(command, "--help") == 0 || strcmp(command, "-h") == 0) {
        fputs(help, stdout);
        return 0;
    }
    int status = FILE_RIGHT;
    if (strcmp(command, "list") == 0)
        status = list(argc - 2, argv + 2);
    else if (strcmp(command, "check") == 0 && argc > 2)
        for (int i = 2; i < argc; i++) {
            const int one = file_check(argv[i]);
            status = one > status ? one : status;
        }
    else if (strcmp(command, "compare") == 0 && argc == 4)
        status = file_compare(argv[2], argv[3]);
    else if (strcmp(command, "check") == 0 || strcmp(command, "compare") == 0)
        status = usage("wrong number of files for", command);
    else
        status = usage("unknown command", command);
    if (fflush(stdout) != 0) {
        fputs("adamw-file: cannot write to the output\n", stderr);
        return FILE_WRONG;
    }
    return status;
}
