"""Finding a BLAS library and handing it to the native code."""

from __future__ import annotations

import ctypes
import os
import sys
import sysconfig
from pathlib import Path

import numpy as np

from swiftopt import _core
from swiftopt._blas import BlasInfo
from swiftopt._private_library import is_own, load_private

_SYSTEM_NAME = "libopenblas.so.0"
# What builds put before and after OpenBLAS's names: SciPy's for wheels, ILP64.
_SPELLINGS = (("scipy_", "64_"), ("", "64_"), ("scipy_", ""), ("", ""))


class _UnusableError(Exception):
    """A library can't be used, with the reason as its text."""


def find() -> BlasInfo:
    """Find a library as `swiftopt.blas_info` says and hand it to the native code."""
    wanted = os.environ.get("SWIFTOPT_BLAS", "")
    if wanted in ("", "none"):
        state = "none" if wanted else "not set"
        return BlasInfo(
            "none", reason=f"SWIFTOPT_BLAS is {state}: swiftopt's own products are used"
        )
    if wanted != "auto":
        try:
            return _use(_located(wanted), is_asked_for=True)
        except _UnusableError as error:
            raise RuntimeError(f"SWIFTOPT_BLAS is {wanted!r}: {error}") from None
    reasons = []
    for path in _numpy_libraries():
        try:
            return _use(path)
        except _UnusableError as error:
            reasons.append(f"{path}: {error}")
    if not reasons:
        reasons.append("NumPy has no OpenBLAS in a folder of its own")
    try:
        return _use(_located(_SYSTEM_NAME))
    except _UnusableError as error:
        reasons.append(f"{_SYSTEM_NAME}: {error}")
    return BlasInfo("none", reason="; ".join(reasons))


def _numpy_libraries() -> list[Path]:
    """Return the files of the OpenBLAS that auditwheel put beside NumPy, at most one mostly."""
    folder = Path(np.__file__).parent.parent / "numpy.libs"
    return sorted(folder.glob("lib*openblas*.so*"))


def _located(name: str) -> Path:
    """Return the file for a path, or for a bare name where the loader would look for it."""
    if "/" in name:
        return Path(name)
    folders = os.environ.get("LD_LIBRARY_PATH", "").split(":")
    folders += [f"{sys.prefix}/lib", "/usr/local/lib"]
    multiarch = sysconfig.get_config_var("MULTIARCH")
    if multiarch:
        folders += [f"/usr/local/lib/{multiarch}", f"/usr/lib/{multiarch}", f"/lib/{multiarch}"]
    folders += ["/usr/lib64", "/usr/lib", "/lib64", "/lib"]
    for folder in filter(None, folders):
        path = Path(folder) / name
        if path.exists():
            return path.resolve()
    raise _UnusableError("is in none of the folders for libraries")


def _use(path: Path, is_asked_for: bool = False) -> BlasInfo:
    """Load a private copy, check it, and make the native code call it."""
    names = tuple(f"{prefix}openblas_get_config{suffix}" for prefix, suffix in _SPELLINGS)
    try:
        library = load_private(path, names)
    except OSError as error:
        raise _UnusableError(f"can't be loaded: {error}") from None
    prefix, suffix = _spelling(library)
    for name in (f"{prefix}cblas_sgemm{suffix}", f"{prefix}openblas_set_num_threads{suffix}"):
        if hasattr(library, name) and not is_own(library, name):
            raise _UnusableError(f"only passes {name} on to a library that it needs; name that one")
    if hasattr(library, f"{prefix}openblas_get_config{suffix}"):
        info = _openblas(library, path, prefix, suffix)
    elif is_asked_for:
        info = BlasInfo("cblas", path=str(path), integer_bits=64 if suffix else 32)
    else:
        raise _UnusableError("is no OpenBLAS")
    assert info.integer_bits is not None
    _core.set_blas(
        _address(library, f"{prefix}cblas_sgemm{suffix}"),
        _address(library, f"{prefix}cblas_dgemm{suffix}"),
        info.integer_bits,
    )
    return info


def _spelling(library: ctypes.CDLL) -> tuple[str, str]:
    for prefix, suffix in _SPELLINGS:
        if all(hasattr(library, f"{prefix}cblas_{kind}gemm{suffix}") for kind in "sd"):
            return prefix, suffix
    raise _UnusableError("has no cblas_sgemm and cblas_dgemm")


def _openblas(library: ctypes.CDLL, path: Path, prefix: str, suffix: str) -> BlasInfo:
    def call(name: str, *arguments: int) -> int:
        return int(library[f"{prefix}openblas_{name}{suffix}"](*arguments))

    def text(name: str) -> str:
        function = library[f"{prefix}openblas_{name}{suffix}"]
        function.restype = ctypes.c_char_p
        value = function()
        assert isinstance(value, bytes)
        return value.decode(errors="replace")

    try:
        kind = call("get_parallel")
        if kind == 2:
            raise _UnusableError("is an OpenBLAS on OpenMP: one thread would hold for all")
        if kind == 0:
            raise _UnusableError("is an OpenBLAS without threads, which several threads can't call")
        # It has started with one, except where a thread's processors can't be chosen.
        call("set_num_threads", 1)
        threads = call("get_num_threads")
        config = text("get_config").split()
        core = text("get_corename")
    except AttributeError as error:
        raise _UnusableError(f"is an OpenBLAS that lacks a function: {error}") from None
    if threads != 1:
        raise _UnusableError(f"can't be held at one thread: it says that it uses {threads}")
    return BlasInfo(
        "openblas",
        version=config[1] if config[:1] == ["OpenBLAS"] and len(config) > 1 else None,
        path=str(path),
        integer_bits=64 if suffix or "USE64BITINT" in config else 32,
        threads=threads,
        core=core,
    )


def _address(library: ctypes.CDLL, name: str) -> int:
    address = ctypes.cast(library[name], ctypes.c_void_p).value
    assert address is not None
    return address
