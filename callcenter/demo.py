"""The demo: two made-up towns with their lists, operators and a running campaign, loaded through the same doors as real data.

Passwords are made at the first start and never fixed ones; they are kept in a file of the data folder that only its owner reads.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from pathlib import Path

from sqlalchemy import select
from sqlalchemy.orm import Session

from callcenter.auth.models import Role, User
from callcenter.auth.offices import add_office, find_office
from callcenter.auth.passwords import new_password
from callcenter.auth.service import add_user, all_users
from callcenter.auth.setup import is_fresh, setup_code
from callcenter.commands.sampling.loading import load_calls_back, load_past
from callcenter.commands.sampling.writing import write_sample
from callcenter.core.clock import local_day, utc_now
from callcenter.core.db import transaction
from callcenter.core.settings import get_settings
from campaigns.attempts.codes import Channel
from campaigns.imports.service import register_upload, run_import
from campaigns.messages.batches import prepare_batch
from campaigns.planning.service import create_campaign, plan, set_status
from campaigns.planning.state import CampaignStatus
from campaigns.worklist.fill import fill
from reports.control.models import Decision, DecisionKind, DecisionState
from reports.control.service import TargetForm, decide, set_target
from reports.forecasts.counting import count_days

GOALS = {"contact_rate_per_call": 0.33, "promise_rate": 0.25, "kept_rate": 0.6, "attempts": 2500}
Tell = Callable[[str], None]
SIGN_IN_FILE = "sign-in.txt"
CAMPAIGN = "電話催告(デモ)"
POSTING = timedelta(days=12)  # all that was paid so long ago is in the made-up files


@dataclass(frozen=True, slots=True)
class Town:
    """A made-up office; `has_past`: it has collected for half a year."""

    code: str
    name: str
    name_en: str
    phone: str
    debtors: int
    seed: int
    has_past: bool


TOWNS = (
    Town("kakuu", "架空市", "Kakuu City", "+81300000001", 8000, 1, has_past=True),
    Town("mihon", "見本町", "Mihon Town", "+81300000002", 300, 2, has_past=False),
)
PEOPLE = (
    ("saeki", "佐伯", Role.OPERATOR),
    ("mizuno", "水野", Role.OPERATOR),
    ("saegusa", "三枝", Role.OPERATOR),
    ("hirose", "広瀬", Role.OPERATOR),
    ("hori", "堀", Role.SUPERVISOR),
    ("toda", "戸田", Role.TAX_OFFICER),
    ("kanno", "菅野", Role.AUDITOR),
    ("admin", "管理者", Role.ADMINISTRATOR),
)
TEAMS = {
    **dict.fromkeys(("saeki", "mizuno", "op-aoki", "op-endo"), "1班"),
    **dict.fromkeys(("saegusa", "hirose", "op-inoue", "op-ueda"), "2班"),
}


def ensure_demo(tell: Tell) -> str:
    """Loads the towns that are not there yet and returns how to sign in.

    A start that was interrupted is taken up again: each step looks whether it has been done.
    """
    for town in TOWNS:
        load_town(town, tell)
    return sign_in_text()


def how_to_begin(url: str) -> str:
    """How to sign in, or in an installation without anybody how to set it up: the page and its code."""
    if not is_fresh():
        return sign_in_text()
    return f"nobody can sign in yet: open {url}/setup and enter the code {setup_code(get_settings().data_dir)} (or `callcenter setup`)"


def load_town(town: Town, tell: Tell) -> None:
    """One town: office, people, files, campaign, night's batches."""
    settings, now = get_settings(), utc_now()
    with transaction(None) as session:
        office = find_office(session, town.code)
        if office is None:
            office = add_office(
                session,
                code=town.code,
                name=town.name,
                name_en=town.name_en,
                desk_name=f"{town.name}コールセンター",
                phone=town.phone,
                is_training=True,
            )
        office_id = office.id
    made = []
    with transaction(office_id) as session:
        if not any(user.password_hash for user in all_users(session)):
            for name, shown, role in PEOPLE:
                made.append((town.code, name, role, demo_user(session, name, shown, role)))
            keep_sign_in(settings.data_dir, made)
    if is_loaded(office_id):
        return
    tell(f"loading {town.name} ({town.debtors} made-up taxpayers) …")
    folder = settings.data_dir / "demo" / town.code
    today = local_day(now)
    listed = today - timedelta(days=1)  # the list of last night: the payments after it were posted today
    write_sample(folder, size=town.debtors, seed=town.seed, encoding="cp932", as_of=listed, posted_until=today)
    if town.has_past:
        load_past(office_id, folder / "past", size=town.debtors, seed=town.seed, listed=listed, now=now, load=import_at)
    for kind, day in (("debts", listed), ("payments", today - POSTING), ("attempts", today)):
        import_now(office_id, kind, folder / f"{kind}.csv", day)
    now = utc_now()
    with transaction(office_id) as session:
        load_calls_back(session, now)
        count_days(session, now)
    with transaction(office_id) as session:
        for user in all_users(session):  # also those whom the imported history named
            user.team = TEAMS.get(user.sign_in_name, "")
        if town.has_past:
            set_goals(session, today, now)
        campaign = create_campaign(session, CAMPAIGN, now, dial_mode="progressive")
        plan(session, campaign.id, now)
        set_status(session, campaign.id, CampaignStatus.RUNNING, now)
        fill(session, campaign.id, now)
    for channel in (Channel.SMS, Channel.AUTO_CALL):
        with transaction(office_id) as session:
            prepare_batch(session, campaign.id, channel, now)


def set_goals(session: Session, today: date, now: datetime) -> None:
    """What the made-up office aims at in the month before, this one and the next, and what its meetings decided."""
    who = session.scalars(select(User.id).where(User.role == Role.SUPERVISOR).order_by(User.id).limit(1)).one()
    this = today.replace(day=1)
    before, after = (this - timedelta(days=1)).replace(day=1), (this + timedelta(days=32)).replace(day=1)
    for metric, value in GOALS.items():
        set_target(session, TargetForm(metric, before, after, value), who, now)
    for starts, what, charge, metric, state in (
        (before, "留守だった方には、夕方にもう一度掛ける", "1班", "contact_rate_per_call", DecisionState.DONE),
        (this, "約束の日の前日に、確認のSMSを送る", "2班", "kept_rate", DecisionState.OPEN),
    ):
        due = (starts + timedelta(days=32)).replace(day=1) - timedelta(days=1)
        kind = DecisionKind.DECISION
        decide(session, Decision(kind=kind, starts_on=starts, due_on=due, what=what, who=charge, metric=metric, state=state), who, now)
    decide(session, Decision(kind=DecisionKind.NOTE, starts_on=this, what="名簿を入れ替えた。新しく滞納になった方が多い"), who, now)


def demo_user(session: Session, name: str, shown: str, role: Role) -> str:
    """An account whose password, told in the file, stays good as long as the demo."""
    return add_user(session, sign_in_name=name, display_name=shown, role=role, password=new_password())[1]


def is_loaded(office_id: int) -> bool:
    """Whether the town's campaign was made, which is the last big step."""
    from campaigns.planning.service import list_campaigns

    with transaction(office_id) as session:
        return bool(list_campaigns(session))


def import_now(office_id: int, kind: str, file: Path, day: date) -> None:
    """Imports one file through the same service as everybody's."""
    import_at(office_id, kind, file, day, utc_now())


def import_at(office_id: int, kind: str, file: Path, day: date, now: datetime) -> None:
    """The same at a moment of the past."""
    with transaction(office_id) as session:
        row = register_upload(session, kind, file.name, file, mode="full", as_of=day, now=now, is_queued=False)
    run_import(office_id, row.id, now=now)


def keep_sign_in(data: Path, rows: list[tuple[str, str, Role, str]]) -> None:
    """Adds names and first passwords to the file that only its owner reads."""
    descriptor = os.open(data / SIGN_IN_FILE, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as out:
        out.writelines(f"{office}\t{name}\t{role}\t{password}\n" for office, name, role, password in rows)


def sign_in_text() -> str:
    """How to sign in, for the terminal."""
    file = get_settings().data_dir / SIGN_IN_FILE
    if not file.exists():
        return "sign in with the accounts that exist (`callcenter user list`)"
    rows = [line.split("\t") for line in file.read_text(encoding="utf-8").splitlines()]
    first = rows[0][0] if rows else ""
    shown = [f"  {name:<10} {role:<14} {password}" for office, name, role, password in rows if office == first]
    return "\n".join([f"sign in (office {first}; all of them are in {file}):", *shown])
