"""Whom a plan must decide for anew: those of whom something was changed since the last one, and those whom time moved over a limit.

Whatever else decides must be as it was, else everybody is decided for: the rules and their arms, the ladder and what the cycle makes of it,
the wording of the SQL itself (`Basis.shape`), and the database in which transactions are counted.

A change counts as seen when its transaction had ended before the last plan began to read (`Basis.since`). Marks carry the transaction that
wrote them and are never changed, so that one that commits late is not lost, and several campaigns read the same ones.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from sqlalchemy import text
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from campaigns.planning.assigning import Counted
from campaigns.planning.models import PlanBasis
from campaigns.segmentation.compile import decided_sql, table_sql
from campaigns.segmentation.passing import Passed, Timed, cases_without_days, crossings, spans_sql, timed, without_days
from campaigns.segmentation.query import Compiled
from campaigns.segmentation.rules import Cases, RuleSet

SHARE = 5
"""Where more than one in so many is concerned, a pass over everybody in the order of keys is quicker."""
OF_THE_MOMENT = frozenset({"as_of", "as_of_day", "now"})
COUNTED_FROM = text("""
SELECT (pg_snapshot_xmin(pg_current_snapshot())::text)::bigint AS since,
  (SELECT system_identifier FROM pg_control_system()) || '/' || (SELECT oid FROM pg_database WHERE datname = current_database()) AS server
""")
OTHERS = "campaign_id IS DISTINCT FROM :campaign"
IS_UNKNOWN = text(f"SELECT EXISTS (SELECT FROM plan_mark WHERE office_id = :office AND xid >= :since AND debtor_id IS NULL AND {OTHERS})")  # noqa: S608 - constants
MARKED = f"SELECT debtor_id FROM plan_mark WHERE office_id = :office AND xid >= :since AND {OTHERS}"  # noqa: S608 - constants
HOUSEHOLDS = """SELECT d.id FROM debtor d WHERE d.office_id = :office AND d.household_no = ANY(ARRAY(
  SELECT household_no FROM plan_mark WHERE office_id = :office AND xid >= :since AND household_no <> ''))"""
CONCERNED = "SELECT DISTINCT debtor_id FROM ({parts}) x LIMIT CAST(:most AS bigint)"
FORGET = (
    text("DELETE FROM plan_basis WHERE planned_at < now() - interval '40 days'"),
    text("""DELETE FROM plan_basis b USING campaign c
      WHERE c.office_id = b.office_id AND c.id = b.campaign_id AND c.status = 'finished'"""),
    text("DELETE FROM plan_mark WHERE office_id = :office AND xid < coalesce((SELECT min(since) FROM plan_basis), :since)"),
)


@dataclass(frozen=True, slots=True)
class Basis:
    """What a plan goes by beside the facts; see `PlanBasis`."""

    as_of: datetime
    shape: str
    times: list[Timed]
    since: int
    server: str


def basis_of(session: Session, rule_set: RuleSet, ladder: Cases, values: Mapping[str, Any]) -> Basis:
    """The basis of a plan that begins to read now.

    Args:
        values: those of `campaigns.planning.service.plan_values`.
    """
    counted = session.execute(COUNTED_FROM).one()
    return Basis(values["as_of"], shape_of(rule_set, ladder, values), timed(rule_set, ladder), counted.since, counted.server)


def shape_of(rule_set: RuleSet, ladder: Cases, values: Mapping[str, Any]) -> str:
    """A digest of all that decides, but facts, the moment, and the numbers that days are compared with."""
    same = replace(rule_set, rules=tuple(replace(rule, when=without_days(rule.when)) for rule in rule_set.rules))
    decided, outcome = Compiled(), Compiled()
    told = [
        decided_sql(same, decided, ladder=cases_without_days(ladder)),
        table_sql(rule_set, outcome, ladder=ladder),
        decided.values,
        outcome.values,
        {name: value for name, value in values.items() if name not in OF_THE_MOMENT},
    ]
    return hashlib.sha256(json.dumps(told, sort_keys=True, default=str).encode()).hexdigest()


def gather(
    session: Session, basis: Basis, rule_set: RuleSet, ladder: Cases, values: Mapping[str, Any], *, however_many: bool = False
) -> list[int] | None:
    """The debtors to decide for anew, in order; None: everybody.

    Args:
        however_many: also when a pass over everybody would be quicker.
    """
    row = session.get(PlanBasis, (values["office"], values["campaign"]), populate_existing=True)
    if row is None or (row.shape, row.server) != (basis.shape, basis.server) or row.since > basis.since:
        return None
    before: list[Timed] = [(key, op, tuple(value) if isinstance(value, list) else value) for key, op, value in row.times]
    spans = crossings(rule_set, ladder, before, Passed(row.as_of, basis.as_of))
    given = {"since": row.since, "office": values["office"], "campaign": values["campaign"]}
    planned = sum(counted.people for counted in counts_before(session, values))
    if spans is None or not planned or session.scalar(IS_UNKNOWN, given):
        return None
    compiled = Compiled()
    asks_households = any(ref.name == "household_members" for ref in rule_set.refs(ladder))
    parts = [MARKED, *([HOUSEHOLDS] if asks_households else []), *spans_sql(spans, compiled)]
    most = None if however_many else planned // SHARE
    statement = CONCERNED.format(parts=" UNION ALL ".join(parts))
    found = list(session.scalars(text(statement), compiled.values | given | {"most": None if most is None else most + 1}))
    return None if most is not None and len(found) > most else sorted(found)


def counts_before(session: Session, values: Mapping[str, Any]) -> list[Counted]:
    """How many got what by the campaign's last plan."""
    row = session.get(PlanBasis, (values["office"], values["campaign"]), populate_existing=True)
    told = [] if row is None else row.counts
    return [Counted(channel, rule, tuple(reasons), arm, people) for channel, rule, reasons, arm, people in told]


def keep(session: Session, basis: Basis, values: Mapping[str, Any], counted: Sequence[Counted]) -> None:
    """Stores what the next plan may go on from, and forgets marks that no campaign needs any more."""
    key = {"office_id": values["office"], "campaign_id": values["campaign"]}
    counts = [[row.channel, row.rule_code, list(row.reasons), row.arm, row.people] for row in counted]
    found = {
        "as_of": basis.as_of,
        "shape": basis.shape,
        "times": basis.times,
        "since": basis.since,
        "server": basis.server,
        "counts": counts,
    }
    row = insert(PlanBasis).values(**key, **found)
    changes = found | {"planned_at": text("now()")}
    session.execute(row.on_conflict_do_update(index_elements=list(key), set_=changes))
    for statement in FORGET:
        session.execute(statement, {"office": values["office"], "since": basis.since})
