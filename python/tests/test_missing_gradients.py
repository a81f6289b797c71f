"""A gradient that is missing leaves its parameter alone: the bits of all that belongs to it.

And parameters that come and go during training, which don't disturb those that stay.
"""

import numpy as np
import pytest

from swiftopt._dtypes import decoded, zeros

from .cases import RULES, allows, class_of, copied_state
from .mixed import ALL, EXTRAS, MIXES, Run, as_kind, options_of

SHAPES = ((17,), (3, 300))
STAYS, MISSES = "p17", "p3x300"
NORMS = ("clip_norm",)  # of all gradients: what one tensor gets depends on the others

every_run = pytest.mark.parametrize(("name", "mix"), ALL, ids=str)


def everything(run, key):
    """All bits that belong to one parameter, its published copy among them."""
    slots = run.optimizer.state[key].items()
    return (
        [(slot, np.asarray(array).tobytes()) for slot, array in slots],
        run.params[key].tobytes(),
        run.copies[key].tobytes(),
    )


def without(run, step, missing):
    """Make a step in which these parameters have no gradient."""
    grads = run.grads(step, 4)
    return run.optimizer.step({key: None if key in missing else g for key, g in grads.items()})


@every_run
@pytest.mark.parametrize("accumulate", [1, 2])
def test_nothing_of_it_changes(name, mix, accumulate):
    """With everything on: dtypes, limits, caution, mean, copy, and cleared gradients."""
    run = Run(name, mix, SHAPES, accumulate=accumulate)
    run.steps(0, accumulate, 4)
    before = everything(run, MISSES)
    for _ in range(accumulate):
        report = without(run, 2, {MISSES})
    assert (report.status, report.step) == ("updated", 2)
    assert everything(run, MISSES) == before
    assert run.optimizer.state[STAYS]["step"] == 2
    assert run.optimizer.state[MISSES]["step"] == 1


@every_run
def test_it_goes_on_as_if_the_step_had_not_been(name, mix):
    options = dict.fromkeys(NORMS)
    run, straight = (Run(name, mix, SHAPES, **options) for _ in range(2))
    for step, missing in ((0, set()), (1, {MISSES}), (2, set()), (3, {MISSES})):
        without(run, step, missing)
    for step in (0, 2):
        without(straight, step, set())
    assert everything(run, MISSES) == everything(straight, MISSES)


OPTIONS = [{option: value} for option, value in EXTRAS.items() if "report" not in option]


@pytest.mark.parametrize("name", RULES)
@pytest.mark.parametrize("options", [{}, *OPTIONS], ids=str)
def test_each_option_alone(name, options):
    if not allows(name, options):
        pytest.skip("not an option of this rule")
    params = {"w": np.ones((2, 3), np.float32), "v": np.ones(5)}
    optimizer = class_of(name)(params, **options)
    grads = {"w": np.full((2, 3), 2.0, np.float32), "v": np.full(5, -2.0)}
    optimizer.step({key: grad.copy() for key, grad in grads.items()})
    before, state = params["w"].copy(), copied_state(optimizer)["w"]
    optimizer.step({"w": None, "v": grads["v"].copy()})
    assert params["w"].tobytes() == before.tobytes()
    for slot, array in optimizer.state["w"].items():
        assert array.tobytes() == state[slot].tobytes(), slot
    assert optimizer.state["v"]["step"] == 2


@pytest.mark.parametrize("name", RULES)
def test_none_at_all(name):
    """A step without any gradient counts, since schedules go on, but moves nothing."""
    params = {"w": np.ones(3, np.float32)}
    optimizer = class_of(name)(params, clip_norm=1.0)
    optimizer.step({"w": np.ones(3, np.float32)})
    before, state = params["w"].copy(), copied_state(optimizer)["w"]
    report = optimizer.step({"w": None})
    assert (report.status, report.step, report.grad_norm) == ("updated", 2, 0.0)
    assert params["w"].tobytes() == before.tobytes()
    for slot, array in optimizer.state["w"].items():
        assert array.tobytes() == state[slot].tobytes(), slot


class TestComingAndGoing:
    @every_run
    def test_what_stays_is_not_disturbed(self, name, mix):
        """Its numbers of chance neither, which belong to its name."""
        options = dict.fromkeys(NORMS)
        run, alone = (Run(name, mix, SHAPES[:1], **options) for _ in range(2))
        stays = run.params[STAYS]
        guest = as_kind(np.ones((2, 9)), mix.parameter)
        for step, params in enumerate(({"a": guest, STAYS: stays}, {STAYS: stays, "b": guest},
                                       {STAYS: stays})):  # fmt: skip
            run.optimizer.set_params(params)
            grads = run.grads(step, 3) | {
                key: as_kind(np.ones((2, 9)), mix.gradient) for key in params if key != STAYS
            }
            run.optimizer.step(grads)
            alone.optimizer.step(alone.grads(step, 3))
        assert list(run.optimizer.state) == [STAYS]
        assert everything(run, STAYS) == everything(alone, STAYS)

    @every_run
    def test_what_comes_begins_anew(self, name, mix):
        """As it would in an optimizer of its own."""
        old, new = (as_kind(np.full((2, 9), 1.5), mix.parameter) for _ in range(2))
        options = options_of(name, mix, **dict.fromkeys(NORMS))
        optimizer = class_of(name)({"a": zeros((3,), mix.parameter)}, **options)
        optimizer.step({"a": as_kind(np.ones(3), mix.gradient)})
        optimizer.set_params({"w": new})
        single = class_of(name)({"w": old}, **options)
        for o in (optimizer, single):
            o.step({"w": as_kind(np.linspace(-1, 1, 18).reshape(2, 9), mix.gradient)})
        assert (decoded(new) == decoded(old)).all()
        for slot, array in single.state["w"].items():
            assert optimizer.state["w"][slot].tobytes() == array.tobytes(), slot


def test_the_runs_have_every_slot_there_is():
    """Beside the rules' own: masters, compensations, scales and means."""
    slots = set()
    for mix in MIXES:
        slots |= set(Run("adam", mix, SHAPES).optimizer.state[STAYS])
    assert {"master", "compensation", "exp_avg_scale", "exp_avg_sq_scale", "ema"} <= slots
