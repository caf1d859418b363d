"""Planted mistakes, each in one office of a run, to show that the checker sees them. Only a run that asks for them has them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

from sqlalchemy import text

from callcenter.api.webhooks import storing
from callcenter.core.db import office_of
from campaigns import jobs
from campaigns.messages import events, handover, release, settling
from campaigns.messages.inbox import replies, service
from campaigns.messages.senders.gateway import hearing
from campaigns.messages.senders.gateway.sender import GatewaySender
from campaigns.messages.senders.port import SenderRefused, SenderUnreachable, SendUnknown, SmsRequest, SmsStatus
from campaigns.messages.state import MessageState

Mine = Callable[[int], bool]


def _office(reference: str) -> int:
    return int(reference.partition("-")[0])


def _around_send(mine: Mine, on_lost: Callable[[GatewaySender, SmsRequest, Any], SmsStatus]) -> None:
    """Does something else where the answer was lost."""
    ours = GatewaySender.send

    def send(self: GatewaySender, request: SmsRequest) -> SmsStatus:
        try:
            return ours(self, request)
        except SendUnknown:
            if mine(_office(request.reference)):
                return on_lost(self, request, ours)
            raise

    GatewaySender.send = send  # type: ignore[method-assign]


def resend_lost(mine: Mine) -> None:
    """A lost answer is followed by a second try."""
    _around_send(mine, lambda self, request, ours: ours(self, request))


def lost_is_unreachable(mine: Mine) -> None:
    """A lost answer is taken for a provider that was never reached."""

    def lost(_self: GatewaySender, _request: SmsRequest, _ours: Any) -> SmsStatus:
        raise SenderUnreachable("planted")

    _around_send(mine, lost)


def lost_is_accepted(mine: Mine) -> None:
    """A lost answer is taken for a good one."""
    _around_send(mine, lambda _self, _request, _ours: SmsStatus("guess", MessageState.ACCEPTED))


def lost_is_refused(mine: Mine) -> None:
    """A lost answer is taken for a refusal."""

    def lost(_self: GatewaySender, _request: SmsRequest, _ours: Any) -> SmsStatus:
        raise SenderRefused("planted")

    _around_send(mine, lost)


def wrong_number(mine: Mine) -> None:
    """Now and then a text goes to the person before."""
    ours, last = GatewaySender.send, [""]

    def send(self: GatewaySender, request: SmsRequest) -> SmsStatus:
        if mine(_office(request.reference)):
            last[0], to = request.e164, last[0] or request.e164
            return ours(self, replace(request, e164=to))
        return ours(self, request)

    GatewaySender.send = send  # type: ignore[method-assign]


def asks_nobody(mine: Mine) -> None:
    """Nobody asks the provider what became of a message."""
    ours = GatewaySender.find

    def find(self: GatewaySender, request: SmsRequest, since: Any) -> SmsStatus | None:
        return None if mine(_office(request.reference)) else ours(self, request, since)

    GatewaySender.find = find  # type: ignore[method-assign]


def reports_dropped(mine: Mine) -> None:
    """Reports are answered and not stored."""
    ours = storing.store
    storing.store = lambda reports: ours([report for report in reports if not mine(report.office_id)])


def reports_not_followed(mine: Mine) -> None:
    """Reports are stored and ticked off, and nothing follows."""

    def keep(session: Any, *args: Any) -> int:
        return 0 if mine(office_of(session)) else events.keep_events(session, *args)

    def tell(session: Any, *args: Any) -> set[int]:
        return set() if mine(office_of(session)) else events.tell(session, *args)

    service.events = SimpleNamespace(keep_events=keep, tell=tell, News=events.News)  # type: ignore[assignment]


def stop_ignored(mine: Mine) -> None:
    """A stop word changes nothing."""
    ours = replies.suppress_messages
    replies.suppress_messages = lambda session, *args, **more: 0 if mine(office_of(session)) else ours(session, *args, **more)


def undelivered_is_delivered(mine: Mine) -> None:
    """Bad news is read as good news."""
    ours = hearing.read_report

    def read(document: Any, payload: Any) -> Any:
        news = ours(document, payload)
        if news is None or not mine(_office(news.reference)) or news.status.state is not MessageState.UNDELIVERED:
            return news
        return replace(news, status=replace(news.status, state=MessageState.DELIVERED, reason=""))

    hearing.read_report = read


def paid_sent_anyway(mine: Mine) -> None:
    """What the gate says just before is not listened to."""
    ours = handover._ask

    def ask(session: Any, rows: Any, now: Any, policy: Any) -> Any:
        allowed, decided, refused = ours(session, rows, now, policy)
        if not mine(office_of(session)):
            return allowed, decided, refused
        return list(rows), {row.id: decided.get(row.id) for row in rows}, 0

    handover._ask = ask


def sweep_resends(mine: Mine) -> None:
    """What was left without an answer is sent once more."""
    ours = events.sweep_messages
    again = text(
        "UPDATE message SET state = 'ready', claim_token = NULL, lease_until = NULL, attempt_id = NULL"
        " WHERE office_id = :office AND (state = 'unknown' OR state = 'handed_over' AND handed_over_at < :now - interval '3 seconds')"
    )

    def sweep(session: Any, now: Any) -> int:
        if mine(office_of(session)):
            session.execute(again, {"office": office_of(session), "now": now})
        return ours(session, now)

    for module in (events, jobs, release, settling):
        module.sweep_messages = sweep  # type: ignore[attr-defined]


def put_back_keeps_attempt(mine: Mine) -> None:
    """A message that goes back leaves its attempt behind."""
    ours = release.put_back
    back = text(
        "UPDATE message SET state = 'ready', claim_token = NULL, lease_until = NULL, attempt_id = NULL, handed_over_at = NULL"
        " WHERE office_id = :office AND id = ANY(:ids) AND state IN ('claimed', 'handed_over', 'unknown') AND claim_token = :token"
    )

    def put_back(session: Any, message_ids: Any, token: str, now: Any) -> int:
        if not mine(office_of(session)):
            return ours(session, message_ids, token, now)
        session.execute(back, {"office": office_of(session), "ids": list(message_ids), "token": token})
        return len(message_ids)

    release.put_back = put_back  # type: ignore[attr-defined]


# Each with how the checker tells of it.
BUGS: dict[str, tuple[Callable[[Mine], None], str]] = {
    "resend_lost": (resend_lost, "repeated"),
    "lost_is_unreachable": (lost_is_unreachable, "repeated"),
    "lost_is_accepted": (lost_is_accepted, "not final"),
    "lost_is_refused": (lost_is_refused, "taken but failed"),
    "wrong_number": (wrong_number, "stranger"),
    "asks_nobody": (asks_nobody, "not final"),
    "reports_dropped": (reports_dropped, "report answered but not stored"),
    "reports_not_followed": (reports_not_followed, "report stored but no event"),
    "stop_ignored": (stop_ignored, "stop not followed"),
    "undelivered_is_delivered": (undelivered_is_delivered, "told"),
    "paid_sent_anyway": (paid_sent_anyway, "sent after payment"),
    "sweep_resends": (sweep_resends, "repeated"),
    "put_back_keeps_attempt": (put_back_keeps_attempt, "attempt"),
}


def plant(planted: dict[int, str]) -> None:
    """Puts each bug into its office.

    Args:
        planted: office → name of its bug.
    """
    for name in set(planted.values()):
        BUGS[name][0](lambda office, name=name: planted.get(office) == name)  # type: ignore[misc]
