"""Feeding of data: augmentation, reading, memory, and what training waits for."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from .. import feed_memory, shards, waits
from ..contenders import Contender
from ..feeds import FeedProblem, SwiftOptFeed
from ..networks import CNN, MLP, Network
from ..numpy_feeds import LOOPS, NumPyNaive
from ..peers.torch_feeds import LOADERS, TorchIndexing
from .base import THREADS, Bar, Case, faster, within

_COUNT, _BATCH = 60_000, 128
#: Enough that each of the 162 crops occurs.
_CHECK_COUNT = 4_000
_CHECK_BATCHES = 20
_OURS = SwiftOptFeed.name


@dataclass(frozen=True)
class AugmentCase(Case):
    """A case about epochs of augmented images."""

    def problem(self, is_small: bool) -> FeedProblem:
        return FeedProblem(_CHECK_COUNT if is_small else _COUNT, _BATCH, THREADS, False)

    def bytes_per_step(self, problem: FeedProblem) -> int:
        return 5 * problem.images.size  # uint8 in, float32 out


@dataclass(frozen=True)
class ShardCase(Case):
    """A case about files; the check reads all of them."""

    size: int = 0

    def problem(self, is_small: bool) -> shards.ShardProblem:
        return shards.shards(self.size, THREADS)

    def bytes_per_step(self, problem: shards.ShardProblem) -> int:
        return problem.size


@dataclass(frozen=True)
class WaitCase(Case):
    """A case about the epochs of a training."""

    network: Network = MLP
    batches: int = 0

    def problem(self, is_small: bool) -> waits.WaitProblem:
        batches = min(self.batches, _CHECK_BATCHES) if is_small else self.batches
        return waits.WaitProblem(self.network, batches, _BATCH, THREADS)

    def bytes_per_step(self, problem: waits.WaitProblem) -> int:
        return 0


def _wait_case(network: Network, batches: int, at_most: float) -> WaitCase:
    return WaitCase(
        f"data-wait-{network.name}",
        f"epoch of {batches} batches of {_BATCH}, augmented as above, fed to a training in"
        f" bfloat16: {network.title}, AdamW",
        waits.LINEUP,
        tuple(Bar(_OURS, at_most, measure=measure) for measure in (waits.WAITING, waits.SAYS)),
        elements=batches * _BATCH,
        bytes_needed=2 * 10**9,
        sample_seconds=0.25,
        network=network,
        batches=batches,
    )


def _shard_case(
    name: str, title: str, size: int, lineup: Sequence[type[Contender]], *bars: Bar
) -> ShardCase:
    return ShardCase(
        name,
        title,
        lineup,
        bars,
        elements=size // 1000,  # reading is quick
        bytes_needed=3 * size,  # the files in the page cache, and one while it is made
        sample_seconds=0.25,
        size=size,
    )


DATA: tuple[Case, ...] = (
    AugmentCase(
        "data-augment-28",
        f"epoch of {_COUNT:,} images 28 x 28 from uint8 to float32 in batches of {_BATCH}:"
        " shuffled, random crop with padding 4, flip, normalise",
        (SwiftOptFeed, *LOOPS, NumPyNaive, TorchIndexing, *LOADERS),
        (faster(50, *LOADERS), faster(3, *LOOPS)),
        elements=_COUNT,
        bytes_needed=10**9,
        sample_seconds=0.25,
    ),
    _shard_case(
        "data-shards-2gb",
        "2 GB of uint8 samples in 8 files, in the page cache, into batches of 256",
        2 * 10**9,
        shards.LINEUP,
        within(1 / 0.7, shards.Cat),
    ),
    _shard_case(
        "data-memory",
        "two shuffled epochs of 400 MB in files with a cache of 40 MB, process and import included",
        4 * 10**8,
        feed_memory.LINEUP,
        *(Bar(kind.name, 1.0, measure=feed_memory.OVER) for kind in feed_memory.LINEUP),
    ),
    # Fashion-MNIST has 468 batches; fewer of the slow network, so that rounds don't take minutes.
    _wait_case(CNN, 100, 0.02),
    _wait_case(MLP, 468, 0.10),
)
