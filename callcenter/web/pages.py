"""Whole pages and fragments as answers: the shell around a page, its navigation by role, and the person's language."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response

from callcenter.auth.models import Role
from callcenter.auth.permissions import PERMISSIONS, Action
from callcenter.core.clock import utc_now
from callcenter.core.settings import get_settings
from callcenter.web import rendering
from callcenter.web.cookies import LANG, read_cookie
from callcenter.web.dependencies import SignedIn
from callcenter.web.i18n import Translate, language, translator

# Entry of [nav], its page, and who may see it; the same table that guards the page.
NAVIGATION: Sequence[tuple[str, str, Action]] = (
    ("calls", "/operator", Action.TAKE_CALLS),
    ("board", "/supervisor", Action.SEE_BOARD),
    ("desk", "/supervisor/desk", Action.SEE_BOARD),
    ("incoming", "/incoming", Action.SEE_BOARD),
    ("report", "/reports", Action.SEE_REPORTS),
    ("cross", "/reports/cross", Action.SEE_REPORTS),
    ("arms", "/reports/arms", Action.SEE_REPORTS),
    ("targets", "/reports/targets", Action.SEE_REPORTS),
    ("decisions", "/reports/decisions", Action.SEE_REPORTS),
    ("forecast", "/reports/forecast", Action.SEE_REPORTS),
    ("collection", "/reports/collection", Action.SEE_REPORTS),
    ("effect", "/reports/collection/effect", Action.SEE_REPORTS),
    ("pack", "/reports/pack", Action.SEE_REPORTS),
    ("definitions", "/reports/definitions", Action.SEE_REPORTS),
    ("opendata", "/reports/open-data", Action.SEE_REPORTS),
    ("recordings", "/recordings", Action.HEAR_RECORDINGS),
    ("recording_terms", "/recording-terms", Action.SHAPE_RECORDING),
    ("reviews", "/reviews", Action.SEE_OWN_REVIEWS),
    ("campaigns", "/campaigns", Action.RUN_CAMPAIGNS),
    ("batches", "/batches", Action.SEE_BATCHES),
    ("templates", "/templates", Action.EDIT_TEMPLATES),
    ("replies", "/replies", Action.SEE_DEBTORS),
    ("rules", "/rules", Action.SEE_RULES),
    ("scripts", "/scripts", Action.SEE_SCRIPTS),
    ("talk", "/talk", Action.SEE_SCRIPTS),
    ("policy", "/policy", Action.SHAPE_POLICY),
    ("lists", "/imports", Action.IMPORT_FILES),
    ("debtors", "/debtors", Action.SEE_DEBTORS),
    ("payments", "/payments", Action.SEE_PAYMENTS),
    ("asked", "/requests", Action.EDIT_DEBTORS),
    ("plans", "/plans", Action.SEE_PLANS),
    ("handovers", "/escalations", Action.DECIDE_ESCALATIONS),
    ("visits", "/visits", Action.MAKE_VISITS),
    ("workload", "/escalations/workload", Action.DECIDE_ESCALATIONS),
    ("requests", "/escalations/requests", Action.DECIDE_ESCALATIONS),
    ("users", "/users", Action.MANAGE_USERS),
    ("office", "/office", Action.SHAPE_OFFICE),
    ("carriers", "/carriers", Action.SHAPE_OFFICE),
    ("sender", "/sender", Action.CHOOSE_SENDER),
    ("retention", "/retention", Action.SHAPE_OFFICE),
    ("first_steps", "/first-steps", Action.SHAPE_OFFICE),
    ("audit", "/audit", Action.READ_AUDIT),
    ("alerts", "/alerts", Action.SEE_ALERTS),
)

# Entries that stand together: at the top one word for all of them, their pages in a row below it. The others stand alone.
GROUPS: Mapping[str, Sequence[str]] = {
    "today": ("board", "desk", "incoming", "recordings", "recording_terms", "reviews"),
    "figures": ("report", "cross", "arms", "targets", "decisions", "forecast", "collection", "effect", "pack", "definitions", "opendata"),
    "planning": ("campaigns", "batches", "templates", "replies", "scripts", "talk", "rules", "policy"),
    "officers": ("handovers", "workload", "requests"),
    "system": ("users", "office", "carriers", "sender", "retention", "first_steps"),
    "taxpayers": ("lists", "debtors", "payments", "asked", "plans"),
}


@dataclass(frozen=True, slots=True)
class Shell:
    """What surrounds a page; the fields are those of base.html."""

    office_name: str
    title: str
    csrf_token: str
    now: datetime
    nav: Sequence[Mapping[str, Any]] = ()
    subnav: Sequence[Mapping[str, Any]] = ()
    user: Mapping[str, str] | None = None
    live_url: str | None = None
    status: str = ""
    hints: Sequence[str] = field(default_factory=tuple)
    is_read_only: bool = False
    lock_minutes: int = 0


def lang_of(request: Request) -> str:
    """The language of the person, else of the sign-in page, else of the installation."""
    return language(getattr(request.state, "lang", None) or read_cookie(request, LANG) or get_settings().lang)


def words_of(request: Request) -> Translate:
    """The texts of this request's language."""
    return translator(lang_of(request))


def shell_of(
    request: Request, title: str, *, status: str = "", hints: Sequence[str] = (), is_live: bool = True, is_read_only: bool = False
) -> Shell:
    """The shell for whoever is signed in on this request."""
    who: SignedIn | None = getattr(request.state, "who", None)
    if who is None:
        return Shell(office_name="", title=title, csrf_token="", now=utc_now(), status=status)
    nav, subnav = navigation(who.role, request.url.path)
    return Shell(
        office_name=who.office_name,
        title=title,
        csrf_token=who.csrf,
        now=utc_now(),
        nav=nav,
        subnav=subnav,
        user={"name": who.display_name, "role": who.role.value},
        live_url="/events" if is_live else None,
        status=status,
        hints=hints,
        is_read_only=is_read_only,
        lock_minutes=0 if who.is_locked else who.lock_minutes,
    )


def navigation(role: Role, path: str) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """The entries at the top for a role, and those of the group that the page belongs to: {name, href, count, is_current}."""
    mine = [(name, href) for name, href, action in NAVIGATION if role in PERMISSIONS[action]]
    here = max((href for _, href in mine if path == href or path.startswith(href + "/")), key=len, default="")
    group_of = {name: group for group, names in GROUPS.items() for name in names}
    members: dict[str, list[tuple[str, str]]] = {}
    for name, href in mine:
        members.setdefault(group_of.get(name, name), []).append((name, href))
    nav, subnav = [], []
    for group, entries in members.items():
        is_current = any(href == here for _, href in entries)
        nav.append({"name": group if len(entries) > 1 else entries[0][0], "href": entries[0][1], "count": None, "is_current": is_current})
        if is_current and len(entries) > 1:
            subnav = [{"name": name, "href": href, "count": None, "is_current": href == here} for name, href in entries]
    return nav, subnav


def leads_to(request: Request, address: str) -> Response:
    """After a change, the page at `address`: by a redirect for a plain form, by htmx's own header for one that it sent."""
    if request.headers.get("hx-request") == "true":
        return Response(status_code=204, headers={"HX-Redirect": address})
    return RedirectResponse(address, 303)


def page(request: Request, template: str, shell: Shell, status: int = 200, **model: Any) -> HTMLResponse:
    """A whole page in the person's language; `asks_staff` is for those whose figures know no operators (report_no_staff.html)."""
    model.setdefault("asks_staff", bool(request.query_params.get("operator") or request.query_params.get("team")))
    return HTMLResponse(rendering.render(template, lang_of(request), shell=shell, **model), status)


def fragment(request: Request, template: str, status: int = 200, **model: Any) -> HTMLResponse:
    """A part of a page in the person's language."""
    return HTMLResponse(rendering.render(template, lang_of(request), **model), status)
