"""Why one debtor is, or is not, contacted by which channel when: the same rules and the same gate, told in words."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from callcenter.core.errors import NotFound
from campaigns.attempts.codes import Channel
from campaigns.compliance.reasons import DenialReason, denial_text
from campaigns.compliance.telling import decision_line, decisions_of, tell_gate
from campaigns.debtors.models import Debtor
from campaigns.planning.assigning import moment_values
from campaigns.planning.ladder_cases import COUNT
from campaigns.planning.models import Campaign
from campaigns.planning.position import Position, position_at
from campaigns.planning.rulesets import rules_of
from campaigns.segmentation.defaults import default_rule_set
from campaigns.segmentation.facts import read_facts
from campaigns.segmentation.reasons import reason_text
from campaigns.segmentation.rules import Assigned, ByLadder, Facts, RuleSet, attributes_of, decide, evaluate
from campaigns.worklist.hours import tell_hour

LADDER_INPUTS = (*COUNT.values(), "ladder_days", "contact_count", "has_mobile")
SHOWN_ALWAYS = ("outstanding", "oldest_days")


def facts_of(
    session: Session, debtor_id: int, as_of: datetime, position: Position | None = None, rule_set: RuleSet | None = None
) -> Facts | None:
    """Every attribute of one debtor as of a moment; None when nothing is owed or the debtor is not listed.

    Args:
        position: the cycle that is meant; by default the calendar month.
        rule_set: whose attributes with parameters are told, too.
    """
    position = position or position_at(session, None, as_of)
    values = moment_values(session, as_of, position)
    return read_facts(session, debtor_id, values, () if rule_set is None else rule_set.refs(position.cases()))


def explain(
    session: Session, debtor_no: str, campaign: Campaign | None, as_of: datetime, lang: str = "ja", *, now: datetime | None = None
) -> dict[str, Any]:
    """The channel, its reasons with the inputs that decided, what the gate says for each channel, and what it decided so far.

    Args:
        now: the present, where `as_of` may lie in the past.

    Raises:
        NotFound: no such debtor in this office.
    """
    debtor = session.scalar(select(Debtor).where(Debtor.debtor_no == debtor_no))
    if debtor is None:
        raise NotFound(f"There is no debtor '{debtor_no}' in this office.", hint="Check the 宛名番号; leading zeros count.")
    position = position_at(session, campaign, as_of)
    rule_set = rules_of(session, campaign.rule_set_id) if campaign else default_rule_set()
    facts = facts_of(session, debtor.id, as_of, position, rule_set)
    channel, reasons = _reasons(debtor, facts, rule_set, position, lang)
    told = {"debtor_no": debtor_no, "channel": channel.value, "reasons": reasons, **tell_gate(session, debtor.id, as_of, lang, now)}
    told["best_hour"] = tell_hour(session, debtor.id, as_of)
    told["decisions"] = [decision_line(row, lang) for row in decisions_of(session, debtor.id, until=as_of)]
    if facts is None:
        return told
    return told | {"ladder": position.told(facts, lang) | {"decides": decide(rule_set, facts).rule.channel is ByLadder.LADDER}}


def _reasons(debtor: Debtor, facts: Facts | None, rule_set: RuleSet, position: Position, lang: str) -> tuple[Channel, list[dict[str, Any]]]:
    if facts is None:
        code = DenialReason.SETTLED
        return Channel.NONE, [{"code": code.value, "text": denial_text(code, lang), "inputs": {"is_listed": debtor.is_listed}}]
    assigned: Assigned = evaluate(rule_set, facts, position.cases())
    rule = decide(rule_set, facts).rule
    asked = LADDER_INPUTS if rule.channel is ByLadder.LADDER else ()
    inputs = {name: facts[name] for name in dict.fromkeys((*attributes_of(rule.when), *asked, *SHOWN_ALWAYS))}
    return assigned.channel, [{"code": code, "text": reason_text(code, lang), "inputs": inputs} for code in assigned.reasons]
