"""The wordings of a batch: finished once where they say the same to everybody, else rendered person by person from a compiled template."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select, text
from sqlalchemy.orm import Session

from callcenter.auth.models import Office
from callcenter.core.db import office_of
from callcenter.core.errors import InvalidInput, NotFound
from callcenter.core.phones import format_national
from campaigns.attempts.codes import Channel
from campaigns.messages.models import Template
from campaigns.messages.personal import PersonalText
from campaigns.messages.templates import DEFAULT_BODY, DEFAULT_CODE, check_text, fields_in, render, segments_of
from campaigns.planning.models import Campaign
from campaigns.segmentation.models import ChannelAssignment

SAME_FOR_ALL = frozenset({"office_name", "desk_name", "callback_number"})

_PERSONAL = text("""
SELECT d.id, d.name,
  (SELECT max(x.demand_sent_on) FROM debt x WHERE x.office_id = :office AND x.debtor_id = d.id AND x.status = 'open') AS letter_date,
  (SELECT max(p.due_on) FROM promise p WHERE p.office_id = :office AND p.debtor_id = d.id AND p.state = 'open') AS promise_date
FROM debtor d WHERE d.office_id = :office AND d.id = ANY(:debtors)
""")


@dataclass(frozen=True, slots=True)
class Wording:
    """One template as a batch uses it: `body` finished where it is the same for everybody, else `personal` makes it person by person."""

    template_id: int
    body: str
    segments: int
    personal: PersonalText | None = None


@dataclass(frozen=True, slots=True)
class Texts:
    """A campaign's wording (code "") and those that its rules name, with the fields that are the same for everybody."""

    by_code: Mapping[str, Wording]
    common: Mapping[str, str]

    @property
    def main(self) -> Wording:
        """The campaign's own."""
        return self.by_code[""]

    @property
    def personal(self) -> frozenset[str]:
        """Codes whose text differs from person to person."""
        return frozenset(code for code, wording in self.by_code.items() if wording.personal is not None)


@dataclass(frozen=True, slots=True)
class Written:
    """A person's own text."""

    debtor_id: int
    body: str
    segments: int


def load_texts(session: Session, campaign: Campaign, now: datetime, *, stores: bool) -> Texts:
    """All wordings that the campaign's messages may have.

    Args:
        stores: whether the built-in template is put on record at its first use.

    Raises:
        NotFound: a template that is named does not exist.
        InvalidInput: the office has no call-back number, or a text that may not go out.
    """
    office = session.get_one(Office, office_of(session))
    if not office.phone:
        raise InvalidInput(
            "The office has no call-back number.", hint="Set the office's published number first.", code="no_callback_number"
        )
    common = {
        "office_name": office.name,
        "desk_name": office.desk_name or office.name,
        "callback_number": format_national(office.phone),
    }
    named = select(ChannelAssignment.template).where(
        ChannelAssignment.campaign_id == campaign.id, ChannelAssignment.channel == Channel.SMS.value, ChannelAssignment.template != ""
    )
    codes = {"": str(campaign.options.get("template", DEFAULT_CODE)), **{code: code for code in session.scalars(named.distinct())}}
    return Texts({key: _wording(session, code, common, now, stores=stores) for key, code in sorted(codes.items())}, common)


def write_personal(session: Session, texts: Texts, debtors: Mapping[int, str]) -> tuple[list[Written], list[int]]:
    """The texts of some people (id → code of a personal wording), and those for whom none may go out: a field is missing, it is too long
    or says what it must not."""
    written: list[Written] = []
    failed: list[int] = []
    for debtor_id, name, letter_date, promise_date in session.execute(_PERSONAL, {"office": office_of(session), "debtors": list(debtors)}):
        personal = texts.by_code[debtors[debtor_id]].personal
        assert personal is not None
        body = personal.write(name, letter_date, promise_date)
        if body is None:
            failed.append(debtor_id)
        else:
            written.append(Written(debtor_id, body, segments_of(body)))
    return written, failed


def _wording(session: Session, code: str, common: Mapping[str, str], now: datetime, *, stores: bool) -> Wording:
    statement = select(Template).where(Template.code == code, Template.is_active).order_by(Template.version.desc()).limit(1)
    template = session.scalar(statement)
    if template is None and code != DEFAULT_CODE:
        hint = "Add and activate it, or let the campaign have another (`callcenter batch terms --campaign`)."
        raise NotFound(f"There is no active template '{code}'.", hint=hint)
    if template is None:
        template = Template(code=DEFAULT_CODE, body=DEFAULT_BODY, allows_tax_words=False, created_at=now)
        if stores:
            session.add(template)
            session.flush()
    if fields_in(template.body) - SAME_FOR_ALL:
        return Wording(template.id, "", 0, PersonalText(template.body, common, allows_tax_words=template.allows_tax_words))
    body = render(template.body, common)
    check_text(body, allows_tax_words=template.allows_tax_words)
    return Wording(template.id, body, segments_of(body))


def codes_of(rows: Sequence[tuple[int, str]], texts: Texts) -> dict[int, str]:
    """Those of the people (id, code) whose wording is personal."""
    personal = texts.personal
    return {debtor: code for debtor, code in rows if code in personal}
