"""The table of a network's shapes, parameters, operations and bytes."""

from __future__ import annotations

from collections.abc import Sequence
from math import prod
from operator import index
from typing import TYPE_CHECKING

from swiftopt.nn._memory import assign_slots
from swiftopt.nn._plan import Recording
from swiftopt.nn._values import Call, Value

if TYPE_CHECKING:
    from swiftopt.nn._module import Module

_HEADER = ("layer", "", "output shape", "parameters", "FLOPs", "bytes")


def record(module: Module, input_shape: tuple[int, ...]) -> Recording:
    """Return the calls for an input of this shape, without any memory."""
    try:
        shape = tuple(map(index, input_shape))
    except TypeError:  # also for a single number
        shape = ()
    if not shape or min(shape) <= 0:
        raise ValueError(
            f"input_shape is {input_shape!r}; it must be a tuple of positive ints, the batch first"
        )
    return Recording(module, shape, module.input_kind())


def summarize(module: Module, input_shape: tuple[int, ...]) -> str:
    """Return the table."""
    recording = record(module, input_shape)
    outputs = recording.planner.outputs
    forward: dict[str, list[Call]] = {path: [] for path in outputs}
    for call in recording.forward:
        forward[call.path].append(call)
    rows, total_flops, total_bytes = [_HEADER], 0, 0
    for path, part in module.named_modules().items():
        if path not in outputs:  # a child that `plan` doesn't use
            continue
        calls = forward[path]
        flops, nbytes = sum(map(call_flops, calls)), sum(map(call_bytes, calls))
        total_flops, total_bytes = total_flops + flops, total_bytes + nbytes
        if part.children() and not calls:
            continue
        count = sum(getattr(part, name).size for name in part.parameter_names())
        shape = " x ".join(map(str, outputs[path].shape))
        moved = _short(nbytes) if calls else "with the above"
        name = path or type(module).__name__
        title = (
            type(part).__name__ if part.children() else f"{type(part).__name__}({part.describe()})"
        )
        rows.append((name, title, shape, f"{count:,}", _short(flops), moved))
    parameters = module.named_parameters().values()
    count = sum(array.size for array in parameters)
    rows.append(("total", "", "", f"{count:,}", _short(total_flops), _short(total_bytes)))
    notes = [
        f"parameters take {_in_bytes(sum(array.nbytes for array in parameters))}, "
        + _activations(recording),
        "FLOPs: 2 for each multiply-add of a product or convolution in the forward pass;",
        "the backward pass has about twice as many. Bytes: what the forward pass reads and writes.",
    ]
    return "\n".join([*_table(rows), *notes])


def call_flops(call: Call) -> int:
    """Return the operations of products and convolutions, 2 per multiply-add; else 0."""
    sizes = call.sizes
    match call.function.name:
        case "matmul":
            return 2 * sizes["rows"] * sizes["columns"] * sizes["depth"]
        case "conv2d":
            kernel = sizes["kernel_height"] * sizes["kernel_width"]
            return 2 * _output_count(call) * kernel * sizes["in_channels"] // sizes["groups"]
        case "depthwise_conv2d":
            return 2 * _output_count(call) * sizes["kernel_height"] * sizes["kernel_width"]
        case "attention":
            pairs = sizes["time"] ** 2
            pairs = (pairs + sizes["time"]) // 2 if call.settings.get("causal") else pairs
            return 4 * sizes["batch"] * sizes["heads"] * pairs * sizes["head_dim"]
    return 0


def call_bytes(call: Call) -> int:
    """Return how many bytes a call reads and writes, each array once."""
    total = 0
    for *_, operand in call.operands():
        if isinstance(operand, Value):
            total += operand.count * operand.storage.nbytes // max(operand.storage.count, 1)
        elif operand is not None:
            total += operand.nbytes
    return total


def _output_count(call: Call) -> int:
    y = call.arrays["y"]
    return prod(y.shape) if y is not None else 0


def _activations(recording: Recording) -> str:
    calls = (*recording.forward, *recording.backward)
    slots = set(assign_slots(calls, recording.kept()).values())
    what = "activations and their gradients" if recording.backward else "activations"
    return f"{what} {_in_bytes(sum(slot.nbytes for slot in slots))}"


def _table(rows: Sequence[tuple[str, ...]]) -> list[str]:
    widths = [max(len(row[column]) for row in rows) for column in range(len(_HEADER))]
    lines = [
        "  ".join(
            cell.ljust(width) if column < 3 else cell.rjust(width)
            for column, (cell, width) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in rows
    ]
    rule = "-" * max(map(len, lines))
    return [lines[0], rule, *lines[1:-1], rule, lines[-1]]


def _in_bytes(number: int) -> str:
    text = _short(number)
    return f"{text}B" if " " in text else f"{text} B"


def _short(number: int) -> str:
    """Return a number with three digits and a letter for its magnitude."""
    value, letters = float(number), ["", " k", " M", " G", " T"]
    while value >= 999.5 and len(letters) > 1:
        value, _ = value / 1000, letters.pop(0)
    return f"{value:.3g}{letters[0]}"
