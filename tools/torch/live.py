"""Compares TORCH arithmetic with the installed torch, step by step, on a million random elements: make test-torch.

torch's float32 root comes from MKL, which rounds it correctly in some of its code paths alone. So there are two runs:
torch as it is, where differences are reported, and torch with MKL_CBWR=AVX2, a documented setting of MKL, where none
is allowed. Where even that root is not right on this CPU, the second run replaces it by the correctly rounded one.
"""
import argparse
import ctypes
import itertools
import os
import subprocess
import sys

CHECKPOINTS = (1, 2, 10, 100, 1000)
EXACT_ROOT = {"MKL_CBWR": "AVX2"}

try:
    import numpy as np
    import torch

    import inputs
except ImportError as error:
    print(f"test-torch: {error.name} is missing: `make python-venv` installs torch and numpy into build/venv, "
          f"or PYTHON=... names an interpreter that has them (pip install torch numpy)", file=sys.stderr)
    sys.exit(2)


class Config(ctypes.Structure):
    """adamw_config of include/adamw.h."""
    _fields_ = [("lr", ctypes.c_double), ("beta1", ctypes.c_double), ("beta2", ctypes.c_double),
                ("eps", ctypes.c_double), ("weight_decay", ctypes.c_double), ("decay", ctypes.c_int),
                ("arithmetic", ctypes.c_int), ("amsgrad", ctypes.c_bool), ("maximize", ctypes.c_bool),
                ("bias_correction", ctypes.c_bool), ("rounding", ctypes.c_int), ("seed", ctypes.c_uint64)]


class Tensor(ctypes.Structure):
    """The first fields of adamw_tensor; what follows them is zero, which is off."""
    _fields_ = [("n", ctypes.c_size_t), ("param", ctypes.c_void_p), ("grad", ctypes.c_void_p),
                ("exp_avg", ctypes.c_void_p), ("exp_avg_sq", ctypes.c_void_p), ("max_exp_avg_sq", ctypes.c_void_p),
                ("config", ctypes.c_void_p), ("step", ctypes.c_uint64), ("rest", ctypes.c_byte * 256)]


class Pair:
    """One configuration, run by torch and by the library side by side."""

    def __init__(self, library, n, l2, amsgrad, maximize, weight_decay, betas, lr):
        self.name = (f"{'Adam ' if l2 else 'AdamW'} wd {weight_decay:g} betas {betas[0]:g}/{betas[1]:g} lr {lr:g}"
                     f"{' amsgrad' if amsgrad else ''}{' maximize' if maximize else ''}")
        self.library = library
        self.parameter = torch.nn.Parameter(torch.from_numpy(inputs.params(n)))
        kind = torch.optim.Adam if l2 else torch.optim.AdamW
        self.optimizer = kind([self.parameter], lr=lr, betas=betas, eps=1e-8, weight_decay=weight_decay,
                              amsgrad=amsgrad, maximize=maximize, foreach=False)
        self.arrays = [inputs.params(n)] + [np.zeros(n, np.float32) for _ in range(2 + amsgrad)]
        self.config = Config(lr, *betas, 1e-8, weight_decay, l2, 1, amsgrad, maximize, True)

    def step(self, number, grad):
        self.parameter.grad = torch.from_numpy(grad)
        self.optimizer.step()
        at = [array.ctypes.data for array in self.arrays]
        tensor = Tensor(len(grad), at[0], grad.ctypes.data, *at[1:])
        status = self.library.adamw_step(ctypes.byref(self.config), ctypes.c_uint64(number), ctypes.byref(tensor),
                                         ctypes.c_size_t(1), 1)
        if status != 0:
            sys.exit(f"test-torch: adamw_step returned {status}")

    def differing(self):
        """How many elements differ in any buffer, NaN equal to NaN."""
        state = self.optimizer.state[self.parameter]
        theirs = [self.parameter.detach(), state["exp_avg"], state["exp_avg_sq"], state.get("max_exp_avg_sq")]
        wrong = np.zeros(len(self.arrays[0]), bool)
        for ours, other in zip(self.arrays, theirs):
            other = other.numpy()
            wrong |= (ours.view(np.uint32) != other.view(np.uint32)) & ~(np.isnan(ours) & np.isnan(other))
        return int(wrong.sum())


def compare(library, n, steps, replace_root, strict):
    torch.set_num_threads(1)  # and one for the library: two teams that wait for each other's cores take turns
    share = inputs.share_of_wrong_roots()
    print(f"torch {torch.__version__}, MKL_CBWR="
          f"{os.environ.get('MKL_CBWR', '(not set)')}: {share:.4%} of the roots of two binades are not correctly rounded")
    if strict and share > 0:
        print("this CPU's MKL has no right root in this mode: torch.sqrt is replaced by the correctly rounded one")
        replace_root = True
    if replace_root:
        torch.Tensor.sqrt = inputs.rounded_sqrt
    must_agree = replace_root or share == 0
    axes = list(itertools.product((False, True), (False, True), (False, True)))
    values = [(0.1, (0.9, 0.999), 1e-3), (1e-4, (0.8, 0.95), 1e-3), (0.0, (0.0, 0.0), 1.0), (1e-2, (0.3, 0.999), 1e-8)]
    # Each kind of optimizer meets the usual betas with and without amsgrad.
    pairs = [Pair(library, n, *flags, *values[(i + 2 * (i // 4)) % 4]) for i, flags in enumerate(axes)]
    found = 0
    checkpoints = [step for step in CHECKPOINTS if step < steps] + [steps]
    counts = {pair: [] for pair in pairs}
    for step in range(1, steps + 1):
        grad = inputs.grads(step, n)
        for pair in pairs:
            pair.step(step, grad)
            if step in checkpoints:
                counts[pair].append(pair.differing())
                found += counts[pair][-1]
        if sys.stderr.isatty():
            print(f"\rstep {step} of {steps}", end="", file=sys.stderr)
    if sys.stderr.isatty():
        print("\r\033[K", end="", file=sys.stderr)
    print(f"{'differing elements of ' + str(n) + ' after step':55}" + "".join(f"{step:>9}" for step in checkpoints))
    for pair in pairs:
        print(f"{pair.name:55}" + "".join(f"{count:>9}" for count in counts[pair]))
    print(f"{found} differing elements" + ("" if must_agree else ": reported, because torch's own roots are not right"))
    return found == 0 or not must_agree


def main():
    arguments = argparse.ArgumentParser(prog="live.py", description=__doc__.splitlines()[0])
    arguments.add_argument("library", help="build/libadamw.so")
    arguments.add_argument("--n", type=int, default=1_000_000, help="elements (default 1,000,000)")
    arguments.add_argument("--steps", type=int, default=1000, help="steps (default 1,000)")
    arguments.add_argument("--mode", choices=("both", "as-is", "exact-root"), default="both")
    chosen = arguments.parse_args()
    if chosen.n < 1 or chosen.steps < 1:
        arguments.error("--n and --steps must be at least 1")
    if chosen.mode == "both":
        # A process for each: MKL reads its environment once.
        run = [sys.executable, __file__, chosen.library, f"--n={chosen.n}", f"--steps={chosen.steps}"]
        as_is = subprocess.run(run + ["--mode=as-is"]).returncode
        exact = subprocess.run(run + ["--mode=exact-root"], env={**os.environ, **EXACT_ROOT}).returncode
        passed = (as_is == 0) + (exact == 0)
        print(f"{passed} passed, {2 - passed} failed")
        return passed != 2
    try:
        library = ctypes.CDLL(os.path.abspath(chosen.library))
    except OSError as error:
        print(f"test-torch: {error}: `make` builds it", file=sys.stderr)
        return 2
    return not compare(library, chosen.n, chosen.steps, False, chosen.mode == "exact-root")


sys.exit(main())
