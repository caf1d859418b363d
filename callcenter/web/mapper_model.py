"""What the pages about layouts show: the list, one layout, and the page on which one is made from a sample."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy.orm import Session

from callcenter.core.clock import local_day, utc_now
from callcenter.core.errors import AppError
from callcenter.web.i18n import Translate, catalogue
from callcenter.web.import_words import refusal
from campaigns.attempts.codes import (
    CHANNEL_EN,
    CHANNEL_JA,
    LINE_RESULT_EN,
    LINE_RESULT_JA,
    OUTCOME_EN,
    OUTCOME_JA,
    PARTY_EN,
    PARTY_JA,
)
from campaigns.imports.date_styles import DATE_STYLES, YEAR_STYLES, Style, date_styles_of, year_styles_of
from campaigns.imports.layout_definitions import definition
from campaigns.imports.layout_drafts import drafted_layout
from campaigns.imports.layout_preview import Preview, preview
from campaigns.imports.layouts import DELIMITERS, ENCODINGS, KINDS, Field
from campaigns.imports.mapping import FREE_CODES, Choice, Choices, choices_of, found_values, is_coded, texts_of
from campaigns.imports.models import LayoutDraft
from campaigns.imports.office_layouts import versions_of
from campaigns.imports.rejections import reason_text
from campaigns.imports.samples import Sample

_HEADER_ROWS = 12
_SAMPLES = 3
_SPARE_CODES = 1
_MEANING_WORDS: Mapping[str, tuple[Mapping[Any, str], Mapping[Any, str]]] = {
    "channel": (CHANNEL_JA, CHANNEL_EN),
    "line_result": (LINE_RESULT_JA, LINE_RESULT_EN),
    "party": (PARTY_JA, PARTY_EN),
    "outcome": (OUTCOME_JA, OUTCOME_EN),
}


def option(value: object, label: str, is_chosen: bool = False) -> dict[str, Any]:
    """One entry of a list of choices."""
    return {"value": value, "label": label, "is_chosen": is_chosen}


def label_of(t: Translate, name: str) -> str:
    """What people call a field."""
    return t(f"layout_field.{name}")


def meaning_of(t: Translate, lang: str, field: str, value: str) -> str:
    """What one of our own code values means, in words; the value itself where there are none."""
    if field in _MEANING_WORDS:
        japanese, english = _MEANING_WORDS[field]
        known = {str(each): word for each, word in (english if lang == "en" else japanese).items()}
        return known.get(value, value)
    key = f"layout_code.{field}_{value}"
    return t(key) if key in catalogue(lang) else value


def mapper_model(session: Session, draft: LayoutDraft, sample: Sample, t: Translate, lang: str) -> dict[str, Any]:
    """The page of one draft; fields as in mapper.html."""
    choices = choices_of(draft.choices)
    entries = definition(draft.kind).fields
    fields = [_field(entry, choices.fields.get(entry.name, Choice()), sample, t) for entry in entries]
    missing = [field for field in fields if field["is_required"] and field["is_missing"]]
    return {
        "draft": {
            "id": draft.id,
            "href": f"/imports/layouts/drafts/{draft.id}",
            "file_name": draft.original_name,
            "created_at": draft.created_at,
            "rows": sample.table.frame.height,
            "has_more": sample.has_more,
            "columns": len(sample.headers),
        },
        "reading": _reading(draft, choices, sample, t),
        "required": [field for field in fields if field["is_required"]],
        "optional": [field for field in fields if not field["is_required"] and not field["is_missing"]],
        "others": [field for field in fields if not field["is_required"] and field["is_missing"]],
        "missing": missing,
        "codes": [_codes(entry, choices.fields[entry.name], sample, t, lang) for entry in entries if _has_codes(entry, choices)],
        "unused": _unused(choices, sample),
        "skip": _skip(choices, sample, t),
        "preview": _preview(session, draft, sample, t, lang),
        "save": _save(session, draft, choices, t),
    }


def _has_codes(entry: Field, choices: Choices) -> bool:
    choice = choices.fields.get(entry.name)
    return choice is not None and is_coded(entry) and bool(choice.column)


def _reading(draft: LayoutDraft, choices: Choices, sample: Sample, t: Translate) -> dict[str, Any]:
    is_workbook = sample.table.encoding == "xlsx"
    return {
        "is_workbook": is_workbook,
        "kinds": [option(kind, t(f"kind.{kind}"), kind == draft.kind) for kind in KINDS],
        "encodings": [option(name, t(f"layout_encoding.{name.replace('-', '')}"), name == choices.encoding) for name in ENCODINGS],
        "delimiters": [option(name, t(f"layout_delimiter.{name}"), name == choices.delimiter) for name in ("auto", *DELIMITERS)],
        "header_rows": [
            option(number, t("layouts.header_row_n", n=number) if number else t("layouts.header_row_none"), number == choices.header_row)
            for number in range(max(_HEADER_ROWS, choices.header_row) + 1)
        ],
        "found_encoding": t(f"layout_encoding.{sample.table.encoding.replace('-', '')}"),
    }


def _column_text(sample: Sample, number: int) -> str:
    column = sample.columns[number - 1]
    header = column.header or f"列{number}"
    example = column.samples[0] if column.samples else ""
    return f"{number} {header}" + (f" ({example[:16]})" if example else "")


def _column_options(sample: Sample, chosen: int, none: str) -> list[dict[str, Any]]:
    every = [option(column.number, _column_text(sample, column.number), column.number == chosen) for column in sample.columns]
    return [option("", none, not chosen), *every]


def _field(entry: Field, choice: Choice, sample: Sample, t: Translate) -> dict[str, Any]:
    texts = texts_of(sample, choice) if choice.column else []
    styles, told = _styles(entry, texts)
    words = {name: t(f"layout_style.{name}") for name in styles}
    is_missing = choice.column > len(sample.columns) or choice.is_empty
    return {
        "name": entry.name,
        "label": label_of(t, entry.name),
        "is_required": entry.is_required,
        "is_missing": is_missing,
        "columns": _column_options(sample, choice.column, t("layouts.no_column")),
        "samples": list(dict.fromkeys(texts))[:_SAMPLES],
        "is_all_empty": bool(choice.column) and not texts and not is_missing,
        "styles": [option(name, f"{words[name]} {style.example}", name == choice.style) for name, style in styles.items()],
        "told": [styles[name].example for name in told[:2]],
        "style": choice.style,
        "joins": _column_options(sample, choice.join, t("layouts.no_join")),
        "separator": choice.separator,
        "first": choice.first or "",
        "last": choice.last or "",
        "value": choice.value,
        "special": _special(choice, sample, t),
    }


def _special(choice: Choice, sample: Sample, t: Translate) -> str:
    """What is joined, cut or fixed, in words; empty when nothing is."""
    words = []
    if 0 < choice.join <= len(sample.columns):
        words.append(t("layouts.joined_with", column=sample.columns[choice.join - 1].header or choice.join))
    if choice.first:
        words.append(t("layouts.part_of", first=choice.first, last=max(choice.first, choice.last)))
    if choice.value:
        words.append(t("layouts.always", mode=choice.value))
    return "・".join(words)


def _styles(entry: Field, texts: Sequence[str]) -> tuple[Mapping[str, Style], tuple[str, ...]]:
    if entry.type == "date":
        return DATE_STYLES, date_styles_of(texts)
    if entry.type == "year":
        return YEAR_STYLES, year_styles_of(texts)
    return {}, ()


def _codes(entry: Field, choice: Choice, sample: Sample, t: Translate, lang: str) -> dict[str, Any]:
    counts = dict(found_values(sample, choice))
    meanings = [] if entry.name in FREE_CODES else list(dict.fromkeys(entry.codes.values()))
    rows = [
        {
            "number": number,
            "theirs": theirs,
            "count": counts.get(theirs, 0),
            "ours": ours,
            "is_open": not ours and bool(meanings),
            "options": [option("", t("layouts.code_open"), not ours)]
            + [option(value, meaning_of(t, lang, entry.name, value), value == ours) for value in meanings],
        }
        for number, (theirs, ours) in enumerate([*choice.codes.items(), *[("", "")] * _SPARE_CODES])
    ]
    return {
        "name": entry.name,
        "label": label_of(t, entry.name),
        "is_free": entry.name in FREE_CODES,
        "open": sum(row["is_open"] and bool(row["theirs"]) for row in rows),
        "rows": rows,
    }


def _unused(choices: Choices, sample: Sample) -> list[dict[str, Any]]:
    used = {number for choice in choices.fields.values() for number in (choice.column, choice.join)} | {choices.skip_column}
    return [
        {"number": column.number, "header": column.header or f"列{column.number}", "samples": list(column.samples[:_SAMPLES])}
        for column in sample.columns
        if column.number not in used
    ]


def _skip(choices: Choices, sample: Sample, t: Translate) -> dict[str, Any]:
    return {"columns": _column_options(sample, choices.skip_column, t("layouts.no_skip")), "value": choices.skip_value}


def _preview(session: Session, draft: LayoutDraft, sample: Sample, t: Translate, lang: str) -> dict[str, Any]:
    try:
        shown = preview(drafted_layout(session, draft, sample), sample.table)
    except AppError as problem:
        return {"error": refusal(problem, lang), "heads": [], "rows": [], "total": 0, "rejected": 0, "problems": []}
    return {"error": ""} | _shown(shown, t, lang)


def _shown(shown: Preview, t: Translate, lang: str) -> dict[str, Any]:
    coded = {index: field.name for index, field in enumerate(shown.fields) if field.type == "choice"}
    order = sorted(range(len(shown.fields)), key=lambda index: not any(row.cells[index].problem for row in shown.rows))

    def text(index: int, value: str) -> str:
        return meaning_of(t, lang, coded[index], value) if value and index in coded else value

    return {
        "heads": [label_of(t, shown.fields[index].name) for index in order],
        "rows": [
            {
                "number": row.number,
                "has_problem": any(cell.problem for cell in row.cells),
                "cells": [
                    {"text": cell.text if cell.problem else text(index, cell.text), "problem": _short(cell.problem, lang)}
                    for index, cell in ((index, row.cells[index]) for index in order)
                ],
            }
            for row in shown.rows
        ],
        "total": shown.total,
        "rejected": shown.rejected,
        "problems": [{"column": column, "reason": reason_text(code, lang), "count": count} for column, code, count in shown.problems],
    }


def _short(code: str, lang: str) -> str:
    """What is wrong with a cell, in its first sentence."""
    text = reason_text(code, lang)
    return text.partition(". ")[0].rstrip(".") if lang == "en" else text.partition("。")[0]


def _save(session: Session, draft: LayoutDraft, choices: Choices, t: Translate) -> dict[str, Any]:
    versions = versions_of(session, draft.kind, choices.name) if choices.name else []
    return {
        "name": choices.name,
        "title": choices.title,
        "next_version": versions[0].version + 1 if versions else 0,
        "modes": [option("", t("layouts.mode_any"), not choices.mode)]
        + [option(mode, t(f"mode.{mode}"), mode == choices.mode) for mode in ("full", "diff")],
        "as_of": local_day(utc_now()).isoformat(),
    }
