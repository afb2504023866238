"""Parameters, gradients and comparisons that the tests share."""
from __future__ import annotations

import copy

import torch

import libadamw.torch

CLASSES = {"AdamW": (torch.optim.AdamW, libadamw.torch.AdamW), "Adam": (torch.optim.Adam, libadamw.torch.Adam)}
SHAPES = [(3, 4), (), (100,), (0,), (1,), (17, 33), (7, 5, 3), (2049,)]


def make_params(shapes=SHAPES) -> list[torch.nn.Parameter]:
    return [torch.nn.Parameter(torch.randn(shape)) for shape in shapes]


def twins(name: str = "AdamW", shapes=SHAPES, **options):
    """torch's for-loop optimizer and ours, each over its own copy of the same parameters."""
    theirs, ours = CLASSES[name]
    params = make_params(shapes)
    others = copy.deepcopy(params)
    return params, theirs(params, foreach=False, **options), others, ours(others, **options)


def give_grads(*lists, scale=1.0) -> None:
    """The same new random gradients to each list of parameters."""
    for group in zip(*lists):
        grad = torch.randn(group[0].shape) * scale
        for param in group:
            param.grad = grad.clone()


def same_bits(one: torch.Tensor, other: torch.Tensor) -> bool:
    """Equal bits, or NaN in the same places."""
    if one.dtype != other.dtype or one.shape != other.shape:
        return False
    if not torch.equal(one.isnan(), other.isnan()):
        return False
    size = {torch.float32: torch.int32, torch.bfloat16: torch.int16, torch.float16: torch.int16}.get(one.dtype)
    if size is None:
        return torch.equal(one, other)
    one, other = one.detach().nan_to_num(nan=0.0), other.detach().nan_to_num(nan=0.0)
    return torch.equal(one.contiguous().view(size), other.contiguous().view(size))


def assert_same(params, optimizer, others, other_optimizer) -> None:
    """Parameters and every state have the same bits."""
    for place, (one, other) in enumerate(zip(params, others)):
        assert same_bits(one, other), f"parameter {place} differs"
        state, other_state = optimizer.state.get(one, {}), other_optimizer.state.get(other, {})
        assert list(state) == list(other_state), f"parameter {place} has other states"
        for key in state:
            assert same_bits(state[key], other_state[key]), f"{key} of parameter {place} differs"


def assert_same_state_dict(one, other) -> None:
    assert one["param_groups"] == other["param_groups"]
    assert list(one["state"]) == list(other["state"])
    for key, state in one["state"].items():
        assert list(state) == list(other["state"][key])
        for name, value in state.items():
            assert same_bits(value, other["state"][key][name]), f"{name} of {key} differs"
