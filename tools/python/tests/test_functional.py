"""libadamw.torch.step(): lists of tensors against torch's functional step, and every refusal."""
import copy
import math

import pytest
import torch
from common import same_bits
from torch.optim.adam import adam as torchs_adam

import libadamw.torch

SHAPES = [(3, 4), (), (100,), (0,), (2, 3, 4, 5), (2049,)]


def lists(amsgrad=False):
    names = ["params", "grads", "exp_avgs", "exp_avg_sqs"] + ["max_exp_avg_sqs"] * amsgrad
    made = {name: [torch.randn(shape) if name in ("params", "grads") else torch.zeros(shape) for shape in SHAPES]
            for name in names}
    for column in made.values():
        column[4] = column[4].to(memory_format=torch.channels_last)
    return made


@pytest.mark.parametrize("amsgrad", (False, True))
@pytest.mark.parametrize("decoupled", (False, True))
def test_torchs_bits(decoupled, amsgrad):
    ours, steps = lists(amsgrad), [torch.tensor(float(place)) for place in range(len(SHAPES))]
    theirs, their_steps = copy.deepcopy((ours, steps))
    options = {"lr": 0.01, "weight_decay": 0.1, "eps": 1e-6, "maximize": True}
    for _ in range(4):
        for one, other in zip(theirs["grads"], ours["grads"]):
            other.copy_(one.normal_())
        report = libadamw.torch.step(steps=steps, **ours, **options, betas=(0.8, 0.95), decoupled_weight_decay=decoupled)
        torchs_adam(
            *[theirs[name] for name in ("params", "grads", "exp_avgs", "exp_avg_sqs")],
            theirs.get("max_exp_avg_sqs", []), their_steps, foreach=False, amsgrad=amsgrad, beta1=0.8, beta2=0.95,
            decoupled_weight_decay=decoupled, **options)
        assert not report.skipped
        for name, column in theirs.items():
            assert all(map(same_bits, column, ours[name])), name
        assert steps == their_steps


@pytest.mark.parametrize("steps", (3, [3] * len(SHAPES), [torch.tensor(2.0) for _ in SHAPES], [torch.tensor([2])] * 0))
def test_forms_of_steps(steps):
    if steps == []:
        with pytest.raises(ValueError, match="steps has 0 entries: it must have as many as params, 6"):
            libadamw.torch.step(steps=steps, lr=0.1, **lists())
        return
    torch.manual_seed(0)
    ours = lists()
    libadamw.torch.step(steps=steps, lr=0.1, **ours)
    torch.manual_seed(0)
    reference = lists()
    libadamw.torch.step(steps=3, lr=0.1, **reference)
    assert all(map(same_bits, ours["params"], reference["params"]))


@pytest.mark.parametrize("dtype", (torch.bfloat16, torch.float16))
def test_compute_params(dtype):
    ours = lists()
    narrow = [torch.full_like(param, 9.0, dtype=dtype) for param in ours["params"]]
    libadamw.torch.step(steps=1, lr=0.1, compute_params=narrow, **ours)
    assert all(torch.equal(param.to(dtype), copy) for param, copy in zip(ours["params"], narrow))


def test_scale_clip_skip_and_zero():
    ours = lists()
    reference = copy.deepcopy(ours)
    report = libadamw.torch.step(steps=1, lr=0.1, grad_scale=0.5, clip="global_norm", clip_max=1.0, zero_grad=True,
                                 tensor_norms=True, **ours)
    norms = [grad.double().norm().item() / 2 for grad in reference["grads"]]
    assert report.tensor_norms == pytest.approx(norms) and report.grad_norm == pytest.approx(math.hypot(*norms))
    assert report.clip_coefficient == pytest.approx(1 / report.grad_norm) and not any(g.any() for g in ours["grads"])
    for grad in reference["grads"]:
        grad.mul_(0.5)
    for grad in reference["grads"]:
        grad.mul_(torch.tensor(report.clip_coefficient, dtype=torch.float32))
    libadamw.torch.step(steps=1, lr=0.1, **reference)
    for one, other in zip(ours["params"], reference["params"]):
        assert torch.allclose(one, other, rtol=1e-6)

    steps = [torch.tensor(4.0) for _ in SHAPES]
    ours["grads"][2][7] = math.inf
    before = copy.deepcopy(ours["params"])
    report = libadamw.torch.step(steps=steps, lr=0.1, skip_not_finite=True, **ours)
    assert report.skipped and report.not_finite == (2, 7) and all(step == 4 for step in steps)
    assert all(map(same_bits, before, ours["params"]))


def test_autograd_sees_it():
    param = torch.ones(3, requires_grad=True)
    loss = (param * param).sum()
    libadamw.torch.step([param], [torch.ones(3)], [torch.zeros(3)], [torch.zeros(3)], 1, lr=0.1)
    with pytest.raises(RuntimeError, match="modified by an inplace operation"):
        loss.backward()


@pytest.mark.parametrize("name, place, value, error, message", (
    ("grads", 0, torch.ones(4, 3), ValueError, r"grads\[0\] has shape \(4, 3\): it must be \(3, 4\)"),
    ("grads", 2, torch.ones(100).double(), TypeError, r"grads\[2\] is torch.float64: it must be float32"),
    ("params", 2, [1.0], TypeError, r"params\[2\] is list: it must be a tensor"),
    ("exp_avgs", 0, torch.ones(3, 8)[:, ::2], ValueError, r"exp_avgs\[0\] has strides \(8, 2\): it must be dense"),
    ("exp_avgs", 0, torch.ones(4, 3).t(), ValueError, r"exp_avgs\[0\] has strides .*: they must be its parameter's"),
    ("exp_avg_sqs", 2, torch.ones(100, device="meta"), TypeError, r"exp_avg_sqs\[2\] is a Tensor on meta"),
    ("grads", None, torch.ones(3), TypeError, "grads is Tensor: it must be a list of tensors"),
    ("exp_avgs", None, [], ValueError, "exp_avgs has 0 tensors: it must have as many as params, 6"),
    ("compute_params", None, [torch.ones(shape) for shape in SHAPES], TypeError,
     r"compute_params\[0\] is torch.float32: it must be bfloat16 or float16"),
    ("steps", None, 0, ValueError, "steps is 0: it must be a whole number from 1"),
    ("steps", None, 1.5, ValueError, "steps is 1.5: it must be a whole number from 1"),
    ("steps", None, [torch.tensor(-1.0)] * 6, ValueError, r"step of steps\[0\]|steps\[0\]"),
    ("lr", None, "fast", TypeError, "lr is 'fast': it must be a number"),
    ("lr", None, -1.0, ValueError, "lr is -1"),
    ("betas", None, 0.9, TypeError, "betas is 0.9: it must be two numbers"),
    ("arithmetic", None, "bogus", ValueError, "arithmetic is 'bogus': it must be one of 'accurate', 'torch'"),
    ("clip", None, "norm", ValueError, "clip is 'norm': it must be one of 'none', 'global_norm'"),
    ("clip_max", None, 1.0, ValueError, "a clip and its limit are given together"),
    ("threads", None, -1, ValueError, "threads is -1"),
))
def test_refusals(name, place, value, error, message):
    given = lists() | {"steps": 1, "lr": 0.1}
    before = copy.deepcopy(given["params"])
    if place is None:
        given[name] = value
    else:
        given[name][place] = value
    with pytest.raises(error, match=message):
        libadamw.torch.step(**given)
    assert all(same_bits(one, other) for one, other in zip(before, given["params"]) if isinstance(other, torch.Tensor))


def test_overlap():
    given = lists()
    given["exp_avgs"][2] = given["exp_avg_sqs"][2]
    with pytest.raises(ValueError, match=r"exp_avg_sqs\[2\] shares memory with exp_avgs\[2\]"):
        libadamw.torch.step(steps=1, lr=0.1, **given)
