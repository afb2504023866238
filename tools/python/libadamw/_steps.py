"""_steps.py - the step counters of an optimizer: torch's one-element tensors, kept as views of a few flat ones.

torch's state["step"] is a tensor for each parameter, and adding 1 to each costs more than a small step itself. Here
they are views of memory that Python has too, so that a few of its own instructions move all, and whoever reads or
writes state["step"] sees and moves the true count. torch's addition, even of one flat tensor, would take 30
microseconds after a step that has swept the caches. Only the counting is here; what the counts mean is the plan's.
"""
from __future__ import annotations

from array import array
from typing import Any, Sequence

import torch

CODES = {torch.float32: "f", torch.float64: "d", torch.int64: "q"}
LAST_STEP = 1 << 24  # torch's counter is a float32 and stays there


class Flat:
    """Counters side by side, as an array and as a tensor over its memory."""

    def __init__(self, size: int, dtype: torch.dtype) -> None:
        dtype = dtype if dtype in CODES else torch.float32
        self.memory = array(CODES[dtype], [0]) * size
        self.tensor = torch.frombuffer(self.memory, dtype=dtype)
        self.address = self.tensor.data_ptr()


class StepCounters:
    def __init__(self) -> None:
        self._flats: list[Flat] = []
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
        self._spare = [(flat, place) for flat, place in self._spare if self._is_in_place(self._flats[flat])]
        if len(self._spare) < len(strangers):
            size = len(strangers) + spare
            self._spare = [(len(self._flats), place) for place in reversed(range(size))]
            self._flats.append(Flat(size, strangers[0]["step"].dtype))
        for state in strangers:
            flat, place = self._spare.pop()
            view = self._flats[flat].tensor[place]
            view.fill_(state["step"])
            self._home[id(view)] = flat, place
            self._views.append(view)
            state["step"] = view

    def _is_home(self, step: torch.Tensor, taken: set[int]) -> bool:
        """Whether it is one of the views, alone so, and still in the flat's memory (step.data = ... leaves)."""
        if id(step) not in self._home or id(step) in taken:
            return False
        taken.add(id(step))
        number, place = self._home[id(step)]
        flat = self._flats[number]
        return step.data_ptr() == flat.address + place * flat.memory.itemsize

    @staticmethod
    def _is_in_place(flat: Flat) -> bool:
        """False where somebody moved the memory of a view, and with it that of all (share_memory_())."""
        return flat.tensor.data_ptr() == flat.address

    def select(self, states: Sequence[dict[str, Any]]) -> "Selection":
        return Selection(self._flats, [self._home[id(state["step"])] for state in states])


class Selection:
    """The counters of the parameters that a plan steps: their counts in the plan's order, and the addition of 1."""

    def __init__(self, flats: Sequence[Flat], homes: Sequence[tuple[int, int]]) -> None:
        self._flats = [flats[number] for number in sorted({number for number, _ in homes})]
        self._homes = [(flats[number].memory, place) for number, place in homes]
        self._runs: list[tuple[array, slice]] = []  # neighbours in memory
        for memory, place in sorted(self._homes, key=lambda home: (id(home[0]), home[1])):
            if self._runs and self._runs[-1][0] is memory and self._runs[-1][1].stop == place:
                self._runs[-1] = memory, slice(self._runs[-1][1].start, place + 1)
            else:
                self._runs.append((memory, slice(place, place + 1)))
        self.tensors = [flat.tensor for flat in self._flats]
        self._contents: list[bytes] = []  # that the counts were read from: equal bytes are equal counts
        self._before: list[bytes] = []
        self._counts: list[float] = []
        self.alike = False

    def in_place(self) -> bool:
        return all([StepCounters._is_in_place(flat) for flat in self._flats])

    def counts(self) -> list[float]:
        contents = [flat.memory.tobytes() for flat in self._flats]
        if contents != self._contents:
            self._contents = contents
            self._counts = [memory[place] for memory, place in self._homes]
            self.alike = self._counts.count(self._counts[0]) == len(self._counts)
        return self._counts

    def add_one(self) -> None:
        """After counts()."""
        self._before = self._contents
        if self.alike and self._counts[0] < LAST_STEP:  # the new counts are known without reading them
            count = int(self._counts[0]) + 1
            for memory, places in self._runs:
                memory[places] = array(memory.typecode, [count]) * (places.stop - places.start)
            self._counts = [float(count)] * len(self._counts)
            self._contents = [flat.memory.tobytes() for flat in self._flats]
        else:
            for memory, places in self._runs:
                memory[places] = array(memory.typecode, [count + 1 for count in memory[places]])
            self._contents = []

    def take_back(self) -> None:
        """The addition of a step that was not made."""
        for flat, contents in zip(self._flats, self._before):
            flat.memory[:] = array(flat.memory.typecode, contents)
        self._contents = []
