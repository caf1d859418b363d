"""The night's batches: what was prepared from what, who releases it, how far it is, who is in which state, and what it brought about."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter
from fastapi import Form as Field
from sqlalchemy.orm import Session
from starlette.requests import Request
from starlette.responses import Response

from callcenter.auth import audit
from callcenter.auth.permissions import Action
from callcenter.core.clock import utc_now
from callcenter.core.errors import InvalidInput
from callcenter.web.batch_figures import people_href
from callcenter.web.batch_model import PAGE, body_model, examples_model, list_model, page_model
from callcenter.web.dependencies import Form, Once, SignedIn, Tx, may, once
from callcenter.web.pages import fragment, lang_of, leads_to, page, shell_of, words_of
from campaigns.attempts.codes import Channel
from campaigns.messages import moving
from campaigns.messages.accounting import GROUP_OF, Group, people_in
from campaigns.messages.models import Batch
from campaigns.messages.reactions import REACTIONS, people_who
from campaigns.messages.state import BatchState
from campaigns.messages.words import reason_words

router = APIRouter(prefix="/batches")
Reader = Annotated[SignedIn, may(Action.SEE_BATCHES)]
Listed = Annotated[SignedIn, may(Action.SEE_DEBTORS)]
Releaser = Annotated[SignedIn, may(Action.RELEASE_BATCHES)]
Runner = Annotated[SignedIn, may(Action.RUN_CAMPAIGNS)]
WANTED = frozenset({BatchState.PAUSED, BatchState.READY, BatchState.CANCELLED})
LAST_PAGE = 20_000


@router.get("")
def list_batches(request: Request, session: Tx, who: Reader, campaign: int | None = None, page_no: int = 1) -> Response:
    """All batches, the newest first."""
    model = list_model(session, lang_of(request), campaign, min(max(page_no, 1), LAST_PAGE))
    return page(request, "batches.html", shell_of(request, words_of(request)("nav.batches")), **model)


@router.get("/{batch_id}")
def show_batch(request: Request, session: Tx, who: Reader, batch_id: int) -> Response:
    """One batch."""
    batch = moving.find_batch(session, batch_id)
    model = page_model(session, batch, who, utc_now(), words_of(request), lang_of(request))
    return page(request, "batch.html", shell_of(request, words_of(request)("batches.one", n=batch.id)), **model)


@router.get("/{batch_id}/body")
def show_body(request: Request, session: Tx, who: Reader, batch_id: int, was: str = "") -> Response:
    """What changes while it is under way; the page looks anew once it has been prepared."""
    batch = moving.find_batch(session, batch_id)
    answer = fragment(
        request,
        "batch_body.html",
        csrf=who.csrf,
        **body_model(session, batch, who, utc_now(), words_of(request), lang_of(request)),
    )
    if was == BatchState.PREPARING and batch.state != BatchState.PREPARING:
        answer.headers["HX-Refresh"] = "true"
    return answer


@router.get("/{batch_id}/examples")
def show_examples(request: Request, session: Tx, who: Listed, batch_id: int) -> Response:
    """Some messages as they will be sent, with their people; on record like any look at debtors."""
    batch = moving.find_batch(session, batch_id)
    rows = examples_model(session, batch)
    _note(session, who, "debtor.listed", batch, {"page": "batch_examples", "count": len(rows)})
    shell = shell_of(request, words_of(request)("batches.examples"))
    return page(request, "batch_examples.html", shell, batch={"id": batch.id}, rows=rows)


@router.get("/{batch_id}/people")
def show_people(
    request: Request,
    session: Tx,
    who: Listed,
    batch_id: int,
    group: str = "",
    state: str = "",
    reason: str = "",
    reaction: str = "",
    page_no: int = 1,
) -> Response:
    """The people behind a number; on record like any look at debtors."""
    batch, lang, t = moving.find_batch(session, batch_id), lang_of(request), words_of(request)
    is_known = group in {"", *Group} and reaction in {"", "reacted", *REACTIONS} and state in {"", *GROUP_OF}
    if not is_known or len(reason) > 40:
        raise InvalidInput("その一覧はありません。", hint="一括の画面の数字から開いてください。", code="bad_filter")
    page_no = min(max(page_no, 1), LAST_PAGE)
    first = (page_no - 1) * PAGE
    if reaction:
        found = people_who(session, batch, reaction, utc_now(), offset=first, count=PAGE)
        title = t(f"batch_reaction.{reaction}")
    else:
        found = people_in(session, batch, group=group, state=state, reason=reason, offset=first, count=PAGE)
        told = [t(f"batch_group.{group}") if group else "", t(f"message_state.{state}") if state else "", reason_words(reason, lang)]
        title = "・".join(part for part in told if part and part != "batch") or t("batches.everybody")
    asked = {"group": group, "state": state, "reason": reason, "reaction": reaction}
    total = int(found[0].total) if found else 0
    _note(session, who, "debtor.listed", batch, {"page": "batch_people", "count": len(found), "state": state, "reaction": reaction})
    rows = [
        {
            "href": f"/debtors/{row.debtor_id}",
            "debtor_no": row.debtor_no,
            "name": row.name,
            "at": row.at,
            "state": "" if reaction else row.state,
            "reason": "" if reaction or not row.reason or row.reason == "batch" else reason_words(row.reason, lang),
        }
        for row in found
    ]
    pages = {
        "first": first + 1 if rows else 0,
        "last": first + len(rows),
        "total": total,
        "previous_href": people_href(batch.id, **asked, page_no=page_no - 1) if page_no > 1 else None,
        "next_href": people_href(batch.id, **asked, page_no=page_no + 1) if first + len(rows) < total else None,
    }
    shell = shell_of(request, title)
    return page(request, "batch_people.html", shell, batch={"id": batch.id}, title=title, rows=rows, pages=pages)


@router.post("/{batch_id}/release")
def release(request: Request, session: Tx, who: Releaser, done: Annotated[Once, once], batch_id: int) -> Response:
    """Lets it go out when its window opens, in this person's name."""
    if not done.is_repeat:
        batch = moving.approve_batch(session, batch_id, who.user_id, utc_now())
        _note(session, who, "batch.released", batch)
    return _to(request, batch_id)


@router.post("/{batch_id}/state")
def change_state(
    request: Request,
    session: Tx,
    who: Releaser,
    done: Annotated[Once, once],
    batch_id: int,
    state: Annotated[str, Field(max_length=12)] = "",
) -> Response:
    """Pauses it, goes on with it, or cancels it."""
    if state not in WANTED:
        raise InvalidInput("その状態にはできません。", hint=", ".join(sorted(WANTED)), code="bad_state")
    if not done.is_repeat:
        batch = moving.set_batch_state(session, batch_id, BatchState(state), utc_now(), user_id=who.user_id)
        _note(session, who, f"batch.{state}", batch)
    return _to(request, batch_id)


@router.post("/{batch_id}/edit")
def edit(request: Request, session: Tx, who: Runner, done: Annotated[Once, once], form: Form, batch_id: int) -> Response:
    """Changes how it is released; it must then be released anew."""
    if not done.is_repeat:
        changes = {name: str(form[name])[:20] for name in moving.EDITABLE if name in form}
        batch = moving.edit_batch(session, batch_id, changes, who.user_id, utc_now())
        _note(session, who, "batch.edited", batch, {name: value for name, value in changes.items() if name in ("pace", "leftover")})
    return _to(request, batch_id)


def _to(request: Request, batch_id: int) -> Response:
    address = f"/batches/{batch_id}"
    return leads_to(request, address)


def _note(session: Session, who: SignedIn, action: str, batch: Batch, detail: dict[str, Any] | None = None) -> None:
    told = {**(detail or {}), "channel": "sms" if batch.channel == Channel.SMS else "auto_call"}
    audit.record(session, action, "batch", batch.id, who.user_id, who.address, told, utc_now())
