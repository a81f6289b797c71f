"""What is computed by the call before it, while its result is still in registers.

Each function looks at the call that wrote a value. If nobody has read the value yet and the
call can compute more, it does; else a call of its own is recorded.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from swiftopt._arrays import Array
from swiftopt.nn._planner import Planner
from swiftopt.nn._values import Call, Value

#: SO_ACTIVATION_... of swiftopt.h.
ACTIVATIONS = {"relu": 1, "gelu": 2, "silu": 3, "tanh": 4, "sigmoid": 5}
#: Those whose derivative follows from their output; the others need their input.
FROM_OUTPUT = frozenset({"relu", "tanh", "sigmoid"})


def activate(
    planner: Planner, x: Value, activation: str, settings: Mapping[str, float] | None = None
) -> Value:
    """Record an activation and its gradient; one with settings fuses with nothing."""
    writer = _unread_writer(x)
    if writer is not None and activation == "relu" and _takes_relu(writer):
        writer.settings["relu"] = 1.0
        if writer.function.name == "batch_norm":
            return x.changed()  # its backward pass does the rest
        y = saved = x.changed()
    elif writer is not None and not settings and _takes_activation(planner, writer, activation):
        writer.settings["activation"] = ACTIVATIONS[activation]
        y = saved = x.changed()
        if planner.training and activation not in FROM_OUTPUT:
            saved = planner.value(*x.shape)
            writer.arrays["preactivation"] = saved
            saved.storage.writer = writer
    else:
        y = planner.value(*x.shape)
        planner.call(activation, {"x": x, "y": y}, {"count": x.count}, settings)
        saved = y if activation in FROM_OUTPUT else x

    def backward() -> None:
        gradient = planner.gradient(y)
        if gradient is None:
            return
        masked = _masked(planner, gradient, activation, saved, settings)
        if x.storage is y.storage:
            planner.set_gradient(x, masked)
        else:
            planner.add_gradient(x, masked)

    planner.on_backward(backward)
    return y


def _masked(
    planner: Planner,
    gradient: Value,
    activation: str,
    saved: Value,
    settings: Mapping[str, float] | None,
) -> Value:
    """Return the gradient before an activation from that after it."""
    writer = _unread_writer(gradient)
    if writer is not None and not settings and writer.has("mask") and not _is_nonlinear(writer):
        writer.arrays["mask"] = saved
        writer.settings["mask_activation"] = ACTIVATIONS[activation]
        saved.storage.reads += 1
        return gradient
    masked = planner.value(*gradient.shape)
    name = "y" if activation in FROM_OUTPUT else "x"
    planner.call(
        f"{activation}_backward",
        {"dy": gradient, name: saved, "dx": masked},
        {"count": gradient.count},
        settings,
    )
    return masked


def add(planner: Planner, a: Value, b: Value) -> Value:
    """Record a + b, without gradients."""
    for one, other in ((b, a), (a, b)):
        writer = _unread_writer(one)
        if writer is not None and writer.has("residual") and _comes_before(other, writer):
            if _is_nonlinear(writer) or one.kind != other.kind:
                continue
            writer.arrays["residual"] = other
            planner.keep(other)
            return one.changed()
    y = planner.value(*a.shape)
    planner.call("add", {"a": a, "b": b, "sum": y}, {"rows": 1, "columns": a.count})
    return y


def add_with_gradients(planner: Planner, a: Value, b: Value) -> Value:
    """Record a + b of the same shape, and its gradients."""
    y = add(planner, a, b)
    writer = y.storage.writer
    if writer is not None and writer.function.name == "batch_norm":
        return y  # its backward pass gives both gradients

    def backward() -> None:
        gradient = planner.gradient(y)
        if gradient is None:
            return
        planner.keep(gradient)  # it serves both
        for term in (a, b):
            if term.storage is not y.storage:
                planner.add_gradient(term, gradient)

    planner.on_backward(backward)
    return y


def column_sums(planner: Planner, x: Value, columns: int, out: Array) -> None:
    """Record the sums over all rows of `x`: the gradient of a bias."""
    sums = product_sums(planner, x, columns)
    if sums is not None:
        planner.action(_narrow, sums["column_sums"], out)
        return
    planner.call(
        "column_sums", {"x": x, "sums": out}, {"rows": x.count // columns, "columns": columns}
    )


def _narrow(sums: Array, out: Array) -> None:
    np.copyto(out, sums, "same_kind")


def product_sums(
    planner: Planner, x: Value, columns: int, names: tuple[str, ...] = ("column_sums",)
) -> dict[str, Value] | None:
    """Return column sums from the product that computes `x`; None if none does.

    They are those of what was stored, so only its reader may ask: nothing fuses any more.
    """
    writer = x.storage.writer
    if writer is None or x.shape[-1] != columns:
        return None
    if any(name not in writer.function.arrays for name in names):
        return None
    widths = (writer.sizes.get(name) for name in ("columns", "out_channels", "channels"))
    if columns not in widths:
        return None
    planner.keep(x)
    found = {}
    for name in names:
        value = writer.arrays.get(name)
        if not isinstance(value, Value):
            value = planner.value(columns, kind="float64")
            value.storage.writer = writer
            writer.arrays[name] = value
        found[name] = value
    return found


def before_pooling(gradient: Value) -> tuple[Value, int]:
    """Return what a gradient is the even distribution of, and over how many rows each.

    The gradient itself is then computed only if something else reads it.
    """
    writer = _unread_writer(gradient)
    if writer is None or writer.function.name != "global_avg_pool2d_backward":
        return gradient, 1
    pooled = writer.arrays["dy"]
    assert isinstance(pooled, Value)
    return pooled, writer.sizes["pixels"]


def _unread_writer(value: Value) -> Call | None:
    return value.storage.writer if value.storage.reads == 0 else None


def _comes_before(value: Value, call: Call) -> bool:
    writer = value.storage.writer
    return writer is None or writer.position < call.position


def _is_nonlinear(call: Call) -> bool:
    """Tell whether a call already applies something after which no sum may come."""
    return any(call.settings.get(name) for name in ("activation", "mask_activation", "relu"))


def _takes_relu(call: Call) -> bool:
    return "relu" in call.function.settings and not call.settings.get("relu")


def _takes_activation(planner: Planner, call: Call, activation: str) -> bool:
    if "activation" not in call.function.settings or _is_nonlinear(call):
        return False
    return (
        activation in FROM_OUTPUT or not planner.training or "preactivation" in call.function.arrays
    )
