"""Convolution and pooling in float64 NumPy: windows as one array, straight from the definition."""

import numpy as np


def output_length(length, kernel, stride, padding, dilation):
    """The number of windows along one axis."""
    return (length + 2 * padding - dilation * (kernel - 1) - 1) // stride + 1


def positions(shape, kernel, stride, padding, dilation):
    """Where each place of each window is in the padded image: (out, kernel) rows and columns."""
    return [
        np.arange(output_length(shape[axis], kernel[axis], stride[axis], padding[axis], d))[:, None]
        * stride[axis]
        + np.arange(kernel[axis]) * d
        for axis, d in enumerate(dilation)
    ]


def windows_of(x, kernel, stride, padding, dilation=(1, 1), outside=0.0):
    """x's windows, (batch, out_height, out_width, kernel_height, kernel_width, channels)."""
    rows, columns = positions(x.shape[1:3], kernel, stride, padding, dilation)
    frame = ((0, 0), (padding[0],) * 2, (padding[1],) * 2, (0, 0))
    padded = np.pad(x, frame, constant_values=outside)
    return padded[:, rows[:, None, :, None], columns[None, :, None, :]]


def spread(parts, shape, stride, padding, dilation=(1, 1)):
    """The transpose of `windows_of`: adds each window's elements up where they came from."""
    kernel = parts.shape[3:5]
    rows, columns = positions(shape[1:3], kernel, stride, padding, dilation)
    height, width = shape[1] + 2 * padding[0], shape[2] + 2 * padding[1]
    total = np.zeros((shape[0], height, width, shape[3]))
    where = np.broadcast_arrays(rows[:, None, :, None], columns[None, :, None, :])
    for image in range(shape[0]):
        np.add.at(total[image], tuple(where), parts[image])
    return total[:, padding[0] : padding[0] + shape[1], padding[1] : padding[1] + shape[2]]


def conv2d(x, weight, stride, padding, dilation, groups):
    """The convolution, and the sum of the magnitudes of its terms."""
    parts = windows_of(x, weight.shape[1:3], stride, padding, dilation)
    return tuple(
        _conv2d(each, w, groups) for each, w in ((parts, weight), (abs(parts), abs(weight)))
    )


def _conv2d(parts, weight, groups):
    parts = parts.reshape(*parts.shape[:5], groups, -1)
    weight = weight.reshape(groups, -1, *weight.shape[1:])
    y = np.einsum("nijklgc,goklc->nijgo", parts, weight, optimize=True)
    return y.reshape(*y.shape[:3], -1)


def conv2d_backward_input(dy, weight, shape, stride, padding, dilation, groups):
    """The gradient of the input, and the sum of the magnitudes of its terms."""
    results = []
    for gradient, w in ((dy, weight), (abs(dy), abs(weight))):
        gradient = gradient.reshape(*dy.shape[:3], groups, -1)
        w = w.reshape(groups, -1, *weight.shape[1:])
        parts = np.einsum("nijgo,goklc->nijklgc", gradient, w, optimize=True)
        results.append(
            spread(parts.reshape(*parts.shape[:5], -1), shape, stride, padding, dilation)
        )
    return tuple(results)


def conv2d_backward_weight(dy, x, kernel, stride, padding, dilation, groups):
    """The gradient of the weight, and the sum of the magnitudes of its terms."""
    parts = windows_of(x, kernel, stride, padding, dilation)
    results = []
    for gradient, part in ((dy, parts), (abs(dy), abs(parts))):
        gradient = gradient.reshape(*dy.shape[:3], groups, -1)
        part = part.reshape(*part.shape[:5], groups, -1)
        dw = np.einsum("nijgo,nijklgc->goklc", gradient, part, optimize=True)
        results.append(dw.reshape(-1, *dw.shape[2:]))
    return tuple(results)


def depthwise(x, weight, stride, padding, dilation):
    """The depthwise convolution, and the sum of the magnitudes of its terms."""
    parts = windows_of(x, weight.shape[:2], stride, padding, dilation)
    return tuple(
        np.einsum("nijklc,klc->nijc", p, w) for p, w in ((parts, weight), (abs(parts), abs(weight)))
    )


def depthwise_backward_input(dy, weight, shape, stride, padding, dilation):
    """The gradient of the input, and the sum of the magnitudes of its terms."""
    return tuple(
        spread(np.einsum("nijc,klc->nijklc", g, w), shape, stride, padding, dilation)
        for g, w in ((dy, weight), (abs(dy), abs(weight)))
    )


def depthwise_backward_weight(dy, x, kernel, stride, padding, dilation):
    """The gradient of the weight, and the sum of the magnitudes of its terms."""
    parts = windows_of(x, kernel, stride, padding, dilation)
    return tuple(
        np.einsum("nijc,nijklc->klc", g, p) for g, p in ((dy, parts), (abs(dy), abs(parts)))
    )
