"""Every rule under every option of a group against its float64 reference; see comparison.py."""

import numpy as np
import pytest

import swiftopt

from .cases import (
    BUSY_OPTIONS,
    EXTRA_VARIANTS_OF_ALL,
    OF_MATRICES,
    RULES,
    SHAPES,
    VARIANTS_OF_ALL,
    extra_variants,
    make_gradients,
    make_params,
    variant_id,
)
from .comparison import Comparison
from .reference_options import DEFAULTS

both_dtypes = pytest.mark.parametrize("dtype", [np.float32, np.float64])


# The others' are in test_matrix.py.
ELEMENTWISE = [name for name in RULES if name not in OF_MATRICES]


@pytest.mark.parametrize(
    ("name", "options"),
    [(name, options) for name, options in extra_variants() if name in ELEMENTWISE],
    ids=variant_id,
)
@both_dtypes
@pytest.mark.parametrize("steps", [1, 10])
def test_steps_follow_the_reference(name, options, dtype, steps):
    comparison = Comparison(name, make_params(SHAPES, dtype), options, report_norm=True)
    comparison.run(make_gradients(SHAPES, steps, dtype))
    comparison.judge()


@pytest.mark.parametrize("name", ELEMENTWISE)
@both_dtypes
@pytest.mark.parametrize("options", [{}, {"clip_norm": 1.0}, {"adaptive_clip": 0.2}])
def test_the_loss_scale_is_taken_off_first(name, dtype, options):
    """A scale that is no power of two, so that it rounds."""
    options = {**BUSY_OPTIONS[name], **options}
    comparison = Comparison(
        name, make_params(SHAPES, dtype), options, report_norm=True, loss_scale=1000.0
    )
    comparison.run(
        {key: array * dtype(1000) for key, array in grads.items()}
        for grads in make_gradients(SHAPES, 10, dtype)
    )
    comparison.judge()


def test_every_option_of_a_group_is_tried():
    tried = {option for options in VARIANTS_OF_ALL + EXTRA_VARIANTS_OF_ALL for option in options}
    assert DEFAULTS.keys() - tried == {"decoupled_weight_decay"}  # NAdam's and RAdam's own


class TestFloors:
    """What keeps the quotients of adaptive clipping and cautious steps from 0 and ∞."""

    def test_a_unit_at_zero_can_move(self):
        w = np.array([[0.0, 0.0], [3e-4, 4e-4], [3.0, 4.0]])
        start = w.copy()
        g = np.array([[3.0, 4.0]] * 3)
        swiftopt.SGD([w], lr=1.0, adaptive_clip=0.5).step([g])
        norms = np.linalg.norm(start - w, axis=1)
        np.testing.assert_allclose(norms, [0.5e-3, 0.5e-3, 2.5], rtol=1e-12)

    @pytest.mark.parametrize(("size", "factor"), [(200, 200.0), (5000, 1000.0)])
    def test_one_that_agrees_is_not_scaled_without_bound(self, size, factor):
        w, g = np.zeros(size), np.full(size, -0.125)
        optimizer = swiftopt.SGD([w], lr=0.5, momentum=0.5, cautious=True)
        optimizer.step([np.ones(size)])
        assert (w == -0.5).all()
        g[0] = 0.5  # the buffer is 1 there, elsewhere 0.375 and against the gradient
        optimizer.step([g])
        assert w[0] == -0.5 - 0.5 * factor
        assert (w[1:] == -0.5).all()

    def test_none_that_agrees_moves_nothing(self):
        w = np.zeros(3000)
        optimizer = swiftopt.SGD([w], lr=0.5, momentum=0.5, cautious=True)
        for g in (1.0, -0.125):
            optimizer.step([np.full(3000, g)])
        assert (w == -0.5).all()
