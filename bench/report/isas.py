"""The one place of the benchmark's Python that knows instruction sets: their order and how they are written."""
import pathlib
import re

# From the library's own list, where they stand from the slowest to the fastest of a machine.
_LIST = pathlib.Path(__file__).resolve().parents[2] / "kernels" / "isa" / "isas.h"
NAMES = tuple(re.findall(r"^ +X\(\w+, (\w+)\)", _LIST.read_text(), flags=re.MULTILINE))
TITLES = {"avx2": "AVX2", "avx512": "AVX-512", "neon": "NEON"}


def is_name(text):
    return text in NAMES


def order(name):
    """For sorting."""
    return NAMES.index(name)


def title(name):
    return TITLES.get(name, name)


def of_program(text):
    """The names in what `adamw-bench --print-isas` prints."""
    return [name for name in text.split() if is_name(name)]
