"""Why a row was refused, in words, and the file of refused rows that can be corrected and loaded again."""

from __future__ import annotations

import csv
from pathlib import Path

import polars as pl

from campaigns.imports.layouts import REJECTION_HEADERS
from campaigns.imports.reading import FileReader

# code → what was expected, in Japanese and English.
REASONS: dict[str, tuple[str, str]] = {
    "missing": ("必須の項目が空です。", "This field is required but empty."),
    "too_long": ("長すぎます。", "The value is too long."),
    "bad_date": (
        "日付として読めません。2025-09-01、20250901、令和7年9月1日、R7.9.1、5070901 などで書いてください。",
        "Not a date. Expected for instance 2025-09-01, 20250901, 令和7年9月1日, R7.9.1 or 5070901.",
    ),
    "bad_year": (
        "年度として読めません。2025、令和7年度、R7 などで書いてください。",
        "Not a year. Expected for instance 2025, 令和7年度 or R7.",
    ),
    "bad_moment": (
        "日時として読めません。2025-09-01 14:05 のように書いてください。",
        "Not a moment. Expected for instance 2025-09-01 14:05.",
    ),
    "bad_amount": ("金額として読めません。0 以上の円単位の整数が必要です。", "Not an amount. Expected whole yen, zero or more."),
    "negative_amount": ("金額が負の数です。0 以上の円単位の整数が必要です。", "The amount is negative. Expected whole yen, zero or more."),
    "fraction_amount": ("金額に小数があります。円単位の整数が必要です。", "The amount has a fraction. Expected whole yen."),
    "amount_too_large": ("金額が大きすぎます。1兆円未満が必要です。", "The amount is too large. Expected less than a trillion yen."),
    "bad_integer": ("整数として読めません。", "Not a whole number."),
    "out_of_range": ("決められた範囲の外です。", "Outside the permitted range."),
    "unknown_code": ("決められた区分の値ではありません。", "Not one of the permitted values."),
    "sum": ("調定額 − 収入済額 が未納額と一致しません。", "Assessed minus received is not the outstanding amount."),
    "duplicate": ("同じキーの行がこのファイルの前の行にあります。", "An earlier row of this file has the same key."),
    "cells": ("列の数が見出しと違います。", "The number of cells differs from the header's."),
    "unknown_debtor": (
        "この宛名番号の対象者がいません。先に催告対象者リストを取り込んでください。",
        "No debtor has this number. Import the delinquent list first.",
    ),
    "changed_payment": (
        "同じ収納履歴番号が別の内容で取り込まれています。取消区分 1 で取り消し、新しい番号で登録してください。",
        "This reference was imported with other contents. Reverse it (取消区分 1) and post it under a new reference.",
    ),
}


def reason_text(code: str, lang: str = "ja") -> str:
    """What was expected, in Japanese (default) or English; the code itself when it has no text."""
    japanese, english = REASONS.get(code, (code, code))
    return english if lang == "en" else japanese


def neutral(cell: str) -> str:
    """A cell that no spreadsheet takes for a formula; undone when the file is loaded again."""
    return "'" + cell if cell[:1] in ("=", "+", "-", "@", "\t", "\r") else cell


def write_rejected(path: Path, reader: FileReader, problems: pl.DataFrame) -> None:
    """Writes the refused rows with 行番号, 列, 理由 as CSV (UTF-8 with BOM) at `path`.

    `problems` has the columns row, column, code; several of one row are joined in its cells.
    """
    kept = [index for index, header in enumerate(reader.headers) if header not in REJECTION_HEADERS]
    told = problems.group_by("row", maintain_order=True).agg("column", "code")
    why = {row: (columns, codes) for row, columns, codes in told.iter_rows()}
    with path.open("w", encoding="utf-8-sig", newline="") as out:
        writer = csv.writer(out)
        writer.writerow([*(reader.headers[index] for index in kept), *REJECTION_HEADERS])
        for row, cells in reader.originals(told["row"]):
            columns, codes = why[row]
            width = [cells[index] if index < len(cells) else "" for index in kept]
            reasons = " / ".join(dict.fromkeys(reason_text(code) for code in codes))
            names = "、".join(dict.fromkeys(column for column in columns if column))
            writer.writerow([neutral(cell) for cell in width] + [str(row), names, reasons])
