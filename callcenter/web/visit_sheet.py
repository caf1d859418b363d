"""A round for paper: A4, a cover that tells nothing of the matter, and no amount on either outer page."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from callcenter.web import rendering
from reports.exports.pdf import set_pages

STYLE = (Path(__file__).parent / "templates" / "visit_sheet.css").read_text(encoding="utf-8")


def sheet_pdf(model: dict[str, Any]) -> bytes:
    """The PDF, in Japanese; fields as visit_sheet.html lists them."""
    return set_pages(lambda family: rendering.render("visit_sheet.html", "ja", family=family, **model), STYLE)
