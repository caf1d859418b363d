"""Visits as their templates want them."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import date, datetime
from itertools import groupby
from typing import Any
from urllib.parse import urlencode

from sqlalchemy import select
from sqlalchemy.orm import Session

from callcenter.auth.models import Office, User
from callcenter.core.clock import local_day
from callcenter.core.db import office_of
from callcenter.core.errors import InvalidInput
from callcenter.core.phones import format_national
from callcenter.web import phrases
from callcenter.web.debtor_view import term_name
from callcenter.web.dependencies import SignedIn
from callcenter.web.officer_words import DROPPED, OBJECTIONS, VISIT_STATES
from campaigns.attempts.codes import PROMISE_OUTCOMES, RIGHT_PARTIES, Channel, Outcome, Party
from campaigns.attempts.models import Attempt
from campaigns.compliance.gate import check_set
from campaigns.compliance.known import Denied
from campaigns.compliance.reasons import DenialReason, denial_text
from campaigns.debtors.account import read_account
from campaigns.debtors.models import Debtor
from campaigns.segmentation.reasons import reason_text
from campaigns.visits import pack, reports, rules, service
from campaigns.visits.models import VisitReport, VisitRound, VisitStop


def why_dropped(reason: str, lang: str) -> str:
    """Why a stop is not visited, in words."""
    if reason in set(DenialReason):
        return denial_text(DenialReason(reason), lang)
    return phrases.pick(lang, DROPPED.get(reason, (reason, reason)))


def rounds_model(session: Session, lang: str) -> dict[str, Any]:
    """All fields of visits.html."""
    waiting = service.candidates(session)
    return {
        "waiting": len(waiting),
        "districts": len({one.district for one in waiting}),
        "conflicts": reports.count_conflicts(session),
        "rows": [
            {
                "href": f"/visits/{row.round.id}",
                "title": row.round.title,
                "visit_on": row.round.visit_on,
                "officer": row.officer,
                "state": state_badge(row.round.state, lang),
                "stops": row.stops - row.dropped,
                "done": row.done,
                "dropped": row.dropped,
                "percent": round(row.done * 100 / (row.stops - row.dropped)) if row.stops > row.dropped else 0,
            }
            for row in service.list_rounds(session)
        ],
    }


def state_badge(state: str, lang: str) -> dict[str, str]:
    """A round's or a stop's state as word, icon and colour."""
    kind, image = VISIT_STATES[state][:2]
    return {"kind": kind, "image": image, "word": phrases.pick(lang, VISIT_STATES[state])}


def new_model(session: Session, who: SignedIn, district: str, also: Sequence[str], day: str, lang: str, now: datetime) -> dict[str, Any]:
    """All fields of visit_new.html."""
    visit_on = _day(day, now)
    waiting = service.candidates(session)
    chosen = {district, *also} if district else set()
    people = [one for one in waiting if one.district in chosen]
    try:
        moment, problem = service.visit_time(session, visit_on, now), ""
    except InvalidInput as refusal:
        moment, problem = now, str(refusal)
    decisions = check_set(session, {one.debtor_id: None for one in people}, Channel.VISIT, moment) if people and not problem else {}
    refused = {debtor: decision for debtor, decision in decisions.items() if isinstance(decision, Denied)}
    free = [one for one in people if one.debtor_id not in refused]
    going = service.together(session, free) if free and not problem else set()
    near = service.nearby(session, waiting, district) if people else []
    return {
        "district": district,
        "also": [name for name in also if name in chosen],
        "title": "・".join(dict.fromkeys([district, *also]))[:100],
        "near": [
            {
                "name": name,
                "metres": distance,
                "people": sum(one.district == name for one in waiting),
                "href": _new_href(district, [*also, name], visit_on),
            }
            for name, distance in near
            if name not in chosen
        ],
        "day": visit_on,
        "today": local_day(now),
        "problem": problem,
        "most": service.MOST_STOPS,
        "districts": [
            {
                "name": name or phrases.pick(lang, ("住所なし", "No address")),
                "href": _new_href(name, (), visit_on),
                "people": len(group := list(some)),
                "owed": sum(one.owed for one in group),
                "is_current": name in chosen,
            }
            for name, some in groupby(waiting, key=lambda one: one.district)
        ],
        "people": [
            {
                "id": one.debtor_id,
                "number": one.debtor_no,
                "name": one.name,
                "address": one.address,
                "owed": one.owed,
                "why": "・".join(reason_text(code, lang) for code in one.reasons),
                "refused": denial_text(refused[one.debtor_id].reason, lang) if one.debtor_id in refused else "",
                "next": refused[one.debtor_id].next_allowed_at if one.debtor_id in refused else None,
                "is_chosen": one.debtor_id in going,
            }
            for one in people
        ],
        "officers": [{"value": number, "label": name, "is_chosen": number == who.user_id} for number, name in service.officers(session)],
    }


def _new_href(district: str, also: Sequence[str], day: date) -> str:
    return "/visits/new?" + urlencode([("district", district), *(("also", name) for name in also), ("day", day.isoformat())])


def _day(typed: str, now: datetime) -> date:
    try:
        return max(date.fromisoformat(typed), local_day(now))
    except ValueError:
        return local_day(now)


def map_model(stops: Sequence[VisitStop]) -> dict[str, Any] | None:
    """The drawing of a round for templates; None where fewer than two places are known."""
    drawing = pack.drawing_of(list(stops))
    spots = [
        {"x": spot[0], "y": spot[1], "n": stop.position, "state": stop.state}
        for stop, spot in zip(stops, drawing.spots, strict=True)
        if spot is not None and stop.state != "dropped"
    ]
    if len(spots) < 2:
        return None
    line = " ".join(f"{spot['x']},{spot['y']}" for spot in spots)
    return {"width": drawing.width, "height": drawing.height, "spots": spots, "line": line, "bar": drawing.bar, "metres": drawing.metres}


def round_model(session: Session, found: VisitRound, who: SignedIn, lang: str, now: datetime) -> dict[str, Any]:
    """All fields of visit_round.html."""
    rows = service.stops_of(session, found.id)
    told = reports.reports_of(session, found.id)
    names = {user.id: user.display_name for user in session.scalars(select(User))}
    numbers = {stop.id: stop for stop, _ in rows}
    attempts = {
        attempt.id: attempt
        for attempt in session.scalars(select(Attempt).where(Attempt.id.in_([s.attempt_id for s, _ in rows if s.attempt_id is not None])))
    }
    is_open, is_mine = found.state in service.OPEN_ROUNDS, found.officer_id == who.user_id
    return {
        "round": {
            "id": found.id,
            "title": found.title,
            "visit_on": found.visit_on,
            "officer": names.get(found.officer_id, ""),
            "state": state_badge(found.state, lang),
            "is_routed": found.is_routed,
            "is_open": is_open,
            "is_out": found.state == "out",
            "is_mine": is_mine,
            "can_set_out": is_open and is_mine and found.visit_on == local_day(now),
        },
        "map": map_model([stop for stop, _ in rows]),
        "stops": [_stop(stop, debtor, attempts.get(stop.attempt_id or 0), lang) for stop, debtor in rows],
        "conflicts": [_conflict(row, numbers[row.stop_id].position, names, lang) for row in told if row.state == "conflict"],
        "settled": [_conflict(row, numbers[row.stop_id].position, names, lang) for row in told if row.why and row.state != "conflict"],
    }


def _stop(stop: VisitStop, debtor: Debtor, attempt: Attempt | None, lang: str) -> dict[str, Any]:
    return {
        "id": stop.id,
        "debtor_id": debtor.id,
        "position": stop.position,
        "number": debtor.debtor_no,
        "name": debtor.name,
        "address": debtor.address,
        "postal_code": debtor.postal_code,
        "has_point": stop.latitude is not None,
        "state": state_badge(stop.state, lang),
        "why": why_dropped(stop.reason, lang) if stop.reason else "",
        "is_planned": stop.state == "planned",
        "at": None if attempt is None else attempt.began_at,
        "result": "" if attempt is None else result_words(attempt.party, attempt.outcome, lang),
        "note": "" if attempt is None else attempt.note,
    }


def result_words(party: str | None, outcome: str | None, lang: str) -> str:
    """Who was met and what came of it."""
    who = phrases.label(lang, Party(party)) if party in set(Party) else ""
    if party == Party.NOBODY:
        who = phrases.pick(lang, ("不在", "Nobody there"))
    what = phrases.label(lang, Outcome(outcome)) if outcome in set(Outcome) else ""
    return who if outcome == Outcome.NO_RESULT else f"{who}・{what}"


def _conflict(row: VisitReport, position: int, names: dict[int, str], lang: str) -> dict[str, Any]:
    told = row.told
    return {
        "id": row.id,
        "position": position,
        "why": phrases.pick(lang, OBJECTIONS.get(row.why, (row.why, row.why))),
        "by": names.get(row.user_id, ""),
        "at": row.visited_at,
        "received_at": row.received_at,
        "result": result_words(told["party"], told["outcome"], lang),
        "note": told["note"],
        "promise": told["promise"],
        "due_on": None if not told["due_on"] else date.fromisoformat(told["due_on"]),
        "state": row.state,
        "settled_by": names.get(row.settled_by or 0, ""),
    }


def sheet_model(session: Session, found: VisitRound, now: datetime) -> dict[str, Any]:
    """All fields of visit_sheet.html, which is in Japanese: the office's paper."""
    rows = [(stop, debtor) for stop, debtor in service.stops_of(session, found.id) if stop.state == "planned"]
    office = session.scalars(select(Office).where(Office.id == office_of(session))).one()
    return {
        "office": office.name,
        "phone": format_national(office.phone) if office.phone else "",
        "officer": session.scalar(select(User.display_name).where(User.id == found.officer_id)) or "",
        "round": found,
        "printed_at": now,
        "map": map_model([stop for stop, _ in rows]),
        "stops": [_sheet_stop(session, stop, debtor, now) for stop, debtor in rows],
        "results": [phrases.label("ja", outcome) for outcome in rules.OUTCOMES if outcome is not Outcome.NO_RESULT],
    }


def _sheet_stop(session: Session, stop: VisitStop, debtor: Debtor, now: datetime) -> dict[str, Any]:
    account = read_account(session, debtor.id, local_day(now))
    return {
        "debtor_id": debtor.id,
        "position": stop.position,
        "name": debtor.name,
        "kana": debtor.name_kana,
        "number": debtor.debtor_no,
        "address": debtor.address,
        "postal_code": debtor.postal_code,
        "as_of": account.as_of,
        "sums": account.sums,
        "lines": [
            {
                "tax": tax.name,
                "term": term_name(line.levy_year, line.base_year, line.term, "ja"),
                "due_on": line.due_on,
                "total": line.total,
            }
            for tax in account.taxes
            for line in tax.lines
        ][:12],
    }


def phone_words(lang: str) -> dict[str, Any]:
    """What the telephone's page needs to know of codes: parties with their outcomes, and words for states and reasons."""
    parties = [
        {
            "value": party.value,
            "label": phrases.pick(lang, ("不在", "Nobody there")) if party is Party.NOBODY else phrases.label(lang, party),
            "is_right": party in RIGHT_PARTIES,
            "outcomes": [
                {
                    "value": outcome.value,
                    "label": phrases.pick(lang, ("不在票を入れた", "Left a card"))
                    if party is Party.NOBODY and outcome is Outcome.CALLBACK_MESSAGE_LEFT
                    else phrases.label(lang, outcome),
                    "is_promise": outcome in PROMISE_OUTCOMES,
                }
                for outcome in sorted(rules.outcomes_of(party), key=list(Outcome).index)
            ],
        }
        for party in (Party.NOBODY, *(party for party in rules.PARTIES if party is not Party.NOBODY))
    ]
    reasons = {reason.value: denial_text(reason, lang) for reason in DenialReason}
    reasons |= {code: phrases.pick(lang, pair) for code, pair in DROPPED.items()}
    why = {code: phrases.pick(lang, pair) for code, pair in OBJECTIONS.items()}
    return {
        "parties": parties,
        "document": json.dumps({"parties": parties, "reasons": reasons, "why": why, "lang": lang}, ensure_ascii=False),
    }
