"""Files of adamw_save() read by the safetensors package, and files of the package read by adamw-file.

Called by safetensors.sh with the path of adamw-file and the folder that adamw-file-probe filled.
"""
import json
import struct
import subprocess
import sys
from pathlib import Path

import numpy as np
import xxhash
from safetensors import safe_open
from safetensors.numpy import load_file, save_file

tool, folder = sys.argv[1], Path(sys.argv[2])
SHAPE = (2, 3, 4)
# In the order of adamw_file_dtype; those that NumPy has no type for are compared as bytes.
DTYPES = ["F32", "BF16", "F16", "F64", "I8", "U8", "I16", "U16", "I32", "U32", "I64", "U64", "BOOL", "F8_E4M3",
          "F8_E5M2", "F8_E8M0", "C64"]
NUMPY = {"F32": "f4", "F16": "f2", "F64": "f8", "I8": "i1", "U8": "u1", "I16": "i2", "U16": "u2", "I32": "i4",
         "U32": "u4", "I64": "i8", "U64": "u8", "BOOL": "?", "C64": "c8"}
WIDTH = {"BF16": 2, "F8_E4M3": 1, "F8_E5M2": 1, "F8_E8M0": 1}


def run(*words):
    return subprocess.run([tool, *map(str, words)], capture_output=True, text=True)


def header_of(path):
    raw = path.read_bytes()
    size = struct.unpack("<Q", raw[:8])[0]
    return json.loads(raw[8:8 + size]), raw, 8 + size


def check_own_dtypes():
    """Every dtype, through the package and by its header's offsets."""
    path = folder / "dtypes.safetensors"
    header, raw, begin = header_of(path)
    with safe_open(path, "numpy") as f:
        assert set(f.keys()) == set(header) - {"__metadata__"}, "other tensors"
        assert f.metadata()["note"] == "two\nlines \u20ac", "other metadata"
        for i, dtype in enumerate(DTYPES):
            name = f"dtype/{dtype}"
            width = np.dtype(NUMPY[dtype]).itemsize if dtype in NUMPY else WIDTH[dtype]
            wanted = bytes(k % 2 if dtype == "BOOL" else (7 * i + k) % 127 for k in range(24 * width))
            first, last = header[name]["data_offsets"]
            assert raw[begin + first:begin + last] == wanted, name
            if dtype in NUMPY:
                found = f.get_tensor(name)
                assert found.dtype == np.dtype(NUMPY[dtype]) and found.shape == SHAPE, name
                assert found.tobytes() == wanted, name
            else:
                assert f.get_slice(name).get_dtype() == dtype, name
                assert tuple(f.get_slice(name).get_shape()) == SHAPE, name
        assert f.get_tensor('scalar "\u00e9"\n').shape == () and f.get_tensor("empty").shape == (3, 0)


def check_own_state(path):
    """A run's state, its names and its checksums, worked out from the page's description alone."""
    header, raw, begin = header_of(path)
    metadata = header["__metadata__"]
    tensors = load_file(path)
    assert metadata["adamw.file"] == "1" and begin % 64 == 0
    place = raw.index(b'"adamw.checksum":"') + 18
    blank = raw[:place] + b"0" * 16 + raw[place + 16:begin]
    assert xxhash.xxh64_hexdigest(blank) == metadata["adamw.checksum"], "the header's checksum"
    for i, name in enumerate(sorted(tensors)):
        assert xxhash.xxh64_hexdigest(tensors[name].tobytes()) == metadata["adamw.checksums"][16 * i:16 * i + 16], name
    return tensors, metadata


def check_own_run():
    tensors, metadata = check_own_state(folder / "run.safetensors")
    assert metadata["adamw.seed"] == "42" and metadata["adamw.schedule"].startswith("libadamw schedule 1\n")
    for t, name in enumerate(["wte.weight", "h.0.ln.bias", "lm_head"]):
        values = (np.arange(1000, dtype="f4") + np.float32(t / 8)).reshape(40, 25)
        assert np.array_equal(tensors[name], values)
        assert np.array_equal(tensors[f"state.{name}.exp_avg"], values + 1000)
        assert np.array_equal(tensors[f"state.{name}.exp_avg_sq"], values + 2000)
        assert tensors[f"state.{name}.step"] == 12345
        assert tensors[f"param_groups.{name}.lr"] == 1e-3
        assert list(tensors[f"param_groups.{name}.betas"]) == [0.9, 0.999]
        assert bool(tensors[f"param_groups.{name}.decoupled_weight_decay"])
    assert tensors["loss_scale.scale"] == 65536
    # The shards, put together by the package and the index alone.
    index = json.loads((folder / "run.safetensors.index.json").read_text())
    whole = {}
    for name, file in index["weight_map"].items():
        with safe_open(folder / file, "numpy") as f:
            whole[name] = f.get_tensor(name)
    assert index["metadata"]["total_size"] == sum(x.nbytes for x in whole.values())
    for file in set(index["weight_map"].values()):
        check_own_state(folder / file)
    for name, wanted in tensors.items():
        pieces = sorted((x for x in whole if x.startswith(name + "[")), key=lambda x: int(x[len(name) + 1:].split(":")[0]))
        found = np.concatenate([whole[x] for x in pieces]) if pieces else whole[name]
        assert np.array_equal(found.reshape(wanted.shape), wanted), name


def check_foreign():
    """Files of the package: listed with its shapes, values and no checksums; copies differ from each other by name."""
    rng = np.random.default_rng(1)
    tensors = {}
    for i, (dtype, numpy) in enumerate(NUMPY.items()):
        for shape in [(), (0,), (7,), (3, 5), (2, 3, 4)]:
            size = int(np.prod(shape)) * np.dtype(numpy).itemsize
            data = rng.integers(0, 2 if dtype == "BOOL" else 120, size, dtype="u1").tobytes()
            tensors[f"\u00e9 {dtype} {len(shape)} {shape}"] = np.frombuffer(data, numpy).reshape(shape)
    path = folder / "foreign.safetensors"
    save_file(tensors, path, metadata={"format": "pt", "a \"key\"": "\u20ac \\ \n"})
    listed = run("list", "--values", 1, path)
    assert listed.returncode == 0, listed.stderr
    for name, x in tensors.items():
        shape = "[" + ",".join(map(str, x.shape)) + "]"
        line = next(y for y in listed.stdout.splitlines() if y.startswith(name + " "))
        assert f" {shape}  no checksum" in line, line
        if x.size and x.dtype.kind in "iu":
            assert line.split("no checksum")[1].split()[0] in (str(x.flat[0]), f"{x.flat[0]:.9g}"), line
        if x.size and x.dtype == np.float64:
            assert float(line.split("no checksum")[1].split()[0]) == x.flat[0], line
    checked = run("check", path)
    assert checked.returncode == 0 and "have no checksum" in checked.stdout, checked.stdout + checked.stderr
    other = dict(tensors)
    key = next(k for k in tensors if " F32 2 " in k)
    other[key] = tensors[key].copy()
    other[key][1, 2] = 0.5
    save_file(other, folder / "other.safetensors", metadata={"format": "pt", "a \"key\"": "\u20ac \\ \n"})
    compared = run("compare", path, folder / "other.safetensors")
    line = f"1 of 15 values differ, by up to {abs(0.5 - float(tensors[key][1, 2])):.6g}; value 7 is"
    assert compared.returncode == 1 and line in compared.stdout, compared.stdout
    return len(tensors)


check_own_dtypes()
check_own_run()
print(f"safetensors: the package reads every file of adamw_save(); adamw-file reads its {check_foreign()} tensors")
