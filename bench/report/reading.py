"""Reads the result files of earlier runs, which may come from anywhere: each flaw is told by file and place.

What is accepted here can be computed with: finite positive figures, one count of them for all contestants of a case.
"""
import json
import math
import os
import re

from . import isas
from .front import UserError
from .results import LOOPS, Case

LARGEST = 256 << 20  # bytes; a full run has some 2 MB
NAME = re.compile(r"[a-z_]+(/[^/\n]+)?/[^/\n]+/[a-z0-9_]+/[a-z0-9]+/[1-9][0-9]{0,5}/(huge|small)")


def _object(path):
    try:
        with open(path, "rb") as file:
            size = os.fstat(file.fileno()).st_size
            if size > LARGEST:
                raise UserError(f"{path}: has {size} bytes, and a result file has at most {LARGEST}")
            stored = json.loads(file.read(LARGEST + 1).decode("utf-8"), parse_constant=lambda word: word)
    except OSError as error:
        raise UserError(f"{path}: {error.strerror}") from error
    except RecursionError as error:
        raise UserError(f"{path}: is nested too deeply for a result file") from error
    except UnicodeDecodeError as error:
        raise UserError(f"{path}: byte {error.start} is no UTF-8, so this is no result file") from error
    except json.JSONDecodeError as error:
        raise UserError(f"{path}: line {error.lineno}: is no JSON ({error.msg}); a result file of this benchmark is such "
                        "as build/bench/throughput.json") from error
    except ValueError as error:  # a number of thousands of digits
        raise UserError(f"{path}: is no JSON that can be read ({str(error)[:80]})") from error
    return _is(dict, stored, path, "the file", "an object with `machine` and `cases`")


def _text(of, name, path, place, wanted="a text"):
    value = _field(str, of, name, path, place, wanted)
    if not value.isprintable():  # a line end or a terminal's command would come out in a table
        raise UserError(f"{path}: {place}.{name} is {_shown(value)}: it must be {wanted} of printable characters")
    return value


def _shown(value):
    text = json.dumps(value, ensure_ascii=True)
    return text if len(text) <= 40 else text[:37] + "..."


def _is(kind, value, path, place, wanted):
    if not isinstance(value, kind) or isinstance(value, bool):
        raise UserError(f"{path}: {place} is {_shown(value)}: it must be {wanted}")
    return value


def _field(kind, of, name, path, place, wanted):
    if name not in of:
        raise UserError(f"{path}: {place} has no `{name}`: it must be {wanted}")
    return _is(kind, of[name], path, f"{place + '.' if place != 'the file' else ''}{name}", wanted)


def _whole(of, name, path, place):
    value = _field(int, of, name, path, place, "a whole number from 1 to 2^60")
    if not 1 <= value <= 1 << 60:
        raise UserError(f"{path}: {place}.{name} is {_shown(value)}: it must be a whole number from 1 to 2^60")
    return value


def _samples(case, path, place, needed):
    samples = _field(dict, case, "samples", path, place, "an object with lists of seconds")
    for label in needed:
        _field(list, samples, label, path, f"{place}.samples", "a list of seconds")
    lengths = {}
    for label, values in samples.items():
        where = f"{place}.samples.{_shown(label)[1:-1]}"
        lengths[label] = len(_is(list, values, path, where, "a list of seconds"))
        for number, value in enumerate(values):
            wanted = "a positive number of seconds"
            _is((int, float), value, path, f"{where}[{number}]", wanted)
            if not 1e-12 < value < 1e12 or math.isnan(value):
                raise UserError(f"{path}: {where}[{number}] is {_shown(value)}: it must be {wanted}")
    if len(set(lengths.values())) != 1 or 0 in lengths.values():
        raise UserError(f"{path}: {place}.samples has lists of {', '.join(map(str, sorted(set(lengths.values()))))} "
                        "values: they must be of one length, at least 1")
    return samples


def _machine(stored, path):
    machine = _field(dict, stored, "machine", path, "the file", "an object that says which machine was measured")
    for name in ("cpu", "commit", "date", "isa"):
        _text(machine, name, path, "machine")
    if not isas.is_name(machine["isa"]):
        raise UserError(f"{path}: machine.isa is {_shown(machine['isa'])}: it must be one of {', '.join(isas.NAMES)}")
    for name in ("caches", "compiler", "command", "version", "busy"):
        if name in machine:
            _text(machine, name, path, "machine")
    if "cpus" in machine:
        _whole(machine, "cpus", path, "machine")
    return machine


def _cases(stored, path):
    for number, case in enumerate(_field(list, stored, "cases", path, "the file", "a list of cases")):
        place = f"cases[{number}]"
        yield place, _is(dict, case, path, place, "an object")


def results(path):
    """The machine and the cases of a file that write_results() made."""
    stored = _object(path)
    machine, cases, known = _machine(stored, path), [], set()
    for place, case in _cases(stored, path):
        name = _text(case, "name", path, place, "a name such as throughput/64K/adamw/avx2/1/huge")
        if not NAME.fullmatch(name) or not isas.is_name(name.split("/")[-3]):
            raise UserError(f"{path}: {place}.name is {_shown(name)}: it must be such as "
                            f"throughput/64K/adamw/avx2/1/huge, with one of {', '.join(isas.NAMES)}")
        if name in known:
            raise UserError(f"{path}: {place}.name is {_shown(name)}, which an earlier case has: it must be there once")
        known.add(name)
        needed = ["step", *(LOOPS if name.startswith("throughput/") else [])]
        cases.append(Case(name, _whole(case, "parameters", path, place), _whole(case, "tensors", path, place),
                          _whole(case, "bytes_per_parameter", path, place), _samples(case, path, place, needed)))
    return machine, cases


def peers(path):
    """The machine and the cases of a file that peers.py wrote."""
    stored = _object(path)
    machine, cases = _machine(stored, path), []
    for place, case in _cases(stored, path):
        _text(case, "list", path, place, "the name of a list")
        for name in ("threads", "parameters", "tensors"):
            _whole(case, name, path, place)
        _samples(case, path, place, LOOPS)
        cases.append(case)
    return machine, cases
