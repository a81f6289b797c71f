"""What a file has against what is there to take it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from swiftopt._arrays import Array
from swiftopt._checkpoint._dtypes import code_of
from swiftopt._checkpoint._errors import CheckpointError, listed
from swiftopt._checkpoint._reader import Reader

Form = tuple[str | None, tuple[int, ...]]

#: What the arrays of `params` are called.
PARAMETER = "parameter"

_CANDIDATES = 200
_SUGGESTED = 50


class Differences:
    """Everything that doesn't fit, collected before anything is changed."""

    def __init__(self) -> None:
        self.missing: list[str] = []
        self.unexpected: list[str] = []
        self.mismatched: list[str] = []
        self.renamed: dict[str, str] = {}

    def compare(self, kind: str, file: Mapping[str, Form], wanted: Mapping[str, Form]) -> list[str]:
        """Return the names whose forms agree, and note the others."""
        missing = [name for name in wanted if name not in file]
        unexpected = [name for name in file if name not in wanted]
        self.missing += [f"{kind} {name!r}" for name in missing]
        self.unexpected += [f"{kind} {name!r}" for name in unexpected]
        if kind == PARAMETER:  # states follow their parameters, whose shapes they may not know
            self.renamed.update(_likely_renames(missing, unexpected, file, wanted))
        fitting = []
        for name in wanted:
            if name not in file:
                continue
            if file[name] == wanted[name]:
                fitting.append(name)
            else:
                self.mismatched.append(
                    f"{kind} {name!r} (the file has {_text(file[name])}, "
                    f"expected {_text(wanted[name])})"
                )
        return fitting

    def __bool__(self) -> bool:
        return bool(self.missing or self.unexpected or self.mismatched)

    def lists(self) -> dict[str, Any]:
        """Return them as the arguments of `CheckpointError` and `Checkpoint`."""
        return {
            "missing": tuple(self.missing),
            "unexpected": tuple(self.unexpected),
            "mismatched": tuple(self.mismatched),
            "renamed": dict(self.renamed),
        }

    def error(self, reader: Reader) -> CheckpointError:
        """Return the error that tells all of them."""
        parts = [
            f"{title}: {listed(names)}"
            for title, names in (
                ("missing in the file", self.missing),
                ("only in the file", self.unexpected),
                ("different", self.mismatched),
            )
            if names
        ]
        if self.renamed:
            pairs = [f"{old!r} -> {new!r}" for new, old in self.renamed.items()]
            parts.append(f"likely renamed: {listed(pairs)}")
        message = "doesn't fit what it is loaded into; " + "; ".join(parts)
        return reader.error(f"{message} (strict=False loads the rest)", **self.lists())


def form_of(array: Array) -> Form:
    """Return what must agree between a file and an array."""
    return (code_of(array), array.shape)


def _text(form: Form) -> str:
    from swiftopt._checkpoint._dtypes import name_of

    code, shape = form
    return f"{name_of(code) if code else 'another dtype'} {shape}"


def _likely_renames(
    missing: list[str],
    unexpected: list[str],
    file: Mapping[str, Form],
    wanted: Mapping[str, Form],
) -> dict[str, str]:
    """Return {missing name: the unexpected name of the same form that it resembles most}."""
    import difflib

    renamed: dict[str, str] = {}
    free = unexpected[:_CANDIDATES]
    for name in missing[:_SUGGESTED]:
        alike = {other[:200]: other for other in free if file[other] == wanted[name]}
        close = difflib.get_close_matches(name[:200], list(alike), n=1, cutoff=0.0)
        if close:
            renamed[name] = alike[close[0]]
            free.remove(renamed[name])
    return renamed
