"""torch.optim: the fused or foreach form of a rule, and the default one."""

from __future__ import annotations

from typing import Any

from ..contenders import Stepper
from ..loading import MissingError, load
from ..problem import Problem
from ..rules import Array


def as_tensor(torch: Any, array: Array) -> Any:
    """Return a tensor over the memory of an array; torch doesn't know ml_dtypes."""
    if array.dtype.name == "bfloat16":
        return torch.from_numpy(array.view("int16")).view(torch.bfloat16)
    return torch.from_numpy(array)


class Torch(Stepper):
    """The fastest form that torch.optim has of the rule, on the shared arrays."""

    name = "torch fused"
    default_form = False

    def __init__(self, problem: Problem) -> None:
        super().__init__(problem)
        self.torch = load("torch")
        rule = problem.rule
        kind = rule.torch_kind
        if kind is None or not hasattr(self.torch.optim, rule.class_name):
            raise MissingError(f"torch.optim has no {rule.class_name}")
        form: dict[str, bool] = {}
        if not self.default_form:
            self.name = f"torch {kind}"
            form = {} if kind == "default" else {kind: True}
        self.parameters = [as_tensor(self.torch, p).requires_grad_() for p in problem.parameters]
        self.gradients = [as_tensor(self.torch, g) for g in problem.gradients]
        if problem.settings.clip_norm is not None:
            # clip_grad_norm_ writes to the gradients; the others need theirs whole.
            self.gradients = [g.clone() for g in self.gradients]
        for p, g in zip(self.parameters, self.gradients, strict=True):
            p.grad = g
        options = rule.options if rule.torch_options is None else rule.torch_options
        self.optimizer = getattr(self.torch.optim, rule.class_name)(
            self.parameters, **options, **form
        )
        share_states(self.torch, self.optimizer, self.parameters, problem)

    def begin(self) -> None:
        super().begin()
        self.torch.set_num_threads(self.problem.threads)

    def run(self, repeats: int) -> None:
        step, clip_norm = self.optimizer.step, self.problem.settings.clip_norm
        clip = self.torch.nn.utils.clip_grad_norm_
        for _ in range(repeats):
            if clip_norm is not None:
                clip(self.parameters, clip_norm)
            step()

    def load_gradients(self) -> None:
        for mine, g in zip(self.gradients, self.problem.gradients, strict=True):
            mine.copy_(as_tensor(self.torch, g))


class TorchDefault(Torch):
    """What `torch.optim.AdamW(parameters)` does on a CPU: a Python loop over tensors."""

    name = "torch default"
    default_form = True


def share_states(torch: Any, optimizer: Any, parameters: list[Any], problem: Problem) -> None:
    """Let a torch optimizer use the problem's state arrays, where both have the same ones."""
    for p, slots in zip(parameters, problem.slots, strict=False):
        if problem.rule.slot_names:
            optimizer.state[p]["step"] = torch.tensor(0.0)
        for name in problem.rule.slot_names:
            optimizer.state[p][name] = as_tensor(torch, slots[name])
