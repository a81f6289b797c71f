"""What an optimizer has: settings, state, a lifetime. The steps are in optimizer.py."""

from __future__ import annotations

from collections.abc import Mapping
from threading import RLock
from typing import Any, ClassVar

from swiftopt._binding import Binding
from swiftopt._groups import ParameterGroup, Revision, as_flag, as_number
from swiftopt._rules import Rule
from swiftopt._state import ReadOnly, check_names, copy_state
from swiftopt._structure import Structure
from swiftopt.schedules import Schedule

Number = float | Schedule


class OptimizerBase:
    """Parameters in groups, their state, and the settings of the steps."""

    _rule: ClassVar[Rule]

    lr: Number
    weight_decay: Number
    maximize: bool
    clip_value: Number | None
    clip_tensor_norm: Number | None

    def __init_subclass__(cls, rule: str | None = None, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        if rule is not None:
            cls._rule = Rule(rule)
            # Properties, not __getattr__, which would slow down every look-up in a step.
            code = cls.__init__.__code__
            for name in code.co_varnames[2 : code.co_argcount + code.co_kwonlyargcount]:
                if not hasattr(OptimizerBase, name):
                    setattr(cls, name, _group_property(name))

    def __init__(
        self,
        params: Any,
        hyperparameters: dict[str, Any],
        *,
        clip_norm: Number | None,
        skip_nonfinite: bool,
        report_norm: bool,
    ) -> None:
        if not hasattr(self, "_rule"):
            raise TypeError(f"{type(self).__name__} has no rule; use SGD, AdamW, ...")
        # Settings and counts must not move between a step's preparation and its end.
        # Reentrant, because an array's own code may call back.
        self._lock = RLock()
        self._revision = Revision()
        self._clip_norm = _checked_clip_norm(clip_norm)
        self._skip_nonfinite = as_flag("skip_nonfinite", skip_nonfinite)
        self._report_norm = as_flag("report_norm", report_norm)
        self._is_scheduled = False
        self._is_closed = False
        self._lr = 0.0
        self._used: tuple[dict[str, float], ...] = ()
        self._state: Mapping[str, Mapping[str, Any]] | None = None
        self._lazy: dict[Any, Binding] = {}
        self._loaded: dict[str, Mapping[str, Any]] = {}
        self._structure = Structure([])
        self._is_flat = False
        self._binding: Binding | None = None
        if params is None:
            self._groups: tuple[ParameterGroup, ...] = (self._new_group([], hyperparameters),)
        else:
            self._bind_parameters(params, hyperparameters)

    def _bind_parameters(self, params: Any, hyperparameters: dict[str, Any]) -> None:
        if isinstance(params, dict) and "params" in params and params.keys() & hyperparameters:
            raise ValueError("params is a group by itself; put it in a list: [{'params': ...}]")
        is_grouped = is_list_of_groups(params)
        nest = [group["params"] for group in params] if is_grouped else params
        self._structure = Structure(nest, is_grouped=is_grouped)
        self._is_flat = self._structure.is_flat
        leaves: list[Any] = []
        group_of_leaf: list[int] = []
        groups = []
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
            try:
                groups.append(self._new_group(group_leaves, entries))
            except (TypeError, ValueError) as error:
                if not is_grouped:
                    raise
                raise type(error)(f"params[{index}]: {error}") from None
            group_of_leaf += [index] * len(group_leaves)
            leaves += group_leaves
        self._groups = tuple(groups)
        settings = [group.settings for group in groups]
        self._binding = Binding(self._rule, self._structure.names, leaves, group_of_leaf, settings)

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

    # --------------------------------------------------------------- settings

    @property
    def param_groups(self) -> tuple[ParameterGroup, ...]:
        """The groups: dicts of hyper-parameters, with the arrays under "params".

        Setting an entry holds from the next step on.
        """
        return self._groups

    @property
    def clip_norm(self) -> Number | None:
        """The limit of the norm over all gradients, or None."""
        return None if self._clip_norm == float("inf") else self._clip_norm

    @clip_norm.setter
    def clip_norm(self, value: Number | None) -> None:
        self._clip_norm = _checked_clip_norm(value)
        self._revision.number += 1

    @property
    def skip_nonfinite(self) -> bool:
        """Whether a gradient with inf or nan turns a step into a no-op."""
        return self._skip_nonfinite

    @skip_nonfinite.setter
    def skip_nonfinite(self, value: bool) -> None:
        self._skip_nonfinite = as_flag("skip_nonfinite", value)
        self._revision.number += 1

    @property
    def report_norm(self) -> bool:
        """Whether the report has the gradients' norm even if nothing needs it."""
        return self._report_norm

    @report_norm.setter
    def report_norm(self, value: bool) -> None:
        self._report_norm = as_flag("report_norm", value)
        self._revision.number += 1

    # ------------------------------------------------------------------ state

    def _bindings(self) -> list[Binding]:
        return [self._binding] if self._binding is not None else list(self._lazy.values())

    @property
    def step_count(self) -> int:
        """Completed updates; skipped steps don't count."""
        return max((binding.plan.step_count for binding in self._bindings()), default=0)

    @property
    def state(self) -> Mapping[str, Mapping[str, Any]]:
        """The state as a read-only mapping {name: {slot: array}} of writable arrays.

        "step" and the running products of the betas are 0-d float64 arrays. The arrays are
        the optimizer's own: what is written to them is used by the next step. Copies
        (`copy.deepcopy`, pickle) are plain dicts, which `load_state` takes.

        Examples
        --------
        >>> import numpy as np, swiftopt as so
        >>> optimizer = so.Adam({"w": np.zeros(2)})
        >>> sorted(optimizer.state["w"])
        ['beta1_product', 'beta2_product', 'exp_avg', 'exp_avg_sq', 'step']
        """
        if self._state is None:
            self._state = ReadOnly(
                {
                    name: ReadOnly(slots)
                    for binding in self._bindings()
                    for name, slots in binding.state().items()
                }
            )
        return self._state

    def load_state(self, state: Mapping[str, Mapping[str, Any]]) -> None:
        """Copy a state, as `state` gives it, into this optimizer.

        The step count becomes the largest of the parameters' counts. An optimizer without
        params keeps what belongs to a key that it doesn't know yet for the key's first
        `update`.

        Raises
        ------
        TypeError, ValueError
            If names, slots, shapes or dtypes differ; nothing was changed then.
        """
        self._check_open()
        with self._lock:
            if self._binding is None:
                check_names(state)
                known = {name: state[name] for name in self.state if name in state}
                copy_state({name: self.state[name] for name in known}, known)
                self._loaded = {
                    name: {slot: value.copy() for slot, value in state[name].items()}
                    for name in state
                    if name not in known
                }
            else:
                copy_state(self.state, state)
            for binding in self._bindings():
                binding.plan.step_count = int(max(binding.scalars[:, 0], default=0))

    # --------------------------------------------------------------- lifetime

    def close(self) -> None:
        """Give back the memory of all arrays; the optimizer can't be used any more.

        Only needed to resize an array that an optimizer has held.
        """
        self._is_closed = True
        for binding in self._bindings():
            binding.plan.release()

    def _check_open(self) -> None:
        if self._is_closed:
            raise ValueError("this optimizer is closed")

    def __copy__(self) -> None:
        raise TypeError("two optimizers can't share one state; use copy.deepcopy")

    def __getstate__(self) -> dict[str, Any]:
        self._check_open()
        return {name: value for name, value in self.__dict__.items() if name != "_lock"} | {
            "_state": None
        }

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)
        self._lock = RLock()

    def __repr__(self) -> str:
        lines = [
            ", ".join(
                [f"{len(group['params'])} parameters"]
                + [f"{name}={value!r}" for name, value in group.items() if name != "params"]
            )
            for group in self._groups
        ]
        return f"{type(self).__name__}({'; '.join(lines)}, clip_norm={self.clip_norm!r})"


def _group_property(name: str) -> property:
    """Return a property that reads the first group's entry and sets every group's."""

    def read(self: OptimizerBase) -> Any:
        return self._groups[0][name]

    def write(self: OptimizerBase, value: Any) -> None:
        for group in self._groups:
            group[name] = value

    return property(read, write, doc=f"{name} of the first group; setting it sets every group's.")


def is_list_of_groups(params: Any) -> bool:
    """Whether every element is a dict with the key "params"."""
    return (
        isinstance(params, list | tuple)
        and len(params) > 0
        and all(isinstance(group, dict) and "params" in group for group in params)
    )


def _checked_clip_norm(value: Number | None) -> Number:
    if value is None:
        return float("inf")
    first = value(0) if isinstance(value, Schedule) else as_number("clip_norm", value)
    if not first > 0:
        raise ValueError(f"clip_norm is {first}; it must be > 0")
    return value if isinstance(value, Schedule) else first
