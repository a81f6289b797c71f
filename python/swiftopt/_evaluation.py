"""Averaged weights in the place of the trained ones, for a while."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from swiftopt._arrays import Array
from swiftopt._binding import Binding
from swiftopt._dtypes import decoded, write
from swiftopt._forms import arrays_of
from swiftopt._slots import EMA, MASTER
from swiftopt._stepping import Stepping


class Evaluation(Stepping):
    """What `evaluation` needs."""

    @contextmanager
    def evaluation(self) -> Iterator[None]:
        """Have the averaged weights in the parameters' arrays inside a `with` block.

        They are the running means that ``ema_decay`` keeps, or those of a rule that keeps
        means by itself (Schedule-Free). Parameters without a mean stay. Published copies
        show the same weights. When the block ends, all arrays have their old bits again;
        inside it the optimizer makes no step.

        Raises
        ------
        ValueError
            If no parameter has a mean.
        RuntimeError
            From `step` and all that would change the optimizer's state, inside.

        Examples
        --------
        >>> import numpy as np, swiftopt as so
        >>> w = np.array([0.0])
        >>> optimizer = so.SGD([w], lr=1.0, ema_decay=0.5)
        >>> report = optimizer.step([np.array([1.0])])
        >>> with optimizer.evaluation():
        ...     print(w)
        [-0.5]
        >>> w
        array([-1.])
        """
        with self._lock:
            self._check_open()
            pairs = [pair for binding in self._bindings() for pair in self._swaps(binding)]
            if not pairs:
                raise ValueError(
                    "there are no averaged weights; make the optimizer with ema_decay=0.999 or so"
                )
            saved = [(array, array.copy()) for array, _ in pairs]
            was_plain, self._is_plain, self._is_evaluating = self._is_plain, False, True
        try:
            for array, mean in pairs:
                write(array, mean)
            yield
        finally:
            for array, values in saved:
                array[...] = values
            self._is_plain, self._is_evaluating = was_plain, False

    def _swaps(self, binding: Binding) -> Iterator[tuple[Array, Array]]:
        """Yield the arrays to write to, with their averaged values."""
        arrays = arrays_of(binding.names, binding.params)
        for index, (name, slots) in enumerate(binding.state().items()):
            array, group = arrays[index], self._groups[binding.groups[index]]
            if group.settings.has_ema and binding.has_mean(index):
                mean: Array | None = slots[EMA]
            else:
                mean = self._averaged(
                    decoded(slots.get(MASTER, array)),
                    {slot: decoded(values) for slot, values in slots.items()},
                    group,
                )
            if mean is not None:
                yield array, mean
                if name in binding.published:
                    yield binding.published[name], mean

    def _averaged(
        self, parameter: Array, slots: dict[str, Array], group: dict[str, Any]
    ) -> Array | None:
        """Return the weights that the rule itself would evaluate; None if it has none.

        `parameter` is what is trained and `slots` its state as in `state`, in float32 or
        float64.
        """
        return None
