"""Dry runs of a version beside the active one: how many debtors each rule meets and takes, who changes from where to where, and examples.

A trial is a row that a job works on: `request`, then `run`. Nothing of the plan is touched.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from typing import Any

import structlog
from sqlalchemy import or_, select, text, update
from sqlalchemy.orm import Session

from callcenter.core.db import transaction
from callcenter.core.errors import AppError
from campaigns.planning.assigning import AS_A_WHOLE, configured, decide_all, moment_values
from campaigns.planning.models import Campaign, RuleSet, RuleTrial
from campaigns.planning.position import position_at
from campaigns.planning.versions import active_version, followers
from campaigns.segmentation.documents import read_rule_set

log = structlog.get_logger(__name__)
EXAMPLES = 30  # of each change that are kept, ten to a page
LOST_AFTER = timedelta(minutes=10)
Progress = Callable[[int], None]

BOTH = """FROM new_decided d JOIN new_outcome n ON (n.place, n.drawn) = (d.place, d.drawn)
LEFT JOIN old_decided e ON e.debtor_id = d.debtor_id LEFT JOIN old_outcome o ON (o.place, o.drawn) = (e.place, e.drawn)"""
# Counted by what was decided first, joined with what that means afterwards.
MATRIX = """SELECT o.channel AS old, n.channel AS new, o.rule_code AS old_rule, n.rule_code AS new_rule, o.reason_codes AS old_reasons,
  n.reason_codes AS new_reasons, n.arm, o.arm AS old_arm, x.people
FROM (SELECT d.place, d.drawn, e.place AS old_place, e.drawn AS old_drawn, count(*) AS people
      FROM new_decided d LEFT JOIN old_decided e ON e.debtor_id = d.debtor_id GROUP BY 1, 2, 3, 4) x
JOIN new_outcome n ON (n.place, n.drawn) = (x.place, x.drawn)
LEFT JOIN old_outcome o ON (o.place, o.drawn) = (x.old_place, x.old_drawn)"""
SAMPLED = f"""SELECT debtor_id, old, new, old_rule, new_rule FROM (
  SELECT d.debtor_id, o.channel AS old, n.channel AS new, o.rule_code AS old_rule, n.rule_code AS new_rule,
    row_number() OVER (PARTITION BY o.channel, n.channel ORDER BY hashint8extended(d.debtor_id, 11), d.debtor_id) AS number
  {BOTH}) x WHERE number <= {EXAMPLES} ORDER BY old, new, number"""  # noqa: S608 - constants of this module


def request(session: Session, row: RuleSet, now: datetime, *, user_id: int | None) -> RuleTrial:
    """Registers a dry run of a version as it is now."""
    campaigns = followers(session, row.name)
    baseline = active_version(session, row.name)
    trial = RuleTrial(
        rule_set_id=row.id,
        revision=row.revision,
        baseline_id=None if baseline is None or baseline.id == row.id else baseline.id,
        campaign_id=campaigns[0].id if campaigns else None,
        as_of=now,
        created_by=user_id,
        created_at=now,
    )
    session.add(trial)
    session.flush()
    return trial


def latest(session: Session, row: RuleSet) -> RuleTrial | None:
    """The newest dry run of a version."""
    return session.scalar(select(RuleTrial).where(RuleTrial.rule_set_id == row.id).order_by(RuleTrial.id.desc()).limit(1))


def is_current(trial: RuleTrial | None, row: RuleSet) -> bool:
    """Whether a dry run is finished and of the version as it is."""
    return trial is not None and trial.state == "done" and trial.revision == row.revision


def run(office_id: int, trial_id: int, now: datetime, *, tell: Progress | None = None) -> None:
    """Works on a registered dry run; a second process that wants the same one leaves. What goes wrong is noted in the row.

    Args:
        tell: is told how far it is, in percent; by default the row is.
    """
    if not _claim(office_id, trial_id, now):
        return

    def note(percent: int) -> None:
        with transaction(office_id) as session:
            session.execute(update(RuleTrial).where(RuleTrial.id == trial_id).values(progress=percent))

    try:
        with transaction(office_id) as session:
            trial = session.get_one(RuleTrial, (office_id, trial_id))
            values = {"state": "done", "result": count_trial(session, trial, tell or note), "progress": 100}
    except AppError as problem:
        log.warning("trial_failed", office_id=office_id, trial_id=trial_id, code=problem.code)
        values = {"state": "failed", "error": str(problem)[:500]}
    with transaction(office_id) as session:
        session.execute(update(RuleTrial).where(RuleTrial.id == trial_id).values(**values, finished_at=now))


def lost_trials(session: Session, now: datetime) -> list[int]:
    """Dry runs whose job was lost or whose process died."""
    query = select(RuleTrial.id).where(_is_free(now), RuleTrial.created_at < now - timedelta(seconds=30))
    return list(session.scalars(query.order_by(RuleTrial.id)))


def _is_free(now: datetime) -> Any:
    return or_(RuleTrial.state == "queued", (RuleTrial.state == "running") & (RuleTrial.started_at < now - LOST_AFTER))


def _claim(office_id: int, trial_id: int, now: datetime) -> bool:
    with transaction(office_id) as session:
        taken = update(RuleTrial).where(RuleTrial.id == trial_id, _is_free(now)).values(state="running", started_at=now, progress=1)
        return session.scalar(taken.returning(RuleTrial.id)) is not None


def count_trial(session: Session, trial: RuleTrial, tell: Progress) -> dict[str, Any]:
    """What a version would do beside its baseline, as plain JSON."""
    campaign = session.get(Campaign, (trial.office_id, trial.campaign_id)) if trial.campaign_id else None
    position = position_at(session, campaign, trial.as_of)
    values, ladder = moment_values(session, trial.as_of, position), position.cases()
    row = session.get_one(RuleSet, (trial.office_id, trial.rule_set_id))
    baseline = session.get(RuleSet, (trial.office_id, trial.baseline_id)) if trial.baseline_id else None
    new = read_rule_set(row.document)
    tell(5)
    decide_all(session, new, ladder, values, prefix="new", matches=True)
    tell(40)
    decide_all(session, read_rule_set((baseline or row).document), ladder, values, prefix="old")
    tell(70)
    with configured(session, AS_A_WHOLE):
        matches = _matches(session, len(new.rules))
        tell(75)
        rows = [dict(each) for each in session.execute(text(MATRIX)).mappings()]
        tell(80)
        examples = _examples(session)
    takes = _tally(rows, "new_rule")
    return {
        "debtors": sum(each["people"] for each in rows),
        "has_baseline": baseline is not None,
        "rules": [{"code": rule.code, "matches": matches[n], "takes": takes.get(rule.code, 0)} for n, rule in enumerate(new.rules)],
        "old_rules": _tally(rows, "old_rule"),
        "channels": {"old": _tally(rows, "old"), "new": _tally(rows, "new")},
        "reasons": {"old": _tally(rows, "old_reasons"), "new": _tally(rows, "new_reasons")},
        "none_reasons": {side: _tally([r for r in rows if r[side] == "none"], f"{side}_reasons") for side in ("old", "new")},
        "arms": _tally(rows, "arm"),
        "moved_arms": sum(each["people"] for each in rows if each["arm"] != each["old_arm"]),
        "matrix": [{"old": old, "new": fresh, "people": people} for (old, fresh), people in sorted(_cells(rows).items())],
        "examples": examples,
    }


def _matches(session: Session, rules: int) -> list[int]:
    counts = ", ".join(f"count(*) FILTER (WHERE m{number})" for number in range(rules))
    return list(session.execute(text(f"SELECT {counts} FROM new_decided")).one())  # noqa: S608 - numbers only


def _examples(session: Session) -> dict[str, list[list[Any]]]:
    """Debtors of each change as [id, rule before, rule now], chosen by a hash: the same ones every time."""
    found: dict[str, list[list[Any]]] = {}
    for each in session.execute(text(SAMPLED)):
        found.setdefault(f"{each.old}>{each.new}", []).append([each.debtor_id, each.old_rule, each.new_rule])
    return found


def _cells(rows: list[dict[str, Any]]) -> dict[tuple[str, str], int]:
    cells: dict[tuple[str, str], int] = {}
    for each in rows:
        cells[each["old"], each["new"]] = cells.get((each["old"], each["new"]), 0) + each["people"]
    return cells


def _tally(rows: list[dict[str, Any]], column: str) -> Mapping[str, int]:
    counts: dict[str, int] = {}
    for each in rows:
        for word in each[column] if isinstance(each[column], list) else [each[column]]:
            counts[word] = counts.get(word, 0) + each["people"]
    return counts
