"""Why a file or a layout was refused, in the person's language: the rooms below say it in Japanese, with the names from the file."""

from __future__ import annotations

from collections.abc import Mapping

from callcenter.core.errors import AppError

# code → English; {file} is what the Japanese message says before its first colon, {detail} what it says after its last one.
_ENGLISH: Mapping[str, str] = {
    "no_file": "Choose a file.",
    "bad_kind": "Choose the kind of file.",
    "empty_file": "{file}: the file is empty. Expected a CSV or .xlsx file with a row of headers.",
    "wrong_kind": "{file}: this is no CSV file and no .xlsx workbook. Save it again as CSV (CP932 or UTF-8) or .xlsx.",
    "bad_encoding": "{file}: the encoding can't be told. Save it again as CP932 (Shift_JIS) or UTF-8.",
    "too_large": "{file}: the file is too large. Split it into CSV files of at most 1 GB.",
    "missing_columns": "{file}: required columns are missing: {detail}. Choose the layout of this file, or make one from it.",
    "doubled_columns": "{file}: columns appear twice: {detail}. Remove one of each.",
    "individual_number": "{file}: it has a column of individual numbers (個人番号) and was refused; nothing was kept. "
    "Export it again without that column.",
    "no_sheet": "{file}: the workbook has no sheet of the name that the layout gives.",
    "unknown_layout": "There is no such layout. Choose one of the list.",
    "layout_name": "A layout can't be called so. Use up to 30 characters without spaces and symbols.",
    "layout_incomplete": "Required columns are not chosen: {detail}. Choose a column, or enter a value that is always the same.",
    "bad_layout": "The layout can't be used yet: {detail}",
    "other_kind": "The layout chosen is one of another kind of file. Choose kind or layout again.",
    "check_first": "A full list is checked before it is taken in. Choose to see what would change first.",
    "confirm_closing": "This list would close a large share of the open cases. Make sure that it is the full list, and tick the box.",
    "bad_choice": "Positions of columns and characters are written as numbers.",
    "bad_date": "The day can't be read. Write for instance 2026-11-01.",
}


def refusal(problem: AppError, lang: str) -> str:
    """One or two sentences: what is wrong, and what to do."""
    if lang != "en" or problem.code not in _ENGLISH:
        return f"{problem.message} {problem.hint}".strip()
    file, _, rest = problem.message.partition(": ")
    return _ENGLISH[problem.code].format(file=file, detail=rest.rpartition(": ")[2] or rest or problem.message)
