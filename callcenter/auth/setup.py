"""An installation's first steps: an office and its first administrator, made by whoever can read the data folder, once."""

from __future__ import annotations

import os
import secrets
from pathlib import Path

from sqlalchemy import select, text
from sqlalchemy.orm import Session

from callcenter.auth.models import Office, Role, User
from callcenter.auth.offices import add_office, all_offices, find_office
from callcenter.auth.passwords import LETTERS
from callcenter.auth.service import add_user
from callcenter.core.db import set_office, transaction
from callcenter.core.errors import Conflict, InvalidInput, NotAllowed

CODE_FILE = "setup-code"
LOCK = 4_217_021


def is_fresh() -> bool:
    """Whether nobody can sign in anywhere in this installation."""
    with transaction(None) as session:
        offices = [office.id for office in all_offices(session)]
    return not any(map(has_somebody, offices))


def has_somebody(office_id: int) -> bool:
    """Whether somebody can sign in at that office."""
    with transaction(office_id) as session:
        return session.scalar(select(User.id).where(User.password_hash.is_not(None)).limit(1)) is not None


def setup_code(data_dir: Path) -> str:
    """The code that proves who sets up: 20 letters in a file that only its owner reads, made by whoever asks first."""
    path = data_dir / CODE_FILE
    try:
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        return path.read_text(encoding="ascii").strip()
    code = "-".join("".join(secrets.choice(LETTERS) for _ in range(5)) for _ in range(4))
    with os.fdopen(handle, "w", encoding="ascii") as file:
        file.write(code + "\n")
    return code


def require_code(data_dir: Path, told: str) -> None:
    """Raises NotAllowed unless it is the code of the data folder."""
    if not secrets.compare_digest(told.strip().encode(), setup_code(data_dir).encode()):
        raise NotAllowed("設定コードが違います。", hint=f"データフォルダの {CODE_FILE} にあります。", code="setup_code")


def set_up(
    data_dir: Path, *, code: str, name: str, phone: str, sign_in_name: str, display_name: str, password: str | None
) -> tuple[int, int, str]:
    """Makes office and administrator in one transaction and takes the code's file away; ids of both and the first password.

    An office that is there already and has nobody is taken.

    Args:
        code: the office's.
        password: the administrator's own choice; None has one made.

    Raises:
        Conflict: somebody was faster.
        InvalidInput: a name or the password can't be.
    """
    if not name.strip() or len(name) > 100:
        raise InvalidInput("団体名を入れてください(100文字まで)。", code="setup_name")
    with transaction(None) as session:
        session.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": LOCK})
        if not is_fresh():
            raise Conflict("この装置は、もう設定されています。", hint="管理者に、利用者を作ってもらってください。", code="setup_done")
        office = _office(session, code, name.strip(), phone)
        set_office(session, office.id)
        user, first = add_user(
            session, sign_in_name=sign_in_name, display_name=display_name or sign_in_name, role=Role.ADMINISTRATOR, password=password
        )
        made = office.id, user.id, first
    (data_dir / CODE_FILE).unlink(missing_ok=True)
    return made


def _office(session: Session, code: str, name: str, phone: str) -> Office:
    office = find_office(session, code)
    if office is None:
        return add_office(session, code=code, name=name, phone=phone)
    office.name, office.phone = name, phone
    session.flush()
    return office
