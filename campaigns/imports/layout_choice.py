"""Which layout a file is of, told by the file itself."""

from __future__ import annotations

from pathlib import Path

from sqlalchemy.orm import Session

from callcenter.core.errors import InvalidInput
from campaigns.imports.layout_preview import preview
from campaigns.imports.layouts import Layout, Source, match_headers
from campaigns.imports.office_layouts import find_layout, known_layouts
from campaigns.imports.samples import Sample, read_sample

_READABLE = 0.5  # of its first rows: less than this is another system's file that happens to have as many columns


def told_layout(session: Session, kind: str, path: Path, file_name: str) -> Layout:
    """The layout whose columns a file has most of; the office's own before a built-in one.

    Raises InvalidInput: the file is no table, has 個人番号, or has the required columns of no layout (then as the standard one says it).
    """
    best: tuple[int, Layout] | None = None
    read: dict[tuple[object, ...], Sample | InvalidInput] = {}
    for known in known_layouts(session, kind):
        source = known.layout.source
        way = (source.encoding, source.delimiter, source.header_row, source.sheet)
        if way not in read:
            read[way] = _read(path, file_name, source)
        fit = _fit(known.layout, read[way], file_name)
        if fit and (best is None or fit > best[0]):
            best = fit, known.layout
    if best is not None:
        return best[1]
    standard = find_layout(session, kind)
    match_headers(standard, read_sample(path, file_name, standard.source).headers, file_name)
    return standard


def _read(path: Path, file_name: str, source: Source) -> Sample | InvalidInput:
    """The head of a file read in one way, or why it can't be read so."""
    try:
        return read_sample(path, file_name, source)
    except InvalidInput as problem:
        if problem.code != "no_sheet":
            raise
        return problem


def _fit(layout: Layout, sample: Sample | InvalidInput, file_name: str) -> int:
    """How many fields of a layout a file has; 0 when it does not fit."""
    if isinstance(sample, InvalidInput):
        return 0
    try:
        bound = match_headers(layout, sample.headers, file_name)
    except InvalidInput as problem:
        if problem.code in ("missing_columns", "doubled_columns"):
            return 0
        raise
    if not layout.source.header_row:  # positions alone fit any file that is wide enough: the values must be right, too
        shown = preview(layout, sample.table)
        if shown.rejected > _READABLE * shown.total:
            return 0
    return len(bound)
