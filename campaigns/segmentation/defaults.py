"""The founding case's rule set: small and new debts to the contracted operators' channels, the rest to tax officers."""

from __future__ import annotations

from campaigns.attempts.codes import Channel
from campaigns.segmentation.rules import All, AnyOf, Compare, Condition, Not, Op, Rule, RuleSet

LARGE_YEN = 500_000
OLD_DAYS = 730
WORTH_A_VISIT_YEN = 30_000
FAILED_CALLS = 3
BROKEN_PROMISES = 2
NAME = "standard"

EVERYBODY = All(())


def _is(attribute: str) -> Compare:
    return Compare(attribute, Op.IS, True)


def _none(code: str, attribute: str) -> Rule:
    return Rule(code, Channel.NONE, (code,), _is(attribute))


def _at_least(attribute: str, number: int) -> Compare:
    return Compare(attribute, Op.GE, number)


NEVER_REACHED: Condition = Compare("contact_count", Op.EQ, 0)
NO_SMS: Condition = Compare("sms_count", Op.EQ, 0)
NO_AUTO_CALL: Condition = Compare("auto_call_count", Op.EQ, 0)

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
LADDER = (
    Rule("no_usable_number", Channel.VISIT, ("no_usable_number",), Not(_is("has_usable_phone")), 5),
    Rule("broken_promise", Channel.OPERATOR_CALL, ("broken_promise",), _at_least("broken_promises", 1), 2),
    Rule(
        "repeated_failures",
        Channel.VISIT,
        ("repeated_failures",),
        All((_at_least("failed_calls", FAILED_CALLS), _at_least("outstanding", WORTH_A_VISIT_YEN))),
        4,
    ),
    Rule("reached_before", Channel.OPERATOR_CALL, ("reached_before",), Not(NEVER_REACHED), 4),
    Rule("first_sms", Channel.SMS, ("mobile_never_reached",), All((_is("has_mobile"), NO_SMS, NO_AUTO_CALL)), 5),
    Rule("auto_call_after_sms", Channel.AUTO_CALL, ("sms_without_effect",), All((Not(NO_SMS), NO_AUTO_CALL)), 5),
    Rule("operator_after_both", Channel.OPERATOR_CALL, ("sms_and_call_without_effect",), Not(All((NO_SMS, NO_AUTO_CALL))), 3),
    Rule("landline_only", Channel.OPERATOR_CALL, ("no_mobile",), EVERYBODY, 5),
)


def default_rule_set() -> RuleSet:
    """The founding case of the project as rules."""
    return RuleSet(NOBODY_IS_CONTACTED + FOR_TAX_OFFICERS + LADDER)
