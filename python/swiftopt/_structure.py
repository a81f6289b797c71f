"""Nested parameters: their names, their order, and gradients of the same form."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from operator import itemgetter
from typing import Any, TypeGuard

import numpy as np

Leaves = list[Any]

_ROOT_NAME = "param"

_PLAIN = {np.ndarray, type(None)}


class Structure:
    """The form of a nest of dicts, lists and tuples around arrays.

    `names` are the paths to the leaves, joined with '.', in order; a leaf without a
    path is called "param". `is_flat` tells a plain list of leaves.

    With `is_grouped` the nest is the list of the groups' own nests: their leaves are
    named as if the groups were one, lists numbered on from group to group.
    """

    __slots__ = ("_form", "_pick", "is_flat", "is_grouped", "names")

    def __init__(self, nest: Any, *, is_grouped: bool = False) -> None:
        names: list[str] = []
        if is_grouped:
            form: Any = [_group_form(child, names) for child in nest]
        else:
            form = _form_of(nest, None, names)
        self._set(form, names, is_grouped)

    def with_group(self, nest: Any) -> Structure:
        """Return this structure of groups with one more group."""
        names = list(self.names)
        form = [*self._form, _group_form(nest, names)]
        other = object.__new__(Structure)
        other._set(form, names, True)
        return other

    def _set(self, form: Any, names: list[str], is_grouped: bool) -> None:
        self._form = form
        self.names = tuple(names)
        self.is_grouped = is_grouped
        if len(set(names)) != len(names):
            twin = next(name for name in names if names.count(name) > 1)
            raise ValueError(f"params: two parameters would be called {twin!r}")
        # Takes the leaves of a plain dict in order; itemgetter gives a tuple from two on.
        self._pick: Callable[[Any], tuple[Any, ...]] | None = None
        is_flat_dict = isinstance(self._form, dict) and not any(
            child is not None for child in self._form.values()
        )
        if is_flat_dict and len(self._form) > 1:
            self._pick = itemgetter(*self._form)
        self.is_flat = (
            not is_grouped
            and isinstance(self._form, list)
            and all(child is None for child in self._form)
        )

    def leaves(self, nest: object, what: str) -> Leaves:
        """Return the leaves of a nest of this form, in order.

        None may stand for a leaf or a whole branch. Dicts are matched by key.

        Raises
        ------
        TypeError, ValueError
            If the form differs; the message begins with `what` and the place.
        """
        # The two frequent cases of a step, in a fraction of the time. Whether the leaves
        # are arrays is for whoever takes them to tell.
        if self._pick is not None and type(nest) is dict and len(nest) == len(self.names):
            try:
                return list(self._pick(nest))
            except KeyError:
                pass  # the slow way says which key it is
        elif self._form is None and type(nest) is np.ndarray:
            return [nest]
        leaves: Leaves = []
        _collect(self._form, nest, what, leaves)
        return leaves

    def nest(self, leaves: Leaves) -> Any:
        """Return new dicts and lists of this form around `leaves`."""
        remaining = iter(leaves)

        def build(form: Any) -> Any:
            if form is None:
                return next(remaining)
            if isinstance(form, dict):
                return {key: build(child) for key, child in form.items()}
            return [build(child) for child in form]

        return build(self._form)


def _is_sequence(value: object) -> TypeGuard[Sequence[Any]]:
    return isinstance(value, list | tuple)


def _group_form(nest: Any, names: list[str]) -> Any:
    if isinstance(nest, Mapping):
        return _form_of(nest, None, names)
    children = nest if _is_sequence(nest) else [nest]
    forms = [_form_of(child, str(len(names)), names) for child in children]
    return forms if _is_sequence(nest) else forms[0]


def _form_of(nest: object, path: str | None, names: list[str]) -> Any:
    """None for a leaf, else a dict or list of forms. Appends the leaves' names."""
    if isinstance(nest, Mapping):
        _refuse_copies(nest, path)
        return {
            key: _form_of(child, _join(path, _key(key, path)), names) for key, child in nest.items()
        }
    if _is_sequence(nest):
        return [_form_of(child, _join(path, str(index)), names) for index, child in enumerate(nest)]
    if nest is None or isinstance(nest, str | bytes) or _is_other_iterable(nest):
        raise TypeError(
            f"params{_at(path)} is a {type(nest).__name__}; it must be an array, or a dict, "
            "list or tuple of arrays (list(...) makes one of an iterable)"
        )
    names.append(_ROOT_NAME if path is None else path)
    return None


def _is_other_iterable(nest: object) -> bool:
    """Whether this is a generator, a set, a dict's values, ...: no array of any kind."""
    if not hasattr(nest, "__iter__") or hasattr(nest, "__dlpack__"):
        return False
    try:
        memoryview(nest)  # type: ignore[arg-type]
    except TypeError:
        return True
    except ValueError:  # an array whose dtype has no format
        return False
    return False


def _refuse_copies(nest: Mapping[Any, Any], path: str | None) -> None:
    """Refuse what makes new arrays at each look, such as the archive of np.load."""
    if not isinstance(nest, dict) and any(nest[key] is not nest[key] for key in nest):
        raise TypeError(
            f"params{_at(path)} is a {type(nest).__name__} that gives copies; "
            "it must hold the arrays (dict(...) reads them once)"
        )


def _collect(form: Any, nest: Any, what: str, leaves: Leaves) -> None:
    if form is None:
        if isinstance(nest, Mapping) or _is_sequence(nest):
            raise TypeError(f"{what} is a {type(nest).__name__}; its parameter is an array")
        leaves.append(nest)
    elif nest is None:
        leaves.extend([None] * _count(form))
    elif isinstance(form, dict):
        if not isinstance(nest, Mapping):
            raise TypeError(f"{what} is a {type(nest).__name__}; params has a dict there")
        if len(nest) != len(form) or not form.keys() <= nest.keys():
            missing = [key for key in form if key not in nest]
            surplus = [key for key in nest if key not in form]
            raise ValueError(
                f"{what}: "
                + (f"key {missing[0]!r} is missing (None skips a parameter)" if missing else "")
                + ("; " if missing and surplus else "")
                + (f"key {surplus[0]!r} is not in params" if surplus else "")
            )
        for key, child in form.items():
            _collect(child, nest[key], f"{what}[{key!r}]", leaves)
    else:
        if not _is_sequence(nest):
            raise TypeError(f"{what} is a {type(nest).__name__}; params has a list there")
        if len(nest) != len(form):
            raise ValueError(f"{what} has {len(nest)} entries; params has {len(form)}")
        for index, child in enumerate(form):
            _collect(child, nest[index], f"{what}[{index}]", leaves)


def _count(form: Any) -> int:
    if form is None:
        return 1
    return sum(_count(child) for child in (form.values() if isinstance(form, dict) else form))


def _key(key: object, path: str | None) -> str:
    if not isinstance(key, str | int) or isinstance(key, bool):
        raise TypeError(f"params{_at(path)}: key {key!r} must be a str or an int")
    return str(key)


def _join(path: str | None, name: str) -> str:
    return name if path is None else f"{path}.{name}"


def _at(path: str | None) -> str:
    return "" if path is None else f" at {path!r}"
