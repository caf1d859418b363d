"""PDF of a table of two cuts, shaded as on the page."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from html import escape

from reports.exports.pdf import STYLE, set_pages

ON_A_PAGE = 14  # columns beside the rows' labels at most; a wider table is parted into equal ones below each other
MARKS = {"high": "▲", "low": "▼"}
SHADES = """
td { text-align: right; white-space: nowrap; font-variant-numeric: tabular-nums; border: .75pt solid #fff; } td small { color: #4d4d4d; }
th[scope=col] { text-align: right; } th[scope=col]:first-child, th[scope=row] { text-align: left; }
table { margin-bottom: 5mm; } tfoot { display: table-row-group; } tfoot th, tfoot td { border-top: .75pt solid #1a1a1a; }
.a { background: #e8eff7; } .b { background: #d3e2f1; } .c { background: #b9d1ea; } .d { background: #9bbde0; } .e { background: #7ba7d4; }
.few { color: #767676; } .all { border-left: .75pt solid #1a1a1a; }
"""


@dataclass(frozen=True, slots=True)
class Shade:
    """A cell: what is written, how many things it speaks of, its shade (a to e, few, none), and `high` or `low` beside all others."""

    text: str
    base: str = ""
    band: str = ""
    mark: str = ""


@dataclass(frozen=True, slots=True)
class Paper:
    """The table: `heads` of the columns, `rows` of a label and their cells; the last head, row and cell of each row are totals."""

    title: str
    subtitle: str
    key_head: str
    heads: Sequence[str]
    rows: Sequence[tuple[str, Sequence[Shade]]]
    notes: Sequence[str]


def cross_pdf(paper: Paper, lang: str) -> bytes:
    """A4 landscape."""
    html = document(paper, lang)
    return set_pages(lambda _: html, STYLE + SHADES)


def document(paper: Paper, lang: str) -> str:
    """The document's HTML: as many tables below each other as the columns need."""
    notes = "".join(f"<p>{escape(note)}</p>" for note in paper.notes)
    return (
        f'<!doctype html><html lang="{lang}"><head><meta charset="utf-8"><title>{escape(paper.title)}</title></head><body>'
        f"<h1>{escape(paper.title)}</h1><p>{escape(paper.subtitle)}</p>{''.join(_tables(paper))}{notes}</body></html>"
    )


def _tables(paper: Paper) -> Iterator[str]:
    count = -(-len(paper.heads) // ON_A_PAGE)
    each = -(-len(paper.heads) // count)
    for first in range(0, len(paper.heads), each):
        part = slice(first, first + each)
        is_last = part.stop >= len(paper.heads)
        heads = "".join(f'<th scope="col">{escape(head)}</th>' for head in (paper.key_head, *paper.heads[part]))
        lines = [f'<tr><th scope="row">{escape(label)}</th>{_cells(cells[part], is_last)}</tr>' for label, cells in paper.rows]
        yield f"<table><thead><tr>{heads}</tr></thead><tbody>{''.join(lines[:-1])}</tbody><tfoot>{lines[-1]}</tfoot></table>"


def _cells(cells: Sequence[Shade], has_total: bool) -> str:
    written = []
    for number, cell in enumerate(cells, start=1):
        kinds = " ".join(kind for kind in (cell.band, "all" if has_total and number == len(cells) else "") if kind)
        base = f" <small>{escape(cell.base)}</small>" if cell.base else ""
        written.append(f'<td class="{kinds}">{MARKS.get(cell.mark, "")}{escape(cell.text)}{base}</td>')
    return "".join(written)
