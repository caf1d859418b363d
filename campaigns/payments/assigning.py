"""Setting an unmatched payment against a debt by hand, and taking that back."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from callcenter.core.db import try_advisory_lock
from callcenter.core.errors import Conflict, InvalidInput, NotFound
from campaigns.debtors.models import Debt, Debtor
from campaigns.payments import ledger
from campaigns.payments.following import follow
from campaigns.payments.models import Payment

IMPORT_LOCK = "import"  # as campaigns.imports.service takes it: an import reckons the same debts


def payment_of(session: Session, payment_id: int) -> Payment:
    """The payment. Raises NotFound."""
    payment = session.scalar(select(Payment).where(Payment.id == payment_id))
    if payment is None:
        raise NotFound("その入金はありません。", code="no_payment")
    return payment


def candidates(session: Session, payment: Payment, count: int = 20) -> list[Debt]:
    """Debts of the debtor the payment names: those of its tax first, then those owing just as much."""
    if payment.debtor_id is None:
        return []
    order = ((Debt.tax_code == payment.tax_code).desc(), (Debt.outstanding == payment.principal).desc(), Debt.due_on, Debt.id)
    return list(session.scalars(select(Debt).where(Debt.debtor_id == payment.debtor_id).order_by(*order).limit(count)))


def find_debts(session: Session, debtor_no: str, tax_code: str, levy_year: int, term: int) -> list[Debt]:
    """The debts that four fields name; several where they differ by 相当年度 or 通知書番号.

    Raises:
        InvalidInput: nobody has that number.  NotFound: that debtor has no such debt.
    """
    debtor_id = session.scalar(select(Debtor.id).where(Debtor.debtor_no == debtor_no))
    if debtor_id is None:
        raise InvalidInput("その宛名番号の対象者はいません。", hint="先頭の0も含めて入れてください。", code="debtor_no")
    same = (Debt.debtor_id == debtor_id, Debt.tax_code == tax_code, Debt.levy_year == levy_year, Debt.term == term)
    found = list(session.scalars(select(Debt).where(*same).order_by(Debt.base_year, Debt.notice_no)))
    if not found:
        raise NotFound("その期別の滞納はありません。", hint="税目コード・賦課年度・期別を確かめてください。", code="no_debt")
    return found


def assign(session: Session, payment_id: int, debt_id: int, now: datetime, *, user_id: int | None) -> Payment:
    """Sets an unmatched payment against a debt, with all that follows from a payment.

    Raises:
        NotFound: no such payment or debt.
        Conflict: the payment has its debt meanwhile, it is a reversal, or an import is at work.
    """
    payment, debt = _locked(session, payment_id), session.scalar(select(Debt).where(Debt.id == debt_id))
    if debt is None:
        raise NotFound("その滞納はありません。", code="no_debt")
    if payment.status != "unmatched" or payment.is_reversal:
        raise Conflict("この入金は割り当てられません。", hint="一覧を最新にしてください。", code="not_unmatched")
    before = payment.debtor_id
    payment.debtor_id, payment.debt_id, payment.status = debt.debtor_id, debt.id, "matched"
    payment.assigned_by, payment.assigned_at = user_id, now
    _reckon(session, payment, debt.id, {before, debt.debtor_id}, now, news=[debt.debtor_id])
    return payment


def release(session: Session, payment_id: int, now: datetime) -> Payment:
    """Takes back what was assigned by hand; the payment is unmatched again.

    Raises:
        NotFound: no such payment.  Conflict: it was not assigned by hand, or an import is at work.
    """
    payment = _locked(session, payment_id)
    if payment.assigned_at is None or payment.debt_id is None:
        raise Conflict("この入金は手で割り当てたものではありません。", hint="一覧を最新にしてください。", code="not_assigned")
    before, debt_id = payment.debtor_id, payment.debt_id
    own = session.scalar(select(Debtor.id).where(Debtor.debtor_no == payment.debtor_no))
    payment.debtor_id, payment.debt_id, payment.refund, payment.is_listed = own, None, 0, False
    payment.assigned_by, payment.assigned_at = None, None
    payment.status = "reversed" if payment.status == "reversed" else "unmatched"
    session.execute(
        update(Payment).where(Payment.source_ref == payment.source_ref, Payment.is_reversal).values(debt_id=None, debtor_id=own)
    )
    _reckon(session, payment, debt_id, {before, own}, now, news=())
    return payment


def _locked(session: Session, payment_id: int) -> Payment:
    if not try_advisory_lock(session, IMPORT_LOCK):
        raise Conflict("ファイルの取込中です。", hint="取込が終わってから、もう一度操作してください。", code="importing")
    payment = session.scalar(select(Payment).where(Payment.id == payment_id).with_for_update())
    if payment is None:
        raise NotFound("その入金はありません。", code="no_payment")
    return payment


def _reckon(session: Session, payment: Payment, debt_id: int, debtors: Iterable[int | None], now: datetime, *, news: Iterable[int]) -> None:
    session.flush()
    ledger.reckon_ids(session, [debt_id], now)
    follow(session, sorted(debtor for debtor in set(debtors) if debtor is not None), now, news=list(news))
    session.refresh(payment)
