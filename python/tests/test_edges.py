"""Cases at the edge: infinite parameters, switched options, small stacks, rounding modes."""

import ctypes
import threading

import numpy as np
import pytest

import swiftopt as so

from .cases import RULES, class_of

FE_UPWARD = 0x800  # <fenv.h> on x86-64


@pytest.mark.parametrize("name", RULES)
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_an_infinite_parameter_stays_infinite(name, dtype):
    """-inf is how masks are written; without decay nothing may become 0 · inf."""
    if name == "adafactor":
        pytest.skip("its steps are shares of the parameter's own size")
    w = np.array([np.inf, -np.inf, 1.0], dtype)
    optimizer = class_of(name)([w], weight_decay=0.0)
    optimizer.step([np.array([0.5, -0.5, 0.0], dtype)])
    np.testing.assert_array_equal(w, np.array([np.inf, -np.inf, 1.0], dtype))


@pytest.mark.parametrize(
    ("make", "option", "on", "off"),
    [
        (so.Adam, "amsgrad", True, False),
        (so.RMSprop, "centered", True, False),
        (so.RMSprop, "momentum", 0.9, 0.0),
        (so.SGD, "momentum", 0.9, 0.0),
    ],
)
def test_what_is_switched_off_has_no_effect(make, option, on, off):
    """Two optimizers of equal state, one of which once had the option on."""
    gradients = np.random.default_rng(3).standard_normal((4, 5))
    plain, switched = np.ones(5), np.ones(5)
    other = make([switched], lr=0.1, **{option: on})
    other.step([gradients[0]])
    reference = make([plain], lr=0.1, **{option: off})
    reference.step([gradients[0]])
    plain[:] = switched
    own = {slot for slots in reference.state.values() for slot in slots}
    extra = {slot: array.copy() for slot, array in other.state["0"].items() if slot not in own}
    assert len(extra) == 1
    other.param_groups[0][option] = off
    for gradient in gradients[1:]:
        reference.step([gradient])
        other.step([gradient])
    np.testing.assert_array_equal(switched, plain)
    for slot, array in extra.items():
        np.testing.assert_array_equal(other.state["0"][slot], array)


def test_a_slot_appears_when_its_option_is_switched_on():
    w = np.ones(3)
    optimizer = so.SGD([w], lr=0.1)
    optimizer.step([np.ones(3)])
    optimizer.param_groups[0]["momentum"] = 0.5
    for _ in range(2):
        optimizer.step([np.ones(3)])
    # 0.1 · (1 + 1 + 1.5): the buffer starts at 0 and is 1, then 1.5.
    np.testing.assert_allclose(w, 1 - 0.35, rtol=4e-16)


def test_a_step_fits_the_smallest_stack():
    """64 KiB is what the operating system and NumPy itself can live with."""
    w, done = np.ones(100_000), []
    optimizer = so.Adam([w], clip_norm=1.0)
    before = threading.stack_size(64 * 1024)
    try:
        thread = threading.Thread(target=lambda: done.append(optimizer.step([np.ones(100_000)])))
        thread.start()
        thread.join()
    finally:
        threading.stack_size(before)
    assert done[0].status == "updated"


def test_the_caller_may_round_as_it_likes():
    libm = ctypes.CDLL("libm.so.6")
    gradient = np.random.default_rng(4).standard_normal(50_000)

    def run(mode):
        w = np.ones(50_000)
        optimizer = so.AdamW([w], lr=so.warmup_cosine(0.1, warmup=3, total=9), clip_norm=1.0)
        try:
            libm.fesetround(mode)
            reports = [optimizer.step([gradient]) for _ in range(5)]
            assert libm.fegetround() == mode
        finally:
            libm.fesetround(0)
        return w.tobytes(), [report.grad_norm for report in reports], [r.lr for r in reports]

    assert run(FE_UPWARD) == run(0)
