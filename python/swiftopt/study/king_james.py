"""The text of the King James Bible (1611) as bytes, from Debian's package bible-kjv-text.

The text is in the public domain (in the United Kingdom printing it is the Crown's privilege);
the file format's maker allows unrestricted use. Both are stated in the package's copyright file.
"""

from __future__ import annotations

import itertools
import os
import re
import shutil
import struct
import subprocess
from pathlib import Path

DEFAULT_FILE = Path("/usr/lib/bible.data")

_MAGIC = b"EC02Compressed Data File"
# Big-endian: an unknown number, the bytes in a window, how many windows, where each begins.
_HEADER = struct.Struct(">3I")
_HEADER_OFFSET = 0x50
# What compress(1) writes first: its mark, and codes of up to 16 bits that start anew.
_COMPRESS = b"\x1f\x9d\x90"


def read(path: Path) -> bytes:
    """Read the package's file: windows of the text, each compressed as by compress(1).

    Raises ValueError if the file is something else.
    """
    content = path.read_bytes()
    first = _HEADER_OFFSET + _HEADER.size
    if not content.startswith(_MAGIC) or len(content) < first:
        raise ValueError(f"{path} is not a text of bible-kjv-text: it starts with {content[:24]!r}")
    _, window_bytes, count = _HEADER.unpack_from(content, _HEADER_OFFSET)
    if len(content) < first + 4 * (count + 1):
        raise ValueError(f"{path} ends inside its table of {count} windows")
    starts = struct.unpack_from(f">{count + 1}I", content, first)
    gzip = shutil.which("gzip")
    if gzip is None:
        raise FileNotFoundError("gzip, which unpacks the text, is not on PATH")
    windows = []
    for begin, end in itertools.pairwise(starts):
        unpacked = subprocess.run(
            [gzip, "-dc"], input=_COMPRESS + content[begin:end], capture_output=True, check=False
        )
        if unpacked.returncode or len(unpacked.stdout) > window_bytes:
            raise ValueError(f"{path} is damaged between bytes {begin} and {end}")
        windows.append(unpacked.stdout)
    return b"".join(windows)


def load(path: Path | None = None) -> bytes:
    """Return the verses, one a line, without their numbers ("Ge1:1 ") and the title.

    `path` is the package's file or a text file of your own, which is taken as it is; by default
    it is the environment variable SWIFTOPT_TEXT, else where the package puts its file.

    Raises FileNotFoundError, with what to do, if the file is missing, and ValueError if it is
    damaged.
    """
    return _without_references(_whole(path))


def old_and_new(path: Path | None = None) -> tuple[bytes, bytes]:
    """Return the Old Testament and the New one, as `load` reads them.

    Of a text file of your own, the first three quarters and the rest.
    """
    text = _whole(path)
    begin = text.find(b"\nMat1:1 ") + 1 or 3 * len(text) // 4
    return _without_references(text[:begin]), _without_references(text[begin:])


def _without_references(text: bytes) -> bytes:
    return re.sub(rb"^\w+:\d+ ", b"", text, flags=re.MULTILINE)


def _whole(path: Path | None) -> bytes:
    """Return the verses with their numbers, or a text file as it is."""
    path = Path(path or os.environ.get("SWIFTOPT_TEXT") or DEFAULT_FILE)
    if not path.is_file():
        raise FileNotFoundError(
            f"no text in {path}. On Debian: apt-get install bible-kjv-text; elsewhere set "
            "SWIFTOPT_TEXT to a text file of at least some hundred thousand characters."
        )
    with path.open("rb") as file:
        is_package = file.read(len(_MAGIC)) == _MAGIC
    if not is_package:
        return path.read_bytes()
    _, _, verses = read(path).partition(b"\n")
    return verses
