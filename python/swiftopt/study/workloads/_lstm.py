"""A recurrent network (LSTM) on the bytes of a text."""

from __future__ import annotations

from swiftopt import nn
from swiftopt.study._config import Config
from swiftopt.study.workloads import _text
from swiftopt.study.workloads._workload import Workload


def lstm(held_out: bool = False) -> Workload:
    """Return the workload; held out are the text and the width."""
    width, context = (96, 64) if held_out else (128, 64)

    def network(config: Config) -> nn.Module:
        return nn.Sequential(
            nn.Embedding(_text.BYTES, 64),
            nn.LSTM(64, width),
            *([nn.Dropout(config.dropout)] if config.dropout else []),
            nn.Linear(width, _text.BYTES),
        )

    return Workload(
        name="lstm" + "-held-out" * held_out,
        title=f"character LSTM of {width}, " + ("New Testament" if held_out else "Old Testament"),
        load=lambda: _text.windows(held_out, context),
        network=network,
        metric="loss",
        batch_size=32,
        budget=400,
        every=20,
        evaluation_batch=80,
        settings={"width": width, "context": context, "new_testament": held_out},
        parts=frozenset({"dropout", "bfloat16", "clip_norm"}),
        seconds=5.5,
        variant_of="lstm" if held_out else None,
    )
