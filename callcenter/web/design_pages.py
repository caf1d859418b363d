"""Every component of the pages on one page, with invented data: what a page is made of, in either scheme and at any width."""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Annotated, Any

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from callcenter.auth.permissions import Action
from callcenter.web.dependencies import SignedIn, may
from callcenter.web.i18n import Translate
from callcenter.web.pages import page, shell_of, words_of

router = APIRouter()
Myself = Annotated[SignedIn, may(Action.OWN_ACCOUNT)]
ROLES_OF_COLOUR = (
    "text",
    "text-sub",
    "key",
    "ok",
    "warn",
    "err",
    "bg",
    "bg-sub",
    "bg-head",
    "key-tint",
    "ok-tint",
    "warn-tint",
    "err-tint",
)
SIZES = (28, 24, 20, 16, 14)
ICONS = (
    *("phone", "hangup", "mic", "hold", "transfer", "lock", "check", "cross", "open", "next", "pen", "letter", "yen", "noans", "warn"),
    *("clock", "info", "stop", "down", "up", "raise", "lower", "link", "msg", "auto", "visit", "user", "file"),
)
BADGES = (("ok", "check"), ("warn", "warn"), ("err", "warn"), ("run", "phone"), ("off", "stop"), ("", "info"))
HOURS = ((9, 12), (10, 31), (11, 38), (12, 9), (13, 27), (14, 33))


@router.get("/design")
def show_design(request: Request, who: Myself) -> Response:
    """The components; nothing of any taxpayer."""
    t = words_of(request)
    return page(
        request,
        "design.html",
        shell_of(request, t("design.title"), is_live=False),
        colours=ROLES_OF_COLOUR,
        sizes=SIZES,
        icons=ICONS,
        badges=[{"kind": kind, "image": image, "word": t(f"design.badge_{kind or 'plain'}")} for kind, image in BADGES],
        figures=_figures(t),
        columns=[{"label": str(hour), "value": value, "is_partial": hour == 14, "note": ""} for hour, value in HOURS],
        top=max(value for _, value in HOURS),
        options=[{"value": str(n), "label": t(f"design.choice_{n}"), "is_chosen": n == 1} for n in (1, 2)],
        pages={"first": 1, "last": 50, "total": 128, "previous_href": None, "next_href": "/design"},
        moment=datetime(2026, 11, 25, 5, 3, tzinfo=UTC),
        day=date(2026, 11, 25),
    )


def _figures(t: Translate) -> list[dict[str, Any]]:
    plain: dict[str, Any] = {"href": None, "change": "", "state": None, "definition": None, "base": ""}
    reached = {"kind": "ok", "image": "check", "word": t("design.reached")}
    missed = {"kind": "warn", "image": "warn", "word": t("design.missed")}
    definition = {"numerator": t("design.numerator"), "denominator": t("design.denominator"), "note": ""}
    first = {"label": t("design.figure_1"), "value": "31.4", "unit": "%", "percent": 31.4, "target": 30.0, "is_warning": False}
    second = {"label": t("design.figure_2"), "value": "8.2", "unit": "%", "percent": 41.0, "target": 60.0, "is_warning": True}
    return [
        plain | first | {"target_text": t("design.target", n=30), "state": reached, "definition": definition},
        plain | second | {"target_text": t("design.target", n=12), "state": missed},
    ]
