"""`callcenter sample DIR`: made-up files of all layouts, with a manifest of the truth."""

from __future__ import annotations

from pathlib import Path

import typer

from callcenter.commands.language import words
from callcenter.commands.runtime import put, usage_error
from callcenter.core.eras import parse_date
from callcenter.core.errors import InvalidInput


def sample(
    folder: Path = typer.Argument(metavar="DIR", help="Where debts.csv, payments.csv, attempts.csv and manifest.json go."),
    debtors: int = typer.Option(..., "--debtors", help="How many debtors."),
    seed: int = typer.Option(1, "--seed", help="The same seed gives the same files."),
    encoding: str = typer.Option("utf-8", "--encoding", help="utf-8, utf-8-sig or cp932."),
    as_of: str | None = typer.Option(None, "--as-of", help="The list's date; by default 2026-11-02."),
    as_json: bool = typer.Option(False, "--json", help="One JSON document: the manifest."),
) -> None:
    """Writes realistic files about a city that does not exist: no real person's data."""
    from callcenter.commands.sampling.writing import AS_OF, write_sample

    try:
        day = parse_date(as_of) or AS_OF
    except InvalidInput:
        usage_error("--as-of is no date.", "Expected for instance 2026-11-02.")
    manifest = write_sample(folder, size=debtors, seed=seed, encoding=encoding, as_of=day)
    put(
        manifest,
        as_json_document=as_json,
        lines=lambda: (
            [words(f"{folder / name}: {facts['rows']:,} rows") for name, facts in manifest["files"].items()]
            + [words(f"{folder / 'manifest.json'}: the truth about them")]
        ),
    )
