"""Peaks, borders and hand-overs of schedules: where they are, and that they are exact."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import swiftopt as so


@pytest.mark.parametrize("make", [so.warmup_cosine, so.warmup_linear])
@pytest.mark.parametrize("warmup", [0, 1, 7, 500])
@pytest.mark.parametrize("final", [0.0, 1e-5])
def test_the_peak_is_reached_once_and_exactly(make, warmup, final):
    schedule = make(1e-3, warmup=warmup, total=10_000, final=final)
    values = schedule(np.arange(10_100))
    assert np.flatnonzero(values == 1e-3).tolist() == [warmup]
    assert values.max() == 1e-3
    assert (np.diff(values[: warmup + 1]) > 0).all()
    assert (np.diff(values[warmup:10_001]) < 0).all()
    assert (values[10_000:] == final).all()


def test_warmup_fraction_is_a_rounded_number_of_steps():
    given_steps = so.warmup_cosine(0.1, warmup=500, total=10_000)
    assert so.warmup_cosine(0.1, warmup_fraction=0.05, total=10_000) == given_steps
    assert so.warmup_linear(0.1, warmup_fraction=1 / 3, total=100)(33) == 0.1
    assert so.warmup_linear(0.1, warmup_fraction=0, total=100)(0) == 0.1


@pytest.mark.parametrize("shape", ["linear", "cosine", "1-sqrt"])
@pytest.mark.parametrize(("warmup", "decay"), [(0, 0), (0, 100), (10, 0), (10, 90), (37, 41)])
def test_warmup_stable_decay_is_at_its_peak_between(shape, warmup, decay):
    schedule = so.warmup_stable_decay(
        0.3, total=100, warmup=warmup, decay=decay, start=0.1, final=0.01, shape=shape
    )
    values = schedule(np.arange(120))
    assert np.flatnonzero(values == 0.3).tolist() == [
        *range(warmup, 100 - decay + (1 if decay else 0))
    ]
    assert values[0] == (0.1 if warmup else 0.3)
    assert (values[100:] == 0.01).all()
    assert values.max() == 0.3
    assert (np.diff(values[: warmup + 1]) > 0).all()
    assert (np.diff(values[100 - decay : 101]) < 0).all()


@pytest.mark.parametrize("shape", ["cosine", "linear"])
def test_one_cycle_goes_through_its_corners(shape):
    schedule = so.one_cycle(0.3, total=1000, shape=shape)
    values = schedule(np.arange(1100))
    assert values[0] == 0.3 / 25
    assert np.flatnonzero(values == 0.3).tolist() == [300]
    assert (values[1000:] == 0.3 / 25 / 1e4).all()
    assert values.max() == 0.3
    momentum = so.one_cycle(0.85, total=1000, start=0.95, final=0.95, shape=shape)
    assert [momentum(n) for n in (0, 300, 1000)] == [0.95, 0.85, 0.95]
    assert momentum(np.arange(1100)).min() == 0.85
    three = so.one_cycle(0.3, total=1000, shape=shape, three_phase=True)
    assert [three(n) for n in (0, 300, 600, 1000)] == [0.3 / 25, 0.3, 0.3 / 25, 0.3 / 25 / 1e4]


def test_slanted_triangular_as_in_the_paper():
    # Howard and Ruder 2018, equation 3, where T · cut_frac is whole: the same cut.
    total, share, ratio, peak = 1000, 0.1, 32, 0.01
    schedule = so.slanted_triangular(peak, total=total)
    for t in range(total + 1):
        cut = math.floor(total * share)
        p = t / cut if t < cut else 1 - (t - cut) / (cut * (1 / share - 1))
        assert schedule(t) == pytest.approx(peak * (1 + p * (ratio - 1)) / ratio, rel=1e-14)


def test_noam_as_in_the_paper():
    # Vaswani et al. 2017, equation 3, where the first step is 1.
    width, warmup = 512, 4000
    peak = (width * warmup) ** -0.5
    schedule = so.inverse_sqrt(peak, warmup=warmup - 1, timescale=warmup, start=peak / warmup)
    for n in (0, 1, 100, 3998, 3999, 4000, 10_000, 10**6):
        exact = width**-0.5 * min((n + 1) ** -0.5, (n + 1) * warmup**-1.5)
        assert schedule(n) == pytest.approx(exact, rel=8 * 2**-52)


@pytest.mark.parametrize("factor", [1, 2, 3, 1.5])
@pytest.mark.parametrize("decay", [1, 0.5])
def test_restarts_are_exactly_at_their_borders(factor, decay):
    schedule = so.cosine_restarts(0.8, period=7, period_factor=factor, decay=decay)
    border, length, peak = 0.0, 7.0, 0.8
    while border < 1e6 and peak > 1e-4:  # so far all borders are exact in doubles
        assert schedule(border) == peak
        if border:
            assert schedule(np.nextafter(border, 0)) < 1e-12
        if border > 1e4 * length:
            break
        border, length, peak = border + length, length * factor, peak * decay


@given(
    st.floats(1e-3, 1e6),
    st.floats(1, 4) | st.floats(1e-12, 1e-3).map(lambda x: 1 + x),
    st.lists(st.floats(0, 1e7) | st.integers(0, 10**7), min_size=1, max_size=20),
)
def test_restarts_stay_between_their_ends_and_remember_nothing(period, factor, steps):
    schedule = so.cosine_restarts(0.3, 0.1, period=period, period_factor=factor)
    values = schedule(np.array(steps, dtype=float))
    assert values.tolist() == [schedule(n) for n in steps]
    assert values.min() >= 0.1
    assert values.max() <= 0.3


@pytest.mark.parametrize(
    "hostile",
    [
        {"period": 5e-324}, {"period": 1e-300, "period_factor": 1 + 2**-52}, {"period": 1e308},
        {"period": 1, "period_factor": 1e308}, {"period": 1e-9, "period_factor": 1.000_000_1},
        {"period": 1e300, "decay": 0.5}, {"period": 3e-300, "decay": 0},
    ],
)  # fmt: skip
def test_hostile_periods_end_soon_and_in_range(hostile):
    schedule = so.cosine_restarts(0.3, 0.1, **hostile)
    steps = np.array([0, 1, 1e3, 1e15, 1e300, 1.7e308])
    values = schedule(np.resize(steps, 10_000))
    lowest = 0.0 if "decay" in hostile else 0.1
    assert ((values >= lowest) & (values <= 0.3)).all()


def test_cycles_have_exact_corners():
    schedule = so.cyclic(0.1, 0.3, rise=3, fall=7)
    values = schedule(np.arange(1000))
    assert (values[0::10] == 0.1).all()
    assert (values[3::10] == 0.3).all()
    assert values.min() == 0.1
    assert values.max() == 0.3
    second = so.cyclic(0.0, 0.3, rise=3, fall=7, decay=0.5)
    assert second(np.arange(3, 53, 10)).tolist() == [0.3 * 0.5**k for k in range(5)]


def test_equal_means_count_what_they_average():
    every = so.swa(10, every=5)(np.arange(31)).tolist()
    assert every[:10] == [0.0] * 10
    assert every[10::5] == [k / (k + 1) for k in range(5)]
    assert {v for n, v in enumerate(every[10:]) if n % 5} == {1.0}
    assert so.swa(0)(np.arange(10**5))[-1] == 99_999 / 100_000


def test_ema_warmup_copies_first_and_ends_at_the_decay():
    schedule = so.ema_warmup(0.999)
    values = schedule(np.arange(40_000))
    assert values[0] == 0
    assert values[-1] == values.max() == 0.999
    assert (np.diff(values[:31_000]) > 0).all()
    # timm's formula for the update after n completed ones.
    assert values[1000] == pytest.approx(1 - 1001 ** (-2 / 3), abs=2**-52)
