"""Addresses of the calls behind the report page's figures, for readers who may see them."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any
from urllib.parse import quote_plus

from callcenter.auth.permissions import Action, may
from callcenter.web.dependencies import SignedIn
from callcenter.web.report_filters import Filters
from reports.cuts import Cut
from reports.metrics import ATTEMPTS, CONTACT_PER_CALL, CONTACTS, PROMISES


@dataclass(frozen=True)
class Behind:
    """The report as it is shown; `is_allowed`: whether the reader may see single calls."""

    filters: Filters
    is_allowed: bool

    @cached_property
    def _bare(self) -> str:
        """The address that all links of the report begin with: its filters without the cut."""
        address = replace(self.filters, query=replace(self.filters.query, cut=None)).address
        return f"/reports/calls?{address}{'&' if address else ''}"

    def link(self, metric: str, by: Cut = Cut.HOUR, columns: Cut | None = None, **place: str | None) -> str | None:
        """The calls of one figure; `place` is the row and the column, left open where they are missing. Back leads to this report."""
        if not self.is_allowed:
            return None
        at = "".join(f"&{name}={quote_plus(key)}" for name, key in place.items() if key is not None)
        return f"{self._bare}by={by}&columns={columns or ''}&metric={metric}&at={self.filters.query.cut or Cut.HOUR}{at}"

    def row(self, by: Cut, key: str | None) -> dict[str, Any]:
        """The links of a row of the tables."""
        return {f"{metric.code}_href": self.link(metric.code, by, row=key) for metric in (ATTEMPTS, CONTACTS, PROMISES)}

    def cell(self, hour: int, weekday: int) -> str | None:
        """The link of a cell of the table of hours; `weekday` counts from 0."""
        return self.link(CONTACT_PER_CALL.code, Cut.HOUR, Cut.WEEKDAY, row=f"{hour:02d}", column=str(weekday + 1))


def behind(filters: Filters, who: SignedIn) -> Behind:
    """What this person may be led to."""
    return Behind(filters, may(who.role, Action.SEE_DEBTORS))
