"""An office's own layouts: found first, kept in versions, a file read the way it was received, and nobody else's."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy import select

from callcenter.auth.models import Office
from callcenter.core.db import transaction
from callcenter.core.errors import InvalidInput
from campaigns.debtors.models import Debt, Debtor
from campaigns.imports.layouts import Layout
from campaigns.imports.models import ImportFile
from campaigns.imports.office_layouts import activate, find_layout, known_layouts, retire, save_layout, versions_of
from campaigns.imports.service import register_upload, run_import
from tests.campaigns.import_files import DEBT, NOW, counts, load, table

OWN = 'name = "東町"\nkind = "debts"\n[fields]\ndebtor_no = { headers = ["納税者ID"] }\n'
HOLDS = OWN + 'hold = { headers = ["停止"], codes = { "A" = "0", "B" = "4" } }\n'
FILE = {("納税者ID" if name == "宛名番号" else name): value for name, value in DEBT.items()}


def save(office_id: int, document: str) -> int:
    with transaction(office_id) as session:
        return save_layout(session, document, user_id=None, now=NOW).id


def found(office_id: int, name: str) -> Layout:
    with transaction(office_id) as session:
        return find_layout(session, "debts", name)


def test_versions_are_kept_and_the_last_is_meant(office_id: int) -> None:
    first = save(office_id, OWN)
    assert save(office_id, OWN) == first
    second = save(office_id, HOLDS)
    assert found(office_id, "東町").reference == "東町@2"
    assert found(office_id, "東町@1").field("hold").headers == ("停止区分",)
    with transaction(office_id) as session:
        activate(session, first)
        assert [(row.version, row.is_active) for row in versions_of(session, "debts", "東町")] == [(2, False), (1, True)]
        assert [known.layout.reference for known in known_layouts(session, "debts")] == ["東町@1", "standard"]
    assert found(office_id, "東町").version == 1
    with transaction(office_id) as session:
        retire(session, second)
    assert found(office_id, "東町@2").version == 2
    for name in ("東町", "東町@3", "東町@x"):
        with pytest.raises(InvalidInput, match=name):
            found(office_id, name)


def test_a_broken_document_is_not_kept(office_id: int) -> None:
    with pytest.raises(InvalidInput, match="half"):
        save(office_id, OWN.replace("[fields]", 'mode = "half"\n[fields]'))
    with transaction(office_id) as session:
        assert [known.row for known in known_layouts(session, "debts")] == [None]


def test_an_own_standard_is_meant_where_nothing_is_named(office_id: int) -> None:
    save(office_id, OWN.replace("東町", "standard"))
    assert counts(load(office_id, "debts", table(FILE, {}))) == (1, 0, 0, 0, 0)


def test_a_file_is_imported_by_the_office_s_own_layout(office_id: int) -> None:
    save(office_id, HOLDS)
    result = load(office_id, "debts", table(FILE | {"停止": "B"}, {}), layout="東町")
    assert (counts(result), result.layout) == ((1, 0, 0, 0, 0), "東町")
    with transaction(office_id) as session:
        assert session.scalars(select(ImportFile.layout)).one() == "東町@1"
        assert session.scalars(select(Debtor.debtor_no)).one() == "0000000001"
        assert session.scalars(select(Debt.hold)).one() == 4


def test_a_file_is_read_as_it_was_received_even_when_the_layout_has_a_new_version(office_id: int) -> None:
    save(office_id, HOLDS)
    with transaction(office_id) as session:
        row = register_upload(session, "debts", "x.csv", table(FILE | {"停止": "B"}, {}), layout="東町", now=NOW, is_queued=False)
    save(office_id, HOLDS.replace('"B" = "4"', '"B" = "6"'))
    run_import(office_id, row.id, now=NOW)
    with transaction(office_id) as session:
        assert session.scalars(select(Debt.hold)).one() == 4


def test_the_same_file_by_a_new_version_is_read_anew(office_id: int) -> None:
    data = table(FILE | {"停止": "B"}, {})
    save(office_id, HOLDS)
    load(office_id, "debts", data, layout="東町")
    save(office_id, HOLDS.replace('"B" = "4"', '"B" = "6"'))
    assert counts(load(office_id, "debts", data, NOW + timedelta(days=1), layout="東町")) == (0, 1, 0, 0, 0)


def test_the_layout_s_own_mode_is_meant_where_none_is_named(office_id: int) -> None:
    save(office_id, OWN.replace("[fields]", 'mode = "diff"\n[fields]'))
    load(office_id, "debts", table(FILE, {}, {"期別": "2"}), layout="東町")
    result = load(office_id, "debts", table(FILE, {}), layout="東町")
    assert (result.mode, counts(result)) == ("diff", (0, 0, 1, 0, 0))
    assert counts(load(office_id, "debts", table(FILE, {}), layout="東町", mode="full"))[4] == 1


def test_two_offices_do_not_see_each_other_s_layouts(office_id: int) -> None:
    with transaction(None) as session:
        other = Office(code="other", name="となりの市")
        session.add(other)
        session.flush()
    mine = save(office_id, OWN)
    theirs = save(other.id, HOLDS)
    assert found(office_id, "東町").field("hold").headers == ("停止区分",)
    assert found(other.id, "東町").field("hold").headers == ("停止",)
    with transaction(office_id) as session:
        assert [row.id for row in versions_of(session, "debts", "東町")] == [mine]
    with transaction(other.id) as session:
        retire(session, theirs)
    assert found(office_id, "東町").version == 1
    with pytest.raises(InvalidInput):
        found(other.id, "東町")
