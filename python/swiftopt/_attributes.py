"""Attributes that exist: a typo in `optimizer.weight_decay = 0.1` must not pass in silence."""

from __future__ import annotations

from typing import Any

from swiftopt._options import OPTIMIZER_DEFAULTS


class KnownAttributes:
    """Refuses to set public attributes that the class doesn't have.

    A class that names a rule is complete. Subclasses of such a class may have attributes of
    their own, and private ones are anybody's affair.
    """

    def __setattr__(self, name: str, value: Any) -> None:
        kind = type(self)
        if name[0] != "_" and "_rule" in kind.__dict__ and not hasattr(kind, name):
            raise AttributeError(f"{kind.__name__!r} object {_reason(kind, name)}", name=name)
        object.__setattr__(self, name, value)


def _reason(kind: type, name: str) -> str:
    if name in OPTIMIZER_DEFAULTS:
        return f"can't change its {name!r}; make a new optimizer"
    import difflib

    known = [attribute for attribute in dir(kind) if attribute[0] != "_"]
    similar = " or ".join(repr(match) for match in difflib.get_close_matches(name, known))
    return f"has no attribute {name!r}" + (f"; did you mean {similar}?" if similar else "")
