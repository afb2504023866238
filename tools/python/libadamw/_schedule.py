"""_schedule.py - the library's learning-rate schedules: adamw_schedule as a class, and torch's groups under it."""
from __future__ import annotations

import ctypes
import enum
import math
from typing import Any, Iterable, Sequence

from . import _library as lib


class Event(enum.IntFlag):
    """What Schedule.epoch() tells; a sum of these, 0 where there is nothing to tell."""

    WARMUP = 1  #: the epoch began in the warmup: the plateau rule did not see the metric
    BETTER = 2  #: the metric is the new best
    NAN = 4  #: the metric is NaN, which is never better
    COOLDOWN = 8  #: the epoch was one of a cooldown: not counted as bad
    CUT = 16  #: the rule fired, and the rate is lower from now on
    BLOCKED = 32  #: the rule fired, but min_lr or eps kept the rate


_LISTS = ("milestones", "weight_decay_milestones")
_FIELDS = [name for name, _ in lib.ScheduleConfig._fields_ if not name.endswith("milestone_count")]


class Schedule:
    """The learning rate of the coming step: a linear warmup, then one of twelve shapes; weight decay beside it.

        schedule = libadamw.Schedule("plateau", base_lr=1e-3, min_lr=5e-6, factor=0.5, patience=30, warmup=10)
        for epoch in range(epochs):
            for batch in batches:
                schedule.apply(optimizer)
                ...
                optimizer.step()
                schedule.step()
            schedule.epoch(validation_loss)

    Args:
        kind: "constant", "plateau", "linear", "cosine", "cosine-restarts", "polynomial", "exponential", "step",
            "multistep", "inverse-sqrt", "wsd" or "one-cycle".
        **settings: the other fields of adamw_schedule_config in include/adamw.h, with its defaults: base_lr, min_lr,
            total, unit ("epoch", "step"), warmup, warmup_start, warmup_unit, mode ("min", "max"), threshold,
            threshold_mode ("rel", "abs", "rel-signed"), factor, patience, cooldown, eps, fire_at_patience, gamma,
            power, step_size, period, period_mult, timescale, decay_length, milestones (a list of integers), anneal
            ("cosine", "linear", "sqrt"), three_phase, pct_start, div_factor, final_div_factor, weight_decay,
            weight_decay_kind ("constant", "steps", "linear", "cosine", "proportional", "fully-decoupled"),
            weight_decay_end, weight_decay_gamma, weight_decay_milestones.

    Raises:
        TypeError: a setting is unknown or of another type.
        ValueError: a setting is outside its range; the message names it and says what would be right.

    All in double, with the same bits on every platform. kernels/schedule/README.md has every formula and its source.
    """

    def __init__(self, kind: str = "constant", **settings: Any) -> None:
        config = lib.ScheduleConfig()
        lib.library.adamw_schedule_config_init(config)
        self._lists = {}
        for name, value in ({"kind": kind} | settings).items():
            self._set(config, name, value)
        self._state = lib.ScheduleState()
        self._start(config)

    @classmethod
    def preset(cls, name: str, total: int = 0) -> Schedule:
        """A published recipe: "rul", "bert-finetune", "vit-imagenet", "stable-diffusion-finetune", "gan" or "ppo".

        Args:
            name: one of presets().
            total: the length of the run, in epochs for "rul" and in steps for the others; 0 is endless.

        Raises:
            ValueError: the name is none of these, or the recipe refuses the total.

        `options` has the learning rate and the weight decay to construct the optimizer with.
        """
        schedule = cls()
        config = lib.Config()
        if lib.library.adamw_preset(name.encode(), total, config, schedule._state) != lib.OK:
            raise ValueError(f"libadamw: {lib.sentence('adamw_preset_explain', name.encode(), total)}")
        return schedule

    def _set(self, config: lib.ScheduleConfig, name: str, value: Any) -> None:
        if name not in _FIELDS:
            raise TypeError(f"{name!r} is no setting of a schedule: it must be one of {', '.join(_FIELDS)}")
        if name in lib.SCHEDULE_WORDS:
            words = lib.SCHEDULE_WORDS[name]
            if value not in words:
                raise ValueError(f"{name} is {value!r}: it must be one of {', '.join(map(repr, words))}")
            value = words.index(value)
        if name in _LISTS:
            self._set_list(config, name, value)
            return
        try:
            setattr(config, name, value)
        except (TypeError, OverflowError) as error:
            raise TypeError(f"{name} is {value!r}: {error}") from None

    def _set_list(self, config: lib.ScheduleConfig, name: str, values: Sequence[int]) -> None:
        self._lists[name] = kept = (ctypes.c_int64 * len(values))(*values)  # the library does not copy them
        setattr(config, name, ctypes.cast(kept, ctypes.POINTER(ctypes.c_int64)))
        setattr(config, name.replace("milestones", "milestone_count"), len(values))

    def _start(self, config: lib.ScheduleConfig) -> None:
        if lib.library.adamw_schedule_init(self._state, config) != lib.OK:
            raise ValueError(f"libadamw: {lib.sentence('adamw_schedule_explain', config)}")

    @property
    def settings(self) -> dict[str, Any]:
        """The recipe, as Schedule(**settings) takes it."""
        config, settings = self._state.config, {}
        for name in _FIELDS:
            value = getattr(config, name)
            if name in _LISTS:
                value = list(self._lists.get(name, ()))
            elif name in lib.SCHEDULE_WORDS:
                value = lib.SCHEDULE_WORDS[name][value]
            settings[name] = value
        return settings

    @property
    def options(self) -> dict[str, float]:
        """{"lr": ..., "weight_decay": ...} of the recipe, to construct an optimizer with."""
        return {"lr": self._state.config.base_lr, "weight_decay": self._state.config.weight_decay}

    @property
    def lr(self) -> float:
        """The rate for the coming step."""
        return lib.library.adamw_schedule_lr(self._state)

    @property
    def weight_decay(self) -> float:
        """The weight decay for the coming step."""
        return lib.library.adamw_schedule_weight_decay(self._state)

    def __getattr__(self, name: str) -> Any:
        if name in ("steps", "epochs", "best", "bad", "cooldown_counter", "cuts") and "_state" in self.__dict__:
            return getattr(self._state, name.replace("steps", "step").replace("epochs", "epoch"))
        raise AttributeError(f"{type(self).__name__!r} object has no attribute {name!r}")

    def step(self) -> None:
        """A step was made. A recipe that counts in epochs alone does not need it."""
        lib.library.adamw_schedule_step(self._state)

    def epoch(self, metric: float = math.nan) -> Event:
        """An epoch ended, with this value of the validation metric, which only "plateau" looks at."""
        return Event(lib.library.adamw_schedule_epoch(self._state, metric))

    def apply(self, optimizer: Any) -> None:
        """Writes the rate and the weight decay of the coming step into an optimizer's groups.

        Args:
            optimizer: any torch.optim.Optimizer, or a list of dictionaries with "lr" and "weight_decay". What a
                group has at the first call is its own full rate and decay (kept in it as "initial_lr", as torch's
                schedulers do, and "initial_weight_decay"); the schedule's shape goes over them.

        Raises:
            ValueError: a group's rate or decay is negative or not finite. No group was written then.
        """
        groups: Iterable[dict[str, Any]] = getattr(optimizer, "param_groups", optimizer)
        groups = list(groups)
        configs = (lib.Config * len(groups))()
        rows = (lib.ScheduleGroup * len(groups))()
        for row, config, group in zip(rows, configs, groups):
            row.config = ctypes.pointer(config)
            row.base_lr = group.get("initial_lr", group["lr"])
            row.weight_decay = group.get("initial_weight_decay", group["weight_decay"])
            row.min_lr = min(self._state.config.min_lr, row.base_lr)
        if lib.library.adamw_schedule_apply(self._state, rows, len(groups)) != lib.OK:
            words = lib.sentence("adamw_schedule_apply_explain", self._state, rows, len(groups))
            raise ValueError(f"libadamw: {words}")
        for row, config, group in zip(rows, configs, groups):
            group["initial_lr"], group["initial_weight_decay"] = row.base_lr, row.weight_decay
            group["lr"], group["weight_decay"] = config.lr, config.weight_decay

    def state_dict(self) -> dict[str, str]:
        """The state as a text that keeps every bit, for load_state_dict() of a schedule with the same settings."""
        buffer = ctypes.create_string_buffer(4096)
        lib.library.adamw_schedule_save(self._state, buffer, len(buffer))
        return {"schedule": buffer.value.decode()}

    def load_state_dict(self, state_dict: dict[str, str]) -> None:
        """Goes on from a saved state. Raises ValueError for one of other settings, cut off or edited."""
        text = state_dict["schedule"].encode()
        status = lib.library.adamw_schedule_load(self._state, text, len(text))
        if status != lib.OK:
            words = lib.sentence("adamw_schedule_load_explain", self._state, text, len(text))
            raise lib.error_of(status, words)

    def __reduce__(self) -> tuple[Any, ...]:
        return _restore, (self.settings, self.state_dict())

    def __repr__(self) -> str:
        kind, state = self.settings["kind"], self._state
        return f"Schedule({kind!r}, step {state.step}, epoch {state.epoch}, lr {self.lr})"


def _restore(settings: dict[str, Any], state_dict: dict[str, str]) -> Schedule:
    schedule = Schedule(**settings)
    schedule.load_state_dict(state_dict)
    return schedule


def presets() -> list[str]:
    """The names that Schedule.preset() takes."""
    names: list[str] = []
    while (name := lib.library.adamw_preset_name(len(names))) is not None:
        names.append(name.decode())
    return names
