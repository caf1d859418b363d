"""`callcenter visits`: where addresses lie."""

from __future__ import annotations

from pathlib import Path

import typer

from callcenter.auth import audit
from callcenter.commands.runtime import open_office, put
from callcenter.core.clock import utc_now
from callcenter.core.db import transaction
from campaigns.visits.places import load_points, read_points

app = typer.Typer(no_args_is_help=True, help="Visits at the door.")
AS_JSON = typer.Option(False, "--json", help="One JSON document.")


@app.callback()
def group() -> None:
    """Visits at the door."""


@app.command("points")
def load(
    file: Path = typer.Argument(..., exists=True, dir_okay=False, help="CSV with 緯度, 経度 and 住所, or the ministry's 位置参照情報."),
    as_json: bool = AS_JSON,
) -> None:
    """Loads where addresses lie, so that rounds get a route and a map; a newer point takes the place of an older one."""
    points = read_points(file.read_bytes())
    with open_office() as office, transaction(office.id) as session:
        count = load_points(session, points)
        audit.record(session, "visit.points_loaded", "address_point", None, None, "cli", {"rows": len(points), "keys": count}, utc_now())
    put({"rows": len(points), "keys": count}, as_json_document=as_json, lines=lambda: [f"rows {len(points):,}, places {count:,}"])
