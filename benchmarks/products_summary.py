"""How fast swiftopt's matrix products are against others', over all shapes."""

from __future__ import annotations

import math
from collections.abc import Sequence

from .cases import Outcome
from .cases.products import ProductCase
from .products import FLOAT32, SwiftOptFloat32Product, SwiftOptProduct, TorchProduct

#: Who, against the fastest of whom, and how fast at least.
_BARS: tuple[tuple[str, tuple[str, ...], float], ...] = (
    (SwiftOptProduct.name, (TorchProduct.name,), 0.95),
    (SwiftOptProduct.name, tuple(kind.name for kind in FLOAT32), 1.8),
    (SwiftOptFloat32Product.name, tuple(kind.name for kind in FLOAT32), 1.0),
)


def describe_products(outcomes: Sequence[Outcome]) -> str:
    """Return the geometric means of the speeds' ratios, or "" without matrix products.

    Only of shapes whose contenders all gave right results; disturbed measurements count, and
    are counted.
    """
    products = [each for each in outcomes if isinstance(each.case, ProductCase) and each.timings]
    lines = []
    for own, others, bar in _BARS:
        ratios = [ratio for each in products if (ratio := _ratio(each, own, others)) is not None]
        if ratios:
            mean = math.exp(sum(map(math.log, ratios)) / len(ratios))
            lines.append(
                f"  {own} / {' or '.join(others)}: {mean:.2f} x as fast"
                f" (at least {bar} x; {min(ratios):.2f} ... {max(ratios):.2f}"
                f" over {len(ratios)} shapes)"
            )
    if not lines:
        return ""
    disturbed = sum(1 for each in products if each.timings and each.timings.disturbances)
    note = f", {disturbed} of {len(products)} disturbed by other processes" if disturbed else ""
    return "\n".join([f"\nMatrix products, geometric means{note}:", *lines])


def _ratio(outcome: Outcome, own: str, others: Sequence[str]) -> float | None:
    timings = outcome.timings
    if timings is None:
        return None
    right = [name for name in timings.seconds if outcome.checks[name].passed]
    times = [timings.time(name).median for name in others if name in right]
    return min(times) / timings.time(own).median if times and own in right else None
