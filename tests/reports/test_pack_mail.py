"""The pack by e-mail, to a mail server of the test's own."""

from __future__ import annotations

from pathlib import Path

import pytest

from callcenter.core.errors import InvalidInput, Unavailable
from reports import jobs
from reports.pack.mail import recipients_of
from tests.reports.sink import Sink, settings_of


def test_the_pack_is_mailed_once(office_id: int, sink: Sink, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    settings = settings_of(tmp_path, sink.port, "other=x@other.example; test=a@kakuu.example, b@kakuu.example")
    monkeypatch.setattr(jobs, "get_settings", lambda: settings)
    monkeypatch.setattr(jobs, "pack_pdf", lambda _pack: b"%PDF- made in its own test")
    assert jobs.drop_pack(office_id) == 2
    assert jobs.drop_pack(office_id) == 0
    ((to, letter),) = sink.letters
    assert to == ["a@kakuu.example", "b@kakuu.example"]
    assert "令和8年（2026年）10月 戦略会議資料" in letter["Subject"]
    assert letter["From"] == "callcenter@kakuu.example"
    files = {part.get_filename(): part.get_content() for part in letter.iter_attachments()}
    assert sorted(name.rpartition(".")[2] for name in files) == ["pdf", "xlsx"]
    assert all(content.startswith((b"%PDF", b"PK")) for content in files.values())


def test_what_the_server_does_not_take_is_tried_again(office_id: int, sink: Sink, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(jobs, "pack_pdf", lambda _pack: b"%PDF-")
    monkeypatch.setattr(jobs, "get_settings", lambda: settings_of(tmp_path, sink.port, "test=a@nowhere.example"))
    with pytest.raises(Unavailable) as refused:
        jobs.drop_pack(office_id)
    assert "nowhere" not in str(refused.value)
    monkeypatch.setattr(jobs, "get_settings", lambda: settings_of(tmp_path, sink.port, "test=a@kakuu.example"))
    assert jobs.drop_pack(office_id) == 0
    assert len(sink.letters) == 1


def test_nothing_is_mailed_unless_set_up(office_id: int, sink: Sink, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(jobs, "pack_pdf", lambda _pack: b"%PDF-")
    for to, host in (("", "127.0.0.1"), ("other=x@other.example", "127.0.0.1"), ("test=a@kakuu.example", "")):
        settings = settings_of(tmp_path, sink.port, to).model_copy(update={"smtp_host": host})
        monkeypatch.setattr(jobs, "get_settings", lambda settings=settings: settings)
        jobs.drop_pack(office_id)
    assert sink.letters == []


@pytest.mark.parametrize("setting", ["a@b.example", "test=", "test=a", "test=a@b.example\nBcc: x@y.example", "=a@b.example"])
def test_a_setting_that_can_not_be_read(setting: str) -> None:
    with pytest.raises(InvalidInput):
        recipients_of(setting, "test")
    assert recipients_of("", "test") == ()
