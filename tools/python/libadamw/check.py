"""check.py - `python -m libadamw.check`: how far this CPU's torch and libadamw have the same bits, and their speed.

The promise (README.md) is torch's sequence of operations with correctly rounded square roots. How many of torch's own
roots are correctly rounded depends on the CPU, so this measures it, and what follows from it over 100 steps, instead
of quoting another machine's figures. Nothing is asserted here; the tests are in tests/.
"""
from __future__ import annotations

import argparse
import copy
import platform
import sys
import time
from typing import Any, Callable, Iterator

import torch

from . import isa, version
from .torch import AdamW

Root = Callable[[torch.Tensor], torch.Tensor]

ALL = 1 << 24  # float32 values from 1 to below 4: a root's bits repeat with every factor of 4
CHUNK = 1 << 20
STEPS = 100
EVEN, UNEVEN = (64, 640, 8192, 65536), (1, 7, 65, 641, 8199, 65545)


def is_right(value: torch.Tensor, root: torch.Tensor) -> torch.Tensor:
    """Whether each root is the correctly rounded one: the value lies between the squares of the two midpoints beside
    it. A midpoint has 25 bits and its square 50, so float64 decides without an error of its own."""
    infinity = torch.tensor(float("inf"))
    below = (root.double() + torch.nextafter(root, -infinity).double()) / 2
    above = (root.double() + torch.nextafter(root, infinity).double()) / 2
    return (below * below < value.double()) & (value.double() < above * above)


def wrong_roots(root: Root, count: int = ALL) -> int:
    """How many of `count` roots, spread evenly over all float32 values from 1 to below 4, are not the right ones."""
    wrong, stride = 0, ALL // count
    for first in range(0, ALL, CHUNK * stride):
        bits = torch.arange(first, min(ALL, first + CHUNK * stride), stride, dtype=torch.int32) + 0x3F800000
        values = bits.view(torch.float32)
        wrong += int((~is_right(values, root(values))).sum())
    return wrong


def differing(sizes: tuple[int, ...], options: dict[str, Any]) -> tuple[int, int]:
    """Of all parameters and moments after 100 steps: how many have other bits than torch's, and how many there are."""
    torch.manual_seed(0)
    params = [torch.nn.Parameter(torch.randn(size)) for size in sizes]
    others = copy.deepcopy(params)
    theirs, ours = torch.optim.AdamW(params, **options), AdamW(others)
    for _ in range(STEPS):
        for one, other in zip(params, others):
            one.grad = torch.randn(one.shape)
            other.grad = one.grad
        theirs.step(), ours.step()
    wrong = total = 0
    for one, other in zip(params, others):
        pairs = [(one.detach(), other.detach())]
        pairs += [(theirs.state[one][key], ours.state[other][key]) for key in ("exp_avg", "exp_avg_sq")]
        wrong += sum(int((a.view(torch.int32) != b.view(torch.int32)).sum()) for a, b in pairs)
        total += 3 * one.numel()
    return wrong, total


def seconds_of_steps(sizes: tuple[int, ...], seconds: float) -> dict[str, float]:
    """The median seconds of a step, ours and torch's three, alternating on memory of their own."""
    kinds: dict[str, Callable[[Any], torch.optim.Optimizer]] = {
        "libadamw": AdamW,
        "torch fused=True": lambda params: torch.optim.AdamW(params, fused=True),
        "torch foreach=True": lambda params: torch.optim.AdamW(params, foreach=True),
        "torch foreach=False": lambda params: torch.optim.AdamW(params, foreach=False),
    }
    optimizers = {}
    for label, kind in kinds.items():
        params = [torch.nn.Parameter(torch.randn(size)) for size in sizes]
        for param in params:
            param.grad = torch.randn_like(param)
        optimizers[label] = kind(params)
        optimizers[label].step()
    samples: dict[str, list[float]] = {label: [] for label in optimizers}
    end = time.perf_counter() + seconds
    while time.perf_counter() < end or len(samples["libadamw"]) < 3:
        for label, optimizer in optimizers.items():
            begin = time.perf_counter()
            optimizer.step()
            samples[label].append(time.perf_counter() - begin)
    return {label: sorted(values)[len(values) // 2] for label, values in samples.items()}


def cpu_name() -> str:
    try:
        with open("/proc/cpuinfo", encoding="utf-8") as lines:
            return next(line.split(":", 1)[1].strip() for line in lines if line.startswith("model name"))
    except (OSError, StopIteration):
        return platform.processor() or platform.machine()


def report(seconds: float) -> Iterator[str]:
    yield f"{cpu_name()}: libadamw {version()} ({isa()}), torch {torch.__version__}, {torch.get_num_threads()} threads"
    wrong = wrong_roots(torch.Tensor.sqrt)
    yield f"torch's float32 square roots that are not correctly rounded: {wrong:,} of {ALL:,} ({wrong / ALL:.2%})"
    yield f"values with other bits than torch's after {STEPS} steps (parameters and both moments):"
    for label, options, sizes in (
        ("foreach=False", {"foreach": False}, EVEN + UNEVEN),
        ("fused=True, sizes divisible by 64", {"fused": True}, EVEN),
        ("fused=True, other sizes", {"fused": True}, UNEVEN),
    ):
        count, total = differing(sizes, options)
        yield f"    {label + ':':36}{count:>8,} of {total:,} ({count / total:.2%})"
    for label, sizes in (("150 tensors of 1,000", (1000,) * 150), ("one tensor of 4 million", (4_000_000,))):
        middle = seconds_of_steps(sizes, seconds)
        yield f"a step of {label}: {middle['libadamw'] * 1e6:,.0f} microseconds; times as long take"
        for other in list(middle)[1:]:
            yield f"    {other + ':':36}{middle[other] / middle['libadamw']:>8.2f}"


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m libadamw.check", description=__doc__.split("\n", 1)[0])
    parser.add_argument("--seconds", type=float, default=3.0, help="for each of the two timings (default 3)")
    for line in report(parser.parse_args().seconds):
        print(line, flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
