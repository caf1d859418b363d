"""A mail server of the test's own that speaks the protocol on a socket, and settings that name it."""

from __future__ import annotations

import email
import socketserver
from email import policy
from email.message import EmailMessage
from pathlib import Path

from pydantic import SecretStr

from callcenter.core.settings import Settings


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
