"""The rule by which promises are judged, and the comparisons that it is fed with."""

import math

import pytest

from swiftopt.study._cells import Cell
from swiftopt.study._claims import Claim, less
from swiftopt.study._comparisons import Comparison, compare
from swiftopt.study._statistics import Estimate
from swiftopt.study._verdicts import judge, overall, sentence

FASTER = Claim("time", 1.2, 1.4, "1.2-1.4x faster")


def ratio(value, low=None, high=None, bound=""):
    return Comparison(Estimate(value, low or value, high or value), bound)


@pytest.mark.parametrize(
    ("comparisons", "verdict", "kept"),
    [
        ([ratio(1.3), ratio(1.2), ratio(0.9)], "confirmed", 2),  # exactly two thirds
        ([ratio(1.3), ratio(1.1, 0.9, 1.3), ratio(1.0)], "partly", 1),
        ([ratio(1.1, 1.05, 1.15), ratio(1.0)], "partly", 0),  # better on half of them
        ([ratio(1.1, 0.95, 1.15), ratio(1.0)], "not here", 0),
        ([ratio(9.0, bound="<"), ratio(1.0)], "not here", 0),  # the technique missed
        ([ratio(1.5, bound=">"), ratio(3.0)], "confirmed", 2),  # the other one missed
        ([None, None, ratio(2.0)], "partly", 1),  # both missed: not kept
        ([None], "not here", 0),
        ([], "not measured", 0),
    ],
)
def test_the_rule(comparisons, verdict, kept):
    found = judge(FASTER, comparisons)
    assert (found.verdict, found.kept) == (verdict, kept)


def test_accuracies_are_better_above_zero_and_may_be_kept_below():
    claim = Claim("accuracy", -0.3, 9.0, "the same accuracy")
    found = judge(claim, [ratio(-0.2, -0.4, -0.1), ratio(0.1, 0.05, 0.2), ratio(-0.5, -0.6, -0.4)])
    assert found == ("confirmed", 2, 0, 1, 2, 0, 3)


def test_what_cant_be_told_is_undecided():
    both_missed, too_low = None, ratio(1.1, bound=">")
    found = judge(FASTER, [both_missed, too_low, ratio(1.3, bound=">"), ratio(9.0)])
    assert (found.kept, found.above, found.undecided) == (2, 1, 2)
    assert sentence(FASTER, found).endswith(
        "kept on 2 of 4 workloads (more than promised on 1, clearly better on 3, undecided on 2)."
    )


def test_the_verdict_on_a_technique():
    assert overall(["confirmed", "confirmed"]) == "confirmed"
    assert overall(["not here", "not here"]) == "not here"
    assert overall(["confirmed", "not here"]) == "partly"
    assert overall(["partly", "partly"]) == "partly"
    assert overall(["not measured"]) == "not measured"
    assert overall([]) == "no claim"


def test_the_sentence():
    found = judge(FASTER, [ratio(1.3, 1.2, 1.4), ratio(0.8, 0.7, 0.9)])
    assert sentence(FASTER, found) == (
        "“1.2-1.4x faster”: kept on 1 of 2 workloads (clearly better on 1, clearly worse on 1)."
    )


def test_less_time_is_times_faster():
    assert less(0.5, 0.75) == (2.0, 4.0)


# ------------------------------------------------------------------- comparisons


def cell(steps, *, limit=100, batch=10, run_steps=None, **values):
    settings = {
        "workload": "w", "technique": "t", "config": {}, "accuracy": [90.0], "gaps": [0.1],
        "rounds": [0.01], "waits": [0.002],
    }  # fmt: skip
    return Cell(
        batch=batch, limit=limit, steps=steps, run_steps=run_steps or [limit] * len(steps),
        **(settings | values),
    )  # fmt: skip


def test_time_is_steps_times_seconds():
    ours, other = cell([20, 20, 20], rounds=[0.02]), cell([80, 80, 80], rounds=[0.01])
    assert compare("steps", ours, other) == ((4.0, 4.0, 4.0), "")
    assert compare("time", ours, other).estimate.value == pytest.approx(2.0)


def test_steps_are_counted_in_samples():
    ours, other = cell([20, 20], batch=40), cell([80, 80], batch=10)
    assert compare("steps", ours, other).estimate.value == 1.0
    # 0.01 s for 40 samples are a quarter of 0.01 s for 10.
    assert compare("epoch", ours, other).estimate.value == pytest.approx(4.0)


def test_misses_count_with_the_whole_run_and_make_bounds():
    hit, missed = cell([50, 50, None]), cell([100, None, None])
    # One of three is missed by a resample's median in 7 of 27 cases: both intervals are open.
    assert compare("steps", hit, missed) == ((2.0, 0.0, math.inf), ">")
    assert compare("steps", missed, hit) == ((0.5, 0.0, math.inf), "<")
    assert compare("steps", cell([50, 50, 50]), missed) == ((2.0, 2.0, math.inf), ">")
    assert compare("steps", missed, missed) is None
    assert not hit.is_missed
    assert missed.is_missed


def test_with_two_seeds_one_miss_is_no_median_miss():
    assert not cell([50, 50]).is_missed
    assert cell([None, None]).is_missed
    assert cell([50, None]).hits == 1


def test_without_times_there_is_no_time():
    assert compare("time", cell([1], rounds=[]), cell([1])) is None
    assert compare("steps", cell([1], rounds=[]), cell([1])) is not None


def test_one_measurement_for_both_sides_cancels():
    rounds = [0.01, 0.02, 0.03, 0.04]
    ours, other = cell([20], rounds=rounds, run_steps=[50]), cell([80], rounds=rounds)
    assert compare("time", ours, other).estimate == (4.0, 4.0, 4.0)
    assert compare("run", ours, other).estimate == (2.0, 2.0, 2.0)
    assert compare("time", ours, cell([80], rounds=rounds[::-1])).estimate.high > 4.0


def test_early_stopping_shortens_the_run():
    ours, other = cell([50], run_steps=[60]), cell([50], run_steps=[100])
    assert compare("run", ours, other).estimate.value == pytest.approx(100 / 60)


def test_gaps_accuracies_and_waits():
    ours = cell([1], gaps=[0.06], accuracy=[91.5], waits=[0.001])
    other = cell([1], gaps=[0.08], accuracy=[90.0], waits=[0.004])
    assert compare("gap", ours, other).estimate.value == pytest.approx(0.25)
    assert compare("accuracy", ours, other).estimate.value == 1.5
    assert compare("wait", ours, other).estimate.value == pytest.approx(4.0)
    assert compare("gap", ours, cell([1], gaps=[-0.01])) is None  # there was none


def test_a_claim_names_a_measure():
    with pytest.raises(ValueError, match="measure is 'speed'"):
        Claim("speed", 1.0, 2.0, "")
