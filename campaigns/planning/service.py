"""Campaigns: making, finding, starting, pausing, finishing, and planning them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import date, datetime
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from callcenter.core.db import advisory_lock, count_anew_after_commit, office_of
from callcenter.core.errors import Conflict, InvalidInput, NotFound
from callcenter.core.live import publish
from campaigns.attempts.codes import Channel
from campaigns.planning.assigning import (
    Counted,
    count_only,
    count_onward,
    decide_all,
    decide_some,
    moment_values,
    write_decided,
    write_some,
)
from campaigns.planning.conduct import Conduct, conduct_of, options_of
from campaigns.planning.continuing import basis_of, counts_before, gather, keep
from campaigns.planning.dialling import with_settings
from campaigns.planning.models import Campaign, RuleSet
from campaigns.planning.position import Position, position_at
from campaigns.planning.rulesets import find_rule_set, rules_of, standard_rule_set
from campaigns.planning.state import CampaignStatus, move
from campaigns.planning.turning import cycle_line, turn
from campaigns.segmentation.models import ChannelAssignment
from campaigns.worklist.models import WorkItem
from campaigns.worklist.withdraw import withdraw_campaign

DIAL_MODES = ("preview", "progressive", "predictive")
MAX_NAME = 60
LARGE_CHANGE = 10_000  # rows written by a plan, after which the database's statistics of them no longer hold


@dataclass(frozen=True, slots=True)
class PlanResult:
    """Counts of a plan; `channels` sums up to `debtors`, `changed` were written, `removed` owe nothing any more.

    `concerned` is for how many it was decided anew; None: for everybody.
    """

    campaign: str
    as_of: datetime
    debtors: int
    channels: dict[str, int]
    reasons: dict[str, int]
    changed: int
    removed: int
    is_dry_run: bool
    concerned: int | None = None


def create_campaign(
    session: Session,
    name: str,
    now: datetime,
    *,
    rule_set: str | None = None,
    dial_mode: str = "progressive",
    priority: int = 5,
    starts_on: date | None = None,
    ends_on: date | None = None,
    options: dict[str, Any] | None = None,
    user_id: int | None = None,
) -> Campaign:
    """Makes a campaign in draft; without a rule set it follows the standard one.

    Raises:
        InvalidInput: a bad name, mode, priority, period, or ladder, cycle and retries in `options`.
        Conflict: the name is taken.  NotFound: no such rule set.
    """
    name = name.strip()
    if not 0 < len(name) <= MAX_NAME or name.isdigit():
        raise InvalidInput(
            "A campaign's name must be 1 to 60 characters and not a mere number.", hint="For example: 2026年11月.", code="usage"
        )
    _check_mode(dial_mode, priority)
    conduct_of(options or {})
    if starts_on and ends_on and ends_on < starts_on:
        raise InvalidInput("The campaign would end before it begins.", hint="Check both dates.", code="usage")
    advisory_lock(session, "campaign")
    if session.scalar(select(Campaign.id).where(Campaign.name == name)) is not None:
        raise Conflict(f"There is a campaign '{name}' already.", hint="Choose another name; `campaign list` shows them.")
    stored = find_rule_set(session, rule_set) if rule_set else standard_rule_set(session, now)
    campaign = Campaign(
        name=name,
        rule_set_id=stored.id,
        dial_mode=dial_mode,
        priority=priority,
        starts_on=starts_on,
        ends_on=ends_on,
        options=options or {},
        status=CampaignStatus.DRAFT.value,
        created_by=user_id,
        created_at=now,
    )
    session.add(campaign)
    session.flush()
    return campaign


def change_campaign(
    session: Session,
    campaign_id: int,
    *,
    conduct: Conduct | None = None,
    dial_mode: str | None = None,
    priority: int | None = None,
    dialling: Mapping[str, Any] | None = None,
) -> Campaign:
    """Changes what is given: ladder, cycles and retries count from the next plan on, the length of a cycle from the next one.

    Raises:
        NotFound: no such campaign.  Conflict: it is finished.  InvalidInput: no such mode, priority or setting of `dialling`.
    """
    campaign = session.scalar(select(Campaign).where(Campaign.id == campaign_id).with_for_update())
    if campaign is None:
        raise NotFound("There is no such campaign.", hint="`callcenter campaign list` shows them.")
    if campaign.status == CampaignStatus.FINISHED:
        raise Conflict(f"The campaign '{campaign.name}' is finished.", hint="Make a new campaign.")
    _check_mode(dial_mode or campaign.dial_mode, campaign.priority if priority is None else priority)
    if conduct is not None:
        campaign.options = {**campaign.options, **options_of(conduct)}
    if dialling is not None:
        campaign.options = with_settings(campaign.options, dialling)
    campaign.dial_mode = dial_mode or campaign.dial_mode
    campaign.priority = campaign.priority if priority is None else priority
    session.flush()
    publish(session, "board")
    return campaign


def _check_mode(dial_mode: str, priority: int) -> None:
    if dial_mode not in DIAL_MODES:
        raise InvalidInput(f"'{dial_mode}' is no dialling mode.", hint=f"Expected one of: {', '.join(DIAL_MODES)}.", code="usage")
    if not 1 <= priority <= 9:
        raise InvalidInput("The priority must be 1 (first) to 9.", code="usage")


def find_campaign(session: Session, reference: str) -> Campaign:
    """A campaign by its name, or by its number.

    Raises:
        NotFound: there is no such campaign.
    """
    found = session.scalar(select(Campaign).where(Campaign.name == reference.strip()))
    if found is None and reference.strip().isdigit() and len(reference) < 18:
        found = session.scalar(select(Campaign).where(Campaign.id == int(reference)))
    if found is None:
        raise NotFound(f"There is no campaign '{reference}'.", hint="`callcenter campaign list` shows them.")
    return found


def list_campaigns(session: Session) -> list[Campaign]:
    """All campaigns, the newest first."""
    return list(session.scalars(select(Campaign).order_by(Campaign.id.desc())))


def latest_campaign(session: Session) -> Campaign | None:
    """The campaign people mean when they name none: a running one before others, the newest first."""
    running_first = (Campaign.status == CampaignStatus.RUNNING.value).desc()
    unfinished = Campaign.status != CampaignStatus.FINISHED.value
    return session.scalar(select(Campaign).where(unfinished).order_by(running_first, Campaign.id.desc()).limit(1))


def show_campaign(session: Session, campaign: Campaign) -> dict[str, Any]:
    """What there is to know about a campaign: its settings, assignments by channel and work by state."""
    by_channel = (
        select(ChannelAssignment.channel, func.count())
        .where(ChannelAssignment.campaign_id == campaign.id)
        .group_by(ChannelAssignment.channel)
    )
    by_state = select(WorkItem.state, func.count()).where(WorkItem.campaign_id == campaign.id).group_by(WorkItem.state)
    rule_set = session.get_one(RuleSet, (office_of(session), campaign.rule_set_id))
    return {
        **campaign_line(campaign),
        "rule_set": f"{rule_set.name} v{rule_set.version}",
        "starts_on": campaign.starts_on,
        "ends_on": campaign.ends_on,
        "options": campaign.options,
        "planned_as_of": campaign.planned_as_of,
        "cycle": cycle_line(session, campaign),
        "channels": {row[0]: row[1] for row in session.execute(by_channel)},
        "work": {row[0]: row[1] for row in session.execute(by_state)},
    }


def campaign_line(campaign: Campaign) -> dict[str, Any]:
    """A campaign in one line."""
    return {
        "id": campaign.id,
        "name": campaign.name,
        "status": campaign.status,
        "dial_mode": campaign.dial_mode,
        "priority": campaign.priority,
    }


def set_status(session: Session, campaign_id: int, wanted: CampaignStatus, now: datetime) -> Campaign:
    """Starts, pauses or finishes a campaign; starting opens its cycle, finishing withdraws what still waits. Repeating is not an error.

    Raises:
        NotFound: no such campaign.  Conflict: the status can't follow the present one.
    """
    campaign = session.scalar(select(Campaign).where(Campaign.id == campaign_id).with_for_update())
    if campaign is None:
        raise NotFound("There is no such campaign.", hint="`callcenter campaign list` shows them.")
    if not move(CampaignStatus(campaign.status), wanted):
        return campaign
    campaign.status = wanted.value
    if wanted is CampaignStatus.RUNNING and campaign.started_at is None:
        campaign.started_at = now
    if wanted is CampaignStatus.FINISHED:
        campaign.finished_at = now
        withdraw_campaign(session, campaign.id, now)
    session.flush()
    turn(session, campaign.id, now)
    publish(session, "board")
    return campaign


def plan(
    session: Session,
    campaign_id: int,
    as_of: datetime,
    *,
    now: datetime | None = None,
    dry_run: bool = False,
    rule_set_id: int | None = None,
    everybody: bool | None = None,
    tell: Callable[[str], None] | None = None,
) -> PlanResult:
    """Assigns a channel and a reason to every listed debtor who owes; writes only what changed.

    Where a plan was made before by the same rules, only those are decided for whom a change since, or time, may concern.

    Args:
        as_of: the moment whose facts count, aware.
        now: when it is written; by default `as_of`.
        dry_run: counts only.
        rule_set_id: another version than the campaign's, for a dry run.
        everybody: True decides for everybody in any case, False for as few as can be; by default whatever is quicker.
        tell: is told when deciding (decide) and writing (write) begin.

    Raises:
        NotFound: no such campaign.  Conflict: it is finished.  InvalidInput: its rule set or its ladder can't be read.
    """
    campaign = session.scalar(select(Campaign).where(Campaign.id == campaign_id))
    if campaign is None:
        raise NotFound("There is no such campaign.", hint="`callcenter campaign list` shows them.")
    if campaign.status == CampaignStatus.FINISHED.value and not dry_run:
        raise Conflict(f"The campaign '{campaign.name}' is finished.", hint="Make a new campaign.")
    if rule_set_id not in (None, campaign.rule_set_id) and not dry_run:
        raise InvalidInput("Another version than the campaign's is only counted.", hint="Add --dry-run, or activate it.", code="usage")
    if not dry_run:
        advisory_lock(session, f"plan {campaign_id}")
    rule_set = rules_of(session, rule_set_id or campaign.rule_set_id)
    position = position_at(session, campaign, as_of)
    values = plan_values(session, campaign, as_of, now or as_of, position)
    tell = tell or (lambda step: None)
    tell("decide")
    if dry_run:
        counted = count_only(session, rule_set, position.cases(), values)
        return _summed_up(campaign.name, as_of, counted, is_dry_run=True)
    basis = basis_of(session, rule_set, position.cases(), values)
    concerned = None
    if not everybody:
        concerned = gather(session, basis, rule_set, position.cases(), values, however_many=everybody is False)
    if concerned is None:
        counted = decide_all(session, rule_set, position.cases(), values)
        tell("write")
        changed, removed = write_decided(session, values, rule_set.experiment.code)
    else:
        decide_some(session, rule_set, position.cases(), values, concerned)
        tell("write")
        changed, removed = write_some(session, values, rule_set.experiment.code)
        counted = count_onward(session, counts_before(session, values))
    keep(session, basis, values, counted)
    if changed + removed >= LARGE_CHANGE:
        count_anew_after_commit(session, ChannelAssignment.__tablename__)
    campaign.planned_as_of = as_of
    publish(session, "board")
    return replace(
        _summed_up(campaign.name, as_of, counted), changed=changed, removed=removed, concerned=None if concerned is None else len(concerned)
    )


def plan_values(session: Session, campaign: Campaign, as_of: datetime, now: datetime, position: Position | None = None) -> dict[str, Any]:
    """What a plan's statements need beside its rules' own values."""
    moment = moment_values(session, as_of, position or position_at(session, campaign, as_of))
    return moment | {"campaign": campaign.id, "rule_set": campaign.rule_set_id, "now": now}


def _summed_up(name: str, as_of: datetime, counted: list[Counted], *, is_dry_run: bool = False) -> PlanResult:
    channels = {channel.value: 0 for channel in Channel}
    reasons: dict[str, int] = {}
    for row in counted:
        channels[row.channel] += row.people
        for code in row.reasons:
            reasons[code] = reasons.get(code, 0) + row.people
    ordered = dict(sorted(reasons.items(), key=lambda item: (-item[1], item[0])))
    return PlanResult(name, as_of, sum(channels.values()), channels, ordered, 0, 0, is_dry_run)
