"""What may be in a checkpoint, and that it comes back as it was."""

import collections
import math
import random
import struct
import subprocess
import sys
import tracemalloc

import ml_dtypes
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

import swiftopt as so

DTYPES = ["bool", "int8", "uint8", "int16", "uint16", "int32", "uint32", "int64", "uint64",
          "float16", "float32", "float64", "complex64"]  # fmt: skip


@pytest.fixture(scope="module")
def path(tmp_path_factory):
    return tmp_path_factory.mktemp("values") / "values.safetensors"


def returned(path, extra):
    so.save(path, extra=extra)
    return so.load(path).extra


def assert_same(one, two):
    """Same types, same bits."""
    if isinstance(one, float):
        assert type(two) is type(one)
        assert struct.pack("d", one) == struct.pack("d", two)
    elif isinstance(one, np.ndarray):
        assert (one.dtype, one.shape) == (two.dtype, two.shape)
        assert one.tobytes() == two.tobytes()
    elif isinstance(one, dict):
        assert list(map(repr, one)) == list(map(repr, two))
        for first, second in zip(one.values(), two.values(), strict=True):
            assert_same(first, second)
    elif isinstance(one, list | tuple):
        assert type(one) is type(two)
        assert len(one) == len(two)
        for first, second in zip(one, two, strict=True):
            assert_same(first, second)
    else:
        assert type(one) is type(two)
        assert one == two


plain = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.integers(min_value=-(2**300), max_value=2**300)
    | st.floats(allow_nan=True)
    | st.text()
    | hnp.arrays(st.sampled_from(DTYPES), hnp.array_shapes(min_dims=0, min_side=0, max_side=3))
)
keys = st.text() | st.integers() | st.booleans() | st.none() | st.sampled_from(["$int", "$", "a/b"])
nests = st.recursive(
    plain,
    lambda children: (
        st.lists(children)
        | st.lists(children).map(tuple)
        | st.dictionaries(keys, children, max_size=4)
    ),
    max_leaves=12,
)


@given(extra=nests)
def test_any_nest(path, extra):
    assert_same(extra, returned(path, extra))


def test_floats_with_every_kind_of_bits(path):
    payload = struct.unpack("d", struct.pack("Q", 0x7FF8_0000_DEAD_BEEF))[0]
    values = [0.0, -0.0, 5e-324, 1e308, 0.1, math.inf, -math.inf, math.nan, -math.nan, payload]
    assert_same(values, returned(path, values))


def test_states_of_random_generators(path):
    for kind in ("PCG64", "MT19937", "Philox", "SFC64"):
        generator = np.random.Generator(getattr(np.random, kind)(7))
        generator.random(1000, np.float32)
        state = generator.bit_generator.state
        loaded = returned(path, {"rng": state})["rng"]
        expected = generator.random(5)
        generator.bit_generator.state = loaded
        assert (generator.random(5) == expected).all()
    random.seed(3)
    random.setstate(returned(path, random.getstate()))
    assert random.random() == random.Random(3).random()


@pytest.mark.parametrize("dtype", DTYPES)
def test_numpy_scalars(path, dtype):
    value = np.dtype(dtype).type(1)
    assert_same(value, returned(path, [value])[0])


def test_bfloat16_scalars_and_arrays(path):
    array = np.arange(3).astype(ml_dtypes.bfloat16)
    assert_same(array, returned(path, array))
    assert_same(array[2], returned(path, array[2]))
    view = so.bfloat16_view(np.arange(3, dtype=np.uint16))
    assert returned(path, view).tobytes() == view.tobytes()


def test_arrays_of_any_layout_are_stored_in_order(path):
    array = np.arange(24.0).reshape(2, 3, 4)
    for other in (
        array.T,
        array[:, ::2],
        np.asfortranarray(array),
        array[::-1],
        array.astype(">f8"),
        array.astype(">i2"),
        array[0:0],
        array[..., None].T,
    ):
        loaded = returned(path, other)
        assert loaded.flags.c_contiguous
        assert loaded.dtype.isnative
        assert loaded.shape == other.shape
        assert (loaded == other).all()


def test_schedules_in_extra(path):
    schedule = so.warmup_cosine(0.1, warmup=10, total=100)
    assert returned(path, {"lr": [schedule]}) == {"lr": [schedule]}


def test_subclasses_come_back_as_what_they_extend(path):
    class Name(str):
        __slots__ = ()

    class Number(int):
        pass

    extra = {"a": collections.OrderedDict(x=1), "b": Name("n"), "c": Number(5)}
    assert_same({"a": {"x": 1}, "b": "n", "c": 5}, returned(path, extra))


@pytest.mark.parametrize(
    ("extra", "message"),
    [
        ({"a": [0, {1, 2}]}, r"extra\['a'\]\[1\] is a set; it must be"),
        ({"a": b"x"}, r"extra\['a'\] is a bytes"),
        (object(), "extra is a object"),
        (1j, "extra is a complex"),
        ({(1, 2): 3}, "extra has a key of type tuple"),
        (np.array(["text"]), "extra has dtype <U4, which a checkpoint can't hold"),
        (np.array([None]), "extra has dtype object"),
        (np.zeros(2, np.complex128), "extra has dtype complex128"),
        (np.zeros(2, np.longdouble), "extra has dtype .*float128|longdouble"),
        (np.zeros(2, "M8[s]"), "extra has dtype"),
        (np.zeros(2, [("a", int)]), "extra has dtype"),
        (np.ma.zeros(2), "extra is a masked array"),
    ],
)
def test_what_can_not_be_saved_is_named(tmp_path, extra, message):
    with pytest.raises(TypeError, match=message):
        so.save(tmp_path / "run", extra=extra)
    assert list(tmp_path.iterdir()) == []


def test_nests_without_end(tmp_path):
    endless = []
    endless.append(endless)
    with pytest.raises(ValueError, match="nested more than 64 levels deep"):
        so.save(tmp_path / "run", extra=endless)


def test_more_metadata_than_the_format_holds(tmp_path):
    with pytest.raises(ValueError, match="over 100 MB; give `extra` arrays"):
        so.save(tmp_path / "run", extra=["x" * 1_000_000] * 101)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("dtype", DTYPES)
def test_buffers_of_any_dtype_among_the_parameters(tmp_path, dtype):
    params = {"a": np.arange(6).reshape(2, 3).astype(dtype), "b": [np.ones((), dtype)]}
    so.save(tmp_path / "run", params=params)
    other = {"a": np.zeros((2, 3), dtype), "b": [np.zeros((), dtype)]}
    result = so.load(tmp_path / "run", params=other)
    assert_same(params, other)
    assert result.params["a"] is other["a"]
    assert_same({"a": params["a"], "b.0": params["b"][0]}, so.load(tmp_path / "run").params)


def test_parameters_with_gaps_are_restored_in_place(tmp_path):
    so.save(tmp_path / "run", params=np.arange(6.0).reshape(2, 3))
    block = np.zeros((4, 6))
    so.load(tmp_path / "run", params=block[::2, ::2])
    assert (block[::2, ::2] == np.arange(6.0).reshape(2, 3)).all()
    assert block.sum() == 15


def test_bfloat16_parameters_with_gaps(tmp_path):
    values = np.array([0x3F80, 0xC000, 0x7FC1], np.uint16)
    so.save(tmp_path / "run", params=so.bfloat16_view(values))
    bits = np.zeros(6, np.uint16)
    so.load(tmp_path / "run", params=so.bfloat16_view(bits)[::2])
    numbers = np.zeros(6, ml_dtypes.bfloat16)
    so.load(tmp_path / "run", params=numbers[::2])
    for array in (bits, numbers.view(np.uint16)):
        assert array.tolist() == [0x3F80, 0, 0xC000, 0, 0x7FC1, 0]


@pytest.mark.parametrize("name", ["a.b", "a/b", "a\nb", "", "größe", "__metadata__", "a~2", '"'])
def test_any_name(tmp_path, name):
    so.save(tmp_path / "run", params={name: np.ones(2)}, extra={name: np.zeros(1)})
    assert list(so.load(tmp_path / "run").params) == [name]


def test_a_name_that_is_no_text(tmp_path):
    with pytest.raises(ValueError, match="is not valid Unicode"):
        so.save(tmp_path / "run", params={"\ud800": np.ones(2)})


def test_without_the_package_the_import_error_names_the_extra(tmp_path):
    code = (
        "import sys\n"
        "import swiftopt as so\n"
        "assert 'safetensors' not in sys.modules\n"
        "sys.modules['safetensors'] = None\n"
        "for call in (so.save, so.load):\n"
        "    try: call(sys.argv[1])\n"
        "    except ImportError as error: print(error)\n"
    )
    command = [sys.executable, "-c", code, str(tmp_path / "run")]
    result = subprocess.run(command, capture_output=True, text=True, check=True)
    assert result.stdout.count("swiftopt[checkpoint]") == 2
    assert list(tmp_path.iterdir()) == []


def test_an_old_package_is_told(monkeypatch, tmp_path):
    import safetensors

    monkeypatch.delattr(safetensors, "TensorSpec")
    with pytest.raises(ImportError, match=r"safetensors 0\.8 or newer"):
        so.save(tmp_path / "run", extra=1)


@pytest.mark.large
def test_large_arrays_are_not_copied(tmp_path):
    """Neither on their way out nor on their way in, whatever their dtype."""
    params = {"w": np.zeros(1 << 23, np.float32), "h": np.zeros(1 << 23, ml_dtypes.bfloat16)}
    optimizer = so.SGD(params, momentum=0.9)
    so.save(tmp_path / "warm", params=np.zeros(1))
    so.load(tmp_path / "warm")
    tracemalloc.start()
    try:
        so.save(tmp_path / "run", params=params, optimizer=optimizer)
        so.load(tmp_path / "run", params=params, optimizer=optimizer)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 5_000_000
