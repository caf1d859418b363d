"""Recordings from the call to the vault and out of it again: stored sealed, missed loudly, opened with a reason, gone when deleted."""

from __future__ import annotations

import io
import wave
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import select, update

from callcenter.core.db import transaction
from callcenter.core.errors import Conflict, InvalidInput
from callcenter.core.settings import get_settings
from campaigns.attempts.models import Attempt
from dialer.calls.models import Call, CallEvent
from dialer.recordings import keys, service, vault
from dialer.recordings.keeping import RecordingKeeper, mark_seen
from dialer.recordings.models import Recording
from dialer.recordings.queries import gaps
from dialer.telephony.simulator.carrier import SimulatedCarrier
from tests.dialer.world import Hall
from tests.rules.test_recording_sound import tone

RECORDED = {"recording": {"is_on": True, "notice": "none", "keep_days": None}}
ANSWERS = "1111"


class Studio(Hall):
    """A call centre that records, with a spool of its own."""

    def with_spool(self, spool: Path) -> Studio:
        self.spool = spool
        self.new_dialer(SimulatedCarrier(self.clock, seed=7, spool=spool))
        self.data = get_settings().data_dir
        self.keeper = RecordingKeeper(spool, self.data, "node1", self.clock, lambda: [self.office_id], settle_seconds=0)
        return self

    def talk(self) -> None:
        """Everybody is called, talked to, and has hung up."""
        self.dialer.start()
        self.staff()
        self.pass_time(400)

    def rows(self) -> list[Recording]:
        with transaction(self.office_id) as session:
            return list(session.scalars(select(Recording).order_by(Recording.id)))


@pytest.fixture
def studio(office_id: int, tmp_path: Path) -> Studio:
    return Studio(office_id, suffixes=[ANSWERS], options=RECORDED).with_spool(tmp_path / "spool")


def wav_of(studio: Studio, row: Recording, first: int = 0, last: int | None = None) -> bytes:
    with transaction(studio.office_id) as session:
        key = service.key_of(session, studio.data, session.merge(row, load=False))
    end = vault.wav_size(row) - 1 if last is None else last
    return b"".join(vault.read_wav(path_of(studio, row), row, key, first, end))


def path_of(studio: Studio, row: Recording) -> Path:
    return vault.vault_path(studio.data, row.office_id, row.name)


def stored(studio: Studio) -> Recording:
    studio.talk()
    assert studio.keeper.step() == 1
    return studio.rows()[0]


def test_a_conversation_is_stored_sealed_and_leaves_the_spool(studio: Studio) -> None:
    studio.talk()
    plain = {path.name: path.read_bytes() for path in studio.spool.iterdir()}
    assert len(plain) == 2
    assert studio.keeper.step() == 1
    row = studio.rows()[0]
    assert (row.state, row.problem, row.is_simulated) == ("stored", "", True)
    assert not list(studio.spool.iterdir())
    sealed = path_of(studio, row).read_bytes()
    assert path_of(studio, row).stat().st_mode & 0o077 == 0
    assert len(sealed) == row.size + 16 * -(-row.size // 65536)
    with wave.open(io.BytesIO(wav_of(studio, row))) as file:
        assert file.getnframes() == row.size // 2
        assert file.getnframes() == max(map(len, plain.values())) // 2
    debtor, operator = vault.peaks_of(row, key_of(studio, row))
    assert max(debtor) > 20
    assert max(operator) > 20
    with transaction(studio.office_id) as session:
        call = session.scalars(select(Call)).one()
        attempt = session.scalars(select(Attempt)).one()
    assert (row.call_id, row.attempt_id, row.debtor_id, row.user_id) == (call.id, attempt.id, attempt.debtor_id, attempt.operator_id)


def key_of(studio: Studio, row: Recording) -> bytes:
    with transaction(studio.office_id) as session:
        return service.key_of(session, studio.data, session.merge(row, load=False))


def test_any_part_of_it_can_be_read(studio: Studio) -> None:
    row = stored(studio)
    whole = wav_of(studio, row)
    assert len(whole) == vault.wav_size(row)
    for first, last in ((0, 0), (0, 43), (40, 50), (44, 44), (131_000, 131_200), (131_115, 131_118), (len(whole) - 1, len(whole) - 1)):
        assert wav_of(studio, row, first, last) == whole[first : last + 1]


def test_without_recording_nothing_is_recorded(office_id: int, tmp_path: Path) -> None:
    studio = Studio(office_id, suffixes=[ANSWERS]).with_spool(tmp_path / "spool")
    studio.talk()
    assert studio.keeper.step() == 0
    assert studio.rows() == []
    assert not (tmp_path / "spool").exists()


@pytest.mark.parametrize(("kept", "state"), [(0, "missing"), (100, "empty")])
def test_a_gap_is_said_until_somebody_has_seen_it(studio: Studio, kept: int, state: str) -> None:
    studio.talk()
    for path in studio.spool.iterdir():
        path.write_bytes(path.read_bytes()[:kept])
        if not kept:
            path.unlink()
    assert studio.keeper.step() == 0
    row = studio.rows()[0]
    assert (row.state, row.problem, row.seen_by) == (state, state, None)
    with transaction(studio.office_id) as session:
        mark_seen(session, row, studio.user_ids[0])
    studio.keeper.step()
    assert studio.rows()[0].seen_by == studio.user_ids[0]


@pytest.mark.parametrize(
    ("how", "kept", "problem"), [("told", 0.4, "cut_short"), ("told", 0.95, ""), ("lost", 0.4, ""), ("simulated", 0.4, "")]
)
def test_a_recording_that_ends_long_before_the_talk_is_a_gap_too(studio: Studio, how: str, kept: float, problem: str) -> None:
    """The spool ran full: what came before is kept, and that it is not all is said; not where nobody knows when the talk ended."""
    studio.talk()
    with transaction(studio.office_id) as session:
        session.execute(update(Recording).values(is_simulated=how == "simulated"))
        call = session.scalars(select(Call)).one()
        assert call.ended_at is not None
        sound = tone(kept * (call.ended_at - studio.rows()[0].began_at).total_seconds(), 300)
        if how == "lost":
            ends = CallEvent.kind == "ended"
            session.execute(update(CallEvent).where(ends).values(event_key=f"{call.channel_id}:lost"))
    for path in studio.spool.iterdir():
        path.write_bytes(sound)
    assert studio.keeper.step() == 1
    row = studio.rows()[0]
    assert (row.state, row.problem) == ("stored", problem)
    with transaction(studio.office_id) as session:
        assert [gap.problem for gap in gaps(session)] == ([problem] if problem else [])


def test_what_one_operator_s_microphone_does_all_morning_is_one_notice(office_id: int, tmp_path: Path) -> None:
    studio = Studio(office_id, suffixes=[ANSWERS] * 4, options=RECORDED, operators=4).with_spool(tmp_path / "spool")
    studio.talk()
    user, colleague = studio.user_ids[:2]
    earlier, later = sorted(studio.rows(), key=lambda row: (row.began_at, row.id))[-2:]

    def seen_of(first: int, second: int) -> list[tuple[int, int]]:
        with transaction(studio.office_id) as session:
            for row, whose in ((earlier, first), (later, second)):
                values = {"user_id": whose, "problem": "operator_silent", "seen_by": None}
                session.execute(update(Recording).where(Recording.id == row.id).values(values))
            return [(gap.recording_id, gap.count) for gap in gaps(session)]

    def after_seeing(row: Recording) -> list[int]:
        with transaction(studio.office_id) as session:
            mark_seen(session, service.find(session, row.id), user, with_alike=True)
            return [gap.recording_id for gap in gaps(session)]

    assert seen_of(user, colleague) == [(later.id, 1), (earlier.id, 1)]
    assert after_seeing(later) == [earlier.id]
    assert seen_of(user, user) == [(later.id, 2)]
    assert after_seeing(earlier) == [later.id]  # what came after the page was drawn stays
    assert seen_of(user, user) == [(later.id, 2)]
    assert after_seeing(later) == []


def test_a_disk_that_takes_nothing_is_said_and_the_recording_waits(studio: Studio, monkeypatch: pytest.MonkeyPatch) -> None:
    studio.talk()
    folder = studio.data / "recordings"
    folder.write_text("in the way")
    assert studio.keeper.step() == 0
    assert [(row.state, row.problem) for row in studio.rows()] == [("running", "not_stored")]
    assert len(list(studio.spool.iterdir())) == 2
    folder.unlink()
    assert studio.keeper.step() == 1
    assert [(row.state, row.problem) for row in studio.rows()] == [("stored", "")]


def test_what_a_dead_process_left_is_taken_in_by_the_next(studio: Studio) -> None:
    """The row of a conversation whose beginning was lost is made from its files."""
    studio.talk()
    with transaction(studio.office_id) as session:
        for row in session.scalars(select(Recording)):
            session.delete(row)
    again = RecordingKeeper(studio.spool, studio.data, "node1", studio.clock, lambda: [studio.office_id], settle_seconds=0)
    assert again.step() == 1
    assert again.step() == 0


def test_it_is_opened_for_a_reason_and_for_a_while(studio: Studio) -> None:
    row, user, now = stored(studio), studio.user_ids[0], studio.clock.now()
    with transaction(studio.office_id) as session:
        for reason, note in (("", ""), ("curiosity", ""), ("other", " x ")):
            with pytest.raises(InvalidInput):
                service.open_recording(session, row.id, user, reason, note, now)
        assert service.access_of(session, row.id, user, now) is None
        service.open_recording(session, row.id, user, "complaint", "", now)
        assert service.access_of(session, row.id, user, now + timedelta(minutes=29)) is not None
        assert service.access_of(session, row.id, user, now + timedelta(minutes=31)) is None


def test_deleting_the_key_deletes_the_recording(studio: Studio) -> None:
    row, now = stored(studio), studio.clock.now()
    copy = path_of(studio, row).read_bytes()
    with transaction(studio.office_id) as session:
        service.keep(session, row.id, "complaint of 18 November")
        with pytest.raises(Conflict):
            service.delete(session, row.id, studio.data, now, why="asked for it", user_id=1)
        service.keep(session, row.id, "")
        with pytest.raises(InvalidInput):
            service.delete(session, row.id, studio.data, now, why=" ", user_id=1)
        service.delete(session, row.id, studio.data, now, why="asked for it", user_id=1)
        assert path_of(studio, row).exists()  # only once it is committed
    assert not path_of(studio, row).exists()
    gone = studio.rows()[0]
    assert (gone.state, gone.wrapped_key, gone.peaks) == ("deleted", None, None)
    path_of(studio, row).write_bytes(copy)  # a file from a backup
    with pytest.raises(Conflict):
        wav_of(studio, gone)


def test_a_new_key_opens_old_recordings_and_the_old_one_can_go(studio: Studio) -> None:
    row, now = stored(studio), studio.clock.now()
    before = wav_of(studio, row)
    with transaction(studio.office_id) as session:
        assert keys.rotate(session, studio.data, now, destroy=True) == (2, 1)
    assert not keys.key_path(studio.data, studio.office_id, 1).exists()
    turned = studio.rows()[0]
    assert (turned.key_version, turned.sealed_version) == (2, 1)
    assert wav_of(studio, turned) == before
    with pytest.raises(keys.KeyMissing):  # what a backup of the database holds
        wav_of(studio, row)


def test_a_changed_file_or_another_key_is_refused(studio: Studio) -> None:
    row = stored(studio)
    path = path_of(studio, row)
    whole = bytearray(path.read_bytes())
    whole[70_000] ^= 1
    path.write_bytes(bytes(whole))
    with pytest.raises(vault.Unreadable):
        wav_of(studio, row)
    path.unlink()
    with pytest.raises(vault.Unreadable):
        wav_of(studio, row)
    keys.key_path(studio.data, studio.office_id, 1).write_bytes(b"A" * 43 + b"=\n")
    with pytest.raises(keys.KeyMissing):
        wav_of(studio, row)
