/*
 * main.c - the command line of adamw-accuracy: which measurements, and where the pictures' data go.
 */
#include "accuracy.h"

#include <string.h>
#include <sys/stat.h>

static const char usage[] =
    "usage: adamw-accuracy [--quick] [--data FOLDER] [growth] [decay] [law]\n"
    "Measures the kernels against the exact recurrence and prints Markdown tables; without a name, all of them.\n"
    "  growth         the error of p after 1 to 100,000 steps, for each variant and both arithmetics\n"
    "  decay          how much of the weight decay happens, over learning rates and rarer gradients\n"
    "  law            the decay against the size of the gradients: AdamW beside coupled-L2 Adam\n"
    "  --quick        a hundredth of the work, in seconds: to see that it works, not for the page\n"
    "  --data FOLDER  also writes growth.dat, decay.dat, decay-zero.dat and law.dat into this folder, which must\n"
    "                 exist; tools/accuracy/draw.sh FOLDER draws them\n"
    "  --help         this text\n"
    "The tables are the same on every machine; make accuracy measures, draws, and compares them with the page.\n";

static const struct {
    const char *name;
    bool (*measure)(const accuracy_options *options);
} measurements[] = {{"growth", measure_growth}, {"decay", measure_decay}, {"law", measure_law}};
enum { MEASUREMENTS = sizeof measurements / sizeof measurements[0] };

static int wrong(const char *what, const char *argument, const char *right)
{
    fprintf(stderr, "adamw-accuracy: %s '%s': %s; --help says more\n", what, argument, right);
    return 2;
}

int main(int count, char **arguments)
{
    accuracy_options options = {false, NULL};
    bool wanted[MEASUREMENTS] = {false}, any = false;
    for (int i = 1; i < count; i++) {
        const char *argument = arguments[i];
        int known = MEASUREMENTS;
        while (known-- > 0 && strcmp(argument, measurements[known].name) != 0)
            ;
        if (known >= 0) {
            wanted[known] = any = true;
        } else if (strcmp(argument, "--help") == 0) {
            fputs(usage, stdout);
            return 0;
        } else if (strcmp(argument, "--quick") == 0) {
            options.quick = true;
        } else if (strcmp(argument, "--data") == 0) {
            struct stat folder;
            options.data = i + 1 < count ? arguments[++i] : "";
            if (stat(options.data, &folder) != 0 || !S_ISDIR(folder.st_mode))
                return wrong("--data", options.data, "it must be followed by an existing folder");
        } else {
            return wrong("unknown argument", argument,
                         "it must be growth, decay, law, --quick, --data FOLDER or --help");
        }
    }
    for (int i = 0; i < MEASUREMENTS; i++)
        if ((wanted[i] || !any) && !measurements[i].measure(&options))
            return 1;
    if (fflush(stdout) != 0 || ferror(stdout)) {
        fprintf(stderr, "adamw-accuracy: the tables could not be written to their end\n");
        return 1;
    }
    return 0;
}
