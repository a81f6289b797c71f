"""Training steps with torch: eager and compiled, float32 and autocast, both memory formats."""

from __future__ import annotations

import ctypes
import os
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np

from .. import networks
from ..loading import load
from ..networks import Layer
from ..rules import Array
from ..training import ADAMW, Trainer, TrainingProblem

_SHOWN = 10
#: glibc's mallopt: what not to give back to the system, and when to ask it for memory.
_M_TRIM_THRESHOLD, _M_TOP_PAD, _M_MMAP_MAX = -1, -2, -4


def tune_allocator() -> None:
    """Let glibc keep what is freed, as torch's tuning guide advises.

    Without, each activation is mapped and unmapped in every step, and its pages cleared.
    """
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is not None:
        mallopt(_M_MMAP_MAX, 0)
        mallopt(_M_TRIM_THRESHOLD, 2**31 - 1)
        mallopt(_M_TOP_PAD, 64 << 20)


class _Builder:
    """Makes torch modules of layers, and gives them the parameters one after the other."""

    def __init__(self, torch: Any, parameters: Iterator[Array]) -> None:
        self.torch = torch
        self.nn = torch.nn
        self.parameters = parameters

    def sequential(self, layers: Sequence[Layer]) -> Any:
        return self.nn.Sequential(*(module for layer in layers for module in self.modules(layer)))

    def set(self, parameter: Any, transpose: tuple[int, ...] | None = None) -> None:
        values = next(self.parameters)
        if transpose is not None:
            values = values.transpose(transpose)
        with self.torch.no_grad():
            parameter.copy_(self.torch.from_numpy(np.ascontiguousarray(values)))

    def modules(self, layer: Layer) -> list[Any]:
        """Return the modules that one layer becomes."""
        nn = self.nn
        match layer:
            case networks.Linear(features, outputs):
                dense = nn.Linear(features, outputs)
                self.set(dense.weight)
                self.set(dense.bias)
                return [dense]
            case networks.Conv2d(channels, outputs, kernel, stride):
                conv = nn.Conv2d(channels, outputs, kernel, stride, kernel // 2, bias=False)
                self.set(conv.weight, (0, 3, 1, 2))
                return [conv]
            case networks.SeparableConv2d(channels, outputs, stride):
                depthwise = nn.Conv2d(channels, channels, 3, stride, 1, groups=channels, bias=False)
                pointwise = nn.Conv2d(channels, outputs, 1, bias=False)
                values = next(self.parameters)[:, :, :, None]
                with self.torch.no_grad():
                    depthwise.weight.copy_(self.torch.from_numpy(values.transpose(2, 3, 0, 1)))
                    pointwise.weight.copy_(
                        self.torch.from_numpy(next(self.parameters)[:, :, None, None])
                    )
                return [depthwise, pointwise]
            case networks.BatchNorm(channels, relu, _):
                norm = nn.BatchNorm2d(channels)
                self.set(norm.weight)
                self.set(norm.bias)
                return [norm, nn.ReLU(inplace=True)] if relu else [norm]
            case networks.LayerNorm(channels):
                norm = nn.LayerNorm(channels)
                self.set(norm.weight)
                self.set(norm.bias)
                return [norm]
            case networks.Residual(layers, relu):
                return [_residual(nn, self.sequential(layers), relu)]
            case networks.Embedding(count, width, time):
                return [self.embedding(count, width, time)]
            case networks.Attention(width, heads):
                return [self.attention(width, heads)]
            case networks.ReLU():
                return [nn.ReLU()]
            case networks.GELU():
                return [nn.GELU()]
            case networks.GlobalAvgPool2d():
                return [nn.AdaptiveAvgPool2d(1), nn.Flatten()]
        raise TypeError(f"no torch module for {layer}")

    def embedding(self, count: int, width: int, time: int) -> Any:
        nn = self.nn

        class Embedded(nn.Module):  # type: ignore[misc, name-defined]
            def __init__(self) -> None:
                super().__init__()
                self.table = nn.Embedding(count, width)
                self.positions = nn.Parameter(nn.Embedding(time, width).weight.detach())

            def forward(self, x: Any) -> Any:
                return self.table(x) + self.positions

        module = Embedded()
        self.set(module.table.weight)
        self.set(module.positions)
        return module

    def attention(self, width: int, heads: int) -> Any:
        nn = self.nn
        attend = nn.functional.scaled_dot_product_attention

        class Attention(nn.Module):  # type: ignore[misc, name-defined]
            def __init__(self) -> None:
                super().__init__()
                self.qkv = nn.Linear(width, 3 * width)
                self.out = nn.Linear(width, width)

            def forward(self, x: Any) -> Any:
                batch, time, _ = x.shape
                qkv = self.qkv(x).view(batch, time, 3, heads, width // heads)
                query, key, value = qkv.permute(2, 0, 3, 1, 4)
                y = attend(query, key, value, is_causal=True)
                return self.out(y.transpose(1, 2).reshape(batch, time, width))

        module = Attention()
        for parameter in (module.qkv.weight, module.qkv.bias, module.out.weight, module.out.bias):
            self.set(parameter)
        return module


def _compiled(torch: Any, net: Any) -> Any:
    """Compile for the very shapes that come, and never fall back to eager silently."""
    limits = load("torch._dynamo").config
    limits.recompile_limit = limits.accumulated_recompile_limit = 1000
    limits.fail_on_recompile_limit_hit = True
    return torch.compile(net, dynamic=False)


def _residual(nn: Any, layers: Any, relu: bool) -> Any:
    class Residual(nn.Module):  # type: ignore[misc]
        def __init__(self) -> None:
            super().__init__()
            self.layers = layers

        def forward(self, x: Any) -> Any:
            y = x + self.layers(x)
            return nn.functional.relu(y, inplace=True) if relu else y

    return Residual()


class TorchTrainer(Trainer):
    """Eager float32, images as (batch, channels, height, width)."""

    name = "torch float32"
    is_channels_last = False
    is_compiled = False

    def __init__(self, problem: TrainingProblem) -> None:
        super().__init__(problem)
        os.environ.setdefault("TORCHINDUCTOR_COMPILE_THREADS", "1")
        self.torch = torch = load("torch")
        tune_allocator()
        torch.set_num_threads(problem.threads)
        network = problem.network
        net = _Builder(torch, iter(problem.parameters)).sequential(network.layers)
        number = torch.float64 if self.dtype == "float64" else torch.float32
        net = net.to(number)
        if self.is_channels_last:
            net = net.to(memory_format=torch.channels_last)
        self.net = net
        self.forward: Callable[[Any], Any] = _compiled(torch, net) if self.is_compiled else net
        self.classes = network.classes
        self.optimizer = torch.optim.AdamW(net.parameters(), lr=network.lr, fused=True, **ADAMW)
        self.own = [self._own(x, y) for x, y in problem.batches]
        self.last: Any = None

    def _own(self, x: Array, y: Array) -> tuple[Any, Any]:
        torch = self.torch
        labels = torch.from_numpy(y).reshape(-1)
        if self.problem.network.time:
            return torch.from_numpy(x.astype(np.int64)), labels
        images = torch.from_numpy(x)
        if images.ndim == 4:
            images = images.permute(0, 3, 1, 2)
            layout = torch.channels_last if self.is_channels_last else torch.contiguous_format
            images = images.contiguous(memory_format=layout)
        return images.to(next(self.net.parameters()).dtype), labels

    def batches(self) -> Sequence[tuple[Any, Any]]:
        return self.own

    def begin(self) -> None:
        self.torch.set_num_threads(self.problem.threads)

    def step(self, inputs: Any, labels: Any) -> None:
        torch = self.torch
        with torch.autocast("cpu", torch.bfloat16, enabled=self.dtype == "bfloat16"):
            logits = self.forward(inputs).view(-1, self.classes)
            self.last = torch.nn.functional.cross_entropy(logits, labels)
        self.last.backward()
        self.optimizer.step()
        self.optimizer.zero_grad()

    def loss(self) -> float:
        return float(self.last.detach())

    def where(self) -> dict[str, float]:
        """Return the seconds a step of the operators that take longest."""
        profiler, steps = self.torch.profiler, 3
        with profiler.profile(activities=[profiler.ProfilerActivity.CPU]) as profile:
            self.run(steps)
        events = sorted(profile.key_averages(), key=lambda e: -e.self_cpu_time_total)
        # The names of compiled graphs are long.
        return {e.key[:40]: e.self_cpu_time_total * 1e-6 / steps for e in events[:_SHOWN]}


class TorchReference(TorchTrainer):
    """In float64, for the losses only."""

    name = "torch float64"
    dtype = "float64"


class TorchChannelsLast(TorchTrainer):
    """Images as (batch, height, width, channels)."""

    name = "torch float32, channels last"
    is_channels_last = True


class TorchCompiled(TorchTrainer):
    """After torch.compile."""

    name = "torch float32, compiled"
    is_compiled = True


class TorchCompiledChannelsLast(TorchChannelsLast):
    """Both."""

    name = "torch float32, channels last, compiled"
    is_compiled = True


class _Autocast(TorchTrainer):
    dtype = "bfloat16"
    state_dtype = "bfloat16"  # compared with swiftopt's bfloat16


class TorchAutocast(_Autocast):
    """Forward and loss under autocast, weights float32."""

    name = "torch autocast bf16"


class TorchAutocastChannelsLast(_Autocast):
    """The same with channels last."""

    name = "torch autocast bf16, channels last"
    is_channels_last = True


class TorchAutocastCompiled(_Autocast):
    """The same after torch.compile."""

    name = "torch autocast bf16, compiled"
    is_compiled = True


class TorchAutocastCompiledChannelsLast(TorchAutocastChannelsLast):
    """All three."""

    name = "torch autocast bf16, channels last, compiled"
    is_compiled = True


FLOAT32 = (TorchTrainer, TorchCompiled)
BFLOAT16 = (TorchAutocast, TorchAutocastCompiled)
FLOAT32_IMAGES = (*FLOAT32, TorchChannelsLast, TorchCompiledChannelsLast)
BFLOAT16_IMAGES = (*BFLOAT16, TorchAutocastChannelsLast, TorchAutocastCompiledChannelsLast)
