"""_precision.py - parameters, states and gradients of fewer bits than float32: the options for them, and their dtypes.

What the library has for them is in include/adamw.h, at adamw_tensor; every form needs arithmetic="accurate". Here is
which dtype each stream of a parameter has, and the sentences for what does not fit. Conversions are _masters.py's.
"""
from __future__ import annotations

from typing import Any, Literal, NamedTuple

import torch

from . import _library as lib
from ._update import whole

Master = Literal["split", "compensated"]
Rounding = Literal["nearest", "stochastic"]

RESIDUAL_STATE, EMA_STATE = "param_residual", "param_ema"
CODES = {torch.float32: lib.DTYPE["float32"], torch.bfloat16: lib.DTYPE["bfloat16"],
         torch.float16: lib.DTYPE["float16"]}
STATE_DTYPES = (None, torch.float32, torch.bfloat16)
LEAST_DECAY = 2.0**-6  # of exp_avg_sq in bfloat16, rounded to nearest: kernels/ARITHMETIC.md


class Precision(NamedTuple):
    """How the parameters and states of an optimizer are stored and rounded."""

    master: Master | None = None
    state_dtype: torch.dtype | None = None
    rounding: Rounding = "nearest"
    seed: int = 0


def check_precision(precision: Precision, arithmetic: str) -> None:
    """Refuses options that are wrong, or wrong together."""
    master, state_dtype, rounding, seed = precision
    if master not in (None, "split", "compensated"):
        raise ValueError(f"master is {master!r}: it must be 'split', 'compensated' or None")
    if state_dtype == "q8":
        raise NotImplementedError(
            "state_dtype is 'q8': this version has no 8-bit states; it must be torch.float32, torch.bfloat16 or None"
        )
    if state_dtype not in STATE_DTYPES:
        raise ValueError(f"state_dtype is {state_dtype!r}: it must be torch.float32, torch.bfloat16 or None")
    if rounding not in lib.ROUNDING:
        raise ValueError(f"rounding is {rounding!r}: it must be 'nearest' or 'stochastic'")
    whole(seed, "seed", 0, 2**64, "a whole number from 0 to 2**64 - 1")
    if seed and rounding == "nearest":
        raise ValueError(f"seed is {seed}: rounding='stochastic' alone reads it; with 'nearest' it must be 0")
    if arithmetic == "torch":
        for name, value in precision._asdict().items():
            if value != Precision._field_defaults[name]:
                raise ValueError(
                    f"{name} is {value!r}: with arithmetic='torch', torch's roundings in float32, it must be "
                    f"{Precision._field_defaults[name]!r}, or the arithmetic 'accurate'"
                )


def has_kernel(param: torch.Tensor, arithmetic: str) -> bool:
    """Whether the library steps parameters of this dtype on this device."""
    return param.is_cpu and (param.dtype is torch.float32 or arithmetic == "accurate" and param.dtype in CODES)


def check_form(param: torch.Tensor, name: str, precision: Precision) -> None:
    """Refuses a parameter that the library steps, but not with these options."""
    dtype = param.dtype
    if precision.master == "split" and dtype is torch.float16:
        raise TypeError(f"{name} is {dtype}: with master='split' it must be bfloat16 (or float32, its own master)")
    if precision.master == "compensated" and dtype is not torch.float32:
        hint = "; bfloat16 has 'split'" if dtype is torch.bfloat16 else ""
        raise TypeError(f"{name} is {dtype}: with master='compensated' it must be float32{hint}")
    if precision.rounding == "stochastic" and dtype is torch.float16:
        raise TypeError(f"{name} is {dtype}: it is rounded to nearest alone; rounding must be 'nearest'")


def check_beta2(beta2: float, number: int, precision: Precision) -> None:
    """Refuses what would make a second moment stop falling."""
    if precision.state_dtype is torch.bfloat16 and precision.rounding == "nearest" and 1 - beta2 < LEAST_DECAY:
        raise ValueError(
            f"state_dtype is torch.bfloat16 with beta2 {beta2} in group {number}: rounded to nearest, exp_avg_sq would "
            "stop falling; rounding must be 'stochastic', or beta2 at most 0.984375"
        )


def has_residual(param: torch.Tensor, precision: Precision) -> bool:
    return param.dtype is {"split": torch.bfloat16, "compensated": torch.float32}.get(precision.master)


def state_dtype_of(key: str, param: torch.Tensor, precision: Precision) -> torch.dtype:
    """The dtype of a state of a parameter that the library steps."""
    if key == EMA_STATE:
        return torch.float32
    if key == RESIDUAL_STATE:
        return torch.int16 if param.dtype is torch.bfloat16 else torch.bfloat16
    return precision.state_dtype or torch.float32


def loaded_dtype(optimizer: torch.optim.Optimizer, key: str, param: torch.Tensor) -> torch.dtype:
    """The dtype of a state that any optimizer would make; torch's have the parameter's."""
    precision = getattr(optimizer, "precision", None)
    if precision is not None and has_kernel(param, optimizer.arithmetic):
        return state_dtype_of(key, param, precision)
    return torch.int16 if key == RESIDUAL_STATE else param.dtype


def is_new(state: dict[str, Any]) -> bool:
    """Whether a state has yet to begin; from_float32() may have put a residual there."""
    return not state.keys() - {RESIDUAL_STATE}
