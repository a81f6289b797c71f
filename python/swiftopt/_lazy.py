"""Optimizers without parameters: one call per tensor, and the functional form."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from swiftopt import _core
from swiftopt._arrays import as_parameter
from swiftopt._base import is_list_of_groups
from swiftopt._binding import Binding
from swiftopt._loss_scaler import LossScaler
from swiftopt._slots import optional_slots
from swiftopt._state import check_mappings, copy_state
from swiftopt._stepping import Stepping
from swiftopt._structure import Structure


class Lazy(Stepping):
    """What an optimizer can do that was made without parameters."""

    def update(
        self,
        key: Any,
        param: Any,
        grad: Any,
        *,
        samples: Any = None,
        loss_scale: Any = None,
        scaler: LossScaler | None = None,
    ) -> _core.Report:
        """Update one parameter, with the state that belongs to `key`.

        For code that visits its layers one by one. The optimizer is made without
        parameters; a key's first call creates its state, and each key has a step count of
        its own, which its schedules follow. The array may be another one each time, of the
        same shape and dtype. Limits on norms see this one gradient. `samples`, `loss_scale`
        and `scaler` are those of `step`. Each call moves the scaler, so with several keys
        the later ones would be divided by a scale that their loss never had: that raises,
        unless the scaler is static. `LossScaler.update` says what to do instead.

        Examples
        --------
        >>> import numpy as np, swiftopt as so
        >>> optimizer = so.Adam(lr=0.1)
        >>> w = np.zeros(3)
        >>> optimizer.update("layer1", w, np.ones(3)).step
        1
        >>> w
        array([-0.1, -0.1, -0.1])
        """
        self._check_open()
        if self._binding is not None:
            raise ValueError(
                "update() is for an optimizer without params; this one was made with params, "
                "which step() updates"
            )
        with self._lock:
            old = self._lazy.get(key)
            if isinstance(scaler, LossScaler) and scaler.dynamic:
                self._check_single_key(key)
            if old is None:
                binding = self._new_lazy_binding(key, param)
            else:
                binding = old if old.params[0] is param else old.rebound([param])
            # An interrupt may come right after the native step: by then the state must be
            # known. Any refusal comes before it and leaves no trace.
            self._lazy[key] = binding
            try:
                report = self._step_of(binding, [grad], samples, loss_scale, scaler)
            except (TypeError, ValueError, RuntimeError):
                if old is None:
                    del self._lazy[key]
                else:
                    self._lazy[key] = old
                raise
            if old is None:
                self._state = None
                self._loaded.pop(str(key), None)
                self._loaded_steps.pop(str(key), None)
            elif old is not binding:
                old.plan.release()
            return report

    def _step_of(
        self,
        binding: Binding,
        grads: Any,
        samples: Any,
        loss_scale: Any,
        scaler: LossScaler | None,
    ) -> _core.Report:
        count = binding.plan.step_count
        if self._is_plain and samples is None and loss_scale is None and scaler is None:
            return self._run(binding, grads, count)
        return self._advance(binding, grads, count, samples, loss_scale, scaler)

    def _check_single_key(self, key: Any) -> None:
        others = {*map(str, self._lazy), *self._loaded} - {str(key)}
        if others:
            raise ValueError(
                f"update() of {key!r} would move the scaler, and so did or will {min(others)!r}; "
                "pass loss_scale=scaler.loss_scale to all of them, with skip_nonfinite=True, "
                "and call scaler.update() once"
            )

    def _new_lazy_binding(self, key: Any, param: Any) -> Binding:
        name = str(key)
        if any(name == binding.names[0] for binding in self._lazy.values()):
            raise ValueError(f"key {key!r} has the same name as another key, {name!r}")
        settings = [group.settings for group in self._groups]
        binding = Binding(self._rule, (name,), [param], [0], settings, self._layout)
        if name in self._loaded:
            loaded = self._loaded[name]
            binding = binding.fitting({name: loaded.keys()}, settings)
            new = binding.state()
            # What an option brought since it was loaded starts as it would in a binding.
            started = {
                slot: new[name][slot] for slot in optional_slots(self._rule) & new[name].keys()
            }
            copy_state(new, {name: {**started, **loaded}})
            binding.restart(self._loaded_steps.get(name))
        return binding

    # ------------------------------------------------------- functional form

    def init(self, params: Any) -> dict[str, dict[str, Any]]:
        """Return the state that `apply` starts from, for these parameters.

        A dict {name: {slot: array}}, as `state` has it. The parameters are only looked at.
        """
        return self._functional(params, is_copied=False)[1].state()

    def apply(
        self,
        params: Any,
        grads: Any,
        state: Mapping[str, Mapping[str, Any]],
        *,
        samples: Any = None,
        loss_scale: Any = None,
        scaler: LossScaler | None = None,
    ) -> tuple[Any, dict[str, dict[str, Any]], _core.Report]:
        """Return new parameters, a new state and the report; the arguments stay as they are.

        For code that keeps its history. A step in place needs no copies and is faster.
        The new parameters are in new dicts and lists of the same structure. `samples`,
        `loss_scale` and `scaler` are those of `step`; a scaler moves, as it is no argument
        but an object with a state.

        Examples
        --------
        >>> import numpy as np, swiftopt as so
        >>> sgd = so.SGD(lr=0.5)
        >>> params = {"w": np.array([1.0])}
        >>> state = sgd.init(params)
        >>> new_params, state, report = sgd.apply(params, {"w": np.array([1.0])}, state)
        >>> params, new_params
        ({'w': array([1.])}, {'w': array([0.5])})
        """
        structure, binding = self._functional(params, is_copied=True)
        check_mappings(state)
        wanted = {name: state[name].keys() for name in binding.names if name in state}
        binding = binding.fitting(wanted, [self._groups[0].settings])
        new_state = binding.state()
        copy_state(new_state, state)
        binding.restart()
        with self._lock:
            leaves = structure.leaves(grads, "grads")
            report = self._step_of(binding, leaves, samples, loss_scale, scaler)
        return structure.nest(binding.params), new_state, report

    def _functional(self, params: Any, *, is_copied: bool) -> tuple[Structure, Binding]:
        self._check_open()
        if len(self._groups) != 1 or is_list_of_groups(params):
            raise ValueError("init() and apply() are for one group of parameters")
        structure = Structure(params)
        leaves = structure.leaves(params, "params")
        if is_copied:
            leaves = [
                as_parameter(leaf, f"parameter {name!r}").copy()
                for name, leaf in zip(structure.names, leaves, strict=True)
            ]
        settings = [self._groups[0].settings]
        owners = [0] * len(leaves)
        return structure, Binding(
            self._rule, structure.names, leaves, owners, settings, self._layout
        )
