"""The one query behind the gate: everything it must know about a set of debtors, a row each."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import date, datetime, time, timedelta
from functools import lru_cache
from typing import Any, NamedTuple

from sqlalchemy import TextClause, text
from sqlalchemy.orm import Session

from callcenter.core.db import numbers_array, office_of
from campaigns.attempts.codes import RIGHT_PARTIES, Channel, LineResult, Party
from campaigns.compliance.known import NO_ATTEMPTS, ContactFacts, NumberFact, SuppressionFact, Tried, WishFact
from campaigns.compliance.lines import lines_of
from campaigns.compliance.policy import ContactPolicy

USABLE_STATUSES = ("unverified", "works")
WORKPLACE = "勤務先|職場|会社"
"""What a number's remark says when it is a workplace's, as a regular expression."""
FEW = 100
CONVERSATION_PARTIES = tuple(sorted(RIGHT_PARTIES | {Party.DEBTOR_UNVERIFIED}))

# An attempt counts when it was handed over, is under way, or came with the history; equipment failures reached nobody.
COUNTS = "(a.handed_over_at IS NOT NULL OR a.state <> 'closed' OR a.source = 'imported') AND a.line_result IS DISTINCT FROM :failed"

# As of a moment, later attempts are not known. Just before contact they are: the clock was set back, and what lies ahead of it happened.
_AS_OF = {"{UNTIL}": ":now", "{AT}": "a.began_at"}
_JUST_BEFORE = {"{UNTIL}": "CAST(:now AS timestamptz) + interval '1 day'", "{AT}": "least(a.began_at, :now)"}

_WANTED = """
WITH wanted AS (SELECT unnest(CAST(:debtors AS bigint[])) AS id, unnest(CAST(:phones AS bigint[])) AS phone_id),
owed AS (
  SELECT debtor_id, sum(outstanding) AS outstanding, array_agg(DISTINCT hold) AS holds
  FROM debt WHERE office_id = :office AND status = 'open' AND debtor_id = ANY(:debtors) GROUP BY debtor_id),
number AS (
  SELECT p.debtor_id, p.e164, bool_or(p.status = ANY(:usable)) AS usable, bool_or(p.remark ~ :workplace) AS is_workplace,
         bool_or(p.status = 'refused') AS refused, bool_or(p.status = 'wrong_person') AS wrong_person, bool_or(p.status = 'dead') AS dead
  FROM phone_number p JOIN wanted w ON w.id = p.debtor_id AND (w.phone_id IS NULL OR w.phone_id = p.id)
  WHERE p.office_id = :office AND p.debtor_id = ANY(:debtors) AND p.e164 IS NOT NULL AND p.line_type = ANY(:lines)
    AND p.is_listed GROUP BY p.debtor_id, p.e164),
reach AS (
  SELECT debtor_id, array_agg(e164 ORDER BY e164) FILTER (WHERE usable) AS e164s,
         array_agg(is_workplace ORDER BY e164) FILTER (WHERE usable) AS workplaces,
         bool_or(refused) AS refused, bool_or(wrong_person) AS wrong_person, bool_or(dead) AS dead
  FROM number GROUP BY debtor_id),
barred AS (
  SELECT debtor_id,
         array_agg(reason ORDER BY id) FILTER (WHERE reason <> 'wished_time') AS reasons,
         array_agg(ends_at ORDER BY id) FILTER (WHERE reason <> 'wished_time') AS ends
  FROM suppression WHERE office_id = :office AND debtor_id = ANY(:debtors) AND (channel IS NULL OR channel = :channel)
    AND (lifted_at IS NULL OR lifted_at > :now) AND starts_at <= :now AND (ends_at IS NULL OR ends_at > :now) GROUP BY debtor_id),
named AS (
  SELECT s.debtor_id, max(s.ends_at) AS callback_at
  FROM suppression s WHERE s.office_id = :office AND s.debtor_id = ANY(:debtors) AND s.reason = 'wished_time'
    AND (s.lifted_at IS NULL OR s.lifted_at > :now) AND s.starts_at <= :now AND s.ends_at > :callback_since
    AND NOT EXISTS (SELECT FROM attempt a WHERE a.office_id = :office AND a.debtor_id = s.debtor_id
                    AND a.began_at >= s.ends_at AND a.began_at <= {UNTIL} AND {COUNTS}) GROUP BY s.debtor_id),
wish AS (
  SELECT debtor_id, array_agg(is_only ORDER BY id) AS only, array_agg(weekdays ORDER BY id) AS weekdays,
         array_agg(opens ORDER BY id) AS opens, array_agg(closes ORDER BY id) AS closes
  FROM contact_wish WHERE office_id = :office AND debtor_id = ANY(:debtors) AND (channel IS NULL OR channel = :channel)
    AND created_at <= :now AND (lifted_at IS NULL OR lifted_at > :now) AND (ends_on IS NULL OR ends_on >= :today) GROUP BY debtor_id),
promised AS (
  SELECT debtor_id,
         max(due_on + grace_days + lag_days) FILTER (WHERE (state = 'open' OR settled_at > :now)
                                                     AND due_on + grace_days + lag_days >= :today) AS until,
         max(due_on + grace_days) FILTER (WHERE state IN ('broken', 'part_kept') AND due_on + grace_days < :today
                                          OR state = 'open' AND due_on + grace_days + lag_days < :today) AS lapsed_on
  FROM promise WHERE office_id = :office AND debtor_id = ANY(:debtors) AND made_at <= :now GROUP BY debtor_id),
plans AS (
  SELECT DISTINCT debtor_id FROM instalment_plan
  WHERE office_id = :office AND debtor_id = ANY(:debtors) AND state = 'good_standing'),
tried AS (
  SELECT a.debtor_id, array_agg({AT}) FILTER (WHERE a.began_at > :since AND {COUNTS}) AS ats,
         array_agg(a.channel) FILTER (WHERE a.began_at > :since AND {COUNTS}) AS channels,
         array_agg(a.phone_id IS NULL) FILTER (WHERE a.began_at > :since AND {COUNTS}) AS anywhere,
         max({AT}) FILTER (WHERE a.line_result = :answered AND a.party = ANY(:parties)) AS conversed_at,
         max({AT}) FILTER (WHERE a.line_result = :answered AND a.party = ANY(:right_parties)) AS met_at,
         bool_or(a.state = 'open' AND a.channel IN ('auto_call', 'operator_call')) AS is_on_line
  FROM attempt a WHERE a.office_id = :office AND a.debtor_id = ANY(:debtors)
    AND a.began_at > :long_since AND a.began_at <= {UNTIL} GROUP BY a.debtor_id)"""

# Attempts to a debtor's numbers by anybody who has them; one that is under way is of this moment, however long they have been talking.
_DIALLED = """,
dialled AS (
  SELECT n.debtor_id, array_agg(n.e164) AS e164s, array_agg(CASE a.state WHEN 'open' THEN :now ELSE {AT} END) AS ats,
         array_agg(a.channel) AS channels, array_agg(coalesce(a.line_result = 'abandoned', false)) AS abandoned
  FROM number n JOIN phone_number o ON o.office_id = :office AND o.e164 = n.e164
  JOIN attempt a ON a.office_id = :office AND a.debtor_id = o.debtor_id AND a.phone_id = o.id AND a.began_at > :since
    AND a.began_at <= {UNTIL} AND {COUNTS}
  WHERE n.usable GROUP BY n.debtor_id)"""
# Attempts to anybody of a debtor's household, the debtor included; a debtor without a household number has none. That the others have one
# follows, but the planner must be told: where most have none it takes all these for one household, and reads every debtor.
_HOUSEHOLD = """,
household AS (
  SELECT d.id AS debtor_id, array_agg({AT}) AS ats, array_agg(a.channel) AS channels
  FROM (SELECT id, household_no FROM debtor WHERE office_id = :office AND id = ANY(:debtors) AND household_no <> '' OFFSET 0) d
  CROSS JOIN LATERAL (SELECT m.id FROM debtor m WHERE m.office_id = :office AND m.household_no = d.household_no AND m.household_no <> ''
    OFFSET 0) m
  CROSS JOIN LATERAL (SELECT {AT} AS began_at, a.channel FROM attempt a WHERE a.office_id = :office AND a.debtor_id = m.id
    AND a.began_at > :since AND a.began_at <= {UNTIL} AND {COUNTS} OFFSET 0) a
  GROUP BY d.id)"""

_SELECT = """
SELECT d.id, d.do_not_contact, d.is_listed, owed.outstanding, owed.holds, reach.e164s, reach.workplaces, reach.refused,
       reach.wrong_person, reach.dead, barred.reasons, barred.ends, named.callback_at, wish.only, wish.weekdays, wish.opens, wish.closes,
       promised.until, promised.lapsed_on, plans.debtor_id IS NOT NULL AS has_plan, tried.ats, tried.channels, tried.anywhere,
       tried.conversed_at, tried.met_at, tried.is_on_line,
       coalesce((SELECT max(as_of) FROM import_file WHERE office_id = :office AND kind = 'debts' AND status = 'done'
                 AND NOT is_dry_run AND as_of <= :today), (d.updated_at AT TIME ZONE :zone)::date) AS list_as_of, {dialled}, {household}
FROM debtor d
LEFT JOIN owed ON owed.debtor_id = d.id LEFT JOIN reach ON reach.debtor_id = d.id
LEFT JOIN barred ON barred.debtor_id = d.id LEFT JOIN named ON named.debtor_id = d.id LEFT JOIN wish ON wish.debtor_id = d.id
LEFT JOIN promised ON promised.debtor_id = d.id LEFT JOIN plans ON plans.debtor_id = d.id
LEFT JOIN tried ON tried.debtor_id = d.id {joins}
WHERE d.office_id = :office AND d.id = ANY(:debtors)
"""


class _Row(NamedTuple):
    """A row of the query; arrays stand side by side."""

    id: int
    do_not_contact: bool
    is_listed: bool
    outstanding: int | None
    holds: list[int] | None
    e164s: list[str] | None
    workplaces: list[bool] | None
    refused: bool | None
    wrong_person: bool | None
    dead: bool | None
    reasons: list[str] | None
    ends: list[datetime | None] | None
    callback_at: datetime | None
    only: list[bool] | None
    weekdays: list[str] | None
    opens: list[time] | None
    closes: list[time] | None
    promise_until: date | None
    promise_lapsed_on: date | None
    has_plan: bool
    ats: list[datetime] | None
    channels: list[Channel] | None
    anywhere: list[bool] | None
    conversed_at: datetime | None
    met_at: datetime | None
    is_on_line: bool | None
    list_as_of: date
    number_e164s: list[str] | None
    number_ats: list[datetime] | None
    number_channels: list[Channel] | None
    number_abandoned: list[bool] | None
    household_ats: list[datetime] | None
    household_channels: list[Channel] | None


class Known(Mapping[int, ContactFacts]):
    """Debtors and their facts, each made when it is asked for: of most people of a set the kind of case is enough to decide."""

    def __init__(self, rows: Mapping[int, _Row], channel: Channel, mode: str) -> None:
        self._rows, self._channel, self._mode = rows, channel, mode

    def __getitem__(self, debtor_id: int) -> ContactFacts:
        return _facts_of(self._rows[debtor_id], self._channel, self._mode)

    def __iter__(self) -> Iterator[int]:
        return iter(self._rows)

    def __len__(self) -> int:
        return len(self._rows)

    def __contains__(self, debtor_id: object) -> bool:
        return debtor_id in self._rows

    def is_on_line(self, debtor_id: int) -> bool:
        """Whether a call with the debtor is under way, at whichever number, ours or theirs."""
        row = self._rows.get(debtor_id)
        return row is not None and bool(row.is_on_line)

    def kind_of(self, debtor_id: int) -> tuple[object, ...] | None:
        """What two debtors have in common about whom the same is decided; None for one who has a history of their own."""
        row = self._rows[debtor_id]
        if row.ats or row.number_ats or row.household_ats or row.only or row.reasons or row.conversed_at or row.met_at:
            return None
        if row.callback_at or row.promise_until or row.promise_lapsed_on:
            return None
        return (
            self._channel,
            self._mode,
            row.do_not_contact,
            row.is_listed,
            bool(row.outstanding),
            tuple(row.holds or ()),
            tuple(row.workplaces or ()),
            row.refused,
            row.wrong_person,
            row.dead,
            row.has_plan,
            row.list_as_of,
        )


# One debtor's query is a statement of its own: the database plans it once and keeps the plan, which would be no good for thousands.
_SET, _ONE = "= ANY(:debtors)", "= :debtor"
_SET_WANTED = "unnest(CAST(:debtors AS bigint[])) AS id, unnest(CAST(:phones AS bigint[])) AS phone_id"
_ONE_WANTED = "CAST(:debtor AS bigint) AS id, CAST(:phone AS bigint) AS phone_id"
# Thousands at a time are worth a plan of their own, and none is worth compiling.
_FOR_SETS = text("SELECT set_config('jit', 'off', true), set_config('plan_cache_mode', 'force_custom_plan', true)")
# What is written after it is not: each row's foreign keys are checked by small statements that would be planned anew each time.
AS_USUAL = text("SELECT set_config('plan_cache_mode', 'auto', true)")


@lru_cache(maxsize=16)
def facts_statement(*, numbers: bool, households: bool, is_single: bool = False, is_contact: bool = False) -> TextClause:
    """The query, with or without who else called the numbers and the households, for one debtor or a set, just before contact or not."""
    parts = [_WANTED, _DIALLED if numbers else "", _HOUSEHOLD if households else ""]
    dialled = "dialled.e164s, dialled.ats, dialled.channels, dialled.abandoned" if numbers else "NULL, NULL, NULL, NULL"
    household = "household.ats, household.channels" if households else "NULL, NULL"
    joins = "LEFT JOIN dialled ON dialled.debtor_id = d.id " if numbers else ""
    joins += "LEFT JOIN household ON household.debtor_id = d.id" if households else ""
    select = _SELECT.format(dialled=dialled, household=household, joins=joins)
    statement = "".join(parts).replace("{COUNTS}", COUNTS) + select
    for name, words in (_JUST_BEFORE if is_contact else _AS_OF).items():
        statement = statement.replace(name, words)
    return text(statement.replace(_SET_WANTED, _ONE_WANTED).replace(_SET, _ONE) if is_single else statement)


def load_facts(
    session: Session,
    debtors: Mapping[int, int | None],
    channel: Channel,
    policy: ContactPolicy,
    now: datetime,
    mode: str = "",
    *,
    is_contact: bool = False,
) -> Known:
    """Facts of each debtor that exists; `debtors` maps a debtor's id to the one number meant, or None for any.

    Args:
        is_contact: `now` is this moment by the clock, and somebody is about to be contacted: what lies ahead of it has been as well.
    """
    if not debtors:
        return Known({}, channel, mode)
    has_numbers = channel is not Channel.VISIT
    is_single = len(debtors) == 1
    statement = facts_statement(
        numbers=policy.asks_numbers and has_numbers, households=policy.asks_households, is_single=is_single, is_contact=is_contact
    )
    if len(debtors) > FEW:
        session.execute(_FOR_SETS)
    rows = session.execute(statement, facts_values(session, debtors, channel, policy, now)).all()
    return Known({row.id: row for row in map(_Row._make, rows)}, channel, mode)


def facts_values(
    session: Session, debtors: Mapping[int, int | None], channel: Channel, policy: ContactPolicy, now: datetime
) -> dict[str, Any]:
    """The query's parameters."""
    recent = max(policy.history_days, policy.abandon_hours // 24 + 1)
    rest = policy.robocall_rest_days + 2 if channel is Channel.AUTO_CALL else 0
    if len(debtors) == 1:
        who: dict[str, Any] = dict(zip(("debtor", "phone"), *debtors.items(), strict=True))
    else:
        who = {"debtors": numbers_array(debtors), "phones": numbers_array(debtors.values())}
    return who | {
        "office": office_of(session),
        "channel": channel.value,
        "lines": list(lines_of(channel)),
        "usable": list(USABLE_STATUSES),
        "workplace": WORKPLACE,
        "parties": list(CONVERSATION_PARTIES),
        "right_parties": sorted(RIGHT_PARTIES),
        "failed": LineResult.FAILED.value,
        "answered": LineResult.ANSWERED.value,
        "now": now,
        "today": now.astimezone(policy.hours.zone).date(),
        "zone": policy.hours.zone.key,
        "since": now - timedelta(days=recent),
        "long_since": now - timedelta(days=max(recent, policy.quiet_days + 2, rest)),
        "callback_since": now - timedelta(days=policy.callback_days),
    }


def _facts_of(row: _Row, channel: Channel, mode: str) -> ContactFacts:
    recent = tuple(map(Tried, row.ats, row.channels or ())) if row.ats else NO_ATTEMPTS
    return ContactFacts(
        channel=channel,
        do_not_contact=row.do_not_contact,
        outstanding=int(row.outstanding or 0) if row.is_listed else 0,
        holds=frozenset(row.holds or (0,)),
        suppressions=tuple(map(SuppressionFact, row.reasons, row.ends or ())) if row.reasons else (),
        numbers=_numbers_of(row, recent),
        has_plan=row.has_plan,
        recent_attempts=recent,
        household_attempts=tuple(map(Tried, row.household_ats, row.household_channels or ())) if row.household_ats else NO_ATTEMPTS,
        wishes=_wishes_of(row) if row.only else (),
        list_as_of=row.list_as_of,
        mode=mode,
        promise_until=row.promise_until,
        promise_lapsed_on=row.promise_lapsed_on,
        conversed_at=row.conversed_at,
        met_at=row.met_at,
        callback_at=row.callback_at,
    )


def _numbers_of(row: _Row, recent: tuple[Tried, ...]) -> tuple[NumberFact, ...]:
    """The usable numbers with the attempts to each; else why there is none."""
    if not row.e164s:
        status = next((name for name in ("refused", "wrong_person", "dead") if getattr(row, name)), "none")
        return (NumberFact(status),)
    if not row.number_e164s and not recent:
        return tuple([NumberFact(is_workplace=told) for told in row.workplaces or ()])
    # An attempt that does not say which number it called may have called any.
    unsaid = tuple(one for one, is_unsaid in zip(recent, row.anywhere or (), strict=True) if is_unsaid)
    calls: dict[str, list[Tried]] = {}
    abandoned: dict[str, datetime] = {}
    for e164, at, channel, is_abandoned in zip(
        row.number_e164s or (), row.number_ats or (), row.number_channels or (), row.number_abandoned or (), strict=True
    ):
        calls.setdefault(e164, []).append(Tried(at, channel))
        if is_abandoned:
            abandoned[e164] = max(at, abandoned.get(e164, at))
    return tuple(
        NumberFact(is_workplace=is_workplace, attempts=(*calls.get(e164, ()), *unsaid), abandoned_at=abandoned.get(e164))
        for e164, is_workplace in zip(row.e164s, row.workplaces or (), strict=True)
    )


def _wishes_of(row: _Row) -> tuple[WishFact, ...]:
    told = zip(row.only or (), row.weekdays or (), row.opens or (), row.closes or (), strict=True)
    return tuple(
        WishFact(is_only, frozenset(int(day) for day in weekdays.split(",") if day), opens, closes)
        for is_only, weekdays, opens, closes in told
    )
