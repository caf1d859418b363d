"""The words operators say, as the office wants them: versions that are never changed, checked before one is kept.

A version holds sentences by key. Keys and usual sentences are given by whoever shows them; a sentence a version lacks is the usual one.
"""

from __future__ import annotations

import string
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from callcenter.core.errors import Conflict, InvalidInput
from campaigns.attempts.models import TalkScript
from campaigns.messages.templates import TAX_WORDS

MAX_SENTENCE = 400


@dataclass(frozen=True, slots=True)
class Sentence:
    """One sentence of the script: `fields` may stand in it in braces; a neutral one is said before anybody is verified."""

    key: str
    usual: str
    fields: frozenset[str]
    is_neutral: bool


def newest(session: Session) -> TalkScript | None:
    """The version in use; None while the office has kept none."""
    return session.scalar(select(TalkScript).order_by(TalkScript.version.desc()).limit(1))


def version_name(version: int) -> str:
    """What an attempt notes of the words that were on its screen."""
    return f"talk:{version}"


def versions(session: Session) -> Sequence[TalkScript]:
    """All of them, newest first."""
    return session.scalars(select(TalkScript).order_by(TalkScript.version.desc()).limit(100)).all()


def spoken(session: Session, sentences: Sequence[Sentence]) -> dict[str, str]:
    """Each sentence as it is said now, by key."""
    row = newest(session)
    return said(row.document if row is not None else {}, sentences)


def said(own: Mapping[str, str], sentences: Sequence[Sentence]) -> dict[str, str]:
    """The same for a version's own words."""
    return {sentence.key: own.get(sentence.key) or sentence.usual for sentence in sentences}


def check(sentence: Sentence, text: str) -> str:
    """What is wrong with a sentence: empty, long, bad_field, bad_braces, tells_matter; "" when nothing is."""
    if not text.strip():
        return "empty"
    if len(text) > MAX_SENTENCE:
        return "long"
    try:
        parts = list(string.Formatter().parse(text))
    except ValueError:
        return "bad_braces"
    for _, name, spec, conversion in parts:
        if name is not None and (name not in sentence.fields or spec or conversion):
            return "bad_field"
    if sentence.is_neutral and TAX_WORDS.search(text):
        return "tells_matter"
    return ""


def keep(
    session: Session, sentences: Sequence[Sentence], texts: Mapping[str, str], note: str, based_on: int, user_id: int, now: datetime
) -> TalkScript:
    """Keeps the next version; only what differs from the usual sentences is stored.

    Raises:
        InvalidInput: a sentence that can't be said so (see `check`); its key is the hint.
        Conflict: somebody kept a version since `based_on`.
    """
    for sentence in sentences:
        if problem := check(sentence, texts.get(sentence.key, sentence.usual)):
            raise InvalidInput("この文は使えません。", hint=sentence.key, code=f"talk_{problem}")
    last = newest(session)
    version = last.version if last is not None else 0
    if version != based_on:
        raise Conflict("ほかの人が新しい版を保存しました。", hint="その版を確かめてから、直してください。", code="talk_stale")
    own = {s.key: texts[s.key].strip() for s in sentences if s.key in texts and texts[s.key].strip() != s.usual}
    row = TalkScript(version=version + 1, document=own, note=note.strip()[:200], created_by=user_id, created_at=now)
    session.add(row)
    session.flush()
    return row
