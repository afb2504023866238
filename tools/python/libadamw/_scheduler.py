"""_scheduler.py - a Schedule with an optimizer, as torch.optim's schedulers are: what frameworks accept and drive.

The rates are the Schedule's; here is what a framework asks for around them. Imported by Schedule.attach() alone, so
that the package goes without torch.
"""
from __future__ import annotations

from typing import TYPE_CHECKING, Any

from torch.optim import Optimizer
from torch.optim.lr_scheduler import LRScheduler

if TYPE_CHECKING:
    from ._schedule import Event, Schedule


class AttachedSchedule(LRScheduler):
    """A torch.optim.lr_scheduler.LRScheduler: step(), get_last_lr(), state_dict(), optimizer and base_lrs."""

    def __init__(self, schedule: Schedule, optimizer: Optimizer) -> None:
        # Not LRScheduler's constructor: it makes a step and wraps the optimizer's.
        if not isinstance(optimizer, Optimizer):
            raise TypeError(f"optimizer is {type(optimizer).__name__}: it must be a torch.optim.Optimizer")
        self.schedule, self.optimizer = schedule, optimizer
        self.last_epoch, self._step_count = 0, 1
        self.last_event: Event | None = None
        schedule.apply(optimizer)

    @property
    def base_lrs(self) -> list[float]:
        """The full rate of each group."""
        return [group["initial_lr"] for group in self.optimizer.param_groups]

    def get_lr(self) -> list[float]:
        return self.get_last_lr()

    def get_last_lr(self) -> list[float]:
        """The rate of each group for the coming step."""
        return [group["lr"] for group in self.optimizer.param_groups]

    def step(self, metric: float | None = None) -> None:
        """Counts a step where the recipe counts any, otherwise an epoch, and writes the groups' new rates.

        Args:
            metric: of the epoch's validation, which "plateau" needs.

        Raises:
            TypeError: "plateau" without its metric, or a metric where a step is counted.
        """
        if not self.schedule.counts("step"):
            self.epoch(metric)
            return
        if metric is not None:
            raise TypeError("step() counts a step of this recipe: give the metric to epoch()")
        self.schedule.step()
        self._write()

    def epoch(self, metric: float | None = None) -> None:
        """Counts an epoch, of a recipe that counts epochs (RuntimeError otherwise), and writes the new rates."""
        if not self.schedule.counts("epoch"):
            raise RuntimeError("this recipe counts steps alone: call step()")
        self.last_event = self.schedule.epoch(metric)
        self._write()

    def _write(self) -> None:
        self.last_epoch += 1
        self._step_count += 1
        self.schedule.apply(self.optimizer)

    def state_dict(self) -> dict[str, Any]:
        return self.schedule.state_dict() | {"last_epoch": self.last_epoch, "_step_count": self._step_count}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Goes on from a saved state; the groups get its rates. ValueError for one of another recipe."""
        self.schedule.load_state_dict(state_dict)
        self.last_epoch = state_dict.get("last_epoch", self.last_epoch)
        self._step_count = state_dict.get("_step_count", self._step_count)
        self.schedule.apply(self.optimizer)
