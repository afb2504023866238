"""libadamw: AdamW and coupled-L2 Adam updates for CPUs, as hand-vectorised C behind ctypes.

- libadamw.torch.AdamW and Adam: torch.optim's, with torch's bits and one pass over memory (needs torch)
- libadamw.Schedule: learning-rate schedules with warmup, and published recipes by name
- libadamw.adamw_step, adamw_update: one step on float32 arrays, in place, and the whole update around it (NumPy's
  arrays, or whatever has __array_interface__)
- libadamw.save, load: an optimizer with model and schedule in a safetensors file, to the bit
- libadamw.deepspeed.install(): the library behind deepspeed.ops.adam.DeepSpeedCPUAdam
- python -m libadamw: what the library finds on this machine
- python -m libadamw.check: how far this CPU's torch has the same bits, and the speed beside it

The package needs neither torch nor NumPy to be imported.
"""
from ._arrays import adamw_step, adamw_update
from ._library import isa, select_isa, version
from ._save import load, save
from ._schedule import Event, Schedule, presets
from ._update import UpdateReport

__version__ = version()
__all__ = [
    "Event", "Schedule", "UpdateReport", "adamw_step", "adamw_update", "isa", "load", "presets", "save", "select_isa",
    "version",
]
