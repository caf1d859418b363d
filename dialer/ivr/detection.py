"""How often Asterisk's detector of answering machines is wrong: what was measured, and what this office's own calls hint at.

A person taken for a machine is hung up on or talked past, so whoever sets a script to listen for machines is shown these figures. Calls
alone can't tell a detector's mistakes: nobody hears who was hung up on. What they can tell is how many of the answered calls it took for
machines, beside how many operators, who do hear, wrote down as machines; far more of the first than of the second is a warning.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from datetime import date, datetime, timedelta
from pathlib import Path

from sqlalchemy import ColumnElement, case, func, select
from sqlalchemy.orm import Session

from callcenter.core.intervals import Interval, wilson
from campaigns.attempts.codes import Channel, LineResult
from campaigns.attempts.models import Attempt
from dialer.ivr.models import RobocallScript
from dialer.ivr.service import read
from dialer.telephony.robocall import OnMachine

PERIOD = timedelta(days=30)
MOST_ATTEMPTS = 50_000  # of each kind, the newest: enough for any rate


@dataclass(frozen=True, slots=True)
class Share:
    """A count out of a count, with its bounds (95 %, Wilson)."""

    over: int
    under: int

    @property
    def bounds(self) -> Interval | None:
        """None where nothing was counted."""
        return wilson(self.over, self.under)


@dataclass(frozen=True, slots=True)
class Measured:
    """What one measurement found.

    Attributes:
        people, people_taken: greetings of people, and those taken for machines.
        machines, machines_missed: greetings of machines, and those taken for people.
        on: the day of the measurement; None for the one that came with the product.
    """

    people: int
    people_taken: int
    machines: int
    machines_missed: int
    on: date | None = None

    @property
    def wrong(self) -> Share:
        """People taken for machines."""
        return Share(self.people_taken, self.people)

    @property
    def missed(self) -> Share:
        """Machines taken for people."""
        return Share(self.machines_missed, self.machines)


# `python -m benchmarks amd --full`: generated greetings, two thirds of them in noise, and the `amd.conf` that comes with this version.
SHIPPED = Measured(people=144, people_taken=0, machines=90, machines_missed=22)


@dataclass(frozen=True, slots=True)
class Observed:
    """This office's calls of the last 30 days: machines out of answered calls, as the detector and as operators found."""

    by_detector: Share
    by_operators: Share


def own_measurement(data_dir: Path) -> Measured | None:
    """What was measured on recordings of one's own line and kept; None when nothing was, or the file is none of ours."""
    try:
        told = json.loads(_file(data_dir).read_text("utf-8"))
        people, taken, machines, missed = (int(told[name]) for name in ("people", "people_taken", "machines", "machines_missed"))
        kept = Measured(people, taken, machines, missed, date.fromisoformat(told["on"]))
    except (OSError, ValueError, KeyError, TypeError):
        return None
    is_sound = 0 <= kept.people_taken <= kept.people and 0 <= kept.machines_missed <= kept.machines
    return kept if is_sound else None


def keep_measurement(data_dir: Path, measured: Measured) -> Path:
    """Keeps a measurement in the data folder, where the page of a script finds it; its path."""
    file = _file(data_dir)
    file.parent.mkdir(parents=True, exist_ok=True)
    told = {**asdict(measured), "on": measured.on and measured.on.isoformat()}
    file.with_suffix(".new").write_text(json.dumps(told) + "\n", "utf-8")
    file.with_suffix(".new").replace(file)
    return file


def _file(data_dir: Path) -> Path:
    return data_dir / "detection.json"


def observe(session: Session, now: datetime) -> Observed:
    """What the office's calls of the last 30 days show, of at most `MOST_ATTEMPTS` of each kind."""
    scripts = map(read, session.scalars(select(RobocallScript)))
    listening = {script.label for script in scripts if script.on_machine is not OnMachine.TALK}
    robocalls = Attempt.channel == Channel.AUTO_CALL, Attempt.script_version.in_(listening)
    by_detector = _machines(session, now, *robocalls) if listening else Share(0, 0)
    return Observed(by_detector, _machines(session, now, Attempt.channel == Channel.OPERATOR_CALL))


def _machines(session: Session, now: datetime, *which: ColumnElement[bool]) -> Share:
    answered = (
        select(Attempt.line_result)
        .where(Attempt.began_at >= now - PERIOD, Attempt.began_at <= now, Attempt.source == "live", Attempt.is_inbound.is_(False), *which)
        .where(Attempt.line_result.in_((LineResult.ANSWERED, LineResult.MACHINE)))
        .order_by(Attempt.began_at.desc())
        .limit(MOST_ATTEMPTS)
        .subquery()
    )
    is_machine = case((answered.c.line_result == LineResult.MACHINE, 1))
    over, under = session.execute(select(func.count(is_machine), func.count()).select_from(answered)).one()
    return Share(over, under)
