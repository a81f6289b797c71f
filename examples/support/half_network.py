"""The perceptron of the demo with weights, activations and gradients in float16.

NumPy has no fast product of float16 matrices, so a product is made in float32 and stored in
float16, which is also what the half-precision units of processors do.
"""

import numpy as np
import swiftopt


def half(array):
    """The array in float16; what is too large becomes infinity, as in the processor."""
    return swiftopt.cast(array, "float16")


def single(array):
    """The array in float32, exactly."""
    return swiftopt.cast(array, "float32")


def loss_and_gradients(params, images, labels, loss_scale):
    """The mean cross-entropy of a batch, and the float16 gradients of `loss_scale` times it.

    `params` and `images` are in float16.
    """
    weights = {name: single(param) for name, param in params.items()}
    layers = len(weights) // 2
    activations = [images]  # what the backward pass needs, kept in float16
    for layer in range(layers):
        x = single(activations[-1]) @ weights[f"w{layer}"] + weights[f"b{layer}"]
        activations.append(half(np.maximum(x, 0) if layer < layers - 1 else x))

    rows = np.arange(len(labels))
    logits = single(activations.pop())
    logits -= logits.max(axis=1, keepdims=True)  # keeps exp from overflowing
    log_probabilities = logits - np.log(np.exp(logits).sum(axis=1, keepdims=True))
    loss = -log_probabilities[rows, labels].mean()

    delta = np.exp(log_probabilities)
    delta[rows, labels] -= 1
    delta = half(delta * np.float32(loss_scale / len(labels)))
    grads = {}
    # A scale that is too large makes infinities, and inf - inf; the scaler finds out.
    with np.errstate(over="ignore", invalid="ignore"):
        for layer in reversed(range(layers)):
            error = single(delta)
            grads[f"w{layer}"] = half(single(activations[layer]).T @ error)
            grads[f"b{layer}"] = half(error.sum(axis=0))
            if layer > 0:
                delta = half((error @ weights[f"w{layer}"].T) * (activations[layer] > 0))
    return float(loss), grads


def activation_bytes(params, batch_size):
    """What the backward pass of one batch keeps: each layer's input."""
    return sum(2 * batch_size * w.shape[0] for name, w in params.items() if name[0] == "w")
