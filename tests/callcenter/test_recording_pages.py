"""Recordings in the browser's eyes: nothing without a reason, every look on record, the sound in parts, score cards, deletion."""

from __future__ import annotations

import io
import wave
from collections.abc import Callable
from pathlib import Path

import pytest
from sqlalchemy import select

from callcenter.auth.models import AuditEvent, Role
from callcenter.core.clock import SystemClock, utc_now
from callcenter.core.db import transaction
from callcenter.core.settings import get_settings
from dialer.calls.models import Call
from dialer.recordings.beginning import begin
from dialer.recordings.criteria import standard
from dialer.recordings.keeping import RecordingKeeper
from dialer.recordings.models import Recording
from dialer.telephony.simulator.sound import write_tones
from tests.callcenter.conftest import Person, add_case, put_on_the_line

S, A, P = Role.SUPERVISOR, Role.AUDITOR, Role.OPERATOR


@pytest.fixture
def recorded(office_id: int, person: Callable[..., Person], tmp_path: Path) -> int:
    """A recording of a conversation with an operator."""
    operator, case = person(P, name="saeki"), add_case(office_id)
    return record(office_id, operator.user_id, case, tmp_path)


def record(office_id: int, user_id: int, case: object, spool: Path) -> int:
    put_on_the_line(office_id, user_id, case)  # type: ignore[arg-type]
    with transaction(office_id) as session:
        call = session.scalars(select(Call)).one()
        call.is_recorded, call.node, call.carrier = True, "here", "simulator"
        call.answered_at = call.answered_at or utc_now()
        begin(session, call)
        call.state, call.ended_at = "ended", utc_now()
        name = call.channel_id
    write_tones(spool, name, 9.0)
    keeper = RecordingKeeper(spool, get_settings().data_dir, "here", SystemClock(), lambda: [office_id], settle_seconds=0)
    assert keeper.step() == 1
    with transaction(office_id) as session:
        return session.scalars(select(Recording.id)).one()


def actions(office_id: int) -> list[str]:
    with transaction(office_id) as session:
        found = session.scalars(select(AuditEvent.action).where(AuditEvent.action.startswith("recording")).order_by(AuditEvent.id))
        return list(found)


def test_hearing_takes_a_reason_and_is_on_record(recorded: int, office_id: int, person: Callable[..., Person]) -> None:
    who, here = person(S), f"/recordings/{recorded}"
    assert "data-player" not in who.get(here).text
    assert who.get(f"{here}/audio").status_code == 403
    refused = who.post(f"{here}/open", {"reason": "other", "note": ""})
    assert refused.status_code == 422
    assert "data-player" not in refused.text
    assert who.post(f"{here}/open", {"reason": "complaint"}).status_code == 303
    page = who.get(here).text
    assert "data-player" in page
    assert "見本 佳代" not in page  # the number is enough
    whole = who.get(f"{here}/audio")
    assert (whole.status_code, whole.headers["content-type"], whole.headers["cache-control"]) == (200, "audio/wav", "no-store")
    with wave.open(io.BytesIO(whole.content)) as file:
        assert file.getnframes() == 72_000
    part = who.get(f"{here}/audio", headers={"Range": "bytes=1000-1999"})
    assert (part.status_code, part.content) == (206, whole.content[1000:2000])
    assert part.headers["content-range"] == f"bytes 1000-1999/{len(whole.content)}"
    tail = who.get(f"{here}/audio", headers={"Range": "bytes=288000-"})
    assert tail.content == whole.content[288_000:]
    assert who.get(f"{here}/audio", headers={"Range": "bytes=999999999-"}).status_code == 416
    assert actions(office_id) == ["recording.viewed"] * 2 + ["recording.opened", "recording.viewed", "recording.played"]
    other = person(A)
    assert other.get(f"{here}/audio").status_code == 403  # each gives a reason of their own


def test_a_debtor_s_history_leads_to_it(recorded: int, office_id: int, person: Callable[..., Person]) -> None:
    with transaction(office_id) as session:
        debtor_id = session.scalars(select(Recording.debtor_id)).one()
    assert f'href="/recordings/{recorded}"' in person(A).get(f"/debtors/{debtor_id}").text
    assert "/recordings/" not in person(Role.TAX_OFFICER).get(f"/debtors/{debtor_id}").text


def test_the_list_narrows_by_campaign_operator_day_and_state(recorded: int, office_id: int, person: Callable[..., Person]) -> None:
    who = person(A)
    assert f'href="/recordings/{recorded}"' in who.get("/recordings").text
    for query, is_there in (
        ("state=stored", True),
        ("state=missing", False),
        ("from=2020-01-01&to=2020-01-02", False),
        ("from=2020-01-01", True),
        ("operator=99999", False),
        ("campaign=x&state=y&from=z", True),
        ("page_no=2", False),
    ):
        assert (f'href="/recordings/{recorded}"' in who.get(f"/recordings?{query}").text) is is_there, query


def test_a_score_card_reaches_the_operator_as_the_office_says(recorded: int, office_id: int, person: Callable[..., Person]) -> None:
    who = person(S)
    scores = {f"score_{criterion.code}": "3" for criterion in standard()}
    assert who.post(f"/recordings/{recorded}/review", scores | {"score_opening": ""}).status_code == 422
    assert who.post(f"/recordings/{recorded}/review", scores | {"score_opening": "9"}).status_code == 422
    assert who.post(f"/recordings/{recorded}/review", scores | {"comment": "復唱が丁寧でした"}).status_code == 204
    assert who.post(f"/recordings/{recorded}/review", scores | {"score_opening": "0", "comment": "名乗りを"}).status_code == 204
    page = who.get(f"/recordings/{recorded}").text
    assert "名乗りを" in page
    assert "復唱が丁寧でした" not in page  # filled in anew
    from callcenter.auth.models import User
    from dialer.recordings.reviews import of_operator

    with transaction(office_id) as session:
        operator = session.scalars(select(User.id).where(User.sign_in_name == "saeki")).one()
        cards = of_operator(session, operator)
    assert [(card.percent, card.comment) for card in cards] == [(93, "名乗りを")]
    stranger = person(P)
    assert "名乗りを" not in stranger.get("/reviews").text


def test_kept_on_purpose_then_deleted_for_good(recorded: int, office_id: int, person: Callable[..., Person]) -> None:
    who, here = person(S), f"/recordings/{recorded}"
    assert who.post(f"{here}/keep", {"why": "苦情の対応中"}).status_code == 204
    assert who.post(f"{here}/delete", {"why": "間違えて録った"}).status_code == 409
    assert who.post(f"{here}/keep", {"why": ""}).status_code == 204
    assert who.post(f"{here}/delete", {"why": " "}).status_code == 422
    assert who.post(f"{here}/delete", {"why": "間違えて録った"}).status_code == 204
    page = who.get(here).text
    assert "間違えて録った" in page
    assert who.post(f"{here}/open", {"reason": "complaint"}).status_code == 409
    assert not list((get_settings().data_dir / "recordings").rglob("*.sealed"))


def test_terms_say_where_a_recording_lies_first(person: Callable[..., Person], monkeypatch: pytest.MonkeyPatch) -> None:
    who = person(Role.ADMINISTRATOR)
    assert "Twilio" not in who.get("/recording-terms").text
    monkeypatch.setattr(get_settings(), "carrier", "twilio")
    assert "Twilio からは消去します" in who.get("/recording-terms").text


def test_terms_say_what_they_would_delete_before_they_are_saved(recorded: int, office_id: int, person: Callable[..., Person]) -> None:
    from datetime import timedelta

    with transaction(office_id) as session:
        row = session.scalars(select(Recording)).one()
        row.began_at -= timedelta(days=40)
        campaign_id = row.campaign_id
    who = person(Role.ADMINISTRATOR)
    assert who.post("/recording-terms", {"keep_days": "30", "open_minutes": "10", "preview": "true"}).text.count("30") > 1
    from dialer.recordings.jobs import forget_recordings
    from dialer.recordings.terms import office_terms

    with transaction(office_id) as session:
        assert office_terms(session).keep_days == 180
    assert forget_recordings(office_id) == 0
    for bad in ("", "0", "x", "99999"):
        assert who.post("/recording-terms", {"keep_days": bad, "open_minutes": "10"}).status_code == 422
    assert who.post(f"/recording-terms/{campaign_id}", {"is_on": "true", "notice": "shout"}).status_code == 422
    assert who.post(f"/recording-terms/{campaign_id}", {"is_on": "true", "notice": "voice", "keep_days": "60"}).status_code == 303
    assert who.post("/recording-terms", {"keep_days": "30", "open_minutes": "10"}).status_code == 303
    assert forget_recordings(office_id) == 0  # the campaign keeps it longer
    assert who.post(f"/recording-terms/{campaign_id}", {"is_on": "true", "notice": "voice", "keep_days": ""}).status_code == 303
    assert forget_recordings(office_id) == 1
    assert actions(office_id)[-1] == "recording.expired"
