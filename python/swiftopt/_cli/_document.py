"""A TOML file whose values know where they were written."""

from __future__ import annotations

import copy
import re
import tomllib
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from swiftopt._cli._errors import CommandError, ConfigError, suggestion

_HEADER = re.compile(r"""\s*\[\s*([\w."' -]+?)\s*\]\s*(?:\#.*)?$""")
#: Numbers that Python knows and TOML doesn't.
_SHORT_NUMBER = re.compile(r"[+-]?(\.\d+|\d+\.)(e[+-]?\d+)?", re.IGNORECASE)
_KEY = re.compile(r"""\s*["']?([\w-]+)["']?\s*[.=]""")


class Document:
    """Sections of keys and values.

    Parameters
    ----------
    path : path
        The file.
    changes : iterable of str
        ``section.key=value`` in place of what the file has; the value as in TOML, or a text
        without quotes.
    """

    def __init__(self, path: str | Path, changes: Iterable[str] = ()) -> None:
        self.path = Path(path)
        try:
            text = self.path.read_bytes().decode("utf-8-sig")
        except OSError as error:
            raise CommandError(f"{self.path}: {error.strerror}") from error
        except UnicodeDecodeError as error:
            raise ConfigError(f"{self.path}: is no text in UTF-8 ({error})") from error
        try:
            self._sections: dict[str, Any] = tomllib.loads(text)
        except tomllib.TOMLDecodeError as error:
            raise ConfigError(f"{self.path}: {error}") from error
        except RecursionError as error:
            raise ConfigError(f"{self.path}: is nested too deeply") from error
        self._lines = _lines(text)
        self._changed: set[tuple[str, str]] = set()
        for change in changes:
            self._change(change)

    def _change(self, change: str) -> None:
        found = re.fullmatch(r"\s*([\w-]+)\.([\w-]+)\s*=(.*)", change, re.DOTALL)
        if not found:
            raise ConfigError(f"--set {change}: it must be SECTION.KEY=VALUE")
        section, key, text = found.groups()
        try:
            value = tomllib.loads(f"value = {text}")["value"]
        except tomllib.TOMLDecodeError:
            value = text.strip()
            if _SHORT_NUMBER.fullmatch(value):
                value = float(value)
        if not isinstance(self._sections.setdefault(section, {}), dict):
            raise self.error(section, None, "must be a section")
        self._sections[section][key] = value
        self._changed.add((section, key))

    def changed(self, changes: Mapping[str, Any]) -> Document:
        """Return a copy with other values, by "section.key"."""
        other = copy.copy(self)
        other._sections = copy.deepcopy(self._sections)
        other._changed = set(self._changed)
        for name, value in changes.items():
            section, _, key = name.partition(".")
            other._sections.setdefault(section, {})[key] = value
            other._changed.add((section, key))
        return other

    def check_sections(self, known: Iterable[str], needed: Iterable[str]) -> None:
        """Raise ConfigError if a section is unknown, no section, or missing."""
        known = list(known)
        for name, content in self._sections.items():
            if name not in known:
                hint = suggestion(name, known) or f"; there are {', '.join(known)}"
                raise self.error(name, None, f"there is no such section{hint}")
            if not isinstance(content, dict):
                raise self.error(name, None, f"is {content!r}; it must be a section")
        for name in needed:
            if name not in self._sections:
                raise ConfigError(f"{self.path}: the section [{name}] is missing")

    def section(self, name: str) -> dict[str, Any]:
        """Return the keys and values of a section; it may be missing."""
        found: dict[str, Any] = self._sections.get(name, {})
        return found

    def check_keys(self, section: str, known: Iterable[str]) -> None:
        """Raise ConfigError for a key that isn't known, with one that resembles it."""
        known = list(known)
        for key in self.section(section):
            if key not in known:
                hint = suggestion(key, known) or f"; there are {', '.join(known)}"
                raise self.error(section, key, f"there is no such key{hint}")

    def error(self, section: str, key: str | None, words: str) -> ConfigError:
        """Return an error that says where in the file it is."""
        if (section, key) in self._changed:
            return ConfigError(f"--set {section}.{key}: {words}")
        line = self._lines.get((section, key))
        place = f"{self.path}, line {line}" if line else str(self.path)
        name = f"[{section}]" if key is None else f"[{section}] {key}"
        return ConfigError(f"{place}, {name}: {words}")

    def beside(self, path: str) -> Path:
        """Return a path that is relative to the file's folder."""
        try:
            return self.path.parent / Path(path).expanduser()
        except RuntimeError as error:
            raise CommandError(f"{self.path}: {path}: {error}") from error


def _lines(text: str) -> dict[tuple[str, str | None], int]:
    """Return in which line each section begins and each of its keys is written.

    A line inside a text of several lines may look like a key; the key itself comes first in
    files that people write, and the number is only for them.
    """
    lines: dict[tuple[str, str | None], int] = {}
    section = ""
    for number, line in enumerate(text.splitlines(), 1):
        if header := _HEADER.match(line):
            path = [part.strip("\"' ") for part in header[1].split(".")]
            section = path[0]
            lines.setdefault((section, path[1] if len(path) > 1 else None), number)
            lines.setdefault((section, None), number)
        elif key := _KEY.match(line):
            lines.setdefault((section or key[1], key[1] if section else None), number)
    return lines
