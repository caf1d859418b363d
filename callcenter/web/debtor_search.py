"""Searching debtors: by POST, so that nothing personal stands in an address; that there was a search is on record, its words are not."""

from __future__ import annotations

from collections.abc import Mapping
from threading import Thread
from typing import Annotated, Any

from fastapi import APIRouter
from fastapi import Form as Field
from limits import parse
from limits.storage import MemoryStorage
from limits.strategies import MovingWindowRateLimiter
from sqlalchemy.orm import Session
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from callcenter.auth import audit
from callcenter.auth.permissions import Action
from callcenter.core.clock import utc_now
from callcenter.core.db import after_commit
from callcenter.core.errors import AppError, InvalidInput
from callcenter.core.money import parse_yen
from callcenter.core.queue import enqueue
from callcenter.web import phrases
from callcenter.web.debtor_words import HOLDS, MATCHES, hold_word
from callcenter.web.dependencies import SignedIn, Tx, may
from callcenter.web.pages import lang_of, page, shell_of, words_of
from callcenter.web.problems import told
from campaigns.attempts.codes import Channel
from campaigns.debtors import last_search, search_lists
from campaigns.debtors.search import CANDIDATES, PAGE, Found, Hit, Match, find
from campaigns.debtors.terms import MAX_TEXT, Narrowing, read_terms
from campaigns.jobs import refresh_search

router = APIRouter()
Reader = Annotated[SignedIn, may(Action.SEE_DEBTORS)]
SEARCHES = parse("60 per minute")
OPENED_AT_ONCE = frozenset({Match.NUMBER, Match.NOTICE})
_searches = MovingWindowRateLimiter(MemoryStorage())


class TooManySearches(AppError):
    """More searches in a minute than a person reads."""

    status = 429
    code = "too_many_searches"


@router.get("/debtors")
def show_search(request: Request, session: Tx, who: Reader) -> Response:
    """The search form, with what this person searched for last."""
    now = utc_now()
    known = last_search.recall(session, who.user_id, now)
    if known is None:
        return _page(request, session, {})
    _limit(who)
    narrowing = Narrowing.from_document(known.get("narrowing", {}))
    found = find(session, read_terms(known["words"]), narrowing)
    told_of = {"results": len(found.hits), "has_more": found.has_more, "by": sorted({hit.match.value for hit in found.hits})}
    audit.record(session, "debtor.searched", "debtor", None, who.user_id, who.address, told_of, now)
    _refresh_lists(session, who.office_id)
    return _page(request, session, known, found)


@router.post("/debtors/search")
def search(
    request: Request,
    session: Tx,
    who: Reader,
    words: Annotated[str, Field(max_length=400)] = "",
    tax_code: Annotated[str, Field(max_length=20)] = "",
    least: Annotated[str, Field(max_length=30)] = "",
    most: Annotated[str, Field(max_length=30)] = "",
    hold: Annotated[str, Field(max_length=4)] = "",
    channel: Annotated[str, Field(max_length=20)] = "",
    status: Annotated[str, Field(max_length=12)] = "",
) -> Response:
    """Leads to the results; to the debtor's page at once where a 宛名番号 or 通知書番号 fits only one."""
    now = utc_now()
    typed = {"tax_code": tax_code, "least": least, "most": most, "hold": hold, "channel": channel, "status": status}
    try:
        terms = read_terms(words)
        narrowing = _narrowing(typed)
    except InvalidInput as problem:
        return _page(request, session, {"words": words[:MAX_TEXT], "narrowing": typed}, problem=problem)
    last_search.keep(session, who.user_id, {"words": words.strip(), "narrowing": narrowing.document()}, now)
    if terms.codes:
        _limit(who)
        found = find(session, terms, narrowing, count=1, by=OPENED_AT_ONCE)
        if len(found.hits) == 1 and not found.has_more:
            told_of = {"results": 1, "has_more": False, "by": [found.hits[0].match.value]}
            audit.record(session, "debtor.searched", "debtor", None, who.user_id, who.address, told_of, now)
            return RedirectResponse(f"/debtors/{found.hits[0].id}", 303)
    return RedirectResponse("/debtors", 303)


@router.post("/debtors/forget")
def forget(request: Request, session: Tx, who: Reader) -> Response:
    """An empty form again."""
    last_search.forget(session, who.user_id)
    return RedirectResponse("/debtors", 303)


def _limit(who: SignedIn) -> None:
    if not _searches.hit(SEARCHES, str(who.office_id), str(who.user_id)):
        raise TooManySearches("短い時間に多く探しました。", hint="1分ほど待ってください。")


def _narrowing(typed: Mapping[str, str]) -> Narrowing:
    """The filters of a form. Raises InvalidInput for what can't be read."""
    yen = {name: _yen(typed[name], name) for name in ("least", "most")}
    if yen["least"] is not None and yen["most"] is not None and yen["least"] > yen["most"]:
        raise InvalidInput("金額の下限が上限を超えています。", code="amounts_swapped")
    chosen = {
        "hold": typed["hold"] if typed["hold"] in {"any", "none", *map(str, HOLDS)} else "",
        "channel": typed["channel"] if typed["channel"] in set(Channel) else "",
        "status": typed["status"] if typed["status"] in ("listed", "not_listed") else "",
    }
    return Narrowing(tax_code=typed["tax_code"].strip(), least=yen["least"], most=yen["most"], **chosen)


def _yen(typed: str, name: str) -> int | None:
    try:
        return parse_yen(typed) if typed.strip() else None
    except InvalidInput as problem:
        raise InvalidInput(problem.message, hint=problem.hint, code=f"search_{name}") from problem


def _refresh_lists(session: Session, office_id: int) -> None:
    """Has the lists brought up to date where a search had to look through much; here, where no worker can be asked."""
    if not search_lists.is_behind(session):
        return

    def start() -> None:
        if not enqueue("campaigns.jobs.refresh_search", office_id):
            Thread(target=refresh_search, args=(office_id,), daemon=True).start()

    after_commit(session, start)


FIELDS = {"search_empty": "words", "search_long": "words", "search_least": "least", "search_most": "most", "amounts_swapped": "least"}


def _page(
    request: Request, session: Session, known: Mapping[str, Any], found: Found | None = None, problem: InvalidInput | None = None
) -> Response:
    lang, t = lang_of(request), words_of(request)
    narrowing = dict(known.get("narrowing", {}))
    error = None
    if problem is not None:
        message, hint = told(problem, lang)
        error = {"field_id": FIELDS.get(problem.code, "words"), "message": f"{message} {hint}".strip()}
    return page(
        request,
        "debtors.html",
        shell_of(request, t("nav.debtors")),
        422 if problem is not None else 200,
        words=known.get("words", ""),
        error=error,
        filters=_filters(session, narrowing, lang),
        is_narrowed=bool(narrowing),
        found=None if found is None else _found(found, lang),
        page_size=PAGE,
        looked_at=CANDIDATES,
    )


def _filters(session: Session, chosen: Mapping[str, Any], lang: str) -> dict[str, Any]:
    def options(name: str, entries: dict[str, str]) -> list[dict[str, Any]]:
        every = {"": phrases.pick(lang, ("すべて", "All"))}
        return [
            {"value": value, "label": label, "is_chosen": str(chosen.get(name, "")) == value} for value, label in (every | entries).items()
        ]

    holds = {"none": phrases.pick(lang, ("なし", "None")), "any": phrases.pick(lang, ("あり", "Any"))}
    taxes = {code: f"{name} ({code})" if name != code else code for code, name in search_lists.known_taxes(session).items()}
    statuses = {"listed": ("名簿にある", "Listed"), "not_listed": ("名簿にない", "Not listed")}
    return {
        "tax_code": options("tax_code", taxes),
        "least": chosen.get("least", ""),
        "most": chosen.get("most", ""),
        "hold": options("hold", holds | {str(code): hold_word(code, lang) for code in HOLDS if code}),
        "channel": options("channel", {channel.value: phrases.label(lang, channel) for channel in Channel}),
        "status": options("status", {value: phrases.pick(lang, words) for value, words in statuses.items()}),
    }


def _found(found: Found, lang: str) -> dict[str, Any]:
    return {"rows": [_row(hit, lang) for hit in found.hits], "has_more": found.has_more, "is_cut": found.is_cut}


def _row(hit: Hit, lang: str) -> dict[str, Any]:
    return {
        "href": f"/debtors/{hit.id}",
        "number": hit.debtor_no,
        "name": hit.name,
        "kana": hit.name_kana,
        "address": hit.address,
        "match": phrases.pick(lang, MATCHES[hit.match.value]),
        "owed": hit.owed,
        "terms": hit.terms,
        "taxes": "・".join(hit.taxes),
        "holds": [hold_word(hold, lang) for hold in hit.holds],
        "is_forbidden": hit.do_not_contact,
        "channel": phrases.label(lang, Channel(hit.channel)) if hit.channel in set(Channel) else "",
        "is_listed": hit.is_listed,
    }
