"""What this build is, and what it found on this machine."""

from __future__ import annotations

from typing import Any

import numpy as np

import swiftopt
from swiftopt import _core
from swiftopt._dtypes import KINDS
from swiftopt._state_dtypes import BLOCK8


def facts() -> dict[str, Any]:
    """Return the facts that a bug report needs."""
    return {
        "swiftopt": swiftopt.__version__,
        "numpy": np.__version__,
        "level": _core.level(),
        "levels": [name for name in _core.level_names() if _core.level_supported(name)],
        "threads": _core.get_num_threads(),
        "blas": _blas()._asdict(),
        "dtypes": list(KINDS),
        "state_dtypes": [*KINDS, BLOCK8],
        "optimizers": sorted(swiftopt.optimizers.__all__, key=str.lower),
    }


def text() -> str:
    """Return them for people, one a line."""
    found = {**facts(), "blas": _blas_text(_blas())}
    return "\n".join(
        f"{name:<13}{', '.join(value) if isinstance(value, list) else value}"
        for name, value in found.items()
    )


def _blas() -> swiftopt.BlasInfo:
    """Return what `swiftopt.blas_info` tells, or why it raises."""
    try:
        return swiftopt.blas_info()
    except RuntimeError as error:
        return swiftopt.BlasInfo("none", reason=str(error))


def _blas_text(info: swiftopt.BlasInfo) -> str:
    """Return the library on one line: ``openblas 0.3.31 SkylakeX, 64-bit integers, path``."""
    if info.name == "none":
        return f"none: {info.reason}"
    title = " ".join(part for part in (info.name, info.version, info.core) if part)
    return f"{title}, {info.integer_bits}-bit integers, {info.path}"
