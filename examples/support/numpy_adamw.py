"""AdamW with warm-up, cosine and clipping in NumPy alone, the way people write it."""

import math
from typing import NamedTuple

import numpy as np


class Report(NamedTuple):
    """What the training loop records of a step."""

    lr: float
    grad_norm: float


class NumPyAdamW:
    """AdamW (Loshchilov and Hutter 2019, algorithm 2) on a dict of arrays, updated in place.

    Each line of the inner loop is a line of the paper, and together they make more than ten
    temporaries of the parameter's size: this is the code that swiftopt replaces.
    """

    def __init__(self, params, *, peak_lr, warmup, total, weight_decay, clip_norm):
        self.params = params
        self.peak_lr, self.warmup, self.total = peak_lr, warmup, total
        self.weight_decay, self.clip_norm = weight_decay, clip_norm
        self.first = {name: np.zeros_like(param) for name, param in params.items()}
        self.second = {name: np.zeros_like(param) for name, param in params.items()}
        self.updates = 0

    def lr(self):
        if self.updates < self.warmup:
            return self.peak_lr * self.updates / self.warmup
        progress = (self.updates - self.warmup) / (self.total - self.warmup)
        return self.peak_lr * (1 + math.cos(math.pi * min(progress, 1.0))) / 2

    def step(self, grads, beta1=0.9, beta2=0.999, eps=1e-8):
        lr = self.lr()
        self.updates += 1
        grad_norm = math.sqrt(sum(float(np.sum(grad * grad)) for grad in grads.values()))
        scale = self.clip_norm / grad_norm if grad_norm > self.clip_norm else 1.0
        for name, param in self.params.items():
            grad = grads[name] * scale
            self.first[name] = beta1 * self.first[name] + (1 - beta1) * grad
            self.second[name] = beta2 * self.second[name] + (1 - beta2) * grad**2
            first = self.first[name] / (1 - beta1**self.updates)
            second = self.second[name] / (1 - beta2**self.updates)
            param *= 1 - lr * self.weight_decay
            param -= lr * first / (np.sqrt(second) + eps)
        return Report(lr, grad_norm)
