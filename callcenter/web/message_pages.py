"""Citizens' replies to messages, and which way messages go: the replies for those who see debtors, the sender for administrators."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter
from fastapi import Form as Field
from sqlalchemy import select
from sqlalchemy.orm import Session
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from callcenter.auth import audit
from callcenter.auth.models import User
from callcenter.auth.permissions import Action
from callcenter.core.clock import utc_now
from callcenter.core.errors import InvalidInput
from callcenter.core.phones import format_national
from callcenter.core.settings import get_settings
from callcenter.web.dependencies import SignedIn, Tx, may
from callcenter.web.pages import lang_of, page, shell_of, words_of
from campaigns.debtors.models import Debtor
from campaigns.messages.inbox import service as inbox
from campaigns.messages.inbox.models import MessageReply
from campaigns.messages.senders import choice
from campaigns.messages.senders.gateway.document import read_gateway
from campaigns.messages.senders.gateway.sender import example_document, example_request
from campaigns.messages.senders.registry import missing_settings, opened

router = APIRouter()
Reader = Annotated[SignedIn, may(Action.SEE_DEBTORS)]
Chooser = Annotated[SignedIn, may(Action.CHOOSE_SENDER)]
SHOWN = 100


@router.get("/replies")
def list_replies(request: Request, session: Tx, who: Reader, before: int = 0) -> Response:
    """What citizens wrote, the newest first; those of numbers nobody is listed with are kept apart."""
    statement = select(MessageReply, Debtor.name).outerjoin(
        Debtor, (Debtor.office_id == MessageReply.office_id) & (Debtor.id == MessageReply.debtor_id)
    )
    if 0 < before < 2**63:
        statement = statement.where(MessageReply.id < before)
    rows = session.execute(statement.order_by(MessageReply.id.desc()).limit(SHOWN)).all()
    shown = [
        {
            "href": f"/debtors/{row.MessageReply.debtor_id}" if row.MessageReply.debtor_id is not None else None,
            "name": row.name or "",
            "number": format_national(row.MessageReply.e164),
            "kind": row.MessageReply.kind,
            "body": row.MessageReply.body,
            "at": row.MessageReply.received_at,
            "suppressed": row.MessageReply.suppressed,
            "withdrawn": row.MessageReply.withdrawn,
        }
        for row in rows
    ]
    audit.record(session, "replies.viewed", "message_reply", None, who.user_id, who.address, {"count": len(shown)}, utc_now())
    model: dict[str, Any] = {"replies": shown, "older": f"/replies?before={rows[-1].MessageReply.id}" if len(rows) == SHOWN else None}
    return page(request, "replies.html", shell_of(request, words_of(request)("replies.title")), **model)


@router.get("/sender")
def show_sender(request: Request, session: Tx, who: Chooser) -> Response:
    """Which way messages go, what is missing for it, and the choices of the past."""
    chosen = choice.chosen(session)
    return _sender_page(request, session, who, chosen.kind, chosen.document or example_document(), 200)


@router.post("/sender/check")
def check_sender(
    request: Request,
    session: Tx,
    who: Chooser,
    kind: Annotated[str, Field(max_length=20)] = "",
    document: Annotated[str, Field(max_length=20_000)] = "",
) -> Response:
    """Looks at a provider's description without choosing it: mistakes by field, or the request it makes."""
    return _sender_page(request, session, who, kind or "gateway", document, 200, is_checked=True)


@router.post("/sender")
def choose_sender(
    request: Request,
    session: Tx,
    who: Chooser,
    kind: Annotated[str, Field(max_length=20)] = "",
    document: Annotated[str, Field(max_length=20_000)] = "",
) -> Response:
    """Makes a sender the office's."""
    now = utc_now()
    try:
        row = choice.choose(session, kind, document.replace("\r\n", "\n") if kind == "gateway" else "", who.user_id, now)
    except InvalidInput:
        return _sender_page(request, session, who, kind, document, 422, is_checked=True)
    if row.created_at == now:
        audit.record(session, "sender.chosen", "sender_choice", row.id, who.user_id, who.address, {"kind": row.kind}, now)
    return RedirectResponse("/sender", 303)


def _sender_page(
    request: Request, session: Session, who: SignedIn, kind: str, document: str, status: int, *, is_checked: bool = False
) -> Response:
    t, lang, settings = words_of(request), lang_of(request), get_settings()
    chosen = choice.chosen(session)
    used = settings.sms_sender if chosen.kind == "settings" else chosen.kind
    model: dict[str, Any] = {
        "used": {"kind": t(f"sender.{used}"), "is_settings": chosen.kind == "settings", "problem": _problem(session, who, chosen)},
        "kinds": [{"value": name, "label": t(f"sender.{name}"), "is_chosen": name == kind} for name in choice.KINDS],
        "document": document,
        "checked": _checked(document, lang) if is_checked and kind == "gateway" else None,
        "inbox": inbox.counts(session),
        "past": _past(session, t),
        "addresses": [
            f"{settings.public_url.rstrip('/') or 'https://…'}/webhooks/{path}"
            for path in (f"gateway/{who.office_id}/status", f"gateway/{who.office_id}/replies", f"twilio/replies/{who.office_id}")
        ],
    }
    return page(request, "sender.html", shell_of(request, t("sender.title")), status, **model)


def _problem(session: Session, who: SignedIn, chosen: choice.Chosen) -> str:
    """Why the sender can't send, in the words of whoever refuses; empty when it can."""
    try:
        opened(get_settings(), who.office_id, chosen)
    except InvalidInput as problem:
        return str(problem)
    return ""


def _checked(document: str, lang: str) -> dict[str, Any]:
    settings = get_settings()
    try:
        described = read_gateway(document.replace("\r\n", "\n"))
    except InvalidInput as problem:
        return {"problem": problem.message, "missing": [], "request": None}
    shown = example_request(described, settings.sms_gateway_url or "https://…", settings.sms_gateway_from or "SENDER")
    lines = [f"{shown['method']} {shown['url']}", *(f"{name}: {value}" for name, value in shown["headers"].items()), "", shown["body"]]
    return {"problem": "", "missing": missing_settings(described, settings), "request": "\n".join(lines)}


def _past(session: Session, t: Any) -> list[dict[str, Any]]:
    rows = choice.past_choices(session, 10)
    ids = {row.created_by for row in rows if row.created_by is not None}
    names = {row[0]: row[1] for row in session.execute(select(User.id, User.display_name).where(User.id.in_(ids)))} if ids else {}
    return [{"kind": t(f"sender.{row.kind}"), "at": row.created_at, "user": names.get(row.created_by or 0, "")} for row in rows]
