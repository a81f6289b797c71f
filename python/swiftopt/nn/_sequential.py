"""Layers one after the other."""

from __future__ import annotations

from collections.abc import Iterator

from swiftopt.nn._module import Module
from swiftopt.nn._planner import Planner
from swiftopt.nn._values import Value


class Sequential(Module):
    """Each module's output is the next one's input.

    Parameters
    ----------
    *layers : Module
        Their parameters are called "0.weight", "0.bias", "1.weight", ...

    Examples
    --------
    >>> import numpy as np, swiftopt as so
    >>> from swiftopt import nn
    >>> net = nn.Sequential(nn.Linear(4, 16), nn.ReLU(), nn.Linear(16, 3)).reset_parameters(0)
    >>> loss = nn.CrossEntropyLoss()
    >>> optimizer = so.AdamW(net.named_parameters(), lr=1e-2)
    >>> x, labels = np.eye(4, dtype=np.float32), np.array([0, 1, 2, 0])
    >>> for step in range(100):
    ...     value = loss(net(x), labels)
    ...     _ = net.backward(loss.backward())
    ...     report = optimizer.step(net.gradients())
    >>> value < 0.1
    True
    """

    def __init__(self, *layers: Module) -> None:
        super().__init__()
        for index, layer in enumerate(layers):
            if not isinstance(layer, Module):
                raise TypeError(
                    f"Sequential: layer {index} is a {type(layer).__name__}; it must be a Module"
                )
        self.layers = layers

    def children(self) -> dict[str, Module]:
        """Return the layers by their positions."""
        return {str(index): layer for index, layer in enumerate(self.layers)}

    def input_kind(self) -> str:
        """Return the first layer's."""
        return self.layers[0].input_kind() if self.layers else self.dtype

    def plan(self, x: Value, planner: Planner) -> Value:
        """Record all layers."""
        for name, layer in self.children().items():
            x = planner.child(name, layer, x)
        return x

    def __len__(self) -> int:
        return len(self.layers)

    def __getitem__(self, index: int) -> Module:
        return self.layers[index]

    def __iter__(self) -> Iterator[Module]:
        return iter(self.layers)
