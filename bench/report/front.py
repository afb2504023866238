"""What the benchmark's programs share towards their user: options whose errors are one line, progress, and the end.

A program's main() raises UserError with one sentence for what the user can mend; run() prints it behind the program's
name and ends with status 2. No figures here.
"""
import argparse
import subprocess
import sys
import time

COLUMNS = 60  # of a line of progress
SECONDS_PIPED = 20  # between lines of progress where no terminal overwrites them


class UserError(Exception):
    """One sentence: what is wrong, where, and what would be right."""


class Parser(argparse.ArgumentParser):
    """Without argparse's usage dump of many lines, and without abbreviated options."""

    def __init__(self, name, text, **more):
        super().__init__(prog=name, description=text, allow_abbrev=False, **more)

    def error(self, message):
        raise UserError(f"{message}; {self.prog} --help lists the options")


def whole(text):
    """A whole number from 1 to 10000, for argparse."""
    if not (text.isascii() and text.isdigit() and 1 <= int(text[:6]) <= 10000):
        raise argparse.ArgumentTypeError(f"is '{text[:40]}': it must be a whole number from 1 to 10000")
    return int(text)


def run(name, main):
    """Ends the process with main()'s status; every error is one line."""
    try:
        status = main()
        sys.stdout.flush()
        sys.exit(status)
    except UserError as error:
        print(f"{name}: {error}", file=sys.stderr)
        sys.exit(2)
    except KeyboardInterrupt:
        sys.exit(130)
    except BrokenPipeError:
        sys.stderr.close()  # the reader has gone, and Python would say so once more
        sys.exit(1)
    except subprocess.CalledProcessError as error:
        said = (error.stderr or "").strip().split("\n")[-1]
        print(f"{name}: {error.cmd[0]} ended with status {error.returncode}{': ' + said if said else ''}",
              file=sys.stderr)
        sys.exit(1)
    except OSError as error:
        print(f"{name}: {error.filename or 'the system'}: {error.strerror}", file=sys.stderr)
        sys.exit(1)


class Progress:
    """A line on stderr that the next one overwrites; where stderr is no terminal, a line now and then."""

    def __init__(self, what):
        self.what, self.shown = what, None

    def say(self, text):
        if sys.stderr.isatty():
            print(f"\r{self.what}: {text}"[:COLUMNS].ljust(COLUMNS), end="", file=sys.stderr, flush=True)
        elif self.shown is None or time.monotonic() - self.shown > SECONDS_PIPED:
            print(f"{self.what}: {text}"[:COLUMNS], file=sys.stderr, flush=True)
        else:
            return
        self.shown = time.monotonic()

    def end(self):
        if sys.stderr.isatty():
            print(f"\r{'':{COLUMNS}}\r", end="", file=sys.stderr, flush=True)
