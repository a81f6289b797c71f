"""What a field becomes when the batch has another dtype: each value the nearest, ties to even.

The expected values are NumPy's casts, in one step from the exact number, and ml_dtypes' for
bfloat16 (from float64 by way of round-to-odd float32, checked against fractions)."""

import math
from fractions import Fraction

import numpy as np
import pytest

import swiftopt as so

from .loading import numbered

SOURCES = ["uint8", "int8", "int16", "uint16", "int32", "uint32", "int64", "uint64", "float16",
           "float32", "float64"]  # fmt: skip
SIZES = [1, 3, 4, 5, 15, 16, 17, 127, 128, 129, 4097]


def values_of(dtype: str, count: int) -> np.ndarray:
    rng = np.random.default_rng(count)
    bits = rng.integers(0, 256, count * np.dtype(dtype).itemsize, dtype=np.uint8).view(dtype)
    if np.dtype(dtype).kind == "f":  # also small and plain numbers, and special ones
        plain = rng.normal(size=count).astype(dtype)
        bits = np.where(rng.random(count) < 0.5, bits, plain)
        bits[:6] = [0.0, -0.0, np.inf, -np.inf, np.nan, 1.0][: min(6, count)]
    return bits


def converted(samples: np.ndarray, dtype, **keywords) -> np.ndarray:
    loader = so.data.Loader(samples, batch_size=len(samples), dtype=dtype, **keywords)
    return next(iter(loader))


def same(found: np.ndarray, expected: np.ndarray) -> bool:
    """Equal bits, but any NaN equals any other."""
    bits = f"u{found.itemsize}"
    equal = found.view(bits) == expected.view(bits)
    return bool((equal | (np.isnan(found) & np.isnan(expected))).all())


@pytest.mark.parametrize("source", SOURCES)
@pytest.mark.parametrize("target", ["float32", "float64", "float16"])
def test_numbers_become_the_nearest_floating_point_numbers(source, target):
    for size in SIZES:
        samples = np.stack([values_of(source, size), values_of(source, size)[::-1]])
        found = converted(samples, target, scale=False)
        with np.errstate(over="ignore", invalid="ignore"):
            expected = samples.astype(target)
        assert found.dtype == target
        assert same(found, expected), (source, target, size)


@pytest.mark.parametrize("source", SOURCES)
def test_numbers_become_the_nearest_bfloat16(source):
    ml_dtypes = pytest.importorskip("ml_dtypes")
    samples = values_of(source, 4097)[None]
    found = converted(samples, "bfloat16", scale=False)
    assert found.dtype == ml_dtypes.bfloat16
    for value, result in zip(
        samples[0].tolist(), found[0].astype(np.float64).tolist(), strict=True
    ):
        assert_nearest(value, result)


def assert_nearest(value: float, result: float) -> None:
    """`result` is the bfloat16 nearest to `value`, exactly."""
    if not math.isfinite(value):
        assert result == value or (result != result and value != value)
        return
    ml_dtypes = pytest.importorskip("ml_dtypes")
    if abs(value) > 2**53 and isinstance(value, int):
        value = int(float(value))  # documented: rounded to float64 first
    if not np.isfinite(result):
        assert abs(Fraction(value)) >= Fraction(2) ** 128 - Fraction(2) ** 119
        return
    bits = int(np.float64(result).astype(ml_dtypes.bfloat16).view(np.uint16))
    distance = abs(Fraction(value) - Fraction(result))
    for step in (-1, 1):
        neighbour = np.uint16((bits + step) % 2**16).view(ml_dtypes.bfloat16).astype(np.float64)
        if not np.isfinite(neighbour):
            continue
        other = abs(Fraction(value) - Fraction(float(neighbour)))
        assert distance < other or (distance == other and bits % 2 == 0) or neighbour == result


@pytest.mark.parametrize("target", ["float32", "float64", "float16", "bfloat16"])
def test_bytes_are_divided_by_255(target):
    """All 256 of them, at every place of a vector."""
    samples = np.concatenate([np.arange(256, dtype=np.uint8)] * 3)[:, None]
    samples = np.ascontiguousarray(np.lib.stride_tricks.sliding_window_view(samples[:, 0], 37))
    found = converted(samples, target)
    exact = np.array([float(Fraction(value, 255)) for value in range(256)])
    if target == "bfloat16":
        pytest.importorskip("ml_dtypes")
        for value in range(256):
            assert_nearest(Fraction(value, 255), float(found[value, 0]))
        expected = found[:256, 0][samples]
    else:
        # float16 and float32 of the float64 quotient: no tie is so close that it matters.
        expected = exact.astype(target)[samples]
    assert found.tobytes() == np.ascontiguousarray(expected).tobytes()


@pytest.mark.parametrize(
    ("source", "target"),
    [("uint8", "int64"), ("uint8", "int32"), ("int8", "int32"), ("int8", "int64"),
     ("int16", "int32"), ("uint16", "int32"), ("int32", "int64"), ("uint32", "int64"),
     ("bool", "int64")],
)  # fmt: skip
def test_labels_become_wider_integers(source, target):
    x, _ = numbered(257)
    labels = values_of("uint8", 257) % 2 == 0 if source == "bool" else values_of(source, 257)
    loader = so.data.Loader((x, labels), batch_size=100, label_dtype=target)
    found = np.concatenate([y.copy() for _, y in loader])
    assert found.dtype == target
    assert np.array_equal(found, labels.astype(target))


@pytest.mark.parametrize(
    ("source", "target"),
    [("int64", "int32"), ("uint64", "int64"), ("float32", "int32"), ("float32", "uint8"),
     ("uint8", "int8"), ("complex64", "float32"), ("S3", "float32"), (">f4", "float64"),
     ("int32", "bool"), ("datetime64[s]", "int64")],
)  # fmt: skip
def test_what_would_lose_values_is_refused(source, target):
    samples = np.zeros((4, 2), source)
    with pytest.raises(TypeError, match="dtype"):
        so.data.Loader(samples, batch_size=2, dtype=target)


def test_bfloat16_without_ml_dtypes_is_its_bits(monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "ml_dtypes", None)
    found = converted(np.array([[1.0, 2.0]], np.float32), "bfloat16")
    assert isinstance(found, so.BFloat16View)
    assert found.tolist() == [[0x3F80, 0x4000]]
    again = converted(found.copy(), "float32")
    assert again.tolist() == [[1.0, 2.0]]


def test_the_floating_point_settings_of_the_thread_dont_matter():
    """Subnormal numbers stay, in threads that a program with flush-to-zero starts."""
    tiny = np.full((2, 9), 1e-310)
    assert np.array_equal(converted(tiny.astype(np.float64), "float64"), tiny)
    small = np.full((2, 9), 1e-40)
    assert np.array_equal(converted(small, "float32"), small.astype(np.float32))
