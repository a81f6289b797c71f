"""The tail of a mixed-precision step in torch: unscale, clip, AdamW, copy, zero."""

from __future__ import annotations

from typing import Any

from ..contenders import Stepper
from ..loading import load
from ..problem import Problem
from .torch_optim import as_tensor, share_states


class TorchTail(Stepper):
    """What the ways of writing it have in common.

    The float32 parameters are the masters of a model in bfloat16 (problem.copies), whose
    gradients are in float32, and then the masters' own, or in bfloat16: then they are
    widened into buffers that exist already, because the optimizers take only gradients
    of the parameter's dtype.
    """

    def __init__(self, problem: Problem) -> None:
        super().__init__(problem)
        torch = self.torch = load("torch")
        self.parameters = [as_tensor(torch, p).requires_grad_() for p in problem.parameters]
        self.gradients = [as_tensor(torch, g) for g in problem.gradients]
        self.copies = [as_tensor(torch, c) for c in problem.copies or ()]
        self.is_widened = self.gradients[0].dtype != self.parameters[0].dtype
        self.used = [g.float() for g in self.gradients] if self.is_widened else self.gradients
        for p, g in zip(self.parameters, self.used, strict=True):
            p.grad = g
        self.optimizer = self.new_optimizer()
        share_states(torch, self.optimizer, self.parameters, problem)

    def new_optimizer(self) -> Any:
        return self.torch.optim.AdamW(self.parameters, **self.problem.rule.options, fused=True)

    def update(self) -> None:
        """Unscale, look for inf and nan, clip, and step."""
        raise NotImplementedError

    def begin(self) -> None:
        super().begin()
        self.torch.set_num_threads(self.problem.threads)

    def run(self, repeats: int) -> None:
        torch = self.torch
        with torch.no_grad():
            for _ in range(repeats):
                if self.is_widened:
                    torch._foreach_copy_(self.used, self.gradients)
                self.update()
                torch._foreach_copy_(self.copies, self.parameters)
                torch._foreach_zero_(self.gradients)


class TorchAsWritten(TorchTail):
    """GradScaler, clip_grad_norm_ and the fused AdamW: the documented recipe."""

    name = "torch, as written"

    def __init__(self, problem: Problem) -> None:
        super().__init__(problem)
        scale = problem.settings.loss_scale
        # An interval that is never reached: the scale is to stay.
        self.scaler = self.torch.amp.GradScaler("cpu", init_scale=scale, growth_interval=10**9)
        self.scaler.scale(self.torch.zeros(()))

    def update(self) -> None:
        self.scaler.unscale_(self.optimizer)
        self.torch.nn.utils.clip_grad_norm_(self.parameters, self.problem.settings.clip_norm)
        self.scaler.step(self.optimizer)
        self.scaler.update()


class TorchDefaultTail(TorchAsWritten):
    """The same recipe with the optimizer that `AdamW(parameters)` gives on a CPU."""

    name = "torch, defaults"

    def new_optimizer(self) -> Any:
        return self.torch.optim.AdamW(self.parameters, **self.problem.rule.options)


def clipped_scale(torch: Any, gradients: list[Any], problem: Problem) -> tuple[Any, Any]:
    """Return what the gradients must be divided by, and whether they have inf or nan."""
    norms = [torch.linalg.vector_norm(g, dtype=torch.float32) for g in gradients]
    norm = torch.linalg.vector_norm(torch.stack(norms)) / problem.settings.loss_scale
    clip = torch.clamp(norm / problem.settings.clip_norm, min=1.0)
    return clip * problem.settings.loss_scale, (~torch.isfinite(norm)).float()


class TorchExpert(TorchTail):
    """The norm first, then its factor through the fused optimizer's own unscaling.

    Reads the gradients once less than the recipe, and in their own dtype for the norm.
    """

    name = "torch, expert"

    def update(self) -> None:
        scale, found_inf = clipped_scale(self.torch, self.gradients, self.problem)
        # What GradScaler.step sets for a fused optimizer whose gradients are scaled.
        self.optimizer.grad_scale, self.optimizer.found_inf = scale, found_inf
        self.optimizer.step()
