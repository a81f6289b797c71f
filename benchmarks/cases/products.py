"""Matrix products of square sizes, and those of training steps with both gradients."""

from __future__ import annotations

from dataclasses import dataclass

from ..products import LINEUP, ProductProblem, create
from .base import THREADS, Case


@dataclass(frozen=True)
class ProductCase(Case):
    """A case about one shape."""

    rows: int = 0
    columns: int = 0
    depth: int = 0
    a_is_transposed: bool = False
    b_is_transposed: bool = False

    def problem(self, is_small: bool) -> ProductProblem:
        return create(
            self.rows,
            self.columns,
            self.depth,
            self.a_is_transposed,
            self.b_is_transposed,
            THREADS,
        )

    def bytes_per_step(self, problem: ProductProblem) -> int:
        return problem.bytes_per_product()


def _case(what: str, rows: int, columns: int, depth: int, operands: str) -> ProductCase:
    elements = rows * columns + rows * depth + columns * depth
    return ProductCase(
        f"matmul-{what}",
        f"matrix product: {rows:,} x {columns:,}, {depth:,} deep, {operands}",
        LINEUP,
        elements=elements,
        bytes_needed=40 * elements,
        sample_seconds=0.05,  # see training.py
        rows=rows,
        columns=columns,
        depth=depth,
        a_is_transposed=operands[0] == "T",
        b_is_transposed=operands[1] == "T",
    )


def _layer(batch: int, inputs: int, outputs: int) -> tuple[ProductCase, ...]:
    """The three products of a linear layer, whose weight is (outputs, inputs)."""
    name = f"{batch}-{inputs}-{outputs}"
    return (
        _case(f"{name}-forward", batch, outputs, inputs, "NT"),
        _case(f"{name}-input-gradient", batch, inputs, outputs, "NN"),
        _case(f"{name}-weight-gradient", outputs, inputs, batch, "TN"),
    )


#: A square size, and a fully connected, a pointwise convolution and a transformer layer.
PRODUCTS: tuple[ProductCase, ...] = (
    *(_case(f"{side}", side, side, side, "NN") for side in (128, 256, 512, 1024)),
    *(case for batch in (128, 512, 1024) for case in _layer(batch, 784, 512)),
    *_layer(128, 512, 512),
    *_layer(512, 512, 512),
    *_layer(25088, 32, 64),
    *_layer(2048, 512, 128),
)
