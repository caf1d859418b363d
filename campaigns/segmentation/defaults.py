"""The founding case's rule set: small and new debts to the contracted operators' channels, the rest to tax officers."""

from __future__ import annotations

from campaigns.attempts.codes import Channel
from campaigns.segmentation.rules import All, AnyOf, ByLadder, Compare, Not, Op, Rule, RuleSet

LARGE_YEN = 500_000
OLD_DAYS = 730
BROKEN_PROMISES = 2
NAME = "standard"

EVERYBODY = All(())


def _is(attribute: str) -> Compare:
    return Compare(attribute, Op.IS, True)


def _none(code: str, attribute: str) -> Rule:
    return Rule(code, Channel.NONE, (code,), _is(attribute))


def _at_least(attribute: str, number: int) -> Compare:
    return Compare(attribute, Op.GE, number)


NOBODY_IS_CONTACTED = (
    _none("do_not_contact", "do_not_contact"),
    _none("hold_stopped", "is_stopped"),
    _none("hold_collection_grace", "has_collection_grace"),
    _none("hold_realisation_grace", "has_realisation_grace"),
    _none("hold_seized", "is_seized"),
    _none("hold_investigation", "is_investigated"),
    _none("vulnerable", "is_vulnerable"),
    _none("hold_unknown", "has_unknown_hold"),
    _none("instalment_plan", "has_plan"),
    _none("payment_claimed", "payment_claimed"),
    _none("stop_request", "stop_requested"),
    _none("deceased_moved", "deceased_moved"),
    _none("complaint", "has_complaint"),
    _none("open_promise", "has_open_promise"),
)
FOR_TAX_OFFICERS = (
    Rule("with_tax_officer", Channel.TAX_OFFICER, ("with_tax_officer",), _is("with_officer"), 3),
    Rule("large_amount", Channel.TAX_OFFICER, ("large_amount",), _at_least("outstanding", LARGE_YEN), 2),
    Rule("old_arrears", Channel.TAX_OFFICER, ("old_arrears",), _at_least("oldest_days", OLD_DAYS), 4),
    Rule(
        "difficult_case",
        Channel.TAX_OFFICER,
        ("difficult_case",),
        AnyOf((_at_least("refusals", 1), _at_least("broken_promises", BROKEN_PROMISES))),
        3,
    ),
)
BEFORE_THE_LADDER = (
    Rule("no_usable_number", Channel.VISIT, ("no_usable_number",), Not(_is("has_usable_phone")), 5),
    Rule("broken_promise", Channel.OPERATOR_CALL, ("broken_promise",), _at_least("broken_promises", 1), 2),
)
# Everybody else goes up the campaign's ladder, which tells its own reasons.
BY_LADDER = Rule("ladder", ByLadder.LADDER, (), EVERYBODY, 5)


def default_rule_set() -> RuleSet:
    """The founding case of the project as rules."""
    return RuleSet((*NOBODY_IS_CONTACTED, *FOR_TAX_OFFICERS, *BEFORE_THE_LADDER, BY_LADDER))
