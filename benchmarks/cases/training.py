"""Whole training steps of networks, against torch at its best."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from ..contenders import Contender
from ..layer_networks import SwiftOptBFloat16Trainer, SwiftOptReference, SwiftOptTrainer
from ..networks import CNN, MLP, RESNET, TRANSFORMER, Network
from ..peers.torch_training import (
    BFLOAT16,
    BFLOAT16_IMAGES,
    FLOAT32,
    FLOAT32_IMAGES,
    TorchReference,
)
from ..training import TrainingProblem
from .base import THREADS, Bar, Case

_OURS = SwiftOptTrainer.name
_BFLOAT16 = SwiftOptBFloat16Trainer.name
#: Of the batch that the losses are compared with: in float64 torch's convolutions are slow.
_CHECK_BATCH = 16


@dataclass(frozen=True)
class TrainingCase(Case):
    """A case about steps with batches of one size."""

    network: Network = MLP
    batch: int = 0

    def problem(self, is_small: bool) -> TrainingProblem:
        batch = min(self.batch, _CHECK_BATCH) if is_small else self.batch
        return TrainingProblem(self.network, batch, THREADS, (TorchReference, SwiftOptReference))

    def bytes_per_step(self, problem: TrainingProblem) -> int:
        return 0  # several limits in one


def _names(kinds: Sequence[type[Contender]]) -> tuple[str, ...]:
    return tuple(kind.name for kind in kinds)


def _case(
    network: Network,
    batch: int,
    *,
    against_torch: float,
    bf16_against: Bar | None,
    bf16_gain: float,
) -> TrainingCase:
    has_images = len(network.input_shape) == 3
    float32 = FLOAT32_IMAGES if has_images else FLOAT32
    bfloat16 = BFLOAT16_IMAGES if has_images else BFLOAT16
    bars = [Bar(_OURS, 1 / against_torch, _names(float32))]
    if bf16_against is not None:
        bars.append(bf16_against)
    bars.append(Bar(_BFLOAT16, 1 / bf16_gain, (_OURS,)))
    return TrainingCase(
        f"train-{network.name}-{batch}",
        f"training step, batch {batch}: {network.title}, AdamW",
        (SwiftOptTrainer, SwiftOptBFloat16Trainer, *float32, *bfloat16),
        tuple(bars),
        elements=sum(math.prod(array.shape) for array in network.parameters()),
        bytes_needed=2 * 10**9,
        # Long: two threads that wake up together may share a processor for some milliseconds.
        sample_seconds=0.25,
        network=network,
        batch=batch,
    )


TRAINING: tuple[Case, ...] = (
    *(
        _case(
            MLP,
            batch,
            against_torch=1.2,
            bf16_against=Bar(_BFLOAT16, 1 / 1.3, _names(BFLOAT16)),
            bf16_gain=gain,
        )
        for batch, gain in ((128, 1.45), (512, 1.6))
    ),
    _case(
        CNN,
        128,
        against_torch=1.2,
        bf16_against=Bar(_BFLOAT16, 1 / 3, _names(FLOAT32_IMAGES)),
        bf16_gain=1.8,
    ),
    _case(RESNET, 128, against_torch=1.0, bf16_against=None, bf16_gain=1.4),
    _case(TRANSFORMER, 16, against_torch=1.0, bf16_against=None, bf16_gain=1.4),
)
