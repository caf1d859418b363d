"""Rule sets: all versions, one version in words beside another, and its way from draft to active."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter
from fastapi import Form as Field
from sqlalchemy.orm import Session
from starlette.requests import Request
from starlette.responses import Response

from callcenter.auth import audit
from callcenter.auth.permissions import Action
from callcenter.auth.permissions import may as may_do
from callcenter.core.clock import utc_now
from callcenter.core.errors import Conflict, InvalidInput
from callcenter.core.queue import enqueue_after_commit
from callcenter.web.dependencies import Once, SignedIn, Tx, may, once
from callcenter.web.pages import lang_of, leads_to, page, shell_of, words_of
from callcenter.web.rule_model import arm_lines, comparison_model, rule_model, state_of, version_model
from campaigns.planning import trials, versions
from campaigns.planning.models import RuleSet
from campaigns.planning.rulesets import standard_rule_set
from campaigns.segmentation.comparing import compare
from campaigns.segmentation.documents import read_rule_set
from dialer.ivr.service import script_codes

router = APIRouter()
Reader = Annotated[SignedIn, may(Action.SEE_RULES)]
Editor = Annotated[SignedIn, may(Action.EDIT_RULES)]
Note = Annotated[str, Field(max_length=1000)]


@router.get("/rules")
def list_rules(request: Request, session: Tx, who: Reader) -> Response:
    """All rule sets with their versions, the newest first."""
    standard_rule_set(session, utc_now())
    groups: dict[str, list[dict[str, Any]]] = {}
    for row in versions.list_versions(session):
        groups.setdefault(row.name, []).append(version_model(session, row))
    model = [
        {"name": name, "versions": rows, "campaigns": [campaign.name for campaign in versions.followers(session, name)]}
        for name, rows in groups.items()
    ]
    shell = shell_of(request, words_of(request)("nav.rules"))
    return page(request, "rules.html", shell, rule_sets=model, can_edit=may_do(who.role, Action.EDIT_RULES))


@router.get("/rules/{rule_set_id}")
def show_rules(request: Request, session: Tx, who: Reader, rule_set_id: int, beside: int | None = None) -> Response:
    """One version in words, and how it differs from another: by default from the active one, else from the one it was made from."""
    lang, row = lang_of(request), versions.version_of(session, rule_set_id)
    rules = read_rule_set(row.document)
    other = _beside(session, row, beside)
    told = None if other is None else comparison_model(compare(read_rule_set(other.document), rules), lang)
    others = [each for each in versions.list_versions(session) if each.name == row.name and each.id != row.id]
    title = words_of(request)("rules.title", name=row.name, version=row.version)
    return page(
        request,
        "rule_set.html",
        shell_of(request, title),
        version=version_model(session, row),
        rules=[rule_model(rule, number, lang) for number, rule in enumerate(rules.rules, 1)],
        arms=arm_lines(rules, lang),
        experiment=rules.experiment.code,
        comparison=told,
        beside=None if other is None else version_model(session, other),
        others=[{"value": each.id, "label": each.version, "is_chosen": other is not None and each.id == other.id} for each in others],
        state=state_of(session, row, who.user_id),
        can_edit=may_do(who.role, Action.EDIT_RULES),
    )


@router.post("/rules/{rule_set_id}/state")
def change_state(
    request: Request,
    session: Tx,
    who: Editor,
    done: Annotated[Once, once],
    rule_set_id: int,
    to: Annotated[str, Field(max_length=12)],
    note: Note = "",
    replan: Annotated[str, Field(max_length=5)] = "",
) -> Response:
    """A new draft from it, proposed, sent back, activated or given up."""
    row = versions.version_of(session, rule_set_id)
    if done.is_repeat:
        return leads_to(request, f"/rules/{row.id}")
    now = utc_now()
    if to == "draft":
        row = versions.draft_from(session, row, now, user_id=who.user_id)
    elif to == "propose":
        versions.propose(session, row.id, now, user_id=who.user_id, scripts=script_codes(session))
    elif to == "return":
        versions.send_back(session, row.id, note=note)
    elif to == "discard":
        versions.discard(session, row.id)
    elif to == "activate":
        _activate(session, row, who, note, is_replanned=replan == "true")
    else:
        raise InvalidInput("その操作はありません。", hint="draft, propose, return, activate, discard", code="bad_state")
    detail = {"version": row.version, "revision": row.revision}
    audit.record(session, f"rules.{to}", "rule_set", row.id, who.user_id, who.address, detail, now)
    return leads_to(request, {"draft": f"/rules/{row.id}/edit", "propose": f"/rules/{row.id}/preview"}.get(to, f"/rules/{row.id}"))


def _activate(session: Session, row: RuleSet, who: SignedIn, note: str, *, is_replanned: bool) -> None:
    """Only what has been tried as it is comes into force."""
    if not trials.is_current(trials.latest(session, row), row):
        raise Conflict("この版の試算がまだありません。", hint="試算をしてから有効にしてください。", code="no_trial")
    following = versions.activate(session, row.id, utc_now(), user_id=who.user_id, note=note)
    for campaign in following if is_replanned else ():
        if campaign.status == "running":
            enqueue_after_commit(session, "campaigns.jobs.plan_campaign", campaign.id)


def _beside(session: Session, row: RuleSet, wanted: int | None) -> RuleSet | None:
    if wanted is not None:
        return versions.version_of(session, wanted)
    active = versions.active_version(session, row.name)
    if active is not None and active.id != row.id:
        return active
    return versions.version_of(session, row.based_on) if row.based_on is not None else None
