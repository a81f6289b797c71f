"""A branch that is added to its input."""

from __future__ import annotations

from swiftopt.nn._fusion import add_with_gradients
from swiftopt.nn._module import Module
from swiftopt.nn._planner import Planner
from swiftopt.nn._values import Value


class Residual(Module):
    """y = branch(x) + x, or branch(x) + shortcut(x) (He et al. 2015, section 3.2).

    The addition is computed with the last layer of the branch where that can: a product, or
    batch norm, then also with a ReLU that follows.

    Parameters
    ----------
    branch : Module
        What is learned beside the identity.
    shortcut : Module, optional
        What the input goes through where the branch changes its shape, such as a
        ``Conv2d(32, 64, 1, stride=2)``.

    Examples
    --------
    >>> import numpy as np
    >>> from swiftopt import nn
    >>> block = nn.Residual(nn.Sequential(nn.Linear(3, 3), nn.ReLU(), nn.Linear(3, 3)))
    >>> for array in block.named_parameters().values():
    ...     array[...] = 0
    >>> block(np.ones((1, 3), np.float32)).tolist()
    [[1.0, 1.0, 1.0]]
    """

    def __init__(self, branch: Module, shortcut: Module | None = None) -> None:
        super().__init__()
        for name, module in (("branch", branch), ("shortcut", shortcut)):
            if not isinstance(module, Module) and (name == "branch" or module is not None):
                raise TypeError(
                    f"Residual: {name} is a {type(module).__name__}; it must be a Module"
                )
        self.branch = branch
        self.shortcut = shortcut

    def plan(self, x: Value, planner: Planner) -> Value:
        """Record the shortcut, the branch and their sum."""
        x = planner.activation(x)
        planner.keep(x)
        short = x if self.shortcut is None else planner.child("shortcut", self.shortcut, x)
        planner.keep(short)
        long = planner.child("branch", self.branch, x)
        if long.shape != short.shape:
            of = "input" if self.shortcut is None else "shortcut"
            raise ValueError(
                f"Residual: branch has output shape {long.shape}, {of} has shape {short.shape}; "
                "they must be the same to be added"
            )
        return add_with_gradients(planner, short, long)
