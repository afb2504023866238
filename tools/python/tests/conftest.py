"""The environment in which torch's bits are compared: MKL's AVX2 form, set before torch is imported.

torch takes float32 roots from MKL, which on AVX-512 CPUs rounds 0.6 % of them wrongly; its AVX2 form is right for
every value from 4.9e-32 up (README.md). Where a CPU's roots are wrong even so, torch's root is replaced, in this
process, by NumPy's, which is rounded correctly.
"""
import os

os.environ.setdefault("MKL_ENABLE_INSTRUCTIONS", "AVX2")

import hypothesis
import numpy as np
import pytest
import torch

from libadamw import _look

hypothesis.settings.register_profile("libadamw", deadline=None, derandomize=True)
hypothesis.settings.load_profile("libadamw")


def torch_roots_are_right() -> bool:
    values = np.random.default_rng(0).integers(0x0C000000, 0x7F800000, 1 << 20, dtype=np.uint32).view(np.float32)
    return torch.equal(torch.from_numpy(values).sqrt(), torch.from_numpy(np.sqrt(values)))


ROOTS_ARE_RIGHT = torch_roots_are_right()
if not ROOTS_ARE_RIGHT:
    torch.Tensor.sqrt = lambda tensor: torch.from_numpy(np.asarray(np.sqrt(tensor.numpy())))


def pytest_report_header():
    whose = "torch's own" if ROOTS_ARE_RIGHT else "NumPy's in torch's place (torch's are not correctly rounded here)"
    return f"torch {torch.__version__}, float32 roots: {whose}"


@pytest.fixture(params=("one call", "torch's methods"))
def way_to_look(request, monkeypatch):
    """Both ways in which _look.py sees what changed."""
    if request.param != "one call":
        monkeypatch.setattr(_look, "NATIVE", None)
    elif _look.NATIVE is None:
        pytest.skip("torch has no __dlpack_c_exchange_api__, or there is no libadamw_look.so beside libadamw.so")


@pytest.fixture(autouse=True)
def seeded():
    torch.manual_seed(0)
    torch.set_num_threads(1)  # small tensors: a second thread only waits; test_bits.py has a test of both
