"""Gradients of whole networks by finite differences in float64."""

import numpy as np

from swiftopt import nn

STEP = 1e-5


def prepared(net, seed):
    """The network in float64, with parameters that leave nothing at a special value."""
    rng = np.random.default_rng(seed)
    net.to("float64").reset_parameters(seed)
    for array in net.named_parameters().values():
        if array.ndim == 1:  # norms start at 1 and 0, attention's biases at 0
            array += rng.normal(0, 0.3, array.shape)
    return net


def restart(net):
    """Let dropout drop the same elements again."""
    for module in net.named_modules().values():
        if isinstance(module, nn.Dropout):
            module.random[1] = 0


def value_of(net, x, weights):
    """A scalar that depends on every output; its gradient with respect to them is `weights`."""
    restart(net)
    return float((net(x) * weights).sum())


def worst_error(net, x, seed, *, elements=4):
    """The largest difference between a gradient and its finite difference, relative to 1 + it.

    A few elements of each parameter and of the input are tried. Central differences with a step
    h err by h²/6 times the third derivative and by 1e-16 |f| / h of rounding: about 1e-10 here.
    """
    rng = np.random.default_rng(seed)
    weights = rng.normal(size=net.output_shape(x.shape))
    value_of(net, x, weights)
    is_float = x.dtype == np.float64
    input_gradient = net.backward(weights, input_gradient=True)
    gradients = {name: array.copy() for name, array in net.gradients().items()}
    arrays = dict(net.named_parameters())
    if is_float:
        arrays["input"], gradients["input"] = x, input_gradient.copy()
    else:
        assert input_gradient is None
    worst = 0.0
    for name, array in arrays.items():
        for _ in range(elements):
            index = tuple(rng.integers(0, length) for length in array.shape)
            original = array[index]
            array[index] = original + STEP
            above = value_of(net, x, weights)
            array[index] = original - STEP
            below = value_of(net, x, weights)
            array[index] = original
            exact = gradients[name][index]
            worst = max(worst, abs((above - below) / (2 * STEP) - exact) / (1 + abs(exact)))
    return worst
