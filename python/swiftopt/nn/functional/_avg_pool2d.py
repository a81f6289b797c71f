"""Average pooling of images and its gradient."""

from __future__ import annotations

from typing import Any

from swiftopt._arrays import Array
from swiftopt.nn.functional._arrays import output, run, value
from swiftopt.nn.functional._windows import Pair, images, pooling_windows, shape4


def avg_pool2d(
    x: Any,
    kernel_size: Pair,
    *,
    stride: Pair | None = None,
    padding: Pair = 0,
    count_include_pad: bool = True,
    out: Array | None = None,
) -> Array:
    """Return the mean of each window of each channel.

    Parameters
    ----------
    x : array (batch, height, width, channels)
        float32, float64 or bfloat16.
    kernel_size : int or two ints
        Height and width of a window.
    stride : int or two ints, optional
        The distance between two windows (`kernel_size`).
    padding : int or two ints
        Zeros around the image, at most half of `kernel_size` (0).
    count_include_pad : bool
        Whether the zeros count as elements of the mean (True).
    out : array, optional
        Where to write the result.

    Returns
    -------
    array (batch, out_height, out_width, channels)
        Height and width as in `max_pool2d`.

    Raises
    ------
    TypeError, ValueError
        As `max_pool2d` does.

    Examples
    --------
    >>> import numpy as np
    >>> import swiftopt.nn.functional as F
    >>> F.avg_pool2d(np.arange(16.0).reshape(1, 4, 4, 1), 2)[0, :, :, 0].tolist()
    [[2.5, 4.5], [10.5, 12.5]]
    """
    name = "avg_pool2d"
    given, kind = value(name, "x", x)
    shape = images(name, "x", given)
    windows = pooling_windows(name, shape, kernel_size, stride, padding)
    result = output(name, "out", out, (shape[0], *windows.output, shape[3]), kind)
    run(name, (given, result), (*shape, *windows.sizes), (float(bool(count_include_pad)),))
    return result


def avg_pool2d_backward(
    grad_output: Any,
    input_shape: tuple[int, ...],
    kernel_size: Pair,
    *,
    stride: Pair | None = None,
    padding: Pair = 0,
    count_include_pad: bool = True,
    out: Array | None = None,
) -> Array:
    """Return the gradient of `avg_pool2d`'s input.

    Parameters
    ----------
    grad_output : array (batch, out_height, out_width, channels)
        The gradient of the pooling's output.
    input_shape : four ints
        The shape of the input, (batch, height, width, channels).
    kernel_size, stride, padding, count_include_pad
        Those of the pooling.
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
    >>> F.avg_pool2d_backward(np.ones((1, 1, 1, 1)), (1, 2, 2, 1), 2)[0, :, :, 0].tolist()
    [[0.25, 0.25], [0.25, 0.25]]
    """
    name = "avg_pool2d_backward"
    gradient, kind = value(name, "grad_output", grad_output)
    shape = shape4(name, "input_shape", input_shape)
    windows = pooling_windows(name, shape, kernel_size, stride, padding)
    windows.check_output("grad_output", gradient, shape[0], shape[3])
    result = output(name, "out", out, shape, kind)
    run(name, (gradient, result), (*shape, *windows.sizes), (float(bool(count_include_pad)),))
    return result
