"""An independent recount of the headline figures: plain Python over raw rows, sharing no code with `reports`.

Written from the words of the definitions; it knows labels only as strings.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from fractions import Fraction
from zoneinfo import ZoneInfo

TOKYO = ZoneInfo("Asia/Tokyo")
PEOPLE = {"debtor", "debtor_unverified", "family", "company_contact", "agent"}
RIGHT = {"debtor", "company_contact", "agent"}
PROMISED = {"promise_full", "promise_part"}


@dataclass
class RawAttempt:
    debtor: int
    operator: str
    channel: str
    began: datetime
    handed_over: bool
    imported: bool
    line: str | None
    party: str | None
    outcome: str | None


@dataclass
class RawSpan:
    operator: str
    state: str
    began: datetime
    ended: datetime | None


@dataclass
class RawPromise:
    debtor: int
    made: datetime
    due: date
    grace: int
    amount: int
    threshold: int
    taker: str = ""


@dataclass
class RawPayment:
    debtor: int
    paid: date
    yen: int
    reversed: bool


@dataclass
class Town:
    attempts: list[RawAttempt] = field(default_factory=list)
    spans: list[RawSpan] = field(default_factory=list)
    promises: list[RawPromise] = field(default_factory=list)
    payments: list[RawPayment] = field(default_factory=list)
    taxes: dict[int, set[str]] = field(default_factory=dict)
    teams: dict[str, str] = field(default_factory=dict)

    def team(self, operator: str) -> str:
        """The team somebody is in now: `-` for none, nothing for nobody."""
        return (self.teams.get(operator, "") or "-") if operator else ""

    def only(self, operators: set[str]) -> Town:
        """What these people did, and nobody else."""
        mine = Town(taxes=self.taxes, teams=self.teams, payments=self.payments)
        mine.attempts = [call for call in self.attempts if call.operator in operators]
        mine.spans = [span for span in self.spans if span.operator in operators]
        mine.promises = [promise for promise in self.promises if promise.taker in operators]
        return mine


Counted = dict[str, dict[str, object]]


def share(over: int, under: int) -> float | None:
    return float(Fraction(over, under)) if under else None


def local(moment: datetime) -> datetime:
    return moment.astimezone(TOKYO)


def keys_of(town: Town, cut: str, attempt: RawAttempt) -> Iterable[str]:
    if cut == "hour":
        return [f"{local(attempt.began).hour:02d}"]
    if cut == "day":
        return [local(attempt.began).date().isoformat()]
    if cut == "operator":
        return [attempt.operator]
    if cut == "team":
        return [town.team(attempt.operator)]
    if cut == "channel":
        return [attempt.channel]
    if cut == "tax":
        return town.taxes.get(attempt.debtor) or {""}
    return ["all"]


def recount(town: Town, first: date, last: date, cut: str, channel: str, now: datetime) -> Counted:
    """Figures per key; cut `` is one row `all`."""
    mine: dict[str, list[RawAttempt]] = defaultdict(list)
    for attempt in town.attempts:
        if not first <= local(attempt.began).date() <= last:
            continue
        if attempt.line == "failed" or not (attempt.handed_over or attempt.imported):
            continue
        if channel not in ("all", attempt.channel):
            continue
        for key in keys_of(town, cut, attempt):
            mine[key].append(attempt)
    seconds = worked(town, first, last, cut, now) if channel in ("all", "operator_call") else {}
    due, kept = judged(town, first, last, cut) if channel == "all" else ({}, {})
    found: Counted = {}
    for key in {*mine, *seconds, *due} or ({"all"} if not cut else set()):
        found[key] = figures(mine[key], seconds.get(key), due.get(key, 0), kept.get(key, 0))
    return found


def figures(calls: list[RawAttempt], seconds: float | None, due: int, kept: int) -> dict[str, object]:
    contacts = [call for call in calls if call.line == "answered" and call.party in PEOPLE]
    right = [call for call in contacts if call.party in RIGHT]
    promises = sum(1 for call in calls if call.outcome in PROMISED)
    if any(call.imported for call in calls):
        seconds = None
    tried, reached = {call.debtor for call in calls}, {call.debtor for call in contacts}
    return {
        "attempts": len(calls),
        "contacts": len(contacts),
        "right_party_contacts": len(right),
        "persons_attempted": len(tried),
        "persons_contacted": len(reached),
        "persons_right_party": len({call.debtor for call in right}),
        "promises": promises,
        "attempts_per_operator_hour": float(Fraction(len(calls) * 3600) / Fraction(seconds)) if seconds else None,
        "contact_rate_per_call": share(len(contacts), len(calls)),
        "contact_rate_per_person": share(len(reached), len(tried)),
        "right_party_rate": share(len(right), len(contacts)),
        "promise_rate": share(promises, len(right)),
        "promises_due": due,
        "promises_kept": kept,
        "kept_rate": share(kept, due),
    }


def worked(town: Town, first: date, last: date, cut: str, now: datetime) -> dict[str, float]:
    """Seconds per key, minute by minute: spans in the tests begin and end on whole minutes."""
    found: dict[str, float] = defaultdict(float)
    if cut == "tax":
        return {}
    for span in town.spans:
        if span.state in ("paused", "ended"):
            continue
        minute = span.began
        while minute < (span.ended or now):
            if first <= local(minute).date() <= last:
                found[key_of_minute(cut, town.team(span.operator) if cut == "team" else span.operator, local(minute))] += 60.0
            minute += timedelta(minutes=1)
    return dict(found)


def key_of_minute(cut: str, operator: str, minute: datetime) -> str:
    keys: dict[str, Callable[[], str]] = {
        "hour": lambda: f"{minute.hour:02d}",
        "day": lambda: minute.date().isoformat(),
        "operator": lambda: operator,
        "team": lambda: operator,
        "channel": lambda: "operator_call",
    }
    return keys.get(cut, lambda: "all")()


def judged(town: Town, first: date, last: date, cut: str) -> tuple[dict[str, int], dict[str, int]]:
    due: dict[str, int] = defaultdict(int)
    kept: dict[str, int] = defaultdict(int)
    for promise in town.promises:
        deadline = promise.due + timedelta(days=promise.grace)
        if not first <= deadline <= last:
            continue
        paid = sum(
            payment.yen
            for payment in town.payments
            if payment.debtor == promise.debtor and not payment.reversed and local(promise.made).date() <= payment.paid <= deadline
        )
        keys: Iterable[str] = ["all"]
        if cut == "tax":
            keys = town.taxes.get(promise.debtor) or {""}
        elif cut:
            hour, taker = f"{local(promise.made).hour:02d}", promise.taker
            keys = [{"hour": hour, "day": deadline.isoformat(), "operator": taker, "team": town.team(taker), "channel": ""}[cut]]
        for key in keys:
            due[key] += 1
            kept[key] += paid * 100 >= promise.amount * promise.threshold
    return due, kept
