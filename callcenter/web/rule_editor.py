"""The editor of a draft: rules as rows, one of them open as a form; each change is stored at once and refuses to overwrite another's."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Annotated, Any

from fastapi import APIRouter
from fastapi import Form as Field
from sqlalchemy import select
from sqlalchemy.orm import Session
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from callcenter.auth import audit
from callcenter.auth.permissions import Action
from callcenter.core.clock import utc_now
from callcenter.core.errors import Conflict, InvalidInput
from callcenter.web.dependencies import Form, Once, SignedIn, Tx, may, once
from callcenter.web.pages import fragment, lang_of, leads_to, page, shell_of, words_of
from callcenter.web.rule_experiment import experiment_document, experiment_model
from callcenter.web.rule_fields import attribute_groups, channel_options, known_codes, node_model
from callcenter.web.rule_form import Node, Written, node_of, posted_node, posted_rule, reshape, rule_document, rule_fields, written
from callcenter.web.rule_model import comparison_model, names_of, rule_model, version_model
from campaigns.planning import versions
from campaigns.planning.models import RuleSet, RuleSetEdit
from campaigns.segmentation.documents import read_rule_set, write_rule_set
from campaigns.segmentation.problems import BadRuleSet, Problem
from campaigns.segmentation.rules import Rule
from campaigns.segmentation.rules import RuleSet as Rules
from campaigns.segmentation.sentences import condition_words

router = APIRouter()
Editor = Annotated[SignedIn, may(Action.EDIT_RULES)]
Code = Annotated[str, Field(max_length=60)]
FIELDS = {"code": "f-code", "channel": "f-channel", "reasons": "f-reasons", "priority": "f-priority", "name": "f-name"}
FIELDS |= {"template": "f-template", "script": "f-script", "arms": "f-arms"}
NEW: Mapping[str, Any] = {
    "code": "",
    "name": "",
    "channel": "operator_call",
    "priority": "5",
    "template": "",
    "script": "",
    "reasons": "",
    "arms": [],
    "original": "",
}


@router.get("/rules/{rule_set_id}/edit")
def show_editor(request: Request, session: Tx, who: Editor, rule_set_id: int, rule: str = "", new: str = "") -> Response:
    """The rows, and the form of one rule or of a new one."""
    row = versions.version_of(session, rule_set_id)
    if row.status != "draft":
        return RedirectResponse(f"/rules/{row.id}", 303)
    rules = read_rule_set(row.document)
    chosen = next((each for each in rules.rules if each.code == rule), None)
    form = None
    if new:
        form = _form_model(session, request, rules, NEW, Node("all"), None)
    elif chosen is not None:
        form = _form_model(session, request, rules, rule_fields(chosen), node_of(chosen.when), None)
    title = words_of(request)("rules.edit_title", name=row.name, version=row.version)
    model = _list_model(session, request, row, rules) | {"form": form, "experiment": experiment_model(rules, lang_of(request))}
    return page(request, "rule_edit.html", shell_of(request, title), **model)


@router.post("/rules/{rule_set_id}/edit/shape")
def shape(
    request: Request, session: Tx, who: Editor, form: Form, rule_set_id: int, do: Annotated[str, Field(max_length=80)] = "show:c"
) -> Response:
    """The condition with a part more, or less, or another attribute; nothing is stored, and what was typed stays."""
    rules = read_rule_set(versions.version_of(session, rule_set_id).document)
    root = posted_node(form)
    try:
        focus = reshape(root, do)
    except KeyError as problem:
        raise InvalidInput("その条件はありません。", hint="ページを開き直してください。", code="bad_condition") from problem
    model = _form_model(session, request, rules, posted_rule(form), root, None, focus=focus)
    return fragment(request, "rule_condition.html", shell=shell_of(request, ""), rule_set_id=rule_set_id, form=model)


@router.post("/rules/{rule_set_id}/edit/rule")
def save_rule(request: Request, session: Tx, who: Editor, done: Annotated[Once, once], form: Form, rule_set_id: int) -> Response:
    """Stores the open rule: in its place, or as a new one before the last."""
    row = versions.version_of(session, rule_set_id)
    original = str(form.get("original") or "")
    rows = list(row.document["rules"])
    place = next((n for n, each in enumerate(rows) if each["code"] == original), None)
    # A rule that somebody removed meanwhile becomes a new one, once its editor has seen that.
    at = place if place is not None else max(0, len(rows) - 1)
    document, told = rule_document(form, f"rules[{at}]")
    rows[at : at + (place is not None)] = [document]
    try:
        rules = read_rule_set({**row.document, "rules": rows})
        if not done.is_repeat:
            _store(session, row.id, _revision(form), rules, who)
    except BadRuleSet as problem:
        return _refused(request, problem.problems, told)
    except versions.EditedMeanwhile as problem:
        return _conflict(request, session, problem)
    return leads_to(request, f"/rules/{row.id}/edit?rule={document['code']}")


@router.post("/rules/{rule_set_id}/edit/order")
def change_order(
    request: Request,
    session: Tx,
    who: Editor,
    done: Annotated[Once, once],
    form: Form,
    rule_set_id: int,
    do: Annotated[str, Field(max_length=10)],
    code: Code = "",
) -> Response:
    """Moves a rule up or down, copies it or removes it, or takes the last change back; answers the rows."""
    row = versions.version_of(session, rule_set_id)
    rules = read_rule_set(row.document)
    said = ""
    if not done.is_repeat:
        try:
            fresh = _before(session, row) if do == "undo" else replace(rules, rules=_reordered(rules.rules, do, code))
            row = _store(session, row.id, _revision(form), read_rule_set(write_rule_set(fresh)), who)
        except BadRuleSet as problem:
            return _refused(request, problem.problems, None)
        except versions.EditedMeanwhile as problem:
            return _conflict(request, session, problem)
        said = words_of(request)(f"rule_said.{do}", code=code)
    model = _list_model(session, request, row, read_rule_set(row.document))
    if request.headers.get("hx-request") != "true":
        return RedirectResponse(f"/rules/{row.id}/edit", 303)
    return fragment(request, "rule_list.html", shell=shell_of(request, ""), said=said, touched=code, **model)


@router.post("/rules/{rule_set_id}/edit/experiment")
def save_experiment(request: Request, session: Tx, who: Editor, done: Annotated[Once, once], form: Form, rule_set_id: int) -> Response:
    """Stores the arms; places move only as far as the shares make it necessary."""
    row = versions.version_of(session, rule_set_id)
    document = {name: value for name, value in row.document.items() if name != "experiment"}
    if arms := experiment_document(form):
        document["experiment"] = arms
    try:
        rules = read_rule_set(document)
        if not done.is_repeat:
            _store(session, row.id, _revision(form), rules, who)
    except BadRuleSet as problem:
        return _refused(request, problem.problems, None)
    except versions.EditedMeanwhile as problem:
        return _conflict(request, session, problem)
    return leads_to(request, f"/rules/{row.id}/edit")


def _store(session: Session, rule_set_id: int, revision: int, rules: Rules, who: SignedIn) -> RuleSet:
    row = versions.edit(session, rule_set_id, revision, rules, utc_now(), user_id=who.user_id)
    audit.record(session, "rules.edited", "rule_set", row.id, who.user_id, who.address, {"revision": row.revision}, utc_now())
    return row


def _revision(form: Form) -> int:
    """The revision the person saw, or the one whose changes they have been shown and accept."""
    told = str(form.get("accept") or form.get("revision") or "")
    if not told.isdigit() or len(told) > 9:
        raise InvalidInput("版の番号がありません。", hint="ページを開き直してください。", code="bad_revision")
    return int(told)


def _reordered(rules: tuple[Rule, ...], do: str, code: str) -> tuple[Rule, ...]:
    rows = list(rules)
    place = next((n for n, rule in enumerate(rows) if rule.code == code), None)
    if place is None or do not in ("up", "down", "copy", "remove"):
        raise InvalidInput("その規則はありません。", hint="ページを開き直してください。", code="no_rule")
    other = place + (1 if do == "down" else -1)
    if do in ("up", "down"):
        if 0 <= other < len(rows):
            rows[place], rows[other] = rows[other], rows[place]
    elif do == "remove":
        del rows[place]
    else:
        codes = {rule.code for rule in rows}
        fresh = next(name for n in range(2, 300) if (name := f"{code[:36]}_{n}") not in codes)
        rows.insert(place, replace(rows[place], code=fresh))
    return tuple(rows)


def _before(session: Session, row: RuleSet) -> Rules:
    """The rules before the last change of this draft."""
    query = select(RuleSetEdit.document).where(RuleSetEdit.rule_set_id == row.id, RuleSetEdit.revision == row.revision - 1)
    document = session.scalar(query)
    if document is None:
        raise Conflict("元に戻せる変更がありません。", code="nothing_to_undo")
    return read_rule_set(document)


def _refused(request: Request, problems: tuple[Problem, ...], told: Written | None) -> Response:
    lang = lang_of(request)
    errors = [
        {"field_id": _field(problem, told), "message": f"{problem.place(lang)}: {problem.text(lang)} {problem.hint(lang)}".rstrip()}
        for problem in problems
    ]
    return fragment(request, "errors.html", 422, errors=errors)


def _field(problem: Problem, told: Written | None) -> str:
    """Where on the form a position of the document is."""
    if told is None:
        return ""
    within = problem.where.partition(".")[2]
    if not within.startswith("when"):
        return FIELDS.get(within.partition("[")[0], "")
    node = told.node_at(problem.where).replace(".", "-")
    last = problem.where.rpartition(".")[2].partition("[")[0]
    return f"{node}-{last}" if last in ("attribute", "op", "value") else f"{node}-value" if node != "c" else "condition"


def _conflict(request: Request, session: Session, problem: versions.EditedMeanwhile) -> Response:
    """What somebody else changed meanwhile; the form stays as it is and can be saved all the same."""
    row = problem.row
    model = {
        "who": names_of(session, row.edited_by).get(row.edited_by or 0, ""),
        "at": row.edited_at,
        "revision": row.revision,
        "comparison": comparison_model(problem.comparison, lang_of(request)),
        "href": f"/rules/{row.id}/edit",
    }
    return fragment(request, "rule_conflict.html", 409, shell=shell_of(request, ""), conflict=model)


def _list_model(session: Session, request: Request, row: RuleSet, rules: Rules) -> dict[str, Any]:
    lang = lang_of(request)
    return {
        "version": version_model(session, row),
        "rules": [rule_model(rule, number, lang) for number, rule in enumerate(rules.rules, 1)],
        "can_undo": row.revision > 1,
    }


def _form_model(
    session: Session,
    request: Request,
    rules: Rules,
    fields: Mapping[str, Any],
    root: Node,
    errors: dict[str, str] | None,
    focus: str = "",
) -> dict[str, Any]:
    lang = lang_of(request)
    return {
        **fields,
        "is_new": not fields["original"],
        "is_last": bool(rules.rules) and rules.rules[-1].code == fields["original"],
        "channels": channel_options(lang, str(fields["channel"])),
        "known": known_codes(session, rules, lang),
        "groups": attribute_groups(lang),
        "condition": node_model(root, lang, errors=errors),
        "words": _words(root, lang),
        "focus": focus.replace(".", "-"),
    }


def _words(root: Node, lang: str) -> str:
    """The condition in words as far as it can be read."""
    try:
        when = written(root, "rules[0].when").when
        rest = {"code": "x", "channel": "none", "reasons": ["x"], "when": "always"}
        rule = read_rule_set({"schema": 2, "rules": [{**rest, "code": "y", "when": when}, rest]}).rules[0]
    except BadRuleSet:
        return ""
    return condition_words(rule.when, lang)
