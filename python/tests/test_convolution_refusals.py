"""What convolutions say of arguments that don't fit together."""

import numpy as np
import pytest

from swiftopt.nn import functional


def zeros(*shape):
    return np.zeros(shape, np.float32)


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (
            lambda: functional.conv2d(zeros(1, 4, 4, 3), zeros(2, 3, 3, 4)),
            ValueError,
            "conv2d: x has 3 channels, weight expects 4",
        ),
        (
            lambda: functional.conv2d(zeros(1, 2, 4, 3), zeros(2, 3, 3, 3)),
            ValueError,
            "conv2d: the image has height 2; the kernel spans 3",
        ),
        (
            lambda: functional.conv2d(zeros(1, 4, 4, 3), zeros(3, 3, 3, 1), groups=2),
            ValueError,
            "conv2d: groups is 2; it must divide weight's 3 output channels",
        ),
        (
            lambda: functional.conv2d(zeros(4, 4, 3), zeros(3, 3, 3, 1)),
            ValueError,
            r"conv2d: x has shape \(4, 4, 3\); images are",
        ),
        (
            lambda: functional.conv2d(zeros(1, 4, 4, 3), zeros(3, 3, 3, 3).astype(np.float64)),
            TypeError,
            "conv2d: weight is float64; it must be float32",
        ),
        (
            lambda: functional.conv2d(zeros(1, 4, 4, 3), zeros(3, 3, 3, 3), stride=0),
            ValueError,
            "conv2d: stride is 0; it must be at least 1",
        ),
        (
            lambda: functional.conv2d(zeros(1, 4, 4, 3), zeros(3, 3, 3, 3), padding=(1, 2, 3)),
            TypeError,
            r"conv2d: padding is \(1, 2, 3\); it must be an int or two ints",
        ),
        (
            lambda: functional.conv2d(zeros(1, 4, 4, 3), zeros(3, 3, 3, 3), zeros(4)),
            ValueError,
            r"conv2d: bias has shape \(4,\); weight gives it \(3,\)",
        ),
        (
            lambda: functional.conv2d(zeros(1, 4, 4, 3), zeros(3, 3, 3, 3), activation="swish"),
            ValueError,
            "conv2d: activation is 'swish'",
        ),
        (
            lambda: functional.conv2d_backward_input(
                zeros(1, 3, 3, 2), zeros(2, 3, 3, 1), (1, 4, 4, 1)
            ),
            ValueError,
            r"grad_output has shape \(1, 3, 3, 2\); the output has shape \(1, 2, 2, 2\)",
        ),
        (
            lambda: functional.conv2d_backward_weight(
                zeros(1, 2, 2, 3), zeros(1, 4, 4, 2), 3, groups=2
            ),
            ValueError,
            "groups is 2; it must divide x's 2 channels and grad_output's 3",
        ),
        (
            lambda: functional.depthwise_conv2d(zeros(1, 4, 4, 3), zeros(3, 3, 4)),
            ValueError,
            "depthwise_conv2d: x has 3 channels, weight expects 4",
        ),
        (
            lambda: functional.depthwise_conv2d(zeros(1, 4, 4, 3), zeros(3, 3)),
            ValueError,
            r"depthwise_conv2d: weight has shape \(3, 3\)",
        ),
        (
            lambda: functional.separable_conv2d(zeros(1, 4, 4, 3), zeros(3, 3, 3), zeros(5, 4)),
            ValueError,
            "separable_conv2d: x has 3 channels, pointwise_weight expects 4",
        ),
    ],
)
def test_what_does_not_fit_is_explained(call, error, message):
    with pytest.raises(error, match=message):
        call()


def test_a_refused_call_writes_nothing():
    out = np.full((1, 4, 4, 2), 7, np.float32)
    with pytest.raises(ValueError, match="shares memory"):
        functional.conv2d(out, np.ones((2, 1, 1, 2), np.float32), out=out)
    assert (out == 7).all()
