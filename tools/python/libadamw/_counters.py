"""_counters.py - the step counters of an optimizer: torch's one-element tensors, kept as views of a few flat ones.

torch's state["step"] is a tensor for each parameter, and adding 1 to each costs more than a small step itself. Here
they are views of memory that Python sees too, so that a few of its own instructions move all, and whoever reads or
writes state["step"] sees and moves the true count. torch's addition, even of one flat tensor, would take 30
microseconds after a step that has swept the caches. Only the counting is here; what the counts mean is the plan's.
"""
from __future__ import annotations

import ctypes
from array import array
from typing import Any, Sequence

import torch

CODES = {torch.float32: "f", torch.float64: "d", torch.int64: "q"}
LAST_STEP = 1 << 24  # torch's counter is a float32 and stays there


class Flat:
    """Counters side by side: a tensor, and its memory as Python sees it."""

    def __init__(self, size: int, dtype: torch.dtype) -> None:
        dtype = dtype if dtype in CODES else torch.float32
        self.tensor, self.code, self.address = torch.zeros(size, dtype=dtype, device="cpu"), CODES[dtype], 0
        self.follow()

    def follow(self) -> None:
        """Whoever moves the memory of a view moves that of all (share_memory_())."""
        address = self.tensor.data_ptr()
        if address == 0:
            raise RuntimeError("the storage of the steps was resized: it must stay")
        if address != self.address:
            memory = (ctypes.c_char * self.tensor.nbytes).from_address(address)
            self.memory, self.address = memoryview(memory).cast("B").cast(self.code), address


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
        """Whether it is one of the views, alone so, and still where its flat tensor is (step.data = ... leaves)."""
        if id(step) not in self._home or id(step) in taken:
            return False
        taken.add(id(step))
        number, place = self._home[id(step)]
        flat = self._flats[number]
        return step.data_ptr() == flat.tensor.data_ptr() + place * flat.tensor.element_size()

    def select(self, states: Sequence[dict[str, Any]]) -> "Selection":
        return Selection(self._flats, [self._home[id(state["step"])] for state in states])


class Selection:
    """The counters of the parameters that a plan steps: their counts in the plan's order, and the addition of 1."""

    def __init__(self, flats: Sequence[Flat], homes: Sequence[tuple[int, int]]) -> None:
        self._flats = [flats[number] for number in sorted({number for number, _ in homes})]
        self._homes = [(flats[number], place) for number, place in homes]
        self._runs: list[tuple[Flat, slice]] = []  # neighbours in memory
        for number, place in sorted(homes):
            if self._runs and self._runs[-1][0] is flats[number] and self._runs[-1][1].stop == place:
                self._runs[-1] = flats[number], slice(self._runs[-1][1].start, place + 1)
            else:
                self._runs.append((flats[number], slice(place, place + 1)))
        self.tensors = [flat.tensor for flat in self._flats]
        self._contents: list[bytes] = []  # that the counts were read from: equal bytes are equal counts
        self._before: list[bytes] = []
        self._counts: list[float] = []
        self.alike = False

    def counts(self) -> list[float]:
        for flat in self._flats:
            flat.follow()
        contents = [flat.memory.tobytes() for flat in self._flats]
        if contents != self._contents:
            self._contents = contents
            self._counts = [flat.memory[place] for flat, place in self._homes]
            self.alike = self._counts.count(self._counts[0]) == len(self._counts)
        return self._counts

    def add_one(self) -> None:
        """After counts()."""
        self._before = self._contents
        if self.alike and self._counts[0] < LAST_STEP:  # the new counts are known without reading them
            count = int(self._counts[0]) + 1
            for flat, places in self._runs:
                flat.memory[places] = array(flat.code, [count]) * (places.stop - places.start)
            self._counts = [float(count)] * len(self._counts)
            self._contents = [flat.memory.tobytes() for flat in self._flats]
        else:
            for flat, places in self._runs:
                flat.memory[places] = array(flat.code, [count + 1 for count in flat.memory[places]])
            self._contents = []

    def take_back(self) -> None:
        """The addition of a step that was not made."""
        for flat, contents in zip(self._flats, self._before):
            flat.memory[:] = array(flat.code, contents)
        self._contents = []
