"""Many files as one array of samples."""

from __future__ import annotations

import os
import weakref
from collections.abc import Sequence
from math import prod
from pathlib import Path
from typing import Any, SupportsIndex, cast

import numpy as np

from swiftopt._arrays import Array
from swiftopt.data._bytes import byte_count
from swiftopt.data._errors import DataError
from swiftopt.data._positions import positions, rows_for
from swiftopt.data._segments import Paths, Segment, open_segment, shard_paths


class Shards:
    """Samples in many files, in the order of the files, as one source that is never loaded whole.

    `Loader` reads them from several native threads at once. A tuple or a dict of them are its
    fields, such as images and labels.

    Parameters
    ----------
    paths : path, or iterable of paths
        A folder (its .npy, .npz and IDX files, sorted by name), a pattern such as
        "train/images-*.npy" (sorted by name), or files in the order to take them. All have
        samples of one shape and dtype along their first axis; none is compressed.
    member : str, optional
        Which array of .npz files; not needed if they have one. `np.savez` writes such files,
        `np.savez_compressed` doesn't.
    cache : int or str, optional
        How many bytes of samples the loader may keep, such as "2GB", so that they are read
        once only. None by default: the system's page cache does well if there is room.
    cache_directory : path, optional
        Keep them in a temporary file in this folder instead of in memory, such as on a local
        disk when the shards are on a slow network.

    Attributes
    ----------
    shape : tuple of int
        The number of samples, then the shape of one.
    dtype : dtype
        Of the elements.
    segments : tuple of Segment
        For each file its path, open descriptor, the offset of its samples and their count.
    sample_bytes, cache_bytes : int
        Bytes of a sample, and of the loader's cache.
    cache_directory : str or None
        As it was given.

    Raises
    ------
    FileNotFoundError
        If there is no file.
    DataError
        If a file is damaged or doesn't fit the first one; the message says which.

    Notes
    -----
    Files stay open until `close` or until nothing refers to the object. They must not change
    meanwhile. Reading without a loader, as `shards[3]`, `shards[10:20]`, `shards[indices]` or by
    `read`, is for looking at samples: it is one thread and has no cache.

    Examples
    --------
    >>> import numpy as np, swiftopt as so, tempfile
    >>> directory = tempfile.TemporaryDirectory()
    >>> for number in range(3):
    ...     np.save(f"{directory.name}/part-{number}.npy", np.full((4, 2), number))
    >>> shards = so.data.Shards(f"{directory.name}/part-*.npy")
    >>> shards.shape
    (12, 2)
    >>> shards[[0, 5, 11]].tolist()
    [[0, 0], [1, 1], [2, 2]]
    >>> shards.close()
    >>> directory.cleanup()
    """

    def __init__(
        self,
        paths: Paths,
        *,
        member: str | None = None,
        cache: int | str | None = None,
        cache_directory: str | os.PathLike[str] | None = None,
    ) -> None:
        self.cache_bytes = 0 if cache is None else byte_count(cache, "Shards: cache")
        self.cache_directory = None if cache_directory is None else str(Path(cache_directory))
        if self.cache_directory is not None:
            if cache is None:
                raise ValueError("Shards: cache_directory is given; cache must say how many bytes")
            if not Path(self.cache_directory).is_dir():
                raise NotADirectoryError(
                    f"Shards: cache_directory {self.cache_directory} isn't a folder"
                )
        self._arguments = (shard_paths(paths), member, cache, cache_directory)
        files = _OpenFiles()
        segments = files.segments
        try:
            self.dtype, sample = _open_all(self._arguments[0], member, segments)
        except BaseException:
            files.close()
            raise
        self._files: _OpenFiles | None = files
        self.segments = tuple(segments)
        # Where each file's samples begin in the order of all, and where the last ones end.
        self._starts = np.cumsum([0, *(segment.count for segment in segments)])
        self.shape = (int(self._starts[-1]), *sample)
        self.sample_bytes = prod(sample) * self.dtype.itemsize

    @property
    def ndim(self) -> int:
        """Return the number of axes, the one of the samples included."""
        return len(self.shape)

    @property
    def nbytes(self) -> int:
        """Return the bytes of all samples."""
        return self.shape[0] * self.sample_bytes

    def __len__(self) -> int:
        return self.shape[0]

    def __getitem__(self, key: Any) -> Array:
        chosen, is_single = positions(key, len(self))
        result = self.read(chosen)
        return result[0] if is_single else result

    def read(self, indices: Sequence[SupportsIndex] | Array, out: Array | None = None) -> Array:
        """Read these samples, into `out` (len(indices), *sample shape) if it is given.

        Raises
        ------
        IndexError
            If an index is out of range.
        DataError, OSError
            If a file can't be read or became shorter; the message has its path and the offset.
        ValueError
            If `out` has another shape or dtype, isn't contiguous or is read-only, or the
            shards are closed.
        """
        files = self.held()  # another thread may close them
        chosen, _ = positions(indices, len(self))
        rows = rows_for("Shards.read", len(chosen), self.shape[1:], self.dtype, out)
        if not self.sample_bytes or not len(chosen):
            return rows
        flat = memoryview(cast(Any, rows.reshape(-1).view(np.uint8)))
        owners = np.searchsorted(self._starts, chosen, side="right") - 1
        # Runs of samples that follow each other in one file are one read.
        breaks = np.flatnonzero((np.diff(chosen) != 1) | (np.diff(owners) != 0)) + 1
        for begin, end in zip([0, *breaks], [*breaks, len(chosen)], strict=True):
            segment = files.segments[owners[begin]]
            first = int(chosen[begin] - self._starts[owners[begin]])
            _read_exactly(
                segment,
                flat[begin * self.sample_bytes : end * self.sample_bytes],
                segment.offset + first * self.sample_bytes,
            )
        return rows

    def close(self) -> None:
        """Close the files, once the loops that read them have ended; no other can begin."""
        self._files = None

    def held(self) -> _OpenFiles:
        """Return what keeps the files open as long as it lives; ValueError if they are closed."""
        if self._files is None:
            raise ValueError("Shards: the files are closed")
        return self._files

    def __getstate__(self) -> tuple[Any, ...]:
        return self._arguments

    def __setstate__(self, state: tuple[Any, ...]) -> None:
        paths, member, cache, cache_directory = state
        Shards.__init__(self, paths, member=member, cache=cache, cache_directory=cache_directory)

    def __repr__(self) -> str:
        files = "1 file" if len(self.segments) == 1 else f"{len(self.segments)} files"
        return f"<Shards: {files}, {self.shape} of {self.dtype}>"


class _OpenFiles:
    """Files that are closed when nothing refers to this."""

    def __init__(self) -> None:
        self.segments: list[Segment] = []
        self.close = weakref.finalize(self, _close_all, self.segments)


def _open_all(
    paths: list[Path], member: str | None, segments: list[Segment]
) -> tuple[np.dtype[Any], tuple[int, ...]]:
    """Open the files into `segments`; return the dtype and the shape of a sample."""
    first: tuple[np.dtype[Any], tuple[int, ...]] | None = None
    for path in paths:
        segment, dtype, sample = open_segment(path, member)
        segments.append(segment)
        if first is None:
            first = dtype, sample
        elif first != (dtype, sample):
            raise DataError(
                f"{path}: its samples are {sample} of {dtype}; those of {paths[0]} are {first[1]} "
                f"of {first[0]}"
            )
    assert first is not None  # there is at least one file
    return first


def _close_all(segments: list[Segment]) -> None:
    for segment in segments:
        os.close(segment.descriptor)


def _read_exactly(segment: Segment, rows: memoryview, offset: int) -> None:
    while rows:
        try:
            count = os.preadv(segment.descriptor, [rows], offset)
        except OSError as error:
            error.strerror = f"{error.strerror} at byte {offset}"
            error.filename = segment.path
            raise
        if not count:
            raise DataError(f"{segment.path}: ends at byte {offset}; it was longer when opened")
        rows, offset = rows[count:], offset + count
