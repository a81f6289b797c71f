"""The state of an optimizer: to look at, and to load. The steps are in _stepping.py."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from swiftopt._arrays import Array
from swiftopt._base import OptimizerBase
from swiftopt._binding import Binding
from swiftopt._slots import EMA
from swiftopt._state import ReadOnly, check_mappings, copy_state, pending_copy


class Stateful(OptimizerBase):
    """What an optimizer remembers from step to step."""

    @property
    def step_count(self) -> int:
        """Completed updates; skipped steps don't count."""
        counts = [binding.plan.step_count for binding in self._bindings()]
        counts += [
            self._loaded_steps.get(name, int(slots["step"])) for name, slots in self._loaded.items()
        ]
        return max(counts, default=0)

    @property
    def state(self) -> Mapping[str, Mapping[str, Any]]:
        """The state as a read-only mapping {name: {slot: array}} of writable arrays.

        "step", the running products of the betas, and the position in an accumulation
        ("micro_batches", "samples", "accumulated") are 0-d float64 arrays. A slot in 8-bit
        blocks is two arrays: its codes, and "<slot>_scale". The arrays are
        the optimizer's own: what is written to them is used by the next step. Copies
        (`copy.deepcopy`, pickle) are plain dicts, which `load_state` takes.

        Examples
        --------
        >>> import numpy as np, swiftopt as so
        >>> optimizer = so.Adam({"w": np.zeros(2)})
        >>> sorted(optimizer.state["w"])
        ['beta1_product', 'beta2_product', 'exp_avg', 'exp_avg_sq', 'step']
        """
        self._follow_settings()
        if self._state is None:
            states: dict[str, Mapping[str, Any]] = dict(self._loaded)
            for binding in self._bindings():
                states |= binding.state()
            self._state = ReadOnly({name: ReadOnly(dict(slots)) for name, slots in states.items()})
        return self._state

    def _follow_settings(self) -> None:
        """Have the slots already that the next step will need after what was set."""
        number = self._revision.number
        if self._is_closed or self._is_evaluating:  # when the parameters aren't themselves
            return
        if all(binding.revision == number for binding in self._bindings()):
            return
        with self._lock:
            settings = [group.settings for group in self._groups]
            for binding in self._bindings():
                if binding.revision != number and binding.follow(settings):
                    self._state = None

    def load_state(self, state: Mapping[str, Mapping[str, Any]]) -> None:
        """Copy a state, as `state` gives it, into this optimizer.

        The step count becomes the largest of the parameters' counts, and published copies
        are filled anew. Slots of options that are off now (such as `amsgrad`) are kept for
        when they are switched on. An optimizer without params keeps what belongs to a key
        that it doesn't know yet for the key's first `update`, and shows it in `state` until
        then; a key that isn't in the state stays as it is. State in bfloat16 may come as an
        ml_dtypes array or as its bits in uint16.

        Raises
        ------
        TypeError, ValueError
            If names, slots, shapes or dtypes differ; nothing was changed then.
        """
        self._check_open()
        check_mappings(state)
        with self._lock:
            settings = [group.settings for group in self._groups]
            bindings = {
                key: old.fitting(
                    {name: state[name].keys() for name in old.names if name in state}, settings
                )
                for key, old in self._bindings_by_key().items()
                if self._binding is not None or old.names[0] in state
            }
            target: dict[str, Mapping[str, Any]] = {}
            for binding in bindings.values():
                target |= binding.state()
            pending: dict[str, dict[str, Array]] = {}
            if self._binding is None:
                pending = {name: pending_copy(name, state[name]) for name in state
                           if name not in target}  # fmt: skip
            copy_state(target, {name: state[name] for name in state if name not in pending})
            self._resume(bindings)
            steps = {name: n for name, n in self._loaded_steps.items() if name not in pending}
            self._keep_loaded({**self._loaded, **pending}, steps)

    def _keep_loaded(self, states: dict[str, dict[str, Array]], steps: dict[str, int]) -> None:
        """Keep states, and counts that aren't in them, for the first updates of their keys."""
        if not self._groups[0].settings.has_ema:  # switched on again, a mean begins anew
            for slots in states.values():
                slots.pop(EMA, None)
        self._loaded, self._loaded_steps = states, steps

    def _resume(
        self, bindings: Mapping[Any, Binding], counts: Mapping[Any, int] | None = None
    ) -> None:
        """Go on from the states of these bindings by key, and from their counts if given."""
        for key, binding in bindings.items():
            if self._binding is None:
                self._lazy[key] = binding
            elif binding is not self._binding:
                self._adopt(self._structure, self._placement, binding)
            binding.restart(None if counts is None else counts[key])
        self._state = None
