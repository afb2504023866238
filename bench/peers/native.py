"""build/bench/libpeers.so in Python: a list in memory (List) and the C contestants on it (peer)."""
import ctypes
import os

from report import isas as names
from report.front import UserError

MESSAGE = 480  # BENCH_MESSAGE
STREAMS = 4  # param, grad, exp_avg, exp_avg_sq; with an average a fifth


def load(build):
    path = os.path.abspath(os.path.join(build, "bench", "libpeers.so"))
    try:
        library = ctypes.CDLL(path)
    except OSError as error:
        raise UserError(f"{path} cannot be loaded ({error}): make {os.path.join(build, 'bench', 'libpeers.so')} makes it"
                        ) from error
    pointer, text, size = ctypes.c_void_p, ctypes.c_char_p, ctypes.c_size_t
    for name, result, arguments in (
            ("bench_placed_new", pointer, [text, text, ctypes.c_bool, pointer]), ("bench_placed_free", None, [pointer]),
            ("bench_placed_name", text, [pointer]), ("bench_placed_count", size, [pointer]),
            ("bench_placed_total", size, [pointer]), ("bench_placed_length", size, [pointer, size]),
            ("bench_placed_buffer", pointer, [pointer, size, ctypes.c_int]),
            ("bench_peer_new", pointer, [pointer, text, text, text, ctypes.c_int, pointer]),
            ("bench_peer_free", None, [pointer]), ("bench_peer_prepare", None, [pointer]),
            ("bench_peer_call", ctypes.c_int, [pointer]), ("bench_max_threads", ctypes.c_int, []),
            ("adamw_isa_active", ctypes.c_int, []), ("adamw_isa_name", text, [ctypes.c_int]),
            ("adamw_isa_supported", ctypes.c_bool, [ctypes.c_int]), ("adamw_version", text, [])):
        function = getattr(library, name)
        function.restype, function.argtypes = result, arguments
    return library


def isas(library):
    """The instruction sets that run here, the active one first."""
    active, found, isa = library.adamw_isa_active(), {}, 1
    while (name := library.adamw_isa_name(isa).decode()) != "unknown":
        if not names.is_name(name):
            raise UserError(f"the library has {name}, which bench/report/isas.py does not: it must list all")
        if library.adamw_isa_supported(isa):
            found[isa] = name
        isa += 1
    if active not in found:
        raise UserError(f"ADAMW_ISA '{os.environ.get('ADAMW_ISA', '')}' is no instruction set that runs here: it must be "
                        "one of auto, " + ", ".join(found.values()))
    return sorted(found.values(), key=lambda name: name != found[active])


class List:
    """A list in memory of its own, until free()."""

    def __init__(self, library, kind, text, average=False):
        message = ctypes.create_string_buffer(MESSAGE)
        self.library = library
        self.streams = STREAMS + average
        self.handle = library.bench_placed_new(kind.encode(), text.encode(), average, message)
        if not self.handle:
            raise UserError(message.value.decode())
        self.name = library.bench_placed_name(self.handle).decode()
        self.tensors = library.bench_placed_count(self.handle)
        self.parameters = library.bench_placed_total(self.handle)
        self._peers = []

    def peer(self, kind, threads, variant="adamw", isa="auto"):
        """(prepare, call), both without arguments, of a C contestant."""
        message = ctypes.create_string_buffer(MESSAGE)
        peer = self.library.bench_peer_new(self.handle, kind.encode(), variant.encode(), isa.encode(), threads, message)
        if not peer:
            raise UserError(message.value.decode())
        self._peers.append(peer)
        # A prepared argument: what a C caller would not spend on converting it is not timed.
        argument, call = ctypes.c_void_p(peer), self.library.bench_peer_call

        def checked():
            if call(argument) != 0:
                raise UserError("a step failed")

        return lambda: self.library.bench_peer_prepare(argument), checked

    def buffers(self):
        """For each tensor its streams as ctypes arrays, on the very memory that the C contestants use."""
        for i in range(self.tensors):
            length = self.library.bench_placed_length(self.handle, i)
            yield [(ctypes.c_float * length).from_address(self.library.bench_placed_buffer(self.handle, i, stream))
                   for stream in range(self.streams)]

    def free(self):
        for peer in self._peers:
            self.library.bench_peer_free(peer)
        self.library.bench_placed_free(self.handle)
