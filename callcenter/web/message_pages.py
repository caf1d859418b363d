"""Citizens' replies to messages, and which way messages go: the replies for those who see debtors, the sender for administrators."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Any

from fastapi import APIRouter, Depends
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
from callcenter.web.pages import page, shell_of, words_of
from campaigns.debtors.models import Debtor
from campaigns.messages.inbox import service as inbox
from campaigns.messages.inbox.models import MessageReply
from campaigns.messages.rate import rates_of
from campaigns.messages.senders import choice
from campaigns.messages.senders.gateway.document import read_gateway
from campaigns.messages.senders.gateway.sender import example_document, example_request
from campaigns.messages.senders.numbers import PER_SECOND, BadLine, TwilioNumbers, document_of, lines_of, read_numbers
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


@dataclass(frozen=True, slots=True)
class Entered:
    """The form as it stands: the sender, a provider's description, and Twilio's numbers one a line with the rate of one without a name."""

    kind: str
    document: str = ""
    numbers: str = ""
    rate: str = ""

    def made(self) -> str:
        """The document that goes with the kind.

        Raises:
            InvalidInput: a line of the numbers, or the rate, is not usable.
        """
        if self.kind == "twilio":
            return document_of(self.numbers.splitlines(), self.rate)
        return self.document.replace("\r\n", "\n") if self.kind == "gateway" else ""


def entered(
    kind: Annotated[str, Field(max_length=20)] = "",
    document: Annotated[str, Field(max_length=20_000)] = "",
    numbers: Annotated[str, Field(max_length=5_000)] = "",
    rate: Annotated[str, Field(max_length=12)] = "",
) -> Entered:
    """What the form says."""
    return Entered(kind, document, numbers, rate)


Form = Annotated[Entered, Depends(entered)]


@router.get("/sender")
def show_sender(request: Request, session: Tx, who: Chooser) -> Response:
    """Which way messages go, what is missing for it, and the choices of the past."""
    chosen = choice.chosen(session)
    twilio = read_numbers(chosen.document) if chosen.kind == "twilio" else TwilioNumbers()
    document = chosen.document if chosen.kind == "gateway" else example_document()
    form = Entered(chosen.kind, document, "\n".join(lines_of(twilio.numbers)), f"{twilio.segments_per_second:g}")
    return _sender_page(request, session, who, form, 200)


@router.post("/sender/check")
def check_sender(request: Request, session: Tx, who: Chooser, form: Form) -> Response:
    """Looks at a choice without making it: mistakes by field or line, or the request a provider's description makes."""
    return _sender_page(request, session, who, form, 200, is_checked=True)


@router.post("/sender")
def choose_sender(request: Request, session: Tx, who: Chooser, form: Form) -> Response:
    """Makes a sender the office's."""
    now = utc_now()
    try:
        row = choice.choose(session, form.kind, form.made(), who.user_id, now)
    except InvalidInput:
        return _sender_page(request, session, who, form, 422, is_checked=True)
    if row.created_at == now:
        audit.record(session, "sender.chosen", "sender_choice", row.id, who.user_id, who.address, {"kind": row.kind}, now)
    return RedirectResponse("/sender", 303)


def _sender_page(request: Request, session: Session, who: SignedIn, form: Entered, status: int, *, is_checked: bool = False) -> Response:
    t, settings = words_of(request), get_settings()
    chosen = choice.chosen(session)
    used = settings.sms_sender if chosen.kind == "settings" else chosen.kind
    problem, rates = _opened(session, who, chosen)
    model: dict[str, Any] = {
        "used": {"kind": t(f"sender.{used}"), "is_settings": chosen.kind == "settings", "problem": problem, "rates": rates},
        "kinds": [{"value": name, "label": t(f"sender.{name}"), "is_chosen": name == form.kind} for name in choice.KINDS],
        "document": form.document or example_document(),
        "numbers": {"lines": form.numbers, "rate": form.rate or f"{PER_SECOND:g}"},
        "checked": _checked(form, t) if is_checked else None,
        "inbox": inbox.counts(session),
        "past": _past(session, t),
        "addresses": [
            f"{settings.public_url.rstrip('/') or 'https://…'}/webhooks/{path}"
            for path in (f"gateway/{who.office_id}/status", f"gateway/{who.office_id}/replies", f"twilio/replies/{who.office_id}")
        ],
    }
    return page(request, "sender.html", shell_of(request, t("sender.title")), status, **model)


def _opened(session: Session, who: SignedIn, chosen: choice.Chosen) -> tuple[str, list[dict[str, Any]]]:
    """Why the sender can't send, in the words of whoever refuses, or its numbers with the segments a second that each takes."""
    try:
        sender = opened(get_settings(), who.office_id, chosen)
    except InvalidInput as problem:
        return str(problem), []
    return "", [{"number": number, "rate": rate} for number, rate in rates_of(sender).items()]


def _checked(form: Entered, t: Any) -> dict[str, Any]:
    """What is wrong with a choice, or what is missing for it and, for a described provider, the request that it makes."""
    settings = get_settings()
    try:
        document = form.made()
        if form.kind != "gateway":
            return {"problem": "", "missing": [], "request": None}
        described = read_gateway(document)
    except BadLine as problem:
        return {"problem": t(f"sender.{problem.code}", line=str(problem.line)), "missing": [], "request": None}
    except InvalidInput as problem:
        return {"problem": problem.message, "missing": [], "request": None}
    sender = next(iter(described.numbers), "") or settings.sms_gateway_from or "SENDER"
    shown = example_request(described, settings.sms_gateway_url or "https://…", sender)
    lines = [f"{shown['method']} {shown['url']}", *(f"{name}: {value}" for name, value in shown["headers"].items()), "", shown["body"]]
    return {"problem": "", "missing": missing_settings(described, settings), "request": "\n".join(lines)}


def _past(session: Session, t: Any) -> list[dict[str, Any]]:
    rows = choice.past_choices(session, 10)
    ids = {row.created_by for row in rows if row.created_by is not None}
    names = {row[0]: row[1] for row in session.execute(select(User.id, User.display_name).where(User.id.in_(ids)))} if ids else {}
    return [{"kind": t(f"sender.{row.kind}"), "at": row.created_at, "user": names.get(row.created_by or 0, "")} for row in rows]
