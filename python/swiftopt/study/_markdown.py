"""Tables as Markdown."""

from __future__ import annotations

from swiftopt.study._tables import Table


def markdown(table: Table, *, level: int = 2) -> str:
    r"""Return a heading, the sentence and the table.

    >>> print(markdown(Table("T", "About.", ["a", "b"], [["1", "x|y"]])))
    ## T
    <BLANKLINE>
    About.
    <BLANKLINE>
    | a | b |
    |---|---|
    | 1 | x\|y |
    """
    lines = [f"{'#' * level} {table.title}", "", table.about, ""]
    if not table.rows:
        return "\n".join([*lines, "(Nothing yet.)"])
    lines += [_row(table.header), "|" + "---|" * len(table.header)]
    return "\n".join([*lines, *map(_row, table.rows)])


def _row(cells: list[str]) -> str:
    escaped = (cell.replace("|", "\\|") for cell in cells)
    return f"| {' | '.join(escaped)} |"
