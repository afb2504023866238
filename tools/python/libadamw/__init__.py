"""libadamw: AdamW and coupled-L2 Adam updates for CPUs, as hand-vectorised C behind ctypes.

- libadamw.torch.AdamW and Adam: torch.optim's, with torch's bits and one pass over memory (needs torch)
- libadamw.Schedule: learning-rate schedules with warmup, and published recipes by name
- libadamw.adamw_step: one step on float32 arrays, in place (NumPy's, or whatever has __array_interface__)

The package needs neither torch nor NumPy to be imported.
"""
from ._arrays import adamw_step
from ._library import isa, select_isa, version
from ._schedule import Event, Schedule, presets

__version__ = version()
__all__ = ["Event", "Schedule", "adamw_step", "isa", "presets", "select_isa", "version"]
