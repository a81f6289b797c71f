"""Other parameters under an optimizer that has begun its work."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from swiftopt._published import published_arrays
from swiftopt._stepping import Stepping
from swiftopt._structure import Structure


class Parameters(Stepping):
    """What replaces, adds and removes parameters."""

    def rebind(self, params: Any) -> None:
        """Update other arrays from now on, with the state as it is.

        For models whose arrays were replaced (by a setter, by unpickling): same structure,
        names, shapes and dtypes. A master copy in the state still is what is trained.
        """
        with self._lock:
            self._commit(self._bound().rebound(self._leaves(params)))

    def set_params(self, params: Any) -> None:
        """Update these parameters from now on: others than before, or more, or fewer.

        Names that are known keep their state, their group, and (as in `rebind`) their shape
        and dtype. New names get a fresh state, and the group that ``overrides`` says.
        Names that are gone lose their state. The step count, which schedules follow, goes
        on. Bound and received gradients are given back.

        Parameters
        ----------
        params : array, nest of dicts and lists
            In lists the position is the name: only their ends can change without mixing
            parameters up. For a list of groups there is `add_param_group`.

        Raises
        ------
        TypeError, ValueError
            If an array can't be a parameter; the optimizer is as it was then.

        Examples
        --------
        >>> import numpy as np, swiftopt as so
        >>> params = {"body": np.ones(2)}
        >>> optimizer = so.Adam(params)
        >>> params["head"] = np.ones(3)
        >>> optimizer.set_params(params)
        >>> list(optimizer.state)
        ['body', 'head']
        """
        with self._lock:
            old = self._bound()
            if self._structure.is_grouped:
                raise ValueError(
                    "this optimizer was made with a list of groups; use add_param_group()"
                )
            structure, placement = Structure(params), self._placement.copy()
            owners = [
                old.groups[old.index[name]] if name in old.index else placement.place(0, [name])[0]
                for name in structure.names
            ]
            leaves = structure.leaves(params, "params")
            published = {
                name: array for name, array in old.published.items() if name in structure.names
            }
            binding = self._new_binding(structure, leaves, owners, placement, published, old)
            self._adopt(structure, placement, binding)

    def add_param_group(self, group: Mapping[str, Any]) -> None:
        """Add a group to an optimizer that was made with a list of groups.

        Parameters
        ----------
        group : dict
            The parameters under "params", and options where they are not those that the
            optimizer was made with. The numbers that name parameters in lists go on.

        Examples
        --------
        >>> import numpy as np, swiftopt as so
        >>> optimizer = so.Adam([{"params": [np.ones(2)]}])
        >>> optimizer.add_param_group({"params": [np.ones(3)], "lr": 0.1})
        >>> list(optimizer.state)
        ['0', '1']
        """
        with self._lock:
            old = self._bound()
            if not self._structure.is_grouped:
                raise ValueError(
                    "this optimizer was not made with a list of groups; use set_params()"
                )
            if not isinstance(group, Mapping) or "params" not in group:
                raise TypeError('group must be a dict with the key "params"')
            structure = self._structure.with_group(group["params"])
            names = structure.names[len(old.names) :]
            placement = self._placement.copy()
            base = self._add_base(placement, "group", group, self._defaults)
            owners = old.groups + placement.place(base, names)
            leaves = old.params + Structure(group["params"]).leaves(group["params"], "params")
            binding = self._new_binding(structure, leaves, owners, placement, old.published, old)
            self._adopt(structure, placement, binding)

    @property
    def publish(self) -> dict[str, Any]:
        """The arrays that get copies of the parameters, by name. Setting it fills them."""
        return dict(self._bound().published)

    @publish.setter
    def publish(self, value: Any) -> None:
        with self._lock:
            binding = self._bound()
            self._commit(binding.publishing(published_arrays(value, binding.names)))
