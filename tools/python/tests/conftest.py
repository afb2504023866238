"""The environment in which torch's bits are compared: correctly rounded roots (roots.py), one thread, a seed."""
import roots  # isort: skip  before torch
import hypothesis
import pytest
import torch

from libadamw import _look

hypothesis.settings.register_profile("libadamw", deadline=None, derandomize=True)
hypothesis.settings.load_profile("libadamw")


def pytest_report_header():
    return roots.report()


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
