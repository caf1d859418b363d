"""Finding debtors: by number, name, reading, telephone, notice or household, in what a person needs to wait for nothing.

1. Each reading of the words (`campaigns.debtors.terms`) gives candidates, the surest first: from the keys of the tables, or from the
   lists for searching (`campaigns.debtors.search_lists`) and whatever came after them.
2. Candidates are looked at in that order, a few at a time, until a page is full: whether they fit as they are now, what they owe, their
   holds, channel and state.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from functools import reduce
from itertools import islice
from operator import or_
from typing import Any

from pyroaring import BitMap64
from sqlalchemy import TextClause, text
from sqlalchemy.orm import Session

from callcenter.core.db import office_of
from campaigns.debtors import search_lists
from campaigns.debtors.search_lists import listed_under, notice_part, parts_from_start, parts_within, phone_part
from campaigns.debtors.terms import Narrowing, Terms, escape_like
from campaigns.planning.service import latest_campaign

PAGE = 50
CANDIDATES = 3_000  # of one reading; more are cut off and said to be
FIRST_LOOK = 2 * PAGE


class Match(StrEnum):
    """By what a debtor was found, the surest first."""

    NUMBER = "number"
    NOTICE = "notice"
    PHONE = "phone"
    HOUSEHOLD = "household"
    NAME = "name"
    KANA = "kana"
    PART = "part"


@dataclass(frozen=True, slots=True)
class Hit:
    """A debtor found; `owed` is unpaid tax over all open terms in yen, `channel` that of the latest campaign."""

    id: int
    match: Match
    debtor_no: str
    name: str
    name_kana: str
    address: str
    is_listed: bool
    do_not_contact: bool
    owed: int
    terms: int
    taxes: tuple[str, ...]
    holds: tuple[int, ...]
    channel: str | None


@dataclass(frozen=True, slots=True)
class Found:
    """A page of hits. `has_more`: there are more than a page. `is_cut`: so many fit that not all were looked at."""

    hits: Sequence[Hit]
    has_more: bool
    is_cut: bool


@dataclass(frozen=True, slots=True)
class _Candidates:
    """Who may fit; `fits` is the condition on debtor `d` that decides, for what the lists say may be older than the tables."""

    match: Match
    ids: Iterable[int]
    fits: str = "true"


_BY_CODE = {
    Match.NUMBER: "SELECT id FROM debtor WHERE office_id = :office AND debtor_no = ANY(:codes) ORDER BY debtor_no LIMIT :most",
    Match.HOUSEHOLD: "SELECT id FROM debtor WHERE office_id = :office AND household_no = ANY(:codes) AND household_no <> '' "
    "ORDER BY debtor_no LIMIT :most",
}
_PHONE_FITS = "t.e164 LIKE ANY(CAST(:ends AS text[]))"
_NOTICE_FITS = "t.notice_no = ANY(CAST(:codes AS text[]))"
_NAME_FITS = "t.name_key LIKE CAST(:name AS text)"
_KANA_FITS = "t.kana_key LIKE CAST(:kana AS text)"


def _since(table: str, debtor: str, fits: str) -> TextClause:
    """Whoever fits among those that came after the lists or wait to be listed anew."""
    return text(f"""
    SELECT t.{debtor} FROM {table} t WHERE t.office_id = :office AND t.id > :top_{table} AND {fits}
    UNION SELECT t.{debtor} FROM search_pending w JOIN {table} t ON t.office_id = :office AND t.{debtor} = w.debtor_id
      WHERE w.office_id = :office AND {fits}
    ORDER BY 1 LIMIT :most""")


def _of_debtor(table: str, fits: str) -> str:
    return f"EXISTS (SELECT FROM {table} t WHERE t.office_id = :office AND t.debtor_id = d.id AND {fits})"


_SINCE = {
    Match.PHONE: _since("phone_number", "debtor_id", _PHONE_FITS),
    Match.NOTICE: _since("debt", "debtor_id", _NOTICE_FITS),
    Match.NAME: _since("debtor", "id", _NAME_FITS),
    Match.KANA: _since("debtor", "id", _KANA_FITS),
    Match.PART: _since("debtor", "id", f"({_NAME_FITS} OR {_KANA_FITS})"),
}
_FITS = {
    Match.PHONE: _of_debtor("phone_number", _PHONE_FITS),
    Match.NOTICE: _of_debtor("debt", _NOTICE_FITS),
    Match.NAME: _NAME_FITS.replace("t.", "d."),
    Match.KANA: _KANA_FITS.replace("t.", "d."),
    Match.PART: f"({_NAME_FITS} OR {_KANA_FITS})".replace("t.", "d."),
}


def find(
    session: Session, terms: Terms, narrowing: Narrowing = Narrowing(), *, count: int = PAGE, by: frozenset[Match] = frozenset(Match)
) -> Found:
    """The first `count` debtors that fit both, the surest matches first; found in one of the ways `by` only."""
    hits: list[Hit] = []
    is_cut = False
    campaign = latest_campaign(session)
    facts = {"office": office_of(session), "campaign": campaign.id if campaign else 0, **_parameters(narrowing)}
    for candidates, values in _candidates(session, terms, by):
        seen = {hit.id for hit in hits}
        fresh = (debtor for debtor in candidates.ids if debtor not in seen)
        for some in _batches(islice(fresh, CANDIDATES)):
            hits += _look(session, candidates, some, narrowing, {**facts, **values, "most": count + 1 - len(hits)})
            if len(hits) > count:
                return Found(hits[:count], has_more=True, is_cut=False)
        is_cut |= next(fresh, None) is not None
    return Found(hits, has_more=False, is_cut=is_cut)


def _batches(ids: Iterator[int]) -> Iterator[Sequence[int]]:
    """A page and a bit first, then more at a time."""
    size = FIRST_LOOK
    while some := list(islice(ids, size)):
        yield some
        size *= 4


def _candidates(session: Session, terms: Terms, by: frozenset[Match]) -> Iterator[tuple[_Candidates, dict[str, Any]]]:
    """Per reading that applies, the debtors it gives and the values of its condition; asked only when those before did not fill a page."""
    codes = {"codes": list(terms.codes)}
    tops = {f"top_{table}": top for table, top in search_lists.tops(session).items()}

    def by_code(match: Match) -> tuple[_Candidates, dict[str, Any]]:
        found = session.scalars(text(_BY_CODE[match]), {"office": office_of(session), "most": CANDIDATES + 1, **codes})
        return _Candidates(match, found.all()), {}

    def by_parts(match: Match, listed: BitMap64, **values: Any) -> tuple[_Candidates, dict[str, Any]]:
        facts = {"office": office_of(session), "most": CANDIDATES + 1, **tops, **values}
        since = session.scalars(_SINCE[match], {name: value for name, value in facts.items() if f":{name}" in _SINCE[match].text})
        return _Candidates(match, listed | BitMap64(since), _FITS[match]), values

    if terms.codes and Match.NUMBER in by:
        yield by_code(Match.NUMBER)
    if terms.codes and Match.NOTICE in by:
        yield by_parts(Match.NOTICE, _any_of(session, map(notice_part, terms.codes)), **codes)
    if (ends := terms.phone_ends) and Match.PHONE in by:
        yield by_parts(Match.PHONE, _any_of(session, map(phone_part, ends)), ends=[f"%{digits}" for digits in ends])
    if terms.codes and Match.HOUSEHOLD in by:
        yield by_code(Match.HOUSEHOLD)
    if terms.name and Match.NAME in by:
        yield by_parts(Match.NAME, listed_under(session, parts_from_start(terms.name)), name=f"{escape_like(terms.name)}%")
    if terms.kana and Match.KANA in by:
        yield by_parts(Match.KANA, listed_under(session, parts_from_start(terms.kana)), kana=f"{escape_like(terms.kana)}%")
    if (len(terms.name) > 1 or len(terms.kana) > 1) and Match.PART in by:
        listed = listed_under(session, parts_within(terms.name)) | listed_under(session, parts_within(terms.kana))
        yield by_parts(Match.PART, listed, name=_within(terms.name), kana=_within(terms.kana))


def _within(key: str) -> str | None:
    return f"%{escape_like(key)}%" if key else None


def _any_of(session: Session, parts: Iterable[str]) -> BitMap64:
    """The debtors who have one of the parts."""
    return reduce(or_, (listed_under(session, [part]) for part in dict.fromkeys(parts)))


_LOOK = """
SELECT d.id, d.debtor_no, d.name, d.name_kana, d.address, d.is_listed, d.do_not_contact,
       coalesce(o.owed, 0) AS owed, coalesce(o.terms, 0) AS terms, o.taxes, o.holds, a.channel
FROM unnest(CAST(:ids AS bigint[])) WITH ORDINALITY AS w (id, place)
JOIN debtor d ON d.office_id = :office AND d.id = w.id
LEFT JOIN LATERAL (
  SELECT sum(b.outstanding) AS owed, count(*) AS terms, array_agg(DISTINCT b.tax_code) AS codes,
         array_agg(DISTINCT coalesce(nullif(b.tax_name, ''), b.tax_code)) AS taxes, array_agg(DISTINCT b.hold) AS holds
  FROM debt b WHERE b.office_id = :office AND b.debtor_id = d.id AND b.status = 'open') o ON true
LEFT JOIN channel_assignment a ON a.office_id = :office AND a.campaign_id = :campaign AND a.debtor_id = d.id
WHERE {fits} AND {conditions} ORDER BY w.place LIMIT :most
"""
_CONDITIONS = {
    "tax_code": ":tax_code = ANY(o.codes)",
    "least": "coalesce(o.owed, 0) >= :least",
    "most": "coalesce(o.owed, 0) <= :highest",
    "channel": "a.channel = :channel",
}
_HOLDS = {"any": "o.holds <> ARRAY[0::smallint]", "none": "(o.holds IS NULL OR o.holds = ARRAY[0::smallint])"}
_STATUSES = {"listed": "d.is_listed", "not_listed": "NOT d.is_listed"}


def _parameters(narrowing: Narrowing) -> dict[str, Any]:
    told = narrowing.document()
    if "most" in told:
        told["highest"] = told.pop("most")
    if narrowing.hold.isdigit():
        told["hold"] = int(narrowing.hold)
    return told


def _where(narrowing: Narrowing) -> str:
    chosen = [_CONDITIONS[name] for name in narrowing.document() if name in _CONDITIONS]
    if narrowing.hold:
        chosen.append(_HOLDS.get(narrowing.hold, "CAST(:hold AS smallint) = ANY(o.holds)"))
    if narrowing.status in _STATUSES:
        chosen.append(_STATUSES[narrowing.status])
    return " AND ".join(chosen) or "true"


def _look(session: Session, candidates: _Candidates, ids: Sequence[int], narrowing: Narrowing, facts: dict[str, Any]) -> list[Hit]:
    statement = _LOOK.format(fits=candidates.fits, conditions=_where(narrowing))
    values = {name: value for name, value in (facts | {"ids": list(ids)}).items() if f":{name}" in statement}
    return [
        Hit(
            id=row.id,
            match=candidates.match,
            debtor_no=row.debtor_no,
            name=row.name,
            name_kana=row.name_kana,
            address=row.address,
            is_listed=row.is_listed,
            do_not_contact=row.do_not_contact,
            owed=int(row.owed),
            terms=row.terms,
            taxes=tuple(row.taxes or ()),
            holds=tuple(hold for hold in row.holds or () if hold),
            channel=row.channel,
        )
        for row in session.execute(text(statement), values)
    ]
