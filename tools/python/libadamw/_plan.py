"""_plan.py - one optimizer's step as the library takes it: the checked list of its tensors, kept between steps.

Making a plan checks everything about every tensor; a later step asks only for what can change unnoticed (identities,
addresses, sizes, strides), a column at a time, and makes a new plan where something did. What surrounds the step
(constructor, hooks, pickling) is torch.py's.
"""
from __future__ import annotations

from itertools import chain
from operator import attrgetter, is_, itemgetter
from typing import Any, Iterable, NamedTuple

import torch
from torch.autograd.graph import increment_version
from torch.optim.adam import adam as torch_adam

from . import _library as lib
from ._check import check_beside, check_group, check_param, check_state, check_step, is_dtensor, is_plain, name_of
from ._steps import StepCounters

RATES = itemgetter("lr", "betas", "eps", "weight_decay")
FLAGS = itemgetter("amsgrad", "maximize", "foreach", "capturable", "differentiable", "fused", "decoupled_weight_decay")
STEP, EXP_AVG, EXP_AVG_SQ, MAX_EXP_AVG_SQ = map(itemgetter, ("step", "exp_avg", "exp_avg_sq", "max_exp_avg_sq"))
DATA_PTR, STRIDE, IS_NEG = torch.Tensor.data_ptr, torch.Tensor.stride, torch.Tensor.is_neg
NBYTES = attrgetter("nbytes")

TORCH_ADAM_KEYS = ("amsgrad", "lr", "weight_decay", "eps", "maximize", "foreach", "fused", "decoupled_weight_decay")

LAST_STEP = 1 << 24  # torch's counter is a float32 and stays there


class Entry(NamedTuple):
    """A parameter with a gradient."""

    number: int  # of its group
    param: torch.Tensor
    state: dict[str, Any]
    name: str


class Staged(NamedTuple):
    """A tensor whose elements lie in another order than its parameter's: copied before the step, and back after."""

    row: int
    field: str
    tensor: torch.Tensor | None  # None: the gradient, which is another tensor at each step
    strides: tuple[int, ...]


def local(tensor: torch.Tensor) -> torch.Tensor:
    """The tensor that has the memory: this process's shard of a DTensor, otherwise itself."""
    if is_plain(tensor):
        return tensor
    with torch.no_grad():
        shard = tensor.to_local()
    return shard if is_plain(shard) else shard.wait()  # an AsyncCollectiveTensor, documented to need it


def dense_strides(tensor: torch.Tensor) -> tuple[int, ...]:
    """The tensor's own strides where it is dense, otherwise those of a dense copy."""
    if tensor.is_contiguous():
        return tensor.stride()
    return torch.empty_like(tensor, device="meta", memory_format=torch.preserve_format).stride()


def in_order(tensor: torch.Tensor, strides: tuple[int, ...]) -> bool:
    if tensor.is_neg():  # a lazily negated view: its memory has the other sign
        return False
    return all(mine == theirs for mine, theirs, size in zip(tensor.stride(), strides, tensor.shape) if size > 1)


def new_state(group: dict[str, Any], param: torch.Tensor) -> dict[str, torch.Tensor]:
    """torch's own initial state."""
    dtype = torch.float64 if torch.get_default_dtype() == torch.float64 else torch.float32
    state = {"step": torch.tensor(0.0, dtype=dtype)}
    for key in ("exp_avg", "exp_avg_sq") + (("max_exp_avg_sq",) if group["amsgrad"] else ()):
        state[key] = torch.zeros_like(param, memory_format=torch.preserve_format)
    return state


def has_tensor_betas(group: dict[str, Any]) -> bool:
    return any(isinstance(beta, torch.Tensor) for beta in group["betas"])


class Plan:
    def __init__(self, optimizer: torch.optim.Optimizer, counters: StepCounters) -> None:
        """Checks everything, then creates missing states. An exception names the parameter; nothing changed then."""
        groups = optimizer.param_groups
        self.arithmetic = optimizer.arithmetic
        self.lengths = [len(group["params"]) for group in groups]
        self.params = list(chain.from_iterable([group["params"] for group in groups]))
        self.types = [type(param.grad) for param in self.params]
        self.rates, self.flags = list(map(RATES, groups)), list(map(FLAGS, groups))
        self.configs = (lib.Config * len(groups))()
        self.config = lib.default_config()  # the call's: only its threads count
        self.mixed_steps = False
        entries = self._entries(optimizer)
        for entry in entries:
            if not entry.state:
                entry.state.update(new_state(groups[entry.number], entry.param))
                optimizer.state[entry.param] = entry.state

        self.mine = [entry for entry in entries if self._is_mine(groups[entry.number], entry.param)]
        mine = {id(entry.param) for entry in self.mine}
        self.select = None
        if len(mine) < len(self.params):
            self.select = [place for place, param in enumerate(self.params) if id(param) in mine]
        self.others = [entry for entry in entries if id(entry.param) not in mine]
        for number, group in enumerate(groups):
            if not has_tensor_betas(group):
                self._write_config(group, number)
        self.all_states = list(optimizer.state.values())
        self._fill()
        stateless = sum(not optimizer.state.get(param) for param in self.params)
        counters.adopt(self.states, stateless)
        self.counters = counters.select(self.states)
        self.steps = list(map(STEP, self.states))

        self._check_aliases()

    def _check_aliases(self) -> None:
        """Two parameters in the same memory would be written by two threads at once."""
        staged = {row for row, field, *_ in self.staged if field == "param"}
        rows = sorted((row.param or 0, row.n * 4, place) for place, row in enumerate(self.table.rows))
        rows = [row for row in rows if row[1] and row[2] not in staged]
        for (address, size, place), (next_address, _, next_place) in zip(rows, rows[1:]):
            if address + size > next_address:
                one, other = self.mine[place].name, self.mine[next_place].name
                raise ValueError(f"{other} shares memory with {one}: each parameter must have memory of its own")

    @staticmethod
    def _entries(optimizer: torch.optim.Optimizer) -> list[Entry]:
        entries = []
        for number, group in enumerate(optimizer.param_groups):
            check_group(group, number)
            for place, param in enumerate(group["params"]):
                grad = param.grad
                if grad is None:
                    continue
                name = name_of(group, number, place)
                check_param(param, name)
                check_beside(grad, param, f"the gradient of {name}")
                state = optimizer.state.get(param, {})
                check_state(state, param, name, group["amsgrad"])
                entries.append(Entry(number, param, state, name))
        return entries

    @staticmethod
    def _is_mine(group: dict[str, Any], param: torch.Tensor) -> bool:
        """Whether the library steps the parameter; otherwise torch's own functions do."""
        return param.dtype == torch.float32 and not has_tensor_betas(group) and (is_plain(param) or is_dtensor(param))

    def _write_config(self, group: dict[str, Any], number: int) -> None:
        config = self.configs[number]
        config.lr, config.eps, config.weight_decay = group["lr"], group["eps"], group["weight_decay"]
        config.beta1, config.beta2 = group["betas"]
        config.decay = lib.DECAY["decoupled" if group["decoupled_weight_decay"] else "l2"]
        config.arithmetic = lib.ARITHMETIC[self.arithmetic]
        config.amsgrad, config.maximize = group["amsgrad"], group["maximize"]

    @torch.no_grad()
    def _fill(self) -> None:
        """The descriptors, and what later steps are compared with."""
        self.states = [entry.state for entry in self.mine]
        self.own_params = [entry.param for entry in self.mine]
        self.wrapped = not all(map(is_plain, self.own_params))
        self.amsgrad = any(self.configs[entry.number].amsgrad for entry in self.mine)
        self.amsgrad_states = [entry.state for entry in self.mine if self.configs[entry.number].amsgrad]
        self.held = [list(state.values()) for state in self.states]  # so that no address is used for another tensor
        params = [local(param) for param in self.own_params]
        grads = [local(param.grad) for param in self.own_params]
        self.grad_strides, self.bytes = list(map(STRIDE, grads)), list(map(NBYTES, params))
        self.single = [row for row, param in enumerate(params) if param.numel() == 1]
        self.addresses = self._addresses()
        self.staged: list[Staged] = []

        self.table = table = lib.Table(len(params))
        size = lib.ctypes.sizeof(lib.Config)
        first = lib.ctypes.addressof(self.configs)
        table.fill("n", [param.numel() for param in params])
        table.fill("config", [first + entry.number * size for entry in self.mine])
        for row, (entry, param, grad) in enumerate(zip(self.mine, params, grads)):
            strides = dense_strides(param)
            tensors = {"param": param} | {key: local(entry.state[key]) for key in ("exp_avg", "exp_avg_sq")}
            if self.configs[entry.number].amsgrad:
                tensors["max_exp_avg_sq"] = local(entry.state["max_exp_avg_sq"])
            for field, tensor in tensors.items():
                setattr(table.rows[row], field, tensor.data_ptr())
                if not in_order(tensor, strides):
                    self.staged.append(Staged(row, field, tensor, strides))
            if not in_order(grad, strides):
                self.staged.append(Staged(row, "grad", None, strides))

    def _addresses(self) -> list[int]:
        params, states = self.own_params, self.states
        columns = [params, map(EXP_AVG, states), map(EXP_AVG_SQ, states)]
        if self.amsgrad:
            columns.append(map(MAX_EXP_AVG_SQ, self.amsgrad_states))
        return list(map(DATA_PTR, self._locals(chain.from_iterable(columns))))

    def _locals(self, tensors: Iterable[torch.Tensor]) -> Iterable[torch.Tensor]:
        return map(local, tensors) if self.wrapped else tensors

    def grads(self) -> list[torch.Tensor]:
        return list(self._locals([param.grad for param in self.own_params]))

    def refresh(self, optimizer: torch.optim.Optimizer) -> list[torch.Tensor] | None:
        """The gradients of this step where the plan still describes the optimizer; None: make a new one."""
        groups, state = optimizer.param_groups, optimizer.state
        params = [param for group in groups for param in group["params"]]
        if not (
            len(params) == len(self.params)
            and all(map(is_, params, self.params))
            and [len(group["params"]) for group in groups] == self.lengths
            and len(state) == len(self.all_states)
            and all(map(is_, state.values(), self.all_states))
            and self.arithmetic == optimizer.arithmetic
        ):
            return None
        grads = [param.grad for param in params]
        if list(map(type, grads)) != self.types:
            return None
        for number, group in enumerate(groups):
            if FLAGS(group) != self.flags[number]:
                return None
            rates = RATES(group)
            if rates != self.rates[number] or isinstance(rates[0], torch.Tensor):
                if has_tensor_betas(group) or has_tensor_betas({"betas": self.rates[number][1]}):
                    return None
                check_group(group, number)
                self._write_config(group, number)
                self.rates[number] = rates
        if self.others:
            self._recheck_others()
        if self.select is not None:
            grads = [grads[place] for place in self.select]
        if self.wrapped:
            grads = list(map(local, grads))
        try:
            same = (
                all(map(is_, map(STEP, self.states), self.steps))
                and list(map(STRIDE, grads)) == self.grad_strides
                and list(map(NBYTES, grads)) == self.bytes
                and list(map(NBYTES, self._locals(self.own_params))) == self.bytes
                and self._addresses() == self.addresses
                and not any(IS_NEG(grads[row]) for row in self.single)
            )
        except (KeyError, RuntimeError, TypeError):  # a key that is gone, a gradient without memory: the new plan words it
            return None
        return grads if same else None

    def _recheck_others(self) -> None:
        for entry in self.others:
            check_beside(entry.param.grad, entry.param, f"the gradient of {entry.name}")

    def step(self, grads: list[torch.Tensor], groups: list[dict[str, Any]]) -> None:
        """One step of the library's parameters, then of torch's. An error of the library leaves all as it was."""
        if self.mine:
            self.table.fill("grad", map(DATA_PTR, grads))
            copies = self._copy_staged(grads) if self.staged else []
            self._call()
            if copies:
                self._copy_back(copies)
            increment_version(self.own_params)
            self.counters.add_one()
        if self.others:
            self._step_others(groups)

    @torch.no_grad()
    def unscale(self, scale: torch.Tensor) -> None:
        """Divides every gradient by the scale, in place, as torch's fused step does under torch.amp.GradScaler."""
        for entry in self.mine + self.others:
            entry.param.grad.div_(scale)

    def _call(self) -> None:
        counts = self.counters.counts()
        alike = counts.count(counts[0]) == len(counts)
        step = self._next(counts[0], 0)
        if not alike:
            self.table.fill("step", list(map(self._next, counts, range(len(counts)))))
        elif self.mixed_steps:
            self.table.fill("step", [0] * len(counts))
        self.mixed_steps = not alike
        self.config.threads = torch.get_num_threads()
        status = lib.library.adamw_step(self.config, step, self.table.rows, self.table.count)
        if status != lib.OK:
            sentence = lib.explain(self.config, step, self.table)
            for row, entry in enumerate(self.mine):
                sentence = sentence.replace(f"tensors[{row}]", entry.name)
            raise lib.error_of(status, sentence)

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
            largest = [state["max_exp_avg_sq"] for state in states] if group["amsgrad"] else []
            torch_adam(
                [entry.param for entry in entries],
                [entry.param.grad for entry in entries],
                [state["exp_avg"] for state in states],
                [state["exp_avg_sq"] for state in states],
                largest,
                [state["step"] for state in states],
                beta1=group["betas"][0],
                beta2=group["betas"][1],
                **{key: group[key] for key in TORCH_ADAM_KEYS},
            )
