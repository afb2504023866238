"""The wheel as a user builds and installs it: what is in it, that it needs no torch, what it says without its .so."""
import importlib.util
import os
import platform
import re
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
import torch

import libadamw

PROJECT = Path(__file__).parents[1]
STEP = """
import sys, numpy, libadamw
given = [numpy.ones(4, numpy.float32) for _ in range(4)]
libadamw.adamw_step(*given, step=1)
assert "torch" not in sys.modules and (given[0] < 1).all()
print(libadamw.__file__, libadamw.__version__)
"""


def run(code, path, **environment):
    env = {key: value for key, value in os.environ.items() if key not in ("PYTHONPATH", "ADAMW_LIBRARY")}
    return subprocess.run([sys.executable, "-c", code], env=env | {"PYTHONPATH": str(path)} | environment,
                          capture_output=True, text=True)


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    """Built from the source distribution, as `python -m build` does, without fetching anything."""
    target = tmp_path_factory.mktemp("dist")
    subprocess.run([sys.executable, "-m", "build", "--no-isolation", "--outdir", str(target), str(PROJECT)],
                   check=True, capture_output=True)
    assert len(list(target.glob("libadamw-*.tar.gz"))) == 1
    (wheel,) = target.glob("libadamw-*.whl")
    return wheel


def test_wheel(wheel, tmp_path):
    assert wheel.name.startswith(f"libadamw-{libadamw.__version__}-py3-none-")
    if sys.platform == "linux" and platform.libc_ver()[0] == "glibc":
        assert re.fullmatch(rf"libadamw-.*-manylinux_2_\d+_{platform.machine()}", wheel.stem)
    with zipfile.ZipFile(wheel) as archive:
        names = [name for name in archive.namelist() if not name.startswith("libadamw-")]
        archive.extractall(tmp_path)
    assert "libadamw/libadamw.so" in names and "libadamw/libadamw_look.so" in names
    assert "libadamw/py.typed" in names and "libadamw/torch.py" in names
    assert not [name for name in names if "test" in name or name.endswith(".c")]
    (licence,) = tmp_path.glob("libadamw-*.dist-info/licenses/LICENSE")
    assert not licence.is_symlink() and licence.read_text() == (PROJECT.parents[1] / "LICENSE").read_text()
    result = run(STEP, tmp_path)
    assert result.returncode == 0, result.stderr
    assert result.stdout.split() == [str(tmp_path / "libadamw" / "__init__.py"), libadamw.__version__]


def test_the_wheel_looks_in_one_call(wheel, tmp_path):
    if not hasattr(torch.Tensor, "__dlpack_c_exchange_api__"):
        pytest.skip("this torch has no __dlpack_c_exchange_api__")
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(tmp_path)
    result = run("import libadamw._look\nassert libadamw._look.NATIVE is not None", tmp_path)
    assert result.returncode == 0, result.stderr


def test_without_its_library(tmp_path):
    result = run("import libadamw", PROJECT, ADAMW_LIBRARY=str(tmp_path / "none.so"))
    assert result.returncode == 1
    assert "pip install ./tools/python" in result.stderr and "none.so" in result.stderr


def test_a_file_that_is_no_library(tmp_path):
    (tmp_path / "bad.so").write_text("no library")
    result = run("import libadamw", PROJECT, ADAMW_LIBRARY=str(tmp_path / "bad.so"))
    assert "ImportError" in result.stderr and "does not load" in result.stderr


def test_without_an_openmp_runtime_of_the_system(tmp_path):
    """An unreadable libgomp.so.1 comes first in the loader's path: the package does without, or takes torch's own."""
    if not (Path(torch.__file__).parent / "lib" / "libgomp.so.1").exists():
        pytest.skip("this torch brings no libgomp.so.1")
    (tmp_path / "libgomp.so.1").write_text("no library")
    environment = {"ADAMW_LIBRARY": os.environ.get("ADAMW_LIBRARY", ""), "LD_LIBRARY_PATH": str(tmp_path)}
    result = run("import libadamw\nprint('ok')", PROJECT, **environment)
    assert result.stdout == "ok\n", result.stderr


LINES = {
    "libadamw.torch.AdamW(params, arithmetic='accurate', clip_grad_norm=1.0)": True,
    "libadamw.torch.AdamW(params, arithmetic='acurate')": False,
    "libadamw.torch.AdamW(params, arithmetic='accurate', master='split', state_dtype=torch.bfloat16)": True,
    "libadamw.torch.Adam(params, arithmetic='accurate', master='spilt')": False,
    "libadamw.torch.AdamW(params, rounding='random')": False,
    "libadamw.torch.join(*libadamw.torch.split(params[0])).float()": True,
    "libadamw.torch.step(params, params, params, params, 1, lr=0.1, clip='value', clip_max=1.0)": True,
    "libadamw.torch.step(params, params, params, params, 1, lr=0.1, clip='norm', clip_max=1.0)": False,
    "libadamw.adamw_update(1, 1, 1, 1, 1, ema='swa_utils', ema_decay=0.9)": True,
    "libadamw.adamw_update(1, 1, 1, 1, 1, ema='swa', ema_decay=0.9)": False,
    "libadamw.Schedule('cosine', total=10).attach(None)": True,
    "libadamw.Schedule('cosin', total=10)": False,
}
HEAD = ["import libadamw, libadamw.torch, torch", "from torch import Tensor", "params: list[Tensor] = []"]
CHECKERS = {"mypy": ["--strict", "--cache-dir", "cache"], "pyright": ["--pythonpath", sys.executable]}


@pytest.mark.parametrize("checker", CHECKERS)
def test_types(tmp_path, checker):
    """A typo in an option fails under mypy --strict and pyright, and right code passes."""
    if importlib.util.find_spec(checker) is None:
        pytest.skip(f"{checker} is not installed")
    (tmp_path / "user.py").write_text("\n".join(HEAD + list(LINES)) + "\n")
    (tmp_path / "pyrightconfig.json").write_text(
        f'{{"include": ["user.py"], "reportUnusedExpression": "none", "extraPaths": ["{PROJECT}"]}}')
    result = subprocess.run(
        [sys.executable, "-m", checker, *CHECKERS[checker], *["user.py"][checker == "pyright":]], cwd=tmp_path, capture_output=True, text=True,
        env=os.environ | {"MYPYPATH": str(PROJECT)})
    if checker == "pyright" and not re.search(r"^\d+ errors?, ", result.stdout, flags=re.MULTILINE):
        pytest.skip(f"pyright does not run here: {result.stdout[-200:]}{result.stderr[-200:]}")
    wrong = {int(line.split(":")[1]) for line in result.stdout.splitlines()
             if "user.py:" in line and re.search(r"\berror: ", line)}
    assert wrong == {number for number, right in enumerate(LINES.values(), len(HEAD) + 1) if not right}, result.stdout


def test_info(tmp_path):
    """python -m libadamw prints what adamw-info prints, here of the same library."""
    compiler = shutil.which("cc")
    if compiler is None:
        pytest.skip("no C compiler (cc)")
    root, library = PROJECT.parents[1], Path(libadamw._library.PATH)
    (tmp_path / "libadamw.so.0").symlink_to(library.resolve())
    subprocess.run([compiler, str(root / "tools/info/adamw_info.c"), str(library), f"-Wl,-rpath,{tmp_path}", "-o",
                    str(tmp_path / "adamw-info")], check=True)
    for variable, choice in (("ISA", ""), ("ISA", "scalar"), ("ISA", "no-such"), ("TUNING", "no-such")):
        environment = os.environ | {f"ADAMW_{variable}": choice}
        theirs = subprocess.run([tmp_path / "adamw-info"], env=environment, capture_output=True, text=True)
        ours = subprocess.run([sys.executable, "-m", "libadamw"], env=environment, capture_output=True, text=True)
        assert ours.returncode == theirs.returncode and ours.stdout == theirs.stdout
        assert ours.stderr == theirs.stderr.replace("adamw-info:", "python -m libadamw:")
    result = subprocess.run([sys.executable, "-m", "libadamw", "--all"], capture_output=True, text=True)
    assert result.returncode == 2 and "unknown argument '--all'" in result.stderr


def test_the_tag_of_a_wheel(tmp_path):
    """From the libraries: their architecture, the newest glibc that one needs, and nothing that systems may lack."""
    sys.path.insert(0, str(PROJECT))
    from wheel_tag import linux_tag

    def library(name, machine=62, strings=(b"libc.so.6", b"libm.so.6", b"GLIBC_2.2.5", b"GLIBC_2.34")):
        path = tmp_path / name
        path.write_bytes(b"\x7fELF".ljust(18, b"\0") + bytes([machine, 0]) + b"\0" + b"\0".join(strings) + b"\0")
        return path

    one = library("one")
    assert linux_tag([one]) == "manylinux_2_34_x86_64"
    old = (b"libc.so.6", b"libadamw.so.0", b"GLIBC_2.2.5")
    assert linux_tag([library("old", 183, old)]) == "manylinux_2_17_aarch64"
    assert linux_tag([one, library("two", 62, old)]) == "manylinux_2_34_x86_64"
    assert linux_tag([one, library("openmp", 62, (b"libgomp.so.1", b"GLIBC_2.4"))]) == "linux_x86_64"
    assert linux_tag([library("musl", 62, (b"libc.musl-x86_64.so.1",))]) == "linux_x86_64"
    assert linux_tag([one, library("other", 183)]) is None
    (tmp_path / "macho").write_bytes(b"\xcf\xfa\xed\xfe")
    assert linux_tag([tmp_path / "macho"]) is None


@pytest.mark.parametrize("first", ("torch", "libadamw"))
def test_one_openmp_pool(first):
    """torch's wheels bring a libgomp.so.1 of their own; the process has one of them, whoever comes first."""
    code = f"import {first}\nimport libadamw.torch, torch\n" + (
        "lines = [line.split()[-1] for line in open('/proc/self/maps') if 'gomp' in line]\nprint(len(set(lines)))")
    result = run(code, PROJECT, ADAMW_LIBRARY=os.environ.get("ADAMW_LIBRARY", ""))
    assert result.returncode == 0, result.stderr
    if result.stdout.strip() == "0":
        pytest.skip("neither torch nor libadamw uses GNU OpenMP here")
    assert result.stdout.strip() == "1"
