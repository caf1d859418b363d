"""The judge: reads the provider's log and the database, knows nothing of the program, and says of each office what does not add up.

It uses psycopg and the standard library only. An office without a line is one where every message is in a final state that the provider's
log confirms, or in one that the log explains; where the provider saw no reference twice; and where the sums agree.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psycopg
from psycopg.rows import dict_row

from tests.lines import whole_lines

FINAL = {"delivered", "undelivered", "failed", "withdrawn", "refused"}
NEVER_SENT = {"withdrawn", "refused"}
OUTCOME = {"delivered": "delivered", "undeliverable": "undelivered"}
NO_ANSWER_TAKES = {"limited"}  # after which the same message may be offered again


@dataclass
class Seen:
    """What the provider knows of one office."""

    requests: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    told: set[str] = field(default_factory=set)
    dropped: set[str] = field(default_factory=set)
    rejected: list[str] = field(default_factory=list)


def read_log(path: Path) -> dict[int, Seen]:
    """The provider's log by office."""
    offices: dict[int, Seen] = {}
    for text in whole_lines(path):
        line = json.loads(text)
        reference = line.get("reference") or line["key"].split(":")[0]
        seen = offices.setdefault(int(reference.partition("-")[0]), Seen())
        if line["what"] == "request":
            seen.requests.setdefault(reference, []).append(line)
        elif line["what"] == "told":
            seen.told.add(line["key"])
        elif line["what"] == "dropped":
            seen.dropped.add(line["key"])
        else:
            seen.rejected.append(f"{line['key']} {line['status']}")
    return offices


class Books:
    """One office's rows."""

    def __init__(self, connection: psycopg.Connection[Any], office: int) -> None:
        def rows(statement: str) -> list[dict[str, Any]]:
            with connection.cursor(row_factory=dict_row) as cursor:
                return cursor.execute(statement, {"office": office}).fetchall()  # type: ignore[call-overload,no-any-return]

        self.messages = rows("SELECT * FROM message WHERE office_id = %(office)s ORDER BY id")
        self.batches = rows("SELECT * FROM batch WHERE office_id = %(office)s ORDER BY id")
        self.attempts = rows("SELECT * FROM attempt WHERE office_id = %(office)s ORDER BY id")
        self.events = rows("SELECT * FROM message_event WHERE office_id = %(office)s ORDER BY id")
        self.inbox = rows("SELECT * FROM message_inbox WHERE office_id = %(office)s ORDER BY id")
        self.replies = rows("SELECT * FROM message_reply WHERE office_id = %(office)s ORDER BY id")
        self.stopped = {row["debtor_id"] for row in rows("SELECT debtor_id FROM suppression WHERE office_id = %(office)s")}


def judge(database_url: str, log: Path, offices: Iterable[int], paid: Mapping[int, set[int]]) -> dict[int, list[str]]:
    """What is wrong, by office; an empty list where nothing is.

    Args:
        paid: by office, the debtors who had paid before anything was released.
    """
    seen = read_log(log)
    with psycopg.connect(database_url) as connection:
        connection.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
        return {office: judge_office(Books(connection, office), seen.get(office, Seen()), paid.get(office, set())) for office in offices}


def judge_office(books: Books, seen: Seen, paid: set[int]) -> list[str]:
    """All that is wrong with one office."""
    by_reference = {row["reference"]: row for row in books.messages}
    return [
        *_strangers(by_reference, seen),
        *_repetitions(seen),
        *_states(books, seen),
        *_attempts(books),
        *_events(books, seen),
        *_replies(books),
        *_sums(books),
        *[
            f"sent after payment: {row['reference']}"
            for row in books.messages
            if row["debtor_id"] in paid and row["reference"] in seen.requests
        ],
    ]


def _strangers(messages: Mapping[str, dict[str, Any]], seen: Seen) -> list[str]:
    """Everything the provider got is a message of ours, to its number and with its text."""
    wrong = []
    for reference, requests in seen.requests.items():
        row = messages.get(reference)
        if row is None:
            wrong.append(f"stranger: {reference} is no message")
            continue
        for request in requests:
            if "+81" + request["to"].removeprefix("0") != row["e164"]:
                wrong.append(f"stranger: {reference} went to another number")
            if request["text"] != row["body"]:
                wrong.append(f"stranger: {reference} went with another text")
    return wrong


def _repetitions(seen: Seen) -> list[str]:
    """Nothing was offered again unless the provider had said that it did not take it."""
    wrong = []
    for reference, requests in seen.requests.items():
        *before, _ = [request["kind"] for request in requests]
        if any(kind not in NO_ANSWER_TAKES for kind in before):
            wrong.append(f"repeated: {reference} was offered after {before}")
    return wrong


def _states(books: Books, seen: Seen) -> list[str]:
    """Each message is where the provider's log says it must be."""
    wrong = []
    told: dict[str, set[str]] = {}
    for key in seen.told | seen.dropped:
        about, word, _ = key.split(":")
        told.setdefault(about, set()).add(word)
    for row in books.messages:
        reference, state = row["reference"], row["state"]
        requests = seen.requests.get(reference, [])
        is_taken = any(request["is_taken"] for request in requests)
        if state not in FINAL:
            wrong.append(f"not final: {reference} is {state} ({'taken' if is_taken else 'not taken'})")
        elif state in NEVER_SENT and any(request["kind"] not in NO_ANSWER_TAKES for request in requests):
            wrong.append(f"sent though {state}: {reference}")
        elif state in ("delivered", "undelivered") and not is_taken:
            wrong.append(f"never taken but {state}: {reference}")
        elif state == "failed" and is_taken:
            wrong.append(f"taken but failed ({row['reason']}): {reference}")
        if state in ("failed", "refused", "withdrawn", "undelivered") and not row["reason"]:
            wrong.append(f"no reason: {reference} is {state}")
        words = told.get(reference, set()) & OUTCOME.keys()
        if state in OUTCOME.values() and words and OUTCOME[next(iter(words))] != state:
            wrong.append(f"told {words} but {state}: {reference}")
    return wrong


def _attempts(books: Books) -> list[str]:
    """One attempt for each message that was handed over, none for any other, and the right line result."""
    wrong = []
    attempts = {row["id"]: row for row in books.attempts}
    owners = Counter(row["attempt_id"] for row in books.messages if row["attempt_id"] is not None)
    wrong += [f"attempt {number} belongs to {count} messages" for number, count in owners.items() if count > 1]
    wrong += [f"attempt {number} belongs to no message" for number in attempts.keys() - owners.keys()]
    for row in books.messages:
        if row["state"] not in FINAL:
            continue
        attempt = attempts.get(row["attempt_id"])
        needs = row["state"] not in NEVER_SENT
        if needs != (attempt is not None):
            wrong.append(f"attempt: {row['reference']} is {row['state']} {'without' if needs else 'with'} one")
        elif attempt is not None:
            expected = {"failed": "failed", "undelivered": "unreachable"}.get(row["state"])
            if attempt["state"] != "closed" or attempt["line_result"] != expected:
                wrong.append(f"attempt: {row['reference']} is {row['state']}, its attempt {attempt['state']} {attempt['line_result']}")
    return wrong


def _events(books: Books, seen: Seen) -> list[str]:
    """What was answered with a success is stored, and what is stored was followed."""
    wrong = []
    stored = {(row["payload"].get("userReference"), row["payload"].get("status")) for row in books.inbox if row["kind"] == "status"}
    replies = {row["payload"].get("replyId") for row in books.inbox if row["kind"] == "reply"}
    for key in seen.told:
        reference, word, _ = key.split(":")
        if word == "reply":
            if f"r-{reference}" not in replies:
                wrong.append(f"reply answered but not stored: {reference}")
        elif (reference, word) not in stored:
            wrong.append(f"report answered but not stored: {reference} {word}")
    wrong += [f"report not processed: {row['id']}" for row in books.inbox if row["processed_at"] is None]
    wrong += [f"report with a problem: {row['id']} {row['problem']}" for row in books.inbox if row["problem"]]
    wrong += [f"rejected: {one}" for one in seen.rejected]
    ids = {row["reference"]: row["id"] for row in books.messages}
    known = {(row["message_id"], row["event_key"].split(":")[0]) for row in books.events}
    sources = {row["source"] for row in books.inbox}
    followed = {row["payload"].get("userReference") for row in books.inbox if row["kind"] == "status" and row["processed_at"] is not None}
    for reference in sorted(followed):
        if not any((ids.get(reference), source) in known for source in sources):
            wrong.append(f"report stored but no event: {reference}")
    reached = {(row["message_id"], row["status"]) for row in books.events}
    for row in books.messages:
        if row["state"] in ("delivered", "undelivered") and (row["id"], row["state"]) not in reached:
            wrong.append(f"no event says {row['state']}: {row['reference']}")
    return wrong


def _replies(books: Books) -> list[str]:
    """Each reply is kept once, on the right person, and a stop is followed."""
    wrong = []
    owners = {row["reference"]: row["debtor_id"] for row in books.messages}
    kept = Counter(row["inbox_id"] for row in books.replies)
    wrong += [f"reply {number} kept {count} times" for number, count in kept.items() if count > 1]
    bodies = {row["payload"]["replyId"].removeprefix("r-"): row for row in books.inbox if row["kind"] == "reply"}
    by_inbox = {row["inbox_id"]: row for row in books.replies}
    for reference, row in bodies.items():
        reply = by_inbox.get(row["id"])
        if reply is None or reply["debtor_id"] != owners.get(reference):
            wrong.append(f"reply lost or on another person: {reference}")
        elif row["payload"]["text"] == "停止" and reply["debtor_id"] not in books.stopped:
            wrong.append(f"stop not followed: {reference}")
    return wrong


def _sums(books: Books) -> list[str]:
    """Prepared is what became of it, one by one, and a batch that is through says so."""
    wrong = []
    for batch in books.batches:
        own = [row for row in books.messages if row["batch_id"] == batch["id"]]
        if batch["prepared"] != len(own):
            wrong.append(f"batch {batch['id']}: prepared {batch['prepared']}, rows {len(own)}")
        if batch["state"] != "done" or batch["finished_at"] is None:
            wrong.append(f"batch {batch['id']} is {batch['state']}")
    return wrong
