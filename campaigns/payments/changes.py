"""What a file of payments changes, as `ImportFile.changes` holds it."""

from __future__ import annotations

from typing import Any

from sqlalchemy.orm import Session

from campaigns.imports.changes import EXAMPLES, changed_fields, example
from campaigns.imports.staging import run

_KEY = ("source_ref", "debtor_no")
_SHOWN = ("tax_code", "levy_year", "term", "paid_on", "principal", "status")


def summary(session: Session) -> dict[str, Any]:
    """Examples of a file just recorded, out of its staged rows (`new_payment`, `known_payment`)."""
    created = run(
        session,
        f"""SELECT s.row, s.source_ref, s.debtor_no, d.name, s.tax_code, s.levy_year, s.term, s.paid_on, s.principal, p.status FROM
            (SELECT * FROM new_payment ORDER BY row LIMIT {EXAMPLES}) s
            JOIN payment p ON p.office_id = :office AND p.source_ref = s.source_ref AND p.is_reversal = s.is_reversal
            LEFT JOIN debtor d ON d.office_id = :office AND d.debtor_no = s.debtor_no ORDER BY s.row""",
    ).mappings()
    updated = run(
        session,
        f"""SELECT k.row, p.source_ref, p.debtor_no, d.name, k.was_posted_on, k.posted_on AS is_posted_on FROM
            (SELECT * FROM known_payment WHERE is_posted AND NOT differs ORDER BY row LIMIT {EXAMPLES}) k
            JOIN payment p ON p.office_id = :office AND p.id = k.id
            LEFT JOIN debtor d ON d.office_id = :office AND d.debtor_no = p.debtor_no ORDER BY k.row""",
    ).mappings()
    posted = int(run(session, "SELECT count(*) FROM known_payment WHERE is_posted AND NOT differs").scalar_one())
    return {
        "fields": {"posted_on": posted} if posted else {},
        "created": [example(row, _KEY, _SHOWN) for row in created],
        "updated": [example(row, _KEY) | {"fields": changed_fields(row, ("posted_on",))} for row in updated],
        "closed": [],
        "debtors": [],
        "totals": {},
    }
