"""The Conan recipe of libadamw, from the sources of its own checkout: conan create tools/packaging/conan"""
import os
import re

from conan import ConanFile
from conan.tools.cmake import CMake, CMakeToolchain, cmake_layout
from conan.tools.files import copy, load, rmdir

required_conan_version = ">=2.4"


class LibadamwConan(ConanFile):
    name = "libadamw"
    description = "AdamW and coupled-L2 Adam parameter updates for CPUs"
    license = "MIT"
    topics = ("optimizer", "adamw", "machine-learning", "simd")
    package_type = "library"
    languages = "C"
    settings = "os", "arch", "compiler", "build_type"
    options = {"shared": [True, False], "fPIC": [True, False], "openmp": [True, False]}
    default_options = {"shared": False, "fPIC": True, "openmp": False}
    implements = ["auto_shared_fpic"]

    @property
    def _top(self):
        return os.path.join(self.recipe_folder, "..", "..", "..")

    def set_version(self):
        if not self.version:
            header = load(self, os.path.join(self._top, "include", "adamw.h"))
            self.version = re.search(r'^#define ADAMW_VERSION_STRING "(.+)"', header, re.M)[1]

    def export_sources(self):
        for pattern in ("CMakeLists.txt", "Makefile", "LICENSE", "include/*", "kernels/*.[ch]", "tools/pkgconfig.sh"):
            copy(self, pattern, src=self._top, dst=self.export_sources_folder)

    def layout(self):
        cmake_layout(self)

    def generate(self):
        toolchain = CMakeToolchain(self)
        toolchain.cache_variables["ADAMW_OPENMP"] = bool(self.options.openmp)
        toolchain.generate()

    def build(self):
        cmake = CMake(self)
        cmake.configure()
        cmake.build()

    def package(self):
        CMake(self).install()
        copy(self, "LICENSE", src=self.source_folder, dst=os.path.join(self.package_folder, "licenses"))
        # Conan writes these for its users itself.
        rmdir(self, os.path.join(self.package_folder, "lib", "cmake"))
        rmdir(self, os.path.join(self.package_folder, "lib", "pkgconfig"))

    def package_info(self):
        self.cpp_info.libs = ["adamw"]
        self.cpp_info.set_property("cmake_file_name", "adamw")
        self.cpp_info.set_property("cmake_target_name", "adamw::adamw")
        self.cpp_info.set_property("pkg_config_name", "adamw")
        if self.settings.os != "Windows":
            self.cpp_info.system_libs = ["m", "pthread"]
        if self.options.openmp and not self.options.shared:
            self.cpp_info.exelinkflags = self.cpp_info.sharedlinkflags = ["-fopenmp"]
