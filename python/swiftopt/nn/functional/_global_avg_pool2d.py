"""Average pooling of whole images and its gradient."""

from __future__ import annotations

from typing import Any

from swiftopt._arrays import Array
from swiftopt.nn.functional._arrays import output, run, value
from swiftopt.nn.functional._windows import images, shape4


def global_avg_pool2d(x: Any, *, out: Array | None = None) -> Array:
    """Return the mean of each channel over each image, summed up in float64.

    Parameters
    ----------
    x : array (batch, height, width, channels)
        float32, float64 or bfloat16.
    out : array, optional
        Where to write the result.

    Returns
    -------
    array (batch, channels)
        Of the dtype of `x`.

    Raises
    ------
    TypeError, ValueError
        As `max_pool2d` does.

    Examples
    --------
    >>> import numpy as np
    >>> import swiftopt.nn.functional as F
    >>> F.global_avg_pool2d(np.arange(8.0).reshape(1, 2, 2, 2)).tolist()
    [[3.0, 4.0]]
    """
    name = "global_avg_pool2d"
    given, kind = value(name, "x", x)
    batch, height, width, channels = images(name, "x", given)
    result = output(name, "out", out, (batch, channels), kind)
    run(name, (given, result), (batch, height * width, channels))
    return result


def global_avg_pool2d_backward(
    grad_output: Any, input_shape: tuple[int, ...], *, out: Array | None = None
) -> Array:
    """Return the gradient of `global_avg_pool2d`'s input.

    Parameters
    ----------
    grad_output : array (batch, channels)
        The gradient of the pooling's output.
    input_shape : four ints
        The shape of the input, (batch, height, width, channels).
    out : array, optional
        Where to write the result.

    Returns
    -------
    array of shape `input_shape`
        Of the dtype of `grad_output`.

    Raises
    ------
    TypeError, ValueError
        As `max_pool2d` does.

    Examples
    --------
    >>> import numpy as np
    >>> import swiftopt.nn.functional as F
    >>> F.global_avg_pool2d_backward(np.ones((1, 1)), (1, 2, 2, 1)).ravel().tolist()
    [0.25, 0.25, 0.25, 0.25]
    """
    name = "global_avg_pool2d_backward"
    gradient, kind = value(name, "grad_output", grad_output)
    shape = shape4(name, "input_shape", input_shape)
    if gradient.shape != (shape[0], shape[3]):
        raise ValueError(
            f"{name}: grad_output has shape {gradient.shape}; the output has shape "
            f"{(shape[0], shape[3])}"
        )
    result = output(name, "out", out, shape, kind)
    run(name, (gradient, result), (shape[0], shape[1] * shape[2], shape[3]))
    return result
