"""Loader: batches that are ready when training wants them."""

from __future__ import annotations

import weakref
from collections.abc import Iterable
from types import TracebackType
from typing import Any, Self, SupportsIndex

import numpy as np

from swiftopt import _core
from swiftopt._arrays import Array
from swiftopt._groups import as_flag
from swiftopt.data._augmentation import Augmentation
from swiftopt.data._checks import (
    checked_batch_size,
    checked_rank,
    checked_sampler,
    whole,
)
from swiftopt.data._epoch import Epoch, Feed
from swiftopt.data._fields import read_fields
from swiftopt.data._native_feed import NativeFeed
from swiftopt.data._order import Order
from swiftopt.data._plans import Plans, prepared
from swiftopt.data._position import Position, checked_position
from swiftopt.data._program import as_list
from swiftopt.data._read_feed import ReadFeed
from swiftopt.data._ring import Ring
from swiftopt.data._samplers import IndexSampler, Sampler
from swiftopt.data._stats import LoaderStats


class Loader:
    """Batches of samples, gathered and converted by native threads ahead of training.

    A loop over it is one epoch; the next loop is the next epoch. All random choices follow from
    `seed`, the epoch and the sample, so results are the same bits for any `prefetch` and any
    number of threads, and for a run that was stopped and resumed.

    Parameters
    ----------
    data : array, tuple, list or dict
        What a sample consists of: an array whose first axis are the samples, or several such
        fields, each an array (`np.memmap` included), a `Shards`, or an object with `shape`,
        `dtype` and `read(indices, out)` such as `Decoded`. Batches have the same form: an
        array, a tuple or a dict of arrays. Field 0 is the one that is augmented. Arrays are
        used where they lie; each sample must be contiguous.
    batch_size : int
        Samples of a batch; the last one of an epoch may have fewer.
    shuffle : bool
        The same as `sampler=Shuffled()`.
    sampler : object, optional
        The order: `Sequential`, `Shuffled`, `Weighted`, `Balanced`, `BatchBySize` (which needs
        no batch_size), or any object with `indices(epoch)`.
    drop_last : bool
        Leave out a last batch that has fewer samples.
    seed : int
        Of all that is random, in 0 ... 2**64 - 1.
    augment : augmentation or iterable of augmentations, optional
        What happens to the images of field 0, (height, width) or (height, width, channels), in
        this order, such as [RandomCrop(28, padding=4), RandomHorizontalFlip()].
    dtype : dtype or "bfloat16", optional
        Of field 0 in the batches; by default as it is stored, or float32 if the augmentations
        need it. uint8 that becomes floating point is divided by 255, as images usually are,
        unless `scale=False`.
    label_dtype : dtype, optional
        Of field 1.
    classes : int, optional
        Makes the integers of field 1 float32 rows with so many columns, a 1 at the integer.
        Needed for `Mixup` and `CutMix`, which mix these rows as they mix the images.
    scale : bool
        Whether uint8 that becomes floating point is divided by 255.
    prefetch : int
        How many batches are filled ahead.
    threads : int, optional
        Native threads that fill them; by default as many as `so.get_num_threads()`, at most 4.
        They sleep while `prefetch` batches are ready. A loop that would wait fills too, unless
        samples come from files.
    copy : bool
        Hand out new arrays instead of memory that is used again; see Notes.
    rank, world : int
        This process's share: positions rank, rank + world, ... of the order, so that `world`
        loaders with the same seed visit each sample once. Their numbers of samples may differ
        by one, and of batches too; with `drop_last=True` on `world` equal shares they don't.
    skip_errors : bool
        Leave out samples that can't be read from their files and count them in `stats`, instead
        of raising.

    Attributes
    ----------
    epoch : int
        Number of the epoch that the loop is in, or that the next loop will be.
    stats : LoaderStats
        Time waited, batches, samples, bytes read, cache hits and misses, read errors.

    Raises
    ------
    OSError
        In the loop, if a file can't be read; the message names the file and the offset.

    Notes
    -----
    The arrays of a batch stay as they are until the loop asks for the next one. Who keeps
    batches (in a list, say) takes copies, or `copy=True`.

    A loop that is left early (`break`, an exception) stops the threads; the next loop is then
    the next epoch. `state` is where the loop is, and a loader that loaded it goes on with the
    batch after the last one that was handed out.

    A `for` loop may begin in a forked process; a loop that was running at the time of the fork
    can't go on there, which raises RuntimeError.

    One loop runs at a time: a new `for`, `set_epoch` and `load_state` end the one before, which
    raises RuntimeError if it is asked for another batch. A copy (pickle, `copy.copy`,
    `copy.deepcopy`) is a loader of its own that goes on where this one is.

    Examples
    --------
    >>> import numpy as np, swiftopt as so
    >>> images = np.arange(10 * 4, dtype=np.uint8).reshape(10, 2, 2)
    >>> labels = np.arange(10)
    >>> loader = so.data.Loader((images, labels), batch_size=4, shuffle=True, dtype=np.float32)
    >>> for x, y in loader:
    ...     print(x.shape, x.dtype, y)
    (4, 2, 2) float32 [4 7 3 5]
    (4, 2, 2) float32 [2 1 6 9]
    (2, 2, 2) float32 [8 0]
    >>> len(loader), loader.epoch
    (3, 1)
    """

    def __init__(
        self,
        data: Any,
        batch_size: SupportsIndex | None = None,
        *,
        shuffle: bool = False,
        sampler: Sampler | IndexSampler | None = None,
        drop_last: bool = False,
        seed: SupportsIndex = 0,
        augment: Augmentation | Iterable[Augmentation] | None = None,
        dtype: Any = None,
        label_dtype: Any = None,
        classes: SupportsIndex | None = None,
        scale: bool = True,
        prefetch: SupportsIndex = 2,
        threads: SupportsIndex | None = None,
        copy: bool = False,
        rank: SupportsIndex = 0,
        world: SupportsIndex = 1,
        skip_errors: bool = False,
    ) -> None:
        augment = as_list(() if augment is None else augment, "augment")
        self._arguments = {name: value for name, value in locals().items() if name != "self"}
        shuffle, drop_last = as_flag("shuffle", shuffle), as_flag("drop_last", drop_last)
        skip_errors, scale = as_flag("skip_errors", skip_errors), as_flag("scale", scale)
        fields, self._build = read_fields(data)
        self._sampler = checked_sampler(sampler, shuffle, fields[0].count)
        seed = whole("seed", seed, 0, 2**64 - 1)
        world = whole("world", world, 1, 2**20)
        rank = checked_rank(rank, world)
        self.prefetch = whole("prefetch", prefetch, 1, 1000)
        if threads is None:
            threads = min(_core.get_num_threads(), 4)
        self.threads = whole("threads", threads, 1, 64)
        self.copy = as_flag("copy", copy)
        program, columns = prepared(fields, augment, dtype, label_dtype, classes, scale=scale)
        self._plans = Plans(
            fields, checked_batch_size(batch_size, self._sampler, drop_last=drop_last), seed, rank,
            world, drop_last, skip_errors, program, columns,
        )  # fmt: skip
        self.stats = LoaderStats()
        self._position = Position()
        self._live: weakref.ref[Epoch] | None = None
        self._last: Feed | None = None  # the live one's
        self._ring: Ring | None = None
        self._plan: tuple[int, Order, _core.DataPlan] | None = None  # and their epoch

    @property
    def batch_size(self) -> int:
        """Return the most samples of a batch."""
        return self._plans.batch_size

    # ------------------------------------------------------------- the order

    def indices(self, epoch: SupportsIndex | None = None) -> Array:
        """Return which samples this rank visits in an epoch, by default `epoch`, in their order.

        Examples
        --------
        >>> import numpy as np, swiftopt as so
        >>> so.data.Loader(np.zeros(6), batch_size=2, rank=1, world=2).indices()
        array([1, 3, 5])
        """
        number = self.epoch if epoch is None else whole("epoch", epoch, 0, 2**63 - 1)
        order, plan = self._planned(number)
        indices_of = self._plans.indices_of(order, number)
        batches = [indices_of(batch) for batch in range(plan.batch_count)]
        return np.concatenate([np.empty(0, np.int64), *batches])

    def __len__(self) -> int:
        return self._planned(self.epoch)[1].batch_count

    def _planned(self, epoch: int) -> tuple[Order, _core.DataPlan]:
        if self._plan is not None and (self._plan[0] == epoch or self._sampler.is_constant):
            return self._plan[1:]
        order = self._sampler.order(self._plans.samples, self._plans.seed, epoch)
        self._plan = (epoch, order, self._plans.plan(order))
        return self._plan[1:]

    # ----------------------------------------------------------- the position

    @property
    def epoch(self) -> int:
        """Return the number of the epoch that the loop is in, or that the next loop will be."""
        return self._position.epoch

    def set_epoch(self, epoch: SupportsIndex) -> None:
        """Make the next loop begin at the start of an epoch."""
        number = whole("epoch", epoch, 0, 2**63 - 1)
        self._close_live("set_epoch")
        self._position = Position(number)

    def _identity(self) -> dict[str, Any]:
        plans = self._plans
        return {
            "seed": plans.seed,
            "samples": plans.samples,
            "batch_size": plans.batch_size,
            "sampler": type(self._sampler).__name__,
            "drop_last": plans.drop_last,
            "rank": plans.rank,
            "world": plans.world,
        }

    @property
    def state(self) -> dict[str, Any]:
        """Return where the loop is: the epoch, and how many of its batches were handed out.

        The other entries are what the order depends on; `load_state` compares them.
        """
        return {
            "epoch": self._position.epoch,
            "batch": self._position.batch,
            **self._identity(),
        }

    def load_state(self, state: Any) -> None:
        """Make the next loop go on where a loader like this one was.

        Raises
        ------
        TypeError, ValueError
            If `state` is no such state, or that of a loader with another seed, batch size,
            number of samples, kind of sampler or share; this loader then stays where it is.
        """
        epoch, batch = checked_position(state, self._identity())
        batches = self._planned(epoch)[1].batch_count
        if batch > batches:
            raise ValueError(f"state has batch {batch}; the epoch has {batches}")
        self._close_live("load_state")
        self._position = Position(epoch, batch, is_loaded=True)

    # --------------------------------------------------------------- the loop

    def __iter__(self) -> Epoch:
        self._close_live("another loop")
        self._position.begin_loop()
        order, plan = self._planned(self.epoch)
        rooms = self._plans.rooms(order)
        if self._ring is None or self._ring.rooms != rooms:
            self._ring = Ring(self._plans.fields, rooms, self.prefetch + 1, self._build)
        feed = self._feed(order, plan, self._ring)
        epoch = Epoch(
            feed, self._ring, self._position, self.stats, self._plans.read_error, copy=self.copy
        )
        self._live, self._last = weakref.ref(epoch), feed
        return epoch

    def _feed(self, order: Order, plan: _core.DataPlan, ring: Ring) -> Feed:
        epoch, batch = self._position.epoch, self._position.batch
        files = self._plans.held_files()
        if not self._plans.is_read:
            return NativeFeed(plan, ring, epoch, batch, self.threads, files)
        indices_of = self._plans.indices_of(order, epoch)
        return ReadFeed(self._plans, plan, indices_of, ring, epoch, batch, files)

    def _close_live(self, by: str | None = None) -> None:
        live = self._live() if self._live is not None else None
        if live is not None:
            live.close(by)
        if self._last is not None:
            self._last.close()
            if not self._last.is_over:
                # What it still writes must not get into the batches of the next loop.
                self._ring = self._plan = None
                self._plans.renew_staging()
        self._live = self._last = None

    def close(self) -> None:
        """Stop the threads of a loop that is running. A new loop may begin afterwards."""
        self._close_live()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def __getstate__(self) -> tuple[dict[str, Any], int, int]:
        return self._arguments, self._position.epoch, self._position.batch

    def __setstate__(self, state: tuple[dict[str, Any], int, int]) -> None:
        arguments, epoch, batch = state
        Loader.__init__(self, **arguments)
        self._position = Position(epoch, batch, is_loaded=True)

    def __repr__(self) -> str:
        return (
            f"Loader({self._plans.samples} samples, batch_size={self.batch_size}, "
            f"sampler={self._sampler!r}, seed={self._plans.seed})"
        )
