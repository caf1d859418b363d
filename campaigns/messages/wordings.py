"""An office's templates in versions: reviewed before they are kept, and activated by a second person where they are more than neutral."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import func, select, text, update
from sqlalchemy.orm import Session

from callcenter.auth.models import Office
from callcenter.core.db import advisory_lock, office_of
from callcenter.core.errors import Conflict, InvalidInput, NotAllowed, NotFound
from callcenter.core.phones import format_national
from campaigns.messages.models import Template
from campaigns.messages.templates import PERSONAL
from campaigns.messages.wording import LONGEST_DATE, Review, review

CODE = re.compile(r"[a-z][a-z0-9_]{1,39}")
MOST_BYTES = 700
_LONGEST_NAME = text("SELECT name FROM debtor WHERE office_id = :office AND is_listed ORDER BY char_length(name) DESC, id LIMIT 1")


@dataclass(frozen=True, slots=True)
class Draft:
    """A wording as it is proposed."""

    code: str
    body: str
    allows_tax_words: bool = False
    allowed_fields: tuple[str, ...] = ()

    @property
    def is_neutral(self) -> bool:
        """Whether it needs no second person."""
        return not self.allows_tax_words and not self.allowed_fields


def review_draft(session: Session, draft: Draft) -> Review:
    """What is to be said about a wording with this office's own values and the longest ones on its list."""
    office = session.get_one(Office, office_of(session))
    values = {"office_name": office.name, "desk_name": office.desk_name or office.name}
    if office.phone:
        values["callback_number"] = format_national(office.phone)
    longest = longest_values(session) if set(draft.allowed_fields) else {}
    return review(draft.body, values, longest, allows_tax_words=draft.allows_tax_words, allowed_fields=draft.allowed_fields)


def longest_values(session: Session) -> Mapping[str, str]:
    """The longest value of each personal field that anybody listed has."""
    name = session.scalar(_LONGEST_NAME, {"office": office_of(session)})
    dates = {"letter_date": LONGEST_DATE, "promise_date": LONGEST_DATE}
    return dates if not name else {"name": name, **dates}


def add_template(session: Session, draft: Draft, user_id: int | None, now: datetime) -> tuple[Template, Review]:
    """Keeps a wording as a new version that is not used yet; the same again is the version there is.

    Raises:
        InvalidInput: no usable code, an unknown field in `allowed_fields`, or errors in the wording: all of them are told.
    """
    if not CODE.fullmatch(draft.code):
        hint = "Expected 2 to 40 small letters, digits and underscores, such as please_call."
        raise InvalidInput(f"'{draft.code[:40]}' can't be a template's code.", hint=hint, code="template_code")
    if unknown := sorted(set(draft.allowed_fields) - PERSONAL):
        raise InvalidInput(f"'{unknown[0]}' is no personal field.", hint=f"Known: {', '.join(sorted(PERSONAL))}.", code="template_fields")
    if len(draft.body) > MOST_BYTES:
        raise InvalidInput(f"The template has {len(draft.body)} characters.", hint=f"At most {MOST_BYTES}.", code="bad_template")
    seen = review_draft(session, draft)
    if seen.errors:
        raise InvalidInput(" ".join(problem.text("en") for problem in seen.errors), code="bad_template")
    advisory_lock(session, f"template {draft.code}")
    newest = session.scalar(select(Template).where(Template.code == draft.code).order_by(Template.version.desc()).limit(1))
    if newest is not None and _as_draft(newest) == draft:
        return newest, seen
    row = Template(
        code=draft.code,
        version=1 if newest is None else newest.version + 1,
        body=draft.body,
        allows_tax_words=draft.allows_tax_words,
        allowed_fields=sorted(draft.allowed_fields),
        is_active=False,
        created_by=user_id,
        created_at=now,
    )
    session.add(row)
    session.flush()
    return row, seen


def activate_template(session: Session, template_id: int, user_id: int | None, now: datetime) -> Template:
    """Makes a version the one that batches use from now on; those prepared already keep their texts. Again is a no-op.

    Raises:
        NotFound.  InvalidInput: it is no good with the office's present name, number or list.
        NotAllowed: it is more than neutral and this person wrote it.  Conflict: nobody is named where a second person is needed.
    """
    row = find_version(session, template_id)
    if row.is_active:
        return row
    draft = _as_draft(row)
    if not draft.is_neutral:
        if user_id is None:
            raise Conflict(
                "A template that is more than neutral is activated by a named person.", hint="Say who: --user NAME.", code="no_person"
            )
        if user_id == row.created_by:
            hint = "Ask another person to activate it."
            raise NotAllowed("Who wrote a template that is more than neutral can't activate it.", hint=hint, code="same_person")
    if errors := review_draft(session, draft).errors:
        raise InvalidInput(" ".join(problem.text("en") for problem in errors), code="bad_template")
    session.execute(update(Template).where(Template.code == row.code, Template.is_active).values(is_active=False))
    row.is_active, row.activated_by, row.activated_at = True, user_id, now
    session.flush()
    return row


def find_version(session: Session, template_id: int) -> Template:
    """A version by its id. Raises NotFound."""
    row = session.scalar(select(Template).where(Template.id == template_id))
    if row is None:
        raise NotFound("There is no such template.", hint="`callcenter template list` shows them.", code="no_template")
    return row


def find_template(session: Session, name: str) -> Template:
    """A version by `CODE` (the active one, else the newest) or `CODE@3`. Raises NotFound."""
    code, _, version = name.partition("@")
    chosen = select(Template).where(Template.code == code)
    if version:
        chosen = chosen.where(Template.version == (int(version) if version.isascii() and version.isdigit() and len(version) < 8 else 0))
    row = session.scalar(chosen.order_by(Template.is_active.desc(), Template.version.desc()).limit(1))
    if row is None:
        raise NotFound(f"There is no template '{name[:60]}'.", hint="`callcenter template list` shows them.", code="no_template")
    return row


def latest_templates(session: Session) -> Sequence[Template]:
    """Of each code the active version and newer ones, the newest first."""
    active = select(Template.code, func.max(Template.version).label("version")).where(Template.is_active).group_by(Template.code).subquery()
    newer = Template.version >= func.coalesce(active.c.version, 0)
    chosen = select(Template).outerjoin(active, active.c.code == Template.code).where(newer)
    return session.scalars(chosen.order_by(Template.code, Template.version.desc())).all()


def versions_of(session: Session, code: str) -> Sequence[Template]:
    """All versions, the newest first."""
    return session.scalars(select(Template).where(Template.code == code).order_by(Template.version.desc())).all()


def _as_draft(row: Template) -> Draft:
    return Draft(row.code, row.body, row.allows_tax_words, tuple(sorted(row.allowed_fields or ())))


def draft_of(code: str, body: str, *, allows_tax_words: bool, allowed_fields: Collection[str]) -> Draft:
    """A draft from what was typed: line ends as one sign, nothing around it."""
    return Draft(code.strip(), body.replace("\r\n", "\n").strip(), allows_tax_words, tuple(sorted(set(allowed_fields))))
