"""What all optimizers do: steps."""

from __future__ import annotations

from collections.abc import Mapping
from operator import is_
from typing import Any

import numpy as np

from swiftopt import _core
from swiftopt._arrays import as_parameter
from swiftopt._base import Number, OptimizerBase, is_list_of_groups
from swiftopt._binding import Binding
from swiftopt._state import copy_state
from swiftopt._structure import Structure
from swiftopt.schedules import Schedule

__all__ = ["Number", "Optimizer"]


class Optimizer(OptimizerBase):
    """Updates arrays in place from their gradients. The base of all optimizers.

    Parameters
    ----------
    params : array, list, tuple, dict, nested dict or list, list of groups, or None
        float32 or float64 arrays, C-contiguous and writable, updated in place. A list is a
        list of groups if every element is a dict with the key "params"; other keys of a
        group override the hyper-parameters below. With None the optimizer is used through
        `update`, `init` and `apply`.
    hyperparameters : dict
        The hyper-parameters of all parameters whose group doesn't override them:

        - lr, weight_decay : float or Schedule
        - maximize : bool. Go up the gradient instead of down.
        - clip_tensor_norm : float, Schedule or None. Limit of the norm of each
          parameter's gradient. Comes before `clip_norm`.
        - clip_value : float, Schedule or None. Limit of the magnitude of each gradient
          element. Comes after both norms.
        - the rule's own.
    clip_norm : float, Schedule or None
        Limit of the norm over the gradients of all parameters.
    skip_nonfinite : bool
        A gradient with inf or nan turns the step into a no-op that the report shows. A
        limit on a norm implies it, since the norm of such a gradient means nothing.
    report_norm : bool
        Have the gradients' norm in the report even if nothing needs it.

    Hyper-parameters can be changed between steps: ``optimizer.lr = 0.01`` for every group,
    ``optimizer.param_groups[1]["lr"] = 0.01`` for one.
    """

    # ------------------------------------------------------------------ steps

    def step(self, grads: Any = None, *, params: Any = None) -> _core.Report:
        """Update all parameters once.

        Parameters
        ----------
        grads : nest of arrays, or None
            Gradients in the structure of the parameters; dicts are matched by key. float32
            or float64, whatever the parameter's dtype, C-contiguous. None in place of an
            array leaves that parameter and its state, step count included, untouched. Without
            `grads` the bound gradients are used (see `bind`).
        params : nest of arrays, optional
            The caller's parameters now. Arrays that were replaced since the last step are
            followed: the new ones are updated, with the state of the old ones.

        Returns
        -------
        Report
            ``status`` ("updated" or "skipped"), ``step``, ``lr``, ``groups``, ``grad_norm``,
            ``clip_coefficient``, ``first_bad``, ``update_norm``. ``groups`` has the numbers
            that each group's rule used, by their native names (``beta1``, not ``betas``).

        Raises
        ------
        TypeError, ValueError
            If an argument doesn't fit; nothing was changed then.

        Examples
        --------
        >>> import numpy as np, swiftopt as so
        >>> w = np.array([1.0, 2.0])
        >>> optimizer = so.SGD([w], lr=0.5)
        >>> optimizer.step([np.array([1.0, -1.0])]).status
        'updated'
        >>> w
        array([0.5, 2.5])
        """
        with self._lock:
            binding = self._binding
            if binding is None or params is not None:
                binding = self._bound_to(params)
            # A plain list goes to the native code as it is, which counts and checks it.
            if grads is not None and not (
                self._is_flat and (type(grads) is list or type(grads) is tuple)
            ):
                grads = self._structure.leaves(grads, "grads")
            report = self._run(binding, grads, binding.plan.step_count)
            if binding is not self._binding:
                self._commit(binding)
            return report

    def _run(self, binding: Binding, grads: Any, count: int) -> _core.Report:
        if binding.revision != self._revision.number or self._is_scheduled:
            self._configure(binding, count)
        return binding.plan.step(grads, count + 1, self._lr, self._used)

    def _configure(self, binding: Binding, count: int) -> None:
        """Give the binding's plan the settings for the update after `count` others."""
        settings = [group.settings for group in self._groups]
        if binding.revision != self._revision.number and binding.add_missing_slots(settings):
            self._state = None
        values = [group.at(count) for group in settings]
        clip_norm = self._clip_norm
        options = (
            clip_norm(count) if isinstance(clip_norm, Schedule) else clip_norm,
            self._skip_nonfinite,
            self._report_norm,
        )
        try:
            binding.configure(self._revision.number, values, options)
        except ValueError as error:  # constants were checked when they were set
            self._check_open()
            raise ValueError(f"at step {count} of a schedule, {error}") from None
        self._lr = values[0][0]
        self._used = tuple(dict(zip(self._rule.value_names, row, strict=True)) for row in values)
        self._is_scheduled = isinstance(clip_norm, Schedule) or any(
            group.schedules for group in settings
        )

    def bind(self, grads: Any) -> None:
        """Fix the gradients' arrays, so that `step` needs no argument.

        The caller writes new values into the same arrays before each step. This saves the
        checks of the gradients at each step, which matters for many small tensors. None
        gives the arrays back.

        Examples
        --------
        >>> import numpy as np, swiftopt as so
        >>> w, gradient = np.ones(2), np.zeros(2)
        >>> optimizer = so.SGD([w], lr=0.5)
        >>> optimizer.bind([gradient])
        >>> gradient[:] = 1
        >>> optimizer.step().step
        1
        >>> w
        array([0.5, 0.5])
        """
        with self._lock:
            binding = self._bound()
            leaves = None if grads is None else self._structure.leaves(grads, "grads")
            for name, leaf in zip(binding.names, leaves or [], strict=False):
                if isinstance(leaf, float | int | np.generic):
                    raise TypeError(
                        f"gradient {name!r} is a {type(leaf).__name__}, which can't change; "
                        "bind an array"
                    )
            binding.bind(leaves)

    def rebind(self, params: Any) -> None:
        """Update other arrays from now on, with the state as it is.

        For models whose arrays were replaced (by a setter, by unpickling): same structure,
        names, shapes and dtypes.
        """
        with self._lock:
            self._commit(self._bound().rebound(self._leaves(params)))

    def _bound_to(self, params: Any) -> Binding:
        """Return the binding, or a new one if `params` are other arrays."""
        binding = self._bound()
        leaves = self._leaves(params)
        return binding if all(map(is_, leaves, binding.params)) else binding.rebound(leaves)

    def _commit(self, binding: Binding) -> None:
        """Replace the binding by one to other arrays."""
        old, self._binding = self._bound(), binding
        old.plan.release()
        for index, group in enumerate(self._groups):
            group.replace_params(
                [
                    param
                    for param, owner in zip(binding.params, binding.groups, strict=True)
                    if owner == index
                ]
            )

    def _leaves(self, params: Any) -> list[Any]:
        nest = [group["params"] for group in params] if is_list_of_groups(params) else params
        return self._structure.leaves(nest, "params")

    def _bound(self) -> Binding:
        self._check_open()
        if self._binding is None:
            raise ValueError(
                "this optimizer was made without params; use update(), or init() and apply()"
            )
        return self._binding

    def update(self, key: Any, param: Any, grad: Any) -> _core.Report:
        """Update one parameter, with the state that belongs to `key`.

        For code that visits its layers one by one. The optimizer is made without
        parameters; a key's first call creates its state, and each key has a step count of
        its own, which its schedules follow. The array may be another one each time, of the
        same shape and dtype. Limits on norms see this one gradient.

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
            if old is None:
                binding = self._new_lazy_binding(key, param)
            else:
                binding = old if old.params[0] is param else old.rebound([param])
            # An interrupt may come right after the native step: by then the state must be
            # known. Any refusal comes before it and leaves no trace.
            self._lazy[key] = binding
            try:
                report = self._run(binding, [grad], binding.plan.step_count)
            except (TypeError, ValueError, RuntimeError):
                if old is None:
                    del self._lazy[key]
                else:
                    self._lazy[key] = old
                raise
            if old is None:
                self._state = None
                self._loaded.pop(str(key), None)
            elif old is not binding:
                old.plan.release()
            return report

    def _new_lazy_binding(self, key: Any, param: Any) -> Binding:
        name = str(key)
        if any(name == binding.names[0] for binding in self._lazy.values()):
            raise ValueError(f"key {key!r} has the same name as another key, {name!r}")
        settings = [group.settings for group in self._groups]
        binding = Binding(self._rule, (name,), [param], [0], settings)
        if name in self._loaded:
            copy_state(binding.state(), {name: self._loaded[name]})
            binding.plan.step_count = int(binding.scalars[0, 0])
        return binding

    # ------------------------------------------------------- functional form

    def init(self, params: Any) -> dict[str, dict[str, Any]]:
        """Return the state that `apply` starts from, for these parameters.

        A dict {name: {slot: array}}, as `state` has it. The parameters are only looked at.
        """
        return self._functional(params, is_copied=False)[1].state()

    def apply(
        self, params: Any, grads: Any, state: Mapping[str, Mapping[str, Any]]
    ) -> tuple[Any, dict[str, dict[str, Any]], _core.Report]:
        """Return new parameters, a new state and the report; the arguments stay as they are.

        For code that keeps its history. A step in place needs no copies and is faster.
        The new parameters are in new dicts and lists of the same structure.

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
        new_state = binding.state()
        copy_state(new_state, state)
        count = int(max(binding.scalars[:, 0], default=0))
        with self._lock:
            report = self._run(binding, structure.leaves(grads, "grads"), count)
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
        return structure, Binding(self._rule, structure.names, leaves, [0] * len(leaves), settings)
