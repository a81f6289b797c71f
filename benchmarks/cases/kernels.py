"""Single layers forward and backward, against torch and the memory limit."""

from __future__ import annotations

import math
from dataclasses import dataclass

from ..contenders import Contender
from ..kernels import KERNELS, BatchNormForward, KernelProblem
from ..layer_kernels import SwiftOptKernel
from ..limit import Limit
from ..peers.torch_kernels import TorchKernel, TorchKernelChannelsLast
from .base import THREADS, Case, within


@dataclass(frozen=True)
class KernelCase(Case):
    """A case about one direction of a layer."""

    kernel: type[KernelProblem] = BatchNormForward
    dtype: str = "float32"

    def problem(self, is_small: bool) -> KernelProblem:
        return self.kernel(self.dtype, THREADS, is_small)

    def bytes_per_step(self, problem: KernelProblem) -> int:
        return problem.bytes_per_step


def _case(kernel: type[KernelProblem], dtype: str) -> KernelCase:
    shape = kernel.shapes[0]
    torch: tuple[type[Contender], ...] = (TorchKernel,)
    if len(shape) == 4:
        torch = (TorchKernel, TorchKernelChannelsLast)
    short = {"float32": "f32", "bfloat16": "bf16"}[dtype]
    return KernelCase(
        f"layer-{short}-{kernel.name}",
        f"{kernel.title}, {' x '.join(map(str, shape))}, {dtype}",
        (SwiftOptKernel, Limit, *torch),
        (within(1.0, *torch), within(1.15, Limit)),
        elements=math.prod(shape),
        bytes_needed=40 * math.prod(shape),
        kernel=kernel,
        dtype=dtype,
    )


KERNEL_CASES: tuple[Case, ...] = tuple(
    _case(kernel, dtype) for kernel in KERNELS for dtype in ("float32", "bfloat16")
)
