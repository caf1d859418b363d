"""Questions that a person asks again and again: a name and the address of a report."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import String, UniqueConstraint, delete, func, select
from sqlalchemy.orm import Mapped, Session, mapped_column

from callcenter.core.db import Base, OfficeMixin, within_office
from callcenter.core.errors import Conflict, InvalidInput

PAGES = ("/reports", "/reports/cross")
MOST = 50


class SavedView(OfficeMixin, Base):
    """One person's view: `page` is one of PAGES, `address` the query behind it, without names of debtors by construction."""

    __tablename__ = "saved_view"
    __table_args__ = (UniqueConstraint("office_id", "user_id", "name"), within_office("user_id", "app_user"))

    user_id: Mapped[int]
    name: Mapped[str] = mapped_column(String(60))
    page: Mapped[str] = mapped_column(String(40))
    address: Mapped[str] = mapped_column(String(400), server_default="")
    created_at: Mapped[datetime]

    @property
    def url(self) -> str:
        """Where it leads."""
        return f"{self.page}?{self.address}" if self.address else self.page


def views_of(session: Session, user_id: int) -> list[SavedView]:
    """A person's views by name."""
    return list(session.scalars(select(SavedView).where(SavedView.user_id == user_id).order_by(SavedView.name)))


def save_view(session: Session, user_id: int, name: str, page: str, address: str, now: datetime) -> SavedView:
    """Keeps a view under a name; the same name again replaces it.

    Raises:
        InvalidInput: no name, a page that has no views, or an address that is none.
        Conflict: the person has too many views.
    """
    name = name.strip()
    if not 1 <= len(name) <= 60:
        raise InvalidInput("名前を1〜60字で入れてください。", hint="例: 先月の時間帯別", code="view_name")
    if page not in PAGES or len(address) > 400 or not address.isascii() or any(char in address for char in "<>\"' \\"):
        raise InvalidInput("この画面は保存できません。", hint="報告の画面から保存してください。", code="view_address")
    found = session.scalar(select(SavedView).where(SavedView.user_id == user_id, SavedView.name == name))
    if found is None:
        count = session.scalar(select(func.count()).select_from(SavedView).where(SavedView.user_id == user_id)) or 0
        if count >= MOST:
            raise Conflict(f"保存できるのは{MOST}件までです。", hint="使わないものを消してください。", code="too_many_views")
        found = SavedView(user_id=user_id, name=name, page=page, address=address, created_at=now)
        session.add(found)
    found.page, found.address = page, address
    session.flush()
    return found


def forget_view(session: Session, user_id: int, view_id: int) -> None:
    """Removes one of the person's views, if it is there."""
    session.execute(delete(SavedView).where(SavedView.user_id == user_id, SavedView.id == view_id))
