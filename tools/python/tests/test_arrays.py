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
read_only_five = np.zeros(5, np.float32)
read_only_five.flags.writeable = False


@pytest.mark.parametrize("name, value, error, message", (
    ("param", [[1.0, 2.0]], ValueError, "grad is ndarray|must be a list"),
    ("grad", 1.0, TypeError, "grad is float: it must be an array of float32"),
    ("grad", np.float32(1.0), TypeError, "grad is a scalar, float32, without memory to update: it must be an array"),
    ("param", np.float32(1.0), TypeError, "param is a scalar, float32, without memory"),
    ("param", np.zeros((3, 4)), TypeError, r"param is float64: it must be float32 .*: param.astype\(numpy.float32\)"),
    ("grad", np.zeros((3, 4)), TypeError, "grad is float64: it must be float32 in native byte order: grad.astype"),
    ("grad", np.zeros((3, 4), ">f4"), TypeError, "grad is >f4: it must be float32 in native byte order"),
    ("grad", np.zeros((3, 4), np.int32), TypeError, "grad is int32: it must be float32"),
    ("betas", 0.9, TypeError, "betas is 0.9: it must be two numbers"),
    ("eps", None, TypeError, "eps is None: it must be a number"),
    ("step", True, ValueError, "step is True: it must be an integer from 1"),
    ("step", np.float32(1), ValueError, "step is .*: it must be an integer from 1"),
    ("exp_avg", np.zeros((4, 3), np.float32), ValueError,
     r"exp_avg has the shape \(4, 3\): it must be param's, \(3, 4\)"),
    ("exp_avg_sq", np.zeros((4, 3), np.float32).T, ValueError, "exp_avg_sq has strides .* C-contiguous"),
    ("exp_avg", read_only, ValueError, "exp_avg is read-only"),
    ("step", 0, ValueError, "step is 0: it must be an integer from 1"),
    ("step", 1.0, ValueError, "step is 1.0: it must be an integer from 1"),
    ("lr", -1.0, ValueError, "lr is -1: it must be finite"),
    ("lr", "fast", TypeError, "lr is 'fast': it must be a number"),
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


@pytest.mark.parametrize("kind", (np.int64, np.int8, np.uint32))
def test_numpy_integers_are_integers(kind):
    runs = []
    for step, threads in ((3, 1), (kind(3), kind(1))):
        given = arrays((5,))
        libadamw.adamw_step(**given, step=step, threads=threads)
        runs.append(given["param"])
    assert np.array_equal(*runs)


def test_update_does_everything_in_one_call():
    """Each part against NumPy's: scale, clip by value, copy, average, norms, cleared gradients."""
    shapes = [(3, 4), (7,), ()]
    lists = {name: [arrays(shape, seed)[name] for seed, shape in enumerate(shapes)]
             for name in ("param", "grad", "exp_avg", "exp_avg_sq")}
    lists["param_ema"] = [np.zeros(shape, np.float32) for shape in shapes]
    lists["param_copy"] = [np.zeros(shape, kind) for shape, kind in zip(shapes, (np.float16, np.uint16, np.float16))]
    reference = {name: [array.copy() for array in column] for name, column in lists.items() if name[:6] != "param_"}
    norms = [float(np.linalg.norm(grad.astype(np.float64)) / 4) for grad in reference["grad"]]
    report = libadamw.adamw_update(**lists, step=1, grad_scale=0.25, clip="value", clip_max=0.1, ema="swa_utils",
                                   ema_decay=0.9, zero_grad=True, tensor_norms=True, report_norm=True,
                                   report_ratio=True)
    reference["grad"] = [np.asarray(np.clip(grad * np.float32(0.25), -0.1, 0.1), np.float32)
                         for grad in reference["grad"]]
    before = [param.copy() for param in reference["param"]]
    libadamw.adamw_step(**reference, step=1)
    for name in ("param", "exp_avg", "exp_avg_sq"):
        assert all(map(np.array_equal, lists[name], reference[name]))
    assert all(map(np.array_equal, lists["param_ema"], lists["param"])) and not any(g.any() for g in lists["grad"])
    assert np.array_equal(lists["param_copy"][0], lists["param"][0].astype(np.float16))
    bits = lists["param_copy"][1].astype(np.uint32) << 16
    assert np.array_equal(bits.view(np.float32), torch.from_numpy(lists["param"][1]).bfloat16().float().numpy())
    assert report.tensor_norms == pytest.approx(norms) and report.grad_norm == pytest.approx(np.hypot.reduce(norms))
    ratios = [np.linalg.norm(a - b) / np.linalg.norm(b) for a, b in zip(lists["param"], before)]
    assert report.update_ratio == pytest.approx(max(ratios), rel=1e-4)
    assert report.update_ratio_tensor == int(np.argmax(ratios)) and report.not_finite is None and not report.skipped


@pytest.mark.parametrize("clip", ("global_norm", "tensor_norm"))
def test_update_clips_and_skips(clip):
    lists = {name: [arrays((50,), seed)[name] for seed in range(2)] for name in ("param", "grad", "exp_avg", "exp_avg_sq")}
    report = libadamw.adamw_update(**lists, step=1, clip=clip, clip_max=1.0, report_norm=True)
    assert 0 < report.clip_coefficient < 1 and report.tensor_norms is None
    lists["grad"][1][3] = np.nan
    before = [param.copy() for param in lists["param"]]
    report = libadamw.adamw_update(**lists, step=2, skip_not_finite=True)
    assert report.skipped and report.not_finite == (1, 3) and all(map(np.array_equal, before, lists["param"]))


@pytest.mark.parametrize("options, error, message", (
    ({"clip": "norm", "clip_max": 1.0}, ValueError, "clip is 'norm': it must be one of 'none'"),
    ({"clip": "value"}, ValueError, "clip is 'value' and clip_max is None: a clip and its limit are given together"),
    ({"clip_max": 1.0}, ValueError, "a clip and its limit are given together"),
    ({"ema": "constant"}, ValueError, "an average and its decay are given together"),
    ({"ema": "constant", "ema_decay": 0.9}, ValueError, "param_ema"),
    ({"ema": "constant", "ema_decay": 2.0, "param_ema": np.zeros(5, np.float32)}, ValueError, "ema_decay is 2"),
    ({"grad_scale": 0.0}, ValueError, "grad_scale is 0"),
    ({"param_copy": np.zeros(5, np.float32)}, TypeError, "param_copy is <f4: it must be float16, or uint16"),
    ({"param_ema": np.zeros(4, np.float32), "ema": "constant", "ema_decay": 0.9}, ValueError,
     r"param_ema has the shape \(4,\): it must be param's, \(5,\)"),
    ({"grad": read_only_five, "zero_grad": True}, ValueError, "grad is read-only: it is written to in place"),
))
def test_update_refusals(options, error, message):
    given = arrays((5,))
    before = {name: array.copy() for name, array in given.items()}
    with pytest.raises(error, match=message):
        libadamw.adamw_update(**given | options, step=1)
    assert all(np.array_equal(before[name], given[name]) for name in before)


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
        for name in lib.ISA:  # no CPU has all
            libadamw.select_isa(name)
    libadamw.select_isa(active)


def test_literal_types_are_the_words():
    from typing import get_args

    from libadamw import _schedule, _update

    for literal, words in ((_update.Clip, lib.CLIP), (_update.Ema, lib.EMA), (_update.Decay, lib.DECAY),
                           (_update.Arithmetic, lib.ARITHMETIC), (_schedule.Kind, lib.SCHEDULE_WORDS["kind"])):
        assert set(get_args(literal)) == set(words)
