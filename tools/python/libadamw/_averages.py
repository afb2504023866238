"""_averages.py - the moving averages of the parameters (ema_decay), as torch.optim.swa_utils keeps them.

The library averages each parameter that it steps, in the same pass. Here is what is not part of a step: averages of
parameters that had no gradient in it, and the time in which the averages are in the parameters' place.
"""
from __future__ import annotations

import contextlib
from typing import Any, Iterator, Sequence

import torch

from ._masters import NARROW, value_of
from ._precision import EMA_STATE


class Averaging:
    """Whether an optimizer's averages are in the parameters' place now."""

    def __init__(self) -> None:
        self.active = False

    def refuse(self, what: str) -> None:
        if self.active:
            raise RuntimeError(f"{what} within averaged(): the parameters hold their averages until it ends")

    @contextlib.contextmanager
    def place(self, states: dict[torch.Tensor, Any], ema_decay: float | None) -> Iterator[None]:
        self.refuse("averaged()")
        pairs = [(param, state) for param, state in states.items() if EMA_STATE in state]
        if not pairs:
            raise RuntimeError("there are no averages: construct the optimizer with ema_decay, and make a step")
        if ema_decay is None:
            raise RuntimeError("the averages are older than the parameters: the optimizer has no ema_decay any more")
        narrow = [(param, state) for param, state in pairs if param.dtype in NARROW]
        own = [param.detach().clone() for param, _ in narrow]  # an average in the parameter's dtype has lost bits
        pairs = [(param, state) for param, state in pairs if param.dtype not in NARROW]
        exchange(pairs)
        put(narrow, [state[EMA_STATE] for _, state in narrow])
        self.active = True
        try:
            yield
        finally:
            self.active = False
            exchange(pairs)
            put(narrow, own)


@torch.no_grad()
def put(pairs: Sequence[tuple[torch.Tensor, dict[str, Any]]], values: Sequence[torch.Tensor]) -> None:
    for (param, _), value in zip(pairs, values):
        param.copy_(value)


@torch.no_grad()
def exchange(pairs: Sequence[tuple[torch.Tensor, dict[str, Any]]]) -> None:
    for param, state in pairs:
        own = param.clone()
        param.copy_(state[EMA_STATE])
        state[EMA_STATE].copy_(own)


@torch.no_grad()
def follow(pairs: Sequence[tuple[torch.Tensor, dict[str, Any]]], ema_decay: float) -> None:
    """The averages of parameters that the step did not touch: swa_utils moves those too."""
    torch._foreach_lerp_([state[EMA_STATE] for _, state in pairs], [value_of(*pair) for pair in pairs], 1 - ema_decay)
