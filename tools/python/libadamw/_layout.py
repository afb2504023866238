"""_layout.py - the single tensors that a plan is made of: where their memory is, in which order, their first states.

_check.py decides what is accepted, _plan.py what is done with the list.
"""
from __future__ import annotations

from typing import Any, NamedTuple

import torch

from ._check import is_plain
from ._masters import value_of
from ._precision import EMA_STATE, RESIDUAL_STATE, Precision, is_new, state_dtype_of


class Entry(NamedTuple):
    """A parameter with a gradient."""

    number: int  # of its group
    param: torch.Tensor
    state: dict[str, Any]
    name: str
    keys: tuple[str, ...]  # of the states that the step uses beside the counter
    precision: Precision | None  # None: torch's own step
    stream: int  # its place in the list of all parameters


class Staged(NamedTuple):
    """A tensor whose elements lie in another order than its parameter's, or a float16 parameter, which is stepped in
    float32: copied before the step, and back after. The gradient is not copied back.
    """

    row: int
    field: str
    strides: tuple[int, ...]


def local(tensor: torch.Tensor) -> torch.Tensor:
    """The tensor that has the memory: this process's shard of a DTensor, otherwise itself."""
    if is_plain(tensor):
        return tensor
    with torch.no_grad():
        shard = tensor.to_local()
    return shard if is_plain(shard) else shard.wait()  # an AsyncCollectiveTensor, documented to need it


def dense_strides(tensor: torch.Tensor) -> tuple[int, ...]:
    """The tensor's own strides where it is dense, otherwise those of a dense copy."""
    if tensor.is_contiguous():
        return tensor.stride()
    return torch.empty_like(tensor, device="meta", memory_format=torch.preserve_format).stride()


def in_order(tensor: torch.Tensor, strides: tuple[int, ...]) -> bool:
    if tensor.is_neg():  # a lazily negated view: its memory has the other sign
        return False
    if tensor.stride() == strides:
        return True
    return all(mine == theirs for mine, theirs, size in zip(tensor.stride(), strides, tensor.shape) if size > 1)


def fill_state(entry: Entry) -> None:
    """torch's own initial state where there is none; and the start of an average and of a residual."""
    state, param, keys, precision = entry.state, entry.param, entry.keys, entry.precision

    def dtype_of(key: str) -> torch.dtype:
        return param.dtype if precision is None else state_dtype_of(key, param, precision)

    def zeros(key: str) -> torch.Tensor:
        return torch.zeros_like(param, dtype=dtype_of(key), memory_format=torch.preserve_format)

    if is_new(state):
        dtype = torch.float64 if torch.get_default_dtype() == torch.float64 else torch.float32
        state["step"] = torch.tensor(0.0, dtype=dtype)
        for key in keys:
            if key not in (EMA_STATE, RESIDUAL_STATE):
                state[key] = zeros(key)
    if RESIDUAL_STATE in keys and RESIDUAL_STATE not in state:
        state[RESIDUAL_STATE] = zeros(RESIDUAL_STATE)
    if EMA_STATE in keys and EMA_STATE not in state:
        state[EMA_STATE] = value_of(param, state).clone(memory_format=torch.preserve_format)
