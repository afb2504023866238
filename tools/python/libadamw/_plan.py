"""_plan.py - one optimizer's step as the library takes it: the checked list of its tensors, kept between steps.

Making a plan checks everything about every tensor; a later step asks only for what can change unnoticed, a column at
a time, and makes a new plan where something did. Nothing is remembered about memory that is not looked at again in
each step. What surrounds the step (constructor, hooks, pickling) is torch.py's, what is accepted is _check.py's.
"""
from __future__ import annotations

from itertools import chain
from operator import attrgetter, is_, itemgetter
from typing import Any, Iterator, NamedTuple

import torch
from torch.autograd.graph import increment_version

from . import _library as lib
from ._averages import follow
from ._check import (
    AMSGRAD_STATE, STATES, check_beside, check_grad, check_group, check_param, check_state, check_step,
    has_tensor_betas, is_dtensor, is_plain, name_of, number_of,
)
from ._counters import LAST_STEP, Selection, StepCounters
from ._layout import Entry, Staged, dense_strides, fill_state, in_order, local
from ._look import OTHER_LAYOUT, SAME, Items, look_at
from ._others import step_others
from ._overlap import check_apart
from ._precision import (
    CODES, EMA_STATE, RESIDUAL_STATE, Precision, check_beta2, check_form, check_precision, has_kernel, has_residual,
    is_new,
)

RATES = itemgetter("lr", "betas", "eps", "weight_decay")
FLAGS = itemgetter(
    "amsgrad", "maximize", "foreach", "capturable", "differentiable", "fused", "decoupled_weight_decay"
)
GRAD, IS_NEG = attrgetter("grad"), torch.Tensor.is_neg


class Extras(NamedTuple):
    """What a step does beside the step, in the same pass (adamw_update)."""

    clip_grad_norm: float | None = None
    skip_not_finite: bool = False
    ema_decay: float | None = None


class Plan:
    def __init__(self, optimizer: torch.optim.Optimizer, counters: StepCounters) -> None:
        """Checks everything, then creates missing states. An exception names the parameter; nothing changed then."""
        groups, state = optimizer.param_groups, optimizer.state
        self.arithmetic, self.extras = optimizer.arithmetic, optimizer.extras
        if self.arithmetic not in lib.ARITHMETIC:
            raise ValueError(f"arithmetic is {self.arithmetic!r}: it must be 'torch' or 'accurate'")
        self.precision = optimizer.precision
        check_precision(self.precision, self.arithmetic)
        self.is_plain_step = self.extras == Extras()
        self.group_params = [list(group["params"]) for group in groups]
        self.params = list(chain.from_iterable(self.group_params))
        self.types = [type(param.grad) for param in self.params]
        self.rates, self.flags = list(map(RATES, groups)), list(map(FLAGS, groups))
        self.configs = (lib.Config * len(groups))()
        self.config = lib.default_config()  # the call's: its arithmetic decides where gradients are clipped
        self.config.arithmetic = lib.ARITHMETIC[self.arithmetic]
        self.options, self.report = lib.default_options(), lib.UpdateReport()
        self.mixed_steps = False

        # swa_utils' first average is a copy, for all parameters at once; later ones are blended.
        self.first_average = not any([EMA_STATE in each for each in state.values()])
        self.mine, self.others = self._entries(groups, state)
        self._check_extras()
        self._write_options()
        check_apart(self._written())
        for number, group in enumerate(groups):
            if not has_tensor_betas(group):
                self._write_config(group, number)
        for entry in self.mine + self.others:
            if not entry.state:
                state[entry.param] = entry.state
            fill_state(entry)

        self.own_params = [entry.param for entry in self.mine]
        self.states = [entry.state for entry in self.mine]
        self.select = None
        if len(self.mine) < len(self.params):
            mine = set(map(id, self.own_params))
            self.select = [place for place, param in enumerate(self.params) if id(param) in mine]
        self.wrapped = not all(map(is_plain, self.own_params))
        counters.adopt(self.states, sum(not state.get(param) for param in self.params))
        self.counters = Selection([state["step"] for state in self.states])
        self.items = Items(state)
        mine = set(map(id, self.states))
        self.resting = [(param, each) for param, each in state.items() if EMA_STATE in each and id(each) not in mine]
        self._fill()

    def _written(self) -> Iterator[tuple[torch.Tensor, str]]:
        """Every tensor that the library writes, beside the counters."""
        for entry in self.mine:
            yield local(entry.param), entry.name
            for key in entry.keys:
                if key in entry.state:
                    yield local(entry.state[key]), f"{key} of {entry.name}"

    def _check_extras(self) -> None:
        """What stands beside the step is for all parameters at once, which another step or process has a part of; and
        another step stores and rounds parameters in its own way."""
        shards = [entry for entry in self.mine if not is_plain(entry.param)]
        strange = self.others + shards
        if not self.is_plain_step and strange:
            raise ValueError(
                "clip_grad_norm, skip_not_finite and ema_decay need parameters in this process's memory that the "
                f"library steps, which {strange[0].name} is not: use torch's functions for them"
            )
        asked = [name for name, value in self.precision._asdict().items() if value != Precision._field_defaults[name]]
        if asked and self.others:
            raise ValueError(
                f"{asked[0]} is {getattr(self.precision, asked[0])!r}, and {self.others[0].name} takes torch's own "
                "step, which has none: give it an optimizer of its own"
            )
        if self.precision.rounding == "stochastic" and shards:
            raise ValueError(
                f"{shards[0].name} is distributed: with rounding='stochastic', whose bits depend on the place in the "
                "whole tensor, it must be in one process; or rounding must be 'nearest'"
            )

    def _entries(
        self, groups: list[dict[str, Any]], states: dict[Any, dict[str, Any]]
    ) -> tuple[list[Entry], list[Entry]]:
        """The parameters that the library steps, and those that torch's own functions do."""
        mine, others, stream = [], [], 0
        for number, group in enumerate(groups):
            check_group(group, number)
            tensor_betas = has_tensor_betas(group)
            keys = STATES + ((AMSGRAD_STATE,) if group["amsgrad"] else ())
            if self.extras.ema_decay is not None:
                keys += (EMA_STATE,)
            for place, param in enumerate(group["params"]):
                stream += 1
                grad = param.grad
                if grad is None:
                    continue
                name = name_of(group, number, place)
                check_param(param, name)
                is_mine = (
                    has_kernel(param, self.arithmetic) and not tensor_betas and (is_plain(param) or is_dtensor(param))
                )
                check_grad(grad, param, name, is_mine and self.arithmetic == "accurate")
                own, precision = keys, None
                if is_mine:
                    precision = self.precision
                    check_form(param, name, precision)
                    if has_residual(param, precision):
                        own += (RESIDUAL_STATE,)
                state = states.get(param, {})
                if not is_new(state):
                    check_state(state, param, name, own, precision)
                entry = Entry(number, param, state, name, own, precision, stream - 1)
                (mine if is_mine else others).append(entry)
        return mine, others

    def _write_config(self, group: dict[str, Any], number: int) -> None:
        self.configs[number] = lib.default_config()
        config = self.configs[number]
        for key in ("lr", "eps", "weight_decay"):
            setattr(config, key, number_of(group[key], key, number))
        config.beta1, config.beta2 = [number_of(beta, "betas", number) for beta in group["betas"]]
        check_beta2(config.beta2, number, self.precision)
        config.decay = lib.DECAY["decoupled" if group["decoupled_weight_decay"] else "l2"]
        config.arithmetic = lib.ARITHMETIC[self.arithmetic]
        config.amsgrad, config.maximize = group["amsgrad"], group["maximize"]
        config.rounding, config.seed = lib.ROUNDING[self.precision.rounding], self.precision.seed

    def _write_options(self) -> None:
        clip, skip, ema = self.extras
        if clip is not None:
            self.options.clip, self.options.clip_max = lib.CLIP["global_norm"], clip
        if ema is not None:
            self.options.ema = lib.EMA["constant"]
        self.options.skip_not_finite = skip

    def _fill(self) -> None:
        """The descriptors, and what the tensors of later steps are compared with."""
        params, grads = self._locals(self.own_params), self.grads()
        self.single = [row for row, param in enumerate(params) if param.numel() == 1]
        self.table = lib.Table(len(params))
        size, first = lib.ctypes.sizeof(lib.Config), lib.ctypes.addressof(self.configs)
        self.table.fill("config", [first + entry.number * size for entry in self.mine])
        self.table.fill("n", [param.numel() for param in params])
        self.staged: list[Staged] = []
        orders = list(map(dense_strides, params))
        columns: dict[str, list[torch.Tensor | None]] = {"param": params, "grad": grads}
        for key in STATES + (AMSGRAD_STATE, EMA_STATE, RESIDUAL_STATE):
            columns[key] = [entry.state[key] if key in entry.keys else None for entry in self.mine]
        for key, column in columns.items():
            addresses = [0] * len(column)
            for row, (tensor, strides) in enumerate(zip(column, orders)):
                if tensor is not None:
                    tensor = local(tensor)
                    addresses[row] = tensor.data_ptr()
                    if not in_order(tensor, strides) or key == "param" and tensor.dtype is torch.float16:
                        self.staged.append(Staged(row, key, strides))
            self.table.fill(key, addresses)
        self._fill_dtypes(params, grads)
        self.param_look, self.grad_look = look_at(params), look_at(grads, self.table, "grad")
        kinds: dict[tuple[str, ...], list[dict[str, Any]]] = {}
        for entry in self.mine:
            kinds.setdefault(("step",) + entry.keys, []).append(entry.state)
        self.state_looks = [(states, keys, self._look_at_states(states, keys)) for keys, states in kinds.items()]

    def _fill_dtypes(self, params: list[torch.Tensor], grads: list[torch.Tensor]) -> None:
        """What is not float32; and the streams of random bits, which are the places in the list of all parameters."""
        state_code = CODES[self.precision.state_dtype or torch.float32]
        self.table.fill("random_stream", [entry.stream for entry in self.mine])
        for row, param, grad in zip(self.table.rows, params, grads):
            if param.dtype is torch.bfloat16:
                row.param_dtype = CODES[param.dtype]
            row.grad_dtype = CODES[grad.dtype]
            row.exp_avg_dtype = row.exp_avg_sq_dtype = state_code

    def _look_at_states(self, states: list[dict[str, Any]], keys: tuple[str, ...]) -> Any:
        if self.wrapped:
            return look_at([local(state[key]) for state in states for key in keys])
        return look_at(states, keys=keys)

    def _states_are_as_before(self, state: dict[Any, Any]) -> bool:
        """Whether the optimizer has the same dictionaries, with tensors in the same memory."""
        if not self.items.are_in(state):
            return False
        for states, keys, look in self.state_looks:
            source = [local(each[key]) for each in states for key in keys] if self.wrapped else states
            if look.again(source) != SAME:
                return False
        return True

    def _locals(self, tensors: list[torch.Tensor]) -> list[torch.Tensor]:
        return list(map(local, tensors)) if self.wrapped else tensors

    def grads(self) -> list[torch.Tensor]:
        return self._locals([param.grad for param in self.own_params])

    def refresh(self, optimizer: torch.optim.Optimizer) -> list[torch.Tensor] | None:
        """This step's gradients, with their addresses and new rates taken over; None: something else is new."""
        groups = optimizer.param_groups
        if (
            len(groups) != len(self.group_params)
            or self.arithmetic != optimizer.arithmetic
            or self.extras != optimizer.extras
            or self.precision != optimizer.precision
            or not self._follow_groups(groups)
        ):
            return None
        grads = list(map(GRAD, self.params))
        if list(map(type, grads)) != self.types:
            return None
        for entry in self.others:
            check_beside(entry.param.grad, entry.param, "the gradient", entry.name)
        if self.select is not None:
            grads = [grads[place] for place in self.select]
        try:
            grads = self._locals(grads)
            same = (
                self.param_look.again(self._locals(self.own_params)) == SAME
                and self.grad_look.again(grads) != OTHER_LAYOUT
                and not (self.single and any(map(IS_NEG, map(grads.__getitem__, self.single))))
                and self._states_are_as_before(optimizer.state)
            )
        except (AttributeError, BufferError, KeyError, RuntimeError, SystemError, TypeError):
            # No key, memory, dictionary or tensor: a new plan words it.
            return None
        return grads if same else None

    def _follow_groups(self, groups: list[dict[str, Any]]) -> bool:
        """Takes over new rates; False where a parameter or another option is new, which needs a new plan."""
        for number, group in enumerate(groups):
            params, known = group["params"], self.group_params[number]
            if len(params) != len(known) or not all(map(is_, params, known)):
                return False
            if FLAGS(group) != self.flags[number]:
                return False
            rates = RATES(group)
            if rates != self.rates[number] or isinstance(rates[0], torch.Tensor):
                if has_tensor_betas(group) or has_tensor_betas({"betas": self.rates[number][1]}):
                    return False
                check_group(group, number)
                self._write_config(group, number)
                self.rates[number] = rates
        return True

    def step(self, grads: list[torch.Tensor], groups: list[dict[str, Any]]) -> None:
        """One step of the library's parameters, then of torch's. An error of the library leaves all as it was."""
        if self.mine:
            copies = self._copy_staged(grads) if self.staged else []
            if self._call():
                self._copy_back(copies)
                self._follow_averages()
        if self.others:
            step_others(self.others, groups)

    def _follow_averages(self) -> None:
        if self.extras.ema_decay is not None:
            self.first_average = False
            if self.resting:
                follow(self.resting, self.extras.ema_decay)

    @torch.no_grad()
    def unscale(self, scale: torch.Tensor) -> None:
        """Divides every gradient by the scale, in place, as torch's fused step does under torch.amp.GradScaler."""
        for entry in self.mine + self.others:
            entry.param.grad.div_(scale)

    def _call(self) -> bool:
        """The call of the library; False where it skipped the step.

        What goes with it is done before, while the tensors that were looked at are still in the caches.
        """
        counts = self.counters.counts()
        alike = self.counters.alike
        step = self._next(counts[0], 0)
        if not alike:
            self.table.fill("step", list(map(self._next, counts, range(len(counts)))))
        elif self.mixed_steps:
            self.table.fill("step", [0] * len(counts))
        self.mixed_steps = not alike
        threads = torch.get_num_threads()
        call = (self.config, step, self.table.rows, self.table.count)
        increment_version(self.own_params)
        self.counters.add_one()
        if self.is_plain_step:
            status, skipped = lib.library.adamw_step(*call, threads), False
        else:
            if self.extras.ema_decay is not None:
                self.options.ema_decay = 0.0 if self.first_average else self.extras.ema_decay
            status = lib.library.adamw_update(*call, self.options, self.report, threads)
            skipped = self.report.skipped
        if status != lib.OK or skipped:
            self.counters.take_back()
            if self.first_average:
                for state in self.states:  # they are no averages yet
                    state.pop(EMA_STATE, None)
        if status != lib.OK:
            words = lib.sentence("adamw_update_explain", *call, self.options, self.report, threads)
            for row, entry in enumerate(self.mine):
                words = words.replace(f"tensors[{row}]", entry.name)
            raise lib.error_of(status, words)
        return not skipped

    def _next(self, count: float, row: int) -> int:
        check_step(count, self.mine[row].name)
        return min(int(count) + 1, LAST_STEP)

    @torch.no_grad()
    def _copy_staged(self, grads: list[torch.Tensor]) -> list[tuple[torch.Tensor | None, torch.Tensor]]:
        """Points the descriptors to copies in the parameter's order; returns them with the tensor to copy back to."""
        copies = []
        for row, field, strides in self.staged:
            if field == "grad":
                source = grads[row]
            else:
                entry = self.mine[row]
                source = local(entry.param if field == "param" else entry.state[field])
            widened = field == "param" and source.dtype is torch.float16
            dtype = torch.float32 if widened else source.dtype
            copy = torch.empty_strided(source.shape, strides, dtype=dtype).copy_(source)
            setattr(self.table.rows[row], field, copy.data_ptr())
            copies.append((None if field == "grad" else source, copy))
        return copies

    @staticmethod
    @torch.no_grad()
    def _copy_back(copies: list[tuple[torch.Tensor | None, torch.Tensor]]) -> None:
        for tensor, copy in copies:
            if tensor is not None:
                tensor.copy_(copy)
