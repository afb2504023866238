"""_counters.py - the step counters of an optimizer: torch's one-element tensors, side by side in memory.

torch's state["step"] is a tensor for each parameter, and adding 1 to each costs more than a small step itself. A new
counter is therefore moved next to the others (the tensor stays the same object), and Python sees that memory too, so
that a few of its own instructions count for all of them. A counter whose memory is shared with another process or
with other tensors stays where it is. What the counts mean is the plan's.
"""
from __future__ import annotations

import ctypes
from array import array
from typing import Any, Sequence

import torch

CODES = {torch.float32: "f", torch.float64: "d", torch.int64: "q"}
LAST_STEP = 1 << 24  # torch's counter is a float32 and stays there


class StepCounters:
    """Moves counters together."""

    def __init__(self) -> None:
        self._flats: list[torch.Tensor] = []
        self._spare: list[torch.Tensor] = []  # views of the last one

    def adopt(self, states: Sequence[dict[str, Any]], spare: int) -> None:
        """Moves each state["step"] that has memory of its own next to the others, with room for `spare` later ones.

        The tensor stays the same object with the same value, so that whoever holds it goes on seeing the count.
        """
        self._separate(states)
        lonely = [state["step"] for state in states if self._is_alone(state["step"])]
        if not lonely:
            return
        if len(self._flats) >= 8:  # many late ones: gather all, so that a step stays a few additions
            ours = {flat.data_ptr() for flat in self._flats if not flat.is_shared()}
            lonely += [state["step"] for state in states if state["step"].untyped_storage().data_ptr() in ours]
            self.__init__()
        for dtype in sorted({step.dtype for step in lonely}, key=str):
            steps = [step for step in lonely if step.dtype == dtype]
            # Where other processes see the spare places, each of them has one of its own for the same parameter.
            if len(self._spare) < len(steps) or self._spare[0].dtype != dtype or self._spare[0].is_shared():
                flat = torch.zeros(len(steps) + spare, dtype=dtype, device="cpu")
                self._flats.append(flat)
                self._spare = list(flat.unbind())[::-1]
            for step in steps:
                place = self._spare.pop()
                place.copy_(step.detach().view(()))
                step.data = place.view(step.shape)

    @staticmethod
    def _separate(states: Sequence[dict[str, Any]]) -> None:
        """Gives a counter of its own to what cannot be counted in place: another dtype, or one that two share."""
        addresses: set[int] = set()
        for state in states:
            step = state["step"]
            plain = type(step) is torch.Tensor and step.dtype in CODES
            if not plain or step.data_ptr() in addresses:
                dtype = step.dtype if step.dtype in CODES else torch.float32
                state["step"] = step = torch.full(step.shape, step.item(), dtype=dtype, device="cpu")
            addresses.add(step.data_ptr())

    @staticmethod
    def _is_alone(step: torch.Tensor) -> bool:
        """Whether nothing else is in its storage, and no other process sees it."""
        return step.untyped_storage().nbytes() == step.element_size() and not step.is_shared()


class Run:
    """Counters that are neighbours in memory, as Python sees them. It holds none of them: the plan does."""

    def __init__(self, address: int, dtype: torch.dtype, count: int) -> None:
        self.code, self.count = CODES[dtype], count
        memory = (ctypes.c_char * (count * dtype.itemsize)).from_address(address)
        self.memory = memoryview(memory).cast("B").cast(self.code)


class Selection:
    """The counters of the parameters that a plan steps: their counts in the plan's order, and the addition of 1.

    Valid while each of `steps` stays where it is, which the plan looks at before each step.
    """

    def __init__(self, steps: Sequence[torch.Tensor]) -> None:
        rows = sorted((step.data_ptr(), row) for row, step in enumerate(steps))
        self._runs: list[Run] = []
        self._homes: list[tuple[int, int]] = [(0, 0)] * len(rows)  # run and place of each counter
        begin = 0
        for end in range(1, len(rows) + 1):
            dtype = steps[rows[begin][1]].dtype
            if end < len(rows) and steps[rows[end][1]].dtype == dtype:
                if rows[end][0] == rows[begin][0] + (end - begin) * dtype.itemsize:
                    continue
            for place in range(begin, end):
                self._homes[rows[place][1]] = len(self._runs), place - begin
            self._runs.append(Run(rows[begin][0], dtype, end - begin))
            begin = end
        self._contents: list[bytes] = []  # that the counts were read from: equal bytes are equal counts
        self._before: list[bytes] = []
        self._counts: list[float] = []
        self.alike = False

    def counts(self) -> list[float]:
        contents = [run.memory.tobytes() for run in self._runs]
        if contents != self._contents:
            self._contents = contents
            self._counts = [self._runs[run].memory[place] for run, place in self._homes]
            self.alike = self._counts.count(self._counts[0]) == len(self._counts)
        return self._counts

    def add_one(self) -> None:
        """After counts()."""
        self._before = self._contents
        if self.alike and self._counts[0] < LAST_STEP:  # the new counts are known without reading them
            count = int(self._counts[0]) + 1
            for run in self._runs:
                run.memory[:] = array(run.code, [count]) * run.count
            self._counts = [float(count)] * len(self._counts)
            self._contents = [run.memory.tobytes() for run in self._runs]
        else:
            for run in self._runs:
                run.memory[:] = array(run.code, [count + 1 for count in run.memory])
            self._contents = []

    def take_back(self) -> None:
        """The addition of a step that was not made."""
        for run, contents in zip(self._runs, self._before):
            run.memory[:] = array(run.code, contents)
        self._contents = []
