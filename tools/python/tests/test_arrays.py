"""libadamw.adamw_step on NumPy arrays: against torch's bits, its defaults, lists, and every refusal."""
import ctypes

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

import libadamw
from libadamw import _library as lib


def arrays(shape, seed=0, amsgrad=False):
    generator = np.random.default_rng(seed)
    names = ["param", "grad", "exp_avg", "exp_avg_sq"] + (["max_exp_avg_sq"] if amsgrad else [])
    return {name: (generator.standard_normal(shape) if name in ("param", "grad") else np.zeros(shape))
            .astype(np.float32) for name in names}


@pytest.mark.parametrize("amsgrad", (False, True))
@pytest.mark.parametrize("decay, reference", (("decoupled", torch.optim.AdamW), ("l2", torch.optim.Adam)))
def test_torch_arithmetic_has_torchs_bits(decay, reference, amsgrad):
    given = arrays((17, 5), amsgrad=amsgrad)
    param = torch.nn.Parameter(torch.from_numpy(given["param"].copy()))
    optimizer = reference([param], lr=0.01, weight_decay=0.1, amsgrad=amsgrad, foreach=False, maximize=True)
    for step in range(1, 6):
        given["grad"][:] = np.random.default_rng(step).standard_normal((17, 5))
        param.grad = torch.from_numpy(given["grad"])
        optimizer.step()
        libadamw.adamw_step(**given, step=step, lr=0.01, weight_decay=0.1, decay=decay, arithmetic="torch",
                            maximize=True)
        assert np.array_equal(given["param"], param.detach().numpy())
        for name in set(given) - {"param", "grad"}:
            assert np.array_equal(given[name], optimizer.state[param][name].numpy())


@given(shapes=st.lists(st.lists(st.integers(0, 7), max_size=3).map(tuple), max_size=8), threads=st.integers(0, 2))
def test_a_list_is_its_parts(shapes, threads):
    whole = [arrays(shape, seed) for seed, shape in enumerate(shapes)]
    parts = [{name: array.copy() for name, array in tensor.items()} for tensor in whole]
    columns = {name: [tensor[name] for tensor in whole] for name in ("param", "grad", "exp_avg", "exp_avg_sq")}
    for step in (1, 2):
        libadamw.adamw_step(**columns, step=step, threads=threads)
        for part in parts:
            libadamw.adamw_step(**part, step=step)
    for tensor, part in zip(whole, parts):
        assert all(np.array_equal(tensor[name], part[name]) for name in tensor)


def test_accurate_is_the_formula_to_the_librarys_bar():
    given = arrays((1000,))
    param, grad = given["param"].astype(np.float64), given["grad"].astype(np.float64)
    libadamw.adamw_step(**given, step=1, lr=1e-3, weight_decay=0.1)
    update = 1e-3 * grad / (np.abs(grad) + 1e-8)
    bar = 2.0**-23 * (0.5 * np.abs(param) + 4 * (np.abs(update) + 1e-4 * np.abs(param)))
    assert (np.abs(given["param"] - (param - update - 1e-4 * param)) <= bar).all()


def test_defaults_are_the_librarys():
    config = lib.default_config()
    signature = libadamw.adamw_step.__kwdefaults__
    assert (config.lr, config.eps, config.weight_decay) == (
        signature["lr"], signature["eps"], signature["weight_decay"])
    assert (config.beta1, config.beta2) == signature["betas"]
    assert (config.decay, config.arithmetic) == (
        lib.DECAY[signature["decay"]], lib.ARITHMETIC[signature["arithmetic"]])


class Interface:
    """An array that is not NumPy's."""

    def __init__(self, values):
        self.buffer = (ctypes.c_float * len(values))(*values)
        self.__array_interface__ = {"version": 3, "typestr": "<f4", "shape": (len(values),),
                                    "data": (ctypes.addressof(self.buffer), False)}


def test_any_array_interface():
    given = [Interface(values) for values in ([1.0, 2.0], [1.0, -1.0], [0.0, 0.0], [0.0, 0.0])]
    libadamw.adamw_step(*given, step=1, lr=0.5, weight_decay=0.0)
    assert np.allclose(list(given[0].buffer), [0.5, 2.5])


read_only = np.zeros((3, 4), np.float32)
read_only.flags.writeable = False


@pytest.mark.parametrize("name, value, error, message", (
    ("param", [[1.0, 2.0]], ValueError, "grad is ndarray|must be a list"),
    ("grad", 1.0, TypeError, "grad is float: it must be a float32 array"),
    ("grad", np.zeros((3, 4)), TypeError, "grad has the type <f8: it must be float32"),
    ("grad", np.zeros((3, 4), ">f4"), TypeError, "grad has the type >f4"),
    ("exp_avg", np.zeros((4, 3), np.float32), ValueError,
     r"exp_avg has the shape \(4, 3\): it must be param's, \(3, 4\)"),
    ("exp_avg_sq", np.zeros((4, 3), np.float32).T, ValueError, "exp_avg_sq has strides .* C-contiguous"),
    ("exp_avg", read_only, ValueError, "exp_avg is read-only"),
    ("step", 0, ValueError, "step is 0: it must be an integer from 1"),
    ("step", 1.0, ValueError, "step is 1.0: it must be an integer from 1"),
    ("lr", -1.0, ValueError, "lr is -1: it must be finite"),
    ("lr", "fast", TypeError, ""),
    ("betas", (0.9, 1.0), ValueError, "beta2 is 1: it must be at least 0 and below 1"),
    ("eps", float("nan"), ValueError, "eps is nan"),
    ("decay", "none", ValueError, "decay is 'none': it must be one of 'decoupled', 'l2'"),
    ("arithmetic", "fast", ValueError, "arithmetic is 'fast': it must be one of 'accurate', 'torch'"),
    ("threads", -1, ValueError, "threads is -1"),
    ("max_exp_avg_sq", np.zeros(3, np.float32), ValueError, "max_exp_avg_sq has the shape"),
))
def test_refusals_change_nothing(name, value, error, message):
    given = arrays((3, 4)) | {"step": 1}
    before = {key: np.copy(array) for key, array in given.items()}
    given[name] = value
    with pytest.raises((error, TypeError) if name == "param" else error, match=message or None):
        libadamw.adamw_step(**given)
    for key, array in before.items():
        assert key == name or np.array_equal(array, given[key])


def test_overlap_names_the_buffers():
    given = arrays((3,))
    given["exp_avg_sq"] = given["exp_avg"]
    with pytest.raises(ValueError, match="exp_avg and exp_avg_sq overlap"):
        libadamw.adamw_step(**given, step=1)


def test_lists_of_other_lengths():
    given = {name: [array] * 2 for name, array in arrays((3,)).items()}
    given["exp_avg"] = given["exp_avg"][:1]
    with pytest.raises(ValueError, match="exp_avg has 1 arrays: it must have as many as param, 2"):
        libadamw.adamw_step(**given, step=1)
    given["exp_avg"] = np.zeros(3, np.float32)
    with pytest.raises(TypeError, match="exp_avg is ndarray: it must be a list of arrays"):
        libadamw.adamw_step(**given, step=1)


def test_instruction_sets_by_name():
    active = libadamw.isa()
    libadamw.select_isa("scalar")
    assert libadamw.isa() == "scalar"
    libadamw.select_isa("auto")
    with pytest.raises(ValueError, match="isa is 'sse': it must be one of auto, scalar"):
        libadamw.select_isa("sse")
    with pytest.raises(RuntimeError, match="does not have the instruction set"):
        for name in ("neon", "avx512", "avx2"):  # no CPU has all three
            libadamw.select_isa(name)
    libadamw.select_isa(active)
