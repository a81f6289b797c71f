"""Reading a checkpoint's file: first checked, then copied.

The file is read, not mapped: a mapped file that someone else truncates kills the process.
"""

from __future__ import annotations

import errno
import json
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from struct import unpack
from types import TracebackType
from typing import Any, NamedTuple

from swiftopt import _core
from swiftopt._arrays import Array
from swiftopt._checkpoint._checksum import (
    BLOCK_BYTES,
    forms_checksum,
    tensor_checksum,
    text_checksum,
)
from swiftopt._checkpoint._container import FORMAT_VERSION, METADATA_KEY
from swiftopt._checkpoint._dtypes import byte_count, empty, is_known, memory
from swiftopt._checkpoint._errors import CheckpointError, listed, shown
from swiftopt._checkpoint._package import safetensors
from swiftopt._state import raw_bits

_MAXIMUM_HEADER = 100_000_000  # that of the safetensors package


class Entry(NamedTuple):
    """Where a tensor is in the file, and what it is."""

    code: str
    shape: tuple[int, ...]
    offset: int
    size: int


class Reader:
    """An open checkpoint whose header is verified.

    Attributes
    ----------
    content : dict
        The JSON of the metadata.
    writer : str
        What wrote the file.
    entries : dict of str to Entry
        The tensors by name.

    Raises
    ------
    OSError, CheckpointError
        If the file can't be read; if it is no checkpoint, or a damaged one.
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self.path = os.fsdecode(os.fspath(path))
        # Not to wait for a writer if it is a pipe.
        self._file = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
        try:
            self._status = os.fstat(self._file)
            if stat.S_ISDIR(self._status.st_mode):
                raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), self.path)
            if not stat.S_ISREG(self._status.st_mode):
                raise self.error("is not a regular file")
            with self.own_errors():
                self._read_header()
        except BaseException:
            self.close()
            raise
        self._buffer = memoryview(bytearray(0))
        self._fetched: set[str] = set()

    def close(self) -> None:
        """Give the file back."""
        os.close(self._file)

    def __enter__(self) -> Reader:
        return self

    def __exit__(self, *args: type[BaseException] | BaseException | TracebackType | None) -> None:
        self.close()

    def error(self, message: str, **lists: Any) -> CheckpointError:
        """Return an error that names the file."""
        return CheckpointError(f"{self.path!r} {message}", **lists)

    @contextmanager
    def own_errors(self) -> Iterator[None]:
        """Whatever a strange file runs into, it is the file's fault, and says which file."""
        try:
            yield
        except CheckpointError as error:
            if str(error).startswith(repr(self.path)):
                raise
            raise CheckpointError(f"{self.path!r}: {error}") from error.__cause__
        except (OSError, MemoryError):
            raise
        except Exception as error:
            raise self.error(f"is not a valid checkpoint: {str(error)[:300]}") from error

    # --------------------------------------------------------------- header

    def _read_header(self) -> None:
        size = self._status.st_size
        length = unpack("<Q", self._bytes(0, 8))[0] if size >= 8 else 0
        if length > min(size - 8, _MAXIMUM_HEADER) or length < 2:
            raise self.error("is not a safetensors file, or is damaged: its header has "
                             f"{length} bytes, the file {size}")  # fmt: skip
        header = self._bytes(8, length)
        self._check_container(header)
        data = json.loads(header, object_pairs_hook=_without_duplicates)
        metadata = data.pop("__metadata__", None) or {}
        if METADATA_KEY not in metadata:
            raise self.error("is a safetensors file, but no checkpoint of swiftopt: it lacks the "
                             f"metadata {METADATA_KEY!r} (safetensors.numpy.load_file reads "
                             "its tensors)")  # fmt: skip
        checksum, text = metadata[METADATA_KEY][:16], metadata[METADATA_KEY][16:]
        if text_checksum(text) != checksum:
            raise self.error("is damaged: the metadata doesn't have its checksum")
        self.content: dict[str, Any] = json.loads(text)
        self.writer = str(self.content["writer"])
        version = self.content["format"]
        if version != FORMAT_VERSION:
            raise self.error(
                f"has version {shown(version)} of the format, written by {shown(self.writer)}; "
                f"this version of swiftopt reads {FORMAT_VERSION}"
            )
        self.entries = {name: _entry(name, value, 8 + length) for name, value in data.items()}
        self._checksums: dict[str, str] = self.content["tensors"]
        if self.entries.keys() != self._checksums.keys():
            odd = sorted(map(repr, self.entries.keys() ^ self._checksums.keys()))
            raise self.error(f"is damaged: tensors and metadata differ in {listed(odd)}")
        forms = [(name, entry.code, entry.shape) for name, entry in self.entries.items()]
        if forms_checksum(forms) != self.content["forms"]:
            raise self.error("is damaged: the header doesn't have its checksum")

    def _check_container(self, header: bytes) -> None:
        """Have the safetensors package check the header: names, dtypes, offsets, sizes."""
        package = safetensors()
        with _shadow(header, self._status.st_size, self.path) as path:
            try:
                with package.safe_open(path, framework="np"):
                    pass
            except (package.SafetensorError, OSError, ValueError) as error:
                raise self.error(f"is not a valid safetensors file: {str(error)[:300]}") from error

    # -------------------------------------------------------------- tensors

    def entry(self, name: Any) -> Entry:
        """Return a tensor's entry; CheckpointError if there is none."""
        if not isinstance(name, str) or name not in self.entries:
            raise self.error(f"is not a valid checkpoint: it has no tensor {str(name)[:200]!r}")
        return self.entries[name]

    def verify(self, name: str) -> None:
        """Read a tensor and check its bytes against its checksum."""
        entry = self.entry(name)
        if not self._buffer:
            self._buffer = memoryview(bytearray(BLOCK_BYTES))
        self._check(name, entry, (
            self._read(entry.offset + begin, self._buffer[: min(BLOCK_BYTES, entry.size - begin)])
            for begin in range(0, entry.size, BLOCK_BYTES)
        ))  # fmt: skip

    def fetch(self, name: Any) -> Array:
        """Return a tensor in a new array, verified."""
        entry = self.entry(name)
        with self.own_errors():
            array = empty(entry.code, entry.shape)
        target = memory(array)
        self._check(name, entry, (
            self._read(entry.offset + begin, target[begin : begin + BLOCK_BYTES])
            for begin in range(0, entry.size, BLOCK_BYTES)
        ))  # fmt: skip
        return array

    def fetch_once(self, name: Any) -> Array:
        """Return a tensor in a new array that isn't asked for again.

        So a small file can't ask for its largest tensor a thousand times.
        """
        if name in self._fetched:
            raise self.error(f"is not a valid checkpoint: it uses tensor {name[:200]!r} twice")
        array = self.fetch(name)
        self._fetched.add(name)
        return array

    def _check(self, name: str, entry: Entry, blocks: Iterator[memoryview]) -> None:
        checksums = [_core.checksum(block, 0) for block in blocks]
        if tensor_checksum(name, entry.code, entry.shape, checksums) != self._checksums[name]:
            raise self.error(f"is damaged: tensor {name!r} doesn't have its checksum")

    def copy_to(self, name: str, array: Array) -> None:
        """Copy a tensor that was verified into an array of its shape and dtype."""
        entry = self.entries[name]
        if array.flags.c_contiguous and array.dtype.isnative:
            self._read(entry.offset, memory(array))
        elif entry.code == "BF16":  # an ml_dtypes array's numbers are no bits
            raw_bits(array)[...] = raw_bits(self.fetch(name))
        else:
            array[...] = self.fetch(name)

    def check_unchanged(self) -> None:
        """Raise if someone wrote to the file since it was opened."""
        now = os.fstat(self._file)
        if (now.st_size, now.st_mtime_ns) != (self._status.st_size, self._status.st_mtime_ns):
            raise self._changed()

    def _changed(self) -> CheckpointError:
        return self.error("was written to while it was read; load it again")

    def _bytes(self, offset: int, count: int) -> bytes:
        target = bytearray(count)
        self._read(offset, memoryview(target))
        return bytes(target)

    def _read(self, offset: int, target: memoryview) -> memoryview:
        rest = target
        while rest:
            count = os.preadv(self._file, [rest], offset)
            if count == 0:
                raise self._changed()
            offset, rest = offset + count, rest[count:]
        return target


@contextmanager
def _shadow(header: bytes, size: int, path: str) -> Iterator[str]:
    """Yield the name of a file of this size that begins with this header.

    The safetensors package maps what it checks, so it gets a file that nobody else can
    change; what follows the header is a hole, which takes no memory. Where the system
    doesn't allow that, it gets the file itself.
    """
    shadow = -1
    try:
        shadow = os.memfd_create("swiftopt-header", os.MFD_CLOEXEC)
        rest = memoryview(len(header).to_bytes(8, "little") + header)
        while rest:
            rest = rest[os.write(shadow, rest) :]
        os.truncate(shadow, size)
        copy = f"/proc/self/fd/{shadow}"
        name = copy if Path(copy).exists() else path
    except (AttributeError, OSError):  # a Python built for an old C library lacks memfd_create
        name = path
    try:
        yield name
    finally:
        if shadow >= 0:
            os.close(shadow)


def _without_duplicates(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    result = dict(pairs)
    if len(result) != len(pairs):
        raise ValueError("a name is there twice")
    return result


def _entry(name: str, value: Any, start: int) -> Entry:
    code, shape, (begin, end) = value["dtype"], tuple(value["shape"]), value["data_offsets"]
    if not is_known(code):
        raise ValueError(f"tensor {name[:200]!r} has dtype {code}, which swiftopt doesn't know")
    if byte_count(code, shape) != end - begin or start + end >= 2**63:  # preadv's offsets
        raise ValueError(f"tensor {name[:200]!r} has other bytes than its shape needs")
    return Entry(code, shape, start + begin, end - begin)
