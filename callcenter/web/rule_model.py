"""View models of rule sets: versions, rules in words, differences, mistakes."""

from __future__ import annotations

from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from callcenter.auth.models import User
from campaigns.planning import versions
from campaigns.planning.models import RuleSet
from campaigns.segmentation.comparing import Change, Comparison, RuleChange
from campaigns.segmentation.reasons import reason_text
from campaigns.segmentation.rules import Rule
from campaigns.segmentation.sentences import Piece, changed_words, channel_words, condition_words, experiment_words, rule_name, rule_words

STATES = {"draft": ("", "pen"), "proposed": ("warn", "clock"), "active": ("ok", "check"), "retired": ("off", "stop")}
CHANNEL_IMAGES = {
    "sms": "msg",
    "auto_call": "auto",
    "operator_call": "phone",
    "visit": "visit",
    "tax_officer": "user",
    "none": "stop",
    "ladder": "next",
}


def names_of(session: Session, *ids: int | None) -> dict[int, str]:
    """Display names of users."""
    wanted = {number for number in ids if number is not None}
    if not wanted:
        return {}
    return {row.id: row.display_name for row in session.execute(select(User.id, User.display_name).where(User.id.in_(wanted)))}


def version_model(session: Session, row: RuleSet) -> dict[str, Any]:
    """One version: what it is, who did what when."""
    names = names_of(session, row.created_by, row.edited_by, row.proposed_by, row.activated_by)
    kind, image = STATES[row.status]

    def who(user_id: int | None) -> str:
        return names.get(user_id, "") if user_id is not None else ""

    return {
        "id": row.id,
        "name": row.name,
        "version": row.version,
        "status": row.status,
        "kind": kind,
        "image": image,
        "revision": row.revision,
        "rules": len(row.document["rules"]),
        "note": row.note,
        "created": {"at": row.created_at, "who": who(row.created_by)},
        "edited": {"at": row.edited_at or row.created_at, "who": who(row.edited_by or row.created_by)},
        "proposed": {"at": row.proposed_at, "who": who(row.proposed_by)},
        "activated": {"at": row.activated_at, "who": who(row.activated_by)},
    }


def rule_model(rule: Rule, number: int, lang: str) -> dict[str, Any]:
    """One rule as a row."""
    return {
        "number": number,
        "code": rule.code,
        "name": rule_name(rule, lang),
        "words": rule_words(rule, lang),
        "when": condition_words(rule.when, lang),
        "channel": channel_words(rule.channel, lang),
        "image": CHANNEL_IMAGES[rule.channel.value],
        "priority": rule.priority,
        "reasons": [reason_text(code, lang) for code in rule.reasons],
        "arms": list(rule.arms),
    }


def comparison_model(told: Comparison, lang: str) -> dict[str, Any]:
    """What differs between two versions, each rule with its changed words."""
    return {
        "changes": [_change_model(change, lang) for change in told.changes],
        "is_experiment_changed": told.is_experiment_changed,
        "moved_places": None if told.moved_places is None else told.moved_places / 1000,
        "is_same": told.is_same,
    }


def _change_model(change: RuleChange, lang: str) -> dict[str, Any]:
    before, after = (None if rule is None else rule_words(rule, lang) for rule in (change.before, change.after))
    if before is not None and after is not None:
        pieces = changed_words(before, after)
    else:
        pieces = [Piece("new", after or "") if change.change is Change.ADDED else Piece("gone", before or "")]
    rule = change.after or change.before
    assert rule is not None
    quiet = {"code", "when", "channel", "priority", "template", "script", "arms"}  # what the sentence tells anyway
    return {
        "change": change.change.value,
        "code": change.code,
        "name": rule_name(rule, lang),
        "old_number": change.old_number,
        "new_number": change.new_number,
        "pieces": [{"kind": piece.kind, "text": piece.text} for piece in pieces],
        "parts": [part for part in change.parts if part not in quiet],
    }


def arm_lines(row_rules: Any, lang: str) -> list[str]:
    """The experiment's arms in words."""
    return experiment_words(row_rules.experiment, lang)


def state_of(session: Session, row: RuleSet, user_id: int) -> dict[str, Any]:
    """What may be done with a version, and why not."""
    refusal = versions.activation_refusal(session, row, user_id) if row.status == "proposed" else ""
    return {"is_draft": row.status == "draft", "is_proposed": row.status == "proposed", "refusal": refusal}
