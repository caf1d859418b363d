"""The export and the schema `bi` on real rows: what is in them, and what never is."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import date
from pathlib import Path

import polars as pl
import pytest
from sqlalchemy import Connection, create_engine, text
from sqlalchemy.exc import ProgrammingError

from callcenter.auth.models import Office
from callcenter.cli import run
from callcenter.core.db import sqlalchemy_url, transaction
from migrations.bi_views import BI_TABLES, LATER_VIEWS, VIEWS
from tests.reports import world

DAYS = ["--from", "2026-09-01", "--to", "2026-10-31"]
SECRETS = ("見本 花子", "0900000", "note-of-a-call")


@pytest.fixture
def town(office_id: int) -> None:
    """Eight persons called each hour of one day, one of them alone in the evening; promises and payments."""
    with transaction(office_id) as session:
        people = [world.debtor(session, ("10", "current")) for _ in range(8)]
        for hour in (9, 10):
            for place, person in enumerate(people):
                more = {"outcome": "vulnerable" if place == 7 else "promise_full", "note": "note-of-a-call", "talk_seconds": 61}
                world.attempt(session, person, f"2026-09-01 {hour:02d}:{place:02d}", "answered", "debtor", **more)
        world.attempt(session, people[0], "2026-09-01 19:59", "busy")
        for person in people:
            world.promise(session, person, "2026-09-01 09:30", date(2026, 9, 10), 12_345, state="kept")
            world.payment(session, person, date(2026, 10, 2), 12_345)


def test_the_export_names_nobody(town: None, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = tmp_path / "open"
    assert run(["report", "open-data", str(folder), *DAYS, "--format", "csv", "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    names = [each["name"] for each in told["files"]]
    assert names == ["attempts-2026-09.csv", "promises-2026-09.csv", "payments-2026-10.csv", "facts.csv"]
    assert told["rows_left_out"] == 3  # the call in the evening, and two of which one person alone had such a result
    whole = "".join(path.read_text("utf-8-sig") for path in folder.iterdir())
    for secret in (*SECRETS, "vulnerable", "12345"):
        assert secret not in whole
    calls = pl.read_csv(folder / "attempts-2026-09.csv")
    assert calls.height == 14
    assert calls.group_by("day", "hour", "channel").len().height == 2
    assert pl.read_csv(folder / "promises-2026-09.csv")["amount_from"].unique().to_list() == [10000]
    assert set(calls["person"]) < set(pl.read_csv(folder / "payments-2026-10.csv")["person"])
    assert "意味" in (folder / "columns.csv").read_text("utf-8-sig")
    assert run(["report", "open-data", str(folder), *DAYS]) == 1


def test_no_cell_is_a_formula(town: None, office_id: int, tmp_path: Path) -> None:
    with transaction(office_id) as session:
        session.execute(text("UPDATE payment SET tax_code = '=1+1'"))
    assert run(["report", "open-data", str(tmp_path / "open"), *DAYS, "--format", "csv"]) == 0
    lines = (tmp_path / "open" / "payments-2026-10.csv").read_text("utf-8-sig").splitlines()
    assert {line.split(",")[2] for line in lines[1:]} == {"'=1+1"}


def test_one_whose_family_answered_does_not_stand_out(town: None, office_id: int, tmp_path: Path) -> None:
    """Five of the sixth hour are alike but for who came to the telephone: no row tells of whom."""
    with transaction(office_id) as session:
        for place, party in enumerate(["debtor"] * 5 + ["family"]):
            world.attempt(session, world.debtor(session), f"2026-09-01 14:{place:02d}", "answered", party, outcome="no_result")
    assert run(["report", "open-data", str(tmp_path / "open"), *DAYS]) == 0
    calls = pl.read_parquet(tmp_path / "open" / "attempts-2026-09.parquet")
    assert calls.filter(pl.col("hour") == 14).height == 5
    assert calls.group_by(pl.exclude("person")).agg(pl.col("person").n_unique())["person"].min() == 5


def test_parquet_and_another_key(town: None, tmp_path: Path) -> None:
    for name in ("a", "b"):
        assert run(["report", "open-data", str(tmp_path / name), *DAYS]) == 0
    first, second = (pl.read_parquet(tmp_path / name / "attempts-2026-09.parquet") for name in ("a", "b"))
    assert first.drop("person").equals(second.drop("person"))
    assert set(first["person"]).isdisjoint(second["person"])


def test_wrong_use(town: None, tmp_path: Path) -> None:
    assert run(["report", "open-data", *DAYS]) == 2
    assert run(["report", "headline", str(tmp_path / "x"), *DAYS]) == 2
    assert run(["report", "open-data", str(tmp_path / "x"), *DAYS, "--format", "pdf"]) == 2
    assert run(["report", "headline", *DAYS, "--format", "parquet", "--output", str(tmp_path / "x")]) == 2


@pytest.fixture
def reader(office_id: int, database_url: str) -> Iterator[Connection]:
    """A sign-in role of the first office, as the guide makes it; it also knows the other office's number."""
    admin = create_engine(sqlalchemy_url(database_url), isolation_level="AUTOCOMMIT")
    with admin.connect() as connection:
        connection.execute(text("DROP ROLE IF EXISTS city_bi"))
        connection.execute(text("CREATE ROLE city_bi LOGIN PASSWORD 'x' IN ROLE callcenter_bi"))
        connection.execute(text("INSERT INTO bi.reader VALUES ('city_bi', :office)"), {"office": office_id})
        connection.execute(text(f"ALTER ROLE city_bi SET app.office_id = '{office_id}'"))
    engine = create_engine(admin.url.set(username="city_bi", password="x"))
    try:
        with engine.connect() as connection:
            yield connection
    finally:
        engine.dispose()
        with admin.connect() as connection:
            connection.execute(text("DELETE FROM bi.reader"))
            connection.execute(text("DROP ROLE city_bi"))
        admin.dispose()


def test_a_reader_sees_its_office_s_views_and_nothing_else(town: None, reader: Connection, office_id: int) -> None:
    with transaction(None) as session:
        other = Office(code="other", name="他")
        session.add(other)
        session.flush()
        other_id = other.id
    with transaction(other_id) as session:
        world.attempt(session, world.debtor(session), "2026-09-01 09:00", "busy")
    assert reader.scalar(text("SELECT count(*) FROM bi.attempt WHERE is_counted")) == 17
    assert reader.execute(text("SELECT hour, weekday FROM bi.attempt ORDER BY began_at LIMIT 1")).one() == (9, 2)
    for view in (*VIEWS, *LATER_VIEWS):
        columns = reader.execute(text(f"SELECT * FROM bi.{view.name} LIMIT 0")).keys()
        assert list(columns) == list(view.columns), view.name
    reader.rollback()
    for office in (other_id, 999):
        reader.execute(text(f"SET app.office_id = '{office}'"))
        assert reader.scalar(text("SELECT count(*) FROM bi.attempt")) == 0
        assert reader.scalar(text("SELECT count(*) FROM attempt")) == 0 if office == 999 else True
    reader.rollback()
    for statement in (
        "SELECT name FROM debtor",
        "SELECT note FROM attempt",
        "SELECT e164 FROM phone_number",
        "SELECT * FROM audit_event",
        "UPDATE bi.debtor SET kind = 'person'",
        "DELETE FROM bi.promise",
        "INSERT INTO bi.reader VALUES ('city_bi2', 1)",
        "SELECT code FROM office",
        "SELECT display_name FROM app_user",
        "SET ROLE callcenter_app",
    ):
        with pytest.raises(ProgrammingError):
            reader.execute(text(statement))
        reader.rollback()


def test_every_view_keeps_to_the_reader_s_rights_and_says_what_it_holds(database_url: str) -> None:
    engine = create_engine(sqlalchemy_url(database_url))
    with engine.connect() as connection:
        rows = connection.execute(
            text(
                "SELECT c.relname, c.reloptions, obj_description(c.oid) AS told, (SELECT count(*) FROM pg_attribute a"
                " WHERE a.attrelid = c.oid AND a.attnum > 0 AND col_description(c.oid, a.attnum) IS NULL) AS silent"
                " FROM pg_class c WHERE c.relnamespace = 'bi'::regnamespace AND c.relkind = 'v' ORDER BY c.relname"
            )
        ).all()
        policies = connection.scalars(
            text("SELECT polrelid::regclass::text FROM pg_policy WHERE polname = 'bi_reader' AND NOT polpermissive ORDER BY 1")
        ).all()
    engine.dispose()
    assert [row.relname for row in rows] == sorted(view.name for view in (*VIEWS, *LATER_VIEWS))
    assert [row.relname for row in rows if "security_invoker=true" not in (row.reloptions or []) or not row.told or row.silent] == []
    assert sorted(policies) == sorted(BI_TABLES)
