"""What the mere passing of time can change: which rows move a debtor over a limit between two moments. Pure.

A plan that follows another one need not decide for everybody: facts that were written since are marked (`campaigns.planning.marks`), and
what remains is time. Every attribute that depends on the moment is declared here, with the rows on which it depends; `crossings` turns the
comparisons of a rule set into spans of dates, so that whoever has no row in any of them gets what the plan before gave. An attribute whose
SQL asks for the moment and that is not declared here makes `crossings` give up, and everybody is decided for.

Spans may name people for whom nothing changes in the end, never the other way round.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, time, timedelta

from callcenter.core.clock import OFFICE_ZONE
from campaigns.segmentation.attributes import FactsQuery
from campaigns.segmentation.conditions import All, AnyOf, Compare, Condition, Not, Op, Operand, Ref
from campaigns.segmentation.query import Compiled
from campaigns.segmentation.rules import Case, Cases, RuleSet, Rung

DAY, TICK = timedelta(days=1), timedelta(microseconds=1)
Timed = tuple[str, str, Operand]
"""One comparison with days: the attribute's key, the comparison, and its value on that day."""


@dataclass(frozen=True, slots=True)
class Rows:
    """A date (or, with `is_moment`, a moment) of a table's rows; `owner` is the column with the debtor."""

    table: str
    expression: str
    is_moment: bool = False
    where: str = ""
    owner: str = "debtor_id"


@dataclass(frozen=True, slots=True)
class Span:
    """Rows whose date or moment is at `low` or later, and before `high`."""

    rows: Rows
    low: date | datetime
    high: date | datetime


OPEN = "status = 'open'"
ATTEMPTED = Rows("attempt", "began_at", is_moment=True)
PAID = Rows("payment", "paid_on", where="debtor_id IS NOT NULL")
PROMISED = Rows("promise", "made_at", is_moment=True)
PROMISE_DUE, PROMISE_GRACE, PROMISE_LAPSE = (Rows("promise", f"due_on{more}") for more in ("", " + grace_days", " + grace_days + lag_days"))
DUE, DEMANDED = Rows("debt", "due_on", where=OPEN), Rows("debt", "demand_sent_on", where=OPEN)
BARRED_FROM, BARRED_UNTIL = Rows("suppression", "starts_at", is_moment=True), Rows("suppression", "ends_at", is_moment=True)
ESCALATED = Rows("escalation", "created_at", is_moment=True)
ENROLLED = Rows("experiment_enrolment", "entered_at", is_moment=True)
BORN = Rows("debtor", "birth_date", where="is_listed", owner="id")

# Where a source reads only what had happened by the moment, its rows enter (or leave) it as the moment passes them.
ENTERING: dict[str, tuple[Rows, ...]] = {
    "FROM attempt": (ATTEMPTED,),
    "FROM payment": (PAID,),
    "FROM promise": (PROMISED,),
    "FROM suppression": (BARRED_FROM, BARRED_UNTIL),
    "FROM escalation": (ESCALATED,),
    "FROM experiment_enrolment": (ENROLLED,),
}
# Days from a row's date to the plan's, and days from the plan's day to a row's.
SINCE: dict[str, Rows] = {
    "oldest_days": DUE,
    "newest_days": DUE,
    "days_since_demand": DEMANDED,
    "days_since_attempt": ATTEMPTED,
    "days_since_contact": ATTEMPTED,
    "days_since_right_party": ATTEMPTED,
    "days_since_outcome": ATTEMPTED,
    "ladder_days": ATTEMPTED,
    "days_since_payment": PAID,
    "arm_days": ENROLLED,
}
UNTIL: dict[str, Rows] = {"days_to_due": PROMISE_DUE}
AGES = frozenset({"age"})
# Rows of the last so many days, by the parameter `days`.
WITHIN: dict[str, Rows] = {
    "attempts": ATTEMPTED,
    "contact_count": ATTEMPTED,
    "right_party_contacts": ATTEMPTED,
    "outcomes": ATTEMPTED,
    "line_results": ATTEMPTED,
    "without_reaction": ATTEMPTED,
    "kept_promises": PROMISE_GRACE,
    "broken_promises": PROMISE_GRACE,
    "payments": PAID,
    "paid_amount": PAID,
}
LAPSING = frozenset({"has_open_promise", "open_promises", "promised_amount", "days_to_due", "broken_promises"})
TIMED = SINCE.keys() | UNTIL.keys() | AGES


@dataclass(frozen=True, slots=True)
class Passed:
    """The two moments, and the same as days of the office."""

    was: datetime
    now: datetime

    @property
    def was_day(self) -> date:
        return self.was.astimezone(OFFICE_ZONE).date()

    @property
    def now_day(self) -> date:
        return self.now.astimezone(OFFICE_ZONE).date()


def crossings(rule_set: RuleSet, ladder: Cases, before: Sequence[Timed], passed: Passed) -> list[Span] | None:
    """Every row that can have moved its debtor over a limit of the rules between the two moments; None when that can't be told.

    Args:
        before: what `timed` said of the plan before; its values may differ, since waits in working days are of their day.
    """
    refs = rule_set.refs(ladder)
    now = timed(rule_set, ladder)
    if [each[:2] for each in before] != [each[:2] for each in now] or passed.now < passed.was:
        return None
    spans: list[Span] = []
    for ref in refs:
        found = _by_itself(ref, passed)
        if found is None:
            return None
        spans += found
    names = {ref.key: ref.name for ref in (*refs, *_waits(rule_set))}
    for (key, op, value), (_, _, value_before) in zip(now, before, strict=True):
        spans += _over_limits(names[key], cuts(Op(op), value_before), cuts(Op(op), value), passed)
    asked = {ref.name for rule in rule_set.rules for ref in _refs_with_days(rule.when)}
    if "arm_days" in asked:  # those whom the plan before enrolled had no days then
        spans.append(_between(ENROLLED, passed.was, passed.now + TICK))
    return [span for span in dict.fromkeys(spans) if span.low < span.high]


def timed(rule_set: RuleSet, ladder: Cases) -> list[Timed]:
    """The comparisons with days, in order."""
    found = [compare for rule in rule_set.rules for compare in _comparisons(rule.when)]
    if rule_set.needs_ladder():
        found += _in_cases(ladder)
    told: list[Timed] = [(each.ref.key, each.op.value, each.value) for each in found]
    arms = [arm for arm in rule_set.experiment.arms if arm.wait_days]
    return told + [(rule_set.experiment.days_in(arm).key, Op.GE.value, arm.wait_days) for arm in arms]


def without_days(condition: Condition) -> Condition:
    """The condition with nothing where it names days: the same on every day."""
    match condition:
        case All(parts):
            return All(tuple(without_days(part) for part in parts))
        case AnyOf(parts):
            return AnyOf(tuple(without_days(part) for part in parts))
        case Not(part):
            return Not(without_days(part))
        case Compare(value=value):
            if condition.attribute not in TIMED or condition.op is Op.UNKNOWN:
                return condition
            return replace(condition, value=tuple(0 for _ in value) if isinstance(value, tuple) else 0)


def cases_without_days(cases: Cases) -> Cases:
    """The same of a ladder's branches."""
    return tuple(
        Case(without_days(case.when), case.then if isinstance(case.then, Rung) else cases_without_days(case.then)) for case in cases
    )


def cuts(op: Op, value: Operand) -> list[int]:
    """The numbers at which a comparison turns: it depends only on which of them the left side has reached."""
    if op is Op.UNKNOWN:
        return []
    values = value if isinstance(value, tuple) else (value,)
    numbers = [number for number in values if isinstance(number, int)]
    match op:
        case Op.GE | Op.LT:
            return numbers
        case Op.GT | Op.LE:
            return [number + 1 for number in numbers]
        case Op.BETWEEN:
            return [numbers[0], numbers[1] + 1]
        case _:
            return [turn for number in numbers for turn in (number, number + 1)]


def _waits(rule_set: RuleSet) -> list[Ref]:
    return [rule_set.experiment.days_in(arm) for arm in rule_set.experiment.arms if arm.wait_days]


def _by_itself(ref: Ref, passed: Passed) -> list[Span] | None:
    """What time does to an attribute whatever it is compared with; None when it is not known."""
    facts = FactsQuery(Compiled())
    expression = facts.expression(ref)
    days = dict(ref.params).get("days")
    spans: list[Span] = []
    asked = facts.joins.asked()
    for source in asked:
        if ":as_of" in source:
            entering = [rows for marker, several in ENTERING.items() if marker in source for rows in several]
            if not entering:
                return None
            spans += [_entered(rows, passed) for rows in entering]
    is_declared = ref.name in TIMED or ref.name in LAPSING or (ref.name in WITHIN and days is not None)
    if ":as_of" in expression + "".join(each for several in asked.values() for each in several) and not is_declared:
        return None
    if ref.name in WITHIN and isinstance(days, int):
        spans.append(_days(WITHIN[ref.name], passed.was_day - days * DAY, passed.now_day - days * DAY))
    if ref.name in LAPSING:
        spans.append(_days(PROMISE_LAPSE, passed.was_day, passed.now_day))
    return spans


def _over_limits(name: str, before: Iterable[int], now: Iterable[int], passed: Passed) -> Iterator[Span]:
    """Rows that lie on one side of a limit on the one day, and on the other side on the other."""
    for cut_before, cut in zip(map(_in_reach, before), map(_in_reach, now), strict=True):
        if name in SINCE:
            first, last = sorted((passed.was_day - cut_before * DAY, passed.now_day - cut * DAY))
            yield _days(SINCE[name], first + DAY, last + DAY)
        elif name in UNTIL:
            first, last = sorted((passed.was_day + cut_before * DAY, passed.now_day + cut * DAY))
            yield _days(UNTIL[name], first, last)
        elif 2 < passed.was_day.year - cut < 9999:
            yield Span(BORN, _years_before(passed.was_day, cut) - 2 * DAY, _years_before(passed.now_day, cut) + 2 * DAY)


def _in_reach(days: int) -> int:
    """A number of days that a date can lie away; no date lies further."""
    return max(-2_000_000, min(days, 700_000))


def _years_before(day: date, years: int) -> date:
    return date(day.year - years, day.month, min(day.day, 28) if day.month == 2 else day.day)


def _entered(rows: Rows, passed: Passed) -> Span:
    if rows.is_moment:
        return _between(rows, passed.was + TICK, passed.now + TICK)
    return Span(rows, passed.was_day + DAY, passed.now_day + DAY)


def _between(rows: Rows, low: datetime, high: datetime) -> Span:
    return Span(rows, low, high)


def _days(rows: Rows, low: date, high: date) -> Span:
    """From a day on, to before another; of moments, those in these days."""
    if not rows.is_moment:
        return Span(rows, low, high)
    return Span(rows, *(datetime.combine(day, time(0), OFFICE_ZONE) for day in (low, high)))


def _comparisons(condition: Condition) -> Iterator[Compare]:
    match condition:
        case All(parts) | AnyOf(parts):
            for part in parts:
                yield from _comparisons(part)
        case Not(part):
            yield from _comparisons(part)
        case Compare():
            if condition.attribute in TIMED:
                yield condition


def _refs_with_days(condition: Condition) -> Iterator[Ref]:
    return (compare.ref for compare in _comparisons(condition))


def _in_cases(cases: Cases) -> Iterator[Compare]:
    for case in cases:
        yield from _comparisons(case.when)
        if not isinstance(case.then, Rung):
            yield from _in_cases(case.then)


def spans_sql(spans: Iterable[Span], into: Compiled) -> Iterator[str]:
    """A SELECT of debtors for each span."""
    for span in spans:
        rows = span.rows
        more = f" AND {rows.where}" if rows.where else ""
        kind = "timestamptz" if rows.is_moment else "date"
        low, high = (f"CAST({into.bind(end)} AS {kind})" for end in (span.low, span.high))
        yield (
            f"SELECT {rows.owner} AS debtor_id FROM {rows.table} WHERE office_id = :office{more}"  # noqa: S608 - values are bound
            f" AND {rows.expression} >= {low} AND {rows.expression} < {high}"
        )
