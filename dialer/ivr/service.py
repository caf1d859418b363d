"""Finds the script a campaign speaks, and what it is spoken with."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session, undefer

from callcenter.auth.models import Office
from callcenter.core.db import office_of
from campaigns.planning.references import scripts_in
from campaigns.segmentation.models import ChannelAssignment
from dialer.ivr.documents import from_document
from dialer.ivr.models import RobocallRecording, RobocallScript
from dialer.ivr.script import DEFAULT, Script, Voice, plan_of
from dialer.telephony.robocall import RobocallPlan


def script_of(session: Session, options: Mapping[str, Any]) -> Script:
    """The newest active version of the script named in a campaign's `options["robocall_script"]`, else the built-in one."""
    code = str(options.get("robocall_script", DEFAULT.code))
    stored = session.scalar(
        select(RobocallScript).where(RobocallScript.code == code, RobocallScript.is_active).order_by(RobocallScript.version.desc()).limit(1)
    )
    return DEFAULT if stored is None else read(stored)


def scripts_for(session: Session, options: Mapping[str, Any], campaign_id: int, debtor_ids: Sequence[int]) -> list[Script]:
    """The script for each debtor: that of the rule that decided, where it names one, else the campaign's."""
    named = select(ChannelAssignment.debtor_id, ChannelAssignment.script).where(
        ChannelAssignment.campaign_id == campaign_id, ChannelAssignment.debtor_id.in_(debtor_ids), ChannelAssignment.script != ""
    )
    own = {debtor_id: str(code) for debtor_id, code in session.execute(named)}
    codes = [own.get(debtor_id) for debtor_id in debtor_ids]
    scripts = {code: script_of(session, {**options, "robocall_script": code} if code else options) for code in set(codes)}
    return [scripts[code] for code in codes]


def scripts_of(session: Session, options: Mapping[str, Any], campaign_id: int) -> list[Script]:
    """All scripts a campaign may speak: its own and those that its rules name."""
    own = [{**options, "robocall_script": code} for code in scripts_in(session, campaign_id)]
    return [script_of(session, each) for each in (options, *own)]


def script_codes(session: Session) -> list[str]:
    """Codes of the scripts that campaigns and rules may name."""
    stored = session.scalars(select(RobocallScript.code).where(RobocallScript.is_active).distinct())
    return sorted({DEFAULT.code, *stored})


def script_by_label(session: Session, label: str) -> Script:
    """The script an attempt was made with ("code/version"); the built-in one where it is not stored. Read once a transaction."""
    known: dict[str, Script] = session.info.setdefault("scripts_by_label", {})
    if label not in known:
        code, _, version = label.partition("/")
        stored = session.scalar(select(RobocallScript).where(RobocallScript.code == code, RobocallScript.version == int(version or 0)))
        known[label] = DEFAULT if stored is None else read(stored)
    return known[label]


def read(row: RobocallScript) -> Script:
    """The script of a row."""
    return from_document(row.code, row.version, row.document)


def voice_of(session: Session, script: Script, *, with_sounds: bool = False) -> Voice:
    """How this office is called and what it has recorded for a script; the sounds themselves only where they are to be put somewhere."""
    office = session.get_one(Office, office_of(session))
    found: dict[str, tuple[str, bytes | None]] = {}
    names = script.recordings()
    if names:
        wanted = select(RobocallRecording).where(RobocallRecording.name.in_(names)).order_by(RobocallRecording.id)
        if with_sounds:
            wanted = wanted.options(undefer(RobocallRecording.sound))
        for row in session.scalars(wanted):  # the newest of a name is the last
            found[row.name] = (row.digest, row.sound if with_sounds else None)
    return Voice(office.code, office.desk_name or office.name, found)


def plan_for(session: Session, script: Script) -> RobocallPlan:
    """The script in this office's name."""
    return plan_of(script, voice_of(session, script))


def plan_to_prepare(session: Session, script: Script) -> RobocallPlan:
    """The same with the recordings themselves, for making a carrier's sound files."""
    return plan_of(script, voice_of(session, script, with_sounds=True))
