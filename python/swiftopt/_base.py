"""What an optimizer has: groups, parameters, a lifetime. The state is in _stateful.py."""

from __future__ import annotations

from collections.abc import Mapping
from threading import RLock
from typing import Any, ClassVar

from swiftopt._arrays import Array
from swiftopt._attributes import KnownAttributes
from swiftopt._binding import Binding
from swiftopt._forms import Layout
from swiftopt._groups import ParameterGroup, Revision
from swiftopt._options import GROUP_DEFAULTS, Number, Options, complete
from swiftopt._overrides import Placement, as_overrides, check_entries
from swiftopt._published import published_arrays
from swiftopt._rules import Rule
from swiftopt._settings import Settings, group_property
from swiftopt._structure import Structure

__all__ = ["Number", "OptimizerBase", "Options", "is_list_of_groups"]


class OptimizerBase(KnownAttributes, Settings):
    """Parameters in groups, and the settings of the steps."""

    _rule: ClassVar[Rule]

    def __init_subclass__(cls, rule: str | None = None, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        if rule is not None:
            cls._rule = Rule(rule)
            code = cls.__init__.__code__
            for name in code.co_varnames[2 : code.co_argcount + code.co_kwonlyargcount]:
                if not hasattr(OptimizerBase, name):
                    setattr(cls, name, group_property(name))

    def __init__(self, params: Any, hyperparameters: dict[str, Any], options: Options) -> None:
        if not hasattr(self, "_rule"):
            raise TypeError(f"{type(self).__name__} has no rule; use SGD, AdamW, ...")
        group_options, own_options = complete(type(self).__name__, hyperparameters, options)
        # Settings and counts must not move between a step's preparation and its end.
        # Reentrant, because an array's own code may call back.
        self._lock = RLock()
        self._revision = Revision()
        self._set_options(own_options)
        self._layout = Layout(self._accumulate > 1, self._seed)
        self._is_scheduled = False
        self._is_closed = False
        self._is_evaluating = False
        # Whether a step is nothing but one call of the plan.
        self._is_plain = self._accumulate == 1
        self._lr = 0.0
        self._used: tuple[dict[str, Any], ...] = ()
        self._state: Mapping[str, Mapping[str, Any]] | None = None
        self._lazy: dict[Any, Binding] = {}
        # What a key's first update takes: its state, and its count if the state has another.
        self._loaded: dict[str, dict[str, Array]] = {}
        self._loaded_steps: dict[str, int] = {}
        self._structure = Structure([])
        self._is_flat = False
        self._binding: Binding | None = None
        entries = self._defaults = {**hyperparameters, **group_options}
        overrides = as_overrides(own_options["overrides"], entries)
        self._placement = Placement(overrides, self._new_group)
        if params is None:
            for name in ("overrides", "publish"):
                if own_options[name] is not None:
                    raise ValueError(f"{name} is for an optimizer that is made with params")
            self._placement.add_base(entries)
            self._groups = tuple(self._placement.groups)
        else:
            self._bind_parameters(params, entries, own_options["publish"])

    def _bind_parameters(self, params: Any, entries: dict[str, Any], publish: Any) -> None:
        if isinstance(params, dict) and "params" in params and params.keys() & entries:
            raise ValueError("params is a group by itself; put it in a list: [{'params': ...}]")
        is_grouped = is_list_of_groups(params)
        nest = [group["params"] for group in params] if is_grouped else params
        structure = Structure(nest, is_grouped=is_grouped)
        placement = self._placement
        leaves: list[Any] = []
        owners: list[int] = []
        # All bases come first, so that the groups are numbered as the caller listed them.
        for index in range(len(params) if is_grouped else 1):
            self._add_base(placement, f"params[{index}]", params[index] if is_grouped else None,
                           entries)  # fmt: skip
        for base, group_nest in enumerate(nest if is_grouped else [nest]):
            group_leaves = Structure(group_nest).leaves(group_nest, "params")
            names = structure.names[len(leaves) : len(leaves) + len(group_leaves)]
            owners += placement.place(base, names)
            leaves += group_leaves
        placement.check_patterns(structure.names)
        published = published_arrays(publish, structure.names)
        self._adopt(structure, placement, self._new_binding(
            structure, leaves, owners, placement, published
        ))  # fmt: skip

    def _add_base(
        self,
        placement: Placement,
        what: str,
        group: Mapping[str, Any] | None,
        entries: dict[str, Any],
    ) -> int:
        """Add a group as the caller listed it; None stands for the only one."""
        if group is None:
            return placement.add_base(entries)
        check_entries(what, group, entries)
        try:
            return placement.add_base({name: group.get(name, entries[name]) for name in entries})
        except (TypeError, ValueError) as error:
            raise type(error)(f"{what}: {error}") from None

    def _new_binding(
        self,
        structure: Structure,
        leaves: list[Any],
        owners: list[int],
        placement: Placement,
        published: dict[str, Array],
        predecessor: Binding | None = None,
    ) -> Binding:
        settings = [group.settings for group in placement.groups]
        return Binding(
            self._rule, structure.names, leaves, owners, settings, self._layout, published,
            predecessor,
        )  # fmt: skip

    def _adopt(self, structure: Structure, placement: Placement, binding: Binding) -> None:
        """Work with these parameters from now on."""
        self._structure, self._is_flat = structure, structure.is_flat
        self._placement, self._groups = placement, tuple(placement.groups)
        old, self._binding = self._binding, binding
        self._state = None
        self._show_params(binding)
        if old is not None:
            old.plan.release()

    def _show_params(self, binding: Binding) -> None:
        """Show the arrays in the groups."""
        members: list[list[Any]] = [[] for _ in self._groups]
        for param, owner in zip(binding.params, binding.groups, strict=True):
            members[owner].append(param)
        for group, group_params in zip(self._groups, members, strict=True):
            group.replace_params(group_params)

    def _new_group(self, entries: dict[str, Any]) -> ParameterGroup:
        return ParameterGroup(self._rule, self._hyperparameters, self._revision, [], entries)

    @staticmethod
    def _hyperparameters(entries: Mapping[str, Any]) -> dict[str, Any]:
        """Turn a group's entries into the rule's hyper-parameters by name.

        The options of all optimizers pass through; a class may set "decay" of its own.
        """
        values = dict(entries)
        if "betas" in values:
            betas = values.pop("betas")
            if not isinstance(betas, tuple | list) or len(betas) != 2:
                raise TypeError(f"betas is {betas!r}; it must be a pair of numbers or schedules")
            values["beta1"], values["beta2"] = betas
        return values

    def _bindings_by_key(self) -> dict[Any, Binding]:
        return {None: self._binding} if self._binding is not None else self._lazy

    def _bindings(self) -> list[Binding]:
        return list(self._bindings_by_key().values())

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
        if self._is_evaluating:
            raise RuntimeError(
                "the parameters have their averaged values; leave `with evaluation()` first"
            )

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
                + [
                    f"{name}={value!r}"
                    for name, value in group.items()
                    if name != "params" and value is not GROUP_DEFAULTS.get(name, self)
                ]
            )
            for group in self._groups
        ]
        return f"{type(self).__name__}({'; '.join(lines)}, clip_norm={self.clip_norm!r})"


def is_list_of_groups(params: Any) -> bool:
    """Whether every element is a dict with the key "params"."""
    return (
        isinstance(params, list | tuple)
        and len(params) > 0
        and all(isinstance(group, dict) and "params" in group for group in params)
    )
