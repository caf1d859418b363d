"""`callcenter layout`: the office's own layouts, made from TOML files, checked against a sample, and taken out again."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

import typer

from callcenter.auth import audit
from callcenter.commands.language import words
from callcenter.commands.runtime import EXIT_REJECTED, open_office, put, say, usage_error
from callcenter.core.clock import utc_now
from callcenter.core.db import transaction
from callcenter.core.errors import InvalidInput
from campaigns.imports.layout_documents import document_of_layout, write_document
from campaigns.imports.layout_reading import read_layout
from campaigns.imports.layouts import KINDS, Field, Layout, unused_columns
from campaigns.imports.office_layouts import Known, known_layouts, save_layout
from campaigns.imports.parsing import parse_file
from campaigns.imports.rejections import reason_text

app = typer.Typer(help="Layouts: how files of a core system are read.", no_args_is_help=True)
KIND = typer.Option(None, "--kind", help="debts, payments or attempts; needed where several kinds have a layout of that name.")
AS_JSON = typer.Option(False, "--json", help="One JSON document.")


def _text_of(file: Path) -> str:
    try:
        return file.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as problem:
        raise InvalidInput(
            f"{file}: UTF-8 の文字のファイルではありません。", hint="UTF-8 で保存し直してください。", code="bad_layout"
        ) from problem
    except OSError as problem:
        raise InvalidInput(f"{file}: ファイルを開けません。", hint="パスを確かめてください。", code="no_file") from problem


def _line(known: Known) -> dict[str, Any]:
    layout, row = known.layout, known.row
    return {
        "kind": layout.kind,
        "name": layout.name,
        "version": layout.version or None,
        "is_own": row is not None,
        "title": layout.title,
        "mode": layout.mode or None,
        "created_at": row.created_at if row else None,
    }


def _chosen(office_id: int, name: str, kind: str | None) -> Known:
    """The layout of that name; ends with status 2 when there is none, or several kinds have one and none was chosen."""
    if kind is not None and kind not in KINDS:
        usage_error(f"'{kind}' is no kind of file.", f"Expected one of: {', '.join(KINDS)}.")
    with transaction(office_id) as session:
        every = [known for each in ([kind] if kind else KINDS) for known in known_layouts(session, each)]
    found = [known for known in every if known.layout.name == name]
    if not found:
        usage_error(f"There is no layout '{name}'.", f"There are: {', '.join(dict.fromkeys(known.layout.name for known in every))}.")
    if len(found) > 1:
        usage_error(f"Several kinds have a layout '{name}'.", f"Choose one: --kind {'|'.join(known.layout.kind for known in found)}.")
    return found[0]


@app.command("list")
def list_layouts(as_json: bool = AS_JSON) -> None:
    """The layouts there are: the office's own, and the built-in ones."""
    with open_office() as office, transaction(office.id) as session:
        lines = [_line(known) for kind in KINDS for known in known_layouts(session, kind)]

    def shown() -> list[str]:
        return [
            f"{line['kind']:<9} {line['name']}"
            + (f"@{line['version']}" if line["version"] else "  " + words("(built in)"))
            + f"  {line['title']}".rstrip()
            for line in lines
        ]

    put(lines, as_json_document=as_json, lines=shown)


def _place(field: Field) -> str:
    """Where a field's text comes from, in words."""
    place = field.label if field.column or field.join else ", ".join(field.headers)
    if field.part:
        place += words(f" characters {field.part[0]}-{field.part[1]}")
    if field.value is not None:
        place += words(f" (else always {field.value})") if place else words(f"always {field.value}")
    return place


def _field(field: Field) -> dict[str, Any]:
    return {
        "field": field.name,
        "type": field.type,
        "required": field.is_required,
        "from": _place(field),
        "styles": list(field.styles),
        "codes": dict(field.codes),
    }


@app.command("show")
def show_layout(name: str = typer.Argument(help="The layout's name."), kind: str | None = KIND, as_json: bool = AS_JSON) -> None:
    """One layout: each field, and the column it is read from."""
    with open_office() as office:
        known = _chosen(office.id, name, kind)
    layout = known.layout
    source = {"encoding": layout.source.encoding, "delimiter": layout.source.delimiter, "header_row": layout.source.header_row}
    document = _line(known) | {"source": source, "fields": [_field(field) for field in layout.fields]}

    def shown() -> list[str]:
        head = f"{layout.reference} ({layout.kind}) {layout.title}".rstrip()
        how = words(f"encoding {source['encoding']}, delimiter {source['delimiter']}, header row {source['header_row']}")
        return [head, how] + [f"{'*' if field.is_required else ' '} {field.name:<15} {_place(field) or '-'}" for field in layout.fields]

    put(document, as_json_document=as_json, lines=shown)


@app.command("add")
def add_layout(file: Path = typer.Argument(help="A TOML file."), as_json: bool = AS_JSON) -> None:
    """Keeps a layout as the office's own; the same name again makes a new version."""
    text = _text_of(file)
    now = utc_now()
    with open_office(create=True) as office, transaction(office.id) as session:
        row = save_layout(session, text, user_id=None, now=now)
        is_new = row.created_at == now
        if is_new:
            audit.record(session, "layout.saved", "import_layout", row.id, None, "cli", {"kind": row.kind, "version": row.version}, now)
        document = {"kind": row.kind, "name": row.name, "version": row.version, "is_new": is_new}
    done = "kept" if is_new else "unchanged"
    put(document, as_json_document=as_json, lines=lambda: [f"{document['name']}@{document['version']} ({document['kind']}): {done}"])


@app.command("check")
def check_layout(
    file: Path = typer.Argument(help="A TOML file."),
    sample: Path = typer.Argument(help="A file of the core system."),
    as_json: bool = AS_JSON,
) -> None:
    """Reads a sample by a layout without keeping either; ends with 3 when rows would be rejected."""
    layout = read_layout(_text_of(file))
    try:
        data = sample.read_bytes()
    except OSError as problem:
        raise InvalidInput(f"{sample}: ファイルを開けません。", hint="パスを確かめてください。", code="no_file") from problem
    document = _checked(layout, data, sample.name)

    def shown() -> list[str]:
        lines = [words(f"{sample.name}: rows {document['rows']:,}, rejected {document['rejected']:,}; {document['encoding']}")]
        lines += [
            words(f"  {each['column']}: {each['reason']} ({each['rows']:,} rows, first {each['first_row']})")
            for each in document["problems"]
        ]
        if document["unused_columns"]:
            lines.append("columns no field takes: " + ", ".join(document["unused_columns"]))
        return lines

    put(document, as_json_document=as_json, lines=shown)
    if document["rejected"]:
        say(f"{document['rejected']} rows would be rejected")
        raise typer.Exit(EXIT_REJECTED)


def _checked(layout: Layout, data: bytes, name: str) -> dict[str, Any]:
    parsed = parse_file(data, layout, name)
    pairs = list(zip(parsed.problems["column"], parsed.problems["code"], parsed.problems["row"], strict=True))
    counts = Counter((column, code) for column, code, _ in pairs)
    first = {(column, code): row for column, code, row in reversed(pairs)}
    return {
        "layout": layout.name,
        "kind": layout.kind,
        "rows": parsed.rows,
        "rejected": parsed.rejected,
        "encoding": parsed.table.encoding,
        "fields": sorted(parsed.present),
        "unused_columns": unused_columns(layout, parsed.table.headers),
        "problems": [
            {"column": column, "code": code, "reason": reason_text(code), "rows": count, "first_row": first[column, code]}
            for (column, code), count in counts.most_common()
        ],
    }


@app.command("export")
def export_layout(name: str = typer.Argument(help="The layout's name."), kind: str | None = KIND, as_json: bool = AS_JSON) -> None:
    """The TOML of a layout, to change and add again; a built-in one as a document to begin with."""
    with open_office() as office:
        known = _chosen(office.id, name, kind)
    text = known.row.document if known.row else write_document(document_of_layout(known.layout))
    document = {"kind": known.layout.kind, "name": known.layout.name, "version": known.layout.version or None, "document": text}
    put(document, as_json_document=as_json, lines=lambda: [text.rstrip("\n")])
