"""A report as one HTML page that needs nothing else: no script, no file, no network.

Owns: its form, for wide and narrow screens. Must not know: what the report says.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from html import escape

from bench.report.document import Block, Document, Listed, Plot, Section, Table, Text
from bench.report.svg import svg

STYLE = """
:root{--ink:#1a1a1a;--soft:#555;--line:#d5d9de;--paper:#fff;--wash:#f4f6f8;
  --part0:#2b6cb0;--part1:#8fb8de;--part2:#c9cdd2}
@media (prefers-color-scheme:dark){:root{--ink:#e8e8e8;--soft:#a8adb3;--line:#3a4046;--paper:#15181b;
  --wash:#1f2428;--part0:#63a4e0;--part1:#3f6f9f;--part2:#596068}}
*{box-sizing:border-box}
body{margin:0;background:var(--paper);color:var(--ink);font:16px/1.55 system-ui,sans-serif}
main{max-width:66rem;margin:0 auto;padding:1.5rem 1rem 4rem}
h1{font-size:1.7rem;line-height:1.25;margin:0 0 1rem}
h2{font-size:1.25rem;margin:2.5rem 0 .5rem;padding-top:.75rem;border-top:1px solid var(--line)}
p,ul{max-width:46rem}
nav ul{padding-left:1.2rem}
a{color:var(--part0)}
code{font:.9em ui-monospace,monospace;background:var(--wash);padding:.05em .3em;border-radius:3px;
  overflow-wrap:anywhere}
figure{margin:1.25rem 0}
figcaption{font-weight:600;margin-bottom:.4rem;max-width:46rem}
.scroll{overflow-x:auto}
.wide{display:none;color:var(--soft);font-size:.85rem;margin:.2rem 0}
table{border-collapse:collapse;font-size:.9rem;font-variant-numeric:tabular-nums}
th,td{padding:.35rem .7rem;border-bottom:1px solid var(--line);text-align:right;vertical-align:top}
th{background:var(--wash)}
th:first-child,td:first-child{text-align:left;position:sticky;left:0;background:var(--paper);
  min-width:8rem}
thead th:first-child{background:var(--wash)}
th.words,td.words{text-align:left}
svg{width:100%;max-width:40rem;height:auto;display:block}
svg text{font:14px system-ui,sans-serif;fill:var(--ink)}
svg .label{fill:var(--soft)}
.part0{fill:var(--part0);background:var(--part0)}.part1{fill:var(--part1);background:var(--part1)}
.part2{fill:var(--part2);background:var(--part2)}
.legend{display:flex;flex-wrap:wrap;gap:.2rem 1rem;margin:.2rem 0;font-size:.85rem}
.legend i{display:inline-block;width:.75rem;height:.75rem;margin-right:.35rem}
@media (max-width:40rem){main{padding:1rem .75rem 3rem}h1{font-size:1.35rem}
  th,td{padding:.3rem .45rem}table{font-size:.82rem}th:first-child,td:first-child{min-width:9rem;
  max-width:11rem}.wide{display:block}
  svg text{font-size:22px}}
"""
WIDE = 4
"""Columns from which a table is wider than a phone."""
_NUMBER = re.compile(r"[-0-9., %]*")


def page(document: Document) -> str:
    """The whole page."""
    sections = "".join(_section(number, each) for number, each in enumerate(document.sections))
    contents = "".join(
        f'<li><a href="#s{number}">{escape(each.title)}</a></li>'
        for number, each in enumerate(document.sections)
    )
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width,initial-scale=1">'
        f"<title>{escape(document.title)}</title><style>{STYLE}</style></head>\n"
        f"<body><main><h1>{escape(document.title)}</h1><nav><ul>{contents}</ul></nav>\n"
        f"{sections}</main></body></html>\n"
    )


def _section(number: int, section: Section) -> str:
    blocks = "\n".join(_block(block) for block in section.blocks)
    return f'<section id="s{number}"><h2>{escape(section.title)}</h2>\n{blocks}</section>\n'


def _block(block: Block) -> str:
    match block:
        case Text(text):
            return f"<p>{_marked(text)}</p>"
        case Listed(items):
            return "<ul>" + "".join(f"<li>{_marked(item)}</li>" for item in items) + "</ul>"
        case Table():
            return "".join(_table(block))
        case Plot():
            caption = f"<figcaption>{_marked(block.caption)}</figcaption>"
            return f"<figure>{caption}{_legend(block.parts)}{svg(block)}</figure>"


def _legend(parts: tuple[str, ...]) -> str:
    marks = "".join(
        f'<span><i class="part{number}"></i>{escape(name)}</span>'
        for number, name in enumerate(parts)
    )
    return f'<p class="legend">{marks}</p>' if parts else ""


def _marked(text: str) -> str:
    """Text with its two marks."""
    coded = re.sub(r"`([^`]+)`", r"<code>\1</code>", escape(text))
    return re.sub(r"\*\*([^*]+)\*\*", r"<strong>\1</strong>", coded)


def _table(table: Table) -> Iterator[str]:
    words = _columns_of_words(table)
    yield f"<figure><figcaption>{_marked(table.caption)}</figcaption>"
    if len(table.head) >= WIDE:
        yield '<p class="wide">Wider than this screen: scroll sideways.</p>'
    yield '<div class="scroll"><table><thead>'
    yield _row("th", table.head, words)
    yield "</thead><tbody>"
    yield from (_row("td", row, words) for row in table.rows)
    yield "</tbody></table></div></figure>"


def _columns_of_words(table: Table) -> frozenset[int]:
    """The columns that have more than numbers."""
    return frozenset(
        column
        for row in table.rows
        for column, cell in enumerate(row)
        if not _NUMBER.fullmatch(cell)
    )


def _row(tag: str, cells: tuple[str, ...], words: frozenset[int]) -> str:
    kinds = (' class="words"' if column in words else "" for column in range(len(cells)))
    inside = (
        f"<{tag}{kind}>{_marked(cell)}</{tag}>" for kind, cell in zip(kinds, cells, strict=True)
    )
    return f"<tr>{''.join(inside)}</tr>"
