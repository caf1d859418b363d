"""The facts of one debtor, as rules see them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from sqlalchemy import text
from sqlalchemy.orm import Session

from campaigns.segmentation.attributes import plain_refs
from campaigns.segmentation.compile import facts_sql
from campaigns.segmentation.conditions import Facts, Ref
from campaigns.segmentation.query import Compiled


def read_facts(session: Session, debtor_id: int, values: Mapping[str, Any], refs: Iterable[Ref] = ()) -> Facts | None:
    """Every attribute that needs no parameter, and those of `refs`, by their keys; None when nothing is owed or the debtor is not listed.

    Args:
        values: office, moment and cycle, as `campaigns.planning.assigning.moment_values` gives them.
    """
    wanted = list(dict.fromkeys((*plain_refs(), *refs)))
    compiled = Compiled()
    sql = facts_sql(wanted, compiled)
    row = session.execute(text(sql), {**compiled.values, **values, "debtor": debtor_id}).one_or_none()
    return None if row is None else dict(zip((ref.key for ref in wanted), row, strict=True))
