"""torch.py - torch.optim.AdamW and Adam for float32 parameters on CPUs, with this library's step.

    optimizer = libadamw.torch.AdamW(model.parameters(), lr=1e-3)     # was: torch.optim.AdamW(...)

Here is what an optimizer is to torch: constructor, state, pickling, hooks. How a step is put together is _plan.py's.
"""
from __future__ import annotations

import contextlib
import math
import warnings
from typing import Any, Callable, Iterator

import torch
from torch import Tensor

from ._library import ARITHMETIC
from ._check import AMSGRAD_STATE, EMA_STATE, STATES, check_group
from ._plan import Extras, Plan
from ._counters import StepCounters

__all__ = ["Adam", "AdamW"]


class _Step:
    """The step, before torch.optim.Adam or AdamW in the list of bases, which bring everything else."""

    arithmetic = "torch"
    extras = Extras()
    #: Of the last step, where extras are on: the gradients' norm before clipping, and whether the step was skipped.
    grad_norm, skipped = math.nan, False
    _plan: Plan | None = None
    _counters: StepCounters | None = None
    _warned = False
    # Whoever replaces or moves a state has to reach for it first: only then are its tensors looked at again.
    _state_was_reached = True

    @property
    def state(self) -> dict[Tensor, Any]:
        self._state_was_reached = True
        return self.__dict__["state"]

    @state.setter
    def state(self, state: dict[Tensor, Any]) -> None:
        self.__dict__["state"] = state

    def _set(self, arithmetic: str, *extras: Any) -> None:
        if arithmetic not in ARITHMETIC:
            raise ValueError(f"arithmetic is {arithmetic!r}: it must be 'torch' or 'accurate'")
        self.arithmetic = arithmetic
        self.extras = Extras(*extras)
        clip, _, decay = self.extras
        if clip is not None and not clip >= 0:
            raise ValueError(f"clip_grad_norm is {clip}: it must be a norm from 0, or None")
        if decay is not None and not 0 <= decay <= 1:
            raise ValueError(f"ema_decay is {decay}: it must be from 0 to 1, or None")

    @contextlib.contextmanager
    def averaged(self) -> Iterator[None]:
        """Within it the parameters hold their averages (ema_decay), to validate or save the model; then their own."""
        pairs = [(param, state[EMA_STATE]) for param, state in self.state.items() if EMA_STATE in state]
        if not pairs:
            raise RuntimeError("there are no averages: construct the optimizer with ema_decay, and make a step")

        @torch.no_grad()
        def exchange() -> None:
            for param, average in pairs:
                own = param.clone()
                param.copy_(average)
                average.copy_(own)

        exchange()
        try:
            yield
        finally:
            exchange()

    def add_param_group(self, param_group: dict[str, Any]) -> None:
        """As torch.optim.Optimizer's; a group with an option that this optimizer has not is refused (ValueError)."""
        if isinstance(param_group, dict):
            check_group(self.defaults | param_group, len(self.param_groups))
        super().add_param_group(param_group)

    def __getstate__(self) -> dict[str, Any]:
        return super().__getstate__() | {"arithmetic": self.arithmetic, "extras": self.extras}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self._check_loaded(state)
        super().__setstate__(state)
        self._plan = self._counters = None

    @staticmethod
    def _check_loaded(state: dict[str, Any]) -> None:
        """Refuses a loaded state of other shapes before anything is taken over."""
        for number, group in enumerate(state.get("param_groups", ())):
            for place, param in enumerate(group["params"]):
                for key in STATES + (AMSGRAD_STATE, EMA_STATE):
                    value = state["state"].get(param, {}).get(key)
                    if isinstance(value, Tensor) and value.shape != param.shape:
                        raise ValueError(
                            f"the loaded {key} of parameter {place} of group {number} has shape "
                            f"{tuple(value.shape)}: it must be {tuple(param.shape)}, its parameter's"
                        )

    def step(self, closure: Callable[[], Any] | None = None) -> Any:
        """Performs one optimization step.

        Args:
            closure: reevaluates the model and returns the loss; optional.

        Returns:
            What the closure returned, otherwise None.

        Raises:
            TypeError, ValueError, RuntimeError: a parameter, its gradient or its state cannot be stepped; the
            message names the parameter. Nothing was updated then.
        """
        if torch.compiler.is_compiling():
            return torch.compiler.disable(self._step)(closure)
        return self._step(closure)

    def _step(self, closure: Callable[[], Any] | None) -> Any:
        loss = None
        if closure is not None:
            with torch.enable_grad():
                loss = closure()
        grads = self._plan.refresh(self, self._state_was_reached) if self._plan is not None else None
        if grads is None:
            grads = self._new_plan()
        self._state_was_reached = False
        found_inf, grad_scale = map(self.__dict__.get, ("found_inf", "grad_scale"))  # of torch.amp.GradScaler
        if found_inf is not None and found_inf.item():
            return loss  # the step is skipped
        if grad_scale is not None:
            self._plan.unscale(grad_scale)
        self._plan.step(grads, self.param_groups)
        if not self._plan.is_plain_step:
            self.grad_norm, self.skipped = self._plan.report.grad_norm, self._plan.report.skipped
        return loss

    def _new_plan(self) -> list[Tensor]:
        if self._counters is None:
            self._counters = StepCounters()
        self._plan = None
        plan = Plan(self, self._counters)
        if plan.others and not self._warned:
            self._warned = True
            entry = plan.others[0]
            warnings.warn(
                f"libadamw has kernels for float32 parameters and betas that are numbers: {len(plan.others)} "
                f"parameters (the first: {entry.name}, {entry.param.dtype}) take torch's own step",
                stacklevel=4,
            )
        self._plan = plan
        return plan.grads()


class AdamW(_Step, torch.optim.AdamW):
    """torch.optim.AdamW with libadamw's step.

    Args:
        params, lr, betas, eps, weight_decay, amsgrad, maximize: as torch.optim.AdamW has them. lr may be a tensor of
            one element and is read as a number; torch computes with such a tensor in float32, so its bits differ.
        foreach, fused: None, False or True. One step serves all; with fused=True torch.amp.GradScaler leaves
            unscaling and skipping to it, as it does to torch's fused step. Both True are refused, as torch does.
        capturable, differentiable: only False: a step here is no CUDA graph and has no autograd (ValueError).
        arithmetic: "torch" has the bits of torch.optim's for-loop (foreach=False) with a correctly rounded square
            root; "accurate" has one square root, one division and one rounding of the parameter, so that the decay
            happens in full where lr * weight_decay is near float32's 2^-24.
        clip_grad_norm: scales all gradients down to this norm together, as torch.nn.utils.clip_grad_norm_ does, but
            within the step; p.grad stays as it is, and `grad_norm` then has the norm before.
        skip_not_finite: does nothing where a gradient is infinite or NaN; `skipped` then says so.
        ema_decay: keeps state["param_ema"], the average that torch.optim.swa_utils.AveragedModel keeps with
            get_ema_multi_avg_fn(ema_decay); `averaged()` puts it in the parameters' place for a while.

    Parameters that are bfloat16 or float16, and groups whose betas are tensors, take torch's own step, with one
    warning. Threads are torch.get_num_threads().
    """

    def __init__(
        self,
        params: Any,
        lr: float | Tensor = 1e-3,
        betas: tuple[float | Tensor, float | Tensor] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 1e-2,
        amsgrad: bool = False,
        *,
        maximize: bool = False,
        foreach: bool | None = None,
        capturable: bool = False,
        differentiable: bool = False,
        fused: bool | None = None,
        arithmetic: str = "torch",
        clip_grad_norm: float | None = None,
        skip_not_finite: bool = False,
        ema_decay: float | None = None,
    ) -> None:
        self._set(arithmetic, clip_grad_norm, skip_not_finite, ema_decay)
        super().__init__(
            params, lr, betas, eps, weight_decay, amsgrad, maximize=maximize, foreach=foreach, capturable=capturable,
            differentiable=differentiable, fused=fused,
        )


class Adam(_Step, torch.optim.Adam):
    """torch.optim.Adam with libadamw's step: weight_decay is added to the gradient, unless decoupled_weight_decay.

    Args: as AdamW's, with torch.optim.Adam's defaults.
    """

    def __init__(
        self,
        params: Any,
        lr: float | Tensor = 1e-3,
        betas: tuple[float | Tensor, float | Tensor] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 0,
        amsgrad: bool = False,
        *,
        foreach: bool | None = None,
        maximize: bool = False,
        capturable: bool = False,
        differentiable: bool = False,
        fused: bool | None = None,
        decoupled_weight_decay: bool = False,
        arithmetic: str = "torch",
        clip_grad_norm: float | None = None,
        skip_not_finite: bool = False,
        ema_decay: float | None = None,
    ) -> None:
        self._set(arithmetic, clip_grad_norm, skip_not_finite, ema_decay)
        super().__init__(
            params, lr, betas, eps, weight_decay, amsgrad, foreach=foreach, maximize=maximize, capturable=capturable,
            differentiable=differentiable, fused=fused, decoupled_weight_decay=decoupled_weight_decay,
        )
