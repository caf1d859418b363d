"""Writes static/fonts: of the shipped font only the letters that the operator's pages are made of, so that their first load is small.

The shipped files cut the font by how often letters occur in general; a page of ours needs a few letters of most of them. Each file here
holds what the pages need of one of those; a name's rarer letters still come from the whole file. Run it when the pages' words have changed
(from the top of the repository: python -m scripts.make_ui_fonts); letters that are missing only cost a larger load.
"""

from __future__ import annotations

import re
from html import unescape

from fontTools import subset
from fontTools.ttLib import TTFont
from fontTools.varLib import instancer

from callcenter.web.rendering import STATIC, render
from tests.browser.samples import PAGES_BY_NAME

SHIPPED = STATIC / "vendor" / "noto-sans-jp"
HERE = STATIC / "fonts"
PAGES = ("login", "idle", "preview", "ringing", "talking_unverified", "talking", "wrapup")
FACE = re.compile(r"src: url\(\./files/([^)]+)\)[^;]*;\s*unicode-range: ([^;]+);")


def letters() -> set[int]:
    """Of every page's text, with all digits and Latin letters."""
    found = set(range(0x20, 0x7F))
    for name in PAGES:
        if name in PAGES_BY_NAME:
            template, model = PAGES_BY_NAME[name]
            found |= {ord(letter) for letter in unescape(re.sub(r"<[^>]+>", "", render(template, "ja", **model)))}
    return {letter for letter in found if letter >= 0x20}


def ranges(told: str) -> set[int]:
    """The code points of a unicode-range."""
    points: set[int] = set()
    for part in told.split(","):
        first, _, last = part.strip().removeprefix("U+").partition("-")
        points |= set(range(int(first, 16), int(last or first, 16) + 1))
    return points


def main() -> None:
    wanted, rules, total = letters(), [], 0
    for old in HERE.glob("*.woff2"):
        old.unlink()
    css = (SHIPPED / "noto-sans-jp.css").read_text(encoding="utf-8")
    for name, told in FACE.findall(css):
        points = wanted & ranges(told)
        if not points:
            continue
        font = TTFont(SHIPPED / "files" / name, recalcTimestamp=False)
        options = subset.Options(flavor="woff2", layout_features=["ccmp", "locl", "mark", "mkmk"], notdef_outline=True)
        cutter = subset.Subsetter(options)
        cutter.populate(unicodes=points)
        cutter.subset(font)
        instancer.instantiateVariableFont(font, {"wght": (400, 700)}, inplace=True)
        font.flavor = "woff2"
        to = HERE / f"ui-{re.sub(r'^noto-sans-jp-|-wght-normal', '', name)}"
        font.save(to)
        total += to.stat().st_size
        wanted -= points
        told_range = ",".join(f"U+{point:x}" for point in sorted(points))
        rules.append(
            "@font-face { font-family: 'Noto Sans JP Variable'; font-display: swap; font-weight: 400 700; "
            f"src: url(./{to.name}) format('woff2-variations'); unicode-range: {told_range}; }}"
        )
    (HERE / "ui.css").write_text("/* written by scripts/make_ui_fonts.py */\n" + "\n".join(rules) + "\n", encoding="utf-8")
    print(len(rules), "files,", total, "bytes;", len(wanted), "letters are in no shipped file")


if __name__ == "__main__":
    main()
