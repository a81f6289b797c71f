"""What all optimizers have in common."""

from __future__ import annotations

from collections.abc import Mapping
from operator import is_
from threading import RLock
from types import MappingProxyType
from typing import Any, ClassVar

from swiftopt import _core
from swiftopt._arrays import as_parameter
from swiftopt._binding import Binding
from swiftopt._groups import ParameterGroup, Revision, as_number
from swiftopt._rules import Rule
from swiftopt._state import copy_state
from swiftopt._structure import Structure
from swiftopt.schedules import Schedule

Number = float | Schedule


class Optimizer:
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

    Attributes
    ----------
    param_groups : list of dict
        The hyper-parameters of each group and, under "params", its arrays. Setting an
        entry holds from the next step on.
    """

    _rule: ClassVar[Rule]

    param_groups: list[ParameterGroup]

    def __init_subclass__(cls, rule: str | None = None, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        if rule is not None:
            cls._rule = Rule(rule)

    def __init__(
        self,
        params: Any,
        hyperparameters: dict[str, Any],
        *,
        clip_norm: Number | None,
        skip_nonfinite: bool,
        report_norm: bool,
    ) -> None:
        # Settings and counts must not move between a step's preparation and its end.
        # Reentrant, because an array's own code may call back.
        self._lock = RLock()
        self._revision = Revision()
        self._clip_norm = _checked_clip_norm(clip_norm)
        self._skip_nonfinite = bool(skip_nonfinite)
        self._report_norm = bool(report_norm)
        self._step_count = 0
        self._is_scheduled = False
        self._is_closed = False
        self._lr = 0.0
        self._used: tuple[dict[str, float], ...] = ()
        self._state: Mapping[str, Mapping[str, Any]] | None = None
        self._lazy: dict[Any, Binding] = {}
        self._structure: Structure | None = None
        self._is_flat = False
        self._binding: Binding | None = None
        if params is None:
            self.param_groups = [self._new_group([], hyperparameters)]
        else:
            self._bind_parameters(params, hyperparameters)

    def _bind_parameters(self, params: Any, hyperparameters: dict[str, Any]) -> None:
        leaves: list[Any] = []
        groups: list[int] = []
        self.param_groups = []
        is_grouped = _is_list_of_groups(params)
        nest = _group_nests(params) if is_grouped else params
        self._structure = Structure(nest, is_grouped=is_grouped)
        self._is_flat = self._structure.is_flat
        for index, group_nest in enumerate(nest if is_grouped else [nest]):
            overrides = params[index] if is_grouped else {}
            unknown = overrides.keys() - hyperparameters.keys() - {"params"}
            if unknown:
                raise ValueError(
                    f"params[{index}]: {min(unknown)!r} is not a hyper-parameter of a group; "
                    f"these are: {', '.join(sorted(hyperparameters))}"
                )
            group_leaves = Structure(group_nest).leaves(group_nest, "params")
            entries = {name: overrides.get(name, hyperparameters[name]) for name in hyperparameters}
            self.param_groups.append(self._new_group(group_leaves, entries))
            groups += [index] * len(group_leaves)
            leaves += group_leaves
        self._binding = Binding(
            self._rule,
            self._structure.names,
            leaves,
            groups,
            [group.settings for group in self.param_groups],
        )

    def _new_group(self, params: list[Any], entries: dict[str, Any]) -> ParameterGroup:
        return ParameterGroup(self._rule, self._hyperparameters, self._revision, params, entries)

    @staticmethod
    def _hyperparameters(entries: Mapping[str, Any]) -> dict[str, Any]:
        """Turn a group's entries into the rule's hyper-parameters by name."""
        values = dict(entries)
        if "betas" in values:
            betas = values.pop("betas")
            if not isinstance(betas, tuple | list) or len(betas) != 2:
                raise TypeError(f"betas is {betas!r}; it must be a pair of numbers")
            values["beta1"], values["beta2"] = betas
        return values

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
            ``clip_coefficient``, ``first_bad``, ``update_norm``.

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
                grads = self._form.leaves(grads, "grads")
            report = self._run(binding, grads, self._step_count)
            self._step_count = report.step
            return report

    def _run(self, binding: Binding, grads: Any, count: int) -> _core.Report:
        if binding.revision != self._revision.number or self._is_scheduled:
            self._configure(binding, count)
        return binding.plan.step(grads, count + 1, self._lr, self._used)

    def _configure(self, binding: Binding, count: int) -> None:
        """Give the binding's plan the settings for the update after `count` others."""
        settings = [group.settings for group in self.param_groups]
        if binding.revision != self._revision.number and binding.add_missing_slots(settings):
            self._state = None
        values = [group.at(count) for group in settings]
        clip_norm = self._clip_norm
        options = (
            clip_norm(count) if isinstance(clip_norm, Schedule) else clip_norm,
            self._skip_nonfinite,
            self._report_norm,
        )
        binding.configure(self._revision.number, values, options)
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
            binding.bind(None if grads is None else self._form.leaves(grads, "grads"))

    def rebind(self, params: Any) -> None:
        """Update other arrays from now on, with the state as it is.

        For models whose arrays were replaced (by a setter, by unpickling): same structure,
        names, shapes and dtypes.
        """
        with self._lock:
            binding = self._bound()
            leaves = self._leaves(params)
            binding.rebind(leaves)
            start = 0
            for group in self.param_groups:
                end = start + len(group["params"])
                group.replace_params(leaves[start:end])
                start = end

    def _bound_to(self, params: Any) -> Binding:
        """Return the binding, which follows `params` if they are other arrays."""
        binding = self._bound()
        if not all(map(is_, self._leaves(params), binding.params)):
            self.rebind(params)
        return binding

    def _leaves(self, params: Any) -> list[Any]:
        nest = _group_nests(params) if _is_list_of_groups(params) else params
        return self._form.leaves(nest, "params")

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
        if self._structure is not None:
            raise ValueError(
                "update() is for an optimizer without params; this one was made with params, "
                "which step() updates"
            )
        with self._lock:
            binding = self._lazy.get(key)
            if binding is None:
                binding = self._new_lazy_binding(key, param)
            elif binding.params[0] is not param:
                binding.rebind([param])
            report = self._run(binding, [grad], int(binding.scalars[0, 0]))
            self._step_count = max(self._step_count, report.step)
            if key not in self._lazy:  # only now: a call that failed leaves no trace
                self._lazy[key] = binding
                self._state = None
            return report

    def _new_lazy_binding(self, key: Any, param: Any) -> Binding:
        if any(str(key) == str(other) for other in self._lazy):
            raise ValueError(f"key {key!r} has the same name as another key, {str(key)!r}")
        settings = [group.settings for group in self.param_groups]
        return Binding(self._rule, (str(key),), [param], [0], settings)

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
        if len(self.param_groups) != 1:
            raise ValueError("init() and apply() are for an optimizer with one group of parameters")
        structure = Structure(params)
        leaves = structure.leaves(params, "params")
        if is_copied:
            leaves = [
                as_parameter(leaf, f"parameter {name!r}").copy()
                for name, leaf in zip(structure.names, leaves, strict=True)
            ]
        settings = [self.param_groups[0].settings]
        return structure, Binding(self._rule, structure.names, leaves, [0] * len(leaves), settings)

    # --------------------------------------------------------------- settings

    @property
    def lr(self) -> Number:
        """The learning rate of the first group; setting it sets that of every group."""
        return self.param_groups[0]["lr"]  # type: ignore[no-any-return]

    @lr.setter
    def lr(self, value: Number) -> None:
        for group in self.param_groups:
            group["lr"] = value

    @property
    def clip_norm(self) -> Number | None:
        """The limit of the norm over all gradients, or None."""
        return None if self._clip_norm == float("inf") else self._clip_norm

    @clip_norm.setter
    def clip_norm(self, value: Number | None) -> None:
        self._clip_norm = _checked_clip_norm(value)
        self._revision.number += 1

    @property
    def step_count(self) -> int:
        """Completed updates; skipped steps don't count."""
        return self._step_count

    # ------------------------------------------------------------------ state

    @property
    def state(self) -> Mapping[str, Mapping[str, Any]]:
        """The state as a read-only mapping {name: {slot: array}} of writable arrays.

        "step" and the running products of the betas are 0-d float64 arrays. The arrays are
        the optimizer's own: what is written to them is used by the next step.

        Examples
        --------
        >>> import numpy as np, swiftopt as so
        >>> optimizer = so.Adam({"w": np.zeros(2)})
        >>> sorted(optimizer.state["w"])
        ['beta1_product', 'beta2_product', 'exp_avg', 'exp_avg_sq', 'step']
        """
        if self._state is None:
            bindings = [self._binding] if self._binding is not None else self._lazy.values()
            self._state = MappingProxyType(
                {
                    name: MappingProxyType(slots)
                    for binding in bindings
                    for name, slots in binding.state().items()
                }
            )
        return self._state

    def load_state(self, state: Mapping[str, Mapping[str, Any]]) -> None:
        """Copy a state, as `state` gives it, into this optimizer.

        The step count becomes the largest of the parameters' counts.

        Raises
        ------
        ValueError
            If names, slots, shapes or dtypes differ; nothing was changed then.
        """
        self._check_open()
        with self._lock:
            copy_state(self.state, state)
            self._step_count = int(max((slots["step"] for slots in self.state.values()), default=0))

    # --------------------------------------------------------------- lifetime

    def close(self) -> None:
        """Give back the memory of all arrays; the optimizer can't be used any more.

        Only needed to resize an array that an optimizer has held.
        """
        self._is_closed = True
        for binding in [self._binding, *self._lazy.values()]:
            if binding is not None:
                binding.plan.release()

    def _check_open(self) -> None:
        if self._is_closed:
            raise ValueError("this optimizer is closed")

    def _bound(self) -> Binding:
        if self._binding is None or self._is_closed:
            self._check_open()
            raise ValueError(
                "this optimizer was made without params; use update(), or init() and apply()"
            )
        return self._binding

    @property
    def _form(self) -> Structure:
        assert self._structure is not None  # _bound() comes first
        return self._structure

    def __getstate__(self) -> dict[str, Any]:
        self._check_open()
        return {name: value for name, value in self.__dict__.items() if name != "_lock"} | {
            "_state": None
        }

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)
        self._lock = RLock()

    def __repr__(self) -> str:
        group = self.param_groups[0]
        entries = ", ".join(f"{name}={group[name]!r}" for name in group if name != "params")
        count = sum(len(group["params"]) for group in self.param_groups)
        return f"{type(self).__name__}({count} parameters, {entries})"


def _is_list_of_groups(params: Any) -> bool:
    return (
        isinstance(params, list | tuple)
        and len(params) > 0
        and all(isinstance(group, dict) and "params" in group for group in params)
    )


def _group_nests(params: Any) -> list[Any]:
    return [group["params"] for group in params]


def _checked_clip_norm(value: Number | None) -> Number:
    if value is None:
        return float("inf")
    first = value(0) if isinstance(value, Schedule) else as_number("clip_norm", value)
    if not first > 0:
        raise ValueError(f"clip_norm is {first}; it must be > 0")
    return value if isinstance(value, Schedule) else first
