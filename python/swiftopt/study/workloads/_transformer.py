"""A causal transformer on the bytes of a text."""

from __future__ import annotations

from swiftopt import nn
from swiftopt.study._config import Config
from swiftopt.study.workloads import _text
from swiftopt.study.workloads._workload import Workload


def transformer(held_out: bool = False) -> Workload:
    """Return the workload (pre-norm, GELU, learnt positions); held out are text and width."""
    width, heads, blocks, context = (96, 4, 3, 64) if held_out else (128, 4, 2, 64)

    def network(config: Config) -> nn.Module:
        def branch(*layers: nn.Module) -> nn.Module:
            dropout = [nn.Dropout(config.dropout)] if config.dropout else []
            return nn.Residual(nn.Sequential(nn.LayerNorm(width), *layers, *dropout))

        parts: list[nn.Module] = []
        for _ in range(blocks):
            parts += [
                branch(nn.MultiHeadAttention(width, heads, causal=True)),
                branch(nn.Linear(width, 4 * width), nn.GELU(), nn.Linear(4 * width, width)),
            ]
        return nn.Sequential(
            nn.Embedding(_text.BYTES, width),
            nn.PositionalEmbedding(context, width),
            *parts,
            nn.LayerNorm(width),
            nn.Linear(width, _text.BYTES),
        )

    return Workload(
        name="transformer" + "-held-out" * held_out,
        title=f"character transformer, {blocks} × {width}, "
        + ("New Testament" if held_out else "Old Testament"),
        load=lambda: _text.windows(held_out, context),
        network=network,
        metric="loss",
        batch_size=16,
        budget=400,
        every=20,
        evaluation_batch=80,
        settings={"width": width, "heads": heads, "blocks": blocks, "context": context}
        | {"new_testament": held_out},
        parts=frozenset({"dropout", "bfloat16", "clip_norm"}),
        seconds=9.5,
        variant_of="transformer" if held_out else None,
    )
