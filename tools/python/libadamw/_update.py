"""_update.py - one call of the library for a list of descriptors: the step, or with options the whole update.

What NumPy's functions and torch's functional step share: the words for options, and what comes back. Where the
tensors are is theirs to say.
"""
from __future__ import annotations

import ctypes
import operator
from typing import Any, Literal, NamedTuple

from . import _library as lib

Clip = Literal["none", "global_norm", "tensor_norm", "value"]
Decay = Literal["decoupled", "l2"]
Arithmetic = Literal["torch", "accurate"]
Ema = Literal["none", "constant", "swa_utils", "timm", "bias_corrected"]


class UpdateReport(NamedTuple):
    """What an update found; NaN or None stand for what was not asked for or not found."""

    skipped: bool  #: nothing was updated: use the step's number again
    grad_norm: float  #: L2 norm of all gradients, scaled, before clipping
    clip_coefficient: float  #: what gradients were multiplied with to clip them; per tensor: the smallest
    update_ratio: float  #: the largest of the tensors' |param - old param| / |old param|
    update_ratio_tensor: int | None  #: which tensor has it
    not_finite: tuple[int, int] | None  #: the first gradient that is infinite or NaN: its tensor, and its place there
    tensor_norms: list[float] | None  #: with tensor_norms: the norm of each tensor's gradient, scaled


def word(value: Any, name: str, known: dict[str, int]) -> int:
    if not isinstance(value, str) or value not in known:
        raise ValueError(f"{name} is {value!r}: it must be one of {', '.join(map(repr, known))}")
    return known[value]


def number(value: Any, name: str) -> float:
    try:
        return float(value)
    except (TypeError, ValueError, RuntimeError):
        raise TypeError(f"{name} is {value!r}: it must be a number") from None


def whole(value: Any, name: str, low: int, high: int, words: str) -> int:
    """An integer, Python's or NumPy's."""
    try:
        integer = operator.index(value)
    except TypeError:
        integer = low - 1
    if isinstance(value, bool) or not low <= integer < high:
        raise ValueError(f"{name} is {value!r}: it must be {words}")
    return integer


def config_of(
    lr: Any, betas: Any, eps: Any, weight_decay: Any, decay: Any, maximize: bool, arithmetic: Any, amsgrad: bool
) -> lib.Config:
    config = lib.default_config()
    try:
        beta1, beta2 = betas
    except (TypeError, ValueError):
        raise TypeError(f"betas is {betas!r}: it must be two numbers") from None
    config.lr, config.eps = number(lr, "lr"), number(eps, "eps")
    config.weight_decay = number(weight_decay, "weight_decay")
    config.beta1, config.beta2 = number(beta1, "beta1"), number(beta2, "beta2")
    config.decay, config.arithmetic = word(decay, "decay", lib.DECAY), word(arithmetic, "arithmetic", lib.ARITHMETIC)
    config.maximize, config.amsgrad = bool(maximize), amsgrad
    return config


def options_of(
    count: int, *, grad_scale: Any, clip: Any, clip_max: Any, skip_not_finite: bool, ema: Any, ema_decay: Any,
    copy: bool, zero_grad: bool, tensor_norms: bool, report_norm: bool, report_ratio: bool,
) -> tuple[lib.UpdateOptions, Any]:
    """The options, and the memory of the tensors' norms."""
    options = lib.default_options()
    options.grad_scale = number(grad_scale, "grad_scale")
    options.clip, options.ema = word(clip, "clip", lib.CLIP), word(ema, "ema", lib.EMA)
    if (clip == "none") != (clip_max is None):
        raise ValueError(f"clip is {clip!r} and clip_max is {clip_max!r}: a clip and its limit are given together")
    if (ema == "none") != (ema_decay is None):
        raise ValueError(f"ema is {ema!r} and ema_decay is {ema_decay!r}: an average and its decay are given together")
    if clip_max is not None:
        options.clip_max = number(clip_max, "clip_max")
    if ema_decay is not None:
        options.ema_decay = number(ema_decay, "ema_decay")
    options.skip_not_finite, options.copy, options.zero_grad = bool(skip_not_finite), copy, bool(zero_grad)
    options.report_norm, options.report_ratio = bool(report_norm), bool(report_ratio)
    norms = (ctypes.c_double * count)()
    if tensor_norms or clip == "tensor_norm":
        options.tensor_norms = ctypes.cast(norms, ctypes.POINTER(ctypes.c_double))
    return options, norms if tensor_norms else None


def update(
    config: lib.Config, step: int, table: lib.Table, options: lib.UpdateOptions, norms: Any, name: str
) -> UpdateReport:
    """Raises the exception of a refusal, whose sentence says `name`[i] for the i-th descriptor."""
    report = lib.UpdateReport()
    call = config, step, table.rows, table.count, options
    status = lib.library.adamw_update(*call, report)
    if status != lib.OK:
        raise lib.error_of(status, lib.sentence("adamw_update_explain", *call).replace("tensors[", f"{name}["))
    nowhere = ctypes.c_size_t(-1).value
    place = report.not_finite_tensor, report.not_finite_index
    return UpdateReport(
        report.skipped, report.grad_norm, report.clip_coefficient, report.update_ratio,
        None if report.update_ratio_tensor == nowhere else report.update_ratio_tensor,
        None if nowhere in place else place,
        None if norms is None else list(norms),
    )
