"""Recordings: found, opened with a reason, heard, reviewed, kept on purpose, deleted. Every view and every change is on record."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import date
from typing import Annotated, Any

from fastapi import APIRouter
from fastapi import Form as Field
from sqlalchemy import select
from sqlalchemy.orm import Session
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response, StreamingResponse

from callcenter.auth import audit
from callcenter.auth.models import User
from callcenter.auth.permissions import Action
from callcenter.auth.permissions import may as is_allowed
from callcenter.core.clock import local_day, utc_now
from callcenter.core.errors import AppError, NotAllowed
from callcenter.core.settings import get_settings
from callcenter.web import recording_model as model
from callcenter.web.dependencies import Form, Once, SignedIn, Tx, may, once
from callcenter.web.pages import lang_of, page, shell_of, words_of
from callcenter.web.problems import told as told_problem
from campaigns.debtors.models import Debtor
from campaigns.planning.models import Campaign
from dialer.recordings import keeping, queries, retention, reviews, service, vault
from dialer.recordings.criteria import criteria_of
from dialer.recordings.models import Recording
from dialer.recordings.terms import office_terms

router = APIRouter()
Hearer = Annotated[SignedIn, may(Action.HEAR_RECORDINGS)]
_RANGE = re.compile(r"bytes=(\d{1,12})-(\d{0,12})", re.ASCII)


@router.get("/recordings")
def list_recordings(request: Request, session: Tx, who: Hearer, page_no: int = 1) -> Response:
    """By campaign, operator, day and state; the address holds numbers and days only."""
    t, now = words_of(request), utc_now()
    wanted, page_no = model.read_wanted(request.query_params), min(max(page_no, 1), 10_000)
    rows, total = queries.listed(session, wanted, (page_no - 1) * model.PAGE, model.PAGE)
    audit.record(session, "recording.listed", "recording", None, who.user_id, who.address, {"rows": len(rows)}, now)
    return page(
        request,
        "recordings.html",
        shell_of(request, t("recordings.title")),
        rows=[model.row_model(row, t) for row in rows],
        filters=model.filters_model(wanted, *queries.choices(session), t),
        is_filtered=wanted != queries.Wanted(),
        may_shape=is_allowed(who.role, Action.SHAPE_RECORDING),
        pages=model.pages_model(wanted, page_no, len(rows), total),
    )


@router.get("/recordings/{recording_id}")
def show_recording(request: Request, session: Tx, who: Hearer, recording_id: int) -> Response:
    """One recording: what is known of it; heard only once a reason was given."""
    return _page(request, session, who, service.find(session, recording_id))


@router.post("/recordings/{recording_id}/open")
def open_recording(
    request: Request,
    session: Tx,
    who: Hearer,
    recording_id: int,
    reason: Annotated[str, Field()] = "",
    note: Annotated[str, Field()] = "",
) -> Response:
    """Takes the reason and lets this person hear it for a while."""
    now = utc_now()
    try:
        access = service.open_recording(session, recording_id, who.user_id, reason, note, now)
    except AppError as problem:
        if problem.status != 422:
            raise
        told = {"reason": reason, "note": note[:200]}
        return _page(request, session, who, service.find(session, recording_id), problem=problem, told=told)
    row = service.find(session, recording_id)
    detail = {"recording": row.id, "reason": access.reason}
    audit.record(session, "recording.opened", "debtor", row.debtor_id, who.user_id, who.address, detail, now)
    return RedirectResponse(f"/recordings/{recording_id}", 303)


@router.get("/recordings/{recording_id}/audio")
def play_recording(request: Request, session: Tx, who: Hearer, recording_id: int) -> Response:
    """The sound, or the part of it that the player asks for; never stored by the browser."""
    now, data = utc_now(), get_settings().data_dir
    row = service.find(session, recording_id)
    if service.access_of(session, row.id, who.user_id, now) is None:
        raise NotAllowed("この録音は開いていません。", hint="理由を選んで開いてください。", code="not_opened")
    key, whole = service.key_of(session, data, row), vault.wav_size(row)
    path = vault.vault_path(data, who.office_id, row.name)
    first, last, is_part = _range(request.headers.get("range", ""), whole)
    if first >= whole:
        return Response(status_code=416, headers={"Content-Range": f"bytes */{whole}"})
    if first == 0:
        audit.record(session, "recording.played", "debtor", row.debtor_id, who.user_id, who.address, {"recording": row.id}, now)
    pieces = vault.read_wav(path, row, key, first, last)
    begun = next(pieces, b"")  # a broken seal is an error page, not half an answer
    headers = {
        "Content-Length": str(last - first + 1),
        "Accept-Ranges": "bytes",
        "Cache-Control": "no-store",
        "Content-Disposition": "inline",
    }
    if is_part:
        headers["Content-Range"] = f"bytes {first}-{last}/{whole}"
    return StreamingResponse(_after(begun, pieces), 206 if is_part else 200, headers, "audio/wav")


def _after(begun: bytes, pieces: Iterator[bytes]) -> Iterator[bytes]:
    yield begun
    yield from pieces


def _range(asked: str, whole: int) -> tuple[int, int, bool]:
    """First and last byte, and whether a part was asked for; what can't be read asks for all."""
    found = _RANGE.fullmatch(asked)
    if found is None:
        return 0, whole - 1, False
    first, last = int(found[1]), int(found[2] or whole - 1)
    if found[2] and last < first:
        return 0, whole - 1, False
    return first, min(last, whole - 1), True


@router.post("/recordings/{recording_id}/review")
def review_recording(
    request: Request,
    session: Tx,
    who: Annotated[SignedIn, may(Action.REVIEW_CALLS)],
    done: Annotated[Once, once],
    recording_id: int,
    form: Form,
) -> Response:
    """Fills in the score card, or fills it in anew."""
    row = service.find(session, recording_id)
    if not done.is_repeat:
        now, scores = utc_now(), model.read_scores(form, criteria_of(session))
        comment = str(form.get("comment", ""))
        card = reviews.review(session, row, who.user_id, scores, comment, now)
        audit.record(session, "recording.reviewed", "user", card.user_id, who.user_id, who.address, {"recording": row.id}, now)
    return _back(request, recording_id)


@router.post("/recordings/{recording_id}/keep")
def keep_recording(
    request: Request,
    session: Tx,
    who: Annotated[SignedIn, may(Action.DELETE_RECORDINGS)],
    done: Annotated[Once, once],
    recording_id: int,
    why: Annotated[str, Field()] = "",
) -> Response:
    """Takes it out of the rules of retention; without a reason puts it back."""
    if not done.is_repeat:
        row = service.keep(session, recording_id, why)
        action = "recording.kept" if row.kept_for else "recording.released"
        audit.record(session, action, "debtor", row.debtor_id, who.user_id, who.address, {"recording": row.id}, utc_now())
    return _back(request, recording_id)


@router.post("/recordings/{recording_id}/delete")
def delete_recording(
    request: Request,
    session: Tx,
    who: Annotated[SignedIn, may(Action.DELETE_RECORDINGS)],
    done: Annotated[Once, once],
    recording_id: int,
    why: Annotated[str, Field()] = "",
) -> Response:
    """Deletes it for good."""
    if not done.is_repeat:
        now = utc_now()
        row = service.delete(session, recording_id, get_settings().data_dir, now, why=why, user_id=who.user_id)
        audit.record(session, "recording.deleted", "debtor", row.debtor_id, who.user_id, who.address, {"recording": row.id}, now)
    return _back(request, recording_id)


@router.post("/recordings/{recording_id}/seen")
def note_seen(
    request: Request,
    session: Tx,
    who: Annotated[SignedIn, may(Action.REVIEW_CALLS)],
    done: Annotated[Once, once],
    recording_id: int,
    with_alike: Annotated[bool, Field()] = False,
) -> Response:
    """Takes a gap off the board, `with_alike` together with the operator's earlier ones of the kind."""
    if not done.is_repeat:
        count = keeping.mark_seen(session, service.find(session, recording_id), who.user_id, with_alike=with_alike)
        audit.record(session, "recording.gap_seen", "recording", recording_id, who.user_id, who.address, {"count": count}, utc_now())
    return _back(request, recording_id)


def _back(request: Request, recording_id: int) -> Response:
    if request.headers.get("hx-request") == "true":
        return Response(status_code=204, headers={"HX-Refresh": "true"})
    return RedirectResponse(f"/recordings/{recording_id}", 303)


def _page(
    request: Request,
    session: Session,
    who: SignedIn,
    row: Recording,
    *,
    problem: AppError | None = None,
    told: dict[str, str] | None = None,
) -> Response:
    t, lang, now = words_of(request), lang_of(request), utc_now()
    audit.record(session, "recording.viewed", "debtor", row.debtor_id, who.user_id, who.address, {"recording": row.id}, now)
    access = service.access_of(session, row.id, who.user_id, now) if row.state == "stored" else None
    cards = reviews.of_recording(session, row.id)
    people = {row.id: row.display_name for row in session.execute(select(User.id, User.display_name))}
    campaign = session.get(Campaign, (row.office_id, row.campaign_id)) if row.campaign_id else None
    mine = next((card for card in cards if card.reviewer_id == who.user_id), None)
    return page(
        request,
        "recording.html",
        shell_of(request, t("recordings.one")),
        422 if problem else 200,
        recording={
            "id": row.id,
            "at": row.began_at,
            "operator": people.get(row.user_id or 0, ""),
            "campaign": campaign.name if campaign else "",
            "debtor_no": session.scalar(select(Debtor.debtor_no).where(Debtor.id == row.debtor_id)),
            "debtor_href": f"/debtors/{row.debtor_id}" if is_allowed(who.role, Action.SEE_DEBTORS) else "",
            "state": model.state_model(row, t),
            "problem": t(f"recording_problem.{row.problem}") if row.problem else "",
            "is_simulated": row.is_simulated,
            "has_notice": row.has_notice,
            "kept_for": row.kept_for,
            "ends_at": _ends_on(session, row, campaign),
            "deleted_at": row.deleted_at,
            "deleted_for": t("recordings.by_rule") if row.deleted_for == retention.WHY else row.deleted_for,
            "is_stored": row.state == "stored",
        },
        wave=_wave(session, row) if access else None,
        open_until=access.ends_at if access else None,
        reasons=model.reasons_model(t, (told or {}).get("reason", "")),
        note=(told or {}).get("note", ""),
        errors=[] if problem is None else [{"field_id": problem.code, "message": " ".join(told_problem(problem, lang)).strip()}],
        card=_card(session, row, who, mine, lang),
        reviews=[model.review_model(card, people.get(card.reviewer_id, ""), lang) for card in cards],
        may_delete=is_allowed(who.role, Action.DELETE_RECORDINGS) and row.state == "stored",
    )


def _ends_on(session: Session, row: Recording, campaign: Campaign | None) -> date | None:
    ends_at = retention.ends_at(row, campaign, office_terms(session)) if row.state == "stored" else None
    return None if ends_at is None else local_day(ends_at)


def _wave(session: Session, row: Recording) -> dict[str, Any]:
    key = service.key_of(session, get_settings().data_dir, row)
    return model.wave_model(*vault.peaks_of(row, key), row.seconds)


def _card(session: Session, row: Recording, who: SignedIn, mine: Any, lang: str) -> dict[str, Any] | None:
    if row.state != "stored" or row.user_id is None or not is_allowed(who.role, Action.REVIEW_CALLS):
        return None
    return model.card_model(criteria_of(session), mine, lang)
