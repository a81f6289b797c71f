"""Optimizers with 8-bit states: torchao's, which torch compiles, and bitsandbytes'.

Both leave small tensors, and torchao those whose size isn't a multiple of 256 elements,
silently in float32: the cases have none of these.
"""

from __future__ import annotations

from typing import Any

from ..contenders import Stepper
from ..loading import MissingError, load
from ..problem import Problem
from .torch_optim import as_tensor


class EightBit(Stepper):
    """An AdamW of the torch interface with states of its own."""

    state_dtype = "block8"

    def __init__(self, problem: Problem) -> None:
        super().__init__(problem)
        self.torch = load("torch")
        self.parameters = [as_tensor(self.torch, p).requires_grad_() for p in problem.parameters]
        for p, g in zip(self.parameters, problem.gradients, strict=True):
            p.grad = as_tensor(self.torch, g)
        self.optimizer = self.new_optimizer()
        self._try()
        self.optimizer = self.new_optimizer()

    def new_optimizer(self) -> Any:
        raise NotImplementedError

    def state_elements(self, state: Any) -> list[Any]:
        """Return the arrays that must be in 8 bits."""
        raise NotImplementedError

    def begin(self) -> None:
        super().begin()
        self.torch.set_num_threads(self.problem.threads)

    def run(self, repeats: int) -> None:
        step = self.optimizer.step
        for _ in range(repeats):
            step()

    def _try(self) -> None:
        """Compile, and see that the states are in 8 bits; changes no parameter."""
        before = [p.detach().clone() for p in self.parameters]
        self.torch.set_num_threads(self.problem.threads)
        try:
            self.optimizer.step()
        except Exception as error:  # whatever a compiler may raise
            raise MissingError(f"{type(error).__name__}: {str(error)[:300]}") from error
        for p, old in zip(self.parameters, before, strict=True):
            widths = [a.element_size() for a in self.state_elements(self.optimizer.state[p])]
            if widths != [1, 1]:
                raise MissingError(f"keeps its states in {widths} bytes an element")
            p.detach().copy_(old)


class TorchAO(EightBit):
    """torchao.optim.AdamW8bit, in blocks of 256; torch compiles its step."""

    name = "torchao AdamW8bit"

    def new_optimizer(self) -> Any:
        kind = load("torchao.optim").AdamW8bit
        return kind(self.parameters, **self.problem.rule.options, block_size=256)

    def state_elements(self, state: Any) -> list[Any]:
        return [getattr(state[name], "codes", state[name]) for name in ("exp_avg", "exp_avg_sq")]


class BitsAndBytes(EightBit):
    """bitsandbytes.optim.AdamW8bit, in blocks of 256."""

    name = "bitsandbytes AdamW8bit"

    def new_optimizer(self) -> Any:
        kind = load("bitsandbytes").optim.AdamW8bit
        return kind(self.parameters, **self.problem.rule.options)

    def state_elements(self, state: Any) -> list[Any]:
        return [state["state1"], state["state2"]]
