"""Alerts by e-mail: to the office's addresses, each in its language, once, through a real mail server's protocol."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from callcenter.core.clock import utc_now
from callcenter.core.db import transaction
from callcenter.core.errors import Conflict, InvalidInput, NotFound, Unavailable
from callcenter.core.settings import Settings
from reports import jobs
from reports.control import letters
from reports.control.models import MetricAlert
from tests.reports import world
from tests.reports.sink import Sink, settings_of


def alert(session: Session, day: date, *, is_withdrawn: bool = False) -> int:
    now = utc_now()
    row = MetricAlert(metric="contact_rate_per_call", cycle="daily", first=day, rule="outside", found_at=now)
    row.value, row.center, row.low, row.high = 0.9, 0.35, 0.2, 0.5
    row.withdrawn_at = now if is_withdrawn else None
    return int(world.add(session, row).id)


@pytest.fixture
def alerted(office_id: int) -> int:
    """An office with two people to write to, one alert and one that was taken back."""
    with transaction(office_id) as session:
        who = world.operator(session, "hori")
        letters.add_recipient(session, "kikaku@kakuu.example", "ja", who, utc_now())
        letters.add_recipient(session, "planning@kakuu.example", "en", who, utc_now())
        alert(session, date(2026, 9, 1))
        alert(session, date(2026, 9, 2), is_withdrawn=True)
    return office_id


def use(monkeypatch: pytest.MonkeyPatch, settings: Settings) -> None:
    monkeypatch.setattr(jobs, "get_settings", lambda: settings)


def test_an_alert_is_mailed_once_in_each_language(alerted: int, sink: Sink, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    use(monkeypatch, settings_of(tmp_path, sink.port, "").model_copy(update={"public_url": "https://desk.example/"}))
    assert jobs.mail_alerts(alerted) == 2
    assert jobs.mail_alerts(alerted) == 0
    (to, ja), (to_en, en) = sink.letters
    assert (to, to_en) == (["kikaku@kakuu.example"], ["planning@kakuu.example"])
    assert "いつもの範囲を出た指標 1件" in ja["Subject"]
    for words in ("2026年9月1日", "90.0%", "20.0%–50.0%", "範囲の外", "https://desk.example/reports/targets"):
        assert words in ja.get_content()
    for words in ("Contact rate per call, 1 September 2026: 90.0% (usually 20.0%–50.0%), outside the range", "Targets and checks"):
        assert words in en.get_content()
    with transaction(alerted) as session:
        alert(session, date(2026, 9, 3))
    assert jobs.check_figures(alerted) == 0
    assert [letter["To"] for _, letter in sink.letters[2:]] == ["kikaku@kakuu.example", "planning@kakuu.example"]


def test_what_the_server_does_not_take_is_tried_again(alerted: int, sink: Sink, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    settings = settings_of(tmp_path, sink.port, "")
    with transaction(alerted) as session:
        known = {one.address: one.id for one in letters.recipients(session)}
        letters.remove_recipient(session, known["kikaku@kakuu.example"])
        letters.add_recipient(session, "a@nowhere.example", "ja", 1, utc_now())
    use(monkeypatch, settings)
    with pytest.raises(Unavailable) as refused:
        jobs.mail_alerts(alerted)
    assert "nowhere" not in str(refused.value)
    with transaction(alerted) as session:
        letters.remove_recipient(session, next(one.id for one in letters.recipients(session) if "nowhere" in one.address))
    assert jobs.mail_alerts(alerted) == 1
    assert [to for to, _ in sink.letters] == [["planning@kakuu.example"]]


def test_without_a_server_or_anybody_nothing_is_sent_and_nothing_saved_up(
    alerted: int, sink: Sink, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    use(monkeypatch, settings_of(tmp_path, sink.port, "").model_copy(update={"smtp_host": ""}))
    assert jobs.mail_alerts(alerted) == 0
    use(monkeypatch, settings_of(tmp_path, sink.port, ""))
    assert jobs.mail_alerts(alerted) == 0, "old alerts are not poured out when a server comes"
    with transaction(alerted) as session:
        for one in letters.recipients(session):
            letters.remove_recipient(session, one.id)
        alert(session, date(2026, 9, 4))
    assert jobs.mail_alerts(alerted) == 0
    assert sink.letters == []
    with transaction(alerted) as session:
        told = session.scalars(select(MetricAlert.mailed_at).where(MetricAlert.withdrawn_at.is_(None)).order_by(MetricAlert.id))
        assert None not in told.all()


@pytest.mark.parametrize("given", ["", "kikaku", "a@b.example\nBcc: x@y.example", "a b@c.example", f"{'a' * 250}@b.example"])
def test_an_address_that_can_not_be_read(session: Session, given: str) -> None:
    with pytest.raises(InvalidInput):
        letters.add_recipient(session, given, "ja", 1, utc_now())


def test_an_address_stands_once_and_goes_once(session: Session) -> None:
    row = letters.add_recipient(session, " Kikaku@kakuu.example ", "ja", 1, utc_now())
    with pytest.raises(Conflict):
        letters.add_recipient(session, "kikaku@kakuu.example", "en", 1, utc_now())
    letters.remove_recipient(session, row.id)
    with pytest.raises(NotFound):
        letters.remove_recipient(session, row.id)
