"""_check.py - what the torch step accepts: each refusal of a group, a parameter, a gradient or a state, in words.

Everything is checked when a plan is made, before anything is written; _plan.py decides when that is needed again.
"""
from __future__ import annotations

import math
import sys
from typing import Any

import torch

from ._precision import CODES, EMA_STATE, RESIDUAL_STATE, Precision, state_dtype_of

STATES = ("exp_avg", "exp_avg_sq")
AMSGRAD_STATE = "max_exp_avg_sq"

_PLAIN_TYPES = (torch.Tensor, torch.nn.Parameter)
_DTYPES = (torch.float32, torch.float64, torch.bfloat16, torch.float16, torch.complex64, torch.complex128)
CLASS_OPTIONS = ("arithmetic", "clip_grad_norm", "skip_not_finite", "ema_decay") + Precision._fields


def is_plain(tensor: torch.Tensor) -> bool:
    """Whether the tensor has memory of its own: a Tensor, a Parameter or a subclass that adds no dispatch."""
    kind = type(tensor)
    return kind in _PLAIN_TYPES or kind.__torch_dispatch__ is torch.Tensor.__torch_dispatch__


def is_dtensor(tensor: torch.Tensor) -> bool:
    module = sys.modules.get("torch.distributed.tensor")
    return module is not None and isinstance(tensor, module.DTensor)


def has_tensor_betas(group: dict[str, Any]) -> bool:
    return any([isinstance(beta, torch.Tensor) for beta in group["betas"]])


def name_of(group: dict[str, Any], number: int, place: int) -> str:
    """How errors call a parameter."""
    if "param_names" in group:
        return f"parameter {group['param_names'][place]!r}"
    return f"parameter {place} of group {number}"


def check_group(group: dict[str, Any], number: int) -> None:
    """Refuses what torch.optim.Adam offers and this step has not, and what torch refuses at its step.

    Keys that neither knows are kept for those who put them there.
    """
    for key in CLASS_OPTIONS:
        if key in group:
            raise ValueError(f"{key} is in group {number}: it is for all groups together, an argument of the optimizer")
    if group["capturable"]:
        raise ValueError(f"capturable is True in group {number}: it serves CUDA graphs; on CPUs it must be False")
    if group["differentiable"]:
        raise ValueError(f"differentiable is True in group {number}: this step has no autograd; torch.optim's has")
    if group["foreach"] and group["fused"]:
        raise RuntimeError(f"`fused` and `foreach` cannot be `True` together (group {number}).")
    if group["foreach"] and isinstance(group["lr"], torch.Tensor):
        raise ValueError(f"lr as a Tensor is not supported for foreach=True (group {number})")


def number_of(value: Any, key: str, number: int) -> float:
    """A rate of a group as the library takes it."""
    try:
        return float(value)
    except (TypeError, ValueError, RuntimeError):
        raise TypeError(f"{key} of group {number} is {value!r}: it must be a number") from None


def check_param(param: torch.Tensor, name: str) -> None:
    if param.dtype not in _DTYPES:
        others = "float64, bfloat16, float16, complex64 or complex128"
        raise TypeError(f"{name} is {param.dtype}: it must be float32 (or {others}, for torch's own step)")
    if param.layout != torch.strided:
        raise TypeError(f"{name} has the layout {param.layout}: it must be dense")
    if 0 in param.stride() and any(stride == 0 and size > 1 for size, stride in zip(param.shape, param.stride())):
        raise RuntimeError(f"{name} has several elements in one place of memory (expand): clone() it first")


def check_beside(tensor: Any, param: torch.Tensor, what: str, name: str, dtype: torch.dtype | None = None) -> None:
    """Refuses a gradient or a state that does not fit its parameter; `dtype` is its own, None the parameter's."""
    wanted = dtype or param.dtype
    if (
        type(tensor) in _PLAIN_TYPES
        and type(param) in _PLAIN_TYPES
        and tensor.is_cpu
        and tensor.dtype is wanted
        and tensor.layout is torch.strided
        and tensor.shape == param.shape
    ):
        return
    what = f"{what} of {name}"
    if not isinstance(tensor, torch.Tensor):
        raise TypeError(f"{what} is {type(tensor).__name__}: it must be a tensor")
    if tensor.layout != torch.strided:
        raise RuntimeError(f"{what} is sparse ({tensor.layout}), which Adam does not support: consider SparseAdam")
    if tensor.device != param.device:
        raise TypeError(f"{what} is on {tensor.device}: it must be on {param.device}, where its parameter is")
    if tensor.dtype != wanted:
        why = ", as its parameter is" if dtype is None else ""
        raise TypeError(f"{what} is {tensor.dtype}: it must be {wanted}{why}")
    if tensor.shape != param.shape:
        raise ValueError(f"{what} has shape {tuple(tensor.shape)}: it must be {tuple(param.shape)}, its parameter's")
    if is_dtensor(tensor) != is_dtensor(param) or is_dtensor(param) and tensor.placements != param.placements:
        raise ValueError(f"{what} is distributed in another way than its parameter")


def check_grad(grad: Any, param: torch.Tensor, name: str, any_dtype: bool) -> None:
    """Refuses a gradient that does not fit its parameter; with any_dtype it may be another one of the library's, as
    torch's Tensor.grad_dtype lets it be."""
    known = any_dtype and isinstance(grad, torch.Tensor) and grad.dtype in CODES
    check_beside(grad, param, "the gradient", name, grad.dtype if known else None)


def check_state(
    state: dict[str, Any], param: torch.Tensor, name: str, keys: tuple[str, ...], precision: Precision | None
) -> None:
    """Refuses a state that is no state of this parameter. Without a precision it is torch's own."""

    def dtype_of(key: str) -> torch.dtype | None:
        return None if precision is None else state_dtype_of(key, param, precision)

    for key in keys:
        if key not in state and key in (EMA_STATE, RESIDUAL_STATE):
            continue  # it begins now
        if key not in state:
            hint = " (amsgrad needs it from the first step on)" if key == AMSGRAD_STATE else ""
            raise RuntimeError(f"the state of {name} has no {key}{hint}")
        check_beside(state[key], param, key, name, dtype_of(key))
    if EMA_STATE in state and EMA_STATE not in keys:
        check_beside(state[EMA_STATE], param, EMA_STATE, name, dtype_of(EMA_STATE))
    if RESIDUAL_STATE in state and RESIDUAL_STATE not in keys:
        raise ValueError(
            f"the state of {name} has a {RESIDUAL_STATE}, a part of its value: master must be 'split' where the "
            "parameter is bfloat16 and 'compensated' where it is float32, with arithmetic='accurate'"
        )
    if "step" not in state:
        raise RuntimeError(f"the state of {name} has no step")
    step = state["step"]
    if not isinstance(step, torch.Tensor) or step.numel() != 1 or step.is_complex():
        raise TypeError(f"step of {name} is {step!r}: it must be a tensor of one number")
    if is_plain(step) and step.untyped_storage().nbytes() == 0:
        raise RuntimeError(f"step of {name} has no memory: its storage was resized")
    check_step(step.item(), name)


def check_step(step: float, name: str) -> None:
    if not (math.isfinite(step) and step >= 0 and step == int(step)):
        raise ValueError(f"step of {name} is {step}: it must be a whole number from 0")
