"""A state_dict of torch, taken apart and checked against an optimizer."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from swiftopt._torch.subject import Subject
from swiftopt._torch.table import missing_entry, resembling, unknown_entry
from swiftopt._torch.values import as_plain


class TorchGroup(NamedTuple):
    """A group of a state_dict that has parameters, beside the same group here."""

    place: str
    entries: dict[str, Any]
    indices: tuple[int, ...]
    """Of its parameters here."""
    ids: list[Any]
    """Of its parameters in the state_dict."""


def parsed(subject: Subject, state_dict: Any) -> tuple[list[TorchGroup], Mapping[Any, Any]]:
    """Return the groups, and the state by id.

    Raises
    ------
    TypeError, ValueError
        If these don't fit each other or the optimizer.
    """
    if not isinstance(state_dict, Mapping):
        raise TypeError(f"state_dict is a {type(state_dict).__name__}; it must be a dict")
    if set(state_dict) != {"state", "param_groups"}:
        raise ValueError(
            f"state_dict has the keys {', '.join(map(repr, state_dict)) or '(none)'}; that of an "
            "optimizer has 'state' and 'param_groups' (give only its part of a checkpoint)"
        )
    groups, state = state_dict["param_groups"], state_dict["state"]
    if not isinstance(groups, list | tuple):
        raise TypeError(f"param_groups is a {type(groups).__name__}; it must be a list")
    if not isinstance(state, Mapping):
        raise TypeError(f"state is a {type(state).__name__}; it must be a dict")
    members = [_members(place, group) for place, group in enumerate(groups)]
    torch_groups = _paired(subject, groups, members)
    for name, entries in state.items():
        if not any(name in ids for ids in members):
            raise ValueError(f"state[{name!r}] belongs to no parameter of param_groups")
        if not isinstance(entries, Mapping):
            raise TypeError(f"state[{name!r}] is a {type(entries).__name__}; it must be a dict")
    return torch_groups, state


def _members(place: int, group: Any) -> list[Any]:
    what = f"param_groups[{place}]"
    if not isinstance(group, Mapping):
        raise TypeError(f"{what} is a {type(group).__name__}; it must be a dict")
    ids = group.get("params")
    if not isinstance(ids, list | tuple):
        raise TypeError(f"{what}['params'] must be the list of its parameters' numbers")
    for k, number in enumerate(ids):
        if not isinstance(number, int | str):
            raise TypeError(f"{what}['params'][{k}] is {number!r}; it must be a number")
    return list(ids)


def _paired(subject: Subject, groups: Any, members: list[list[Any]]) -> list[TorchGroup]:
    filled = [(place, ids) for place, ids in enumerate(members) if ids]
    if len(filled) != len(subject.groups):
        raise ValueError(
            f"param_groups has {len(filled)} groups with parameters; "
            f"this optimizer has {len(subject.groups)}"
        )
    flat = [name for ids in members for name in ids]
    if len(set(flat)) != len(flat):
        raise ValueError("param_groups has a parameter twice")
    torch_groups = []
    for (place, ids), (_, indices) in zip(filled, subject.groups, strict=True):
        what = f"param_groups[{place}]"
        if len(ids) != len(indices):
            raise ValueError(f"{what} has {len(ids)} parameters; the group here has {len(indices)}")
        _check_names(subject, what, groups[place].get("param_names"), indices)
        entries = _entries(subject, what, groups[place])
        torch_groups.append(TorchGroup(what, entries, indices, ids))
    return torch_groups


def _entries(subject: Subject, what: str, group: Mapping[str, Any]) -> dict[str, Any]:
    torch_class = subject.torch_class
    missing, unknown = missing_entry(torch_class, group), unknown_entry(torch_class, group)
    if missing is not None or unknown is not None:
        others = resembling(group)
        raise ValueError(
            (f"{what} has no {missing!r}" if unknown is None else f"{what} has {unknown!r}")
            + f", unlike a group of torch.optim.{torch_class.name}"
            + (f"; it looks like one of {' or '.join(others)}" if others else "")
        )
    names = {*torch_class.entries, "decoupled_weight_decay", "ns_coefficients"} & group.keys()
    entries = {name: as_plain(group[name], f"{what}[{name!r}]") for name in names}
    # The only flag of torch's that isn't about speed.
    coefficients = torch_class.flags.get("ns_coefficients")
    if entries.pop("ns_coefficients", coefficients) != coefficients:
        raise ValueError(f"{what}['ns_coefficients'] must be {coefficients}, the default")
    return entries


def _check_names(subject: Subject, what: str, names: Any, indices: tuple[int, ...]) -> None:
    """Raise if torch's names of the parameters are ours in another order."""
    own = [subject.binding.names[index] for index in indices]
    if names is None or not isinstance(names, list | tuple) or len(names) != len(own):
        return
    if list(names) != own and set(map(str, names)) == set(own):
        place = next(k for k, name in enumerate(names) if name != own[k])
        raise ValueError(
            f"{what}['param_names'][{place}] is {names[place]!r}; the parameter in that place "
            f"here is {own[place]!r}, and they are matched by place"
        )
