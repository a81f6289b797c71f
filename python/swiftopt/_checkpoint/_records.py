"""An optimizer's record for people to look at."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from swiftopt._checkpoint._reader import Reader
from swiftopt._checkpoint._schedules import readable
from swiftopt._checkpoint._values import decoded, no_fetch


def recorded_optimizer(record: dict[str, Any], reader: Reader) -> Iterator[tuple[str, Any]]:
    """Yield what there is to see in a record, with the state in new arrays."""
    yield "class", record["class"]
    steps = record["steps"]
    yield "step_count", steps if isinstance(steps, int) else dict(steps)
    for name in ("seed", "accumulate"):
        yield name, decoded(record[name], no_fetch)
    yield (
        "options",
        {name: readable(value) for name, value in record["options"].items()},
    )
    yield (
        "groups",
        [
            {
                "params": list(group["params"]),
                "low_precision": group["low_precision"],
                "state_dtypes": dict(group["state_dtypes"]),
                **{name: readable(value) for name, value in group["hyperparameters"].items()},
            }
            for group in record["groups"]
        ],
    )
    yield (
        "state",
        {
            name: {slot: reader.fetch_once(tensor) for slot, tensor in slots.items()}
            for name, slots in record["state"]
        },
    )
