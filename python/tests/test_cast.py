"""so.cast against NumPy's and ml_dtypes' conversions, and a rounding model of its own."""

import numpy as np
import pytest

import swiftopt as so
from swiftopt import _core

try:
    import ml_dtypes
except ImportError:
    ml_dtypes = None

SIZES = [0, 1, 7, 8, 9, 255, 256, 257, 4097, 32_768, 32_769, 100_003]
FLOATS = ["float16", "float32", "float64"]


def every_half():
    return np.arange(65_536, dtype=np.uint16)


def float32_samples():
    """All exponents and signs; the lower bits at, around and between the ties to 16 bits."""
    upper = np.arange(1 << 17, dtype=np.uint32) << 15
    lower = np.array([0, 1, 0xFFF, 0x1000, 0x1001, 0x1FFF, 0x4001, 0x7FFF], np.uint32)
    return (upper[:, None] | lower).reshape(-1).view(np.float32)


def bits(array):
    return np.asarray(array).view(f"u{array.dtype.itemsize}")


def bfloat16_values(array):
    """Bits of bfloat16 as float32."""
    return (bits(array).astype(np.uint32) << 16).view(np.float32)


def nearest_bfloat16(values):
    """Bits of the nearest bfloat16 of float32 numbers, ties to even, by integer arithmetic."""
    wide = values.view(np.uint32).astype(np.int64)
    return (wide + 0x7FFF + (wide >> 16 & 1) >> 16).astype(np.uint16)


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("target", FLOATS)
@pytest.mark.parametrize("source", FLOATS)
def test_is_numpys_astype(level, source, target, size):
    generator = np.random.default_rng(size)
    values = generator.standard_normal(size) * 2.0 ** generator.integers(-30, 20, size)
    with np.errstate(over="ignore"):
        values = values.astype(source)
        expected = values.astype(target)
    result = so.cast(values, target)
    assert result.dtype == target
    assert np.array_equal(bits(result), bits(expected))


def test_float16_of_every_kind_of_float32(level):
    values = float32_samples()
    with np.errstate(over="ignore", invalid="ignore"):
        expected = values.astype(np.float16)
    result = so.cast(values, np.float16)
    is_nan = np.isnan(values)
    assert np.array_equal(bits(result)[~is_nan], bits(expected)[~is_nan])
    assert np.isnan(result[is_nan]).all()
    assert (bits(result)[is_nan] & 0x200 != 0).all()  # quiet


def test_bfloat16_of_every_kind_of_float32(level):
    values = float32_samples()
    result = so.cast(values, "bfloat16")
    is_nan = np.isnan(values)
    assert np.array_equal(bits(result)[~is_nan], nearest_bfloat16(values)[~is_nan])
    assert np.isnan(bfloat16_values(result)[is_nan]).all()
    assert (bits(result)[is_nan] & 0x40 != 0).all()


def test_every_half_is_exact_in_float32_and_comes_back(level):
    halves = every_half().view(np.float16)
    numbers = so.cast(halves, np.float32)
    with np.errstate(invalid="ignore"):
        assert np.array_equal(numbers, halves.astype(np.float32), equal_nan=True)
    finite = ~np.isnan(numbers)
    assert np.array_equal(bits(so.cast(numbers, np.float16))[finite], every_half()[finite])

    bfloats = so.bfloat16_view(every_half())
    numbers = so.cast(bfloats, np.float32)
    expected = bfloat16_values(bfloats)
    assert np.array_equal(numbers, expected, equal_nan=True)
    finite = ~np.isnan(numbers)
    assert np.array_equal(bits(numbers)[finite], bits(expected)[finite])
    assert np.array_equal(bits(so.cast(numbers, "bfloat16"))[finite], every_half()[finite])


def test_float64_is_rounded_once(level):
    # Just above a tie between two bfloat16 numbers; rounded to float32 it is the tie.
    values = np.array([1 + 2.0**-8 + 2.0**-40, 1 + 2.0**-8, 1 + 3 * 2.0**-8 - 2.0**-40])
    assert bfloat16_values(so.cast(values, "bfloat16")).tolist() == [1 + 2**-7, 1, 1 + 2**-7]
    values = np.array([1 + 2.0**-11 + 2.0**-40, 1 + 2.0**-11, 1 + 3 * 2.0**-11 - 2.0**-40])
    expected = [1 + 2**-10, 1, 1 + 2**-10]
    assert so.cast(values, "float16").tolist() == expected


@pytest.mark.skipif(ml_dtypes is None, reason="ml_dtypes is not installed")
def test_ml_dtypes_arrays(level):
    values = float32_samples()
    values = values[~np.isnan(values)]
    result = so.cast(values, ml_dtypes.bfloat16)
    assert result.dtype == ml_dtypes.bfloat16
    with np.errstate(over="ignore"):
        assert np.array_equal(bits(result), bits(values.astype(ml_dtypes.bfloat16)))
    assert np.array_equal(so.cast(result, np.float64), result.astype(np.float64))
    assert so.cast(values, "bfloat16").dtype == ml_dtypes.bfloat16


def test_between_the_two_16_bit_dtypes(level):
    bfloats = so.bfloat16_view(every_half())
    numbers = bfloat16_values(bfloats)
    is_nan = np.isnan(numbers)
    with np.errstate(over="ignore", invalid="ignore"):
        expected = numbers.astype(np.float16)
    assert np.array_equal(bits(so.cast(bfloats, "float16"))[~is_nan], bits(expected)[~is_nan])
    halves = every_half().view(np.float16)
    is_nan = np.isnan(halves)
    with np.errstate(invalid="ignore"):
        expected = nearest_bfloat16(halves.astype(np.float32))
    assert np.array_equal(bits(so.cast(halves, "bfloat16"))[~is_nan], expected[~is_nan])


@pytest.mark.parametrize("source", ["float32", "float64"])
@pytest.mark.parametrize(("target", "last_place"), [("float16", 2.0**-10), ("bfloat16", 2.0**-7)])
def test_stochastic_mean_is_the_value(source, target, last_place):
    # A share p of n draws is up, with the standard deviation sqrt(p (1 - p) / n). Five of them
    # are allowed, 0.25 % of the last place at p = 1/2: a bias of 0.5 % would be seen.
    count = 1_000_000
    for share in [2.0**-6, 0.5, 0.8125]:
        values = np.full(count, 1 + share * last_place, source)
        rounded = so.cast(values, target, rounding="stochastic", seed=3)
        ups = (so.cast(rounded, "float64") - 1) / last_place
        assert set(ups.tolist()) == {0.0, 1.0}
        assert abs(ups.mean() - share) < 5 * np.sqrt(share * (1 - share) / count)


def test_stochastic_depends_on_seed_and_index_only(level):
    values = np.full(100_003, 1 + 2.0**-9, np.float32)
    _core.set_num_threads(1)
    one = so.cast(values, "float16", rounding="stochastic", seed=7)
    one_bfloat = bits(so.cast(values, "bfloat16", rounding="stochastic", seed=7))
    _core.set_num_threads(3)
    again = bits(so.cast(values, "float16", rounding="stochastic", seed=7))
    assert np.array_equal(again, bits(one))
    again = bits(so.cast(values, "bfloat16", rounding="stochastic", seed=7))
    assert np.array_equal(again, one_bfloat)
    start = bits(so.cast(values[:1001], "bfloat16", rounding="stochastic", seed=7))
    assert np.array_equal(start, one_bfloat[:1001])
    other = bits(so.cast(values, "bfloat16", rounding="stochastic", seed=8))
    assert (other != one_bfloat).mean() > 0.2  # 3/8 expected, +- 0.002


def test_stochastic_leaves_what_has_no_neighbours():
    values = np.array([0.0, -0.0, 1.0, np.inf, -np.inf, np.nan, 65504.0], np.float32)
    result = so.cast(np.tile(values, 50), "float16", rounding="stochastic")
    expected = np.tile(values, 50)
    assert np.array_equal(result, expected, equal_nan=True)
    assert np.array_equal(np.signbit(result), np.signbit(expected))


def test_out_is_written_and_returned():
    source = np.arange(12, dtype=np.float64).reshape(3, 4)
    block = np.full((5, 4), 7, np.float32)
    out = block[1:4]
    assert so.cast(source, out=out) is out
    assert np.array_equal(block[1:4], source)
    assert (block[[0, 4]] == 7).all()


def test_out_may_be_the_source_itself():
    values = np.arange(5, dtype=np.float32)
    assert so.cast(values, out=values).tolist() == [0, 1, 2, 3, 4]


def test_shapes_and_views_stay():
    assert so.cast(np.float64(1.5), "float32").shape == ()
    assert so.cast(np.zeros((2, 0, 3)), "float16").shape == (2, 0, 3)
    base = np.arange(100, dtype=np.float32)
    assert so.cast(base[3:50], "float64").tolist() == list(range(3, 50))


@pytest.mark.parametrize(
    ("error", "text", "arguments", "options"),
    [
        (TypeError, "either dtype or out", (np.zeros(3),), {}),
        (TypeError, "either dtype or out", (np.zeros(3), "f4"), {"out": np.zeros(3)}),
        (TypeError, "dtype is 'int32'", (np.zeros(3), "int32"), {}),
        (TypeError, "source has dtype int64", (np.zeros(3, int), "f4"), {}),
        (TypeError, "source is a list", ([1.0], "f4"), {}),
        (TypeError, "out has dtype int32", (np.zeros(3),), {"out": np.zeros(3, "i4")}),
        (TypeError, "source has the non-native byte order", (np.zeros(3, ">f4"), "f8"), {}),
        (ValueError, r"out has shape \(2,\)", (np.zeros(3),), {"out": np.zeros(2)}),
        (ValueError, "source is not C-contiguous", (np.zeros(6)[::2], "f4"), {}),
        (ValueError, "out is not C-contiguous", (np.zeros(3),), {"out": np.zeros(6)[::2]}),
        (ValueError, "rounding is 'up'", (np.zeros(3), "f2"), {"rounding": "up"}),
        (ValueError, "to float32 it must", (np.zeros(3), "f4"), {"rounding": "stochastic"}),
        (ValueError, "seed is -1", (np.zeros(3), "f2"), {"seed": -1}),
        (ValueError, "seed is 1844", (np.zeros(3), "f2"), {"seed": 2**64}),
        (TypeError, "integer", (np.zeros(3), "f2"), {"seed": 1.5}),
    ],
)
def test_refusals(error, text, arguments, options):
    with pytest.raises(error, match=text):
        so.cast(*arguments, **options)


def test_refused_outputs_stay_as_they_are():
    memory = np.arange(16, dtype=np.float32)
    before = memory.copy()
    with pytest.raises(ValueError, match="share memory"):
        so.cast(memory[:8], out=memory[4:12])
    with pytest.raises(ValueError, match="share memory"):
        so.cast(memory[:4], out=memory.view(np.float64)[:4])
    memory.flags.writeable = False
    with pytest.raises(ValueError, match="read-only"):
        so.cast(np.zeros(16, np.float32), out=memory)
    assert np.array_equal(memory, before)
