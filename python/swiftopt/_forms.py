"""Parameters as arrays, and what must stay the same when one is replaced."""

from __future__ import annotations

from typing import Any, NamedTuple

from swiftopt._arrays import Array, as_parameter
from swiftopt._dtypes import parameter_kind

_LOW_PRECISION = ("float16", "bfloat16")


class Form(NamedTuple):
    """What must stay the same when a parameter's array is replaced."""

    shape: tuple[int, ...]
    kind: str

    @classmethod
    def of(cls, name: str, array: Array) -> Form:
        """Return the form of a parameter; TypeError if its dtype is none that trains."""
        return cls(array.shape, parameter_kind(array, f"parameter {name!r}"))

    @property
    def is_low_precision(self) -> bool:
        """Whether the parameter's dtype holds less than the computation's."""
        return self.kind in _LOW_PRECISION

    @property
    def units(self) -> int:
        """The runs of elements that `adaptive_clip` looks at: rows, if there are any."""
        return max(self.shape[0], 1) if len(self.shape) >= 2 else 1


class Layout(NamedTuple):
    """What holds for all parameters of an optimizer for good."""

    accumulates: bool = False
    seed: int = 0


def arrays_of(names: tuple[str, ...], params: list[Any]) -> list[Array]:
    """Return the parameters as arrays that share their memory."""
    return [
        as_parameter(param, f"parameter {name!r}")
        for name, param in zip(names, params, strict=True)
    ]


def check_form(name: str, form: Form, expected: Form) -> None:
    """Raise ValueError if a parameter is replaced by an array of another form."""
    if form != expected:
        raise ValueError(
            f"parameter {name!r} has shape {form.shape} and dtype {form.kind}; "
            f"the array that it replaces has shape {expected.shape} and dtype {expected.kind}"
        )


def key_of(name: str) -> int:
    """Return the 64-bit number that stands for a name in the random numbers of its tensor."""
    from hashlib import blake2b  # here, which keeps `import swiftopt` short

    return int.from_bytes(blake2b(name.encode(), digest_size=8).digest(), "little")
