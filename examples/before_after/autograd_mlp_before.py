"""A multi-layer perceptron on three spirals, differentiated by autograd, trained with Adam.

The points are made up: three arms of a spiral with some noise. Everything is float64.
"""

from itertools import pairwise

import autograd.numpy as np
from autograd import value_and_grad
from autograd.misc.flatten import flatten

POINTS_PER_ARM = 300
SIZES = (2, 64, 64, 3)
BATCH_SIZE = 100
UPDATES = 400


def made_up_data(rng):
    """Points on three arms, and the arm of each."""
    turns = np.tile(np.linspace(0.1, 1, POINTS_PER_ARM), 3)
    arms = np.repeat(np.arange(3), POINTS_PER_ARM)
    angles = 4 * turns + arms * 2 * np.pi / 3 + 0.25 * rng.standard_normal(turns.size)
    return turns[:, None] * np.column_stack((np.cos(angles), np.sin(angles))), arms


def initial_parameters(rng):
    """The weights (out, in) and biases of each layer."""
    return [
        (rng.standard_normal((size, before)) * np.sqrt(2 / before), np.zeros(size))
        for before, size in pairwise(SIZES)
    ]


def linear(x, weight, bias):
    return np.dot(x, weight.T) + bias


def relu(x):
    return np.maximum(x, 0)


def cross_entropy(logits, labels):
    logits = logits - np.max(logits, axis=1, keepdims=True)
    chosen = logits[np.arange(len(labels)), labels]
    return np.mean(np.log(np.sum(np.exp(logits), axis=1)) - chosen)


def predict(params, x):
    for weight, bias in params[:-1]:
        x = relu(linear(x, weight, bias))
    return linear(x, *params[-1])


def loss(params, x, labels):
    return cross_entropy(predict(params, x), labels)


def main():
    """Trains the network and returns the loss of every update."""
    rng = np.random.default_rng(3)
    points, arms = made_up_data(rng)
    params = initial_parameters(rng)
    flat, unflatten = flatten(params)
    first, second = np.zeros_like(flat), np.zeros_like(flat)
    losses = []
    for t in range(1, UPDATES + 1):
        batch = rng.choice(len(points), BATCH_SIZE, replace=False)
        value, grads = value_and_grad(loss)(params, points[batch], arms[batch])
        gradient = flatten(grads)[0]
        first = 0.9 * first + 0.1 * gradient
        second = 0.999 * second + 0.001 * gradient**2
        flat = flat - 0.01 * first / (1 - 0.9**t) / (np.sqrt(second / (1 - 0.999**t)) + 1e-8)
        params = unflatten(flat)
        losses.append(value)
        if t % 40 == 0:
            print(f"update {t:3}  loss {value:.8f}")
    accuracy = np.mean(np.argmax(predict(params, points), axis=1) == arms)
    print(f"accuracy {accuracy:.4f}")
    return losses


if __name__ == "__main__":
    main()
