"""_others.py - the parameters that this library has no kernel for: they take torch's own step.

float64 and complex parameters, bfloat16 and float16 ones with arithmetic="torch", parameters that are not on the CPU,
subclasses of Tensor with a dispatch of their own, and groups whose betas are tensors. Which parameters these are is
the plan's to say.
"""
from __future__ import annotations

import os
import sys
import warnings
from pathlib import Path
from typing import Any, Sequence

import torch
from torch.optim.adam import adam as torch_adam

from ._check import AMSGRAD_STATE, has_tensor_betas, is_plain
from ._layout import Entry
from ._precision import CODES

KEYS = ("amsgrad", "lr", "weight_decay", "eps", "maximize", "decoupled_weight_decay")
FUSED_DTYPES = (torch.float32, torch.float64, torch.bfloat16, torch.float16)
PACKAGES = tuple(str(Path(module.__file__).parent) + os.sep for module in (torch, sys.modules[__package__]))


def warn(others: Sequence[Entry]) -> None:
    """Says once for an optimizer that some parameters take torch's step, at the line that asked for the step."""
    first = others[0]
    where = "" if first.param.is_cpu else f" on {first.param.device}"
    level, frame = 1, sys._getframe()
    while frame.f_back is not None and frame.f_code.co_filename.startswith(PACKAGES):
        level, frame = level + 1, frame.f_back
    hint = ", of bfloat16 and float16 with arithmetic='accurate'" if first.param.dtype in CODES else ""
    warnings.warn(
        f"libadamw has kernels for float32 parameters on the CPU{hint} and betas that are numbers: "
        f"{len(others)} parameter{'s' * (len(others) != 1)} (the first: {first.name}, {first.param.dtype}{where}) "
        f"take{'s' * (len(others) == 1)} torch's own step",
        stacklevel=level,
    )


def has_fused(entry: Entry, group: dict[str, Any]) -> bool:
    """Whether torch's fused CPU step takes this parameter."""
    return (
        is_plain(entry.param)
        and entry.param.is_cpu
        and entry.param.dtype in FUSED_DTYPES
        and entry.state["step"].dtype == torch.float32
        and not has_tensor_betas(group)
    )


@torch.no_grad()
def step_others(others: Sequence[Entry], groups: Sequence[dict[str, Any]]) -> None:
    """torch's step, for all that a group asks for; where it asks for no form, the fused one where torch has it."""
    parts: dict[tuple[Any, ...], list[Entry]] = {}
    for entry in others:
        group = groups[entry.number]
        foreach, fused = group["foreach"], group["fused"]
        if foreach is None and fused is None and has_fused(entry, group):
            foreach, fused = False, True
        elif fused and entry.param.is_cpu and not has_fused(entry, group):
            fused = None
        key = entry.number, entry.param.device, entry.param.dtype, foreach, fused
        parts.setdefault(key, []).append(entry)
    for (number, _, dtype, foreach, fused), entries in parts.items():
        group, states = groups[number], [entry.state for entry in entries]
        torch_adam(
            [entry.param for entry in entries],
            [entry.param.grad for entry in entries],
            [state["exp_avg"] for state in states],
            [state["exp_avg_sq"] for state in states],
            [state[AMSGRAD_STATE] for state in states] if group["amsgrad"] else [],
            [state["step"] for state in states],
            foreach=foreach,
            fused=fused,
            has_complex=dtype.is_complex,
            beta1=group["betas"][0],
            beta2=group["betas"][1],
            **{key: group[key] for key in KEYS},
        )
