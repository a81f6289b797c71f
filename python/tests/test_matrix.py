"""Rules that see whole matrices, on arrays of every kind of shape, against their references."""

import copy

import numpy as np
import pytest

import swiftopt
from swiftopt import _core

from .cases import (
    LEVELS,
    VARIANTS_OF_ALL,
    VARIANTS_OF_RULE,
    bits,
    extra_variants,
    variant_id,
)
from .reference import Reference

SHAPES = [(1, 1), (1, 5), (6, 1), (3, 5), (40, 7), (130, 70), (2, 3, 4), (5, 3, 1, 2), (300, 257)]
STEPS = 6

both_dtypes = pytest.mark.parametrize("dtype", [np.float32, np.float64])


def variants_of(name):
    return pytest.mark.parametrize(
        "options",
        VARIANTS_OF_ALL + VARIANTS_OF_RULE[name] + extras_of(name),
        ids=variant_id,
    )


def extras_of(name):
    return [options for rule, options in extra_variants() if rule == name]


def make_arrays(shapes, dtype, seed):
    generator = np.random.default_rng(seed)
    return {
        "x".join(map(str, shape)): generator.standard_normal(shape).astype(dtype)
        for shape in shapes
    }


def make_params(dtype):
    # A vector and an empty matrix too: what is no matrix takes another way.
    return make_arrays([*SHAPES, (50,), (0, 3)], dtype, seed=1)


def make_gradients(dtype, steps=STEPS):
    # Rows and columns of different sizes, which the factors have to tell apart.
    return [
        {
            key: (array * np.linspace(0.1, 3, array.shape[-1] if array.ndim else 1)).astype(dtype)
            for key, array in make_params_like(dtype, seed).items()
        }
        for seed in range(10, 10 + steps)
    ]


def make_params_like(dtype, seed):
    return make_arrays([*SHAPES, (50,), (0, 3)], dtype, seed)


def unit(dtype):
    """The roundoff; in float64 the reference has it too."""
    return np.finfo(dtype).eps * (1.0 if dtype == np.float64 else 0.5)


def run(name, options, dtype):
    params = make_params(dtype)
    if options in extras_of(name.lower()):  # small ones tell as much
        params = {key: array for key, array in params.items() if array.size <= 300}
    optimizer = getattr(swiftopt, name)(params, **options)
    reference = Reference(name.lower(), params, **options)
    for grads in make_gradients(dtype):
        grads = {key: grads[key] for key in params}
        optimizer.step(grads)
        reference.step(grads)
    return params, optimizer, reference


@both_dtypes
@variants_of("adafactor")
def test_adafactor_is_its_reference(options, dtype):
    """Each step rounds the parameter once; what it subtracts is small beside the parameter.

    A step is at most 0.1 of the parameter's RMS times an element of u, which is rarely above 5:
    its own errors, twenty roundings or so, count as two more of the parameter at most. A second
    moment is an average of positive numbers, whose relative errors don't grow but by one
    rounding a step; there are sixteen for the gradient's limits and squares.
    """
    params, optimizer, reference = run("Adafactor", options, dtype)
    for key, array in params.items():
        expected = reference.params[key]
        peak = np.abs(expected).max(initial=0.0) + 1.0
        np.testing.assert_allclose(
            array, expected, rtol=0, atol=3 * STEPS * unit(dtype) * peak, err_msg=key
        )
        for slot in ("row_var", "col_var", "variance"):
            assert (slot in optimizer.state[key]) == (slot in reference.state[key])
            if slot in reference.state[key]:
                np.testing.assert_allclose(
                    optimizer.state[key][slot],
                    reference.state[key][slot],
                    rtol=(STEPS + 16) * unit(dtype),
                    err_msg=f"{key} {slot}",
                )


@both_dtypes
@variants_of("muon")
def test_muon_is_its_reference(options, dtype):
    """The bound of NewtonSchulzTests: an iteration multiplies errors by up to 3.4445.

    It adds the roundings of three products of depth K, each about 9 · √K · u element by element;
    what goes in is off by (steps + 16) · u of its norm, which is 1.
    """
    params, _, reference = run("Muon", options, dtype)
    iterations = options.get("ns_steps", 5)
    lr = 1e-3
    for key, array in params.items():
        expected = reference.params[key]
        peak = np.abs(expected).max(initial=0.0) + 1.0
        shape = array.shape
        depth = max(shape[0], array.size // max(1, shape[0])) + 3
        adjust = max(np.sqrt(max(1.0, shape[0] ** 2 / max(1, array.size))), 0.2 * np.sqrt(depth))
        step = (9 * np.sqrt(depth) + STEPS + 16) * 3.4445**iterations
        bound = STEPS * unit(dtype) * (3 * peak + lr * adjust * step)
        np.testing.assert_allclose(array, expected, rtol=0, atol=bound, err_msg=key)


@pytest.mark.parametrize("options", [{}, {"adjust_lr_fn": "match_rms_adamw"}], ids=variant_id)
def test_muon_moves_by_nearly_orthogonal_steps(options):
    """Jordan et al. 2024: singular values between 0.68 and 1.16 (see NewtonSchulzTests)."""
    generator = np.random.default_rng(3)
    for rows, columns in [(30, 30), (20, 50), (50, 20)]:
        left, _ = np.linalg.qr(generator.standard_normal((rows, rows)))
        right, _ = np.linalg.qr(generator.standard_normal((columns, columns)))
        side = min(rows, columns)
        # From 0.02 of the norm on.
        gradient = left[:, :side] @ np.diag(np.linspace(0.1, 1, side)) @ right[:side]
        w = np.zeros((rows, columns))
        swiftopt.Muon([w], lr=1.0, **options).step([gradient])
        adjust = np.sqrt(max(1.0, rows / columns))
        if options:
            adjust = 0.2 * np.sqrt(max(rows, columns))
        values = np.linalg.svd(w / adjust, compute_uv=False)
        assert values.min() > 0.68
        assert values.max() < 1.16


@pytest.mark.parametrize(
    ("name", "options"),
    [("Adafactor", {}), ("Adafactor", {"beta1": 0.9}), ("Muon", {}), ("Muon", {"cautious": True})],
    ids=variant_id,
)
@pytest.mark.parametrize("level", LEVELS)
def test_the_thread_count_does_not_change_bits(name, options, level):
    before = _core.level(), swiftopt.get_num_threads()
    results = []
    try:
        _core.select_level(level)
        for threads in (1, 2, 5):
            swiftopt.set_num_threads(threads)
            params = make_params(np.float32)
            optimizer = getattr(swiftopt, name)(params, clip_norm=1.0, **options)
            for grads in make_gradients(np.float32, 3):
                optimizer.step(grads)
            results.append(bits(optimizer, params))
    finally:
        _core.select_level(before[0])
        swiftopt.set_num_threads(before[1])
    assert results[0] == results[1] == results[2]


def test_adafactor_has_the_same_bits_at_every_level():
    before = _core.level()
    results = []
    try:
        for level in LEVELS:
            _core.select_level(level)
            params = make_params(np.float32)
            optimizer = swiftopt.Adafactor(params, beta1=0.5)
            for grads in make_gradients(np.float32, 3):
                optimizer.step(grads)
            results.append(bits(optimizer, params))
    finally:
        _core.select_level(before)
    assert all(result == results[0] for result in results)


@pytest.mark.parametrize("name", ["Adafactor", "Muon"])
@pytest.mark.parametrize(
    "options",
    [
        {"zero_gradient": True},
        {"ema_decay": 0.9},
        {"adaptive_clip": 0.01},
        {"l1_penalty": 0.1, "l2_penalty": 0.1},
        {"decay": "coupled", "weight_decay": 0.1},
        {"accumulate": 2},
        {"report_update_norm": True},
    ],
    ids=variant_id,
)
def test_options_work_as_with_adamw(name, options):
    """What surrounds the rule: the update norm is that of the parameters' change, the running
    average that of the parameters, and a gradient of its own dtype changes nothing."""
    params = make_params(np.float64)
    before = copy.deepcopy(params)
    optimizer = getattr(swiftopt, name)(params, **options)
    grads = make_gradients(np.float64, 1)[0]
    report = optimizer.step(grads)
    if "accumulate" in options:
        assert report.status == "accumulating"
        assert all(np.array_equal(params[key], before[key]) for key in params)
        report = optimizer.step(grads)
    assert report.status == "updated"
    change = np.sqrt(sum(float(np.sum((params[key] - before[key]) ** 2)) for key in params))
    assert change > 0
    if "report_update_norm" in options:
        assert report.update_norm == pytest.approx(change, rel=1e-9)
    if "zero_gradient" in options:
        assert not any(array.any() for array in grads.values())
    if "ema_decay" in options:
        for key, array in params.items():
            average = 0.9 * before[key] + 0.1 * array
            np.testing.assert_allclose(optimizer.state[key]["ema"], average, rtol=1e-12)


@pytest.mark.parametrize("name", ["Adafactor", "Muon"])
def test_a_skipped_step_changes_nothing(name):
    params = make_params(np.float32)
    optimizer = getattr(swiftopt, name)(params, skip_nonfinite=True)
    optimizer.step(make_gradients(np.float32, 1)[0])
    before = bits(optimizer, params)
    grads = make_gradients(np.float32, 1)[0]
    grads["40x7"][3, 2] = np.nan
    assert optimizer.step(grads).status == "skipped"
    assert bits(optimizer, params) == before


@pytest.mark.parametrize("name", ["Adafactor", "Muon"])
@pytest.mark.parametrize("low", ["master", "nearest", "stochastic", "kahan"])
def test_float16_parameters_follow_float32_ones(name, low):
    """To within a rounding of float16 a step: 2^-11 of the largest parameter, 4."""
    exact = {key: array.clip(-3, 3) for key, array in make_params(np.float32).items()}
    stored = {key: array.astype(np.float16) for key, array in exact.items()}
    for key, array in stored.items():
        exact[key][...] = array
    gradients = make_gradients(np.float16, 3)
    one = getattr(swiftopt, name)(exact, lr=0.01)
    other = getattr(swiftopt, name)(stored, lr=0.01, low_precision=low)
    for grads in gradients:
        one.step({key: array.astype(np.float32) for key, array in grads.items()})
        other.step(grads)
    for key, array in exact.items():
        # An Adafactor step follows the parameter's RMS, a Muon step not the parameter at all.
        np.testing.assert_allclose(stored[key], array, rtol=0, atol=3 * 4 * 2.0**-11, err_msg=key)


def test_what_does_not_fit_is_refused():
    w = np.ones((2, 2))
    for options, message in [
        ({"adjust_lr_fn": "none"}, "adjust_lr_fn is 'none'; it must be"),
        ({"ns_steps": 0}, "ns_steps"),
        ({"ns_steps": 100}, "ns_steps"),
        ({"momentum": 1.0}, "momentum"),
    ]:
        with pytest.raises(ValueError, match=message):
            swiftopt.Muon([w], **options)
    for steps in (2.0, True, "5"):
        with pytest.raises(TypeError, match="it must be an int"):
            swiftopt.Muon([w], ns_steps=steps)
    for options, message in [
        ({"eps": (0.0, 1e-3)}, r"eps\[0\] is 0; it must be > 0"),
        ({"beta2_decay": 0.1}, "beta2_decay"),
        ({"d": 0.5}, "d is 0.5"),
        ({"beta1": 1.0}, "beta1"),
    ]:
        with pytest.raises(ValueError, match=message):
            swiftopt.Adafactor([w], **options)
