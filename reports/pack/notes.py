"""Commentary of the monthly meeting, by section: typed before printing, kept with the month, decisions among them."""

from __future__ import annotations

from datetime import date, datetime

from sqlalchemy import Date, ForeignKeyConstraint, String, UniqueConstraint, select
from sqlalchemy.orm import Mapped, Session, mapped_column

from callcenter.core.db import Base, OfficeMixin
from callcenter.core.errors import InvalidInput
from reports.words import Words

SECTIONS: dict[str, Words] = {
    "summary": Words("今月のまとめ", "Summary"),
    "calls": Words("架電の実績", "Calls"),
    "hours": Words("つながりやすい時間帯", "When people answer"),
    "targets": Words("対象と手段", "Whom, and how"),
    "promises": Words("約束と履行", "Promises"),
    "collection": Words("収納", "Collection"),
    "decisions": Words("決定事項（何を・誰が・いつまでに・どの指標）", "Decisions (what, who, until when, which figure)"),
}
LONGEST = 2000


class MeetingNote(OfficeMixin, Base):
    """One section's text of one month (`month` is its first day)."""

    __tablename__ = "meeting_note"
    __table_args__ = (ForeignKeyConstraint(["office_id"], ["office.id"]), UniqueConstraint("office_id", "month", "section"))

    month: Mapped[date] = mapped_column(Date)
    section: Mapped[str] = mapped_column(String(20))
    body: Mapped[str] = mapped_column(String(LONGEST), server_default="")
    updated_by: Mapped[int | None]
    updated_at: Mapped[datetime]


def notes_of(session: Session, month: date) -> dict[str, str]:
    """The texts of a month by section; those not written are empty."""
    rows = session.scalars(select(MeetingNote).where(MeetingNote.month == month))
    return dict.fromkeys(SECTIONS, "") | {row.section: row.body for row in rows}


def keep_notes(session: Session, month: date, texts: dict[str, str], user_id: int, now: datetime) -> None:
    """Keeps the texts of a month.

    Raises:
        InvalidInput: a text is too long.
    """
    rows = {row.section: row for row in session.scalars(select(MeetingNote).where(MeetingNote.month == month))}
    for section, words in SECTIONS.items():
        body = texts.get(section, "").replace("\r\n", "\n").strip()
        if len(body) > LONGEST:
            raise InvalidInput(
                f"{words.ja}: {LONGEST:,}字までです(いま{len(body):,}字)。", hint="短くしてから保存してください。", code="too_long"
            )
        row = rows.get(section)
        if row is None and not body:
            continue
        row = row or MeetingNote(month=month, section=section)
        row.body, row.updated_by, row.updated_at = body, user_id, now
        session.add(row)
    session.flush()
