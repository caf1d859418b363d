"""The wordings of a batch: finished once where they say the same to everybody, else rendered person by person from a compiled template."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from functools import lru_cache

from sqlalchemy import TextClause, select, text
from sqlalchemy.orm import Session

from callcenter.auth.models import Office
from callcenter.core.db import numbers_array, office_of
from callcenter.core.errors import InvalidInput, NotFound
from callcenter.core.phones import format_national
from campaigns.attempts.codes import Channel
from campaigns.messages.models import Template
from campaigns.messages.personal import PersonalText
from campaigns.messages.templates import DEFAULT_BODY, DEFAULT_CODE, check_text, fields_in, render, segments_of
from campaigns.planning.models import Campaign
from campaigns.segmentation.models import ChannelAssignment

SAME_FOR_ALL = frozenset({"office_name", "desk_name", "callback_number"})

_LETTER = "(SELECT max(x.demand_sent_on) FROM debt x WHERE x.office_id = :office AND x.debtor_id = d.id AND x.status = 'open')"
_PROMISE = "(SELECT max(p.due_on) FROM promise p WHERE p.office_id = :office AND p.debtor_id = d.id AND p.state = 'open')"
_PERSONAL = """
SELECT d.id, d.name, {letter} AS letter_date, {promise} AS promise_date
FROM debtor d WHERE d.office_id = :office AND d.id = ANY(CAST(:debtors AS bigint[]))
"""


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

    @property
    def personal_fields(self) -> frozenset[str]:
        """The fields that any of them names."""
        return frozenset().union(*(wording.personal.fields for wording in self.by_code.values() if wording.personal is not None))


@dataclass(frozen=True, slots=True)
class Written:
    """The texts of some people, a column each, and for how many none may go out."""

    debtors: list[int] = field(default_factory=list)
    templates: list[int] = field(default_factory=list)
    bodies: list[str] = field(default_factory=list)
    segments: list[int] = field(default_factory=list)
    failed: list[int] = field(default_factory=list)


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


def write_personal(session: Session, texts: Texts, debtors: Mapping[int, str]) -> Written:
    """The texts of some people (id → code of a personal wording); none for whom a field is missing, it is too long or says what it must
    not."""
    written = Written()
    uses = texts.personal_fields
    statement = _facts_of_people(has_letter="letter_date" in uses, has_promise="promise_date" in uses)
    values = {"office": office_of(session), "debtors": numbers_array(debtors)}
    for debtor_id, name, letter_date, promise_date in session.execute(statement, values).all():
        wording = texts.by_code[debtors[debtor_id]]
        assert wording.personal is not None
        body = wording.personal.write(name, letter_date, promise_date)
        if body is None:
            written.failed.append(debtor_id)
            continue
        written.debtors.append(debtor_id)
        written.templates.append(wording.template_id)
        written.bodies.append(body)
        written.segments.append(segments_of(body))
    return written


@lru_cache
def _facts_of_people(*, has_letter: bool, has_promise: bool) -> TextClause:
    """What personal texts are made from; dates that none of them names are not looked for."""
    none = "CAST(NULL AS date)"
    return text(_PERSONAL.format(letter=_LETTER if has_letter else none, promise=_PROMISE if has_promise else none))


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
