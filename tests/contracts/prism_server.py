"""Prism, a server of its own that holds requests and answers against Twilio's published API description.

    with FakeTwilio() as twilio, Prism(twilio.url) as prism:
        Client(..., http_client=TwilioHttp(prism.url))

It is a proxy that lets through what conforms: a request that does not is answered 422 and never reaches the server behind it, an answer
that does not becomes a 500.

What Prism can't see and `tests.contracts.twilio` does: fields of the query that aren't described, Twilio's own formats (numbers, TwiML,
dates as in mails), and all but the last of a field that is sent several times.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import tempfile
import threading
import time
from itertools import count
from pathlib import Path
from types import TracebackType
from typing import Any

import requests

from tests.contracts.twilio import DESCRIPTION, corrected

_SCRIPT = Path(__file__).parents[2] / "scripts" / "prism-root"
_START_SECONDS = 60.0
_COLOURS = re.compile(r"\x1b\[[0-9;]*m")


class PrismMissing(Exception):
    """Prism is not on this machine; the message says how to get it."""


def prism_root() -> Path:
    """Where Prism and its Node.js are. Raises PrismMissing."""
    found = subprocess.run([_SCRIPT, "--where"], capture_output=True, text=True, check=False)
    if found.returncode:
        raise PrismMissing(f"Prism ({found.stderr.strip()})")
    return Path(found.stdout.strip())


def strict_description() -> dict[str, Any]:
    """The published description as Prism has to be told it, so that it refuses what the description does not know.

    1. Prism drops a form's unknown fields before it looks, unless the fields are named by patterns; so they are.
    2. An answer has every field of its resource and no other, as Twilio's have.
    3. The addresses in answers are relative to Twilio's host, as Twilio's examples in the description are.
    """
    document = corrected(json.loads(DESCRIPTION.read_text()))
    for path in document["paths"].values():
        for operation in (one for one in path.values() if isinstance(one, dict)):
            for content in operation.get("requestBody", {}).get("content", {}).values():
                _name_by_patterns(content["schema"])
            _need_everything(operation["responses"])
    _need_everything(document["components"]["schemas"])
    return document


def _name_by_patterns(form: dict[str, Any]) -> None:
    fields = form.pop("properties")
    form["patternProperties"] = {f"^{re.escape(name)}$": one.get("items", one) for name, one in fields.items()}
    form["additionalProperties"] = False


def _need_everything(value: Any) -> None:
    if isinstance(value, dict):
        if value.get("type") == "object" and "properties" in value:
            value["required"] = sorted(value["properties"])
            value.setdefault("additionalProperties", False)
        if value.get("format") == "uri":
            value["format"] = "uri-reference"
    for one in value.values() if isinstance(value, dict) else value if isinstance(value, list) else ():
        _need_everything(one)


class Prism:
    """See the module.

    Attributes:
        url: where it listens.
    """

    def __init__(self, upstream: str) -> None:
        self.url = ""
        self._upstream = upstream

    def __enter__(self) -> Prism:
        root = prism_root()
        self._folder = tempfile.TemporaryDirectory(prefix="prism-")
        document = Path(self._folder.name) / "twilio.json"
        document.write_text(json.dumps(strict_description()))
        program = [str(root / "bin/node"), str(root / "node_modules/@stoplight/prism-cli/dist/index.js")]
        where = ["--host", "127.0.0.1", "--port", "0"]
        self._process = subprocess.Popen(
            ["setpriv", "--pdeathsig", "KILL", *program, "proxy", str(document), self._upstream, "--errors", *where],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            env={"PATH": os.environ["PATH"], "HOME": self._folder.name},
        )
        self._is_up = threading.Event()
        self._said: list[str] = []
        self._marks = count(1)
        self._reader = threading.Thread(target=self._listen, daemon=True)
        self._reader.start()
        self._is_up.wait(_START_SECONDS)
        if not self.url:
            self.__exit__(None, None, None)
            raise RuntimeError("Prism did not start:\n" + "\n".join(self._said))
        return self

    def said(self) -> list[str]:
        """What it said of requests and answers since it was asked last; a request for nothing tells that all of it was read."""
        mark = f"/mark-{next(self._marks)}"
        requests.get(self.url + mark, timeout=_START_SECONDS).close()
        deadline = time.monotonic() + _START_SECONDS
        while not any(mark in line and "terminated" in line for line in self._said):
            assert time.monotonic() < deadline, "Prism doesn't write any more"
            time.sleep(0.01)
        said, self._said = self._said, []
        return [line for line in said if "/mark-" not in line]

    def _listen(self) -> None:
        assert self._process.stdout is not None
        with self._process.stdout as lines:
            for coloured in lines:
                line = _COLOURS.sub("", coloured).rstrip()
                self._said.append(line)
                if found := re.search(r"listening on (http://\S+)", line):
                    self.url = found[1]
                    self._is_up.set()
        self._is_up.set()

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._process.kill()
        self._process.wait(30)
        self._reader.join(30)
        self._folder.cleanup()
