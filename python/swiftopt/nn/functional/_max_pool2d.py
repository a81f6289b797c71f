"""Maximum pooling of images and its gradient."""

from __future__ import annotations

from typing import Any

from swiftopt._arrays import Array, as_array, as_parameter
from swiftopt.nn.functional._arrays import output, run, value
from swiftopt.nn.functional._windows import Pair, images, pooling_windows, shape4


def max_pool2d(
    x: Any,
    kernel_size: Pair,
    *,
    stride: Pair | None = None,
    padding: Pair = 0,
    out: Array | None = None,
    places: Array | None = None,
) -> Array:
    """Return the greatest element of each window of each channel.

    Parameters
    ----------
    x : array (batch, height, width, channels)
        float32, float64 or bfloat16.
    kernel_size : int or two ints
        Height and width of a window.
    stride : int or two ints, optional
        The distance between two windows (`kernel_size`).
    padding : int or two ints
        Places around the image that windows cover but that are never taken, at most half of
        `kernel_size` (0).
    out : array, optional
        Where to write the result.
    places : array of the result's shape, optional
        uint8 (for at most 256 places in a window), int32 or int64: where to write which place of
        the window it was, ``row * kernel_width + column``, as `max_pool2d_backward` takes it; of
        equal elements the first.

    Returns
    -------
    array (batch, out_height, out_width, channels)
        With ``out_height = (height + 2 * padding - kernel_height) // stride + 1``. What is not a
        number counts as the greatest.

    Raises
    ------
    TypeError
        If an array has another dtype.
    ValueError
        If shapes don't fit together, or an array is not contiguous, or read-only or overlapping
        where it is written.

    Examples
    --------
    >>> import numpy as np
    >>> import swiftopt.nn.functional as F
    >>> x = np.array([[1.0, 5.0], [2.0, 3.0]]).reshape(1, 2, 2, 1)
    >>> places = np.empty((1, 1, 1, 1), np.uint8)
    >>> F.max_pool2d(x, 2, places=places).item(), places.item()
    (5.0, 1)
    """
    name = "max_pool2d"
    given, kind = value(name, "x", x)
    shape = images(name, "x", given)
    windows = pooling_windows(name, shape, kernel_size, stride, padding)
    result = output(name, "out", out, (shape[0], *windows.output, shape[3]), kind)
    if places is not None:
        places = as_parameter(places, f"{name}: places")
        windows.check_output("places", places, shape[0], shape[3])
    run(name, (given, result, places), (*shape, *windows.sizes))
    return result


def max_pool2d_backward(
    grad_output: Any,
    places: Any,
    input_shape: tuple[int, ...],
    kernel_size: Pair,
    *,
    stride: Pair | None = None,
    padding: Pair = 0,
    out: Array | None = None,
) -> Array:
    """Return the gradient of `max_pool2d`'s input.

    Parameters
    ----------
    grad_output : array (batch, out_height, out_width, channels)
        The gradient of the pooling's output.
    places : array of that shape
        What `max_pool2d` wrote there.
    input_shape : four ints
        The shape of the input, (batch, height, width, channels).
    kernel_size, stride, padding
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
    >>> F.max_pool2d_backward(np.ones((1, 1, 1, 1)), np.array([[[[1]]]], np.uint8),
    ...                       (1, 2, 2, 1), 2)[0, :, :, 0].tolist()
    [[0.0, 1.0], [0.0, 0.0]]
    """
    name = "max_pool2d_backward"
    gradient, kind = value(name, "grad_output", grad_output)
    found = as_array(places, f"{name}: places")
    shape = shape4(name, "input_shape", input_shape)
    windows = pooling_windows(name, shape, kernel_size, stride, padding)
    windows.check_output("grad_output", gradient, shape[0], shape[3])
    windows.check_output("places", found, shape[0], shape[3])
    result = output(name, "out", out, shape, kind)
    run(name, (gradient, found, result), (*shape, *windows.sizes))
    return result
