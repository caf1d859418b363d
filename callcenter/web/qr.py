"""A one-time-code seed as a picture for the telephone's camera: plain SVG without styles, as the content policy wants it."""

from __future__ import annotations

from dataclasses import dataclass

import segno

from callcenter.auth.factors import address_of

QUIET = 4  # modules of white around the code (ISO/IEC 18004)


@dataclass(frozen=True, slots=True)
class Picture:
    """The code's modules as one SVG path in a square of `size` modules, and the seed in groups of four for typing."""

    size: int
    path: str
    seed: str


def picture_of(seed: str, issuer: str, sign_in_name: str) -> Picture:
    """What the application scans."""
    code = segno.make(address_of(seed, issuer, sign_in_name), error="m", micro=False)
    rows = list(code.matrix)
    path = "".join(f"M{x + QUIET} {y + QUIET}h1v1h-1z" for y, row in enumerate(rows) for x, module in enumerate(row) if module)
    return Picture(len(rows) + 2 * QUIET, path, " ".join(seed[start : start + 4] for start in range(0, len(seed), 4)))
