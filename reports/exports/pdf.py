"""PDF of a headline report."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from html import escape
from pathlib import Path

from reports.charts import bar_chart_svg, headline_chart
from reports.eras import Years, rows_in
from reports.exports.table import build, shown
from reports.queries.headline import Headline

FONT_CSS = Path(__file__).resolve().parents[2] / "callcenter" / "web" / "static" / "vendor" / "noto-sans-jp" / "noto-sans-jp.css"
"""The console's own font; papers are set in it, too."""
STYLE = """
@page { size: A4 landscape; margin: 14mm 12mm; @bottom-right { content: counter(page) " / " counter(pages); font: 9pt %(font)s; } }
html { font-family: %(font)s; font-size: 9pt; line-height: 1.45; color: #1a1a1a; }
h1 { font-size: 15pt; margin: 0; } h2 { font-size: 11pt; margin: 6mm 0 2mm; } p { margin: 1mm 0 4mm; color: #4d4d4d; }
table { border-collapse: collapse; width: 100%%; font-size: 7.5pt; } thead { display: table-header-group; }
th, td { padding: 1.2mm 1mm; border-bottom: .25pt solid #ccc; text-align: left; vertical-align: top; } tr { break-inside: avoid; }
thead th { background: #f2f2f2; border-bottom: .75pt solid #1a1a1a; font-weight: 700; }
.n { text-align: right; font-variant-numeric: tabular-nums; white-space: nowrap; } thead .n { white-space: normal; }
.definitions { break-before: page; } svg { width: 100%%; max-height: 62mm; }
"""


def to_pdf(report: Headline, lang: str = "ja", years: Years = Years.WESTERN) -> bytes:
    """A4 landscape with chart, table and definitions."""
    return set_pages(lambda family: page(report, lang, family, years), STYLE)


def set_pages(html_of: Callable[[str], str], style_sheet: str, font_css: Path = FONT_CSS) -> bytes:
    """Sets a document.

    Args:
        html_of: gives the document for a font family.
        style_sheet: its style; `%(font)s` stands for the family.
        font_css: a style sheet of `@font-face` rules beside its font files, to embed; the system's sans-serif where it is not there.

    Nothing is fetched: the document names no address but those font files.
    """
    from weasyprint import CSS, HTML
    from weasyprint.text.fonts import FontConfiguration

    faces = needed_faces(font_css, html_of("sans-serif")) if font_css.exists() else ()
    names = [f"Report{number}" for number, _ in enumerate(faces)]
    rules = "".join(f"@font-face {{ font-family: {name}; src: url({face.as_uri()}); }}" for name, face in zip(names, faces, strict=True))
    family = ", ".join([*names, "sans-serif"])
    configuration = FontConfiguration()
    style = CSS(string=rules + style_sheet % {"font": family}, font_config=configuration)
    pdf: bytes = HTML(string=html_of(family)).write_pdf(stylesheets=[style], font_config=configuration)
    return pdf


FACE = re.compile(r"@font-face\s*\{(.*?)\}", re.DOTALL)
SOURCE = re.compile(r"url\(['\"]?([^'\")]+)")
RANGE = re.compile(r"U\+([0-9A-F]+)(?:-([0-9A-F]+))?", re.IGNORECASE)


def needed_faces(font_css: Path, text: str) -> tuple[Path, ...]:
    """The font files of the style sheet that hold any character of `text`; those with Latin letters and digits first.

    Web fonts come in a hundred pieces by `unicode-range`, which the typesetter would all load.
    """
    wanted = {ord(character) for character in text}
    faces: dict[Path, int] = {}
    for rule in FACE.findall(font_css.read_text(encoding="utf-8")):
        source = SOURCE.search(rule)
        spans = [(int(low, 16), int(high or low, 16)) for low, high in RANGE.findall(rule.partition("unicode-range")[2])]
        found = sum(1 for point in wanted if any(low <= point <= high for low, high in spans))
        if source and (found or not spans):
            faces[(font_css.parent / source[1]).resolve()] = found
    return tuple(sorted(faces, key=lambda face: (not face.name.endswith("latin-wght-normal.woff2"), -faces[face])))


def page(report: Headline, lang: str, font: str = "sans-serif", years: Years = Years.WESTERN) -> str:
    """The document's HTML."""
    table = build(report, lang, years)
    heads = "".join(f'<th scope="col"{" class=n" if column else ""}>{escape(head)}</th>' for column, head in enumerate(table.heads))
    rows = "".join(
        f'<tr><th scope="row">{escape(str(row[0]))}</th>'
        + "".join(f'<td class="n">{escape(shown(cell, metric))}</td>' for metric, cell in zip(table.metrics, row[1:], strict=True))
        + "</tr>"
        for row in table.rows
    )
    definition_heads = "".join(f'<th scope="col">{escape(head)}</th>' for head in table.definition_heads)
    definitions = "".join("<tr>" + "".join(f"<td>{escape(text)}</td>" for text in row) + "</tr>" for row in table.definitions)
    chart = ""
    if report.query.cut and report.rows:
        attempts = headline_chart(replace(report, rows=rows_in(report.rows, report.query.cut, years)), "attempts", lang)
        chart = f"<h2>{escape(attempts.name)}</h2>{bar_chart_svg(attempts, font)}"
    return (
        f'<!doctype html><html lang="{lang}"><head><meta charset="utf-8"><title>{escape(table.title)}</title></head><body>'
        f"<h1>{escape(table.title)}</h1><p>{escape(table.subtitle)}</p>{chart}"
        f"<table><thead><tr>{heads}</tr></thead><tbody>{rows}</tbody></table>"
        f'<h2 class="definitions">{"Definitions" if lang == "en" else "定義"}</h2>'
        f"<table><thead><tr>{definition_heads}</tr></thead><tbody>{definitions}</tbody></table></body></html>"
    )
