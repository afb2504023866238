"""The inputs of the comparisons with torch, from a counter alone, so that C makes the same ones (tests/checks/torch.c).

Also the square root (kernels/ARITHMETIC.md says why torch's own cannot serve) and the form of a golden file.
"""
import sys

import numpy as np
import torch

MASK = (1 << 64) - 1


def mix(x):
    """splitmix64's output function (Steele, Lea, Flood 2014) of an array of counters."""
    x = x * np.uint64(0x9E3779B97F4A7C15)
    x = (x ^ (x >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    x = (x ^ (x >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return x ^ (x >> np.uint64(31))


def counters(stream, n):
    return np.arange(1, n + 1, dtype=np.uint64) + np.uint64((stream << 32) & MASK)


def floats(stream, n, low, high):
    """n float32 with random signs and mantissas, and exponents from 2^low to 2^high."""
    bits = mix(counters(stream, n))
    exponent = np.uint64(127 + low) + (bits >> np.uint64(32)) % np.uint64(high - low + 1)
    word = (bits & np.uint64(0x807FFFFF)) | (exponent << np.uint64(23))
    return word.astype(np.uint32).view(np.float32)


def params(n):
    """From about 1e-3 to 4."""
    return floats(0, n, -10, 1)


def grads(step, n):
    """From about 1e-30 to 1e10."""
    return floats(step, n, -100, 33)


def digest(array):
    """One 64-bit number for the bits of a float32 array and their places; NaN is made canonical."""
    words = np.where(np.isnan(array), np.uint32(0x7FC00000), array.view(np.uint32)).astype(np.uint64)
    places = np.arange(1, len(array) + 1, dtype=np.uint64) << np.uint64(32)
    return int(np.add.reduce(mix(words ^ places), dtype=np.uint64)) & MASK


own_sqrt = torch.Tensor.sqrt


def print_golden(lines):
    """Prints a file of tests/data: its lines, the title first, and the line with their checksum."""
    checksum = 0xCBF29CE484222325  # FNV-1a, so that a cut or edited file is told
    for number, line in enumerate(lines):
        print(line)
        for byte in line.encode() + b"\n":
            checksum = (checksum ^ byte) * 0x100000001B3 & MASK
        if number % 40 == 0:
            print(f"\r{number} lines", end="", file=sys.stderr)
    print(f"end {checksum:016x}")
    print(file=sys.stderr)


def rounded_sqrt(tensor):
    """The correctly rounded float32 root: rounding the double root once more is known to be innocuous."""
    return own_sqrt(tensor.double()).float()


def share_of_wrong_roots():
    """The share of the floats of two binades whose root torch does not round correctly on this CPU."""
    x = torch.from_numpy(np.arange(0x3F800000, 0x40800000, dtype=np.uint32).view(np.float32))
    return float((own_sqrt(x) != rounded_sqrt(x)).double().mean())
