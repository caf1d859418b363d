"""Versions of an office's robocall scripts: written by one person, checked, and made active; words about tax need a second person."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import func, select, update
from sqlalchemy.orm import Session

from callcenter.core.errors import Conflict, InvalidInput, NotFound
from dialer.ivr.checking import WORDS_EN, Problem, check_script
from dialer.ivr.documents import from_document, to_document
from dialer.ivr.models import RobocallRecording, RobocallScript
from dialer.ivr.script import Script, Wording
from dialer.ivr.service import read


def all_versions(session: Session) -> Sequence[RobocallScript]:
    """Every stored version: by code, the newest first."""
    return session.scalars(select(RobocallScript).order_by(RobocallScript.code, RobocallScript.version.desc())).all()


def get_version(session: Session, code: str, version: int | None = None) -> RobocallScript:
    """A stored version, by default the newest. Raises NotFound."""
    wanted = select(RobocallScript).where(RobocallScript.code == code).order_by(RobocallScript.version.desc()).limit(1)
    row = session.scalar(wanted if version is None else wanted.where(RobocallScript.version == version))
    if row is None:
        raise NotFound("There is no such script.", hint="`callcenter script list` shows those there are.", code="no_script")
    return row


def add_version(session: Session, code: str, document: Mapping[str, Any], now: datetime, user_id: int | None) -> RobocallScript:
    """Keeps a script as the next version of its code, not active yet; the newest one once more is a no-op.

    Raises InvalidInput for what is no script at all; what must be put right before it can be active, `problems_of` tells.
    """
    script = from_document(code, 0, document)
    kept = to_document(script)
    newest = session.scalar(
        select(RobocallScript).where(RobocallScript.code == code).order_by(RobocallScript.version.desc()).limit(1).with_for_update()
    )
    if newest is not None and to_document(read(newest)) == kept:
        return newest
    version = 1 + (session.scalar(select(func.max(RobocallScript.version)).where(RobocallScript.code == code)) or 0)
    row = RobocallScript(code=code, version=version, document=kept, is_active=False, created_at=now, created_by=user_id)
    session.add(row)
    session.flush()
    return row


def change_draft(session: Session, row: RobocallScript, script: Script, user_id: int | None) -> None:
    """Writes a version anew that never was active. Raises Conflict for one that was: its calls were made with it."""
    if row.activated_at is not None or row.is_active:
        raise Conflict("This version was in use and stays as it is.", hint="Make a new version of it.", code="script_used")
    row.document, row.created_by = to_document(script), user_id
    session.flush()


def activate(session: Session, row: RobocallScript, now: datetime, user_id: int | None) -> None:
    """Makes a version the one that is spoken; the one before it is not any more.

    Raises:
        InvalidInput: something must be put right first.
        Conflict: it may speak of tax, and whoever wrote it is nobody or the very person who says yes.
    """
    script = read(row)
    found = problems_of(session, script)
    if found:
        raise InvalidInput(f"The script can't be spoken yet: {in_words(found[0])}.", hint=f"{len(found)} in all.", code="script_problems")
    if script.wording is Wording.TAX and (row.created_by is None or user_id is None or row.created_by == user_id):
        raise Conflict(
            "A script that may speak of tax needs two people.", hint="Somebody else than its author must make it active.", code="four_eyes"
        )
    others = update(RobocallScript).where(RobocallScript.code == row.code, RobocallScript.id != row.id, RobocallScript.is_active)
    session.execute(others.values(is_active=False))
    row.is_active, row.activated_at, row.activated_by = True, row.activated_at or now, user_id
    session.flush()


def withdraw(session: Session, row: RobocallScript) -> None:
    """Takes a version out of use; campaigns that name its code speak the built-in script until another one is active."""
    row.is_active = False
    session.flush()


def problems_of(session: Session, script: Script) -> list[Problem]:
    """Everything that must be put right before the script may be active."""
    names = frozenset(session.scalars(select(RobocallRecording.name).distinct()))
    return check_script(script, names)


def in_words(problem: Problem) -> str:
    """A finding as an English sentence's part."""
    where = f"node '{problem.node}' " if problem.node else ""
    return where + WORDS_EN[problem.code].format(value=problem.value)
