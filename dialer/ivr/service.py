"""Finds the script a campaign speaks."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from callcenter.auth.models import Office
from callcenter.core.db import office_of
from campaigns.planning.references import scripts_in
from campaigns.segmentation.models import ChannelAssignment
from dialer.ivr.models import RobocallScript
from dialer.ivr.script import DEFAULT, Script, from_document, plan_of
from dialer.telephony.port import RobocallPlan


def script_of(session: Session, options: Mapping[str, Any]) -> Script:
    """The newest active version of the script named in a campaign's `options["robocall_script"]`, else the built-in one."""
    code = str(options.get("robocall_script", DEFAULT.code))
    stored = session.scalar(
        select(RobocallScript).where(RobocallScript.code == code, RobocallScript.is_active).order_by(RobocallScript.version.desc()).limit(1)
    )
    return DEFAULT if stored is None else from_document(stored.code, stored.version, stored.document)


def script_for(session: Session, options: Mapping[str, Any], campaign_id: int, debtor_id: int) -> Script:
    """The script for one debtor: that of the rule that decided, where it names one, else the campaign's."""
    named = select(ChannelAssignment.script).where(ChannelAssignment.campaign_id == campaign_id, ChannelAssignment.debtor_id == debtor_id)
    own = session.scalar(named)
    return script_of(session, {**options, "robocall_script": own} if own else options)


def scripts_of(session: Session, options: Mapping[str, Any], campaign_id: int) -> list[Script]:
    """All scripts a campaign may speak: its own and those that its rules name."""
    own = [{**options, "robocall_script": code} for code in scripts_in(session, campaign_id)]
    return [script_of(session, each) for each in (options, *own)]


def script_codes(session: Session) -> list[str]:
    """Codes of the scripts that campaigns and rules may name."""
    stored = session.scalars(select(RobocallScript.code).where(RobocallScript.is_active).distinct())
    return sorted({DEFAULT.code, *stored})


def script_by_label(session: Session, label: str) -> Script:
    """The script an attempt was made with ("code/version"); the built-in one where it is not stored."""
    code, _, version = label.partition("/")
    stored = session.scalar(select(RobocallScript).where(RobocallScript.code == code, RobocallScript.version == int(version or 0)))
    return DEFAULT if stored is None else from_document(stored.code, stored.version, stored.document)


def plan_for(session: Session, script: Script) -> RobocallPlan:
    """The script in this office's name."""
    office = session.get_one(Office, office_of(session))
    return plan_of(script, office.code, office.desk_name or office.name)
