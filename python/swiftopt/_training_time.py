"""Epochs and samples as numbers of updates."""

from __future__ import annotations

from typing import Any, ClassVar, NoReturn

from swiftopt._schedule_arguments import number, whole


class TrainingTime:
    """Numbers of updates for times in epochs or samples, with the sizes named once.

    An epoch has ``ceil(samples_per_epoch / batch_size)`` batches, or as many full ones with
    `drop_last`. An update takes `accumulate` batches, wherever an epoch ends, as the optimizer's
    option `accumulate` does. A time is rounded to the nearest whole batch, and then down to the
    updates that are complete by then. All results are whole numbers, to be used wherever a
    schedule takes steps.

    Parameters
    ----------
    samples_per_epoch, batch_size : int
        Whole numbers >= 1.
    accumulate : int, default 1
        Batches of an update, >= 1.
    drop_last : bool, default False
        Whether an incomplete last batch of an epoch is left out, as the data loader does.

    Raises
    ------
    TypeError, ValueError
        If they are not such numbers, or if `drop_last` leaves no batch.

    Examples
    --------
    >>> import swiftopt as so
    >>> time = so.TrainingTime(samples_per_epoch=50_000, batch_size=128)
    >>> time.steps_per_epoch, time.epochs(90), time.epochs(0.5), time.samples(1_000_000)
    (391, 35190, 196, 7820)
    >>> so.warmup_cosine(0.1, warmup=time.epochs(5), total=time.epochs(90))
    warmup_cosine(0.1, warmup=1955, total=35190)
    >>> with_accumulation = so.TrainingTime(50_000, 128, accumulate=4)
    >>> with_accumulation.epochs(1), with_accumulation.epochs(90)  # 97.75 and 8797.5
    (97, 8797)
    """

    __slots__ = ("accumulate", "batch_size", "drop_last", "samples_per_epoch")
    __match_args__: ClassVar = ("samples_per_epoch", "batch_size", "accumulate", "drop_last")

    samples_per_epoch: int
    batch_size: int
    accumulate: int
    drop_last: bool

    def __init__(
        self,
        samples_per_epoch: int,
        batch_size: int,
        accumulate: int = 1,
        drop_last: bool = False,
    ) -> None:
        if not isinstance(drop_last, bool):
            raise TypeError(f"drop_last is {drop_last!r}; it must be True or False")
        values = {
            "samples_per_epoch": whole("samples_per_epoch", samples_per_epoch, 1),
            "batch_size": whole("batch_size", batch_size, 1),
            "accumulate": whole("accumulate", accumulate, 1),
            "drop_last": drop_last,
        }
        if drop_last and values["batch_size"] > values["samples_per_epoch"]:
            raise ValueError(
                f"batch_size is {batch_size!r}; with drop_last it must be at most "
                f"samples_per_epoch, {samples_per_epoch!r}, or there is no batch"
            )
        for name, value in values.items():
            object.__setattr__(self, name, value)

    @property
    def batches_per_epoch(self) -> int:
        """Batches of an epoch."""
        full, rest = divmod(self.samples_per_epoch, self.batch_size)
        return full + (1 if rest and not self.drop_last else 0)

    @property
    def steps_per_epoch(self) -> int:
        """Updates that are complete after one epoch: `epochs` (1)."""
        return self.epochs(1)

    def epochs(self, count: float) -> int:
        """Return the number of updates that are complete after so many epochs, >= 0.

        Raises
        ------
        TypeError, ValueError
            If `count` is not such a number.
        """
        numerator, denominator = _ratio(count)
        return self._updates(_nearest(numerator * self.batches_per_epoch, denominator))

    def samples(self, count: float) -> int:
        """Return the number of updates that are complete after so many samples, >= 0.

        Samples that `drop_last` leaves out are not counted.

        Raises
        ------
        TypeError, ValueError
            If `count` is not such a number.
        """
        seen_per_epoch = (
            self.batches_per_epoch * self.batch_size if self.drop_last else self.samples_per_epoch
        )
        numerator, denominator = _ratio(count)
        epochs, rest = divmod(numerator, seen_per_epoch * denominator)
        # An epoch's last batch may be smaller than the others.
        batches = min(_nearest(rest, self.batch_size * denominator), self.batches_per_epoch)
        return self._updates(epochs * self.batches_per_epoch + batches)

    def _updates(self, batches: int) -> int:
        return batches // self.accumulate

    def __repr__(self) -> str:
        text = f"samples_per_epoch={self.samples_per_epoch}, batch_size={self.batch_size}"
        if self.accumulate != 1:
            text += f", accumulate={self.accumulate}"
        return f"TrainingTime({text}{', drop_last=True' if self.drop_last else ''})"

    def _values(self) -> tuple[int, int, int, bool]:
        return self.samples_per_epoch, self.batch_size, self.accumulate, self.drop_last

    def __eq__(self, other: object) -> bool:
        return (
            self._values() == other._values() if isinstance(other, TrainingTime) else NotImplemented
        )

    def __hash__(self) -> int:
        return hash(self._values())

    def __setattr__(self, name: str, value: object) -> NoReturn:
        raise AttributeError("a training time can't be changed")

    def __delattr__(self, name: str) -> NoReturn:
        raise AttributeError("a training time can't be changed")

    def __reduce__(self) -> tuple[Any, ...]:
        return TrainingTime, self._values()


def _ratio(count: float) -> tuple[int, int]:
    return number("count", count, 0).as_integer_ratio()


def _nearest(numerator: int, denominator: int) -> int:
    """Return the whole number nearest to a ratio, the greater one of two."""
    return (2 * numerator + denominator) // (2 * denominator)
