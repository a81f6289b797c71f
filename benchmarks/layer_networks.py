"""Training steps with swiftopt.nn and swiftopt's AdamW."""

from __future__ import annotations

import time
from collections.abc import Sequence
from functools import partial
from typing import Any

import numpy as np

from . import networks
from .loading import load
from .networks import Layer
from .training import ADAMW, Trainer, TrainingProblem

_PROFILED_STEPS = 5


def build(nn: Any, layers: Sequence[Layer]) -> Any:
    """Return the layers as an nn.Sequential."""
    return nn.Sequential(*(module for layer in layers for module in _modules(nn, layer)))


def _modules(nn: Any, layer: Layer) -> list[Any]:
    match layer:
        case networks.Linear(features, outputs):
            return [nn.Linear(features, outputs)]
        case networks.Conv2d(channels, outputs, kernel, stride):
            return [
                nn.Conv2d(channels, outputs, kernel, stride=stride, padding=kernel // 2, bias=False)
            ]
        case networks.SeparableConv2d(channels, outputs, stride):
            return [nn.SeparableConv2d(channels, outputs, 3, stride=stride, padding=1, bias=False)]
        case networks.BatchNorm(channels, relu, _):
            return [nn.BatchNorm(channels), nn.ReLU()] if relu else [nn.BatchNorm(channels)]
        case networks.LayerNorm(channels):
            return [nn.LayerNorm(channels)]
        case networks.Residual(inner, relu):
            return [nn.Residual(build(nn, inner)), *([nn.ReLU()] if relu else [])]
        case networks.Embedding(count, width, time):
            return [nn.Embedding(count, width), nn.PositionalEmbedding(time, width)]
        case networks.Attention(width, heads):
            return [nn.MultiHeadAttention(width, heads, causal=True)]
        case networks.ReLU():
            return [nn.ReLU()]
        case networks.GELU():
            return [nn.GELU()]
        case networks.GlobalAvgPool2d():
            return [nn.GlobalAvgPool2d()]
    raise TypeError(f"no swiftopt module for {layer}")


class SwiftOptTrainer(Trainer):
    """A network of swiftopt.nn in float32."""

    name = "swiftopt"
    is_peer = False
    is_swiftopt = True

    def __init__(self, problem: TrainingProblem) -> None:
        super().__init__(problem)
        self.swiftopt = so = load("swiftopt")
        nn = load("swiftopt.nn")
        self.net = build(nn, problem.network.layers)
        arrays = self.net.named_parameters().values()
        for array, values in zip(arrays, problem.parameters, strict=True):
            array[...] = values.reshape(array.shape)
        self.net.to(self.dtype)
        self.criterion = nn.CrossEntropyLoss()
        self.optimizer = so.AdamW(self.net.named_parameters(), lr=problem.network.lr, **ADAMW)
        self.last = 0.0
        self.own = [
            (x.astype(np.float64) if self.dtype == "float64" and x.dtype == np.float32 else x, y)
            for x, y in problem.batches
        ]

    def batches(self) -> Sequence[tuple[Any, Any]]:
        return self.own

    def begin(self) -> None:
        self.swiftopt.set_num_threads(self.problem.threads)

    def step(self, inputs: Any, labels: Any) -> None:
        self.last = self.criterion(self.net(inputs), labels)
        self.net.backward(self.criterion.backward())
        self.optimizer.step(self.net.gradients())

    def loss(self) -> float:
        return self.last

    def where(self) -> dict[str, float]:
        """Return the seconds of each call of the plan, of the loss and of the optimizer."""
        seconds: dict[str, float] = {}

        def timed(part: str, call: Any) -> Any:
            start = time.perf_counter()
            result = call()
            seconds[part] = seconds.get(part, 0.0) + time.perf_counter() - start
            return result

        inputs, labels = self.batches()[0]
        for _ in range(_PROFILED_STEPS):
            logits = self.net(inputs)
            plan = self.net._current
            parts = [plan.recording.forward, plan._forward]
            for call, run in zip(*parts, strict=True):
                timed(f"forward   {call.path:12} {call.function.name}", run)
            timed("loss", partial(self.criterion, logits, labels))
            self.net.backward(self.criterion.backward())
            chosen = _written_by(plan)
            for call, run in zip(chosen, plan._backward, strict=True):
                timed(f"backward  {call.path:12} {call.function.name}", run)
            timed("optimizer", lambda: self.optimizer.step(self.net.gradients()))
        return {part: total / _PROFILED_STEPS for part, total in seconds.items()}


def _written_by(plan: Any) -> list[Any]:
    """Return the recorded calls that the plan's backward pass consists of."""
    from swiftopt.nn._plan import _needed

    full = _needed(plan.recording.backward, plan.recording.kept())
    return list(_needed(full, set()))


class SwiftOptBFloat16Trainer(SwiftOptTrainer):
    """Weights and activations in bfloat16, masters in float32."""

    name = "swiftopt, bf16"
    dtype = "bfloat16"
    state_dtype = "bfloat16"  # compared with those of torch


class SwiftOptReference(SwiftOptTrainer):
    """In float64, for the losses where torch is missing."""

    name = "swiftopt, float64"
    dtype = "float64"
