"""Samples decoded by a Python function: which ones, how often, and what happens when it fails."""

import pickle
import re
from collections import Counter

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import swiftopt as so

from .decoders import SAMPLE_BYTES, Decoder, expected, read, source

READS = st.lists(st.lists(st.integers(0, 19), max_size=25), min_size=1, max_size=5)


@given(
    reads=READS,
    bad=st.sets(st.integers(0, 19), max_size=3),
    kept=st.integers(0, 25),
    on_disk=st.booleans(),
)
def test_every_sample_is_right_and_decoded_once_within_the_budget(
    tmp_path_factory, reads, bad, kept, on_disk
):
    directory = tmp_path_factory.getbasetemp() if on_disk else None
    decoded, decoder = source(bad=bad, budget=kept * SAMPLE_BYTES + 5, directory=directory)
    stored, calls, hits, misses, errors = set(), Counter(), 0, 0, 0
    for indices in reads:
        out, failed = read(decoded, indices, skip_errors=True)
        right = [index not in bad for index in indices]
        np.testing.assert_array_equal(failed, np.flatnonzero(~np.array(right, bool)))
        np.testing.assert_array_equal(out[right], expected(np.array(indices, int)[right]))
        assert not out[failed].any()
        # What is kept are the first ones, those of one read in order.
        new = sorted(set(indices) - stored)
        calls.update(new)
        good = [index for index in new if index not in bad]
        errors += len(new) - len(good)
        misses += len(good)
        hits += sum(right) - len(good)
        stored.update(good[: max(kept - len(stored), 0)])
        assert decoded.stats == (hits, misses, errors, len(stored), len(stored) * SAMPLE_BYTES)
    assert decoder.calls == calls
    assert set(decoded.failures) == bad & set(calls)
    decoded.close()


def test_what_is_not_given_is_taken_from_the_first_sample():
    decoder = Decoder()
    decoded = so.data.Decoded(range(5), decoder)
    assert decoded.shape == (5, 1, 3)
    assert decoded.dtype == np.int32
    np.testing.assert_array_equal(decoded[[4, 0, -1]], expected([4, 0, 4]))
    np.testing.assert_array_equal(decoded[1:3], expected([1, 2]))
    np.testing.assert_array_equal(decoded[3], expected([3])[0])
    assert decoder.calls == Counter({0: 1, 1: 1, 2: 1, 3: 1, 4: 1})
    assert so.data.Decoded(range(5), decoder, dtype=np.float64)[2].dtype == np.float64
    assert len(decoded) == 5
    assert decoded.ndim == 3


@pytest.mark.parametrize("on_disk", [False, True])
@pytest.mark.parametrize("sample", [(), (0,), (2,)])
def test_samples_of_any_shape(tmp_path, sample, on_disk):
    decoded = so.data.Decoded(
        range(4), lambda item: np.full(sample, item, np.float32),
        budget=100, directory=tmp_path if on_disk else None,
    )  # fmt: skip
    for _ in range(2):
        for index in (0, 3, 1):
            np.testing.assert_array_equal(decoded[index], np.full(sample, index, np.float32))
    assert decoded.stats.misses == 3
    assert decoded.stats.hits == 4  # the first sample was decoded for its shape
    assert not list(tmp_path.iterdir())  # the file has no name


# ---------------------------------------------------------------------------- failures


def test_a_failure_names_the_item():
    decoded, _ = source(bad=[7])
    with pytest.raises(so.data.DecodeError, match=r"item 7 \(7\): ValueError: damaged 7") as caught:
        read(decoded, [1, 7, 2])
    assert caught.value.index == 7
    assert isinstance(caught.value.__cause__, ValueError)
    assert decoded.stats.errors == 1
    copy = pickle.loads(pickle.dumps(caught.value))
    assert (copy.index, str(copy)) == (7, str(caught.value))
    out, bad = read(decoded, [1, 2])
    np.testing.assert_array_equal(out, expected([1, 2]))
    assert not bad.size


@pytest.mark.parametrize(
    ("sample", "message"),
    [
        (np.zeros((3, 1), np.int32), r"decode returned shape \(3, 1\); it must be \(1, 3\)"),
        (np.zeros((1, 3)), "Cannot cast"),
        (None, "decode returned shape"),
        ([["a", "b", "c"]], "Cannot cast|could not convert"),
    ],
)
def test_samples_that_dont_fit(sample, message):
    decoded = so.data.Decoded([0, 1], lambda item: sample, sample_shape=(1, 3), dtype=np.int32)
    with pytest.raises(so.data.DecodeError, match=message):
        decoded[1]


def test_a_first_sample_that_doesnt_fit():
    with pytest.raises(so.data.DecodeError, match=r"item 0 .*decode returned shape \(2,\)"):
        so.data.Decoded([0], lambda item: np.zeros(2), sample_shape=(3,))


def test_the_first_sample_may_fail():
    with pytest.raises(so.data.DecodeError, match=r"item 0 .*damaged 0"):
        so.data.Decoded(range(3), Decoder([0]))


def test_items_that_cannot_be_taken():
    class Items:
        def __len__(self):
            return 3

        def __getitem__(self, index):
            raise OSError("no such record")

    decoded = so.data.Decoded(Items(), np.array, sample_shape=(), dtype=float)
    with pytest.raises(so.data.DecodeError, match="item 1: OSError: no such record"):
        decoded[1]


@pytest.mark.parametrize(
    ("arguments", "options", "error", "message"),
    [
        ((range(3), 3), {}, TypeError, "decode is int; it must be a function"),
        ((iter([]), np.array), {}, TypeError, "it must be a sequence"),
        (([], np.array), {}, ValueError, "without items, sample_shape and dtype must be given"),
        ((range(3), np.array), {"workers": 0}, ValueError, "workers is 0"),
        ((range(3), np.array), {"budget": "x"}, ValueError, "Decoded: budget is 'x'"),
        ((range(3), np.array), {"dtype": object}, TypeError, "samples have dtype object"),
        ((range(3), np.array), {"sample_shape": (-1,), "dtype": "f4"}, ValueError, "no length may"),
        ((range(3), np.array), {"directory": "/nowhere"}, NotADirectoryError, "/nowhere isn't a"),
    ],
)
def test_arguments_that_dont_fit(arguments, options, error, message):
    with pytest.raises(error, match=message):
        so.data.Decoded(*arguments, **options)


def test_reads_that_dont_fit():
    decoded, decoder = source()
    for out in (np.empty((2, 1, 3), np.int64), np.empty((1, 1, 3), np.int32), None):
        with pytest.raises((ValueError, TypeError)):
            decoded.read([0, 1], out)
    with pytest.raises(IndexError, match="index 20 is out of range; there are 20 samples"):
        decoded[20]
    assert not decoder.calls


@pytest.mark.parametrize(
    ("keywords", "error", "text"),
    [
        ({"workers": "2"}, TypeError, "Decoded: workers is '2'; it must be a whole number"),
        ({"sample_shape": 4}, TypeError, "Decoded: sample_shape is 4; it must be a tuple"),
        ({"sample_shape": (2.0,)}, TypeError, "Decoded: sample_shape is"),
        ({"dtype": "f33"}, TypeError, "Decoded: dtype is 'f33'; it must be a dtype"),
        ({"dtype": "U3"}, TypeError, "Decoded: samples have dtype <U3; they must be numbers"),
    ],
)
def test_an_argument_of_another_kind_is_named(keywords, error, text):
    with pytest.raises(error, match=re.escape(text)):
        so.data.Decoded([1, 2], lambda item: np.zeros(2), **keywords)
