"""The checksum of a tensor: of its name, its dtype, its shape and its bytes."""

from __future__ import annotations

from collections.abc import Iterable
from struct import pack

from swiftopt import _core

# A block is hashed right after it is read, while it is in the processor's cache; a
# large tensor has many, which threads can share out.
BLOCK_BYTES = 1 << 20


def text_checksum(text: str) -> str:
    """Return the checksum of a text in UTF-8, as 16 hexadecimal digits."""
    return _hexadecimal(_core.checksum(text.encode(), 0))


def block_checksums(data: memoryview) -> tuple[int, ...]:
    """Return the checksums of a tensor's blocks."""
    return _core.checksum_blocks(data, BLOCK_BYTES)


def tensor_checksum(name: str, code: str, shape: tuple[int, ...], blocks: Iterable[int]) -> str:
    """Return a tensor's checksum, given those of its blocks."""
    numbers = tuple(blocks)
    data = _form(name, code, shape).encode() + pack(f"<{len(numbers)}Q", *numbers)
    return _hexadecimal(_core.checksum(data, 0))


def forms_checksum(forms: Iterable[tuple[str, str, tuple[int, ...]]]) -> str:
    """Return the checksum of the names, dtypes and shapes of all tensors of a file."""
    return text_checksum("".join(_form(*form) for form in sorted(forms)))


def _form(name: str, code: str, shape: tuple[int, ...]) -> str:
    return f"{name}\n{code}\n{','.join(map(str, shape))}\n"


def _hexadecimal(checksum: int) -> str:
    return f"{checksum:016x}"
