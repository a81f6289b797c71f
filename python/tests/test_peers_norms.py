"""Agreement with torch on activations and norms, forward and backward, in float64."""

import numpy as np
import pytest

from swiftopt.nn import functional

torch = pytest.importorskip("torch", reason="torch is not installed; it is an optional peer")
peer = torch.nn.functional


def tensor(array):
    return torch.from_numpy(array.copy()).requires_grad_()


def assert_near(got, expected, size=1.0):
    # Both make some tens of roundings of numbers of this size.
    assert np.abs(np.asarray(got) - expected.detach().numpy()).max() <= 100 * 2.0**-52 * size


@pytest.mark.parametrize("name", ["relu", "gelu", "tanh gelu", "silu", "tanh", "sigmoid"])
def test_activations(name):
    rng = np.random.default_rng(1)
    x, dy = rng.standard_normal((2, 1000)) * 3
    options = ("tanh",) if name == "tanh gelu" else ()
    name = name.split()[-1]
    inputs = tensor(x)
    torch_function = {"tanh": torch.tanh, "sigmoid": torch.sigmoid}.get(name)
    keywords = {"approximate": "tanh"} if options else {}
    expected = (torch_function or getattr(peer, name))(inputs, **keywords)
    expected.backward(torch.from_numpy(dy))
    y = getattr(functional, name)(x, *options)
    saved = x if name in ("gelu", "silu") else y
    assert_near(y, expected, 10)
    assert_near(getattr(functional, f"{name}_backward")(dy, saved, *options), inputs.grad, 30)


@pytest.mark.parametrize("training", [True, False])
@pytest.mark.parametrize(("rows", "channels"), [(2, 1), (50, 3), (301, 64), (99, 65)])
def test_batch_norm_with_relu_and_residual(training, rows, channels):
    rng = np.random.default_rng(rows)
    x, residual, dy = rng.standard_normal((3, rows, channels))
    weight, bias, mean = rng.standard_normal((3, channels))
    variance = rng.uniform(0.5, 2, channels)
    inputs = [tensor(array) for array in (x, weight, bias, residual)]
    running = [torch.from_numpy(array.copy()) for array in (mean, variance)]
    normed = peer.batch_norm(
        inputs[0], *running, inputs[1], inputs[2], training=training, momentum=0.3
    )
    expected = torch.relu(normed + inputs[3])
    expected.backward(torch.from_numpy(dy))

    saved = np.empty((2, channels))
    y = functional.batch_norm(
        x,
        mean,
        variance,
        weight,
        bias,
        training,
        0.3,
        residual=residual,
        relu=True,
        save_mean=saved[0],
        save_inverse_std=saved[1],
    )
    grad_residual = np.empty_like(x)
    gradients = functional.batch_norm_backward(
        dy,
        x,
        *saved,
        weight,
        bias,
        training,
        relu=True,
        output_of_relu=y,
        grad_residual=grad_residual,
    )
    # The variance of two rows may be small.
    size = 10 * max(1, float(saved[1].max())) ** 2
    assert_near(y, expected, size)
    assert_near(mean, running[0])
    assert_near(variance, running[1], 10)
    for got, input_ in zip([*gradients, grad_residual], inputs, strict=True):
        assert_near(got, input_.grad, size * rows)


def test_layer_norm_and_rms_norm():
    rng = np.random.default_rng(2)
    x, dy = rng.standard_normal((2, 5, 7, 33))
    weight, bias = rng.standard_normal((2, 33))
    inputs = [tensor(array) for array in (x, weight, bias)]
    expected = peer.layer_norm(inputs[0], (33,), inputs[1], inputs[2])
    expected.backward(torch.from_numpy(dy))
    saved = np.empty((2, 5, 7))
    y = functional.layer_norm(x, weight, bias, save_mean=saved[0], save_inverse_std=saved[1])
    assert_near(y, expected, 10)
    gradients = functional.layer_norm_backward(dy, x, *saved, weight)
    for got, input_ in zip(gradients, inputs, strict=True):
        assert_near(got, input_.grad, 35)

    inputs = [tensor(array) for array in (x, weight)]
    expected = peer.rms_norm(inputs[0], (33,), inputs[1])
    expected.backward(torch.from_numpy(dy))
    inverse_rms = np.empty((5, 7))
    assert_near(functional.rms_norm(x, weight, save_inverse_rms=inverse_rms), expected, 10)
    gradients = functional.rms_norm_backward(dy, x, inverse_rms, weight)
    for got, input_ in zip(gradients, inputs, strict=True):
        assert_near(got, input_.grad, 35)
