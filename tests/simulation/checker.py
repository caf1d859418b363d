"""Judges a shift from the network's log and the database alone; knows the tables and the office's rules as written, nothing of the product.

Every rule is worked out anew in plain Python from raw rows. A rule yields what it found wrong; a sound shift yields nothing.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime, time, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

import psycopg
from psycopg.rows import dict_row

from tests.simulation.afterwards import ON_LINE, Afterwards, Row
from tests.simulation.log import SWALLOWED, LogLine, NetworkLog

ZONE = ZoneInfo("Asia/Tokyo")
DECISION_LASTS = timedelta(seconds=60)
LONGEST_WORD, SHORTEST_PAUSE, MOST_UNHEARD = timedelta(seconds=14), timedelta(seconds=4.5), 5
_WORDS, _NO_WORD = {"ringing", "answered", "machine", "refused_503", "started", "carrier_up"}, {"no_answer", "cut_off"}
CONVERSATIONS = {"debtor", "debtor_unverified", "company_contact", "agent"}
VOICE = {"operator_call", "auto_call"}
TABLES = (
    "campaign",
    "debtor",
    "phone_number",
    "debt",
    "payment",
    "suppression",
    "promise",
    "attempt",
    "call",
    "call_event",
    "work_item",
    "compliance_decision",
    "agent_session",
    "agent_state_span",
    "contact_policy",
)


@dataclass(frozen=True, slots=True)
class Violation:
    """A rule that was broken, and how."""

    rule: str
    text: str


@dataclass
class Line:
    """One call of the network with all that is on record about it."""

    invited: LogLine
    channel: str
    answered: LogLine | None = None
    ended: LogLine | None = None
    is_machine: bool = False
    is_refused: bool = False  # the far end's 503: nobody's telephone rang
    call: Row | None = None
    attempt: Row | None = None
    decision: Row | None = None

    @property
    def at(self) -> datetime:
        """When it went out, by the machine's clock, in the office's zone."""
        return self.invited.machine_at.astimezone(ZONE)


@dataclass
class Checker:
    """Reads once, then asks every rule.

    Attributes:
        slack: how much later than the decision a call may go out: what the faults of this shift held it up, never beyond a decision's life.
        step: by how much the machine's clock was stepped in all; its stamps before and after differ by so much.
    """

    log: NetworkLog
    connection: psycopg.Connection
    office_id: int
    max_lines: int
    reap_seconds: float
    t: dict[str, list[Row]] = field(default_factory=dict)
    lines: list[Line] = field(default_factory=list)

    def __post_init__(self) -> None:
        with self.connection.cursor(row_factory=dict_row) as cursor:
            for table in TABLES:
                cursor.execute(f'SELECT * FROM "{table}" WHERE office_id = %s ORDER BY id', (self.office_id,))
                self.t[table] = cursor.fetchall()
        self.step = timedelta(seconds=sum(abs(float(line.detail)) for line in self.log.of("clock_stepped")))
        held = [float(line.detail.split()[1]) for line in self.log.of("held_up")]
        self.skew = timedelta(seconds=1.0 if len({line.detail for line in self.log.of("started")}) > 1 else 0.0)
        self.slack = min(timedelta(seconds=3 + sum(held)), DECISION_LASTS) + self.step
        self.rules = next(row["document"] for row in self.t["contact_policy"] if row["is_active"])
        self._read_lines()

    def violations(self) -> list[Violation]:
        """Everything that is wrong."""
        found: list[Violation] = []
        for rule in (
            self.no_double_dial,
            self.never_two_lines,
            self.everything_explained,
            self.inside_the_window,
            self.caps_kept,
            self.gap_kept,
            self.nobody_forbidden,
            self.nobody_after_a_conversation,
            self.outcomes_are_what_happened,
            self.everything_ended,
            self.operators_freed,
            self.operators_freed_after_a_fault,
            self.hang_ups_carried_out,
            self.nobody_left_alone,
            self.lines_of_the_trunk,
            self.silent_trunk_left_alone,
            self.nothing_unexpected,
        ):
            found += [Violation(rule.__name__, text) for text in rule()]
        return found

    def _read_lines(self) -> None:
        calls = {row["channel_id"]: row for row in self.t["call"]}
        attempts = {row["id"]: row for row in self.t["attempt"]}
        decisions = {row["attempt_id"]: row for row in self.t["compliance_decision"] if row["attempt_id"] and row["is_allowed"]}
        by_channel: dict[str, Line] = {}
        for line in self.log.lines:
            if line.what in ("invited", "refused_503"):
                call = calls.get(line.channel)
                attempt = attempts.get(call["attempt_id"]) if call else None
                made = Line(line, line.channel, is_refused=line.what == "refused_503", call=call, attempt=attempt)
                made.decision = decisions.get(attempt["id"]) if attempt else None
                by_channel.setdefault(line.channel, made)
                self.lines.append(made)
            known = by_channel.get(line.channel)
            if known is not None and line.what in ("answered", "machine"):
                known.answered, known.is_machine = line, line.what == "machine"
            elif known is not None and line.what == "ended":
                known.ended = line

    def _contacts(self) -> Iterator[Line]:
        """Lines on which a telephone may have rung, with their debtor on record."""
        return (line for line in self.lines if not line.is_refused and line.attempt is not None)

    def _is_callback_due(self, debtor_id: int, at: datetime) -> bool:
        """Whether the debtor asked to be called by now."""
        wished = (row for row in self.t["suppression"] if row["debtor_id"] == debtor_id and row["reason"] == "wished_time")
        return any(row["ends_at"] is not None and row["ends_at"] <= at + self.slack for row in wished)

    def no_double_dial(self) -> Iterator[str]:
        """One attempt, one call, one time."""
        for line in self.log.of("invited_again"):
            yield f"channel {line.channel} was handed over twice"
        seen: dict[int, str] = {}
        for line in self.lines:
            if line.attempt is not None:
                if line.attempt["id"] in seen:
                    yield f"attempt {line.attempt['id']} has the channels {seen[line.attempt['id']]} and {line.channel}"
                seen[line.attempt["id"]] = line.channel

    def never_two_lines(self) -> Iterator[str]:
        """No number and no debtor has two lines at one time."""
        groups: defaultdict[object, list[Line]] = defaultdict(list)
        for line in self.lines:
            if not line.is_refused:
                groups[line.invited.number].append(line)
                if line.attempt is not None:
                    groups[line.attempt["debtor_id"]].append(line)
        for key, lines in groups.items():
            for before, after in pairwise(lines):
                if before.ended is None or before.ended.at > after.invited.at:
                    yield f"{key} had a second line at {after.invited.at} while the first was up"

    def everything_explained(self) -> Iterator[str]:
        """Each call was put on record before, with a decision that allowed this number, still good when it went out."""
        numbers = {row["id"]: row for row in self.t["phone_number"]}
        for line in self.lines:
            if line.call is None or line.attempt is None:
                yield f"a call to {line.invited.number} at {line.at} is on no record"
                continue
            if line.decision is None:
                yield f"the call of attempt {line.attempt['id']} rests on no decision"
                continue
            phone = numbers.get(line.attempt["phone_id"])
            if phone is None or phone["e164"] != line.invited.number or phone["debtor_id"] != line.attempt["debtor_id"]:
                yield f"attempt {line.attempt['id']} is for another number than {line.invited.number}"
            if line.decision["debtor_id"] != line.attempt["debtor_id"] or line.decision["phone_id"] != line.attempt["phone_id"]:
                yield f"the decision of attempt {line.attempt['id']} is about somebody else"
            if line.at > line.decision["at"] + DECISION_LASTS + self.step:
                yield f"attempt {line.attempt['id']} went out {line.at - line.decision['at']} after its decision"

    def inside_the_window(self) -> Iterator[str]:
        """Nobody's telephone rings outside the hours the office has written down."""
        for line in self._contacts():
            weekly = self.rules["weekly"].get(line.attempt["channel"], {})  # type: ignore[index]
            spans = [part.split("-") for part in weekly.get(str(line.at.weekday()), "").split(",") if part]
            late = timedelta(seconds=1.5)  # the round trip of a decision at the last moment
            is_open = any(_moment(line.at, opens) <= line.at + late and line.at - late < _moment(line.at, ends) for opens, ends in spans)
            if not is_open:
                yield f"a call to {line.invited.number} at {line.at:%H:%M:%S}, outside the window"

    def caps_kept(self) -> Iterator[str]:
        """Attempts per person and day, per person and week, per household and day."""
        households = {row["id"]: row["household_no"] for row in self.t["debtor"]}
        past = [(row["debtor_id"], row["began_at"].astimezone(ZONE)) for row in self.t["attempt"] if row["source"] == "imported"]
        known = list(past)
        household_cap = next((cap for cap in self.rules["caps"] if cap["scope"] == "household"), None)
        for line in self._contacts():
            debtor = line.attempt["debtor_id"]  # type: ignore[index]
            of_day = sum(1 for who, at in known if who == debtor and at.date() == line.at.date())
            since = line.at.date() - timedelta(days=6)
            of_week = sum(1 for who, at in known if who == debtor and at.date() >= since)
            home = households[debtor]
            of_home = sum(1 for who, at in known if home and households[who] == home and at.date() == line.at.date())
            if not self._is_callback_due(debtor, line.at):
                if of_day >= self.rules["max_per_day"]:
                    yield f"debtor {debtor} was called {of_day + 1} times on {line.at.date()}"
                if of_week >= self.rules["max_per_week"]:
                    yield f"debtor {debtor} was called {of_week + 1} times in the week to {line.at.date()}"
                if household_cap is not None and of_home >= household_cap["most"]:
                    yield f"household {home} was called {of_home + 1} times on {line.at.date()}"
            known.append((debtor, line.at))

    def gap_kept(self) -> Iterator[str]:
        """Between two calls to one number lies the gap of the rules."""
        gap = timedelta(minutes=self.rules["gap_minutes"])
        last: dict[str, Line] = {}
        for line in self.lines:
            before = last.get(line.invited.number)
            if before is not None and not line.is_refused and line.invited.at - before.invited.at < gap - self.slack:
                yield f"{line.invited.number} was called again after {line.invited.at - before.invited.at}"
            if not line.is_refused:
                last[line.invited.number] = line

    def nobody_forbidden(self) -> Iterator[str]:
        """Nobody is called who is marked, held, suppressed, has paid or promised, or by a number found wrong."""
        for line in self._contacts():
            reason = self._forbidden(line)
            if reason:
                yield f"debtor {line.attempt['debtor_id']} was called at {line.at:%H:%M:%S} although {reason}"  # type: ignore[index]

    def _forbidden(self, line: Line) -> str:
        assert line.attempt is not None
        debtor_id, channel, before = line.attempt["debtor_id"], line.attempt["channel"], line.at - self.slack
        debtor = next(row for row in self.t["debtor"] if row["id"] == debtor_id)
        if debtor["do_not_contact"]:
            return "marked as not to be contacted"
        debts = [row for row in self.t["debt"] if row["debtor_id"] == debtor_id]
        if any(row["hold"] for row in debts if row["status"] == "open"):
            return "a debt is held"
        for row in self.t["suppression"]:
            is_for = row["debtor_id"] == debtor_id and row["channel"] in (None, channel) and row["reason"] != "wished_time"
            is_over = (row["ends_at"] or row["lifted_at"]) is not None and (row["ends_at"] or row["lifted_at"]) <= line.at + self.slack
            if is_for and row["starts_at"] <= before and not is_over:
                return f"suppressed ({row['reason']})"
        paid = sum(row["principal"] for row in self.t["payment"] if row["debtor_id"] == debtor_id and row["recorded_at"] <= before)
        owed = sum(row["assessed"] - row["received"] for row in debts) + sum(
            row["principal"] for row in self.t["payment"] if row["debtor_id"] == debtor_id
        )
        if debts and owed - paid <= 0:
            return "everything is paid"
        for row in self.t["promise"]:
            is_open = row["debtor_id"] == debtor_id and row["made_at"] <= before and row["due_on"] >= line.at.date()
            if is_open and row["state"] == "open" and not self._is_callback_due(debtor_id, line.at):
                return "a promise is open"
        return self._bad_number(line, before)

    def _bad_number(self, line: Line, before: datetime) -> str:
        assert line.attempt is not None
        phone_id = line.attempt["phone_id"]
        for row in self.t["attempt"]:
            if row["phone_id"] == phone_id and row["id"] != line.attempt["id"] and row["recorded_at"] and row["recorded_at"] <= before:
                if row["party"] == "wrong_number":
                    return "the number is somebody else's"
                if row["line_result"] == "unobtainable":
                    return "the number does not exist"
        made = [row for row in self.t["attempt"] if row["phone_id"] == phone_id]
        phone = next(row for row in self.t["phone_number"] if row["id"] == phone_id)
        return "the number was dead from the beginning" if phone["status"] == "dead" and len(made) > 1 and not _kills(made) else ""

    def nobody_after_a_conversation(self) -> Iterator[str]:
        """After a conversation there is quiet, unless the debtor asked to be called."""
        for line in self._contacts():
            assert line.attempt is not None
            debtor_id = line.attempt["debtor_id"]
            for row in self.t["attempt"]:
                is_talk = row["debtor_id"] == debtor_id and row["line_result"] == "answered" and row["party"] in CONVERSATIONS
                is_before = row["recorded_at"] is not None and row["recorded_at"] <= line.at - self.slack and row["began_at"] < line.at
                if is_talk and is_before and row["id"] != line.attempt["id"] and not self._is_callback_due(debtor_id, line.at):
                    yield f"debtor {debtor_id} was called again at {line.at:%H:%M:%S} after a conversation"

    def outcomes_are_what_happened(self) -> Iterator[str]:
        """What is on record is what the line did; what nobody could know is marked."""
        keys: defaultdict[int, set[str]] = defaultdict(set)
        for row in self.t["call_event"]:
            keys[row["call_id"]].add(row["event_key"].rpartition(":")[2])
        made = {line.channel: line for line in self.lines}
        attempts = {row["id"]: row for row in self.t["attempt"]}
        for call in self.t["call"]:
            line, told = made.get(call["channel_id"]), attempts[call["attempt_id"]]["line_result"]
            is_marked = "lost" in keys[call["id"]] and "ended" not in keys[call["id"]]  # what is told after all takes its place
            wrong = _contradiction(line, told, is_marked=is_marked, step=self.step, call=call)
            if wrong:
                yield f"attempt {call['attempt_id']}: {wrong}"

    def everything_ended(self) -> Iterator[str]:
        """At the end no call is open, no attempt without result, no item claimed, nobody signed in, no line and no phone up."""
        for call in self.t["call"]:
            if call["state"] != "ended":
                yield f"call {call['id']} is still {call['state']}"
        called = {call["attempt_id"] for call in self.t["call"]}
        for row in self.t["attempt"]:
            if row["state"] != "closed" or not row["line_result"] or not row["outcome"] or not row["party"]:
                yield f"attempt {row['id']} ended {row['state']} with {row['line_result']}, {row['party']}, {row['outcome']}"
            if row["source"] == "live" and row["id"] not in called:
                yield f"attempt {row['id']} has no call"
        for row in self.t["work_item"]:
            if row["state"] == "claimed":
                yield f"item {row['id']} is still claimed by {row['claimed_by']}"
        for row in self.t["agent_session"]:
            if row["state"] != "ended":
                yield f"operator {row['user_id']} is still {row['state']}"
        for line in self.lines:
            if line.ended is None:
                yield f"channel {line.channel} is still up"
        fallen = {line.channel for line in self.log.of("leg_down")}
        for leg in self.log.of("leg_up"):
            if leg.channel not in fallen:
                yield f"leg {leg.channel} still stands"

    def operators_freed(self) -> Iterator[str]:
        """Nobody stays on a line that is over, beyond what the faults of this shift explain."""
        away = timedelta(seconds=_away(self.log))
        slack = timedelta(seconds=90) + away + self.step
        by_user: defaultdict[int, list[Line]] = defaultdict(list)
        for line in self.lines:
            if line.attempt is not None and line.attempt["operator_id"]:
                by_user[line.attempt["operator_id"]].append(line)
        for span in self.t["agent_state_span"]:
            if span["ended_at"] is None:
                yield f"operator {span['user_id']} has an open span of {span['state']}"
                continue
            began = self._on_line_since(span)
            if began is None or span["ended_at"] - began <= slack:
                continue
            ends = [line.ended.machine_at for line in by_user[span["user_id"]] if line.ended and line.invited.machine_at < span["ended_at"]]
            if not any(span["ended_at"] <= end + slack and end >= began for end in ends):
                yield f"operator {span['user_id']} was {span['state']} from {span['began_at']} to {span['ended_at']} without a line"

    def _on_line_since(self, span: Row) -> datetime | None:
        """Since when a span of an operator is about a line; in preview a case is read before it is called, however long that takes."""
        if span["state"] not in ON_LINE:
            return None
        began: datetime = span["began_at"]
        if span["state"] != "reserved" or not any(row["dial_mode"] == "preview" for row in self.t["campaign"]):
            return began
        theirs = (row["began_at"] for row in self.t["attempt"] if row["operator_id"] == span["user_id"])
        return max((at for at in theirs if began <= at <= span["ended_at"]), default=None)

    def operators_freed_after_a_fault(self) -> Iterator[str]:
        """Within five seconds after a fault's end nobody is on a line that was over by then."""
        yield from Afterwards(self.log, self.t, self.lines, self.skew, self.reap_seconds).violations()

    def hang_ups_carried_out(self) -> Iterator[str]:
        """A line that somebody asked to end ends, at the next round or when the carrier is there again."""
        slack = timedelta(seconds=45 + _away(self.log)) + self.step
        for line in self.lines:
            asked = line.call["hangup_requested_at"] if line.call else None
            if asked is not None and line.ended is not None and line.ended.machine_at - asked > slack:
                yield f"channel {line.channel} was to be hung up at {asked} and ended at {line.ended.machine_at}"

    def nobody_left_alone(self) -> Iterator[str]:
        """Nobody answers to silence, but for a fault that took the operator away while it rang; the budget is zero for small teams."""
        excuses = [line for line in self.log.lines if line.what in ("leg_down", "carrier_down", "killed", "held_up", "begins", "failed")]
        for alone in self.log.of("left_alone", "abandoned"):
            invited = next(line.invited for line in self.lines if line.channel == alone.channel)
            since = invited.at - DECISION_LASTS
            if not any(since <= excuse.at <= alone.at for excuse in excuses):
                yield f"{invited.number} answered at {alone.at} and nobody was there"

    def lines_of_the_trunk(self) -> Iterator[str]:
        """Never more lines at once than the trunk of a node has."""
        moves: list[tuple[datetime, int, str]] = []
        for line in self.lines:
            node = line.call["node"] if line.call else ""
            moves.append((line.invited.at, 1, node))
            if line.ended is not None:
                moves.append((line.ended.at, -1, node))
        up: defaultdict[str, int] = defaultdict(int)
        for at, change, node in sorted(moves):
            up[node] += change
            if up[node] > self.max_lines:
                yield f"{up[node]} lines on {node or 'no node'} at {at}"

    def silent_trunk_left_alone(self) -> Iterator[str]:
        """Once five calls have waited for a first word for longer than a call may take to ring, one goes out at a time, after a pause."""
        heard = [line.at for line in self.log.lines if line.what in _WORDS or (line.what == "ended" and line.detail not in _NO_WORD)]
        for before, line in pairwise(self.lines):
            if line.invited.detail != SWALLOWED:
                continue
            last = max((at for at in heard if at < line.invited.at), default=datetime.min.replace(tzinfo=ZONE))
            owed = [one for one in self.lines if last < one.invited.at < line.invited.at - LONGEST_WORD]
            unheard = sum(one.ended is None or one.ended.at - one.invited.at >= LONGEST_WORD for one in owed)
            if unheard >= MOST_UNHEARD and line.invited.at - before.invited.at < SHORTEST_PAUSE:
                yield f"a call left at {line.invited.at}, the one before at {before.invited.at}, and nothing was told of {unheard}"

    def nothing_unexpected(self) -> Iterator[str]:
        """The product met nothing it had not foreseen."""
        for line in self.log.of("unexpected"):
            yield line.detail


def _moment(day: datetime, text: str) -> datetime:
    hours, minutes = text.split(":")
    return datetime.combine(day.date(), time(int(hours), int(minutes)), ZONE)


def _kills(attempts: list[Row]) -> bool:
    """Whether one of these attempts gave the number its bad name."""
    return any(row["line_result"] in ("unobtainable", "fax") for row in attempts)


def _away(log: NetworkLog) -> float:
    """Seconds for which something needed was away: the carrier, a dialer, the database, an operator's page."""
    total = 0.0
    for what, until in (("carrier_down", "carrier_up"), ("killed", "started")):
        begun = [line.at for line in log.of(what)]
        ends = [line.at for line in log.of(until)]
        total += sum(min([(end - at).total_seconds() for end in ends if end >= at], default=0.0) for at in begun)
    total += sum(float(line.detail.split()[1]) for line in log.of("held_up"))
    return total + 60.0 * sum(1 for line in log.of("begins") if line.detail in ("silent", "database_away", "console_gone"))


def _contradiction(line: Line | None, told: str, *, is_marked: bool, step: timedelta, call: Row) -> str:
    """How a record and the network disagree; empty where they don't, or where the record says that nobody could know."""
    if line is None:
        is_honest = told == "failed" or (is_marked and told == "no_answer")
        return "" if is_honest else f"{told} is on record, and no call was made"
    truth = line.ended.detail if line.ended else "up"
    if line.is_refused:
        return "" if told == "failed" or (is_marked and told == "no_answer") else f"{told} is on record, and the network refused"
    if told == "failed":
        return f"failed is on record, and the call was {truth}"
    if line.answered is None and told in ("answered", "machine", "abandoned"):
        return f"{told} is on record, and nobody answered ({truth})"
    if is_marked or truth == "cut_off":
        return ""
    if line.answered is not None and told not in ("answered", "machine", "abandoned"):
        return f"{told} is on record, and it was answered"
    if line.answered is None and told != truth:
        return f"{told} is on record, and it was {truth}"
    if line.answered is not None and call["answered_at"] is not None and line.ended is not None:
        moments = (line.answered.machine_at, line.ended.machine_at)
        if min(abs(call["answered_at"] - moment) for moment in moments) > timedelta(seconds=7) + step:
            return f"answered at {line.answered.machine_at} and noted as {call['answered_at']}"
    return ""
