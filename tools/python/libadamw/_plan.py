"""_plan.py - one optimizer's step as the library takes it: the checked list of its tensors, kept between steps.

Making a plan checks everything about every tensor; a later step asks only for what can change unnoticed, a column at
a time, and makes a new plan where something did. What surrounds the step (constructor, hooks, pickling) is
torch.py's, what is accepted is _check.py's.
"""
from __future__ import annotations

from itertools import chain
from operator import attrgetter, is_, itemgetter
from sys import getrefcount
from typing import Any, NamedTuple

import torch
from torch.autograd.graph import increment_version
from torch.optim.adam import adam as torch_adam

from . import _library as lib
from ._check import (
    AMSGRAD_STATE, EMA_STATE, STATES, check_apart, check_beside, check_group, check_param, check_state, check_step,
    has_tensor_betas, is_dtensor, is_plain, name_of,
)
from ._look import DATA_PTR, OTHER_LAYOUT, SAME, look_at
from ._counters import LAST_STEP, StepCounters
from ._layout import Entry, Staged, dense_strides, fill_state, in_order, local

RATES = itemgetter("lr", "betas", "eps", "weight_decay")
FLAGS = itemgetter(
    "amsgrad", "maximize", "foreach", "capturable", "differentiable", "fused", "decoupled_weight_decay"
)
TORCH_ADAM_KEYS = ("amsgrad", "lr", "weight_decay", "eps", "maximize", "foreach", "fused", "decoupled_weight_decay")
GRAD, IS_NEG = attrgetter("grad"), torch.Tensor.is_neg



class Extras(NamedTuple):
    """What a step does beside the step, in the same pass (adamw_update)."""

    clip_grad_norm: float | None = None
    skip_not_finite: bool = False
    ema_decay: float | None = None


def private_counts() -> tuple[int, int]:
    """The reference counts of an optimizer's state, and of each dictionary in it, where nobody else holds them."""

    class Holder:
        pass

    optimizer, states = Holder(), [{}]
    optimizer.state = {0: states[0]}
    held = [states[0]], (states[0],)  # as in Plan.held_states and in an Entry
    counts = getrefcount(optimizer.__dict__["state"]), list(map(getrefcount, states))[0]
    del held
    return counts


OUTER, INNER = private_counts()


class Plan:
    def __init__(self, optimizer: torch.optim.Optimizer, counters: StepCounters) -> None:
        """Checks everything, then creates missing states. An exception names the parameter; nothing changed then."""
        groups, state = optimizer.param_groups, optimizer.state
        self.arithmetic, self.extras = optimizer.arithmetic, optimizer.extras
        self.is_plain_step = self.extras == Extras()
        self.group_params = [list(group["params"]) for group in groups]
        self.params = list(chain.from_iterable(self.group_params))
        self.types = [type(param.grad) for param in self.params]
        self.rates, self.flags = list(map(RATES, groups)), list(map(FLAGS, groups))
        self.configs = (lib.Config * len(groups))()
        self.config = lib.default_config()  # the call's: its threads, and its arithmetic where gradients are clipped
        self.config.arithmetic = lib.ARITHMETIC[self.arithmetic]
        self.options, self.report = lib.default_options(), lib.UpdateReport()
        self.mixed_steps = False

        self.mine, self.others = self._entries(groups, state, self.extras.ema_decay is not None)
        self._check_extras()
        self._write_options()
        check_apart([(local(entry.param), entry.name) for entry in self.mine])
        for number, group in enumerate(groups):
            if not has_tensor_betas(group):
                self._write_config(group, number)
        for entry in self.mine + self.others:
            if not entry.state:
                state[entry.param] = entry.state
            fill_state(entry.state, entry.param, entry.keys)

        self.own_params = [entry.param for entry in self.mine]
        self.states = [entry.state for entry in self.mine]
        self.select = None
        if len(self.mine) < len(self.params):
            mine = set(map(id, self.own_params))
            self.select = [place for place, param in enumerate(self.params) if id(param) in mine]
        self.wrapped = not all(map(is_plain, self.own_params))
        counters.adopt(self.states, sum(not state.get(param) for param in self.params))
        self.counters = counters.select(self.states)
        self.written = self.own_params + self.counters.tensors
        self.held = [list(each.values()) for each in state.values()]  # so that no other tensor gets their addresses
        self.held_states = list(state.values())
        self.private = [INNER] * len(self.states)
        self.state_addresses = self._state_addresses()
        self._fill()

    def _check_extras(self) -> None:
        """What stands beside the step is for all parameters at once, which another step or process has a part of."""
        strange = self.others + [entry for entry in self.mine if not is_plain(entry.param)]
        if not self.is_plain_step and strange:
            raise ValueError(
                "clip_grad_norm, skip_not_finite and ema_decay need float32 parameters in this process's memory, "
                f"which {strange[0].name} is not: use torch's functions for them"
            )

    @staticmethod
    def _entries(
        groups: list[dict[str, Any]], states: dict[Any, dict[str, Any]], ema: bool
    ) -> tuple[list[Entry], list[Entry]]:
        """The parameters that the library steps, and those that torch's own functions do."""
        mine, others = [], []
        for number, group in enumerate(groups):
            check_group(group, number)
            amsgrad, tensor_betas = group["amsgrad"], has_tensor_betas(group)
            keys = STATES + ((AMSGRAD_STATE,) if amsgrad else ()) + ((EMA_STATE,) if ema else ())
            for place, param in enumerate(group["params"]):
                grad = param.grad
                if grad is None:
                    continue
                name = name_of(group, number, place)
                check_param(param, name)
                check_beside(grad, param, "the gradient", name)
                state = states.get(param, {})
                if state:
                    check_state(state, param, name, amsgrad)
                is_mine = param.dtype == torch.float32 and not tensor_betas and (is_plain(param) or is_dtensor(param))
                (mine if is_mine else others).append(Entry(number, param, state, name, keys))
        return mine, others

    def _write_config(self, group: dict[str, Any], number: int) -> None:
        config = self.configs[number]
        config.lr, config.eps, config.weight_decay = group["lr"], group["eps"], group["weight_decay"]
        config.beta1, config.beta2 = group["betas"]
        config.decay = lib.DECAY["decoupled" if group["decoupled_weight_decay"] else "l2"]
        config.arithmetic = lib.ARITHMETIC[self.arithmetic]
        config.amsgrad, config.maximize = group["amsgrad"], group["maximize"]

    def _write_options(self) -> None:
        clip, skip, ema = self.extras
        if clip is not None:
            self.options.clip, self.options.clip_max = lib.CLIP["global_norm"], clip
        if ema is not None:
            self.options.ema, self.options.ema_decay = lib.EMA["swa_utils"], ema
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
        for key in STATES + (AMSGRAD_STATE, EMA_STATE):
            columns[key] = [entry.state[key] if key in entry.keys else None for entry in self.mine]
        for key, column in columns.items():
            addresses = [0] * len(column)
            for row, (tensor, strides) in enumerate(zip(column, orders)):
                if tensor is not None:
                    tensor = local(tensor)
                    addresses[row] = tensor.data_ptr()
                    if not in_order(tensor, strides):
                        self.staged.append(Staged(row, key, None if key == "grad" else tensor, strides))
            self.table.fill(key, addresses)
        self.param_look, self.grad_look = look_at(params), look_at(grads, self.table, "grad")

    def _locals(self, tensors: list[torch.Tensor]) -> list[torch.Tensor]:
        return list(map(local, tensors)) if self.wrapped else tensors

    def _state_addresses(self) -> list[int]:
        tensors = [entry.state[key] for entry in self.mine for key in ("step",) + entry.keys]
        return list(map(DATA_PTR, self._locals(tensors)))

    def may_be_held(self, optimizer: torch.optim.Optimizer) -> bool:
        """Whether somebody may replace or move a state without reaching for optimizer.state again."""
        if getrefcount(optimizer.__dict__["state"]) != OUTER:
            return True
        return list(map(getrefcount, self.states)) != self.private

    def _states_are_as_before(self, optimizer: torch.optim.Optimizer) -> bool:
        states = list(optimizer.state.values())
        return (
            len(states) == len(self.held_states)
            and all(map(is_, states, self.held_states))
            and self._state_addresses() == self.state_addresses
        )

    def grads(self) -> list[torch.Tensor]:
        return self._locals([param.grad for param in self.own_params])

    def refresh(self, optimizer: torch.optim.Optimizer, reached: bool) -> list[torch.Tensor] | None:
        """This step's gradients, with their addresses and new rates taken over; None: something else is new.

        States are looked at where somebody `reached` for them since the last step or still holds their dictionaries.
        """
        groups = optimizer.param_groups
        if (
            len(groups) != len(self.group_params)
            or self.arithmetic != optimizer.arithmetic
            or self.extras != optimizer.extras
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
                and not ((reached or self.may_be_held(optimizer)) and not self._states_are_as_before(optimizer))
            )
        except (BufferError, KeyError, RuntimeError, TypeError):  # no key, memory or tensor: a new plan words it
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
            if self._call() and copies:
                self._copy_back(copies)
        if self.others:
            self._step_others(groups)

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
        self.config.threads = torch.get_num_threads()
        call = (self.config, step, self.table.rows, self.table.count)
        increment_version(self.written)
        self.counters.add_one()
        if self.is_plain_step:
            status, skipped = lib.library.adamw_step(*call), False
        else:
            status = lib.library.adamw_update(*call, self.options, self.report)
            skipped = self.report.skipped
        if status != lib.OK or skipped:
            self.counters.take_back()
        if status != lib.OK:
            words = lib.sentence("adamw_update_explain", *call, self.options)
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
        for row, field, tensor, strides in self.staged:
            source = grads[row] if tensor is None else tensor
            copy = torch.empty_strided(source.shape, strides, dtype=source.dtype).copy_(source)
            setattr(self.table.rows[row], field, copy.data_ptr())
            copies.append((tensor, copy))
        return copies

    @staticmethod
    @torch.no_grad()
    def _copy_back(copies: list[tuple[torch.Tensor | None, torch.Tensor]]) -> None:
        for tensor, copy in copies:
            if tensor is not None:
                tensor.copy_(copy)

    @torch.no_grad()
    def _step_others(self, groups: list[dict[str, Any]]) -> None:
        for number, group in enumerate(groups):
            entries = [entry for entry in self.others if entry.number == number]
            if not entries:
                continue
            states = [entry.state for entry in entries]
            torch_adam(
                [entry.param for entry in entries],
                [entry.param.grad for entry in entries],
                [state["exp_avg"] for state in states],
                [state["exp_avg_sq"] for state in states],
                [state["max_exp_avg_sq"] for state in states] if group["amsgrad"] else [],
                [state["step"] for state in states],
                beta1=group["betas"][0],
                beta2=group["betas"][1],
                **{key: group[key] for key in TORCH_ADAM_KEYS},
            )
