"""Build swiftopt._core: the Swift library, then the C extension around it."""

from __future__ import annotations

import sys
from pathlib import Path

from setuptools import Extension, setup
from setuptools.command.bdist_wheel import bdist_wheel
from setuptools.command.build_ext import build_ext

ROOT = Path(__file__).resolve().parent
sys.path.insert(0, str(ROOT / "scripts"))

import build_native  # noqa: E402  (lives beside this file, not in a package)


class BuildWithSwift(build_ext):
    """Build the Swift archive before the extension that links it."""

    def build_extension(self, ext: Extension) -> None:
        """Link the archive into the extension."""
        archive = str(build_native.build())
        ext.extra_objects = [archive]
        ext.depends = [*ext.depends, archive]
        super().build_extension(ext)


class OldGlibcWheel(bdist_wheel):
    """Tag the wheel for the oldest glibc that the extension's symbols are in."""

    def get_tag(self) -> tuple[str, str, str]:
        """Return the tag with the platform that check_wheel.py verifies."""
        python, abi, platform = super().get_tag()
        return python, abi, platform.replace("linux_", "manylinux2014_")


SOURCES = sorted(str(path.relative_to(ROOT)) for path in (ROOT / "python/src").glob("*.c"))
HEADERS = [
    *sorted(str(path.relative_to(ROOT)) for path in (ROOT / "python/src").glob("*.h")),
    *sorted(str(path.relative_to(ROOT)) for path in (ROOT / "Sources/CSwiftOpt").rglob("*.h")),
    "python/src/exports.map",
]

setup(
    cmdclass={"build_ext": BuildWithSwift, "bdist_wheel": OldGlibcWheel},
    ext_modules=[
        Extension(
            "swiftopt._core",
            sources=SOURCES,
            depends=HEADERS,
            include_dirs=["Sources/CSwiftOpt/include"],
            py_limited_api=True,
            extra_compile_args=["-std=c11", "-O2", "-Wall", "-Wextra", "-fvisibility=hidden"],
            extra_link_args=[
                "-Wl,--version-script=python/src/exports.map",
                "-Wl,--gc-sections",
                # Worker threads outlive any dlclose.
                "-Wl,-z,nodelete",
                "-s",
            ],
        )
    ],
    options={"bdist_wheel": {"py_limited_api": "cp311"}},
)
