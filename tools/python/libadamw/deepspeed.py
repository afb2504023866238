"""deepspeed.py - this library behind DeepSpeed's CPU optimizer, which then needs neither a compiler nor ninja.

    import libadamw.deepspeed
    libadamw.deepspeed.install()        # before deepspeed.initialize()

deepspeed.ops.adam.DeepSpeedCPUAdam loads an op, cpu_adam, and calls its functions; this module is such an op. The
arithmetic is "accurate". ZenFlow's functions are not offered.
"""
from __future__ import annotations

import logging
import sys
from typing import Any

import torch
from torch import Tensor

from . import _library as lib
from ._precision import CODES
from ._update import number, whole

__all__ = ["install"]

_STATES = (torch.float32, torch.bfloat16, torch.float16)
_CHUNK = 1 << 20  # values of a rollback at a time, in float64
_decays: dict[int, int] = {}  # of each optimizer: an adamw_decay


def install() -> None:
    """Puts this module into DeepSpeed's table of loaded ops, for every DeepSpeedCPUAdam that this process constructs
    from now on. A process that is started by another method than fork needs a call of its own.

    Raises:
        ImportError: deepspeed is not installed.
        RuntimeError: this deepspeed has no such table.
    """
    try:
        from deepspeed.ops.op_builder import CPUAdamBuilder
    except ImportError as error:
        raise ImportError(f"libadamw.deepspeed.install() needs deepspeed, which does not import: {error}") from error
    tables = [vars(kind)["_loaded_ops"] for kind in CPUAdamBuilder.__mro__ if "_loaded_ops" in vars(kind)]
    if not tables:
        raise RuntimeError("this deepspeed's OpBuilder has no table of loaded ops (_loaded_ops); 0.19 has one")
    tables[0][CPUAdamBuilder.NAME] = sys.modules[__name__]


def __getattr__(name: str) -> Any:
    hint = ": ZenFlow needs DeepSpeed's own cpu_adam op" if name.startswith("zenflow") else ""
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}{hint}")


def create_adam(
    optimizer_id: int, lr: float, beta1: float, beta2: float, eps: float, weight_decay: float, adamw_mode: bool,
    should_log: bool,
) -> int:
    """Remembers how an optimizer decays; the rates come with each update."""
    _decays[optimizer_id] = lib.DECAY["decoupled" if adamw_mode else "l2"]
    if should_log:
        logging.getLogger("libadamw").info("optimizer %d steps with libadamw %s", optimizer_id, lib.version())
    return 0


def destroy_adam(optimizer_id: int) -> int:
    _decays.pop(optimizer_id, None)
    return 0


def _decay_of(optimizer_id: int) -> int:
    if optimizer_id not in _decays:
        raise RuntimeError(f"optimizer_id is {optimizer_id}: it must be one of create_adam(), not yet destroyed")
    return _decays[optimizer_id]


def _check(tensors: dict[str, Tensor]) -> None:
    param = tensors["params"]
    for name, tensor in tensors.items():
        if not isinstance(tensor, Tensor) or not tensor.is_cpu or tensor.layout != torch.strided:
            where = f" on {tensor.device}" if isinstance(tensor, Tensor) else ""
            raise TypeError(f"{name} is {type(tensor).__name__}{where}: it must be a dense tensor on the CPU")
        if tensor.dtype not in CODES:
            raise TypeError(f"{name} is {tensor.dtype}: it must be float32, bfloat16 or float16")
        if tensor.numel() != param.numel():
            raise ValueError(f"{name} has {tensor.numel()} values: it must have as many as params, {param.numel()}")
    if tensors["exp_avg"].dtype != tensors["exp_avg_sq"].dtype:
        raise TypeError(f"exp_avg_sq is {tensors['exp_avg_sq'].dtype}: it must be exp_avg's {tensors['exp_avg'].dtype}")


def _as_stepped(tensor: Tensor, is_read_alone: bool = False) -> Tensor:
    """The tensor, or a copy where the library does not take it as it is: strided, or in float16 and written."""
    if tensor.dtype is torch.float16 and not is_read_alone:
        return tensor.float().contiguous()
    return tensor.contiguous()


@torch.no_grad()
def adam_update(
    optimizer_id: int, step: int, lr: float, beta1: float, beta2: float, eps: float, weight_decay: float,
    bias_correction: bool, params: Tensor, grads: Tensor, exp_avg: Tensor, exp_avg_sq: Tensor,
) -> int:
    """One step of a parameter, in place. Each dtype is float32, bfloat16 or float16, the moments' one.

    A float16 parameter or moment is stepped in a float32 copy and rounded to nearest. bfloat16 moments, and with them
    a bfloat16 parameter, are rounded at random, unbiased: rounded to nearest, the second one would stop falling.

    Raises: TypeError, ValueError or RuntimeError; nothing was written then.
    """
    given = {"params": params, "grads": grads, "exp_avg": exp_avg, "exp_avg_sq": exp_avg_sq}
    decay = _decay_of(optimizer_id)
    _check(given)
    config = lib.default_config()
    config.lr, config.beta1, config.beta2, config.eps = number(lr, "lr"), beta1, beta2, eps
    config.weight_decay, config.decay, config.bias_correction = weight_decay, decay, bool(bias_correction)
    if exp_avg.dtype is torch.bfloat16:
        config.rounding = lib.ROUNDING["stochastic"]
    stepped = {name: _as_stepped(tensor, name == "grads") for name, tensor in given.items()}
    table = lib.Table(1)
    row = table.rows[0]
    row.n = params.numel()
    row.param, row.grad = stepped["params"].data_ptr(), stepped["grads"].data_ptr()
    row.exp_avg, row.exp_avg_sq = stepped["exp_avg"].data_ptr(), stepped["exp_avg_sq"].data_ptr()
    row.param_dtype, row.grad_dtype = CODES[stepped["params"].dtype], CODES[grads.dtype]
    row.exp_avg_dtype = row.exp_avg_sq_dtype = CODES[stepped["exp_avg"].dtype]
    count = whole(step, "step", 1, 2**64, "an integer from 1")
    threads = torch.get_num_threads()
    status = lib.library.adamw_step(config, count, table.rows, 1, threads)
    if status != lib.OK:
        raise lib.error_of(status, lib.explain(config, count, table, threads).replace("tensors[0]", "params"))
    for name in ("params", "exp_avg", "exp_avg_sq"):
        if stepped[name] is not given[name]:
            given[name].copy_(stepped[name])
    return 0


@torch.no_grad()
def adam_rollback(
    optimizer_id: int, step: int, lr: float, beta1: float, beta2: float, eps: float, weight_decay: float,
    bias_correction: bool, params: Tensor, grads: Tensor, exp_avg: Tensor, exp_avg_sq: Tensor,
) -> int:
    """Undoes the step of this number, given its gradient, in float64: what was lost in the step's roundings stays so.

    Raises: TypeError where a tensor is not float32, which alone has the bits for it; ValueError for a rate or beta
    that nothing can undo. Nothing was written then.
    """
    given = {"params": params, "grads": grads, "exp_avg": exp_avg, "exp_avg_sq": exp_avg_sq}
    decay = _decay_of(optimizer_id)
    _check(given)
    for name, tensor in given.items():
        if tensor.dtype is not torch.float32 or not tensor.is_contiguous():
            raise TypeError(f"{name} is {tensor.dtype}, strides {tensor.stride()}: a rollback needs dense float32")
    count = whole(step, "step", 1, 2**53, "an integer from 1")
    factor = 1 - lr * weight_decay if decay == lib.DECAY["decoupled"] else 1.0
    if not (0 < beta1 < 1 and 0 < beta2 < 1 and factor > 0):
        raise ValueError(
            f"betas are {beta1} and {beta2}, lr * weight_decay is {lr * weight_decay}: a rollback needs betas above 0 "
            "and below 1, and a decay that leaves something"
        )
    first, second = (1 - beta1**count, 1 - beta2**count) if bias_correction else (1.0, 1.0)
    parts = zip(*[tensor.view(-1).split(_CHUNK) for tensor in given.values()])
    for param, grad, average, square in parts if params.numel() else ():
        old_average, old_square, old_grad = average.double(), square.double(), grad.double()
        update = old_average / first / ((old_square / second).sqrt_() + eps)
        old_param = (param.double() + lr * update) / factor
        if decay == lib.DECAY["l2"]:
            old_grad += weight_decay * old_param
        param.copy_(old_param)
        average.copy_((old_average - (1 - beta1) * old_grad) / beta1)
        square.copy_(((old_square - (1 - beta2) * old_grad * old_grad) / beta2).clamp_(min=0))
    return 0
