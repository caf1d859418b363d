"""A layout being made on the screen: what is chosen for each field of a sample file, what the sample suggests, and the values found."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from typing import Any

from callcenter.core.errors import InvalidInput
from campaigns.imports.date_styles import DATE_STYLES, YEAR_STYLES, date_styles_of, year_styles_of
from campaigns.imports.layout_definitions import definition
from campaigns.imports.layouts import Binding, Field, Layout, Source, match_headers, normal_word
from campaigns.imports.samples import Sample
from campaigns.imports.sources import bound_cells
from campaigns.imports.suggesting import suggest, suggest_codes, suggest_joins, suggest_parts

FREE_CODES = frozenset({"tax_code"})  # fields whose own codes an office may translate into any text
CURRENT_FLAG = "最新フラグ"  # rows with 0 are outdated versions of a record


@dataclass(frozen=True)
class Choice:
    """Where one field's text comes from: columns are numbers from 1, 0 for none. `codes`: the file's values → ours; "" not decided yet."""

    column: int = 0
    join: int = 0
    separator: str = ""
    first: int = 0
    last: int = 0
    value: str = ""
    style: str = ""
    codes: Mapping[str, str] = field(default_factory=dict)

    @property
    def is_empty(self) -> bool:
        """Whether the field would have no text at all."""
        return not self.column and not self.value


@dataclass(frozen=True)
class Choices:
    """All that was chosen: how the file is written, the fields by name, and rows to leave out (a column and a value)."""

    encoding: str = "auto"
    delimiter: str = "auto"
    header_row: int = 1
    mode: str = ""
    skip_column: int = 0
    skip_value: str = ""
    name: str = ""
    title: str = ""
    fields: Mapping[str, Choice] = field(default_factory=dict)

    @property
    def source(self) -> Source:
        """How the sample is read."""
        return Source(self.encoding, self.delimiter, self.header_row)

    def data(self) -> dict[str, Any]:
        """As JSON keeps it."""
        return asdict(self)


def choices_of(data: Mapping[str, Any]) -> Choices:
    """What `Choices.data` kept."""
    fields = {name: Choice(**choice) for name, choice in data.get("fields", {}).items()}
    return Choices(**{**data, "fields": fields})


def suggest_choices(kind: str, sample: Sample, based_on: Layout | None = None) -> Choices:
    """What the sample itself suggests; where it fits a layout of the office already, what that one says."""
    suggested = _suggested(kind, sample)
    bound = _bound(based_on, sample)
    fields = {}
    for entry in definition(kind).fields:
        base = based_on.field(entry.name) if based_on else entry
        choice = _choice_of(base, bound[entry.name]) if entry.name in bound else suggested.get(entry.name, Choice())
        fields[entry.name] = _with_codes(base, _with_style(entry, choice, sample), sample)
    flag = next((column for column in sample.columns if normal_word(column.header) == normal_word(CURRENT_FLAG)), None)
    source = sample.source
    return Choices(
        source.encoding,
        source.delimiter,
        source.header_row,
        mode=based_on.mode if based_on else "",
        skip_column=flag.number if flag else 0,
        skip_value="0" if flag else "",
        name=based_on.name if based_on and based_on.version else "",
        title=based_on.title if based_on else "",
        fields=fields,
    )


def _suggested(kind: str, sample: Sample) -> dict[str, Choice]:
    """Single columns first; pairs that together are a field, and keys put together of several, where no single column is it."""
    single = suggest(kind, sample.columns)
    found = {name: Choice(number) for name, number in single.items()}
    for name, (first, second) in suggest_joins(kind, sample.columns).items():
        if name not in found or single[name] in (first, second):
            found[name] = Choice(first, second, separator=" " if name == "began_at" else "　")
    for name, (number, start, end) in suggest_parts(kind, sample.columns).items():
        found.setdefault(name, Choice(number, first=start, last=end))
    return found


def _bound(layout: Layout | None, sample: Sample) -> Mapping[str, Binding]:
    if layout is None:
        return {}
    try:
        return match_headers(layout, sample.headers, "")
    except InvalidInput:
        return {}


def _choice_of(entry: Field, binding: Binding) -> Choice:
    first, last = binding.part or (0, 0)
    columns = [column + 1 for column in binding.columns] + [0, 0]
    style = entry.styles[0] if entry.styles else ""
    return Choice(columns[0], columns[1], binding.separator, first, last, binding.value or "", style)


def _with_style(entry: Field, choice: Choice, sample: Sample) -> Choice:
    """Names the style where the column's days can be read in no other way than one that must be named."""
    if entry.type not in ("date", "year") or not choice.column or choice.style:
        return choice
    texts = texts_of(sample, choice)
    styles, told = (DATE_STYLES, date_styles_of(texts)) if entry.type == "date" else (YEAR_STYLES, year_styles_of(texts))
    return replace(choice, style=told[0]) if told and styles[told[0]].is_explicit else choice


def is_coded(entry: Field) -> bool:
    """Whether the values of a field are codes that a table translates."""
    return entry.type == "choice" or entry.name in FREE_CODES


def _with_codes(base: Field, choice: Choice, sample: Sample) -> Choice:
    """The choice with an entry in its code table for each value found: as chosen before, else what it probably means."""
    if not is_coded(base) or not choice.column:
        return replace(choice, codes={}) if choice.codes else choice
    values = [value for value, _ in found_values(sample, choice)]
    decided = {value: ours for value, ours in choice.codes.items() if ours}
    known = suggest_codes(base, [value for value in values if value not in choice.codes])
    return replace(choice, codes={value: known.get(value, "") for value in values} | decided)


def texts_of(sample: Sample, choice: Choice, rows: int = 200) -> list[str]:
    """The first texts of a field as chosen, without empty ones."""
    return [text for text in _cells(sample, choice, rows) if text]


def _cells(sample: Sample, choice: Choice, rows: int | None = None) -> list[str]:
    frame = sample.table.frame if rows is None else sample.table.frame.head(rows)
    binding = _binding(choice, len(sample.headers))
    return [] if binding is None else [text or "" for text in bound_cells(frame, binding)]


def _binding(choice: Choice, width: int) -> Binding | None:
    columns = tuple(number - 1 for number in (choice.column, choice.join) if 0 < number <= width)
    part = (choice.first, max(choice.first, choice.last)) if choice.first else None
    return Binding(columns, choice.separator, part) if columns else None


def found_values(sample: Sample, choice: Choice, most: int = 40) -> list[tuple[str, int]]:
    """The different values of a field as chosen with their counts, commonest first."""
    return Counter(text for text in _cells(sample, choice) if text).most_common(most)


def with_found_codes(kind: str, choices: Choices, sample: Sample) -> Choices:
    """The choices with an entry in each code table for each value found in the column now chosen."""
    found = {entry.name: _with_codes(entry, choices.fields.get(entry.name, Choice()), sample) for entry in definition(kind).fields}
    return replace(choices, fields=found)
