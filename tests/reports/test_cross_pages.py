"""The pages of crossed figures, of the calls behind them and of the definitions, through HTTP."""

from __future__ import annotations

import csv
import io
import re
import zipfile
from collections.abc import Callable
from decimal import Decimal
from html import unescape

import pytest
from sqlalchemy import select, update

from callcenter.auth.models import AuditEvent, Role, User
from callcenter.core.clock import utc_now
from callcenter.core.db import transaction
from callcenter.core.errors import InvalidInput
from reports.collection.models import CollectionEffect
from reports.exports.cross_pdf import Paper, Shade, document
from reports.further_metrics import EVERY
from reports.queries.measures import knows_operator
from reports.saved_views import forget_view, save_view, views_of
from tests.reports import world
from tests.reports.conftest import Browser

SEPTEMBER = "from=2026-09-01&to=2026-09-30"


@pytest.fixture
def town(office_id: int) -> None:
    """Two operators; the second reaches three of four, the first one of four."""
    with transaction(office_id) as session:
        clerks, campaign_id = [world.operator(session, name) for name in ("sato", "ito")], world.campaign(session)
        for number in range(120):
            clerk = number % 2
            person = world.debtor(session, ("10", "current"))
            reached = (number // 2) % 4 < (3 if clerk else 1)
            moment = f"2026-09-{7 + number % 3:02d} {9 + number % 5:02d}:{number % 60:02d}"
            line, party = ("answered", "debtor") if reached else ("busy", None)
            world.attempt(session, person, moment, line, party, operator_id=clerks[clerk], campaign_id=campaign_id)


def test_a_table_marks_what_differs_and_leads_to_the_calls(browse: Callable[[Role], Browser], town: None, office_id: int) -> None:
    client = browse(Role.SUPERVISOR)
    answer = client.get(f"/reports/cross?{SEPTEMBER}&by=operator&columns=&metric=contact_rate_per_call")
    assert answer.status_code == 200
    for words in ("コンタクト率(架電あたり)", "75.0%", "25.0%", "▲", "▼", "ITO (ito)"):
        assert words in answer.text
    links = [unescape(link) for link in re.findall(r'href="(/reports/calls[^"]*)"', answer.text)]
    ito = next(link for link in links if "row=ito" in link)
    calls = client.get(ito)
    assert calls.status_code == 200
    assert calls.text.count('href="/debtors/') == 60
    assert client.get(f"{ito}&only=hits").text.count('href="/debtors/') == 45
    with transaction(office_id) as session:
        events = session.scalars(select(AuditEvent).where(AuditEvent.action == "debtor.listed").order_by(AuditEvent.id)).all()
    assert [event.detail["count"] for event in events] == [60, 45]


def test_persons_of_several_cells_make_no_difference(browse: Callable[[Role], Browser], office_id: int) -> None:
    """Each hour reaches three of ten, the first two of them the same persons: no hour is better than the others."""
    with transaction(office_id) as session:
        for number in range(200):
            person, place = world.debtor(session), number % 10
            for hour, reached in ((9, place < 3), (10, 3 <= place < 6)) if number < 100 else ((11, place < 3),):
                line, party = ("answered", "debtor") if reached else ("busy", None)
                world.attempt(session, person, f"2026-09-07 {hour:02d}:{number % 60:02d}", line, party)
    answer = browse(Role.SUPERVISOR).get(f"/reports/cross?{SEPTEMBER}&by=hour&columns=&metric=contact_rate_per_person")
    assert answer.text.count("30.0%") >= 3
    assert "▲" not in answer.text
    assert "▼" not in answer.text


def test_every_page_and_file_is_of_the_operators_asked_for_and_says_so(
    browse: Callable[[Role], Browser], town: None, office_id: int
) -> None:
    with transaction(office_id) as session:
        session.execute(update(User).where(User.sign_in_name == "sato").values(team="1班"))
        session.execute(update(User).where(User.sign_in_name == "ito").values(team="2班", is_enabled=False))
    client = browse(Role.SUPERVISOR)
    for filtered, told in (("operator=ito", "オペレーター: ITO (ito)"), ("team=2%E7%8F%AD", "班: 2班")):
        shown = client.get(f"/reports?{SEPTEMBER}&by=team&{filtered}").text
        assert told in shown
        assert "45 / 60" in shown, "who left is still asked for; the tile divides that operator's calls alone"
        assert "SATO" not in shown.split("<tbody>", 1)[1], "nobody else is in the tables"
        assert "担当者を持たないため" in shown
        behind = next(
            unescape(link) for link in re.findall(r'href="(/reports/calls[^"]*)"', shown) if "metric=contacts" in link and "row" not in link
        )
        assert filtered in behind
        calls = client.get(behind).text
        assert calls.count('href="/debtors/') == 45
        assert told in calls
        assert f"{filtered}" in unescape(re.findall(r'href="(/reports\?[^"]*)"', calls)[0]), "back leads to the same filter"
        assert told in client.get(f"/reports/cross?{SEPTEMBER}&by=operator&columns=&{filtered}").text
        figures = client.get(f"/reports/definitions?{SEPTEMBER}&{filtered}&values=1").text
        assert "75.0%" in figures
        assert figures.count("担当者なし</span>") == sum(not knows_operator(metric) for metric in EVERY.values()) > 20
        for name in ("headline.csv", "cross.csv"):
            answer = client.get(f"/reports/{name}?{SEPTEMBER}&by=team&columns=&metric=attempts&{filtered}")
            assert ",60" in answer.text
            assert ",120" not in answer.text
            assert ("operator-ito" if "ito" in filtered else "team-2%E7%8F%AD") in answer.headers["content-disposition"]
        book = zipfile.ZipFile(io.BytesIO(client.get(f"/reports/headline.xlsx?{SEPTEMBER}&{filtered}").content))
        assert told in book.read("xl/sharedStrings.xml").decode()
    for unknown, words in (("operator=kato", "いません"), ("team=3", "ありません"), ("operator=ito&team=2%E7%8F%AD", "どちらか一つ")):
        answer = client.get(f"/reports?{SEPTEMBER}&{unknown}")
        assert answer.status_code == 422
        assert words in answer.text
    assert client.get(f"/reports/cross?{SEPTEMBER}&metric=abandon_rate&operator=ito").status_code == 422
    assert "つないだものだけ" in client.get(f"/reports?{SEPTEMBER}&channel=sms&operator=ito").text
    for page in ("collection", "arms", "forecast", "pack", "targets", "decisions"):
        assert "全体の数です" in client.get(f"/reports/{page}?team=2%E7%8F%AD").text
        assert "全体の数です" not in client.get(f"/reports/{page}").text
    assert browse(Role.OPERATOR).get(f"/reports?{SEPTEMBER}&operator=ito").status_code == 422


def test_long_lists_go_on_where_they_stopped(browse: Callable[[Role], Browser], town: None) -> None:
    client = browse(Role.AUDITOR)
    first = client.get(f"/reports/calls?{SEPTEMBER}")
    assert first.text.count('href="/debtors/') == 100
    older = unescape(re.findall(r'href="(/reports/calls[^"]*before[^"]*)"', first.text)[0])
    second = client.get(older)
    assert second.text.count('href="/debtors/') == 20
    assert "最新から見る" in second.text
    assert client.get(f"/reports/calls?{SEPTEMBER}&before=x,1", accept="application/json").status_code == 422


def test_the_files_have_the_table(browse: Callable[[Role], Browser], town: None) -> None:
    client = browse(Role.TAX_OFFICER)
    answer = client.get(f"/reports/cross.csv?{SEPTEMBER}&by=operator&columns=weekday&metric=attempts")
    rows = list(csv.reader(io.StringIO(answer.content.decode("utf-8-sig"), newline="")))
    assert rows[0] == ["オペレーター", "月", "火", "水", "計"]
    assert rows[-1] == ["計", "40", "40", "40", "120"]
    assert client.get(f"/reports/cross.xlsx?{SEPTEMBER}&by=hour").content.startswith(b"PK")
    assert client.get("/reports/cross.csv?metric=beauty", accept="application/json").status_code == 422


def test_the_document_is_the_table_of_the_page(browse: Callable[[Role], Browser], town: None) -> None:
    client = browse(Role.TAX_OFFICER)
    answer = client.get(f"/reports/cross.pdf?{SEPTEMBER}&by=operator&columns=day")
    assert (answer.headers["content-type"], answer.content[:5]) == ("application/pdf", b"%PDF-")


def test_a_wide_document_goes_on_in_further_tables_each_with_the_rows_labels() -> None:
    heads = [*(f"{day}日" for day in range(1, 31)), "計"]
    cells = [Shade("50.0%", "40", "c", "high"), *[Shade("–")] * 29, Shade("51.0%", "400")]
    html = document(Paper("接触率 & 担当", "9月", "オペレーター", heads, [("班<1>", cells), ("計", cells)], ["注"]), "ja")
    assert html.count("<table>") == 3
    assert html.count("班&lt;1&gt;") == html.count('<th scope="row">計</th>') == 3
    assert [html.count(f'<th scope="col">{head}</th>') for head in heads] == [1] * 31
    assert html.count('<td class="c">▲50.0% <small>40</small></td>') == 2
    assert html.count('<td class="all">51.0% <small>400</small></td>') == 2


@pytest.mark.parametrize(
    ("more", "words"), [("metric=beauty", "その指標はありません"), ("by=hour&columns=hour", "同じ区切り"), ("from=x", "読めません")]
)
def test_what_cannot_be_read_is_said(browse: Callable[[Role], Browser], town: None, more: str, words: str) -> None:
    answer = browse(Role.SUPERVISOR).get(f"/reports/cross?{more}")
    assert answer.status_code == 422
    assert words in answer.text


def test_an_empty_period_says_so(browse: Callable[[Role], Browser], town: None) -> None:
    answer = browse(Role.SUPERVISOR).get("/reports/cross?from=2030-01-01&to=2030-01-31")
    assert answer.status_code == 200
    assert "この期間の架電はありません" in answer.text


def test_every_figure_is_defined(browse: Callable[[Role], Browser], town: None) -> None:
    answer = browse(Role.OPERATOR).get(f"/reports/definitions?{SEPTEMBER}&values=1")
    assert answer.status_code == 200
    for code in EVERY:
        assert f'id="{code}"' in answer.text
    assert "50.0%" in answer.text


def test_what_the_contract_costs_is_for_those_who_see_the_reports(browse: Callable[[Role], Browser], town: None, office_id: int) -> None:
    with transaction(office_id) as session:
        effect = CollectionEffect(fiscal_year=2026, contract_yen=3_650_000, saved_yen=0, assessed_yen=1, updated_at=utc_now())
        effect.rate_before = effect.rate_after = Decimal(90)
        session.add(effect)
    asked = f"/reports/definitions?{SEPTEMBER}&values=1"
    assert "300,000" in browse(Role.AUDITOR).get(asked).text
    answer = browse(Role.OPERATOR).get(asked).text
    assert "300,000" not in answer
    assert "報告を見る権限のある人だけ" in answer


def test_a_rate_of_promises_leads_to_no_list_of_calls(browse: Callable[[Role], Browser], town: None) -> None:
    """It listed every call of the period under the heading of the kept rate."""
    answer = browse(Role.SUPERVISOR).get(f"/reports/calls?{SEPTEMBER}&metric=kept_rate")
    assert answer.status_code == 422
    assert 'href="/debtors/' not in answer.text


def test_views_are_kept_by_name_and_forgotten(office_id: int, town: None) -> None:
    with transaction(office_id) as session:
        who = world.operator(session, "view")
        save_view(session, who, "先月", "/reports/cross", "by=hour", utc_now())
        kept = save_view(session, who, "先月", "/reports", "by=day", utc_now())
        assert [view.url for view in views_of(session, who)] == ["/reports?by=day"]
        for name, page, address in (("", "/reports", ""), ("x", "/debtors", ""), ("x", "/reports", "by=<b>")):
            with pytest.raises(InvalidInput):
                save_view(session, who, name, page, address, utc_now())
        forget_view(session, who, kept.id)
        assert views_of(session, who) == []


def test_every_count_of_the_report_leads_to_its_calls_and_back(browse: Callable[[Role], Browser], town: None) -> None:
    client = browse(Role.SUPERVISOR)
    report = client.get(f"/reports?{SEPTEMBER}&by=operator").text
    links = [(unescape(link), int(count)) for link, count in re.findall(r'href="(/reports/calls[^"]*)">(\d+)</a>', report)]
    assert len(links) >= 3 * 2 + 5
    for link, count in links:
        behind = client.get(link).text
        assert behind.count('href="/debtors/') == min(count, 100), link
        assert f'href="/reports?{SEPTEMBER.replace("&", "&amp;")}&amp;by=operator"' in behind
    cells = [unescape(link) for link in re.findall(r'href="(/reports/calls[^"]*columns=weekday[^"]*)"', report)]
    assert sum(client.get(link).text.count('href="/debtors/') for link in cells) == 120
    assert "/reports/calls" not in browse(Role.OPERATOR).get(f"/reports?{SEPTEMBER}").text
