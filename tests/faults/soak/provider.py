"""A provider of text messages with a mind of its own: `python -m tests.faults.soak.provider FOLDER SOCKET`.

It shares no code with the program. FOLDER/plan.json says how it misbehaves and with which secrets; FOLDER/provider.log is its memory, a
line of JSON each, written before anything is answered: after a kill it goes on from there. What happens to a message is drawn from the
office's seed and the reference, so that a run can be repeated.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import http.client
import json
import os
import socket
import sys
import threading
import time
from collections.abc import Iterator
from heapq import heappop, heappush
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit


class Provider:
    """What was taken, what becomes of it when, and the reports that are still to be posted."""

    def __init__(self, folder: Path) -> None:
        self.plan: dict[str, Any] = json.loads((folder / "plan.json").read_text())
        self.lock = threading.Condition()
        self.taken: dict[str, dict[str, Any]] = {}
        self.asked: dict[str, int] = {}
        self.told: set[str] = set()
        self.queue: list[tuple[float, str, str, dict[str, Any], int]] = []
        path = folder / "provider.log"
        if path.exists():
            data = path.read_bytes()
            for line in data[: data.rfind(b"\n") + 1].splitlines():
                self.remember(json.loads(line))
            with path.open("r+b") as whole:
                whole.truncate(data.rfind(b"\n") + 1)  # a line cut off by the kill was never acted upon
        self.log = path.open("a", encoding="utf-8")
        for row in list(self.taken.values()):
            self.plan_reports(row)

    def remember(self, line: dict[str, Any]) -> None:
        """Takes one line of the log back into memory."""
        if line["what"] == "request":
            self.asked[line["reference"]] = self.asked.get(line["reference"], 0) + 1
            if line["is_taken"]:
                self.taken.setdefault(line["reference"], line)
        elif line["what"] in ("told", "dropped"):
            self.told.add(line["key"])

    def write(self, line: dict[str, Any]) -> None:
        """Remembers, on disk first."""
        self.log.write(json.dumps(line, ensure_ascii=False) + "\n")
        self.log.flush()
        self.remember(line)

    def draw(self, reference: str, what: str) -> float:
        """A number in [0, 1) that is the same whenever it is asked for."""
        digest = hashlib.sha256(f"{self.plan['seed']}:{what}:{reference.partition('-')[0]}:{reference}".encode()).digest()
        return int.from_bytes(digest[:6]) / 2**48

    def answer(self, reference: str, to: str, text: str, callback: str) -> tuple[str, dict[str, Any], float]:
        """What is done with a request: (`status`, `lose` or `hang`; the answer; seconds to wait before)."""
        faults = self.plan["faults"]
        with self.lock:
            round_ = self.asked.get(reference, 0)
            luck, kind = self.draw(reference, f"fault{round_}"), "ok"
            for name in ("limited", "broken", "broken_after", "lost_after", "hang_after", "refused"):
                if luck < faults[name]:
                    kind = name
                    break
                luck -= faults[name]
            is_taken = kind in ("ok", "broken_after", "lost_after", "hang_after")
            sid = "m" + hashlib.sha256(f"{reference}:{round_}".encode()).hexdigest()[:20]
            line = {"what": "request", "reference": reference, "to": to, "text": text, "callback": callback, "kind": kind, "id": sid}
            is_new = is_taken and reference not in self.taken
            row = {**line, "is_taken": is_taken, "at": time.time()}
            self.write({**row, "posts": [key for _, key, _, _ in self.posts(row)] if is_new else []})
            if is_new:
                self.plan_reports(self.taken[reference])
        delay = faults["delay"] * self.draw(reference, "delay")
        answers: dict[str, tuple[str, dict[str, Any]]] = {
            "ok": ("202", {"messageId": sid}),
            "limited": ("429", {"errorCode": "E301"}),
            "broken": ("500", {}),
            "broken_after": ("502", {}),
            "lost_after": ("lose", {}),
            "hang_after": ("hang", {}),
            "refused": ("400", {"errorCode": "E102"}),
        }
        return (*answers[kind], delay)

    def final_state(self, reference: str) -> str:
        """What becomes of a message in the end."""
        return "undeliverable" if self.draw(reference, "fate") < self.plan["faults"]["undeliverable"] else "delivered"

    def due(self, row: dict[str, Any]) -> float:
        """When it has reached its end."""
        return float(row["at"]) + 0.1 + self.plan["faults"]["seconds"] * self.draw(row["reference"], "time")

    def posts(self, row: dict[str, Any]) -> Iterator[tuple[float, str, str, dict[str, Any]]]:
        """The posts about a message: moment, key, address and report; repeated, out of order, and those that will be dropped, too."""
        reference, faults = row["reference"], self.plan["faults"]
        final = self.final_state(reference)
        end = self.due(row)
        is_odd = self.draw(reference, "order") < faults["reordered"]
        for word, moment in (("sent", end + 0.5 if is_odd else end - 0.1), (final, end)):
            report = {"userReference": reference, "messageId": row["id"], "status": word, "extra": {"new": "field"}}
            if word == "undeliverable":
                report["errorCode"] = "D11"
            for number in range(2 if self.draw(reference, f"twice{word}") < faults["repeated"] else 1):
                yield moment + 0.3 * number, f"{reference}:{word}:{number}", row["callback"], report
        if self.draw(reference, "reply") < faults["replies"]:
            words = "停止" if self.draw(reference, "stop") < 0.5 else "わかりました"
            address = row["callback"].replace("/status", "/replies")
            yield end + 0.2, f"{reference}:reply:0", address, {"replyId": f"r-{reference}", "from": row["to"], "text": words}

    def plan_reports(self, row: dict[str, Any]) -> None:
        """Puts the posts about a message that are still to come into the queue, but for what is dropped."""
        reference, share = row["reference"], self.plan["faults"]["dropped"]
        for moment, key, address, report in self.posts(row):
            word = key.split(":")[1]
            if key in self.told:
                continue
            if word != "reply" and self.draw(reference, f"drop{word}") < share:
                self.write({"what": "dropped", "key": key, "reference": reference, "word": word})
                continue
            self.push(moment, key, address, report)

    def push(self, moment: float, key: str, address: str, report: dict[str, Any], tries: int = 0) -> None:
        """Queues one report."""
        with self.lock:
            heappush(self.queue, (moment, key, address, report, tries))
            self.lock.notify()

    def post_for_ever(self) -> None:
        """Posts what is due, again until it is answered with a success."""
        while True:
            with self.lock:
                while not self.queue or self.queue[0][0] > time.time():
                    self.lock.wait(0.05)
                _, key, address, report, tries = heappop(self.queue)
                if key in self.told:
                    continue
            status = self.post(address, report)
            with self.lock:
                if 200 <= status < 300:
                    self.write({"what": "told", "key": key, "status": status, "reference": key.split(":")[0], "word": key.split(":")[1]})
                    continue
                if status in (403, 404, 422):
                    self.write({"what": "rejected", "key": key, "status": status})
                    continue
            self.push(time.time() + min(2.0, 0.2 * 2**tries), key, address, report, tries + 1)

    def post(self, address: str, report: dict[str, Any]) -> int:
        """One signed report; the answer's status, 0 where there was none."""
        body = json.dumps(report, ensure_ascii=False).encode()
        stamp = str(int(time.time()))
        signature = hmac.new(self.plan["callback_secret"].encode(), stamp.encode() + b"." + body, hashlib.sha256).hexdigest()
        headers = {"Content-Type": "application/json", "X-Signature": signature, "X-Timestamp": stamp}
        parts = urlsplit(address)
        connection = http.client.HTTPConnection(str(parts.hostname), parts.port, timeout=5)
        try:
            connection.request("POST", parts.path, body, headers)
            return connection.getresponse().status
        except (OSError, http.client.HTTPException):
            return 0
        finally:
            connection.close()

    def state_now(self, row: dict[str, Any]) -> str:
        """What a question about a message is answered with."""
        return self.final_state(row["reference"]) if time.time() >= self.due(row) else "sent"


class Handler(BaseHTTPRequestHandler):
    """The provider's door."""

    protocol_version = "HTTP/1.1"
    provider: Provider

    def do_POST(self) -> None:
        document = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        if not self._is_ours():
            self._send(401, {"errorCode": "E201"})
            return
        message = document["message"]
        kind, answer, delay = self.provider.answer(
            document["userReference"], message["phoneNumber"], message["text"], document["statusCallback"]
        )
        time.sleep(delay)
        if kind in ("lose", "hang"):
            if kind == "hang":
                time.sleep(self.provider.plan["faults"]["hang_seconds"])
            self.close_connection = True
            return
        self._send(int(kind), answer)

    def do_GET(self) -> None:
        reference = parse_qs(urlsplit(self.path).query).get("userReference", [""])[0]
        if not self._is_ours():
            self._send(401, {})
            return
        with self.provider.lock:
            row = self.provider.taken.get(reference)
            found = [] if row is None else [{"userReference": reference, "messageId": row["id"], "status": self.provider.state_now(row)}]
        self._send(200, {"messages": found})

    def _is_ours(self) -> bool:
        expected = "Basic " + base64.b64encode(f"city:{self.provider.plan['secret']}".encode()).decode()
        return self.headers.get("Authorization") == expected

    def _send(self, status: int, document: dict[str, Any]) -> None:
        body = json.dumps(document).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        pass


class Server(ThreadingHTTPServer):
    """Many at a time; a client that has gone is no news."""

    daemon_threads = True
    request_queue_size = 128

    def handle_error(self, request: Any, client_address: Any) -> None:
        pass


def serve(folder: Path, listening: int, posters: int = 4) -> None:
    """Runs until it is killed, on a listening socket that its parent keeps."""
    provider = Provider(folder)
    server = Server(("127.0.0.1", 0), type("Bound", (Handler,), {"provider": provider}), bind_and_activate=False)
    server.socket.close()
    server.socket = socket.socket(fileno=listening)
    for _ in range(posters):
        threading.Thread(target=provider.post_for_ever, daemon=True).start()
    server.serve_forever()


if __name__ == "__main__":
    os.umask(0o077)
    serve(Path(sys.argv[1]), int(sys.argv[2]))
