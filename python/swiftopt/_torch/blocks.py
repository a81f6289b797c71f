"""State in 8-bit blocks as numbers, and back."""

from __future__ import annotations

import numpy as np

from swiftopt._arrays import Array
from swiftopt._slots import BLOCK_ELEMENTS

# A code is a float32's bit pattern without its lower bits, counted down from that of 1, the
# greatest code; see Sources/SwiftOptKernels/Blocks.swift.
_ONE = np.int32(0x3F80_0000)


def _form(is_signed: bool) -> tuple[int, int, np.int32]:
    """Return the greatest code, the bits that a code lacks, and the bits below code 1."""
    greatest, dropped = (127, 20) if is_signed else (255, 19)
    return greatest, dropped, _ONE - np.int32(greatest << dropped)


def decode(codes: Array, scales: Array, *, is_signed: bool) -> Array:
    """Return the float32 numbers of a slot's codes and scales."""
    greatest, dropped, base = _form(is_signed)
    magnitudes = codes.reshape(-1) & np.uint8(greatest)
    bits = np.where(magnitudes == 0, 0, base + (magnitudes.astype(np.int32) << dropped))
    numbers = bits.astype(np.int32).view(np.float32)
    if is_signed:
        numbers = np.where(codes.reshape(-1) > 127, -numbers, numbers)
    spread: Array = numbers * np.repeat(scales, BLOCK_ELEMENTS)[: numbers.size]
    return spread.reshape(codes.shape)


def encode(values: Array, *, is_signed: bool) -> tuple[Array, Array]:
    """Return codes and scales of finite numbers, each rounded to the nearest, ties to even.

    Unsigned numbers above 0 never become 0, as in the native steps: a second moment of 0
    under a first one that isn't would make a step as large as 1 / epsilon.
    """
    greatest, dropped, base = _form(is_signed)
    flat = np.asarray(values, np.float32).reshape(-1)
    blocks = -(-flat.size // BLOCK_ELEMENTS)
    padded = np.zeros(blocks * BLOCK_ELEMENTS, np.float32)
    padded[: flat.size] = np.abs(flat)
    scales = padded.reshape(blocks, BLOCK_ELEMENTS).max(axis=1, initial=0)
    divisors = np.repeat(np.where(scales > 0, scales, 1), BLOCK_ELEMENTS)[: flat.size]
    # In float64 no scale is too small to divide by.
    shares = (padded[: flat.size] / divisors.astype(np.float64)).astype(np.float32)
    steps = shares.view(np.int32) - base
    half = (1 << (dropped - 1)) - 1 + ((steps >> dropped) & 1)
    codes = np.clip((steps + half) >> dropped, 1, greatest)
    least = (base + np.int32(1 << dropped)).view(np.float32)
    codes = np.where(shares > least / 2 if is_signed else flat != 0, codes, 0)
    if is_signed:
        codes = codes | np.where(np.signbit(flat), 128, 0)
    return codes.astype(np.uint8).reshape(np.shape(values)), scales
