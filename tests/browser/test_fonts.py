"""The shipped font is enough to print Japanese on a machine that has none."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from fontTools.ttLib import TTFont
from weasyprint import CSS, HTML
from weasyprint.text.fonts import FontConfiguration

FONTS = Path(__file__).parents[2] / "reports" / "fonts"


@pytest.mark.parametrize("weight", ["Regular", "Bold"])
def test_the_font_has_the_letters_of_names(weight: str) -> None:
    letters = TTFont(FONTS / f"BIZUDPGothic-{weight}.ttf").getBestCmap()
    assert [letter for letter in "架電滞納税督促髙﨑邊邉齋凜①㈱～―￥" if ord(letter) not in letters] == []


def test_a_pdf_carries_the_shipped_font() -> None:
    configuration = FontConfiguration()
    source = (FONTS / "BIZUDPGothic-Regular.ttf").as_uri()
    style = CSS(string=f"@font-face {{ font-family: Shipped; src: url({source}) }} p {{ font-family: Shipped }}", font_config=configuration)
    pdf = HTML(string="<p>コンタクト率（架電あたり）31.0%</p>").write_pdf(
        stylesheets=[style], font_config=configuration, uncompressed_pdf=True
    )
    assert set(re.findall(rb"/BaseFont /[A-Z]+\+(\w+)", pdf)) == {b"Shipped"}
