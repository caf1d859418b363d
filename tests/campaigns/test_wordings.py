"""Templates on PostgreSQL: reviewed with the office's own values, kept in versions, activated by a second person where they must be."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from callcenter.auth.models import AuditEvent, Role, User
from callcenter.cli import run
from callcenter.core.clock import ManualClock
from callcenter.core.db import transaction
from callcenter.core.errors import Conflict, InvalidInput, NotAllowed, NotFound
from campaigns.attempts.codes import Channel
from campaigns.messages.batches import prepare_batch
from campaigns.messages.models import Message, Template
from campaigns.messages.senders.port import SmsRequest, SmsStatus
from campaigns.messages.state import MessageState
from campaigns.messages.tryouts import service as tryouts
from campaigns.messages.wordings import activate_template, add_template, draft_of, find_template, latest_templates, review_draft
from campaigns.planning.service import plan
from tests.campaigns.town import NOW, Town

NEUTRAL = "{{ office_name }}からのお知らせです。{{ callback_number }}までお電話ください。「停止」と返信で配信停止"
STRONG = "{{ name }}様 納付のご相談は{{ callback_number }}へ"


def draft(code: str = "notice", body: str = NEUTRAL, **more: object) -> object:
    settings = {"allows_tax_words": False, "allowed_fields": (), **more}
    return draft_of(code, body, **settings)  # type: ignore[arg-type]


def user(session: Session, name: str) -> int:
    row = User(sign_in_name=name, display_name=name, role=Role.SUPERVISOR)
    session.add(row)
    session.flush()
    return row.id


def test_versions_are_kept_and_one_is_active(session: Session) -> None:
    first, _ = add_template(session, draft(), None, NOW)  # type: ignore[arg-type]
    again, _ = add_template(session, draft(), None, NOW)  # type: ignore[arg-type]
    assert (first.id, first.version, first.is_active) == (again.id, 1, False)
    activate_template(session, first.id, None, NOW)
    second, _ = add_template(session, draft(body=NEUTRAL + "。"), None, NOW)  # type: ignore[arg-type]
    assert [(row.version, row.is_active) for row in latest_templates(session)] == [(2, False), (1, True)]
    assert find_template(session, "notice").version == 1
    activate_template(session, second.id, None, NOW)
    activate_template(session, second.id, None, NOW)
    assert [(row.version, row.is_active) for row in latest_templates(session)] == [(2, True)]
    assert find_template(session, "notice@1").is_active is False
    with pytest.raises(NotFound):
        find_template(session, "notice@9")


def test_a_stronger_wording_needs_a_second_person(session: Session) -> None:
    writer, other = user(session, "a"), user(session, "b")
    strong = draft(body=STRONG, allows_tax_words=True, allowed_fields=["name"])
    row, seen = add_template(session, strong, writer, NOW)  # type: ignore[arg-type]
    assert seen.personal == {"name"}
    with pytest.raises(NotAllowed):
        activate_template(session, row.id, writer, NOW)
    with pytest.raises(Conflict):
        activate_template(session, row.id, None, NOW)
    assert activate_template(session, row.id, other, NOW).activated_by == other


@pytest.mark.parametrize(
    ("code", "body", "fields"),
    [
        ("Notice", NEUTRAL, ()),
        ("notice", STRONG, ()),
        ("notice", "お電話ください", ()),
        ("notice", NEUTRAL, ("balance",)),
        ("notice", "あ" * 701, ()),
    ],
)
def test_what_may_not_go_out_is_not_kept(session: Session, code: str, body: str, fields: tuple[str, ...]) -> None:
    with pytest.raises(InvalidInput):
        add_template(session, draft(code, body, allowed_fields=fields), None, NOW)  # type: ignore[arg-type]
    assert session.scalar(select(func.count()).select_from(Template)) == 0


def test_the_longest_name_on_the_list_counts(town: Town) -> None:
    town.debtor().name = "寿限無" * 20
    town.session.flush()
    seen = review_draft(town.session, draft(body=STRONG, allows_tax_words=True, allowed_fields=["name"]))  # type: ignore[arg-type]
    assert (seen.segments, seen.most_segments) == (1, 2)


def test_a_batch_takes_the_active_version_with_its_personal_fields(town: Town) -> None:
    session = town.session
    writer, other = user(session, "a"), user(session, "b")
    row, _ = add_template(session, draft(body=STRONG, allows_tax_words=True, allowed_fields=["name"]), writer, NOW)  # type: ignore[arg-type]
    activate_template(session, row.id, other, NOW)
    town.debtor()
    campaign = town.campaign(options={"template": "notice"})
    plan(session, campaign.id, NOW)
    assert prepare_batch(session, campaign.id, Channel.SMS, NOW).prepared == 1
    body = session.scalars(select(Message.body)).one()
    assert body.startswith("見本 佳代様")
    assert "納付" in body


class Numbered:
    """A provider with numbers, each at one segment a second."""

    name, segments_per_second, is_asked_for_receipts = "numbered", 1.0, False

    def __init__(self, clock: ManualClock) -> None:
        self.numbers = {"+815000000001": 1.0, "+815000000002": 1.0}
        self.clock, self.seen = clock, list[tuple[datetime, SmsRequest]]()

    def send(self, request: SmsRequest) -> SmsStatus:
        self.seen.append((self.clock.now(), request))
        return SmsStatus("id", MessageState.ACCEPTED)

    def find(self, request: SmsRequest, since: datetime) -> SmsStatus | None:
        return None


def test_tests_go_out_by_one_of_the_sender_s_numbers_at_its_turn(office_id: int) -> None:
    clock = ManualClock(NOW)
    provider = Numbered(clock)
    with transaction(office_id) as session:
        people = [user(session, name) for name in ("a", "b")]
        for number, person in enumerate(people):
            tryouts.ask_code(session, person, f"090-1234-567{number}", NOW)
    assert tryouts.deliver(lambda: transaction(office_id), provider, clock) == 2
    assert [(at - NOW, request.number) for at, request in provider.seen] == [
        (timedelta(0), "+815000000001"),
        (timedelta(seconds=1), "+815000000001"),
    ]


def test_the_command(office_id: int, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    call: Callable[..., int] = lambda *words: run(["template", *words])  # noqa: E731
    with transaction(office_id) as session:
        user(session, "hori")
        user(session, "toda")
    good, bad = tmp_path / "good.txt", tmp_path / "bad.txt"
    good.write_text(STRONG, encoding="utf-8")
    bad.write_text("滞納 {{ x }}", encoding="utf-8")
    assert call("check", str(bad), "--json") == 1
    told = json.loads(capsys.readouterr().out)
    assert {problem["code"] for problem in told["problems"]} >= {"tax_word", "unknown_field"}
    assert call("add", "notice", str(good), "--allow-tax-words", "--allow-field", "name", "--user", "hori", "--json") == 0
    assert json.loads(capsys.readouterr().out)["version"] == 1
    assert call("activate", "notice", "--user", "hori") == 1
    assert "Ask another person" in capsys.readouterr().err
    assert call("activate", "notice", "--user", "toda", "--json") == 0
    assert json.loads(capsys.readouterr().out)["is_active"] is True
    assert call("list", "--json") == 0
    assert [row["code"] for row in json.loads(capsys.readouterr().out)] == ["notice"]
    assert call("show", "notice", "--json") == 0
    assert json.loads(capsys.readouterr().out)["segments"] == 1
    assert call("show", "nothing") == 1
    with transaction(office_id) as session:
        assert set(session.scalars(select(AuditEvent.action))) >= {"template.saved", "template.activated"}
