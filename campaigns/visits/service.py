"""Rounds: planned by district, set out on, ended. The gate is asked when a round is planned and again, on record, when it sets out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta

from sqlalchemy import func, select, text
from sqlalchemy.orm import Session

from callcenter.auth.models import Role, User
from callcenter.core.clock import OFFICE_ZONE, local_day
from callcenter.core.db import advisory_lock, office_of
from callcenter.core.errors import Conflict, InvalidInput, NotFound
from campaigns.attempts.codes import Channel
from campaigns.compliance.gate import DenialReason, check, check_set, load_policy
from campaigns.compliance.known import Allowed, Denied
from campaigns.compliance.windows import is_open, next_open
from campaigns.debtors.models import Debtor
from campaigns.visits.models import VisitRound, VisitStop
from campaigns.visits.places import address_key, locate, split_address
from campaigns.visits.route import Place, metres, visiting_order

MOST_STOPS = 40
FURTHEST = timedelta(days=60)
MOST_CANDIDATES = 20_000
MOST_NEIGHBOURS, NEAR_METRES = 6, 2_000
MOST_ROUTED = 120  # of more, 2-opt would keep somebody waiting
OPEN_ROUNDS = ("planned", "out")
PASSING = frozenset({DenialReason.DECIDED_ELSEWHERE, DenialReason.OUTSIDE_WINDOW, DenialReason.CLOSED_DAY})

_CANDIDATES = text("""
SELECT DISTINCT ON (a.debtor_id) a.debtor_id, a.campaign_id, a.priority, a.reason_codes, d.debtor_no, d.name, d.address, d.postal_code,
  (SELECT sum(b.outstanding) FROM debt b WHERE b.office_id = :office AND b.debtor_id = d.id AND b.status = 'open') AS owed
FROM channel_assignment a
JOIN campaign c ON c.office_id = :office AND c.id = a.campaign_id AND c.status = 'running'
JOIN debtor d ON d.office_id = :office AND d.id = a.debtor_id AND d.is_listed
WHERE a.office_id = :office AND a.channel = 'visit' AND NOT EXISTS (
  SELECT FROM visit_stop s JOIN visit_round r ON r.office_id = :office AND r.id = s.round_id
  WHERE s.office_id = :office AND s.debtor_id = a.debtor_id
    AND ((s.state = 'planned' AND r.state IN ('planned', 'out')) OR (s.state = 'done' AND r.created_at >= a.assigned_at)))
ORDER BY a.debtor_id, a.priority LIMIT :most
""")


@dataclass(frozen=True, slots=True)
class Candidate:
    """Somebody to be visited who is in no round yet; `owed` in yen of unpaid tax."""

    debtor_id: int
    campaign_id: int
    debtor_no: str
    name: str
    address: str
    postal_code: str
    owed: int
    priority: int
    reasons: tuple[str, ...]

    @property
    def district(self) -> str:
        """The town of the address, else the postal code, else "": nobody knows where."""
        return (split_address(self.address)[0] if self.address else "") or self.postal_code


@dataclass(frozen=True, slots=True)
class Planned:
    """A round as made, and whom the gate refused: debtors with reasons."""

    round: VisitRound
    refused: Sequence[tuple[int, DenialReason]]


def candidates(session: Session) -> list[Candidate]:
    """Everybody assigned to visits in a running campaign and in no open round, by address."""
    rows = session.execute(_CANDIDATES, {"office": office_of(session), "most": MOST_CANDIDATES})
    found = [
        Candidate(
            r.debtor_id, r.campaign_id, r.debtor_no, r.name, r.address, r.postal_code, int(r.owed or 0), r.priority, tuple(r.reason_codes)
        )
        for r in rows
    ]
    return sorted(found, key=lambda one: (one.district, address_key(one.address), one.debtor_no))


def nearby(session: Session, everybody: Sequence[Candidate], district: str) -> list[tuple[str, int]]:
    """The districts around one with their distance in metres, the nearest first; none where coordinates are not known.

    A district lies where its first address lies.
    """
    first: dict[str, Candidate] = {}
    for one in everybody:
        first.setdefault(one.district, one)
    points = locate(session, {one.debtor_id: one.address for one in first.values()})
    at = {name: points[one.debtor_id] for name, one in first.items() if name and one.debtor_id in points}
    if district not in at:
        return []
    far = sorted((round(metres(at[district], point)), name) for name, point in at.items() if name != district)
    return [(name, distance) for distance, name in far[:MOST_NEIGHBOURS] if distance <= NEAR_METRES]


def together(session: Session, some: Sequence[Candidate], most: int = MOST_STOPS) -> set[int]:
    """Of more people than a round has stops, those who lie together: the first of the way through all of them, else by address."""
    if len(some) > MOST_ROUTED:
        return {one.debtor_id for one in some[:most]}
    points = locate(session, {one.debtor_id: one.address for one in some})
    order = visiting_order([Place(address_key(one.address), points.get(one.debtor_id)) for one in some])
    return {some[number].debtor_id for number in order[:most]}


def visit_time(session: Session, day: date, now: datetime) -> datetime:
    """The first moment from now on that day at which may be visited. Raises InvalidInput: there is none."""
    hours = load_policy(session).hours
    moment = next_open(hours, Channel.VISIT, max(now, datetime.combine(day, time(), OFFICE_ZONE)))
    if moment is None or local_day(moment) != day:
        raise InvalidInput(
            "その日は、訪問できる時間帯がありません。", hint="連絡の規則の、訪問の時間帯と休みを確かめてください。", code="visit_day"
        )
    return moment


def plan_round(
    session: Session, officer_id: int, visit_on: date, debtor_ids: Sequence[int], title: str, user_id: int, now: datetime
) -> Planned:
    """Makes a round of those whom the gate allows, in the order of a route; whom it refuses is kept behind them with the reason.

    Raises:
        InvalidInput: no officer, a day that can't be, nobody or too many chosen.  Conflict: none of them may be visited, or they
            are in another round by now.
    """
    _require_officer(session, officer_id)
    if not local_day(now) <= visit_on <= local_day(now) + FURTHEST:
        raise InvalidInput("訪問の日は、今日から60日以内にしてください。", code="visit_on")
    if not debtor_ids or len(debtor_ids) > MOST_STOPS:
        raise InvalidInput(f"1件から{MOST_STOPS}件までを選んでください。", code="visit_stops")
    moment = visit_time(session, visit_on, now)
    advisory_lock(session, "visit rounds")
    free = {one.debtor_id: one for one in candidates(session)}
    chosen = [free[debtor] for debtor in dict.fromkeys(debtor_ids) if debtor in free]
    decisions = check_set(session, {one.debtor_id: None for one in chosen}, Channel.VISIT, moment)
    refused = [(debtor, decision.reason) for debtor, decision in decisions.items() if isinstance(decision, Denied)]
    going = [one for one in chosen if isinstance(decisions[one.debtor_id], Allowed)]
    if not going:
        raise Conflict("選んだ方は、いまは訪問できません。", hint="別の回に入ったか、連絡の規則が止めています。", code="visit_nobody")
    points = locate(session, {one.debtor_id: one.address for one in going})
    places = [Place(address_key(one.address), points.get(one.debtor_id)) for one in going]
    order = visiting_order(places)
    made = VisitRound(
        officer_id=officer_id,
        visit_on=visit_on,
        title=title.strip()[:100] or going[0].district or "訪問",
        is_routed=sum(place.point is not None for place in places) > 1,
        created_by=user_id,
        created_at=now,
    )
    session.add(made)
    session.flush()
    for position, number in enumerate(order, start=1):
        one, point = going[number], places[number].point
        session.add(
            VisitStop(
                round_id=made.id,
                debtor_id=one.debtor_id,
                campaign_id=one.campaign_id,
                position=position,
                latitude=None if point is None else point.latitude,
                longitude=None if point is None else point.longitude,
            )
        )
    by_id = {one.debtor_id: one for one in chosen}
    for position, (debtor, reason) in enumerate(refused, start=len(order) + 1):
        campaign = by_id[debtor].campaign_id
        session.add(
            VisitStop(round_id=made.id, debtor_id=debtor, campaign_id=campaign, position=position, state="dropped", reason=reason.value)
        )
    session.flush()
    return Planned(made, refused)


def set_out(session: Session, round_id: int, now: datetime) -> VisitRound:
    """Asks the gate about each stop that is left, on record, and drops those it refuses; again while under way does the same anew.

    Raises:
        NotFound.  Conflict: the round is over, it is another day, or no time to visit.
    """
    found = require_round(session, round_id, is_locked=True)
    if found.state not in OPEN_ROUNDS:
        raise Conflict("この訪問は終わっています。", code="visit_over")
    if found.visit_on != local_day(now):
        raise Conflict("訪問の日ではありません。", hint="日を改めるときは、取りやめて作り直してください。", code="visit_other_day")
    policy = load_policy(session)
    if not is_open(policy.hours, Channel.VISIT, now):
        raise Conflict("いまは訪問の時間帯ではありません。", hint="連絡の規則の時間帯に出てください。", code="visit_hours")
    for stop in session.scalars(
        select(VisitStop).where(VisitStop.round_id == round_id, VisitStop.state == "planned").order_by(VisitStop.position)
    ):
        decision = check(session, stop.debtor_id, Channel.VISIT, now, campaign_id=stop.campaign_id, policy=policy)
        if isinstance(decision, Allowed):
            stop.decision_id = decision.decision_id
        elif decision.reason is not DenialReason.DECIDED_ELSEWHERE:
            stop.state, stop.reason, stop.decision_id = "dropped", decision.reason.value, decision.decision_id
    found.state, found.set_out_at = "out", found.set_out_at or now
    session.flush()
    return found


def require_own_round(session: Session, round_id: int, user_id: int) -> VisitRound:
    """A round of this officer's. Raises NotFound, Conflict."""
    found = require_round(session, round_id)
    if found.officer_id != user_id:
        raise Conflict("別の職員の訪問です。", hint="自分の訪問を開いてください。", code="visit_of_another")
    return found


def refused_now(session: Session, debtor_ids: Sequence[int], now: datetime) -> dict[int, DenialReason]:
    """Whom the gate would refuse now for more than the time of day; nothing is written."""
    decisions = check_set(session, dict.fromkeys(debtor_ids), Channel.VISIT, now)
    found = {debtor: decision.reason for debtor, decision in decisions.items() if isinstance(decision, Denied)}
    return {debtor: reason for debtor, reason in found.items() if reason not in PASSING}


def end_round(session: Session, round_id: int, state: str, now: datetime) -> VisitRound:
    """Ends a round (done) or calls it off (cancelled); what is left of it may be planned anew. Raises NotFound, InvalidInput, Conflict."""
    if state not in ("done", "cancelled"):
        raise InvalidInput("終了か取りやめを選んでください。", code="visit_state")
    found = require_round(session, round_id, is_locked=True)
    if found.state not in OPEN_ROUNDS:
        raise Conflict("この訪問は終わっています。", code="visit_over")
    found.state, found.ended_at = state, now
    for stop in session.scalars(
        select(VisitStop).where(VisitStop.round_id == round_id, VisitStop.state == "planned").order_by(VisitStop.id)
    ):
        stop.state, stop.reason = "dropped", "not_visited" if state == "done" else "cancelled"
    session.flush()
    return found


def drop_stop(session: Session, stop_id: int) -> VisitStop:
    """Takes a stop out of a round. Raises NotFound, Conflict."""
    stop = session.scalar(select(VisitStop).where(VisitStop.id == stop_id).with_for_update())
    if stop is None:
        raise NotFound("その訪問先はありません。", code="no_stop")
    if stop.state != "planned":
        raise Conflict("この訪問先は、もう済んでいます。", code="visit_stop_over")
    stop.state, stop.reason = "dropped", "taken_out"
    session.flush()
    return stop


def require_round(session: Session, round_id: int, *, is_locked: bool = False) -> VisitRound:
    """One of this office. Raises NotFound."""
    query = select(VisitRound).where(VisitRound.id == round_id)
    found = session.scalar(query.with_for_update() if is_locked else query)
    if found is None:
        raise NotFound("その訪問はありません。", code="no_round")
    return found


def stops_of(session: Session, round_id: int) -> list[tuple[VisitStop, Debtor]]:
    """The stops of a round with their debtors, in order."""
    rows = session.execute(
        select(VisitStop, Debtor)
        .join(Debtor, (Debtor.office_id == VisitStop.office_id) & (Debtor.id == VisitStop.debtor_id))
        .where(VisitStop.round_id == round_id)
        .order_by(VisitStop.position, VisitStop.id)
    )
    return [(stop, debtor) for stop, debtor in rows]


@dataclass(frozen=True, slots=True)
class RoundRow:
    """A round in the list: stops in all, done and dropped."""

    round: VisitRound
    officer: str
    stops: int
    done: int
    dropped: int


def list_rounds(session: Session, count: int = 60) -> list[RoundRow]:
    """Rounds under way and ahead first, then those that are over, the newest first."""
    which = (VisitStop.office_id == VisitRound.office_id) & (VisitStop.round_id == VisitRound.id)
    rows = session.execute(
        select(
            VisitRound,
            User.display_name,
            func.count(VisitStop.id),
            func.count(VisitStop.id).filter(VisitStop.state == "done"),
            func.count(VisitStop.id).filter(VisitStop.state == "dropped"),
        )
        .outerjoin(User, (User.office_id == VisitRound.office_id) & (User.id == VisitRound.officer_id))
        .outerjoin(VisitStop, which)
        .group_by(VisitRound.office_id, VisitRound.id, User.display_name)
        .order_by(VisitRound.state.in_(OPEN_ROUNDS).desc(), VisitRound.visit_on.desc(), VisitRound.id.desc())
        .limit(count)
    )
    return [RoundRow(found, name or "", stops, done, dropped) for found, name, stops, done, dropped in rows]


def officers(session: Session) -> list[tuple[int, str]]:
    """Who may go: the tax officers, by name."""
    query = select(User.id, User.display_name).where(User.role == Role.TAX_OFFICER, User.is_enabled).order_by(User.display_name, User.id)
    return [(number, name) for number, name in session.execute(query)]


def _require_officer(session: Session, officer_id: int) -> None:
    if officer_id not in {number for number, _ in officers(session)}:
        raise InvalidInput("訪問する職員を選んでください。", code="visit_officer")
