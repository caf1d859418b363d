"""Whose calls a report speaks of: one operator's, or those of everybody who is in a team now."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.orm import Session

from callcenter.auth.models import User
from callcenter.core.errors import InvalidInput
from reports.cut_forms import NO_TEAM, label
from reports.cuts import Cut
from reports.words import Words


@dataclass(frozen=True, slots=True)
class Staff:
    """A filter by operators: `ids` of those meant, `by` operator or team with the `key` of that cut, and the words people read."""

    ids: tuple[int, ...]
    by: Cut
    key: str
    words: Words

    @property
    def told(self) -> Words:
        """The filter as a report says it."""
        head = Words("オペレーター", "Operator") if self.by is Cut.OPERATOR else Words("班", "Team")
        return Words(f"{head.ja}: {self.words.ja}", f"{head.en}: {self.words.en}")


def staff_of(session: Session, operator: str = "", team: str = "") -> Staff | None:
    """One operator by sign-in name, also one who left, or a team by name (`-`: operators of no team); None where neither is named.

    Raises:
        InvalidInput: nobody of that name, no such team, or both are named.
    """
    if operator and team:
        raise InvalidInput("オペレーターと班は、どちらか一つで絞ってください。", hint="もう一方を空にします。", code="bad_staff")
    if operator:
        found = session.execute(select(User.id, User.display_name).where(User.sign_in_name == operator)).one_or_none()
        if found is None:
            raise InvalidInput("その名前のオペレーターはいません。", hint="サインイン名で選びます。", code="bad_operator")
        return Staff((found.id,), Cut.OPERATOR, operator, label(Cut.OPERATOR, operator, found.display_name))
    if team:
        ids = session.scalars(select(User.id).where(User.team == ("" if team == NO_TEAM else team)).order_by(User.id)).all()
        if not ids:
            raise InvalidInput("その名前の班はありません。", hint="班は「利用者」で決めます。", code="bad_team")
        return Staff(tuple(ids), Cut.TEAM, team, label(Cut.TEAM, team))
    return None


def people_of(session: Session) -> tuple[list[tuple[str, Words]], list[tuple[str, Words]]]:
    """Operators and visitors, those who left included, and teams, to choose from: (key, words)."""
    rows = session.execute(
        select(User.sign_in_name, User.display_name, User.team)
        .where(User.role == "operator")
        .order_by(User.is_enabled.desc(), User.sign_in_name)
    ).all()
    teams = sorted({row.team or NO_TEAM for row in rows}, key=lambda team: (team == NO_TEAM, team))
    return [(row.sign_in_name, label(Cut.OPERATOR, row.sign_in_name, row.display_name)) for row in rows], [
        (team, label(Cut.TEAM, team)) for team in (teams if teams != [NO_TEAM] else [])
    ]
