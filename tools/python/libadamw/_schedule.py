"""_schedule.py - the library's learning-rate schedules: adamw_schedule as a class, and torch's groups under it."""
from __future__ import annotations

import ctypes
import enum
import warnings
from typing import TYPE_CHECKING, Any, Iterable, Literal, Sequence

from . import _library as lib
from ._update import number, whole

if TYPE_CHECKING:
    from ._scheduler import AttachedSchedule


class Event(enum.IntFlag):
    """What Schedule.epoch() tells; a sum of these, 0 where there is nothing to tell."""

    WARMUP = 1  #: the epoch began in the warmup: the plateau rule did not see the metric
    BETTER = 2  #: the metric is the new best
    NAN = 4  #: the metric is NaN, which is never better
    COOLDOWN = 8  #: the epoch was one of a cooldown: not counted as bad
    CUT = 16  #: the rule fired, and the rate is lower from now on
    BLOCKED = 32  #: the rule fired, but min_lr or eps kept the rate


Kind = Literal[
    "constant", "plateau", "linear", "cosine", "cosine-restarts", "polynomial", "exponential", "step", "multistep",
    "inverse-sqrt", "wsd", "one-cycle",
]
_LISTS = ("milestones", "weight_decay_milestones")
_KEPT = {"lr": "scheduled_lr", "weight_decay": "scheduled_weight_decay"}  # in a group: what was written there last
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

    def __init__(self, kind: Kind = "constant", **settings: Any) -> None:
        config = lib.ScheduleConfig()
        lib.library.adamw_schedule_config_init(config)
        self._lists = {}
        self._base_lr_is_given = "base_lr" in settings
        self._unread = 0  # steps and epochs since the rate was read; -1 from then on
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
        if not isinstance(name, str):
            raise TypeError(f"name is {name!r}: it must be one of {', '.join(presets())}")
        total = whole(total, "total", 0, 2**53, "a number of epochs or steps from 0")
        schedule = cls()
        schedule._base_lr_is_given = True
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
        kind = dict(lib.ScheduleConfig._fields_)[name]
        if kind is ctypes.c_bool and not isinstance(value, bool):
            raise TypeError(f"{name} is {value!r}: it must be False or True")
        if kind is ctypes.c_int64:
            try:
                value = whole(value, name, -(2**63), 2**63, "an integer")
            except ValueError as error:
                raise TypeError(str(error)) from None
        setattr(config, name, number(value, name) if kind is ctypes.c_double else value)

    def _set_list(self, config: lib.ScheduleConfig, name: str, values: Sequence[int]) -> None:
        try:
            self._lists[name] = kept = (ctypes.c_int64 * len(values))(*values)  # the library does not copy them
        except TypeError:
            raise TypeError(f"{name} is {values!r}: it must be a list of integers") from None
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
        self._unread = -1
        return lib.library.adamw_schedule_lr(self._state)

    @property
    def weight_decay(self) -> float:
        """The weight decay for the coming step."""
        return lib.library.adamw_schedule_weight_decay(self._state)

    def __getattr__(self, name: str) -> Any:
        if name in ("steps", "epochs", "best", "bad", "cooldown_counter", "cuts") and "_state" in self.__dict__:
            return getattr(self._state, name.replace("steps", "step").replace("epochs", "epoch"))
        raise AttributeError(f"{type(self).__name__!r} object has no attribute {name!r}")

    def counts(self, unit: str) -> bool:
        """Whether the recipe counts "step"s or "epoch"s: of its main phase, or of a warmup in another unit."""
        settings = self.settings
        return unit in (settings["unit"], settings["warmup_unit"] if settings["warmup"] else settings["unit"])

    def step(self) -> None:
        """A step was made. A recipe that counts in epochs alone does not need it. No optimizer is changed: apply()
        does that, or attach()."""
        self._count()
        lib.library.adamw_schedule_step(self._state)

    def epoch(self, metric: float | None = None) -> Event:
        """An epoch ended, with this value of the validation metric, which only "plateau" looks at.

        Raises:
            TypeError: "plateau" without a metric (NaN is one: it is never better), or one that is no number.
        """
        if metric is None:
            if self._state.config.kind == lib.SCHEDULE_WORDS["kind"].index("plateau"):
                raise TypeError("metric is None: a plateau schedule needs the epoch's validation metric")
            metric = 0.0
        value = number(metric, "metric")
        self._count()
        return Event(lib.library.adamw_schedule_epoch(self._state, value))

    def extend(self, total: int) -> None:
        """Makes the run longer: `total` becomes this number of the recipe's units; every rate so far stays as it is.

        Raises:
            ValueError: rates that were given depend on the length ("cosine", "linear", "polynomial", "one-cycle" after
                their warmup, "wsd" once it decays), the run is past its end, or total is below the one of now. Nothing
                was changed.

        A saved state belongs to the total it was saved with: load it into a schedule with that one, then extend.
        """
        total = whole(total, "total", 0, 2**53, "a number of epochs or steps from 0")
        if lib.library.adamw_schedule_extend(self._state, total) != lib.OK:
            raise ValueError(f"libadamw: {lib.sentence('adamw_schedule_extend_explain', self._state, total)}")

    def _count(self) -> None:
        """Says once that counting alone changes no optimizer, where the rate was never read."""
        self._unread += self._unread >= 0
        if self._unread == 3:
            warnings.warn(
                "libadamw: steps or epochs are counted, and the rate is never read: apply(optimizer) writes it into an "
                "optimizer's groups, and attach(optimizer) makes a scheduler that does so at each step",
                stacklevel=3,
            )

    def attach(self, optimizer: Any) -> AttachedSchedule:
        """A scheduler as torch.optim.lr_scheduler has them, for frameworks: it writes the rates at each step().

        Args:
            optimizer: a torch.optim.Optimizer. Its groups get the first rate at once.

        Raises: as apply(); TypeError where it is no optimizer.
        """
        from ._scheduler import AttachedSchedule

        return AttachedSchedule(self, optimizer)

    def _check_groups(self, groups: Sequence[dict[str, Any]]) -> None:
        """Refuses what would be overwritten or left unused without a word."""
        for index, group in enumerate(groups):
            for key, kept in _KEPT.items():
                if kept in group and group[key] != group[kept]:
                    raise ValueError(
                        f"{key} of group {index} was set to {group[key]} where the schedule had written {group[kept]}: "
                        f"set 'initial_{key}' of the group to change its full value, or delete its {kept!r} to let "
                        "the schedule overwrite it"
                    )
        rates = [group.get("initial_lr", group["lr"]) for group in groups]
        base = self._state.config.base_lr
        if self._base_lr_is_given and rates and base not in rates:
            raise ValueError(
                f"base_lr of the schedule is {base}, and no group has this rate ({', '.join(map(str, rates))}): "
                "construct the optimizer with lr=schedule.options['lr'], or the schedule without base_lr"
            )

    def apply(self, optimizer: Any) -> None:
        """Writes the rate and the weight decay of the coming step into an optimizer's groups.

        Args:
            optimizer: any torch.optim.Optimizer, or a list of dictionaries with "lr" and "weight_decay". What a
                group has at the first call is its own full rate and decay (kept in it as "initial_lr", as torch's
                schedulers do, and "initial_weight_decay"); the schedule's shape goes over them. A group that comes
                later starts in the same way, at the point where the schedule is.

        Raises:
            ValueError: a group's rate or decay is negative or not finite; or was set by hand since the schedule wrote
            it; or base_lr was given and is no group's rate. No group was written then.
        """
        groups: Iterable[dict[str, Any]] = getattr(optimizer, "param_groups", optimizer)
        groups = list(groups)
        self._check_groups(groups)
        self._unread = -1
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
            group[_KEPT["lr"]], group[_KEPT["weight_decay"]] = config.lr, config.weight_decay

    def state_dict(self) -> dict[str, str]:
        """The state as a text that keeps every bit, for load_state_dict() of a schedule with the same settings."""
        buffer = ctypes.create_string_buffer(4096)
        lib.library.adamw_schedule_save(self._state, buffer, len(buffer))
        return {"schedule": buffer.value.decode()}

    def load_state_dict(self, state_dict: dict[str, str]) -> None:
        """Goes on from a saved state. Raises ValueError for one of other settings, cut off or edited."""
        if not isinstance(state_dict, dict) or not isinstance(state_dict.get("schedule"), str):
            raise ValueError("the state has no 'schedule': it must be what state_dict() gave")
        text = state_dict["schedule"].encode()
        status = lib.library.adamw_schedule_load(self._state, text, len(text))
        if status != lib.OK:
            words = lib.sentence("adamw_schedule_load_explain", self._state, text, len(text))
            raise lib.error_of(status, words)

    def __reduce__(self) -> tuple[Any, ...]:
        settings = self.settings
        if not self._base_lr_is_given:
            del settings["base_lr"]
        return _restore, (settings, self.state_dict())

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
