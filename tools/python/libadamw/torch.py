"""torch.py - torch.optim.AdamW and Adam for parameters on CPUs, with this library's step.

    optimizer = libadamw.torch.AdamW(model.parameters(), lr=1e-3)     # was: torch.optim.AdamW(...)

Here is what an optimizer is to torch: constructor, state, pickling, hooks. How a step is put together is _plan.py's.
"""
from __future__ import annotations

import contextlib
import math
from itertools import chain
from numbers import Real
from typing import Any, Callable

import torch
from torch import Tensor

from ._averages import Averaging
from ._check import AMSGRAD_STATE, STATES, check_group
from ._counters import StepCounters
from ._functional import step
from ._library import ARITHMETIC
from ._masters import from_float32, from_remainders, join, split, to_float32, to_remainders
from ._others import warn
from ._plan import Extras, Plan
from ._precision import (
    EMA_STATE, RESIDUAL_STATE, Master, Precision, Rounding, check_precision, has_kernel, has_residual, state_dtype_of,
)
from ._update import Arithmetic, UpdateReport

__all__ = [
    "Adam", "AdamW", "UpdateReport", "from_float32", "from_remainders", "join", "split", "step", "to_float32",
    "to_remainders",
]


class _Step:
    """The step, before torch.optim.Adam or AdamW in the list of bases, which bring everything else.

    Everything that belongs to one optimizer is an attribute of the instance: wrappers of frameworks inherit from its
    class, and would find an attribute of the class in place of the optimizer's own.
    """

    arithmetic: Arithmetic
    grad_norm: float  #: of the last step, with clip_grad_norm or skip_not_finite: the gradients' norm before clipping
    skipped: bool  #: whether the last step was skipped (skip_not_finite)

    def _set(self, arithmetic: str, extras: Extras, precision: Precision) -> None:
        if arithmetic not in ARITHMETIC:
            raise ValueError(f"arithmetic is {arithmetic!r}: it must be 'torch' or 'accurate'")
        self.arithmetic = arithmetic
        check_precision(precision, arithmetic)
        self.extras, self.precision = extras, precision
        clip, skip, decay = extras
        if clip is not None and not (isinstance(clip, Real) and clip >= 0):
            raise ValueError(f"clip_grad_norm is {clip!r}: it must be a norm from 0, or None")
        if not isinstance(skip, bool):
            raise ValueError(f"skip_not_finite is {skip!r}: it must be False or True")
        if decay is not None and not (isinstance(decay, Real) and 0 <= decay <= 1):
            raise ValueError(f"ema_decay is {decay!r}: it must be from 0 to 1, or None")
        self._begin()

    def _begin(self) -> None:
        self.grad_norm, self.skipped = math.nan, False
        self._plan: Plan | None = None
        self._loading: dict[str, Any] | None = None  # during load_state_dict(): what torch was given
        self._counters = StepCounters()
        self._averaging = Averaging()
        self._warned = False

    def averaged(self) -> contextlib.AbstractContextManager[None]:
        """Within it the parameters hold their averages (ema_decay), to validate or save the model; then their own.

        Raises:
            RuntimeError: there are no averages, or they are older than the parameters. So does a step, state_dict()
            or load_state_dict() within it.
        """
        return self._averaging.place(self.state, self.extras.ema_decay)

    def add_param_group(self, param_group: dict[str, Any]) -> None:
        """As torch.optim.Optimizer's; a group with an option that this optimizer has not is refused (ValueError)."""
        if isinstance(param_group, dict):
            check_group(self.defaults | param_group, len(self.param_groups))
        super().add_param_group(param_group)

    def state_dict(self) -> dict[str, Any]:
        """As torch.optim.Optimizer's. What is for all groups together (arithmetic and so on) is not in it."""
        self._averaging.refuse("state_dict()")
        return super().state_dict()

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """As torch.optim.Optimizer's: the tensors are taken over, not copied, so that what they are shared with
        stays shared. Give it copy.deepcopy(other.state_dict()) where another optimizer goes on with them. A state of
        another dtype than this optimizer's is converted to it, rounded to nearest.

        Raises:
            ValueError: a state has another shape than its parameter; a residual is there and `master` is not what it
            belongs to; or "param_names" in the dictionary and in this optimizer have a parameter in different places.
            Nothing was changed then.
        """
        self._averaging.refuse("load_state_dict()")

        def keep(_: Any, given: dict[str, Any]) -> None:
            self._loading = given

        handle = self.register_load_state_dict_pre_hook(keep)  # the last one, which sees what the others made
        try:
            super().load_state_dict(state_dict)
        finally:
            handle.remove()
            self._loading = None

    def __getstate__(self) -> dict[str, Any]:
        return super().__getstate__() | {
            "arithmetic": self.arithmetic, "extras": self.extras, "precision": self.precision,
        }

    def __setstate__(self, state: dict[str, Any]) -> None:
        if self.__dict__.get("_loading") is not None:
            self._restore_dtypes(state, self._loading)
        self._check_loaded(state)
        super().__setstate__(state)
        if "_averaging" in self.__dict__:
            self._plan = None
        else:  # unpickled
            self._begin()

    def _restore_dtypes(self, state: dict[str, Any], given: dict[str, Any]) -> None:
        """Puts back what torch has cast to the parameters' dtype, as it was given or in the dtype that it has here."""
        numbers = chain.from_iterable(group["params"] for group in given["param_groups"])
        params = chain.from_iterable(group["params"] for group in self.param_groups)
        for number, param in zip(numbers, params):
            if number not in given["state"] or not has_kernel(param, self.arithmetic):
                continue
            for key, value in given["state"][number].items():
                if key in STATES + (AMSGRAD_STATE, EMA_STATE) and isinstance(value, Tensor):
                    dtype = state_dtype_of(key, param, self.precision)
                elif key == RESIDUAL_STATE and isinstance(value, Tensor):
                    dtype = self._residual_dtype(value, param)
                else:
                    continue
                state["state"][param][key] = value.to(device=param.device, dtype=dtype)

    def _residual_dtype(self, residual: Tensor, param: Tensor) -> torch.dtype:
        dtype = state_dtype_of(RESIDUAL_STATE, param, self.precision)
        if not has_residual(param, self.precision) or residual.dtype != dtype:
            raise ValueError(
                f"the loaded {RESIDUAL_STATE}, a part of a parameter's value, is {residual.dtype}, of a parameter that "
                f"is {param.dtype} here with master={self.precision.master!r}: int16 belongs to bfloat16 with 'split', "
                "bfloat16 to float32 with 'compensated'"
            )
        return dtype

    def _check_loaded(self, state: dict[str, Any]) -> None:
        """Refuses a loaded state of other shapes or another order before anything is taken over."""
        loaded = state.get("param_groups", ())
        for number, group in enumerate(loaded):
            for place, param in enumerate(group["params"]):
                for key in STATES + (AMSGRAD_STATE, EMA_STATE, RESIDUAL_STATE):
                    value = state["state"].get(param, {}).get(key)
                    if isinstance(value, Tensor) and value.shape != param.shape:
                        raise ValueError(
                            f"the loaded {key} of parameter {place} of group {number} has shape "
                            f"{tuple(value.shape)}: it must be {tuple(param.shape)}, its parameter's"
                        )
        here = _places(self.__dict__.get("param_groups", ()))
        for name, place in _places(loaded).items():
            if here.get(name, place) != place:
                raise ValueError(
                    f"parameter {name!r} is number {place[1]} of group {place[0]} in the loaded state, and number "
                    f"{here[name][1]} of group {here[name][0]} here: give the optimizer its parameters in that order"
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
        self._averaging.refuse("a step")
        loss = None
        if closure is not None:
            with torch.enable_grad():
                loss = closure()
        found_inf, grad_scale = map(self.__dict__.get, ("found_inf", "grad_scale"))  # of torch.amp.GradScaler
        skip = found_inf is not None and found_inf.item()
        grads = self._plan.refresh(self) if self._plan is not None else None
        if grads is None:
            grads = self._new_plan()
        if skip:
            return loss
        if grad_scale is not None:
            self._plan.unscale(grad_scale)
        self._plan.step(grads, self.param_groups)
        if not self._plan.is_plain_step:
            self.grad_norm, self.skipped = self._plan.report.grad_norm, self._plan.report.skipped
        return loss

    def _new_plan(self) -> list[Tensor]:
        self._plan = None
        plan = Plan(self, self._counters)
        if plan.others and not self._warned:
            self._warned = True
            warn(plan.others)
        self._plan = plan
        return plan.grads()


def _places(groups: Any) -> dict[str, tuple[int, int]]:
    """Group and place of each parameter that has a name."""
    return {
        name: (number, place)
        for number, group in enumerate(groups)
        for place, name in enumerate(group.get("param_names", ()))
    }


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
        master: "split" keeps the lower half of a float32 for each bfloat16 parameter in state["param_residual"], and
            the run has the bits of the float32 run; "compensated" keeps there, in bfloat16, what each rounding of a
            float32 parameter loses; None: a narrow parameter is rounded once in each step.
        state_dtype: of exp_avg, exp_avg_sq and max_exp_avg_sq: torch.float32 (None too) or torch.bfloat16.
        rounding, seed: "nearest" or "stochastic", unbiased, of bfloat16 parameters and states; the random bits are a
            function of the seed, the step and the value's place alone.

    The options from arithmetic on are for all groups together, and are not part of state_dict(). The last four need
    arithmetic="accurate", and so do bfloat16 and float16 parameters and a gradient of another dtype (torch's
    Tensor.grad_dtype). Other dtypes, parameters that are not on the CPU, and groups whose betas are tensors take
    torch's own step, with one warning; with arithmetic="torch" bfloat16 and float16 do so too. Keys of a group that
    torch does not know are kept. Threads are torch.get_num_threads().
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
        arithmetic: Arithmetic = "torch",
        clip_grad_norm: float | None = None,
        skip_not_finite: bool = False,
        ema_decay: float | None = None,
        master: Master | None = None,
        state_dtype: torch.dtype | None = None,
        rounding: Rounding = "nearest",
        seed: int = 0,
    ) -> None:
        extras = Extras(clip_grad_norm, skip_not_finite, ema_decay)
        self._set(arithmetic, extras, Precision(master, state_dtype, rounding, seed))
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
        arithmetic: Arithmetic = "torch",
        clip_grad_norm: float | None = None,
        skip_not_finite: bool = False,
        ema_decay: float | None = None,
        master: Master | None = None,
        state_dtype: torch.dtype | None = None,
        rounding: Rounding = "nearest",
        seed: int = 0,
    ) -> None:
        extras = Extras(clip_grad_norm, skip_not_finite, ema_decay)
        self._set(arithmetic, extras, Precision(master, state_dtype, rounding, seed))
        super().__init__(
            params, lr, betas, eps, weight_decay, amsgrad, foreach=foreach, maximize=maximize, capturable=capturable,
            differentiable=differentiable, fused=fused, decoupled_weight_decay=decoupled_weight_decay,
        )
