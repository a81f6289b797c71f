"""Write the reference in docs/command-line.md: ``python scripts/describe_commands.py``.

Between the two marks; what is around them is written by hand.
"""

from __future__ import annotations

import inspect
from pathlib import Path

import click

from swiftopt._cli._app import swiftopt
from swiftopt._cli._keys import SECTIONS

PAGE = Path(__file__).resolve().parents[1] / "docs/command-line.md"
BEGIN = "<!-- written by scripts/describe_commands.py from here -->\n"
END = "<!-- to here -->\n"


def reference() -> str:
    """Return the part between the marks."""
    parts = ["## Keys of the file\n"]
    for name, keys in SECTIONS.items():
        parts.append(f"### [{name}]\n\n| key | value | default | meaning |\n|---|---|---|---|")
        for key, (kind, default, words) in keys.items():
            shown = "" if default is None or default == {} else f"`{_toml(default)}`"
            parts.append(f"| `{key}` | {kind.words} | {shown} | {words} |")
        if name == "optimizer":
            parts.append("| *others* | | the optimizer's | Its options, without `publish`. |")
        parts.append("")
    parts.append("## Commands\n")
    for name, command in swiftopt.commands.items():
        parts.append(_described(name, command))
    return "\n".join(parts) + "\n"


def _toml(value: object) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    return f'"{value}"' if isinstance(value, str) else str(value)


def _described(name: str, command: click.Command) -> str:
    arguments = [
        parameter.metavar or str(parameter.name).upper()
        for parameter in command.params
        if isinstance(parameter, click.Argument)
    ]
    title = " ".join([f"swiftopt {name}", *arguments])
    # Without the mark that keeps the lines.
    _, _, *examples = (command.epilog or "").splitlines()
    lines = [
        f"### `{title}`\n",
        inspect.cleandoc(command.help or ""),
        "",
        *examples,
        "",
        "| option | meaning | default |",
        "|---|---|---|",
    ]
    for option in command.params:
        if isinstance(option, click.Option):
            value = "" if option.is_flag else f" {option.metavar or _metavar(option)}"
            default = f"`{option.default}`" if option.show_default else ""
            lines.append(f"| `{', '.join(option.opts)}{value}` | {option.help} | {default} |")
    return "\n".join([*lines, ""])


def _metavar(option: click.Option) -> str:
    kind = option.type
    if isinstance(kind, click.Path):
        return "FOLDER" if not kind.file_okay else "FILE"
    return "NUMBER"


def updated(page: str) -> str:
    """Return the page with the reference as it is now."""
    before, _, rest = page.partition(BEGIN)
    _, _, after = rest.partition(END)
    return f"{before}{BEGIN}\n{reference()}\n{END}{after}"


if __name__ == "__main__":
    PAGE.write_text(updated(PAGE.read_text()))
