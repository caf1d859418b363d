"""Where a campaign is in its cycle on a day, and where a debtor stands on its ladder.

Offered to `explain` and to pages: `position_at` for a campaign (or for none: the default ladder in the calendar month), then
`Position.told` for one debtor's facts, as words and dates:

    told(facts, "ja") -> {"cycle": {"number", "starts_on", "ends_on", "day", "days"},
                          "step": {"number", "channel", "attempt"} | None, "code", "text", "until": date | None}

and `lines_of` for the same as lines of text.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from sqlalchemy import select, text
from sqlalchemy.orm import Session

from callcenter.core.clock import local_day
from callcenter.core.db import office_of
from campaigns.attempts.codes import CHANNEL_JA, Channel, LineResult
from campaigns.compliance.gate import load_policy
from campaigns.compliance.rules import ContactPolicy
from campaigns.compliance.windows import spans_on
from campaigns.planning.conduct import Conduct, conduct_of
from campaigns.planning.cycles import Cycle, cycle_on, first_cycle
from campaigns.planning.ladder_cases import ATTRIBUTES, cases_of, cycle_facts
from campaigns.planning.models import Campaign, CampaignCycle
from campaigns.planning.standing import Done, IsOpen, Step, Wait, next_step
from campaigns.segmentation.compile import facts_sql
from campaigns.segmentation.conditions import Ref
from campaigns.segmentation.query import Compiled
from campaigns.segmentation.reasons import reason_text
from campaigns.segmentation.rules import Cases, Facts


@dataclass(frozen=True, slots=True)
class Position:
    """A campaign's ladder on a day of its cycle."""

    conduct: Conduct
    cycle: Cycle
    today: date
    is_open: IsOpen

    def cases(self) -> Cases:
        """The ladder as branches for the rules."""
        return cases_of(self.conduct.ladder, self.today, self.is_open)

    def values(self) -> dict[str, Any]:
        """What a statement over attributes must know of the cycle."""
        return dict(self.cycle.moments())

    def step_of(self, facts: Facts) -> Step | Wait | Done:
        """Where a debtor stands, from the attributes of `campaigns.planning.ladder_cases.ATTRIBUTES`."""
        return next_step(self.conduct.ladder, cycle_facts(facts, self.today), self.today, self.is_open)

    def told(self, facts: Facts, lang: str = "ja") -> dict[str, Any]:
        """The same in words."""
        found = self.step_of(facts)
        step = None if isinstance(found, Done) else {"number": found.number, "channel": found.channel.value}
        if step is not None and isinstance(found, Step):
            step["attempt"] = found.attempt
        return {
            "cycle": {
                "number": self.cycle.number,
                "starts_on": self.cycle.starts_on,
                "ends_on": self.cycle.ends_on,
                "day": (self.today - self.cycle.starts_on).days + 1,
                "days": self.cycle.days,
            },
            "step": step,
            "code": found.why,
            "text": reason_text(found.why, lang),
            "until": found.until if isinstance(found, Wait) else None,
        }


def lines_of(told: Mapping[str, Any], lang: str = "ja") -> list[str]:
    """What `Position.told` says, a line for the cycle and one for the ladder; without the ladder where `decides` is False: a rule did."""
    is_ja, cycle, step = lang == "ja", told["cycle"], told["step"]
    span = f"{cycle['starts_on']} – {cycle['ends_on']}"
    day = f"{cycle['day']}/{cycle['days']}"
    lines = [f"周期\t第{cycle['number']}回 {span} ({day}日目)" if is_ja else f"cycle\t{cycle['number']}: {span} (day {day})"]
    if not told.get("decides", True):
        return lines
    where = ""
    if step is not None:
        name = CHANNEL_JA[Channel(step["channel"])] if is_ja else step["channel"]
        attempt = step.get("attempt")
        count = "" if attempt is None else f" {attempt}回目" if is_ja else f", attempt {attempt}"
        where = f"{step['number']}. {name}{count}: "
    until = "" if told["until"] is None else f" → {told['until']}"
    return [*lines, f"{'手順' if is_ja else 'ladder'}\t{where}{told['text']}{until}"]


def position_at(session: Session, campaign: Campaign | None, as_of: datetime, policy: ContactPolicy | None = None) -> Position:
    """Ladder and cycle of a campaign at a moment; without a campaign the default ladder in the calendar month.

    Raises:
        InvalidInput: the campaign's settings can't be read.
    """
    today = local_day(as_of)
    conduct = Conduct() if campaign is None else conduct_of(campaign.options)
    cycle = first_cycle(conduct.cycle, today) if campaign is None else cycle_at(session, campaign, conduct, today)
    return Position(conduct, cycle, today, working_days(policy or load_policy(session)))


def cycle_at(session: Session, campaign: Campaign, conduct: Conduct, day: date) -> Cycle:
    """The cycle a day lies in: the one on record, else the one that would be opened for it."""
    known = select(CampaignCycle).where(CampaignCycle.campaign_id == campaign.id, CampaignCycle.starts_on <= day)
    row = session.scalar(known.order_by(CampaignCycle.number.desc()).limit(1))
    if row is None:
        return first_cycle(conduct.cycle, day, campaign.starts_on or local_day(campaign.created_at))
    return cycle_on(conduct.cycle, cycle_of(row), day)


def cycle_of(row: CampaignCycle) -> Cycle:
    """A stored cycle as the pure functions know it."""
    return Cycle(row.number, row.starts_on, row.ends_on, row.counts_from, row.before_from)


def working_days(policy: ContactPolicy) -> IsOpen:
    """Whether the office works on a day: there are hours for operators' calls on it."""
    return lambda day: bool(spans_on(policy.hours, Channel.OPERATOR_CALL, day))


def facts_for(session: Session, debtor_id: int, position: Position, as_of: datetime) -> Facts | None:
    """What the ladder asks about one debtor as of a moment; None when nothing is owed or the debtor is not listed."""
    compiled = Compiled()
    sql = facts_sql(_REFS, compiled)
    row = session.execute(text(sql), compiled.values | _values(session, position, as_of) | {"debtor": debtor_id}).one_or_none()
    return None if row is None else dict(zip(ATTRIBUTES, row, strict=True))


def facts_of(session: Session, debtor_ids: Sequence[int], position: Position, as_of: datetime) -> dict[int, Facts]:
    """The same for several debtors; who owes nothing or is not listed is left out."""
    if len(debtor_ids) == 1:  # the database keeps a plan for one
        found = facts_for(session, debtor_ids[0], position, as_of)
        return {} if found is None else {debtor_ids[0]: found}
    compiled = Compiled()
    sql = facts_sql(_REFS, compiled, some="CAST(:debtors AS bigint[])")
    values = compiled.values | _values(session, position, as_of) | {"debtors": list(debtor_ids)}
    return {row[0]: dict(zip(ATTRIBUTES, row[1:], strict=True)) for row in session.execute(text(sql), values)}


def _values(session: Session, position: Position, as_of: datetime) -> dict[str, Any]:
    return position.values() | {
        "office": office_of(session),
        "as_of": as_of,
        "as_of_day": position.today,
        "failed": LineResult.FAILED.value,
    }


_REFS = tuple(Ref(name) for name in ATTRIBUTES)
