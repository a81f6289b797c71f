"""A multi-layer perceptron on three spirals, differentiated by autograd, trained with Adam.

The points are made up: three arms of a spiral with some noise. Everything is float64.
"""

from itertools import pairwise

import autograd.numpy as np
import swiftopt
from autograd import value_and_grad
from swiftopt.autograd import cross_entropy, linear, relu

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
    optimizer = swiftopt.Adam(params, lr=0.01)
    losses = []
    for t in range(1, UPDATES + 1):
        batch = rng.choice(len(points), BATCH_SIZE, replace=False)
        value, grads = value_and_grad(loss)(params, points[batch], arms[batch])
        optimizer.step(grads)
        losses.append(value)
        if t % 40 == 0:
            print(f"update {t:3}  loss {value:.8f}")
    accuracy = np.mean(np.argmax(predict(params, points), axis=1) == arms)
    print(f"accuracy {accuracy:.4f}")
    return losses


if __name__ == "__main__":
    main()
