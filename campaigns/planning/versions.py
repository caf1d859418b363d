"""The life of a rule set's version: draft → proposed → active → retired, with four eyes on the way.

Only a draft is edited. Whoever edited a version last does not activate it, unless the office lets one person do so. An active version is
never changed: editing begins with a new draft made from it, and going back to an earlier version is a new draft made from that one.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace
from datetime import datetime
from enum import StrEnum

from sqlalchemy import func, select, update
from sqlalchemy.orm import Session

from callcenter.auth.models import Office
from callcenter.core.db import advisory_lock, office_of
from callcenter.core.errors import Conflict, InvalidInput, NotAllowed, NotFound
from campaigns.planning.models import Campaign, RuleSet, RuleSetEdit
from campaigns.planning.references import missing_references
from campaigns.segmentation import rules as meaning
from campaigns.segmentation.comparing import Comparison, compare
from campaigns.segmentation.documents import read_rule_set, write_rule_set
from campaigns.segmentation.experiments import Experiment, allot
from campaigns.segmentation.problems import BadRuleSet

FOUR_EYES = "rules_four_eyes"
MAX_NAME, MAX_NOTE = 60, 1000


class RuleStatus(StrEnum):
    """Campaigns follow an active version; at most one of a name is."""

    DRAFT = "draft"
    PROPOSED = "proposed"
    ACTIVE = "active"
    RETIRED = "retired"


TRANSITIONS: dict[RuleStatus, frozenset[RuleStatus]] = {
    RuleStatus.DRAFT: frozenset({RuleStatus.PROPOSED, RuleStatus.RETIRED}),
    RuleStatus.PROPOSED: frozenset({RuleStatus.DRAFT, RuleStatus.ACTIVE, RuleStatus.RETIRED}),
    RuleStatus.ACTIVE: frozenset({RuleStatus.RETIRED}),
    RuleStatus.RETIRED: frozenset(),
}


class EditedMeanwhile(Conflict):
    """Somebody else changed the draft; what was typed is not lost, and `comparison` tells what changed since."""

    code = "edited_meanwhile"

    def __init__(self, row: RuleSet, comparison: Comparison) -> None:
        super().__init__("The draft was changed meanwhile.", hint="Look at what changed, then save again.")
        self.row, self.comparison = row, comparison


def version_of(session: Session, rule_set_id: int, *, lock: bool = False) -> RuleSet:
    """A version by its id.

    Raises:
        NotFound: there is none in this office.
    """
    query = select(RuleSet).where(RuleSet.id == rule_set_id)
    found = session.scalar(query.with_for_update().execution_options(populate_existing=True) if lock else query)
    if found is None:
        raise NotFound("There is no such version of a rule set.", hint="`callcenter rules list` shows them.", code="no_rule_set")
    return found


def find_version(session: Session, name: str, version: int | None = None) -> RuleSet:
    """A version by name and number; without a number the active one, else the newest.

    Raises:
        NotFound: there is none.
    """
    query = select(RuleSet).where(RuleSet.name == name)
    if version is not None:
        query = query.where(RuleSet.version == version)
    order = ((RuleSet.status == RuleStatus.ACTIVE.value).desc(), RuleSet.version.desc())
    found = session.scalar(query.order_by(*order).limit(1))
    if found is None:
        names = sorted(session.scalars(select(RuleSet.name).distinct()))
        what = f"'{name}'" if version is None else f"'{name}' version {version}"
        raise NotFound(f"There is no rule set {what}.", hint=f"There are: {', '.join(names) or 'none'}.", code="no_rule_set")
    return found


def version_beside(session: Session, campaign: Campaign, version: int) -> RuleSet:
    """A version of the rule set that a campaign follows.

    Raises:
        NotFound: there is none of that number.
    """
    return find_version(session, version_of(session, campaign.rule_set_id).name, version)


def list_versions(session: Session) -> list[RuleSet]:
    """All versions: by name, the newest first."""
    return list(session.scalars(select(RuleSet).order_by(RuleSet.name, RuleSet.version.desc())))


def active_version(session: Session, name: str) -> RuleSet | None:
    """The version that campaigns follow."""
    return session.scalar(select(RuleSet).where(RuleSet.name == name, RuleSet.status == RuleStatus.ACTIVE.value))


def store_draft(
    session: Session, name: str, rule_set: meaning.RuleSet, now: datetime, *, user_id: int | None, based_on: RuleSet | None = None
) -> RuleSet:
    """Stores a rule set as a new draft, the next version of its name.

    Raises:
        InvalidInput: the name can't be one.
    """
    name = name.strip()
    if not 0 < len(name) <= MAX_NAME or not name.isprintable():
        raise InvalidInput(
            f"A rule set's name must be 1 to {MAX_NAME} characters.", hint="For example: standard.", code="bad_rule_set_name"
        )
    advisory_lock(session, "rule_set")
    before = based_on or active_version(session, name)
    row = RuleSet(
        name=name,
        version=1 + (session.scalar(select(func.max(RuleSet.version)).where(RuleSet.name == name)) or 0),
        status=RuleStatus.DRAFT.value,
        document=_stored(rule_set, before),
        based_on=None if before is None else before.id,
        created_by=user_id,
        created_at=now,
        edited_by=user_id,
        edited_at=now,
    )
    session.add(row)
    session.flush()
    _note_edit(session, row, user_id, now)
    return row


def draft_from(session: Session, source: RuleSet, now: datetime, *, user_id: int | None, name: str = "") -> RuleSet:
    """A new draft with the rules of a version of any status, under its name or another."""
    return store_draft(session, name or source.name, read_rule_set(source.document), now, user_id=user_id, based_on=source)


def edit(session: Session, rule_set_id: int, revision: int, rule_set: meaning.RuleSet, now: datetime, *, user_id: int | None) -> RuleSet:
    """Changes a draft.

    Args:
        revision: the one that the editor saw.

    Raises:
        NotFound: no such version.  Conflict: it is no draft.  EditedMeanwhile: somebody else edited it since `revision`.
    """
    row = version_of(session, rule_set_id, lock=True)
    _require(row, RuleStatus.DRAFT)
    if row.revision != revision:
        raise EditedMeanwhile(row, changed_since(session, row, revision))
    row.document = _stored(rule_set, row)
    row.revision += 1
    row.edited_by, row.edited_at = user_id, now
    session.flush()
    _note_edit(session, row, user_id, now)
    return row


def changed_since(session: Session, row: RuleSet, revision: int) -> Comparison:
    """What a draft's present rules have that an earlier revision's had not."""
    query = select(RuleSetEdit.document).where(RuleSetEdit.rule_set_id == row.id, RuleSetEdit.revision == revision)
    present = read_rule_set(row.document)
    seen = session.scalar(query)
    return compare(present if seen is None else read_rule_set(seen), present)


def propose(session: Session, rule_set_id: int, now: datetime, *, user_id: int | None, scripts: Collection[str]) -> RuleSet:
    """Hands a draft over for activation by somebody else.

    Args:
        scripts: codes of the automated calls' scripts that exist.

    Raises:
        Conflict: it is no draft.  BadRuleSet: it names a wording or a script that does not exist.
    """
    row = version_of(session, rule_set_id, lock=True)
    _require(row, RuleStatus.DRAFT)
    if problems := missing_references(session, read_rule_set(row.document), scripts):
        raise BadRuleSet(problems)
    row.status = RuleStatus.PROPOSED.value
    row.proposed_by, row.proposed_at, row.note = user_id, now, ""
    session.flush()
    return row


def send_back(session: Session, rule_set_id: int, *, note: str) -> RuleSet:
    """Makes a proposed version a draft again, with a reason.

    Raises:
        Conflict: it is not proposed.  InvalidInput: there is no reason.
    """
    row = version_of(session, rule_set_id, lock=True)
    _require(row, RuleStatus.PROPOSED)
    row.note = _reason(note)
    row.status, row.proposed_by, row.proposed_at = RuleStatus.DRAFT.value, None, None
    session.flush()
    return row


def activate(session: Session, rule_set_id: int, now: datetime, *, user_id: int | None, note: str) -> list[Campaign]:
    """Makes a proposed version the one that campaigns follow; returns those campaigns. Their next plan goes by it.

    Raises:
        Conflict: it is not proposed.  NotAllowed: the same person edited it last.  InvalidInput: there is no reason.
    """
    advisory_lock(session, "rule_set")
    row = version_of(session, rule_set_id, lock=True)
    _require(row, RuleStatus.PROPOSED)
    if reason := activation_refusal(session, row, user_id):
        raise NotAllowed("Whoever edited a version last does not activate it.", hint="Ask another supervisor.", code=reason)
    row.note = _reason(note)
    session.execute(
        update(RuleSet).where(RuleSet.name == row.name, RuleSet.status == RuleStatus.ACTIVE.value).values(status=RuleStatus.RETIRED.value)
    )
    row.status = RuleStatus.ACTIVE.value
    row.activated_by, row.activated_at = user_id, now
    session.flush()
    following = list(
        session.scalars(select(Campaign).where(Campaign.id.in_(_followers(row.name))).order_by(Campaign.priority, Campaign.id))
    )
    for campaign in following:
        campaign.rule_set_id = row.id
    session.flush()
    return following


def discard(session: Session, rule_set_id: int) -> RuleSet:
    """Gives up a draft or a proposal; its number is not used again.

    Raises:
        Conflict: it is active or retired.
    """
    row = version_of(session, rule_set_id, lock=True)
    if row.status not in (RuleStatus.DRAFT.value, RuleStatus.PROPOSED.value):
        _require(row, RuleStatus.DRAFT)
    row.status = RuleStatus.RETIRED.value
    session.flush()
    return row


def activation_refusal(session: Session, row: RuleSet, user_id: int | None) -> str:
    """Why this person may not activate it, as a code; empty when they may."""
    return "four_eyes" if needs_four_eyes(session) and row.edited_by is not None and row.edited_by == user_id else ""


def needs_four_eyes(session: Session) -> bool:
    """Whether the office wants two people; the default."""
    return bool(session.get_one(Office, office_of(session)).options.get(FOUR_EYES, True))


def set_four_eyes(session: Session, *, needed: bool) -> None:
    """Whether activation needs a second person from now on."""
    office = session.get_one(Office, office_of(session))
    office.options = {**office.options, FOUR_EYES: needed}
    session.flush()


def followers(session: Session, name: str) -> list[Campaign]:
    """Unfinished campaigns that follow any version of a rule set, running ones first."""
    order = ((Campaign.status == "running").desc(), Campaign.priority, Campaign.id.desc())
    return list(session.scalars(select(Campaign).where(Campaign.id.in_(_followers(name))).order_by(*order)))


def _followers(name: str):  # type: ignore[no-untyped-def]
    versions = select(RuleSet.id).where(RuleSet.name == name)
    return select(Campaign.id).where(Campaign.rule_set_id.in_(versions), Campaign.status != "finished")


def _stored(rule_set: meaning.RuleSet, before: RuleSet | None) -> dict[str, object]:
    """The document with the arms' places: those of the version before stay with their arms as far as the shares allow."""
    experiment = rule_set.experiment
    if experiment.arms:
        old = read_rule_set(before.document).experiment if before is not None else Experiment()
        kept = old.arms if old.code == experiment.code else ()
        rule_set = replace(rule_set, experiment=replace(experiment, arms=allot(experiment.arms, kept)))
    return write_rule_set(rule_set)


def _note_edit(session: Session, row: RuleSet, user_id: int | None, now: datetime) -> None:
    session.add(RuleSetEdit(rule_set_id=row.id, revision=row.revision, document=row.document, edited_by=user_id, edited_at=now))
    session.flush()


def _require(row: RuleSet, status: RuleStatus) -> None:
    if row.status != status.value:
        hint = "Make a new draft from it." if row.status in ("active", "retired") else "Look at it again."
        raise Conflict(f"Version {row.version} is {row.status}; that needs a {status}.", hint=hint, code=f"not_{status}")


def _reason(note: str) -> str:
    note = note.strip()
    if not 0 < len(note) <= MAX_NOTE:
        raise InvalidInput(f"A reason is needed, of at most {MAX_NOTE} characters.", hint="It stays on record.", code="no_note")
    return note
