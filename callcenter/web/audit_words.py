"""The trail's codes in people's words: what was done to what, and what else is on record of it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from callcenter.web.i18n import Translate, catalogue


def action_label(t: Translate, lang: str, action: str) -> str:
    """`debtor.viewed` as "対象者・表示"; a part without a word stands as it is."""
    noun, _, verb = action.partition(".")
    return t("audit.action_label", noun=_word(t, lang, f"audit_noun.{noun}"), verb=_word(t, lang, f"audit_verb.{verb}"))


def subject_label(t: Translate, lang: str, kind: str, number: int | None) -> str:
    """`debtor` 12 as "対象者 12"."""
    key = f"audit_subject.{kind}"
    return f"{_word(t, lang, key if key in catalogue(lang) else f'audit_noun.{kind}')} {number or ''}".strip()


def detail_text(t: Translate, lang: str, detail: Mapping[str, Any]) -> str:
    """Codes and counts by the words of their keys, those without a value left out."""
    told = ((_word(t, lang, f"audit_key.{key}"), value) for key, value in sorted(detail.items()) if value not in ("", None))
    return t("audit.comma").join(f"{key} {value}" for key, value in told)


def nouns(t: Translate, lang: str) -> list[dict[str, str]]:
    """What can be looked for: the beginning of an action's code, and its word."""
    keys = sorted(key.removeprefix("audit_noun.") for key in catalogue(lang) if key.startswith("audit_noun."))
    return [{"value": f"{key}.", "label": t(f"audit_noun.{key}")} for key in keys]


def _word(t: Translate, lang: str, key: str) -> str:
    return t(key) if key in catalogue(lang) else key.partition(".")[2]
