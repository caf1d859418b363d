"""Preparing a batch: who is assigned to the channel, asked at the gate for the moment of release, each with a place in the window.

Everything is done in sets, some thousands at a time: SMS become `Message` rows with their finished text, automated calls become `WorkItem`
rows that the dialer dials. What is in memory does not grow with the batch.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import func, select, text
from sqlalchemy.orm import Session

from callcenter.core.db import numbers_array, office_of, texts_array
from campaigns.attempts.codes import Channel
from campaigns.attempts.retry import RetryPolicy, other_part
from campaigns.compliance import sets
from campaigns.compliance.gate import count_reasons
from campaigns.compliance.known import Denied
from campaigns.compliance.models import ComplianceCheck
from campaigns.compliance.policy import ContactPolicy
from campaigns.imports.models import ImportFile
from campaigns.messages import candidates as among
from campaigns.messages.candidates import Candidate, Candidates
from campaigns.messages.models import Batch
from campaigns.messages.spread import USED, Window, place_at
from campaigns.messages.terms import EVEN, BatchTerms
from campaigns.messages.texts import Texts, write_personal
from campaigns.planning.assigning import configured
from campaigns.planning.models import Campaign
from campaigns.planning.position import Position

BAD_TEXT = "no_text"
# The foreign keys of each new row are checked by small statements: planned once, not row by row as the sets around them are.
ROW_BY_ROW = {"plan_cache_mode": "auto"}
MOST_ROUNDS = 99
Tell = Callable[[int, int], None]

_COLUMNS = "office_id, batch_id, debtor_id, phone_id, e164, template_id, body, segments, reference, not_before, updated_at"
# Each one's place in the window: the share of its open seconds, and in which of its spans that is.
_PLACE = """
  CROSS JOIN LATERAL (SELECT :seconds * c.rank / :chosen AS at) share
  CROSS JOIN LATERAL (SELECT width_bucket(share.at, CAST(:begins AS double precision[])) AS number) span"""
# Random once for some thousands, counted within them: to draw for each would cost as much as to write the row, and scatter the index.
_REFERENCE = ":office || '-' || :drawn || lpad(to_hex(c.place), 8, '0')"
_MOMENT = """(CAST(:opens AS timestamptz[]))[span.number]
      + make_interval(secs => share.at - (CAST(:begins AS double precision[]))[span.number])"""
_WRITE_MESSAGES = text(f"""
WITH written AS (
  INSERT INTO message ({_COLUMNS})
  SELECT :office, :batch, c.debtor_id, c.phone_id, c.e164, CASE WHEN c.template <> '' THEN t.template_id END, t.body, t.segments,
    {_REFERENCE}, {_MOMENT}, :now
  FROM batch_candidate c
  JOIN unnest(CAST(:codes AS text[]), CAST(:templates AS bigint[]), CAST(:bodies AS text[]), CAST(:lengths AS smallint[]))
    AS t (code, template_id, body, segments) ON t.code = c.template {_PLACE}
  WHERE c.place BETWEEN :first AND :last AND c.reason IS NULL AND c.debtor_id <> ALL(CAST(:left_out AS bigint[]))
  ORDER BY c.place RETURNING segments)
SELECT count(*), coalesce(sum(segments), 0) FROM written
""")  # noqa: S608 - constants of this module
_WRITE_PERSONAL = text(f"""
WITH written AS (
  INSERT INTO message ({_COLUMNS})
  SELECT :office, :batch, c.debtor_id, c.phone_id, c.e164, t.template_id, t.body, t.segments, {_REFERENCE}, {_MOMENT}, :now
  FROM unnest(CAST(:debtors AS bigint[]), CAST(:templates AS bigint[]), CAST(:bodies AS text[]), CAST(:lengths AS smallint[]))
    AS t (debtor_id, template_id, body, segments)
  JOIN batch_candidate c ON c.debtor_id = t.debtor_id AND c.place BETWEEN :first AND :last {_PLACE}
  ORDER BY c.place RETURNING segments)
SELECT count(*), coalesce(sum(segments), 0) FROM written
""")  # noqa: S608 - constants of this module
_WRITE_ITEMS = text("""
WITH written AS (
  INSERT INTO work_item (office_id, campaign_id, debtor_id, channel, priority, not_before, batch_id, step, round, reason,
    created_at, updated_at)
  SELECT :office, :campaign, t.debtor_id, 'auto_call', t.priority, t.not_before, :batch, t.step, t.round, 'batch', :now, :now
  FROM unnest(CAST(:debtors AS bigint[]), CAST(:priorities AS smallint[]), CAST(:moments AS timestamptz[]), CAST(:steps AS smallint[]),
    CAST(:rounds AS smallint[])) AS t (debtor_id, priority, not_before, step, round)
  ON CONFLICT DO NOTHING RETURNING 1)
SELECT count(*) FROM written
""")
# Those whom an experiment leaves alone where the batch's own rules and steps decided.
_CONTROL = text("""
SELECT ca.debtor_id, ca.arm FROM channel_assignment ca
WHERE ca.office_id = :office AND ca.campaign_id = :campaign AND ca.channel = 'none' AND ca.reason_codes[1] = 'experiment_wait'
  AND (ca.rule_code, ca.step) IN (SELECT o.rule_code, o.step FROM channel_assignment o
    WHERE o.office_id = :office AND o.campaign_id = :campaign AND o.channel = CAST(:channel AS text))
  AND ca.debtor_id > :after ORDER BY ca.debtor_id LIMIT :size
""")
_KEEP_CONTROL = text("""
INSERT INTO batch_control (office_id, batch_id, debtor_id, arm)
SELECT :office, :batch, t.debtor_id, t.arm FROM unnest(CAST(:debtors AS bigint[]), CAST(:arms AS text[])) AS t (debtor_id, arm)
""")


@dataclass(frozen=True, slots=True)
class Outline:
    """Everything that a batch is prepared from."""

    campaign: Campaign
    channel: Channel
    policy: ContactPolicy
    window: Window
    terms: BatchTerms
    position: Position
    texts: Texts | None
    now: datetime


@dataclass
class Tally:
    """What was prepared and refused so far."""

    prepared: int
    segments: int
    reasons: dict[str, int]

    def refuse(self, reasons: Mapping[str, int]) -> None:
        """Counts refusals."""
        for reason, count in reasons.items():
            self.reasons[reason] = self.reasons.get(reason, 0) + count


def list_date(session: Session) -> Any:
    """The date of the list that the office's debts come from; None before the first."""
    newest = select(func.max(ImportFile.as_of)).where(ImportFile.kind == "debts", ImportFile.status == "done", ~ImportFile.is_dry_run)
    return session.scalar(newest)


def write_all(
    session: Session, outline: Outline, found: Candidates, batch: Batch | None, check: ComplianceCheck | None, tell: Tell | None
) -> Tally:
    """Asks the gate about everybody set apart and writes those it allows; without a batch it only counts.

    Args:
        tell: is told after each part how many of how many were asked; may raise to end it.
    """
    tally, asked = Tally(0, 0, dict(found.reasons)), 0
    for rows in among.parts(session):
        phones = {row.debtor_id: row.phone_id if outline.channel is Channel.SMS else None for row in rows}
        decisions = sets.ask(session, phones, outline.channel, outline.window.opens, outline.policy, check)
        denied = {debtor: decision for debtor, decision in decisions.items() if isinstance(decision, Denied)}
        tally.refuse(count_reasons(denied.values()))
        refused = denied.keys()
        if batch is None:
            tally.prepared += len(rows) - len(refused)
        elif outline.channel is Channel.SMS:
            _write_messages(session, outline, batch, found, rows, refused, tally)
        else:
            tally.prepared += _write_items(session, outline, batch, found, [row for row in rows if row.debtor_id not in refused])
        asked += len(rows)
        if tell is not None:
            tell(asked, found.chosen)
    return tally


def _write_messages(
    session: Session, outline: Outline, batch: Batch, found: Candidates, rows: Sequence[Candidate], refused: AbstractSet[int], tally: Tally
) -> None:
    """One message a person, in the wording of the person's rule where it names one, else the campaign's."""
    texts = outline.texts
    assert texts is not None
    codes = texts.personal
    personal = {row.debtor_id: row.template for row in rows if row.template in codes and row.debtor_id not in refused} if codes else {}
    same = {code: wording for code, wording in texts.by_code.items() if wording.personal is None}
    window = outline.window
    values = {
        "office": office_of(session),
        "batch": batch.id,
        "now": outline.now,
        "drawn": secrets.token_hex(12),
        "first": rows[0].place,
        "last": rows[-1].place,
        "opens": [opens for opens, _ in window.spans],
        "begins": window.begins(),
        "seconds": window.seconds * USED if outline.terms.pace == EVEN else 0.0,
        "chosen": max(1, found.chosen),
    }
    if same and len(personal) + len(refused) < len(rows):
        told = {
            "codes": list(same),
            "templates": [wording.template_id for wording in same.values()],
            "bodies": [wording.body for wording in same.values()],
            "lengths": [wording.segments for wording in same.values()],
            "left_out": numbers_array([*refused, *personal]),
        }
        with configured(session, ROW_BY_ROW):
            _add(tally, session.execute(_WRITE_MESSAGES, values | told).one())
    if personal:
        _write_personal(session, texts, personal, values, tally)


def _write_personal(session: Session, texts: Texts, personal: Mapping[int, str], values: Mapping[str, Any], tally: Tally) -> None:
    told = write_personal(session, texts, personal)
    if told.failed:
        tally.refuse({BAD_TEXT: len(told.failed)})
    columns = {
        "debtors": numbers_array(told.debtors),
        "templates": numbers_array(told.templates),
        "bodies": texts_array(told.bodies),
        "lengths": numbers_array(told.segments),
    }
    with configured(session, ROW_BY_ROW):
        _add(tally, session.execute(_WRITE_PERSONAL, {**values, **columns}).one())


def _add(tally: Tally, written: Any) -> None:
    tally.prepared += int(written[0])
    tally.segments += int(written[1])


def _write_items(session: Session, outline: Outline, batch: Batch, found: Candidates, rows: Sequence[Candidate]) -> int:
    """Queues the automated calls; a further round begins in another part of the day than the rounds before."""
    window = outline.window
    retry = RetryPolicy(outline.policy, outline.channel, outline.position.conduct.retry)
    moments = []
    for row in rows:
        at = place_at(window, outline.terms.pace, row.rank, found.chosen)
        moments.append(max(at, other_part(row.rounds, window.opens, window.closes, retry)) if row.rounds else at)
    values = {
        "office": office_of(session),
        "campaign": batch.campaign_id,
        "batch": batch.id,
        "now": outline.now,
        "debtors": [row.debtor_id for row in rows],
        "priorities": [row.priority for row in rows],
        "moments": moments,
        "steps": [row.step for row in rows],
        "rounds": [min(len(row.rounds or ()) + 1, MOST_ROUNDS) for row in rows],
    }
    with configured(session, ROW_BY_ROW):
        return int(session.scalar(_WRITE_ITEMS, values) or 0)


def keep_control(session: Session, outline: Outline, batch: Batch) -> int:
    """Notes whom an experiment leaves alone though the gate would let them be contacted; returns how many."""
    kept, after = 0, 0
    values = {"office": office_of(session), "campaign": outline.campaign.id, "channel": outline.channel.value}
    while rows := session.execute(_CONTROL, values | {"after": after, "size": among.SIZE}).all():
        after = rows[-1].debtor_id
        decisions = sets.ask(session, {row.debtor_id: None for row in rows}, outline.channel, outline.window.opens, outline.policy)
        left = [row for row in rows if decisions[row.debtor_id].is_allowed]
        told = {"debtors": [row.debtor_id for row in left], "arms": [row.arm for row in left]}
        session.execute(_KEEP_CONTROL, {"office": office_of(session), "batch": batch.id} | told)
        kept += len(left)
    return kept
