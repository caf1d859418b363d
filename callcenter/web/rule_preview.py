"""What a version would do before it comes into force: counts, who changes from where to where, why somebody is left out, and examples."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter
from sqlalchemy import select
from sqlalchemy.orm import Session
from starlette.requests import Request
from starlette.responses import Response

from callcenter.auth import audit
from callcenter.auth.permissions import Action
from callcenter.auth.permissions import may as may_do
from callcenter.core.clock import utc_now
from callcenter.core.errors import InvalidInput, NotFound
from callcenter.core.queue import enqueue_after_commit
from callcenter.web import phrases
from callcenter.web.dependencies import Once, SignedIn, Tx, may, once
from callcenter.web.pages import fragment, lang_of, leads_to, page, shell_of, words_of
from callcenter.web.rule_model import CHANNEL_IMAGES, comparison_model, state_of, version_model
from campaigns.attempts.codes import Channel
from campaigns.debtors.models import Debtor
from campaigns.planning import trials, versions
from campaigns.planning.models import RuleSet, RuleTrial
from campaigns.segmentation.comparing import compare
from campaigns.segmentation.documents import read_rule_set
from campaigns.segmentation.reasons import reason_text
from campaigns.segmentation.rules import Rule
from campaigns.segmentation.sentences import condition_words, rule_name

router = APIRouter()
Reader = Annotated[SignedIn, may(Action.SEE_RULES)]
Editor = Annotated[SignedIn, may(Action.EDIT_RULES)]
Witness = Annotated[SignedIn, may(Action.SEE_DEBTORS)]
PER_PAGE = 10
CHANNELS = tuple(Channel)


@router.post("/rules/{rule_set_id}/trial")
def start_trial(request: Request, session: Tx, who: Editor, done: Annotated[Once, once], rule_set_id: int) -> Response:
    """Lets a job count what this version would do."""
    row = versions.version_of(session, rule_set_id)
    if not done.is_repeat:
        trial = trials.request(session, row, utc_now(), user_id=who.user_id)
        enqueue_after_commit(session, "campaigns.jobs.try_rules", trial.id)
        audit.record(session, "rules.tried", "rule_set", row.id, who.user_id, who.address, {"revision": row.revision}, utc_now())
    path = f"/rules/{row.id}/preview"
    return leads_to(request, path)


@router.get("/rules/{rule_set_id}/preview")
def show_preview(request: Request, session: Tx, who: Reader, rule_set_id: int) -> Response:
    """The newest dry run of a version, and the way to activation."""
    row = versions.version_of(session, rule_set_id)
    title = words_of(request)("rules.title", name=row.name, version=row.version)
    return page(request, "rule_preview.html", shell_of(request, title), **_model(session, request, row, who))


@router.get("/rules/{rule_set_id}/preview/body")
def refresh_preview(request: Request, session: Tx, who: Reader, rule_set_id: int) -> Response:
    """What changes while it runs."""
    row = versions.version_of(session, rule_set_id)
    return fragment(request, "rule_preview_body.html", shell=shell_of(request, ""), **_model(session, request, row, who))


@router.get("/rules/{rule_set_id}/examples")
def show_examples(request: Request, session: Tx, who: Witness, rule_set_id: int, old: str = "", new: str = "", part: int = 1) -> Response:
    """Ten debtors of one change, each view on record; always the same ones of a dry run."""
    lang, row = lang_of(request), versions.version_of(session, rule_set_id)
    trial = trials.latest(session, row)
    codes = {*(channel.value for channel in CHANNELS), "None"}
    if old not in codes or new not in codes:
        raise InvalidInput("その手段はありません。", code="bad_channel")
    if trial is None or trial.state != "done":
        raise NotFound("試算がまだありません。", code="no_trial")
    kept = trial.result["examples"].get(f"{old}>{new}", [])
    parts = max(1, -(-len(kept) // PER_PAGE))
    part = max(1, min(part, parts))
    rows = kept[(part - 1) * PER_PAGE : part * PER_PAGE]
    found = {debtor.id: debtor for debtor in session.scalars(select(Debtor).where(Debtor.id.in_([each[0] for each in rows])))}
    for debtor_id in found:
        audit.record(session, "debtor.viewed", "debtor", debtor_id, who.user_id, who.address, {"page": "rule_examples"}, utc_now())
    baseline = versions.version_of(session, trial.baseline_id) if trial.baseline_id else None
    rules, old_rules = (_by_code(each) for each in (row, baseline or row))
    model = {
        "old": _channel(old, lang),
        "new": _channel(new, lang),
        "people": next((cell["people"] for cell in trial.result["matrix"] if str(cell["old"]) == old and cell["new"] == new), 0),
        "rows": [_example(found[each[0]], each, rules, old_rules, lang) for each in rows if each[0] in found],
        "part": part,
        "parts": parts,
        "href": f"/rules/{row.id}/examples?old={old}&new={new}&part={part % parts + 1}" if parts > 1 else "",
    }
    title = words_of(request)("rules.title", name=row.name, version=row.version)
    return page(request, "rule_examples.html", shell_of(request, title), version=version_model(session, row), examples=model)


def _by_code(row: RuleSet) -> dict[str, Rule]:
    return {rule.code: rule for rule in read_rule_set(row.document).rules}


def _example(debtor: Debtor, kept: list[Any], rules: dict[str, Rule], old_rules: dict[str, Rule], lang: str) -> dict[str, Any]:
    def told(code: str | None, known: dict[str, Rule]) -> dict[str, str] | None:
        rule = known.get(code or "")
        return None if rule is None else {"name": rule_name(rule, lang), "when": condition_words(rule.when, lang)}

    return {
        "id": debtor.id,
        "number": debtor.debtor_no,
        "name": debtor.name,
        "before": told(kept[1], old_rules),
        "after": told(kept[2], rules),
    }


def _channel(code: str, lang: str) -> str:
    return "–" if code == "None" else phrases.label(lang, Channel(code))


def _model(session: Session, request: Request, row: RuleSet, who: SignedIn) -> dict[str, Any]:
    lang, trial = lang_of(request), trials.latest(session, row)
    baseline = versions.version_of(session, trial.baseline_id) if trial is not None and trial.baseline_id else None
    rules = read_rule_set(row.document)
    told = None if baseline is None else comparison_model(compare(read_rule_set(baseline.document), rules), lang)
    can_edit = may_do(who.role, Action.EDIT_RULES)
    return {
        "version": version_model(session, row),
        "baseline": None if baseline is None else version_model(session, baseline),
        "trial": None if trial is None else _trial_model(trial, row),
        "result": _result_model(trial, row, lang) if trial is not None and trial.state == "done" else None,
        "comparison": told,
        "rule_count": len(rules.rules),
        "state": state_of(session, row, who.user_id),
        "campaigns": [campaign.name for campaign in versions.followers(session, row.name)],
        "needs_four_eyes": versions.needs_four_eyes(session),
        "can_edit": can_edit,
        "can_see_debtors": may_do(who.role, Action.SEE_DEBTORS),
    }


def _trial_model(trial: RuleTrial, row: RuleSet) -> dict[str, Any]:
    return {
        "state": trial.state,
        "progress": trial.progress,
        "as_of": trial.as_of,
        "error": trial.error,
        "is_stale": trial.revision != row.revision,
        "is_current": trials.is_current(trial, row),
    }


def _result_model(trial: RuleTrial, row: RuleSet, lang: str) -> dict[str, Any]:
    result = trial.result
    cells = {(str(cell["old"]), cell["new"]): cell["people"] for cell in result["matrix"]}
    changed = sum(people for (old, new), people in cells.items() if old != new)
    has_baseline = result["has_baseline"]
    return {
        "debtors": result["debtors"],
        "changed": changed,
        "has_baseline": has_baseline,
        "channels": [_channel_row(code.value, result, lang) for code in CHANNELS],
        "moves": _moves(cells, row.id, lang) if has_baseline else [],
        "columns": [phrases.label(lang, channel) for channel in CHANNELS],
        "matrix": [_matrix_row(channel.value, cells, row.id, lang) for channel in CHANNELS] if has_baseline else [],
        "funnel": _funnel(result, row, lang),
        "left_out": _left_out(result, lang),
        "arms": [{"code": code, "people": people} for code, people in sorted(result["arms"].items()) if code != "all"],
        "moved_arms": result["moved_arms"] if has_baseline else 0,
    }


def _channel_row(code: str, result: dict[str, Any], lang: str) -> dict[str, Any]:
    old, new = (result["channels"][side].get(code, 0) for side in ("old", "new"))
    share = new / result["debtors"] if result["debtors"] else None
    return {"image": CHANNEL_IMAGES[code], "label": _channel(code, lang), "old": old, "new": new, "delta": new - old, "share": share}


def _moves(cells: dict[tuple[str, str], int], row_id: int, lang: str) -> list[dict[str, Any]]:
    """The changes, the largest first."""
    moved = sorted(((people, old, new) for (old, new), people in cells.items() if old != new), reverse=True)
    return [
        {"people": people, "old": _channel(old, lang), "new": _channel(new, lang), "href": f"/rules/{row_id}/examples?old={old}&new={new}"}
        for people, old, new in moved
    ]


def _matrix_row(old: str, cells: dict[tuple[str, str], int], row_id: int, lang: str) -> dict[str, Any]:
    return {
        "label": _channel(old, lang),
        "cells": [
            {
                "people": cells.get((old, new.value), 0),
                "is_same": old == new.value,
                "href": f"/rules/{row_id}/examples?old={old}&new={new.value}",
            }
            for new in CHANNELS
        ],
    }


def _funnel(result: dict[str, Any], row: RuleSet, lang: str) -> list[dict[str, Any]]:
    """Rules in order: whom they meet, whom they take, and who is left after them."""
    left, rules, rows = result["debtors"], read_rule_set(row.document).rules, []
    if [rule.code for rule in rules] != [counted["code"] for counted in result["rules"]]:
        return []
    for number, (rule, counted) in enumerate(zip(rules, result["rules"], strict=True), 1):
        left -= counted["takes"]
        rows.append(
            {
                "number": number,
                "name": rule_name(rule, lang),
                "when": condition_words(rule.when, lang),
                "matches": counted["matches"],
                "takes": counted["takes"],
                "left": left,
                "percent": round(100 * counted["takes"] / result["debtors"], 1) if result["debtors"] else 0,
                "met_percent": round(100 * counted["matches"] / result["debtors"], 1) if result["debtors"] else 0,
                "old": result["old_rules"].get(rule.code) if result["has_baseline"] else None,
            }
        )
    return rows


def _left_out(result: dict[str, Any], lang: str) -> dict[str, Any]:
    """Who is not contacted, by reason."""
    old, new = result["none_reasons"]["old"], result["none_reasons"]["new"]
    rows = [
        {"label": reason_text(code, lang), "people": new.get(code, 0), "delta": new.get(code, 0) - old.get(code, 0)}
        for code in sorted({*old, *new}, key=lambda code: -new.get(code, 0))
    ]
    return {
        "rows": rows,
        "people": result["channels"]["new"].get("none", 0),
        "delta": result["channels"]["new"].get("none", 0) - result["channels"]["old"].get("none", 0),
    }
