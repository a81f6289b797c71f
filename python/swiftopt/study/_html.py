"""The report as one HTML file that needs nothing else."""

from __future__ import annotations

import re
from base64 import b64encode
from html import escape
from textwrap import dedent
from typing import Any

from swiftopt.study._document import (
    REFERENCES,
    again_text,
    conditions,
    protocol_text,
    sentences,
    setup,
    what_is_lacking,
)
from swiftopt.study._pictures import PICTURES
from swiftopt.study._tables import Table, all_tables, raw

_STYLE = """
:root { color-scheme: light; }
body { font: 15px/1.5 system-ui, sans-serif; max-width: 78rem; margin: 2rem auto; padding: 0 1rem;
       color: #1a1a1a; background: #fff; }
h1, h2, h3 { line-height: 1.2; }
.scroll { overflow-x: auto; }
table { border-collapse: collapse; font-size: 13px; }
th, td { border-bottom: 1px solid #ddd; padding: .3rem .5rem; text-align: left;
         vertical-align: top; min-width: 5rem; }
thead th { background: #f4f4f4; }
tbody tr:hover { background: #f8f8ff; }
figure { margin: 2rem 0; }
figure img { max-width: 100%; height: auto; }
figcaption { color: #555; max-width: 50rem; }
p, li { max-width: 60rem; }
li { margin: .4rem 0; }
pre { background: #f4f4f4; padding: .6rem; overflow-x: auto; }
.whole { white-space: nowrap; }
/* Techniques stay in sight while the rest of a wide table is scrolled. */
th:first-child, td:first-child { position: sticky; left: 0; background: #fff; }
thead th:first-child { background: #f4f4f4; }
"""


def page(results: dict[str, Any], pictures: dict[str, str]) -> str:
    """Return the page; `pictures` are SVG texts by file name."""
    final, *rest = all_tables(results)
    verdicts = "".join(f"<li>{_inline(text)}</li>" for text in sentences(results))
    references = "".join(f"<li>{escape(text)}</li>" for text in REFERENCES)
    figures = "".join(_figure(name, svg) for name, svg in pictures.items())
    return (
        '<!DOCTYPE html>\n<html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        '<link rel="icon" href="data:,">'  # or browsers ask the server for one
        f"<title>The technique study</title><style>{_STYLE}</style></head><body><main>"
        f"<h1>The technique study</h1><p>{escape(conditions(results))}</p>"
        f"<p>{_inline(what_is_lacking(results))}</p>"
        f"{_table(final)}<ul>{verdicts}</ul>{figures}"
        f"{''.join(map(_table, rest))}{_prose(protocol_text(results))}"
        f"{''.join(map(_table, setup(results)))}"
        f"<h2>Everything that was measured</h2>"
        f"{''.join(_table(table, level=3) for table in raw(results))}"
        f"{_prose(again_text())}<h2>References</h2><ol>{references}</ol>"
        "</main></body></html>\n"
    )


def _figure(name: str, svg: str) -> str:
    title, about, _ = PICTURES[name]
    return (
        f'<figure><img alt="{escape(title)}" src="{_data(svg)}">'
        f"<figcaption><strong>{escape(title)}.</strong> {_inline(about)}</figcaption></figure>"
    )


def _table(table: Table, *, level: int = 2) -> str:
    head = "".join(f'<th scope="col">{_inline(cell)}</th>' for cell in table.header)
    rows = "".join(
        f"<tr>{''.join(f'<td>{_cell(cell)}</td>' for cell in row)}</tr>" for row in table.rows
    )
    return (
        f"<h{level}>{escape(table.title)}</h{level}><p>{_inline(table.about)}</p>"
        f'<div class="scroll"><table><thead><tr>{head}</tr></thead>'
        f"<tbody>{rows}</tbody></table></div>"
    )


def _cell(text: str) -> str:
    """Return text of a table; a number and its interval stay on one line."""
    return re.sub(
        r"(&[gl]t;)?[+-]?\d\S* \([^)]*\)(,| /)?", r'<span class="whole">\g<0></span>', _inline(text)
    )


def _inline(text: str) -> str:
    """Return text with its **bold**, *emphasised* and `quoted` words as HTML."""
    found = re.sub(r"\*\*(.+?)\*\*", r"<strong>\1</strong>", escape(text))
    found = re.sub(r"\*(.+?)\*", r"<em>\1</em>", found)
    return re.sub(r"`(.+?)`", r"<code>\1</code>", found)


def _prose(text: str) -> str:
    """Return the paragraphs, headings and commands of our own Markdown as HTML."""
    parts = []
    for block in text.strip().split("\n\n"):
        if block.startswith("#"):
            marks, _, title = block.partition(" ")
            parts.append(f"<h{len(marks)}>{escape(title)}</h{len(marks)}>")
        elif block.startswith("    "):
            parts.append(f"<pre>{escape(dedent(block))}</pre>")
        else:
            parts.append(f"<p>{_inline(' '.join(block.splitlines()))}</p>")
    return "".join(parts)


def _data(svg: str) -> str:
    """Return the address of a picture that is in it itself.

    An image and not an element of the page: the ids in two SVGs may be the same.
    """
    return f"data:image/svg+xml;base64,{b64encode(svg.encode()).decode()}"
