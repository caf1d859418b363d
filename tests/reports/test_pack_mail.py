"""The pack by e-mail, to a mail server of the test's own that speaks the protocol on a socket."""

from __future__ import annotations

import email
import socketserver
import threading
from collections.abc import Iterator
from email import policy
from email.message import EmailMessage
from pathlib import Path

import pytest
from pydantic import SecretStr

from callcenter.core.errors import InvalidInput, Unavailable
from callcenter.core.settings import Settings
from reports import jobs
from reports.pack.mail import recipients_of


class Sink(socketserver.ThreadingTCPServer):
    """Takes every letter; refuses recipients at nowhere.example."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Conversation)
        self.letters: list[tuple[list[str], EmailMessage]] = []

    @property
    def port(self) -> int:
        return int(self.server_address[1])


class Conversation(socketserver.StreamRequestHandler):
    """One client's commands (RFC 5321), a line each."""

    server: Sink

    def handle(self) -> None:
        self.say("220 sink")
        to: list[str] = []
        while line := self.rfile.readline().decode().strip():
            verb = line.split(maxsplit=1)[0].upper()
            if verb == "RCPT":
                if "nowhere.example" in line:
                    self.say("550 no such mailbox")
                    continue
                to.append(line.partition("<")[2].partition(">")[0])
            if verb == "DATA":
                self.say("354 go on")
                self.server.letters.append((to, self.letter()))
                to = []
            self.say("221 bye" if verb == "QUIT" else "250 ok")
            if verb == "QUIT":
                return

    def letter(self) -> EmailMessage:
        lines = []
        while (line := self.rfile.readline()) != b".\r\n":
            lines.append(line[1:] if line.startswith(b".") else line)
        return email.message_from_bytes(b"".join(lines), policy=policy.default)

    def say(self, words: str) -> None:
        self.wfile.write(f"{words}\r\n".encode())


@pytest.fixture
def sink() -> Iterator[Sink]:
    with Sink() as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
        thread.start()
        yield server
        server.shutdown()
        thread.join(60)


def settings_of(folder: Path, port: int, to: str) -> Settings:
    return Settings(
        data=folder,
        smtp_host="127.0.0.1",
        smtp_port=port,
        smtp_security="none",
        smtp_secret=SecretStr(""),
        mail_from="callcenter@kakuu.example",
        pack_mail_to=to,
    )


def test_the_pack_is_mailed_once(office_id: int, sink: Sink, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    settings = settings_of(tmp_path, sink.port, "other=x@other.example; test=a@kakuu.example, b@kakuu.example")
    monkeypatch.setattr(jobs, "get_settings", lambda: settings)
    monkeypatch.setattr(jobs, "pack_pdf", lambda _pack: b"%PDF- made in its own test")
    assert jobs.drop_pack(office_id) == 2
    assert jobs.drop_pack(office_id) == 0
    ((to, letter),) = sink.letters
    assert to == ["a@kakuu.example", "b@kakuu.example"]
    assert "戦略会議資料" in letter["Subject"]
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
