"""What holds for every layer function, discovered from the registry and the reference rows."""

import numpy as np
import pytest

from swiftopt import _core

from .cases import LEVELS
from .layer_calls import (
    CASES,
    DESCRIPTIONS,
    DTYPES,
    ROWS,
    SIZE_LIMIT,
    expected_of,
    make_call,
    wrong,
)

every_case = pytest.mark.parametrize(("name", "index"), CASES)
every_function = pytest.mark.parametrize("name", sorted(set(DESCRIPTIONS) & set(ROWS)))
every_dtype = pytest.mark.parametrize("dtype", sorted(DTYPES))


def elements(call):
    return sum(array.size for array in call.arrays.values() if array is not None)


def test_every_layer_function_has_a_row():
    assert sorted(ROWS) == sorted(DESCRIPTIONS)


@every_case
@every_dtype
def test_results_are_those_of_the_reference(name, index, dtype):
    call = make_call(name, index, dtype)
    expected, tolerance = expected_of(call)
    call.run()
    for output, array in call.written.items():
        got = array.astype(np.float64).reshape(np.shape(expected[output]))
        bad = wrong(got, expected[output], tolerance[output])
        assert not bad.any(), (
            f"{output}: {bad.sum()} of {bad.size} wrong, first at {np.argwhere(bad)[0]}: "
            f"{got[bad][0]!r} instead of {np.asarray(expected[output])[bad][0]!r}"
        )


@every_case
@every_dtype
def test_bits_depend_on_no_number_of_threads(name, index, dtype):
    bits = []
    for threads in (1, 2, 5):
        _core.set_num_threads(threads)
        bits.append(make_call(name, index, dtype).run())
    assert bits[0] == bits[1] == bits[2]


@every_case
@every_dtype
def test_bits_depend_on_no_place_in_memory(name, index, dtype):
    call = make_call(name, index, dtype)
    if elements(call) > SIZE_LIMIT:
        return
    assert call.run() == make_call(name, index, dtype, shift=1).run()


@pytest.mark.skipif(len(LEVELS) < 2, reason="this machine has one instruction level")
@every_case
@every_dtype
def test_levels_agree(name, index, dtype):
    bits = []
    for level in LEVELS:
        _core.select_level(level)
        call = make_call(name, index, dtype)
        if DESCRIPTIONS[name]["uses_products"]:
            # Other sums on other levels: each is right by itself.
            expected, tolerance = expected_of(call)
            call.run()
            for output, array in call.written.items():
                got = array.astype(np.float64).reshape(np.shape(expected[output]))
                assert not wrong(got, expected[output], tolerance[output]).any(), output
        else:
            bits.append(call.run())
    assert all(each == bits[0] for each in bits)


@every_case
@every_dtype
def test_an_output_may_be_its_input(name, index, dtype):
    for output, _, _, _, may_be in DESCRIPTIONS[name]["arrays"]:
        call = make_call(name, index, dtype)
        if may_be < 0 or call.arrays[output] is None:
            continue
        source = DESCRIPTIONS[name]["arrays"][may_be][0]
        if call.arrays[source] is None:
            continue
        apart = make_call(name, index, dtype).run()
        in_its_place = call.arrays[source]
        if in_its_place.size < call.arrays[output].size:  # a gradient that is pooled
            call.arrays[output].ravel()[: in_its_place.size] = in_its_place.ravel()
            in_its_place = call.arrays[output].ravel()[: in_its_place.size]
            assert "shares memory" in assert_refused(call, ValueError, **{source: in_its_place})
            continue
        assert in_its_place.shape == call.arrays[output].shape
        call.arrays[output] = in_its_place
        assert call.run() == apart, f"{output} in place of {source}"


def case_without_gaps(name, dtype):
    """The first case that gives every array that any of its cases gives, or nearly."""
    calls = [make_call(name, index, dtype) for each, index in CASES if each == name]
    return max(calls, key=lambda call: sum(array is not None for array in call.arrays.values()))


def assert_refused(call, error, **replaced):
    """The call raises, at the latest when it runs, and writes nothing."""
    arrays = {**call.arrays, **replaced}
    before = {name: array.tobytes() for name, array in arrays.items() if array is not None}
    with pytest.raises(error) as caught:
        call.native(**replaced)()
    for name, content in before.items():
        assert arrays[name].tobytes() == content, f"{name} was written"
    return str(caught.value)


@every_function
def test_arrays_that_do_not_fit_are_refused(name):
    call = case_without_gaps(name, "float32")
    for array, kind, role, is_optional, may_be in DESCRIPTIONS[name]["arrays"]:
        given = call.arrays[array]
        if given is None:
            continue
        longer = np.zeros(given.size + 1, given.dtype)
        assert array in assert_refused(call, ValueError, **{array: longer})
        wrong = np.zeros(given.shape, np.float16)
        assert array in assert_refused(call, TypeError, **{array: wrong})
        if kind == "value" and role == "input":
            others = [
                other
                for other, other_kind, _, _, _ in DESCRIPTIONS[name]["arrays"]
                if other_kind == "value" and call.arrays[other] is not None and other != array
            ]
            if others:
                assert_refused(call, TypeError, **{array: given.astype(np.float64)})
        if not is_optional and given.size:
            assert array in assert_refused(call, ValueError, **{array: None})
        if role != "input":
            frozen = given.copy()
            frozen.flags.writeable = False
            assert array in assert_refused(call, ValueError, **{array: frozen})
            for position, (other, *_) in enumerate(DESCRIPTIONS[name]["arrays"]):
                source = call.arrays[other]
                if other == array or source is None or position == may_be:
                    continue
                if source.dtype == given.dtype and source.size >= given.size > 0:
                    text = assert_refused(call, ValueError, **{array: source.ravel()[: given.size]})
                    assert "shares memory" in text


@every_function
def test_sizes_and_settings_out_of_range_are_refused(name):
    call = case_without_gaps(name, "float32")
    description = DESCRIPTIONS[name]
    arrays = [call.arrays[array] for array, *_ in description["arrays"]]
    for index, size in enumerate(description["sizes"]):
        for bad in (-1, 2**41, 2**70):
            sizes = list(call.case.sizes)
            sizes[index] = bad
            with pytest.raises(ValueError, match=f"{name}.{size} is "):
                _core.LayerCall(name, arrays, sizes, call.case.settings)
    for index, (setting, _, _, maximum, _, is_flag) in enumerate(description["settings"]):
        for bad in [np.nan, np.inf] + [0.5] * is_flag + [maximum + 1] * bool(np.isfinite(maximum)):
            settings = list(call.case.settings)
            settings[index] = bad
            with pytest.raises(ValueError, match=f"{name}.{setting} is "):
                _core.LayerCall(name, arrays, call.case.sizes, settings)


@every_function
def test_the_number_of_arguments_is_checked(name):
    call = case_without_gaps(name, "float32")
    arrays = [call.arrays[array] for array, *_ in DESCRIPTIONS[name]["arrays"]]
    with pytest.raises(ValueError, match=f"{name}: .* arrays were given"):
        _core.LayerCall(name, arrays[1:], call.case.sizes, call.case.settings)
    with pytest.raises(ValueError, match=f"{name}: .* sizes were given"):
        _core.LayerCall(name, arrays, (*call.case.sizes, 1), call.case.settings)
    with pytest.raises(ValueError, match=f"{name}: .* settings were given"):
        _core.LayerCall(name, arrays, call.case.sizes, (*call.case.settings, 1.0))
