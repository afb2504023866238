"""setup.py - what pyproject.toml cannot say: the package ships two libraries, which make builds from the C sources.

The sources are the tree around tools/python; a source distribution takes a copy of them along as csrc/.
"""
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

from setuptools import setup
from setuptools.command.bdist_wheel import bdist_wheel
from setuptools.command.build_py import build_py
from setuptools.command.sdist import sdist
from setuptools.dist import Distribution

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE))
from wheel_tag import linux_tag  # noqa: E402

SOURCES = HERE / "csrc" if (HERE / "csrc").is_dir() else HERE.parent.parent
CARRIED = ("Makefile", "LICENSE", "include", "kernels", "tests/rules.mk", "bench/rules.mk", "tools/rules.mk",
           "tools/python/rules.mk", "tools/python/look.c")
LIBRARIES = ("libadamw.so", "libadamw_look.so")


def version() -> str:
    header = SOURCES / "include" / "adamw.h"
    if not header.exists():
        sys.exit(f"libadamw: there is no {header}: build from libadamw's source tree or from its source distribution")
    return re.search(r'ADAMW_VERSION_STRING "(.+)"', header.read_text()).group(1)


class BuildWithMake(build_py):
    def run(self) -> None:
        super().run()
        scratch = Path(self.get_finalized_command("build").build_temp).resolve() / "make"
        flags = {"LDFLAGS": f"-s {os.environ.get('LDFLAGS', '')}".strip()}
        jobs = f"-j{len(os.sched_getaffinity(0)) if hasattr(os, 'sched_getaffinity') else os.cpu_count()}"
        command = ["make", jobs, "-C", str(SOURCES), f"BUILD={scratch}", *(f"{scratch}/{name}" for name in LIBRARIES)]
        try:
            subprocess.run(command, check=True, env=os.environ | flags)
        except FileNotFoundError:
            sys.exit("libadamw: make is not installed: the library is built with make and a C compiler")
        except subprocess.CalledProcessError:
            sys.exit(f"libadamw: the library does not build; by hand: {' '.join(command)}")
        package = HERE / "libadamw" if self.editable_mode else Path(self.build_lib) / "libadamw"
        for name in LIBRARIES:
            shutil.copyfile(scratch / name, package / name)


class CarrySources(sdist):
    def make_release_tree(self, base_dir, files) -> None:
        super().make_release_tree(base_dir, files)
        for name in CARRIED:
            source, target = SOURCES / name, Path(base_dir) / "csrc" / name
            target.parent.mkdir(parents=True, exist_ok=True)
            if source.is_dir():
                shutil.copytree(source, target)
            else:
                shutil.copyfile(source, target)


class PlatformWheel(bdist_wheel):
    """One wheel for every Python 3 of a platform: there is no compiled extension in it, but a shared library. Its
    platform is that of the library, so that a cross compiler in CC makes a wheel for its target."""

    def get_tag(self) -> tuple[str, str, str]:
        built = Path(self.get_finalized_command("build_py").build_lib) / "libadamw"
        return "py3", "none", linux_tag([built / name for name in LIBRARIES]) or super().get_tag()[2]


class WithLibrary(Distribution):
    def has_ext_modules(self) -> bool:
        return True


setup(
    version=version(),
    distclass=WithLibrary,
    cmdclass={"build_py": BuildWithMake, "sdist": CarrySources, "bdist_wheel": PlatformWheel},
)
