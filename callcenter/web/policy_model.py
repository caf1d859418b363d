"""The contact rules as their templates want them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, datetime, timedelta
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from callcenter.auth.models import User
from campaigns.compliance import editing
from campaigns.compliance.comparing import Difference, base_of, differences
from campaigns.compliance.documents import from_document
from campaigns.compliance.effect import ChannelEffect, effect
from campaigns.compliance.gate import load_policy
from campaigns.compliance.models import ContactPolicyVersion
from campaigns.compliance.policy import ContactPolicy
from campaigns.compliance.presets import NAMES, preset
from campaigns.compliance.reasons import DenialReason, denial_text
from campaigns.compliance.versions import declared_days
from campaigns.compliance.windows import DayHours, Why, day_hours, holiday_name
from campaigns.compliance.words import CHANNELS, channel_word, hours_words, pick, setting_word, summary, value_word

COMING_DAYS = 10
WHY: Mapping[Why, tuple[str, str]] = {
    Why.USUAL: ("", ""),
    Why.NO_WEEKDAY: ("開いていない曜日", "not open on this weekday"),
    Why.HOLIDAY: ("祝日", "holiday"),
    Why.YEAR_END: ("年末年始", "year's end"),
    Why.RULE: ("くり返す日", "comes again"),
    Why.DECLARED: ("宣言した日", "declared"),
}


def overview_model(session: Session, lang: str, now: datetime) -> dict[str, Any]:
    """Fields of policy.html."""
    policy, rows, names = load_policy(session), editing.versions(session), _names(session)
    base = preset(policy.name if policy.name in NAMES else "municipality")
    active = next((row for row in rows if row.is_active), None)
    return {
        "active": {
            "title": pick(lang, base.title["ja"], base.title["en"]),
            "version": policy.version,
            "since": active.activated_at or active.created_at if active else None,
            "by": names.get(active.activated_by or 0, "") if active else "",
            "sentences": summary(policy, lang),
            "looser": _looser(editing.looser_than_base(session, policy), lang),
            "note": active.note if active else "",
        },
        "lines": [
            {"text": line.text(lang), "source": line.source, "not_covered": line.not_covered.get("en" if lang == "en" else "ja", "")}
            for line in base.lines
        ],
        "not_covered": base.not_covered["en" if lang == "en" else "ja"],
        "coming": coming_days(policy, now, lang),
        "channels": [channel_word(channel, lang) for channel in CHANNELS],
        "versions": [_version_line(row, names, lang) for row in rows],
        "bases": _bases(policy, lang),
    }


def _bases(policy: ContactPolicy, lang: str) -> list[dict[str, Any]]:
    """What a draft may begin as: the version that holds, else a preset."""
    own = [{"value": str(policy.version), "label": pick(lang, "いま有効な版", "the version that holds"), "is_chosen": True}]
    presets = [{"value": name, "label": preset(name).title["en" if lang == "en" else "ja"], "is_chosen": False} for name in NAMES]
    return [*(own if policy.version else []), *presets]


def draft_model(session: Session, row: ContactPolicyVersion, user_id: int, lang: str, now: datetime) -> dict[str, Any]:
    """Fields of policy_draft.html but the form's."""
    draft = from_document(row.document, declared_days(session), version=row.version)
    active, names = load_policy(session), _names(session)
    looser = editing.looser_than_base(session, draft)
    is_own = user_id in (row.created_by, row.changed_by)
    return {
        "draft": {
            "id": row.id,
            "version": row.version,
            "base": preset(base_of(draft).name).title["en" if lang == "en" else "ja"],
            "by": names.get(row.changed_by or row.created_by or 0, ""),
            "at": row.changed_at or row.created_at,
            "seen": editing.stamp(row),
            "sentences": summary(draft, lang),
            "looser": _looser(looser, lang),
            "needs_reason": bool(looser) and len(row.note) < editing.MIN_REASON,
            "changes": _changes(differences(draft, active), lang),
            "is_own": is_own,
        },
        "note": row.note,
        "effects": [_effect_line(one, lang) for one in effect(session, draft, active, now)],
    }


def version_model(session: Session, row: ContactPolicyVersion, lang: str) -> dict[str, Any]:
    """Fields of policy_version.html."""
    policy, names = from_document(row.document, version=row.version), _names(session)
    before = session.scalar(
        select(ContactPolicyVersion.document)
        .where(ContactPolicyVersion.version < row.version, ContactPolicyVersion.activated_at.is_not(None))
        .order_by(ContactPolicyVersion.version.desc())
        .limit(1)
    )
    compared = from_document(before) if before is not None else base_of(policy)
    return {
        "version": _version_line(row, names, lang)
        | {
            "sentences": summary(policy, lang),
            "looser": _looser([Difference(**one) for one in row.loosened], lang),
            "note": row.note,
            "changes": _changes(differences(policy, compared), lang),
            "written_by": names.get(row.changed_by or row.created_by or 0, ""),
        }
    }


def coming_days(policy: ContactPolicy, now: datetime, lang: str) -> list[dict[str, Any]]:
    """The next days with each channel's hours and why they are so."""
    today = now.astimezone(policy.hours.zone).date()
    told = []
    for offset in range(COMING_DAYS):
        day = today + timedelta(days=offset)
        hours = [day_hours(policy.hours, channel, day) for channel in CHANNELS]
        told.append(
            {
                "day": day,
                "hours": [hours_words(one.hours, lang) for one in hours],
                "why": why_word(hours[0], day, policy.hours.country, lang),
            }
        )
    return told


def why_word(found: DayHours, day: date, country: str, lang: str) -> str:
    """Why a day's hours are so, with the day's own name."""
    name = holiday_name(day, country, lang) if found.why is Why.HOLIDAY else found.name
    return f"{pick(lang, *WHY[found.why])} {name}".strip()


def _version_line(row: ContactPolicyVersion, names: Mapping[int, str], lang: str) -> dict[str, Any]:
    is_draft = editing.is_draft(row)
    state = (
        ("ok", "check", "有効", "valid")
        if row.is_active
        else ("run", "pen", "案", "draft")
        if is_draft
        else ("off", "clock", "過去", "past")
    )
    return {
        "href": f"/policy/{'drafts' if is_draft else 'versions'}/{row.id}",
        "number": row.version,
        "state": {"kind": state[0], "image": state[1], "word": pick(lang, state[2], state[3])},
        "by": names.get(row.changed_by or row.created_by or 0, ""),
        "at": row.changed_at or row.created_at,
        "activated_by": names.get(row.activated_by or 0, ""),
        "activated_at": row.activated_at,
        "loosened": len(row.loosened),
        "is_draft": is_draft,
    }


def _looser(found: Sequence[Difference], lang: str) -> list[dict[str, str]]:
    return _changes(found, lang)


def _changes(found: Sequence[Difference], lang: str) -> list[dict[str, str]]:
    return [
        {
            "name": setting_word(one.path, lang),
            "before": value_word(one.path, one.before, lang),
            "after": value_word(one.path, one.after, lang),
        }
        for one in found
    ]


def _effect_line(found: ChannelEffect, lang: str) -> dict[str, Any]:
    def told(reasons: Mapping[str, int]) -> list[dict[str, Any]]:
        return [{"label": denial_text(DenialReason(reason), lang), "count": count} for reason, count in reasons.items()]

    return {
        "channel": channel_word(found.channel, lang),
        "moment": found.moment,
        "waiting": found.waiting,
        "asked": found.asked,
        "is_sample": found.is_sample,
        "refused_now": found.refused_now,
        "refused_then": found.refused_then,
        "newly_refused": told(found.newly_refused),
        "newly_allowed": told(found.newly_allowed),
    }


def _names(session: Session) -> dict[int, str]:
    return {row[0]: row[1] for row in session.execute(select(User.id, User.display_name))}
