"""_masters.py - the float32 value of a parameter that is stored in two parts, and how checkpoints are converted.

A split parameter is a float32 in two halves, bfloat16 and int16, in the layout of TransformerEngine's and apex's
remainders. Another optimizer goes on from one by the functions here; none of them steps anything.
"""
from __future__ import annotations

import copy
from itertools import chain
from typing import Any, Sequence

import torch
from torch import Tensor

from . import _library as lib
from ._precision import RESIDUAL_STATE

NARROW = (torch.bfloat16, torch.float16)
REMAINDER = "master_param"  # TransformerEngine's name of it


def _call(name: str, tensors: Sequence[Tensor]) -> None:
    addresses = [tensor.data_ptr() for tensor in tensors]
    status = getattr(lib.library, name)(tensors[0].numel(), *addresses, torch.get_num_threads())
    if status != lib.OK:
        raise lib.error_of(status, f"{name}: {lib.library.adamw_status_string(status).decode()}")


def _check(tensor: Any, name: str, dtype: torch.dtype, like: Tensor | None = None) -> Tensor:
    if not isinstance(tensor, Tensor):
        raise TypeError(f"{name} is {type(tensor).__name__}: it must be a tensor")
    if tensor.dtype != dtype or not tensor.is_cpu:
        raise TypeError(f"{name} is {tensor.dtype} on {tensor.device}: it must be {dtype} on the CPU")
    if like is not None and tensor.shape != like.shape:
        raise ValueError(f"{name} has shape {tuple(tensor.shape)}: it must be {tuple(like.shape)}")
    return tensor.detach().contiguous()


def split(values: Tensor) -> tuple[Tensor, Tensor]:
    """The two halves of float32 values: the nearest bfloat16 of each, and the int16 that it lacks.

    Raises TypeError where values is no float32 tensor on the CPU.
    """
    values = _check(values, "values", torch.float32)
    halves = torch.empty_like(values, dtype=torch.bfloat16), torch.empty_like(values, dtype=torch.int16)
    _call("adamw_split", (values, *halves))
    return halves


def join(params: Tensor, residuals: Tensor) -> Tensor:
    """The float32 values of two halves, to the bit (each NaN becomes 0x7FC00000).

    Raises TypeError or ValueError where they are no bfloat16 and int16 tensors on the CPU of one shape.
    """
    params = _check(params, "params", torch.bfloat16)
    residuals = _check(residuals, "residuals", torch.int16, params)
    values = torch.empty_like(params, dtype=torch.float32)
    _call("adamw_join", (params, residuals, values))
    return values


def value_of(param: Tensor, state: dict[str, Any]) -> Tensor:
    """The parameter in float32: itself where it is that or wider, joined where it is split."""
    param = param.detach()
    if param.dtype is torch.bfloat16 and RESIDUAL_STATE in state:
        return torch.empty_like(param, dtype=torch.float32).copy_(join(param, state[RESIDUAL_STATE]))
    return param.float() if param.dtype in NARROW else param


def _params_of(optimizer: torch.optim.Optimizer) -> list[Tensor]:
    return list(chain.from_iterable(group["params"] for group in optimizer.param_groups))


def to_float32(optimizer: torch.optim.Optimizer) -> tuple[list[Tensor], dict[str, Any]]:
    """Copies of the parameters in float32, in the order of the groups, and the state_dict that torch.optim.AdamW (or
    Adam) of this list takes: every state in float32, no residual. What is compensated loses its compensation."""
    params = [value_of(param, optimizer.state.get(param, {})).clone() for param in _params_of(optimizer)]
    saved = copy.deepcopy(optimizer.state_dict())
    for state in saved["state"].values():
        state.pop(RESIDUAL_STATE, None)
        for key, value in state.items():
            if isinstance(value, Tensor) and value.dtype in NARROW:
                state[key] = value.float()
    return params, saved


@torch.no_grad()
def from_float32(optimizer: torch.optim.Optimizer, params: Sequence[Tensor], state_dict: dict[str, Any]) -> None:
    """Takes over the parameters and the state_dict of a run in float32, as to_float32() gives them.

    Each parameter gets its value, rounded to its dtype; with master="split" all bits of it.

    Raises: TypeError or ValueError where params is no list of float32 tensors on the CPU of the parameters' shapes;
    what load_state_dict() raises. Nothing was changed then.
    """
    own = _params_of(optimizer)
    if not isinstance(params, (list, tuple)) or len(params) != len(own):
        raise ValueError(f"params must be a list of {len(own)} tensors, as many as the optimizer has")
    values = [_check(value, f"params[{place}]", torch.float32, own[place]) for place, value in enumerate(params)]
    halves: dict[int, tuple[Tensor, Tensor]] = {}
    if optimizer.precision.master == "split":
        halves = {place: split(values[place]) for place, param in enumerate(own) if param.dtype is torch.bfloat16}
    saved = copy.deepcopy(state_dict)
    numbers = list(chain.from_iterable(group["params"] for group in saved["param_groups"]))
    for place, (_, residual) in halves.items():
        if place < len(numbers) and numbers[place] in saved["state"]:
            saved["state"][numbers[place]][RESIDUAL_STATE] = residual
    optimizer.load_state_dict(saved)
    for place, (param, value) in enumerate(zip(own, values)):
        param.copy_(halves[place][0] if place in halves else value)
        if place in halves and RESIDUAL_STATE not in optimizer.state[param]:
            optimizer.state[param] = {RESIDUAL_STATE: halves[place][1]}


def to_remainders(state_dict: dict[str, Any]) -> dict[str, Any]:
    """The state_dict of TransformerEngine's FusedAdam(store_param_remainders=True) from one of a split run: the
    residual is called "master_param", and each group counts its steps.

    Raises ValueError where the parameters of a group have made different numbers of steps.
    """
    saved = {**state_dict, "state": {}, "param_groups": [dict(group) for group in state_dict["param_groups"]]}
    for number, group in enumerate(saved["param_groups"]):
        states = {param: dict(state_dict["state"][param]) for param in group["params"] if param in state_dict["state"]}
        steps = {int(state.pop("step")) for state in states.values()}
        if len(steps) > 1:
            raise ValueError(f"the parameters of group {number} have made {sorted(steps)} steps: it must be one number")
        group["step"] = steps.pop() if steps else 0
        for param, state in states.items():
            saved["state"][param] = {REMAINDER if key == RESIDUAL_STATE else key: state[key] for key in state}
    return saved


def from_remainders(state_dict: dict[str, Any]) -> dict[str, Any]:
    """The way back, for load_state_dict() of an optimizer with master="split".

    Raises TypeError where a "master_param" is no int16 tensor: FusedAdam without remainders keeps float32 there.
    """
    saved = {**state_dict, "state": {}, "param_groups": []}
    for given in state_dict["param_groups"]:
        group = dict(given)
        step = float(group.pop("step", 0))
        saved["param_groups"].append(group)
        for param in (param for param in group["params"] if param in state_dict["state"]):
            state = dict(state_dict["state"][param])
            if REMAINDER in state:
                state[RESIDUAL_STATE] = state.pop(REMAINDER)
                if getattr(state[RESIDUAL_STATE], "dtype", None) != torch.int16:
                    raise TypeError(f"{REMAINDER} of parameter {param} must be an int16 tensor of remainders")
            saved["state"][param] = {"step": torch.tensor(step)} | state
    return saved
