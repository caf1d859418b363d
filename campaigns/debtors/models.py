"""The taxpayer, the ways to reach them, what is owed, and what forbids reaching them."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

from sqlalchemy import (
    CheckConstraint,
    ForeignKeyConstraint,
    Index,
    Integer,
    LargeBinary,
    SmallInteger,
    String,
    UniqueConstraint,
    func,
    text,
)
from sqlalchemy.orm import Mapped, mapped_column

from callcenter.core.db import OFFICE_DEFAULT, Base, OfficeMixin, within_office


class Debtor(OfficeMixin, Base):
    """A delinquent taxpayer (催告対象者) of one office, keyed by 宛名番号.

    `kind` is `person` or `company`. `name` and `name_kana` are as the core system spelt them; `name_key` and `kana_key` are folded
    search keys. `is_listed` is false once no open debt is on the list any more. 個人番号 is never held.
    """

    __tablename__ = "debtor"
    __table_args__ = (
        UniqueConstraint("office_id", "debtor_no"),
        ForeignKeyConstraint(["office_id"], ["office.id"]),
        Index(None, "office_id", "household_no"),
        CheckConstraint("kind in ('person','company')", name="kind"),
    )

    debtor_no: Mapped[str] = mapped_column(String(40))
    kind: Mapped[str] = mapped_column(String(10), server_default="person")
    name: Mapped[str] = mapped_column(String(200))
    name_kana: Mapped[str] = mapped_column(String(200), server_default="")
    name_key: Mapped[str] = mapped_column(String(200), server_default="")
    kana_key: Mapped[str] = mapped_column(String(200), server_default="")
    birth_date: Mapped[date | None]
    postal_code: Mapped[str] = mapped_column(String(10), server_default="")
    address: Mapped[str] = mapped_column(String(300), server_default="")
    household_no: Mapped[str] = mapped_column(String(40), server_default="")
    do_not_contact: Mapped[bool] = mapped_column(server_default=text("false"))
    remark: Mapped[str] = mapped_column(String(500), server_default="")
    is_listed: Mapped[bool] = mapped_column(server_default=text("true"))
    list_import_id: Mapped[int | None]
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())
    updated_at: Mapped[datetime] = mapped_column(server_default=func.now())


class PhoneNumber(OfficeMixin, Base):
    """A number of a debtor, in the office's order of preference (`position` from 1).

    `e164` is null when the original can't be read as a number. `line_type`: mobile, fixed, ip, toll_free, navi, premium, emergency,
    unknown. `status`: unverified, works, wrong_person, dead, refused. `source`: list, operator, research.
    """

    __tablename__ = "phone_number"
    __table_args__ = (
        within_office("debtor_id", "debtor", ondelete="CASCADE"),
        UniqueConstraint("office_id", "debtor_id", "original"),
        Index(None, "office_id", "e164"),
        CheckConstraint("status in ('unverified','works','wrong_person','dead','refused')", name="status"),
    )

    debtor_id: Mapped[int]
    position: Mapped[int] = mapped_column(SmallInteger, server_default="1")
    original: Mapped[str] = mapped_column(String(80))
    e164: Mapped[str | None] = mapped_column(String(20))
    line_type: Mapped[str] = mapped_column(String(12), server_default="unknown")
    remark: Mapped[str] = mapped_column(String(80), server_default="")
    status: Mapped[str] = mapped_column(String(12), server_default="unverified")
    source: Mapped[str] = mapped_column(String(12), server_default="list")
    is_listed: Mapped[bool] = mapped_column(server_default=text("true"))
    updated_at: Mapped[datetime] = mapped_column(server_default=func.now())


class PhoneEvent(OfficeMixin, Base):
    """What happened to a number: it was added (`old_status` null) or its status changed, by whom and why; append-only.

    `why` is what a person gave as reason, or a code: the line result or party of `attempt_id`.
    """

    __tablename__ = "phone_event"
    __table_args__ = (
        within_office("debtor_id", "debtor", ondelete="CASCADE"),
        within_office("phone_id", "phone_number", ondelete="CASCADE"),
        Index(None, "office_id", "debtor_id"),
    )

    debtor_id: Mapped[int]
    phone_id: Mapped[int]
    at: Mapped[datetime]
    old_status: Mapped[str | None] = mapped_column(String(12))
    new_status: Mapped[str] = mapped_column(String(12))
    why: Mapped[str] = mapped_column(String(200), server_default="")
    attempt_id: Mapped[int | None]
    user_id: Mapped[int | None]


class Debt(OfficeMixin, Base):
    """One installment (期別) owed; amounts in whole yen.

    `status`: open, settled (nothing outstanding), not_listed (closed because a new list no longer holds it).
    `vintage`: current (現年) or carried_over (滞繰). `hold` is the file's 停止区分 digit, 0 none.
    Where payments came that the list did not hold, `listed_outstanding` and `listed_received` are what the list `listed_by` told, and
    `outstanding` and `received` what is left after those payments (`campaigns.payments.ledger`); null means the list's amounts stand.
    """

    __tablename__ = "debt"
    __table_args__ = (
        within_office("debtor_id", "debtor"),
        UniqueConstraint("office_id", "debtor_id", "tax_code", "levy_year", "base_year", "term", "notice_no", name="uq_debt_installment"),
        CheckConstraint("status in ('open','settled','not_listed')", name="status"),
        CheckConstraint("vintage in ('current','carried_over')", name="vintage"),
        CheckConstraint("assessed >= 0 and received >= 0 and outstanding >= 0", name="amounts"),
    )

    debtor_id: Mapped[int]
    tax_code: Mapped[str] = mapped_column(String(20))
    tax_name: Mapped[str] = mapped_column(String(60), server_default="")
    levy_year: Mapped[int] = mapped_column(SmallInteger)
    base_year: Mapped[int] = mapped_column(SmallInteger)
    term: Mapped[int] = mapped_column(SmallInteger)
    notice_no: Mapped[str] = mapped_column(String(40))
    due_on: Mapped[date]
    assessed: Mapped[int] = mapped_column(server_default="0")
    received: Mapped[int] = mapped_column(server_default="0")
    outstanding: Mapped[int]
    demand_fee: Mapped[int] = mapped_column(server_default="0")
    late_charge: Mapped[int] = mapped_column(server_default="0")
    demand_sent_on: Mapped[date | None]
    vintage: Mapped[str] = mapped_column(String(12), server_default="current")
    hold: Mapped[int] = mapped_column(SmallInteger, server_default="0")
    remark: Mapped[str] = mapped_column(String(500), server_default="")
    status: Mapped[str] = mapped_column(String(12), server_default="open")
    refund_candidate: Mapped[int] = mapped_column(server_default="0")
    list_import_id: Mapped[int | None]
    listed_outstanding: Mapped[int | None]
    listed_received: Mapped[int | None]
    listed_by: Mapped[int | None]
    updated_at: Mapped[datetime] = mapped_column(server_default=func.now())
    closed_at: Mapped[datetime | None]


class Suppression(OfficeMixin, Base):
    """A reason not to contact a debtor, for a time and perhaps for one channel only.

    `reason`: stop_request, payment_claimed, vulnerable, complaint, deceased_moved, wished_time, officer_hold.
    `channel` null means all channels. `note` and `lift_note` are what a person gave as reason.
    """

    __tablename__ = "suppression"
    __table_args__ = (
        within_office("debtor_id", "debtor"),
        Index(None, "office_id", "debtor_id"),
    )

    debtor_id: Mapped[int]
    reason: Mapped[str] = mapped_column(String(30))
    channel: Mapped[str | None] = mapped_column(String(20))
    starts_at: Mapped[datetime]
    ends_at: Mapped[datetime | None]
    attempt_id: Mapped[int | None]
    created_by: Mapped[int | None]
    lifted_at: Mapped[datetime | None]
    note: Mapped[str] = mapped_column(String(200), server_default="")
    lifted_by: Mapped[int | None]
    lift_note: Mapped[str] = mapped_column(String(200), server_default="")


class DebtorChange(Base):
    """What one list changed of one debtor who was known before: at most one row for a debtor and an import, append-only.

    `changes`: `debtor` {field: [before, after]}, `debts` [{id, field: [before, after], …}], `added` [ids of debts],
    `phones` {added: [ids], gone: [ids]}; only what is there.
    """

    __tablename__ = "debtor_change"
    __table_args__ = (within_office("debtor_id", "debtor", ondelete="CASCADE"),)

    office_id: Mapped[int] = mapped_column(Integer, primary_key=True, server_default=OFFICE_DEFAULT)
    debtor_id: Mapped[int] = mapped_column(primary_key=True)
    import_id: Mapped[int] = mapped_column(primary_key=True)
    at: Mapped[datetime]
    changes: Mapped[dict[str, Any]]


class SearchList(Base):
    """The debtors who have a part in common, for searching: see `campaigns.debtors.search_lists`.

    `ids` is a serialized 64-bit roaring bitmap; rows are added and never changed.
    """

    __tablename__ = "search_list"
    __table_args__ = (ForeignKeyConstraint(["office_id"], ["office.id"]),)

    office_id: Mapped[int] = mapped_column(Integer, primary_key=True, server_default=OFFICE_DEFAULT)
    part: Mapped[str] = mapped_column(String(8), primary_key=True)
    piece: Mapped[int] = mapped_column(Integer, primary_key=True)
    ids: Mapped[bytes] = mapped_column(LargeBinary)


class SearchState(Base):
    """How far `search_list` goes: rows up to these ids, in so many pieces; `taxes` are the codes seen with their names."""

    __tablename__ = "search_state"
    __table_args__ = (ForeignKeyConstraint(["office_id"], ["office.id"]),)

    office_id: Mapped[int] = mapped_column(Integer, primary_key=True, server_default=OFFICE_DEFAULT)
    top_debtor: Mapped[int]
    top_phone: Mapped[int]
    top_debt: Mapped[int]
    pieces: Mapped[int] = mapped_column(Integer)
    taxes: Mapped[dict[str, Any]] = mapped_column(server_default=text("'{}'::jsonb"))
    built_at: Mapped[datetime]


class SearchPending(Base):
    """A debtor who was renamed or got a number after `search_list` was written: looked at directly until then."""

    __tablename__ = "search_pending"
    __table_args__ = (within_office("debtor_id", "debtor", ondelete="CASCADE"),)

    office_id: Mapped[int] = mapped_column(Integer, primary_key=True, server_default=OFFICE_DEFAULT)
    debtor_id: Mapped[int] = mapped_column(primary_key=True)


class LastSearch(Base):
    """What somebody searched for last, so that going back shows it again without anything personal in an address.

    One row a person, overwritten by the next search, gone after half an hour.
    """

    __tablename__ = "last_search"
    __table_args__ = (within_office("user_id", "app_user", ondelete="CASCADE"),)

    office_id: Mapped[int] = mapped_column(Integer, primary_key=True, server_default=OFFICE_DEFAULT)
    user_id: Mapped[int] = mapped_column(primary_key=True)
    terms: Mapped[dict[str, Any]]
    at: Mapped[datetime]
