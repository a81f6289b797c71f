"""DeepSpeed's CPUAdam, which is compiled on this machine at its first use."""

from __future__ import annotations

import contextlib
import io
import os
import sys
from pathlib import Path
from typing import Any

from ..contenders import Stepper
from ..loading import MissingError, load
from ..problem import Problem
from ..rules import RULES
from .torch_optim import as_tensor
from .torch_tail import TorchTail, clipped_scale


def new_cpu_adam(parameters: list[Any], problem: Problem) -> Any:
    """Return DeepSpeed's optimizer with the problem's state arrays."""
    if problem.rule is not RULES["adamw"]:
        raise MissingError("only AdamW is compared")
    folder = str(Path(sys.executable).parent)
    if folder not in os.environ.get("PATH", "").split(os.pathsep):
        # The environment's own ninja, which the compilation looks for on PATH.
        os.environ["PATH"] = os.pathsep.join((folder, os.environ.get("PATH", "")))
    adam = load("deepspeed.ops.adam")
    torch = load("torch")
    output = io.StringIO()
    try:
        with contextlib.redirect_stdout(output):
            optimizer = adam.DeepSpeedCPUAdam(
                parameters, **problem.rule.options, adamw_mode=True, bias_correction=True
            )
    except Exception as error:  # whatever its build may raise
        cause = str(error.__cause__ or error).strip().splitlines()
        raise MissingError(f"its build failed: {cause[-1] if cause else error!r}") from error
    for p, slots in zip(parameters, problem.slots, strict=True):
        state = {name: as_tensor(torch, slots[name]) for name in problem.rule.slot_names}
        optimizer.state[p] = {"step": 0, **state}
    return optimizer


class DeepSpeed(Stepper):
    """DeepSpeedCPUAdam on the shared arrays."""

    name = "DeepSpeed CPUAdam"

    def __init__(self, problem: Problem) -> None:
        super().__init__(problem)
        torch = self.torch = load("torch")
        if problem.settings.clip_norm is not None:
            raise MissingError("has no clipping")
        self.parameters = [as_tensor(torch, p).requires_grad_() for p in problem.parameters]
        for p, g in zip(self.parameters, problem.gradients, strict=True):
            p.grad = as_tensor(torch, g)
        self.optimizer = new_cpu_adam(self.parameters, problem)

    def begin(self) -> None:
        super().begin()
        self.torch.set_num_threads(self.problem.threads)

    def run(self, repeats: int) -> None:
        step = self.optimizer.step
        for _ in range(repeats):
            step()


class DeepSpeedTail(TorchTail):
    """The norm with torch, one multiplication of the gradients, then CPUAdam."""

    name = "DeepSpeed CPUAdam"

    def new_optimizer(self) -> Any:
        return new_cpu_adam(self.parameters, self.problem)

    def update(self) -> None:
        scale, found_inf = clipped_scale(self.torch, self.gradients, self.problem)
        if not found_inf:
            self.torch._foreach_mul_(self.used, 1 / scale)
            self.optimizer.step()
