"""Layouts being made on the screen: the sample file they are made from, and what was chosen so far.

A sample holds personal data: it lies in the data folder, readable by nobody else, until the layout is saved, for a day at most.
"""

from __future__ import annotations

import os
import shutil
import uuid
from contextlib import suppress
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

from sqlalchemy import select
from sqlalchemy.orm import Session

from callcenter.core.db import after_commit, office_of
from callcenter.core.errors import InvalidInput, NotFound
from callcenter.core.settings import get_settings
from campaigns.imports.layout_definitions import definition
from campaigns.imports.layout_documents import document_of, write_document
from campaigns.imports.layout_reading import is_name, read_layout
from campaigns.imports.layouts import KINDS, Layout
from campaigns.imports.mapped_documents import document_of_choices
from campaigns.imports.mapping import Choice, Choices, choices_of, suggest_choices, with_found_codes
from campaigns.imports.models import ImportLayout, LayoutDraft
from campaigns.imports.office_layouts import find_layout, own_layout, save_layout
from campaigns.imports.samples import Sample, read_sample
from campaigns.imports.suggesting import suggest_kind

KEPT = timedelta(hours=24)
SUFFIX = ".sample"


def _folder(office_id: int) -> Path:
    folder = get_settings().data_dir / "imports" / str(office_id)
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    return folder


def _keep(office_id: int, path: Path) -> Path:
    kept = _folder(office_id) / f"{uuid.uuid4().hex}{SUFFIX}"
    descriptor = os.open(kept, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "wb") as out, path.open("rb") as source:
        shutil.copyfileobj(source, out)
    return kept


def start_draft(
    session: Session, original_name: str, path: Path, *, kind: str = "", based_on: str = "", user_id: int | None, now: datetime
) -> LayoutDraft:
    """Begins a layout from a sample file, with what the file itself suggests.

    Args:
        kind: debts, payments or attempts; empty to be told by the columns.
        based_on: a layout of that kind whose next version this shall be.

    Raises:
        InvalidInput: no table, or one with 個人番号. Nothing has been stored then.
    """
    if kind and kind not in KINDS:
        raise InvalidInput("ファイルの種類を選んでください。", hint="名簿・入金・交渉記録のいずれかです。", code="bad_kind")
    name = Path(original_name.replace("\\", "/")).name[:200] or "file"
    base = find_layout(session, kind, based_on) if kind and based_on else None
    sample = read_sample(path, name, base.source if base else None)
    kind = kind or suggest_kind(sample.columns)
    draft = LayoutDraft(
        kind=kind,
        original_name=name,
        stored_path=str(_keep(office_of(session), path)),
        choices=suggest_choices(kind, sample, base).data(),
        created_by=user_id,
        created_at=now,
    )
    session.add(draft)
    session.flush()
    return draft


def draft_of(session: Session, draft_id: int, *, is_changed: bool = False) -> LayoutDraft:
    """One layout being made, held for this transaction when it is to be changed.

    Raises NotFound when it was saved, given up, or a day has passed.
    """
    draft = session.get(LayoutDraft, (office_of(session), draft_id), with_for_update=is_changed)
    if draft is None:
        raise NotFound(
            "作成中の様式が見つかりません。", hint="保存したか、24 時間がたって消えました。見本のファイルから作り直してください。"
        )
    return draft


def sample_of_draft(draft: LayoutDraft) -> Sample:
    """The draft's sample as its choices read it. Raises NotFound when the file is gone and InvalidInput when it can't be read so."""
    try:
        return read_sample(Path(draft.stored_path), draft.original_name, choices_of(draft.choices).source)
    except OSError as problem:
        raise NotFound("見本のファイルがもうありません。", hint="見本のファイルから作り直してください。") from problem


def choose(draft: LayoutDraft, choices: Choices, kind: str) -> Choices:
    """Keeps what was chosen. Another way of reading the file, or another kind, begins again with what that suggests.

    Raises InvalidInput when the sample can't be read in the chosen way; nothing is changed then.
    """
    before = choices_of(draft.choices)
    if kind not in KINDS:
        raise InvalidInput("ファイルの種類を選んでください。", hint="名簿・入金・交渉記録のいずれかです。", code="bad_kind")
    sample = read_sample(Path(draft.stored_path), draft.original_name, choices.source)
    if kind != draft.kind or choices.source != before.source:
        suggested = suggest_choices(kind, sample)
        choices = replace(suggested, name=choices.name, title=choices.title, mode=choices.mode)
    else:
        choices = with_found_codes(kind, choices, sample)
    draft.kind, draft.choices = kind, choices.data()
    return choices


def document_text(session: Session, draft: LayoutDraft, sample: Sample) -> str:
    """The TOML text of what was chosen; a next version keeps what the screen does not show."""
    choices = choices_of(draft.choices)
    try:
        base = document_of(own_layout(session, draft.kind, choices.name).document) if choices.name else None
    except InvalidInput:
        base = None
    return write_document(document_of_choices(draft.kind, choices, sample.headers, base))


def drafted_layout(session: Session, draft: LayoutDraft, sample: Sample) -> Layout:
    """The layout as it stands, required fields without a column left out."""
    named = replace(choices_of(draft.choices), name="x", title="")
    text = write_document(document_of_choices(draft.kind, named, sample.headers))
    return read_layout(text, is_draft=True)


def save_draft(session: Session, draft: LayoutDraft, *, user_id: int | None, now: datetime) -> ImportLayout:
    """Saves what was chosen as the next version of its layout.

    Raises InvalidInput: no name, or a required field without a column.
    """
    choices = choices_of(draft.choices)
    if not is_name(choices.name):
        raise InvalidInput(
            f"様式の名前「{choices.name}」は使えません。", hint="空白や記号のない 30 文字までの名前を入れてください。", code="layout_name"
        )
    required = [entry for entry in definition(draft.kind).fields if entry.is_required]
    if lacking := [entry.label for entry in required if choices.fields.get(entry.name, Choice()).is_empty]:
        raise InvalidInput(
            f"必須の列が決まっていません: {'、'.join(lacking)}", hint="列を選ぶか、いつも同じ値を入れてください。", code="layout_incomplete"
        )
    return save_layout(session, document_text(session, draft, sample_of_draft(draft)), user_id=user_id, now=now)


def drop_draft(session: Session, draft: LayoutDraft) -> None:
    """Gives a draft up; its sample goes once that is committed."""
    path = Path(draft.stored_path)
    session.delete(draft)
    after_commit(session, lambda: path.unlink(missing_ok=True))


def sweep_drafts(session: Session, now: datetime) -> int:
    """Removes drafts and samples older than a day, and samples that no draft knows; returns how many drafts."""
    old = list(session.scalars(select(LayoutDraft).where(LayoutDraft.created_at < now - KEPT)))
    for draft in old:
        drop_draft(session, draft)
    before = (now - KEPT).timestamp()
    for path in _folder(office_of(session)).glob(f"*{SUFFIX}"):
        with suppress(FileNotFoundError):
            if path.stat().st_mtime < before:
                path.unlink()
    return len(old)
