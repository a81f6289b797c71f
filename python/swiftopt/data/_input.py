"""A data file that is read from its start, gzip or plain, with errors that say where."""

from __future__ import annotations

import gzip
import io
import os
import zipfile
import zlib
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import IO, Any, cast

from swiftopt.data._errors import DataError

GZIP_MAGIC = b"\x1f\x8b"
#: A deflated block stands for 258 bytes at most with every two bits.
GREATEST_RATIO = 1032
_CHUNK = 1 << 20


class Input:
    """The content of a file, decompressed if it starts as gzip files do.

    A context manager. `offset` counts the bytes of the content that were read, `most` is what
    the content can have at most (what it has, if it isn't compressed).
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self.path = Path(path)
        self.name = str(self.path)
        self.offset = 0
        file = self.path.open("rb")
        try:
            size = os.fstat(file.fileno()).st_size
            self.is_compressed = file.peek(2)[:2] == GZIP_MAGIC
        except BaseException:
            file.close()
            raise
        self.most = size * GREATEST_RATIO if self.is_compressed else size
        self.raw = file
        self.stream: IO[bytes] = file
        if self.is_compressed:
            self.stream = cast(IO[bytes], gzip.GzipFile(fileobj=file))

    @classmethod
    def member(cls, archive: Input, name: str, stream: IO[bytes], size: int) -> Input:
        """Return the content of a member of an archive, which has `size` bytes."""
        file = cls.__new__(cls)
        file.path, file.name, file.offset = archive.path, f"{archive.name}, member {name}", 0
        file.most, file.is_compressed = size, False
        file.raw, file.stream = archive.raw, stream
        return file

    def __enter__(self) -> Input:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.stream.close()
        self.raw.close()

    def error(self, message: str) -> DataError:
        """Return an error about this file."""
        return DataError(f"{self.name}: {message}")

    def seek(self, offset: int) -> None:
        """Go to a byte of a file that isn't compressed."""
        self.stream.seek(offset)
        self.offset = offset

    def read(self, size: int) -> bytes:
        """Return the next bytes: `size` of them, or fewer at the end."""
        content = bytearray(size)
        return bytes(content[: self.fill(memoryview(content))])

    def exactly(self, size: int, what: str) -> bytes:
        """Return the next `size` bytes, which are `what`."""
        content = self.read(size)
        if len(content) < size:
            raise self.error(f"ends at byte {self.offset}, inside {what}")
        return content

    def fill(self, buffer: memoryview) -> int:
        """Read into a buffer of bytes until it is full or the content ends; say how far."""
        stream: Any = self.stream
        filled = 0
        while filled < len(buffer):
            try:
                count = stream.readinto(buffer[filled : filled + _CHUNK])
            except (gzip.BadGzipFile, zipfile.BadZipFile, EOFError, zlib.error) as error:
                kind = "gzip" if self.is_compressed else "zip"
                raise self.error(
                    f"isn't a whole {kind} file: {error} (after byte {self.offset} of its content)"
                ) from error
            if not count:
                break
            filled += count
            self.offset += count
        return filled

    def lines(self) -> Iterator[str]:
        """Return the lines of a text in UTF-8, with their ends. Nothing else is read then."""
        text = io.TextIOWrapper(self.stream, encoding="utf-8-sig", newline="")
        number = 0
        try:
            for line in text:
                number += 1
                yield line
        except UnicodeDecodeError as error:
            raise self.error(
                f"isn't UTF-8 after line {number}, or soon after it: {error.reason}"
            ) from error
        except (gzip.BadGzipFile, EOFError, zlib.error) as error:
            raise self.error(f"isn't a whole gzip file: {error} (after line {number})") from error
        finally:
            text.close()

    def check_end(self) -> None:
        """Raise if anything follows. The end of compressed content has its checksum."""
        end = self.offset
        if self.read(1):
            raise self.error(f"goes on after byte {end}, where its header says that it ends")
