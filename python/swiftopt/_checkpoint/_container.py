"""The safetensors file: tensors by name with a checksum each, and one JSON text."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Any

from swiftopt._arrays import Array
from swiftopt._checkpoint._checksum import (
    block_checksums,
    forms_checksum,
    tensor_checksum,
    text_checksum,
)
from swiftopt._checkpoint._dtypes import code_of, contiguous, memory, name_of, refusal
from swiftopt._checkpoint._package import safetensors

# The key of the file's metadata. Its value is the checksum of a JSON text, and the text.
METADATA_KEY = "swiftopt"
FORMAT_VERSION = 1


class Tensors:
    """Arrays that are to be written, by their names in the file."""

    def __init__(self) -> None:
        self._arrays: dict[str, Array] = {}
        self._codes: dict[str, str] = {}

    def add(self, name: str, array: Array, place: str) -> str:
        """Take an array, under this name or (if that is taken) one like it.

        Raises
        ------
        TypeError, ValueError
            If a file can't hold its dtype or its name; `place` begins the message.
        """
        code = code_of(array)
        if code is None:
            raise refusal(place, array)
        try:
            name.encode()
        except UnicodeEncodeError:
            raise ValueError(f"{place}: the name {name!r} is not valid Unicode") from None
        unique, number = name, 2
        while unique in self._arrays:
            unique, number = f"{name}~{number}", number + 1
        self._arrays[unique] = contiguous(array)
        self._codes[unique] = code
        return unique

    def checksums(self) -> dict[str, str]:
        """Return the checksum of each tensor."""
        return {
            name: tensor_checksum(
                name, self._codes[name], array.shape, block_checksums(memory(array))
            )
            for name, array in self._arrays.items()
        }

    def write(self, path: Path, content: dict[str, Any]) -> None:
        """Write a new file with these tensors, their checksums, and `content`.

        Raises
        ------
        OSError, ValueError
            If the file can't be written; if the metadata is too large for the format.
        """
        import json

        package = safetensors()
        forms = [(name, self._codes[name], array.shape) for name, array in self._arrays.items()]
        data = {
            "format": FORMAT_VERSION,
            **content,
            "forms": forms_checksum(forms),
            "tensors": self.checksums(),
        }
        text = json.dumps(data, allow_nan=False, separators=(",", ":"))
        specifications = {
            name: package.TensorSpec(
                dtype=name_of(self._codes[name]),
                shape=list(array.shape),
                data_ptr=array.ctypes.data,
                data_len=array.nbytes,
            )
            for name, array in self._arrays.items()
        }
        metadata = {METADATA_KEY: text_checksum(text) + text}
        try:
            package.serialize_file(specifications, str(path), metadata)
        except package.SafetensorError as error:
            raise _as_os_error(error, path) from error


def _as_os_error(error: Exception, path: Path) -> Exception:
    """Return the OSError that the package tells of in its message, or a ValueError."""
    match = re.search(r"os error (\d+)", str(error))
    if match is not None:
        number = int(match[1])
        return OSError(number, os.strerror(number), str(path))
    if "header too large" in str(error).lower():
        return ValueError("the names and plain values of this checkpoint take over 100 MB; "
                          "give `extra` arrays instead of long lists")  # fmt: skip
    return OSError(None, str(error), str(path))
