"""A full list that would close much of what is open is most likely the wrong list: it is taken only when somebody confirms the number."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import func, select

from callcenter.core.db import transaction
from callcenter.core.errors import InvalidInput
from campaigns.debtors.models import Debt

FEW = 100
"""So many closed debts can be looked through; they are not asked about."""


@dataclass(frozen=True, slots=True)
class ClosingGuard:
    """Refuses to close more than `percent` of the open debts, unless no more than `confirmed` are closed."""

    percent: int
    confirmed: int = 0

    def check(self, office_id: int, closed: int) -> None:
        """Asked inside the import's transaction, before it commits; what is open is read from outside of it.

        Raises:
            InvalidInput: too much would be closed.
        """
        if closed <= max(FEW, self.confirmed):
            return
        with transaction(office_id) as before:
            total = before.scalar(select(func.count()).select_from(Debt).where(Debt.status == "open")) or 0
        if 100 * closed > self.percent * total:
            share = 100 * closed / total if total else 100.0
            raise InvalidInput(
                f"未完了の {total:,} 件のうち {closed:,} 件({share:.1f} %)を完了にする名簿です。何も変更していません。",
                hint=f"全件の名簿であることを --dry-run で確かめ、正しければ --confirm-closing {closed} を付けてください。"
                "一部だけの名簿なら --mode diff です。",
                code="confirm_closing",
            )
