"""_library.py - finds and loads libadamw.so and declares to ctypes what include/adamw.h declares to C.

The one place that knows the C layouts (tests/test_layout.py compares them with the header) and that turns a status
into an exception. No NumPy and no torch here.
"""
from __future__ import annotations

import ctypes
import importlib.util
import os
from array import array
from pathlib import Path
from typing import Callable, Iterable

FLOAT32 = 0
DECAY = {"decoupled": 0, "l2": 1}
ARITHMETIC = {"accurate": 0, "torch": 1}
CLIP = {"none": 0, "global_norm": 1, "tensor_norm": 2, "value": 3}
DTYPE = {"float32": 0, "bfloat16": 1, "float16": 2, "q8": 3}
ROUNDING = {"nearest": 0, "stochastic": 1}
EMA = {"none": 0, "constant": 1, "swa_utils": 2, "timm": 3, "bias_corrected": 4}

# Of a schedule: field -> its words, in the order of the header.
SCHEDULE_WORDS = {
    "kind": ("constant", "plateau", "linear", "cosine", "cosine-restarts", "polynomial", "exponential", "step",
             "multistep", "inverse-sqrt", "wsd", "one-cycle"),
    "unit": ("epoch", "step"),
    "warmup_unit": ("epoch", "step"),
    "mode": ("min", "max"),
    "threshold_mode": ("rel", "abs", "rel-signed"),
    "anneal": ("cosine", "linear", "sqrt"),
    "weight_decay_kind": ("constant", "steps", "linear", "cosine", "proportional", "fully-decoupled"),
}

OK, INVALID_ARGUMENT, UNSUPPORTED, ERROR_ISA, ERROR_STATE, ERROR_SYSTEM = range(6)


class Config(ctypes.Structure):
    """adamw_config"""

    _fields_ = [
        ("lr", ctypes.c_double),
        ("beta1", ctypes.c_double),
        ("beta2", ctypes.c_double),
        ("eps", ctypes.c_double),
        ("weight_decay", ctypes.c_double),
        ("decay", ctypes.c_int),
        ("arithmetic", ctypes.c_int),
        ("amsgrad", ctypes.c_bool),
        ("maximize", ctypes.c_bool),
        ("bias_correction", ctypes.c_bool),
        ("rounding", ctypes.c_int),
        ("seed", ctypes.c_uint64),
    ]


class Tensor(ctypes.Structure):
    """adamw_tensor"""

    _fields_ = [
        ("n", ctypes.c_size_t),
        ("param", ctypes.c_void_p),
        ("grad", ctypes.c_void_p),
        ("exp_avg", ctypes.c_void_p),
        ("exp_avg_sq", ctypes.c_void_p),
        ("max_exp_avg_sq", ctypes.c_void_p),
        ("config", ctypes.c_void_p),
        ("step", ctypes.c_uint64),
        ("param_dtype", ctypes.c_int),
        ("grad_dtype", ctypes.c_int),
        ("exp_avg_dtype", ctypes.c_int),
        ("exp_avg_sq_dtype", ctypes.c_int),
        ("copy_dtype", ctypes.c_int),
        ("param_residual", ctypes.c_void_p),
        ("exp_avg_scale", ctypes.c_void_p),
        ("exp_avg_sq_scale", ctypes.c_void_p),
        ("param_ema", ctypes.c_void_p),
        ("param_copy", ctypes.c_void_p),
        ("first_index", ctypes.c_uint64),
        ("random_stream", ctypes.c_uint64),
    ]


class UpdateOptions(ctypes.Structure):
    """adamw_update_options"""

    _fields_ = [
        ("grad_scale", ctypes.c_double),
        ("clip", ctypes.c_int),
        ("clip_max", ctypes.c_double),
        ("skip_not_finite", ctypes.c_bool),
        ("ema", ctypes.c_int),
        ("ema_decay", ctypes.c_double),
        ("copy", ctypes.c_bool),
        ("zero_grad", ctypes.c_bool),
        ("report_norm", ctypes.c_bool),
        ("report_ratio", ctypes.c_bool),
        ("tensor_norms", ctypes.POINTER(ctypes.c_double)),
    ]


class UpdateReport(ctypes.Structure):
    """adamw_update_report"""

    _fields_ = [
        ("skipped", ctypes.c_bool),
        ("grad_norm", ctypes.c_double),
        ("clip_coefficient", ctypes.c_double),
        ("update_ratio", ctypes.c_double),
        ("update_ratio_tensor", ctypes.c_size_t),
        ("not_finite_tensor", ctypes.c_size_t),
        ("not_finite_index", ctypes.c_size_t),
    ]


class ScheduleConfig(ctypes.Structure):
    """adamw_schedule_config"""

    _fields_ = [
        ("kind", ctypes.c_int),
        ("unit", ctypes.c_int),
        ("base_lr", ctypes.c_double),
        ("min_lr", ctypes.c_double),
        ("total", ctypes.c_int64),
        ("warmup_start", ctypes.c_double),
        ("warmup", ctypes.c_int64),
        ("warmup_unit", ctypes.c_int),
        ("mode", ctypes.c_int),
        ("threshold_mode", ctypes.c_int),
        ("fire_at_patience", ctypes.c_bool),
        ("threshold", ctypes.c_double),
        ("factor", ctypes.c_double),
        ("eps", ctypes.c_double),
        ("patience", ctypes.c_int64),
        ("cooldown", ctypes.c_int64),
        ("gamma", ctypes.c_double),
        ("power", ctypes.c_double),
        ("step_size", ctypes.c_int64),
        ("period", ctypes.c_int64),
        ("period_mult", ctypes.c_int64),
        ("timescale", ctypes.c_int64),
        ("decay_length", ctypes.c_int64),
        ("milestones", ctypes.POINTER(ctypes.c_int64)),
        ("milestone_count", ctypes.c_size_t),
        ("anneal", ctypes.c_int),
        ("three_phase", ctypes.c_bool),
        ("pct_start", ctypes.c_double),
        ("div_factor", ctypes.c_double),
        ("final_div_factor", ctypes.c_double),
        ("weight_decay", ctypes.c_double),
        ("weight_decay_end", ctypes.c_double),
        ("weight_decay_gamma", ctypes.c_double),
        ("weight_decay_milestones", ctypes.POINTER(ctypes.c_int64)),
        ("weight_decay_milestone_count", ctypes.c_size_t),
        ("weight_decay_kind", ctypes.c_int),
    ]


class ScheduleState(ctypes.Structure):
    """adamw_schedule"""

    _fields_ = [
        ("config", ScheduleConfig),
        ("step", ctypes.c_int64),
        ("epoch", ctypes.c_int64),
        ("main_start", ctypes.c_int64),
        ("lr", ctypes.c_double),
        ("best", ctypes.c_double),
        ("bad", ctypes.c_int64),
        ("cooldown_counter", ctypes.c_int64),
        ("cuts", ctypes.c_int64),
    ]


class ScheduleGroup(ctypes.Structure):
    """adamw_schedule_group"""

    _fields_ = [
        ("config", ctypes.POINTER(Config)),
        ("base_lr", ctypes.c_double),
        ("min_lr", ctypes.c_double),
        ("weight_decay", ctypes.c_double),
    ]


class Info(ctypes.Structure):
    """adamw_info"""

    _fields_ = [
        ("version", ctypes.c_char_p),
        ("compiler", ctypes.c_char_p),
        ("flags", ctypes.c_char_p),
        ("engine", ctypes.c_char_p),
        ("threads", ctypes.c_int),
        ("active", ctypes.c_int),
        ("reason", ctypes.c_char_p),
        ("tuning", ctypes.c_char_p),
        ("cpu", ctypes.c_char * 64),
        ("l1d", ctypes.c_size_t),
        ("l2", ctypes.c_size_t),
        ("l3", ctypes.c_size_t),
        ("huge_pages", ctypes.c_char * 16),
    ]


PATH = Path(os.environ.get("ADAMW_LIBRARY") or Path(__file__).with_name("libadamw.so"))


def _open(path: Path) -> ctypes.CDLL:
    """Opens a library; where the system has no OpenMP runtime, with the one that torch's wheel brings."""
    try:
        return ctypes.CDLL(str(path))
    except OSError:
        spec = importlib.util.find_spec("torch")  # finds torch without importing it
        if spec is None or spec.origin is None:
            raise
        runtime = Path(spec.origin).with_name("lib") / "libgomp.so.1"
        if not runtime.exists():
            raise
        ctypes.CDLL(str(runtime))
        return ctypes.CDLL(str(path))


def _load(path: Path) -> ctypes.CDLL:
    if not path.exists():
        raise ImportError(
            f"libadamw: there is no {path}: `pip install ./tools/python` in libadamw's source tree builds it with "
            "make and a C compiler and ships it in the package; or name one that `make` built in ADAMW_LIBRARY"
        )
    try:
        library = _open(path)
    except OSError as error:
        raise ImportError(
            f"libadamw: {path} does not load: {error} (where libgomp.so.1 is missing: install the compiler's OpenMP "
            "runtime, Debian's libgomp1, or build without TEAM=openmp)"
        ) from error
    threads, address = ctypes.c_int, ctypes.c_void_p
    size, step, config, tensors = ctypes.c_size_t, ctypes.c_uint64, ctypes.POINTER(Config), ctypes.POINTER(Tensor)
    recipe, schedule, groups = map(ctypes.POINTER, (ScheduleConfig, ScheduleState, ScheduleGroup))
    options, report, text = ctypes.POINTER(UpdateOptions), ctypes.POINTER(UpdateReport), ctypes.c_char_p
    prototypes = {
        "adamw_version": (ctypes.c_char_p, []),
        "adamw_config_init": (ctypes.c_int, [config]),
        "adamw_step": (ctypes.c_int, [config, step, tensors, size, threads]),
        "adamw_step_explain": (ctypes.c_int, [config, step, tensors, size, threads, text, size]),
        "adamw_update_options_init": (ctypes.c_int, [options]),
        "adamw_update": (ctypes.c_int, [config, step, tensors, size, options, report, threads]),
        "adamw_update_explain": (ctypes.c_int, [config, step, tensors, size, options, report, threads, text, size]),
        "adamw_split": (ctypes.c_int, [size, address, address, address, threads]),
        "adamw_join": (ctypes.c_int, [size, address, address, address, threads]),
        "adamw_status_string": (text, [ctypes.c_int]),
        "adamw_info_get": (ctypes.c_int, [ctypes.POINTER(Info)]),
        "adamw_isa_supported": (ctypes.c_bool, [ctypes.c_int]),
        "adamw_isa_select": (ctypes.c_int, [ctypes.c_int]),
        "adamw_isa_active": (ctypes.c_int, []),
        "adamw_isa_name": (ctypes.c_char_p, [ctypes.c_int]),
        "adamw_schedule_config_init": (ctypes.c_int, [recipe]),
        "adamw_schedule_init": (ctypes.c_int, [schedule, recipe]),
        "adamw_schedule_explain": (ctypes.c_int, [recipe, text, size]),
        "adamw_schedule_lr": (ctypes.c_double, [schedule]),
        "adamw_schedule_weight_decay": (ctypes.c_double, [schedule]),
        "adamw_schedule_step": (None, [schedule]),
        "adamw_schedule_epoch": (ctypes.c_uint, [schedule, ctypes.c_double]),
        "adamw_schedule_extend": (ctypes.c_int, [schedule, ctypes.c_int64]),
        "adamw_schedule_extend_explain": (ctypes.c_int, [schedule, ctypes.c_int64, text, size]),
        "adamw_schedule_apply": (ctypes.c_int, [schedule, groups, size]),
        "adamw_schedule_apply_explain": (ctypes.c_int, [schedule, groups, size, text, size]),
        "adamw_schedule_save": (size, [schedule, text, size]),
        "adamw_schedule_load": (ctypes.c_int, [schedule, text, size]),
        "adamw_schedule_load_explain": (ctypes.c_int, [schedule, text, size, text, size]),
        "adamw_preset": (ctypes.c_int, [text, ctypes.c_int64, config, schedule]),
        "adamw_preset_explain": (ctypes.c_int, [text, ctypes.c_int64, text, size]),
        "adamw_preset_name": (text, [size]),
    }
    for name, (result, arguments) in prototypes.items():
        function = getattr(library, name)
        function.restype, function.argtypes = result, arguments
    return library


library = _load(PATH)


def _isas() -> dict[str, int]:
    """The instruction sets by name, as the library numbers them."""
    names: dict[str, int] = {}
    while (name := library.adamw_isa_name(len(names)).decode()) != "unknown":
        names[name] = len(names)
    return names


ISA = _isas()


def default_config() -> Config:
    config = Config()
    library.adamw_config_init(config)
    return config


def default_options() -> UpdateOptions:
    options = UpdateOptions()
    library.adamw_update_options_init(options)
    return options


class Table:
    """A list of adamw_tensor, written a field at a time for all tensors: a step's pointers go in with one copy."""

    _words = ctypes.sizeof(Tensor) // 8

    def __init__(self, count: int) -> None:
        self.count = count
        self.rows = (Tensor * count)()
        self._memory = memoryview(self.rows).cast("B").cast("Q") if count else None

    def fill(self, field: str, values: Iterable[int]) -> None:
        """Sets a 64-bit field of every tensor, from as many unsigned integers."""
        if self._memory is not None:
            self._memory[getattr(Tensor, field).offset // 8 :: self._words] = memoryview(array("Q", values))

    def column(self, field: str) -> tuple[int, int]:
        """Where the field of the first tensor is, and the bytes from one tensor to the next."""
        return ctypes.addressof(self.rows) + getattr(Tensor, field).offset, ctypes.sizeof(Tensor)


def sentence(explain: str, *arguments: object) -> str:
    """What a function of the library that explains an error has to say; 256 bytes hold every sentence."""
    buffer = ctypes.create_string_buffer(256)
    getattr(library, explain)(*arguments, buffer, len(buffer))
    return buffer.value.decode()


def explain(config: Config, step: int, table: Table, threads: int) -> str:
    return sentence("adamw_step_explain", config, step, table.rows, table.count, threads)


def error_of(status: int, words: str) -> Exception:
    """The exception of a status that is not ADAMW_OK."""
    kinds = {INVALID_ARGUMENT: ValueError, ERROR_STATE: ValueError, UNSUPPORTED: NotImplementedError}
    return kinds.get(status, RuntimeError)(f"libadamw: {words}")


def version() -> str:
    """The version of the library that runs, as "major.minor.patch"."""
    return library.adamw_version().decode()


def isa() -> str:
    """The instruction set of the next step: "avx512", "avx2", "neon" or "scalar"."""
    return library.adamw_isa_name(library.adamw_isa_active()).decode()


def select_isa(name: str) -> None:
    """Chooses the instruction set for the whole process; every one gives the same bits.

    Args:
        name: "auto" (the CPU's best), "scalar", "avx2", "avx512", "neon", or another that the library has.

    Raises:
        ValueError: the name is none of these.
        RuntimeError: this build or CPU does not have it. The choice is then as before.
    """
    if name not in ISA:
        raise ValueError(f"libadamw: isa is {name!r}: it must be one of {', '.join(ISA)}")
    if library.adamw_isa_select(ISA[name]) != OK:
        raise RuntimeError(f"libadamw: this build or CPU does not have the instruction set {name!r}")
