"""The argument `path`. Apart from `_file`, whose pathlib makes `import swiftopt` longer."""

from __future__ import annotations

import os


def check_path(path: object) -> None:
    """Raise TypeError unless this is a path."""
    if not isinstance(path, str | bytes | os.PathLike):
        raise TypeError(f"path is {path!r}; it must be a str or an os.PathLike")
