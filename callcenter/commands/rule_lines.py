"""How `callcenter rules` tells versions, mistakes, differences and dry runs: as JSON values and as lines for people."""

from __future__ import annotations

from typing import Any

from callcenter.commands.moments import local_text
from campaigns.attempts.codes import CHANNEL_EN, CHANNEL_JA, Channel
from campaigns.planning.models import RuleSet
from campaigns.segmentation.comparing import Change, RuleChange
from campaigns.segmentation.problems import Problem
from campaigns.segmentation.rules import Rule
from campaigns.segmentation.sentences import rule_words


def line_of(row: RuleSet) -> dict[str, Any]:
    """A version in one line."""
    return {
        "name": row.name,
        "version": row.version,
        "status": row.status,
        "revision": row.revision,
        "rules": len(row.document["rules"]),
        "edited_at": local_text(row.edited_at or row.created_at),
        "activated_at": local_text(row.activated_at),
        "note": row.note,
    }


def text_of(line: dict[str, Any]) -> str:
    """The same for people."""
    return f"{line['name']}@{line['version']}\t{line['status']}\t{line['rules']} rules\trevision {line['revision']}"


def problem_of(problem: Problem, lang: str) -> dict[str, Any]:
    """A mistake with its position."""
    return {
        "rule": problem.rule or None,
        "rule_code": problem.rule_code,
        "where": problem.where,
        "attribute": problem.attribute,
        "value": problem.value,
        "problem": problem.text(lang),
        "expected": list(problem.expected),
    }


def problem_line(problem: Problem, lang: str) -> str:
    """The same for people."""
    return f"{problem.place(lang)}: {problem.text(lang)} {problem.hint(lang)}".rstrip()


def _words(rule: Rule | None, lang: str) -> str | None:
    return None if rule is None else rule_words(rule, lang)


def change_of(change: RuleChange, lang: str) -> dict[str, Any]:
    """A rule that differs."""
    return {
        "change": change.change.value,
        "code": change.code,
        "old_number": change.old_number or None,
        "new_number": change.new_number or None,
        "parts": list(change.parts),
        "before": _words(change.before, lang),
        "after": _words(change.after, lang),
    }


def diff_lines(change: RuleChange, lang: str) -> list[str]:
    """The same for people."""
    head = f"{change.change.value}\t{change.code}\t{change.old_number or '–'} → {change.new_number or '–'}"
    if change.change is Change.MOVED:
        return [head]
    told = (("-", change.before), ("+", change.after))
    return [head, *(f"  {sign} {rule_words(rule, lang)}" for sign, rule in told if rule is not None)]


def trial_lines(result: dict[str, Any], lang: str) -> list[str]:
    """A dry run for people: channels, rules with whom they meet and take, and who changes from where to where."""
    names = CHANNEL_EN if lang == "en" else CHANNEL_JA

    def name(code: str | None) -> str:
        return "–" if code is None else names[Channel(code)]

    rules = [f"{n}\t{rule['code']}\t{rule['matches']}\t{rule['takes']}" for n, rule in enumerate(result["rules"], 1)]
    moves = sorted((cell for cell in result["matrix"] if cell["old"] != cell["new"]), key=lambda cell: -int(cell["people"]))
    return [
        f"{result['debtors']} debtors",
        *(f"  {name(code)}\t{people}" for code, people in sorted(result["channels"]["new"].items())),
        *rules,
        *(f"  {cell['people']}\t{name(cell['old'])} → {name(cell['new'])}" for cell in moves if result["has_baseline"]),
    ]
