"""_steps.py - the step counters of an optimizer: torch's one-element tensors, kept as views of a few flat ones.

torch's state["step"] is a tensor for each parameter, and adding 1 to each costs more than a small step itself. Here
they are views of one tensor, so that one addition moves all, and whoever reads or writes state["step"] sees and moves
the true count. Only the counting is here; what the counts mean is the plan's.
"""
from __future__ import annotations

from typing import Any, Sequence

import torch


class StepCounters:
    def __init__(self) -> None:
        self._flats: list[torch.Tensor] = []
        self._home: dict[int, tuple[int, int]] = {}  # id of a view -> its flat tensor and place
        self._views: list[torch.Tensor] = []  # keeps those ids valid
        self._spare: list[tuple[int, int]] = []

    def adopt(self, states: Sequence[dict[str, Any]], spare: int) -> None:
        """Makes state["step"] of each a view of a flat tensor, its value kept, with room for `spare` later ones."""
        taken: set[int] = set()
        strangers = [state for state in states if not self._is_home(state["step"], taken)]
        if not strangers:
            return
        if len(self._flats) >= 8:  # many late comers: gather all, so that a step stays a few additions
            self.__init__()
            strangers = list(states)
        if len(self._spare) < len(strangers):
            size = len(strangers) + spare
            self._spare = [(len(self._flats), place) for place in reversed(range(size))]
            self._flats.append(torch.zeros(size, dtype=strangers[0]["step"].dtype))
        for state in strangers:
            flat, place = self._spare.pop()
            view = self._flats[flat][place]
            view.fill_(state["step"])
            self._home[id(view)] = flat, place
            self._views.append(view)
            state["step"] = view

    def _is_home(self, step: torch.Tensor, taken: set[int]) -> bool:
        """Whether it is one of the views, alone so, and still where its flat tensor is (step.data = ... leaves)."""
        if id(step) not in self._home or id(step) in taken:
            return False
        taken.add(id(step))
        number, place = self._home[id(step)]
        flat = self._flats[number]
        return step.data_ptr() == flat.data_ptr() + place * flat.element_size()

    def select(self, states: Sequence[dict[str, Any]]) -> "Selection":
        return Selection(self._flats, [self._home[id(state["step"])] for state in states])


class Selection:
    """The counters of the parameters that a plan steps: their counts in the plan's order, and the addition of 1."""

    def __init__(self, flats: list[torch.Tensor], homes: Sequence[tuple[int, int]]) -> None:
        self._additions: list[tuple[torch.Tensor, torch.Tensor | int]] = []
        self._places: list[int] | None = []
        start = 0
        starts = {}
        for number, flat in enumerate(flats):
            mine = [place for which, place in homes if which == number]
            if mine:
                ones = torch.zeros_like(flat)
                ones[mine] = 1
                self._additions.append((flat, 1 if len(mine) == len(flat) else ones))
                starts[number] = start
                start += len(flat)
        self._places = [starts[number] + place for number, place in homes]
        if self._places == list(range(start)):
            self._places = None

    def counts(self) -> list[float]:
        values = []
        for flat, _ in self._additions:
            values += flat.tolist()
        return values if self._places is None else [values[place] for place in self._places]

    def add_one(self) -> None:
        for flat, ones in self._additions:
            flat.add_(ones)
