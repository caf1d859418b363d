"""A delinquent list and the payments that are known: what of them the list does not hold yet is set against its amounts as it is merged.

Called by the merge of a list, inside its transaction: `take_out_of_list` on the staged rows (`list_debt`, whose owner is a row of
`list_owner`) before debts are written, `settle_with_list` once they are.
"""

from __future__ import annotations

from datetime import date, datetime

from sqlalchemy.orm import Session

from callcenter.core.clock import local_day
from campaigns.imports.staging import run
from campaigns.payments import ledger
from campaigns.payments.matching import match_unmatched
from campaigns.promises.monitoring import monitor
from campaigns.promises.settle import settle

_HAS_PAYMENTS = "SELECT EXISTS (SELECT FROM payment WHERE office_id = :office AND debt_id IS NOT NULL)"
_IS_REMEMBERED = "SELECT to_regclass('pg_temp.ledger_sum') IS NOT NULL"

_BASE_OF_LIST = """
CREATE TEMPORARY TABLE ledger_base ON COMMIT DROP AS
SELECT b.id AS debt_id, s.row, s.outstanding AS owed, coalesce(s.received, 0) AS received, {assessed} AS assessed,
       CAST(:import_id AS bigint) AS list_id, CAST(:as_of AS date) AS as_of, false AS is_later_counted,
       CAST(NULL AS date) AS closed_as_of
FROM (SELECT DISTINCT debt_id FROM payment WHERE office_id = :office AND debt_id IS NOT NULL) t
JOIN debt b ON b.office_id = :office AND b.id = t.debt_id JOIN list_owner o ON o.id = b.debtor_id
JOIN list_debt s ON s.owner = o.row AND s.tax_code = b.tax_code AND s.levy_year = b.levy_year AND s.base_year = b.base_year
  AND s.term = b.term AND s.notice_no = b.notice_no
"""

_TAKE_OUT = """
UPDATE list_debt s SET outstanding = l.outstanding, received = l.received_now,
       status = CASE WHEN s.status = 'open' AND l.outstanding = 0 THEN 'settled' WHEN s.status = 'settled' AND l.outstanding > 0 THEN 'open'
                     ELSE s.status END
FROM ledger_sum l WHERE s.row = l.row AND (s.outstanding, s.received) IS DISTINCT FROM (l.outstanding, l.received_now)
"""


def take_out_of_list(session: Session, *, import_id: int, as_of: date, has_assessed: bool) -> None:
    """Changes the staged rows (`list_debt`) by the payments that a list of `as_of` does not hold; remembers what it found.

    Args:
        has_assessed: whether the file has 調定額; else a reversal is not held against it.
    """
    if not run(session, _HAS_PAYMENTS).scalar_one():
        return
    ledger.begin(session)
    assessed = "coalesce(s.assessed, 0)" if has_assessed else "b.assessed"
    run(session, _BASE_OF_LIST.format(assessed=assessed), import_id=import_id, as_of=as_of)
    ledger.flow(session)
    run(session, _TAKE_OUT)


def settle_with_list(session: Session, *, import_id: int, is_full: bool, now: datetime) -> None:
    """After the merge: payments, allocations and debts follow the list; payments that waited for their debt are matched."""
    if run(session, _IS_REMEMBERED).scalar_one():
        ledger.write(session, now)
    paying = match_unmatched(session, now, last_full=import_id if is_full else None)
    if paying:
        settle(session, today=local_day(now), now=now, debtor_ids=paying)
        monitor(session, today=local_day(now), now=now, debtor_ids=paying)
