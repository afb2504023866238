"""roots.py - torch's float32 square roots, correctly rounded, in this process and in the ones that it spawns.

The tests compare the library's bits with torch's. torch's own float32 root is wrong in the last bit for 0.59 % of
values on CPUs with AVX-512 and for 17 to 20 % on AMD's Zen 3 and Zen 5, so that a comparison with it would test
the CPU's vendor. Importing this module chooses MKL's AVX2 form, which is right from 4.9e-32 up on Intel's CPUs, and
puts a correctly rounded root in torch's place where that form is wrong too. It must be imported before torch.
"""
import os

os.environ.setdefault("MKL_ENABLE_INSTRUCTIONS", "AVX2")

import torch  # noqa: E402

from libadamw.check import wrong_roots  # noqa: E402

TORCHS_ROOT = torch.Tensor.sqrt
SOME = 1 << 20  # values to look at


def root(tensor: torch.Tensor) -> torch.Tensor:
    """The root by way of float64: its 53 bits are enough for the second rounding to be the right one."""
    if tensor.dtype != torch.float32:
        return TORCHS_ROOT(tensor)
    return TORCHS_ROOT(tensor.double()).float()


ARE_RIGHT = wrong_roots(TORCHS_ROOT, SOME) == 0
if not ARE_RIGHT:
    torch.Tensor.sqrt = root


def report() -> str:
    whose = "torch's own" if ARE_RIGHT else "by way of float64 (torch's are not correctly rounded here)"
    return f"torch {torch.__version__}, float32 roots: {whose}"
