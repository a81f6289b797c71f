"""Logistic regression in NumPy, trained with Adam on mini-batches.

The data are made up: 4000 points in 20 dimensions, whose class depends on a random
direction and some noise. Everything is float64.
"""

import numpy as np

POINTS, DIMENSIONS = 4000, 20
BATCH_SIZE = 100
UPDATES = 600
PENALTY = 1e-3


def made_up_data(rng):
    """Points in rows, with a last column of ones for the bias, and their classes, 0 or 1."""
    points = rng.standard_normal((POINTS, DIMENSIONS))
    direction = rng.standard_normal(DIMENSIONS)
    classes = points @ direction + rng.logistic(size=POINTS) > 0.5
    return np.column_stack((points, np.ones(POINTS))), classes.astype(float)


def loss_and_gradient(weights, points, classes):
    """The mean logistic loss with an L2 penalty, and its gradient."""
    scores = points @ weights
    loss = np.mean(np.logaddexp(0, scores) - classes * scores) + PENALTY / 2 * weights @ weights
    probabilities = 1 / (1 + np.exp(-scores))
    return loss, points.T @ (probabilities - classes) / len(classes) + PENALTY * weights


def main():
    """Trains the weights and returns the loss over all points after every update."""
    rng = np.random.default_rng(7)
    points, classes = made_up_data(rng)
    weights = np.zeros(DIMENSIONS + 1)
    first, second = np.zeros_like(weights), np.zeros_like(weights)
    losses = []
    for t in range(1, UPDATES + 1):
        batch = rng.choice(POINTS, BATCH_SIZE, replace=False)
        _, gradient = loss_and_gradient(weights, points[batch], classes[batch])
        first = 0.9 * first + 0.1 * gradient
        second = 0.999 * second + 0.001 * gradient**2
        weights -= 0.02 * first / (1 - 0.9**t) / (np.sqrt(second / (1 - 0.999**t)) + 1e-8)
        losses.append(loss_and_gradient(weights, points, classes)[0])
        if t % 50 == 0:
            print(f"update {t:3}  loss {losses[-1]:.8f}")
    accuracy = np.mean((points @ weights > 0) == classes)
    print(f"accuracy {accuracy:.4f}, sum of the weights' magnitudes {abs(weights).sum():.8f}")
    return losses


if __name__ == "__main__":
    main()
