"""What the pages of wordings show: the list, one version with its phone-shaped preview, and the person's own number."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from callcenter.auth.models import User
from callcenter.core.phones import format_national
from callcenter.web.i18n import Translate
from campaigns.messages.line_breaking import break_lines
from campaigns.messages.models import Template
from campaigns.messages.senders.troubles import trouble_text
from campaigns.messages.templates import DEFAULT_BODY, DEFAULT_CODE, FIELDS, PERSONAL
from campaigns.messages.tryouts.service import latest_tests, own_number
from campaigns.messages.wording import Review
from campaigns.messages.wordings import Draft, latest_templates, review_draft, versions_of

STATE_KEYS = ("", "sending", "accepted", "delivered", "undelivered", "failed")


def list_model(session: Session, t: Translate) -> dict[str, Any]:
    """Each wording's active version and the newer ones that wait; the built-in one where the office has none of its own."""
    rows = latest_templates(session)
    names = _names(session, rows)
    return {
        "templates": [
            {
                "href": f"/templates/{row.id}",
                "code": row.code,
                "version": row.version,
                "is_active": row.is_active,
                "body": row.body,
                "is_neutral": draft_of_row(row).is_neutral,
                "at": row.created_at,
                "user": names.get(row.created_by or 0, ""),
            }
            for row in rows
        ],
        "built_in": None if any(row.code == DEFAULT_CODE for row in rows) else {"code": DEFAULT_CODE, "body": DEFAULT_BODY},
    }


def version_model(session: Session, row: Template, user_id: int, t: Translate, lang: str) -> dict[str, Any]:
    """One version: what people get, who made it, whether this person may put it to use and why not."""
    draft = draft_of_row(row)
    versions = versions_of(session, row.code)
    names = _names(session, [*versions, row])
    refusal = ""
    if not row.is_active and not draft.is_neutral and row.created_by == user_id:
        refusal = t("templates.same_person")
    return {
        "wording": {
            "id": row.id,
            "code": row.code,
            "version": row.version,
            "is_active": row.is_active,
            "body": row.body,
            "permits": _permits(draft, lang, t),
            "at": row.created_at,
            "user": names.get(row.created_by or 0, ""),
            "activated_at": row.activated_at,
            "activated_by": names.get(row.activated_by or 0, ""),
            "refusal": refusal,
        },
        "versions": [
            {
                "href": f"/templates/{one.id}",
                "version": one.version,
                "is_active": one.is_active,
                "at": one.created_at,
                "is_this": one.id == row.id,
            }
            for one in versions
        ],
        "preview": preview_model(review_draft(session, draft), lang),
        "own": own_model(session, user_id, t, lang),
    }


def form_model(draft: Draft, lang: str) -> dict[str, Any]:
    """The form as it was typed."""
    return {
        "code": draft.code,
        "body": draft.body,
        "allows_tax_words": draft.allows_tax_words,
        "fields": [
            {"name": name, "mark": "{{ " + name + " }}", "label": field.en if lang == "en" else field.ja, "is_personal": field.is_personal}
            for name, field in FIELDS.items()
        ],
        "personal": [
            {"name": name, "label": FIELDS[name].en if lang == "en" else FIELDS[name].ja, "is_allowed": name in draft.allowed_fields}
            for name in FIELDS
            if name in PERSONAL
        ],
    }


def preview_model(seen: Review, lang: str) -> dict[str, Any]:
    """Lines as a phone shows them, lengths, and what is to be said."""
    return {
        "lines": break_lines(seen.sample) if seen.sample else [],
        "longest": break_lines(seen.longest) if seen.most_segments > seen.segments else [],
        "segments": seen.segments,
        "most_segments": seen.most_segments,
        "units": seen.units,
        "left": seen.left,
        "percent": round(100 * seen.units / max(1, seen.units + seen.left)),
        "problems": [{"text": problem.text(lang), "is_error": problem in seen.errors} for problem in seen.problems],
        "is_good": bool(seen.sample) and not seen.errors,
    }


def own_model(session: Session, user_id: int, t: Translate, lang: str) -> dict[str, Any]:
    """The person's own number and their latest tests."""
    row = own_number(session, user_id)
    return {
        "number": format_national(row.e164) if row is not None else "",
        "is_verified": row is not None and row.verified_at is not None,
        "tests": [
            {
                "at": test.at,
                "code": test.template_code,
                "result": t(f"template_test.{test.result or 'waits'}") if test.result in STATE_KEYS else trouble_text(test.result, lang),
            }
            for test in latest_tests(session, user_id)
        ],
    }


def draft_of_row(row: Template) -> Draft:
    """A kept version as it was proposed."""
    return Draft(row.code, row.body, row.allows_tax_words, tuple(sorted(row.allowed_fields or ())))


def _permits(draft: Draft, lang: str, t: Translate) -> list[str]:
    words = [t("templates.tax_words")] if draft.allows_tax_words else []
    return words + [FIELDS[name].en if lang == "en" else FIELDS[name].ja for name in draft.allowed_fields if name in FIELDS]


def _names(session: Session, rows: Sequence[Template]) -> Mapping[int, str]:
    ids = {number for row in rows for number in (row.created_by, row.activated_by) if number is not None}
    if not ids:
        return {}
    return {row[0]: row[1] for row in session.execute(select(User.id, User.display_name).where(User.id.in_(ids)))}
