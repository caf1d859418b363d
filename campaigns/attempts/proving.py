"""What line results prove about numbers: the same result as often as the rules say, by whatever way it came on record."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Select, func, select
from sqlalchemy.orm import Session

from campaigns.attempts.codes import LineResult
from campaigns.attempts.models import Attempt
from campaigns.attempts.retry import RetryRules
from campaigns.debtors.models import PhoneNumber


@dataclass(frozen=True, slots=True)
class Proof:
    """A number's status and the moment of the attempt that made the count full."""

    phone_id: int
    status: str
    at: datetime


def proofs(session: Session, rules: RetryRules, phones: Sequence[int] | Select[int], lines: Sequence[LineResult]) -> list[Proof]:
    """What results of `lines` prove about the numbers of those ids by all attempts on record, by number and moment."""
    proving = {line: rule for line in lines if (rule := rules.of(line)).status}
    if not proving:
        return []
    whose = select(PhoneNumber.debtor_id).where(PhoneNumber.id.in_(phones))  # there is an index by debtor, and none by number
    counted = (
        select(
            Attempt.phone_id,
            Attempt.line_result,
            Attempt.began_at,
            func.row_number()
            .over(partition_by=(Attempt.phone_id, Attempt.line_result), order_by=(Attempt.began_at, Attempt.id))
            .label("nth"),
        )
        .where(Attempt.debtor_id.in_(whose), Attempt.phone_id.in_(phones), Attempt.line_result.in_([line.value for line in proving]))
        .subquery()
    )
    last = max(rule.status_after for rule in proving.values())
    rows = session.execute(select(counted).where(counted.c.nth <= last).order_by(counted.c.phone_id, counted.c.began_at))
    return [
        Proof(row.phone_id, rule.status, row.began_at)
        for row in rows
        if row.nth == (rule := proving[LineResult(row.line_result)]).status_after
    ]
