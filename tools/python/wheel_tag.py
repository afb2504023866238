"""wheel_tag.py - the platform tag of a wheel, read from the shared libraries in it.

One wheel serves every Python 3 of a platform, so its tag is that of the libraries: the architecture and the oldest
glibc that has all they need (PEP 600), whatever machine built them. setup.py is its caller.
"""
from __future__ import annotations

import re
import struct
from pathlib import Path

MACHINES = {62: "x86_64", 183: "aarch64"}  # e_machine of ELF
OLDEST = (2, 17)  # of every manylinux that pip still knows
# What a manylinux wheel may take from the system, of PEP 600's list.
SYSTEM = re.compile(rb"lib(c|m|pthread|rt|dl)\.so\.\d+|ld-linux[\w.-]*")
NEEDED = re.compile(rb"(?<=\0)(?:lib|ld-)[\w.+-]*\.so(?:\.\d+)*(?=\0)")
GLIBC = re.compile(rb"(?<=\0)GLIBC_(\d+)\.(\d+)(?:\.\d+)?(?=\0)")


def machine_of(library: bytes) -> str | None:
    """The architecture of an ELF file; None for another format."""
    if library[:4] != b"\x7fELF":
        return None
    (machine,) = struct.unpack_from("<H", library, 18)
    return MACHINES.get(machine)


def linux_tag(libraries: list[Path]) -> str | None:
    """manylinux_2_34_x86_64, say; linux_x86_64 where a library needs what systems may lack, or another C library;
    None where these are no ELF files."""
    contents = [library.read_bytes() for library in libraries]
    machines = {machine_of(content) for content in contents}
    if len(machines) != 1 or None in machines:
        return None
    machine, own = machines.pop(), re.compile(rb"libadamw[\w.]*")
    names = [name for content in contents for name in NEEDED.findall(content) if not own.fullmatch(name)]
    versions = [tuple(map(int, found)) for content in contents for found in GLIBC.findall(content)]
    if not versions or not all(map(SYSTEM.fullmatch, names)):
        return f"linux_{machine}"
    major, minor = max(versions + [OLDEST])
    return f"manylinux_{major}_{minor}_{machine}"
