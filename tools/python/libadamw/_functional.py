"""_functional.py - libadamw.torch.step(): one update of lists of tensors, for engines that keep their own state.

It remembers nothing between calls; libadamw.torch.AdamW does, and costs less Python in each step. What a tensor must
be is stricter here: float32 memory that is dense, all tensors of a parameter in the same order.
"""
from __future__ import annotations

from operator import attrgetter
from typing import Any, Sequence

import torch
from torch import Tensor
from torch.autograd.graph import increment_version

from . import _library as lib
from ._check import check_step, is_plain
from ._counters import LAST_STEP
from ._overlap import check_apart, is_dense
from ._update import Arithmetic, Clip, UpdateReport, config_of, options_of, update, whole

DATA_PTR, STRIDE, SHAPE = Tensor.data_ptr, Tensor.stride, attrgetter("shape")
COPIES = {torch.bfloat16: lib.DTYPE["bfloat16"], torch.float16: lib.DTYPE["float16"]}


def check_tensor(tensor: Any, name: str, dtypes: Sequence[torch.dtype], like: Tensor | None) -> None:
    if not isinstance(tensor, Tensor):
        raise TypeError(f"{name} is {type(tensor).__name__}: it must be a tensor")
    if not is_plain(tensor) or not tensor.is_cpu or tensor.layout != torch.strided:
        raise TypeError(f"{name} is a {type(tensor).__name__} on {tensor.device}: it must be a dense tensor on the CPU")
    if tensor.dtype not in dtypes:
        words = " or ".join(str(dtype).removeprefix("torch.") for dtype in dtypes)
        raise TypeError(f"{name} is {tensor.dtype}: it must be {words}")
    if like is not None and tensor.shape != like.shape:
        raise ValueError(f"{name} has shape {tuple(tensor.shape)}: it must be {tuple(like.shape)}, its parameter's")
    if tensor.is_neg() or not is_dense(tensor):
        raise ValueError(f"{name} has strides {tensor.stride()}: it must be dense in memory")
    if like is not None and tensor.stride() != like.stride() and not (tensor.is_contiguous() and like.is_contiguous()):
        raise ValueError(f"{name} has strides {tensor.stride()}: they must be its parameter's, {like.stride()}")


def check_column(tensors: Any, name: str, params: Sequence[Tensor]) -> None:
    if not isinstance(tensors, (list, tuple)):
        raise TypeError(f"{name} is {type(tensors).__name__}: it must be a list of tensors")
    if len(tensors) != len(params):
        raise ValueError(f"{name} has {len(tensors)} tensors: it must have as many as params, {len(params)}")
    dtypes = tuple(COPIES) if name == "compute_params" else (torch.float32,)
    for place, (tensor, param) in enumerate(zip(tensors, params)):
        check_tensor(tensor, f"{name}[{place}]", dtypes, None if name == "params" else param)


def numbers_of(steps: Any, count: int) -> list[int]:
    """The number of this step for each tensor."""
    words = "a whole number from 1, or a list with one for each parameter"
    if not isinstance(steps, (list, tuple)):
        return [whole(steps, "steps", 1, 2**64, words)] * count
    if len(steps) != count:
        raise ValueError(f"steps has {len(steps)} entries: it must have as many as params, {count}")
    numbers = []
    for place, step in enumerate(steps):
        name = f"steps[{place}]"
        if isinstance(step, Tensor):
            if step.numel() != 1 or step.is_complex():
                raise TypeError(f"{name} is {step!r}: it must be a tensor of one number")
            check_step(step.item(), name)
            numbers.append(min(int(step.item()) + 1, LAST_STEP))
        else:
            numbers.append(whole(step, name, 1, 2**64, "a whole number from 1, or a tensor of one number from 0"))
    return numbers


def step(
    params: Sequence[Tensor],
    grads: Sequence[Tensor],
    exp_avgs: Sequence[Tensor],
    exp_avg_sqs: Sequence[Tensor],
    steps: int | Sequence[int] | Sequence[Tensor],
    *,
    lr: float,
    betas: tuple[float, float] = (0.9, 0.999),
    eps: float = 1e-8,
    weight_decay: float = 1e-2,
    max_exp_avg_sqs: Sequence[Tensor] | None = None,
    compute_params: Sequence[Tensor] | None = None,
    decoupled_weight_decay: bool = True,
    maximize: bool = False,
    arithmetic: Arithmetic = "torch",
    grad_scale: float = 1.0,
    clip: Clip = "none",
    clip_max: float | None = None,
    skip_not_finite: bool = False,
    zero_grad: bool = False,
    tensor_norms: bool = False,
    report_norm: bool = False,
    threads: int | None = None,
) -> UpdateReport:
    """One AdamW (or Adam) update of lists of tensors, in place, in one pass over memory.

    Args:
        params, grads, exp_avgs, exp_avg_sqs: lists of as many float32 tensors on the CPU, dense, those of a parameter
            with one shape and order. grads are only read, but for zero_grad.
        steps: which step this is, an integer from 1; or a list with the number of each parameter's; or a list of
            tensors of one number, as torch's functional optimizers have them: the steps made so far, counted up here.
        lr, betas, eps, weight_decay, maximize: as torch.optim.AdamW has them.
        max_exp_avg_sqs: given, the update is amsgrad's.
        compute_params: a list of bfloat16 or float16 tensors that get the new parameters, rounded to nearest even.
        decoupled_weight_decay: True is AdamW; False is Adam, which adds weight_decay * param to the gradient.
        arithmetic: "torch" or "accurate", as AdamW in this module has it.
        grad_scale: multiplies each gradient before anything else (1 / the loss's scale, for example).
        clip, clip_max: "global_norm", "tensor_norm" or "value" and its limit.
        skip_not_finite: nothing is updated where a gradient is infinite or NaN.
        zero_grad: clears the gradients at the end.
        tensor_norms, report_norm: put the gradients' norms into the report.
        threads: at most so many; None for torch.get_num_threads().

    Raises:
        TypeError, ValueError: an argument is wrong; the message names it, as in "grads[3]". Nothing was updated then.
    """
    columns = {"params": params, "grads": grads, "exp_avgs": exp_avgs, "exp_avg_sqs": exp_avg_sqs}
    if max_exp_avg_sqs is not None:
        columns["max_exp_avg_sqs"] = max_exp_avg_sqs
    if compute_params is not None:
        columns["compute_params"] = compute_params
    for name, column in columns.items():
        check_column(column, name, params)
    written = [name for name in columns if name != "grads"]
    check_apart((tensor, f"{name}[{place}]") for name in written for place, tensor in enumerate(columns[name]))

    decay = "decoupled" if decoupled_weight_decay else "l2"
    config = config_of(lr, betas, eps, weight_decay, decay, maximize, arithmetic, max_exp_avg_sqs is not None)
    config.threads = torch.get_num_threads() if threads is None else whole(threads, "threads", 0, 2**31, "from 0")
    options, norms = options_of(
        len(params), grad_scale=grad_scale, clip=clip, clip_max=clip_max, skip_not_finite=skip_not_finite, ema="none",
        ema_decay=None, copy=compute_params is not None, zero_grad=zero_grad, tensor_norms=tensor_norms,
        report_norm=report_norm, report_ratio=False,
    )
    table = lib.Table(len(params))
    table.fill("n", [param.numel() for param in params])
    table.fill("step", numbers_of(steps, len(params)))
    for name, column in columns.items():
        table.fill("param_copy" if name == "compute_params" else name[:-1], list(map(DATA_PTR, column)))
    for row, tensor in zip(table.rows, compute_params or ()):
        row.copy_dtype = COPIES[tensor.dtype]
    report = update(config, 1, table, options, norms, "params")
    if not report.skipped:
        increment_version([tensor for name in written for tensor in columns[name]])
        if isinstance(steps, (list, tuple)):
            with torch.no_grad():
                for count in steps:
                    if isinstance(count, Tensor):
                        count.add_(1)
    return report
