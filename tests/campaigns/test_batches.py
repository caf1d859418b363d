"""A batch's life on PostgreSQL: frozen inputs, two pairs of eyes, places in the window, what is left over, edits, and sums that add up."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import timedelta
from functools import partial
from typing import Any

import pytest
from sqlalchemy import select, update
from sqlalchemy.orm import Session

from callcenter.auth.models import Office, Role
from callcenter.auth.service import add_user
from callcenter.cli import run
from callcenter.core.db import transaction
from callcenter.core.errors import Conflict, InvalidInput, NotAllowed
from campaigns.attempts.codes import Channel, LineResult, Outcome, Party
from campaigns.attempts.service import open_attempt, record_line_result, record_outcome
from campaigns.compliance.documents import to_document
from campaigns.compliance.models import ContactPolicyVersion
from campaigns.compliance.policy import ContactPolicy
from campaigns.compliance.presets import municipality
from campaigns.compliance.versions import load_policy
from campaigns.messages import batches, moving
from campaigns.messages.accounting import Group, account, sent_by_hour
from campaigns.messages.models import Batch, BatchControl, BatchEvent, Message, Template
from campaigns.messages.release import release_step
from campaigns.messages.state import BATCH_TRANSITIONS, BatchState
from campaigns.messages.terms import change_terms
from campaigns.planning.models import Campaign
from campaigns.planning.service import plan, set_status
from campaigns.planning.state import CampaignStatus
from campaigns.segmentation.models import ChannelAssignment
from campaigns.worklist.claim import claim
from tests.campaigns.test_messages import Provider
from tests.campaigns.town import JST, NOW, Town

NIGHT, OPENING, CLOSING = NOW.replace(hour=2), NOW.replace(hour=9), NOW.replace(hour=19)
DAY = timedelta(days=1)


def running(session: Session, town: Town, people: int = 5, **fields: Any) -> Campaign:
    """A running campaign of debtors with mobiles, planned at night."""
    for _ in range(people):
        town.debtor()
    campaign = set_status(session, town.campaign(**fields).id, CampaignStatus.RUNNING, NIGHT)
    plan(session, campaign.id, NIGHT)
    return campaign


def person(session: Session, name: str) -> int:
    return add_user(session, sign_in_name=name, display_name=name, role=Role.SUPERVISOR)[0].id


def stored(session: Session, policy: ContactPolicy) -> None:
    """The office's own contact rules."""
    session.add(ContactPolicyVersion(version=1, document=to_document(policy), created_at=NIGHT))
    session.flush()


def ordered(session: Session, campaign: Campaign, user_id: int | None = None, channel: Channel = Channel.SMS) -> Batch:
    result = batches.prepare_batch(session, campaign.id, channel, NIGHT, user_id=user_id, waits=True)
    assert result.batch is not None
    return moving.find_batch(session, result.batch)


def deeds(session: Session, batch: Batch) -> list[tuple[str, int | None]]:
    rows = select(BatchEvent.action, BatchEvent.user_id).where(BatchEvent.batch_id == batch.id).order_by(BatchEvent.id)
    return [(row[0], row[1]) for row in session.execute(rows)]


def test_what_it_was_prepared_from_stays_with_it(session: Session, town: Town) -> None:
    campaign = running(session, town)
    change_terms(session, {"pace": "even", "segment_price": "9.5", "leftover": "next"})
    batch = ordered(session, campaign)
    change_terms(session, {"pace": "front", "segment_price": "1"})
    assert (batch.rule_set_id, batch.policy_version) == (campaign.rule_set_id, load_policy(session).version)
    assert session.scalars(select(Template.id)).one() == batch.template_id
    assert (batch.pace, batch.leftover, batch.segment_price, batch.segments) == ("even", "next", 950, 5)
    assert deeds(session, batch) == [("prepared", None)]


def test_who_prepared_or_edited_does_not_release(session: Session, town: Town) -> None:
    first, second, third = (person(session, name) for name in ("sato", "ito", "kato"))
    batch = ordered(session, running(session, town), first)
    provider = Provider()
    moving.advance_batches(session, OPENING)
    assert batch.state == "ready"
    with pytest.raises(NotAllowed):
        moving.approve_batch(session, batch.id, first, NIGHT)
    moving.approve_batch(session, batch.id, second, NIGHT)
    moving.edit_batch(session, batch.id, {"pace": "even"}, third, NIGHT)
    assert batch.approved_at is None
    with pytest.raises(NotAllowed):
        moving.approve_batch(session, batch.id, third, NIGHT)
    moving.approve_batch(session, batch.id, second, NIGHT)
    assert [action for action, _ in deeds(session, batch)] == ["prepared", "released", "edited", "released"]
    moving.advance_batches(session, OPENING)
    assert batch.state == "releasing"
    assert provider.seen == []


def test_one_person_is_enough_where_the_office_says_so(session: Session, town: Town) -> None:
    only = person(session, "sato")
    change_terms(session, {"release": "one_person"})
    batch = ordered(session, running(session, town), only)
    assert moving.approve_batch(session, batch.id, only, NIGHT).approved_by == only


def test_a_batch_that_nobody_released_lapses_and_says_why(session: Session, town: Town) -> None:
    campaign = running(session, town)
    change_terms(session, {"leftover": "next"})
    batch = ordered(session, campaign)
    moving.advance_batches(session, CLOSING)
    assert (batch.state, batch.state_reason, batch.withdrawn) == ("done", "not_released", 5)
    assert set(session.scalars(select(Message.reason))) == {"not_released"}


def test_even_messages_wait_for_their_place(session: Session, town: Town) -> None:
    campaign = running(session, town, 10, options={"batches": {"pace": "even"}})
    batch = ordered(session, campaign)
    moving.approve_batch(session, batch.id, None, NIGHT)
    moments = session.scalars(select(Message.not_before).order_by(Message.not_before)).all()
    assert (moments[0], len(set(moments))) == (OPENING, 10)
    assert moments[-1] < CLOSING - timedelta(hours=1)
    moving.edit_batch(session, batch.id, {"pace": "front"}, None, NIGHT)
    assert set(session.scalars(select(Message.not_before))) == {OPENING}


def test_what_the_window_leaves_over_goes_on_the_next_day(session: Session, town: Town) -> None:
    batch = ordered(session, running(session, town, options={"batches": {"leftover": "next"}}))
    moving.approve_batch(session, batch.id, None, NIGHT)
    provider = Provider()
    session.commit()
    opened = partial(transaction, batch.office_id)
    release_step(opened, provider, OPENING, limit=2)
    with opened() as later:
        moving.advance_batches(later, CLOSING)
        moved = moving.find_batch(later, batch.id)
        assert (moved.state, moved.moved, moved.moves, moved.release_from) == ("ready", 3, 1, OPENING + DAY)
    release_step(opened, provider, OPENING + DAY, limit=10)
    with opened() as later:
        moving.advance_batches(later, OPENING + DAY)
        done = moving.find_batch(later, batch.id)
        told = account(later, done)
        assert (done.state, told.count(Group.SENT), told.adds_up) == ("done", 5, True)
        assert list(sent_by_hour(later, done).values()) == [2, 3]
    assert len({request.reference for request in provider.seen}) == 5


def test_a_batch_moves_on_only_a_few_times(session: Session, town: Town) -> None:
    batch = ordered(session, running(session, town, options={"batches": {"leftover": "next"}}))
    moving.approve_batch(session, batch.id, None, NIGHT)
    for _ in range(moving.MOST_MOVES):
        assert batch.release_until is not None
        moving.advance_batches(session, batch.release_until)
        assert batch.state == "ready"
    assert batch.release_until is not None
    moving.advance_batches(session, batch.release_until)
    assert (batch.state, batch.withdrawn) == ("done", 5)


def test_states_move_by_the_table_only(session: Session, town: Town) -> None:
    batch = ordered(session, running(session, town))
    moving.set_batch_state(session, batch.id, BatchState.PAUSED, NIGHT)
    moving.set_batch_state(session, batch.id, BatchState.PAUSED, NIGHT)
    moving.set_batch_state(session, batch.id, BatchState.READY, NIGHT)
    moving.set_batch_state(session, batch.id, BatchState.CANCELLED, NIGHT)
    assert [action for action, _ in deeds(session, batch)] == ["prepared", "paused", "resumed", "cancelled"]
    for wanted in set(BatchState) - {BatchState.CANCELLED}:
        with pytest.raises(Conflict):
            moving.set_batch_state(session, batch.id, wanted, NIGHT)
    for refused in (moving.approve_batch, lambda *a: moving.edit_batch(a[0], a[1], {"rounds": 1}, a[2], a[3])):
        with pytest.raises(Conflict):
            refused(session, batch.id, None, NIGHT)
    assert BATCH_TRANSITIONS.keys() == set(BatchState)


def test_an_edit_that_says_nothing_sensible_changes_nothing(session: Session, town: Town) -> None:
    batch = ordered(session, running(session, town))
    moving.approve_batch(session, batch.id, None, NIGHT)
    for changes in ({"pace": "fast"}, {"rounds": "9"}, {"nightly": "waits"}, {"channel": "sms"}):
        with pytest.raises(InvalidInput):
            moving.edit_batch(session, batch.id, changes, None, NIGHT)
    moving.edit_batch(session, batch.id, {"pace": batch.pace}, None, NIGHT)
    assert batch.approved_at is not None


def test_personal_fields_are_filled_in_person_by_person(session: Session, town: Town) -> None:
    people = [town.debtor(), town.debtor()]
    people[0].name = "見本 太郎"
    body = "{{ name }}様 {{ office_name }}です。{{ callback_number }}"
    session.add(Template(code="personal", body=body, created_at=NIGHT))
    campaign = set_status(session, town.campaign(options={"template": "personal"}).id, CampaignStatus.RUNNING, NIGHT)
    session.flush()
    plan(session, campaign.id, NIGHT)
    office = session.scalars(select(Office)).one()
    result = batches.prepare_batch(session, campaign.id, Channel.SMS, NIGHT)
    assert result.prepared == 2
    told = {message.debtor_id: message.body for message in session.scalars(select(Message))}
    assert told[people[0].id].startswith(f"見本 太郎様 {office.name}です。")


def test_whom_a_text_cannot_be_made_for_is_left_out_with_the_reason(session: Session, town: Town) -> None:
    campaign = running(session, town, 2, options={"template": "letter"})
    body = "{{ letter_date }}の件です。{{ callback_number }}"
    session.add(Template(code="letter", body=body, created_at=NIGHT))
    session.flush()
    result = batches.prepare_batch(session, campaign.id, Channel.SMS, NIGHT)
    assert (result.prepared, result.refused, result.reasons) == (0, 2, {"no_text": 2})


def test_the_arm_left_alone_is_noted_beside_the_batch(session: Session, town: Town) -> None:
    campaign = running(session, town, 6)
    ids = session.scalars(select(ChannelAssignment.debtor_id).order_by(ChannelAssignment.debtor_id)).all()
    waits = {"channel": "none", "reason_codes": ["experiment_wait", "x"], "arm": "wait"}
    session.execute(update(ChannelAssignment).where(ChannelAssignment.debtor_id.in_(ids[:3])).values(**waits))
    town.suppress(session.get_one(type(town.debtor()), (campaign.office_id, ids[0])), "complaint")
    batch = ordered(session, campaign)
    assert batch.prepared == 3
    assert sorted(session.scalars(select(BatchControl.debtor_id))) == [*ids[1:3]]


def robocalls(session: Session, town: Town, people: int, **options: Any) -> tuple[Campaign, Batch]:
    for _ in range(people):
        town.attempt(town.debtor(), Channel.SMS, NIGHT - 3 * DAY, None)
    campaign = running(session, town, 0, options=options)
    return campaign, ordered(session, campaign, channel=Channel.AUTO_CALL)


def test_automated_calls_wait_for_their_release_and_stop_with_a_pause(session: Session, town: Town) -> None:
    campaign, batch = robocalls(session, town, 3)

    def claimed() -> int:
        return len(claim(session, campaign.id, Channel.AUTO_CALL, 1, "test", OPENING))

    assert claimed() == 0
    moving.approve_batch(session, batch.id, None, NIGHT)
    assert claimed() == 1
    moving.set_batch_state(session, batch.id, BatchState.PAUSED, OPENING)
    assert claimed() == 0
    moving.set_batch_state(session, batch.id, BatchState.READY, OPENING)
    assert claimed() == 1


def test_calls_are_counted_one_by_one_and_a_call_back_outlives_its_batch(session: Session, town: Town) -> None:
    campaign, batch = robocalls(session, town, 4)
    moving.approve_batch(session, batch.id, None, NIGHT)
    wished, failed, unanswered = claim(session, campaign.id, Channel.AUTO_CALL, 3, "test", OPENING)
    calls = [open_attempt(session, item, None, OPENING, Channel.AUTO_CALL) for item in (wished, failed, unanswered)]
    record_outcome(session, calls[0].id, Party.UNKNOWN, Outcome.CALLBACK_PROMISED, now=OPENING, callback_at=NOW.replace(hour=15))
    record_line_result(session, calls[1].id, LineResult.FAILED, OPENING)
    record_line_result(session, calls[2].id, LineResult.NO_ANSWER, OPENING)
    told = account(session, batch)
    assert (told.adds_up, told.count(Group.SENT), told.count(Group.WAITING)) == (True, 2, 2)
    moving.advance_batches(session, NOW.replace(hour=17))
    told = account(session, batch)
    assert (told.adds_up, told.count(Group.SENT), told.count(Group.WITHDRAWN)) == (True, 2, 2)
    session.refresh(wished)
    assert (wished.state, wished.channel, batch.state) == ("ready", "operator_call", "done")


def test_the_terminal_shows_and_moves_a_batch(office_id: int, capsys: pytest.CaptureFixture[str]) -> None:
    with transaction(office_id) as session:
        running(session, Town(session), 3)

    def told(*words: str) -> Any:
        status = run(["batch", *words, "--json"])
        output = capsys.readouterr()
        assert status == 0, output.err
        return json.loads(output.out)

    made = told("sms", "11月", "--as-of", "2026-11-18T02:00", "--wait")["batch"]
    number = str(made)
    assert [row["batch"] for row in told("list")] == [made]
    shown = told("show", number)
    assert (shown["state"], shown["is_released"], shown["waiting"], shown["adds_up"]) == ("ready", False, 3, True)
    assert told("release", number)["is_released"]
    assert told("pause", number)["state"] == "paused"
    assert told("resume", number)["state"] == "ready"
    ended = told("cancel", number)
    assert (ended["state"], ended["withdrawn"], ended["lines"][0]["reason"]) == ("cancelled", 3, "batch_cancelled")
    assert told("watch", number)["state"] == "cancelled"
    assert told("terms", "--set", "segment_price=8.5", "--set", "pace=even")["segment_price"] == 8.5
    own = ["terms", "--campaign", "11月"]
    assert told(*own, "--set", "pace=front", "--set", "template=please_call")["pace"] == "front"
    assert (told(*own)["template"], told("terms")["pace"], told(*own, "--set", "pace=")["pace"]) == ("please_call", "even", "even")
    mistakes = (["terms", "--set", "pace=fast"], [*own, "--set", "template=nothing"], [*own, "--set", "colour=red"])
    for words in (["pause", number], ["show", "999"], *mistakes):
        assert run(["batch", *words]) == 1
        output = capsys.readouterr()
        assert output.err.startswith("error: ")
    for words in (["show", "x"], ["terms", "--set", "pace"], ["sms"]):
        assert run(["batch", *words]) == 2
        capsys.readouterr()


@pytest.mark.parametrize(
    ("cap", "rounds", "expected"),
    [(3, 2, ["09:00 another_round 12:00", "12:00 done"]), (3, 1, ["09:00 done"]), (1, 2, ["09:00 done"])],
)
def test_who_did_not_react_is_called_once_more_at_another_part_of_the_window(
    session: Session, town: Town, cap: int, rounds: int, expected: list[str]
) -> None:
    stored(session, replace(municipality(), max_per_day=cap, max_per_week=9))
    campaign, batch = robocalls(session, town, 1, batches={"rounds": rounds})
    moving.approve_batch(session, batch.id, None, NIGHT)
    now, told = OPENING, []
    for _ in range(3):
        items = claim(session, campaign.id, Channel.AUTO_CALL, 1, "test", now)
        if not items:
            break
        attempt = open_attempt(session, items[0], None, now, Channel.AUTO_CALL)
        record_line_result(session, attempt.id, LineResult.MACHINE, now)
        session.refresh(items[0])
        ready = items[0].state == "ready" and items[0].not_before < NOW.replace(hour=17)
        told.append(f"{now:%H:%M} " + (f"{items[0].reason} {items[0].not_before.astimezone(JST):%H:%M}" if ready else "done"))
        now = items[0].not_before.astimezone(JST) if ready else NOW.replace(hour=16)
    assert told == expected


def test_a_person_who_pressed_a_key_or_is_called_back_gets_no_second_round(session: Session, town: Town) -> None:
    stored(session, replace(municipality(), max_per_day=3, max_per_week=9))
    campaign, batch = robocalls(session, town, 2)
    moving.approve_batch(session, batch.id, None, NIGHT)
    wished, heard = claim(session, campaign.id, Channel.AUTO_CALL, 2, "test", OPENING)
    calls = [open_attempt(session, item, None, OPENING, Channel.AUTO_CALL) for item in (wished, heard)]
    record_outcome(session, calls[0].id, Party.UNKNOWN, Outcome.CALLBACK_PROMISED, now=OPENING, callback_at=NOW.replace(hour=15))
    record_line_result(session, calls[1].id, LineResult.ANSWERED, OPENING)
    for item in (wished, heard):
        session.refresh(item)
    assert (wished.channel, heard.reason == "another_round") == ("operator_call", False)
