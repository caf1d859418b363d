"""How an office releases its batches: who may, how they are spread, what the window leaves over, prices. Kept in `Office.options`.

A campaign may have its own in `Campaign.options["batches"]`, and its wording beside them; a batch keeps what held when it was prepared.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from decimal import Decimal
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from callcenter.auth.models import Office
from callcenter.core.db import office_of
from callcenter.core.errors import InvalidInput
from campaigns.messages.models import Template
from campaigns.messages.templates import DEFAULT_CODE
from campaigns.planning.models import Campaign

KEY, TEMPLATE = "batches", "template"
TWO_PEOPLE, ONE_PERSON = "two_people", "one_person"
WAITS, BY_ITSELF = "waits", "by_itself"
FRONT, EVEN = "front", "even"
LAPSE, NEXT = "lapse", "next"
CHOICES: Mapping[str, tuple[str, ...]] = {
    "release": (TWO_PEOPLE, ONE_PERSON),
    "nightly": (WAITS, BY_ITSELF),
    "pace": (FRONT, EVEN),
    "leftover": (LAPSE, NEXT),
}
RANGES: Mapping[str, tuple[int, int]] = {"rounds": (1, 3), "reaction_days": (1, 60), "robocall_share": (1, 100)}
PRICES = ("segment_price", "minute_price")
PRICE = re.compile(r"\d{1,4}(\.\d{1,2})?")


@dataclass(frozen=True, slots=True)
class BatchTerms:
    """What holds for batches.

    Attributes:
        release: two_people (who prepared or edited a batch does not release it) or one_person.
        nightly: whether the night's batches wait for a person or are released by themselves.
        pace: front (as fast as the provider takes them) or even (spread over the window).
        leftover: what the window leaves over lapses and is planned anew, or goes on in the next window.
        rounds: automated calls within one window to those who did not react.
        reaction_days: how long a payment, a call or a promise counts as a reaction.
        robocall_share: per cent of the lines that automated calls may take while operators are at work.
        segment_price, minute_price: hundredths of a yen, for estimates.
    """

    release: str = TWO_PEOPLE
    nightly: str = WAITS
    pace: str = FRONT
    leftover: str = LAPSE
    rounds: int = 2
    reaction_days: int = 14
    robocall_share: int = 50
    segment_price: int = 1_000
    minute_price: int = 1_200


NAMES = tuple(field.name for field in fields(BatchTerms))


def checked(name: str, value: Any) -> str | int:
    """A term's value as it is kept; prices are given in yen. Raises InvalidInput: an unknown term, or what was expected."""
    told = str(value).strip()
    if name in CHOICES:
        if told not in CHOICES[name]:
            raise _bad(name, told, "one of " + ", ".join(CHOICES[name]))
        return told
    if name in RANGES:
        low, high = RANGES[name]
        if isinstance(value, bool) or not told.isascii() or not told.isdigit() or not low <= int(told) <= high:
            raise _bad(name, told, f"a whole number from {low} to {high}")
        return int(told)
    if name in PRICES:
        if not told.isascii() or not PRICE.fullmatch(told):
            raise _bad(name, told, "yen from 0 to 9999.99")
        return int(Decimal(told) * 100)
    raise _unknown(name, NAMES)


def _unknown(name: str, known: Sequence[str]) -> InvalidInput:
    return InvalidInput(f"'{name[:40]}' is none of the terms of batches.", hint="Known: " + ", ".join(known) + ".", code="unknown_term")


def _bad(name: str, told: str, expected: str) -> InvalidInput:
    return InvalidInput(f"{name} can't be '{told[:20]}'.", hint=f"Expected {expected}.", code=f"bad_{name}")


def terms_of(*options: Mapping[str, Any]) -> BatchTerms:
    """The terms in an office's options; those of a campaign go before them, what is nowhere is as usual."""
    kept: dict[str, Any] = {}
    for each in options:
        own = each.get(KEY, {})
        kept |= {name: own[name] for name in NAMES if name in own}
    return BatchTerms(**kept)


def load_terms(session: Session, campaign_options: Mapping[str, Any] | None = None) -> BatchTerms:
    """The terms of this office, or of one of its campaigns.

    A training office, which contacts nobody, waits for nobody unless it says so.
    """
    options, is_training = session.execute(select(Office.options, Office.is_training).where(Office.id == office_of(session))).one()
    usual = {KEY: {"nightly": BY_ITSELF}} if is_training else {}
    return terms_of(usual, options, campaign_options or {})


def change_terms(session: Session, changes: Mapping[str, Any]) -> BatchTerms:
    """Changes some terms of this office. Raises InvalidInput; nothing is changed then."""
    new = {name: checked(name, value) for name, value in changes.items()}
    office = session.scalars(select(Office).where(Office.id == office_of(session)).with_for_update()).one()
    office.options = {**office.options, KEY: {**office.options.get(KEY, {}), **new}}
    session.flush()
    return load_terms(session)


def campaign_terms(session: Session, campaign: Campaign) -> dict[str, Any]:
    """What holds for a campaign's batches, as it is typed, with its wording."""
    return shown(load_terms(session, campaign.options)) | {TEMPLATE: campaign.options.get(TEMPLATE, DEFAULT_CODE)}


def change_campaign_terms(session: Session, campaign: Campaign, changes: Mapping[str, Any]) -> dict[str, Any]:
    """Changes a campaign's own terms and its wording (`template`, the code of an active one); an empty value lets the office's hold again.

    Raises:
        InvalidInput: an unknown term, or what was expected; nothing is changed then.
    """
    own, options = dict(campaign.options.get(KEY, {})), dict(campaign.options)
    for name, value in changes.items():
        kept, told = (options if name == TEMPLATE else own), str(value).strip()
        if name not in (TEMPLATE, *NAMES):
            raise _unknown(name, (*NAMES, TEMPLATE))
        if told:
            kept[name] = _active_template(session, told) if name == TEMPLATE else checked(name, told)
        else:
            kept.pop(name, None)
    campaign.options = {**options, KEY: own}
    session.flush()
    return campaign_terms(session, campaign)


def _active_template(session: Session, code: str) -> str:
    known = set(session.scalars(select(Template.code).where(Template.is_active))) | {DEFAULT_CODE}
    if code not in known:
        raise _bad(TEMPLATE, code, "one of " + ", ".join(sorted(known)))
    return code


def shown(terms: BatchTerms) -> dict[str, Any]:
    """The terms as they are typed: prices in yen."""
    return {name: value / 100 if name in PRICES else value for name, value in asdict(terms).items()}
