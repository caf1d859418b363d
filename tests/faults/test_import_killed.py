"""`kill -9` of whoever imports, at every named point, with real processes: the state is the one before or the new one, and it goes on."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import Connection, create_engine, func, select, text, update

from callcenter.auth.models import Office
from callcenter.core.clock import utc_now
from callcenter.core.db import dispose_engines, get_engine, sqlalchemy_url, transaction
from callcenter.core.queue import enqueue
from callcenter.core.settings import get_settings
from campaigns import jobs
from campaigns.debtors.models import Debt, Debtor, PhoneNumber
from campaigns.imports.models import ImportFile, Rejection
from campaigns.imports.service import MAX_TRIES, is_importing, register_upload, remove_strays
from campaigns.imports.uploads import folder_of
from tests import servers
from tests.campaigns.import_files import DEBT, load, table
from tests.conftest import migrate
from tests.faults.locks import HERE

pytestmark = pytest.mark.fault

LATE = timedelta(minutes=5)
State = tuple[list[tuple[object, ...]], list[tuple[object, ...]], int]


def debts(numbers: range, **changes: str) -> list[dict[str, str]]:
    """A row for each number, two to a debtor."""
    return [
        {
            "宛名番号": f"{number // 2:010d}",
            "通知書番号": f"{number:012d}",
            "期別": str(number % 2 + 1),
            "電話番号1": f"060-9000-{number // 2:04d}",
        }
        | changes
        for number in numbers
    ]


FIRST = table(DEBT, *debts(range(12)), {"納期限": "x"})
# Debtors 0 to 2 moved and have another number, 3 to 5 are no longer listed, 6 to 8 are new; one row is refused.
SECOND = table(DEBT, *debts(range(6), 住所="架空市本町9", 電話番号1="060-9000-9999"), *debts(range(12, 18)), {"納期限": "y"})


def state(office_id: int) -> State:
    """Everything a list decides, without numbers that a second try may give anew."""
    with transaction(office_id) as session:
        owed = session.execute(
            select(Debtor.debtor_no, Debtor.address, Debtor.is_listed, Debt.notice_no, Debt.status, Debt.outstanding)
            .join(Debt, Debt.debtor_id == Debtor.id)
            .order_by(Debt.notice_no)
        )
        numbers = session.execute(
            select(Debtor.debtor_no, PhoneNumber.original, PhoneNumber.is_listed)
            .join(PhoneNumber, PhoneNumber.debtor_id == Debtor.id)
            .order_by(Debtor.debtor_no, PhoneNumber.original)
        )
        refused = session.scalar(select(func.count()).select_from(Rejection)) or 0
        return [tuple(row) for row in owed], [tuple(row) for row in numbers], refused


def register(office_id: int, data: bytes, **options: object) -> int:
    """A stored file that nobody imports yet."""
    with transaction(office_id) as session:
        return register_upload(session, "debts", "list.csv", data, now=utc_now(), is_queued=False, **options).id  # type: ignore[arg-type]


def importing(office_id: int, import_id: int, point: str, number: int, action: str, flag: Path) -> subprocess.Popen[bytes]:
    """A process of its own that imports a file."""
    arguments = [str(office_id), str(import_id), point, str(number), action, str(flag)]
    command = [sys.executable, "-m", "tests.faults.importing", *arguments]
    return subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)


def killed_at(office_id: int, import_id: int, point: str, number: int, flag: Path) -> None:
    """An importing process that is killed at a point, which it must have reached."""
    process = importing(office_id, import_id, point, number, "die", flag)
    _, told = process.communicate(timeout=120)
    assert flag.with_suffix(".hit").exists(), told.decode()
    assert process.returncode == -signal.SIGKILL
    servers.wait_for(lambda: not is_held(office_id), "the server's process to notice")


def is_held(office_id: int) -> bool:
    """Whether somebody still holds the lock of imports: the server rolls back only when it next looks at its client."""
    with transaction(office_id) as session:
        return is_importing(session)


def status(office_id: int, import_id: int) -> tuple[str, str]:
    with transaction(office_id) as session:
        row = session.get_one(ImportFile, (office_id, import_id))
        return row.status, row.step


def make_late(office_id: int, import_id: int) -> None:
    """As if it had been begun so long ago that its process must be lost."""
    with transaction(office_id) as session:
        session.execute(update(ImportFile).where(ImportFile.id == import_id).values(started_at=utc_now() - LATE))


def expected(office_id: int, *lists: bytes) -> State:
    """What these lists lead to without any fault, in an office that is emptied again."""
    for data in lists:
        load(office_id, "debts", data, utc_now())
    found = state(office_id)
    with get_engine().begin() as connection:
        connection.execute(text("TRUNCATE debtor, debt, phone_number, import_file, rejection CASCADE"))
    return found


POINTS = [("read", 1), ("read", 2), ("read", 4), ("debtors", 1), ("phones", 1), ("debts", 1), ("close", 1), ("save", 1)]
EMPTY: State = ([], [], 0)


@pytest.mark.parametrize(("point", "number"), POINTS, ids=lambda value: str(value))
def test_the_importing_process_is_killed(office_id: int, tmp_path: Path, point: str, number: int) -> None:
    """A second list: at each point nothing of it is there, and the sweeper finishes it by itself."""
    new = expected(office_id, FIRST, SECOND)
    load(office_id, "debts", FIRST, utc_now())
    before = state(office_id)
    import_id = register(office_id, SECOND)
    killed_at(office_id, import_id, point, number, tmp_path / "flag")
    assert state(office_id) == before
    assert status(office_id, import_id)[0] == "running"
    jobs.sweep_imports(office_id)  # too early: it may still be at work
    assert state(office_id) == before
    make_late(office_id, import_id)
    jobs.sweep_imports(office_id)
    assert status(office_id, import_id) == ("done", "done")
    assert state(office_id) == new


@pytest.mark.parametrize(("point", "number"), [("read", 1), ("read", 3), ("save", 1)], ids=lambda value: str(value))
def test_an_offices_first_list_is_killed(office_id: int, tmp_path: Path, point: str, number: int) -> None:
    new = expected(office_id, FIRST)
    import_id = register(office_id, FIRST)
    killed_at(office_id, import_id, point, number, tmp_path / "flag")
    assert state(office_id) == EMPTY
    make_late(office_id, import_id)
    jobs.sweep_imports(office_id)
    assert state(office_id) == new


def test_a_rehearsal_is_killed_before_it_could_tell(office_id: int, tmp_path: Path) -> None:
    load(office_id, "debts", FIRST, utc_now())
    before = state(office_id)
    import_id = register(office_id, SECOND, is_dry_run=True)
    killed_at(office_id, import_id, "rehearsed", 1, tmp_path / "flag")
    make_late(office_id, import_id)
    jobs.sweep_imports(office_id)
    assert state(office_id) == before
    with transaction(office_id) as session:
        row = session.get_one(ImportFile, (office_id, import_id))
        assert (row.status, row.created, row.updated, row.closed, row.tries) == ("done", 6, 6, 6, 2)


def test_a_file_that_ends_its_process_each_time_is_given_up(office_id: int, tmp_path: Path) -> None:
    import_id = register(office_id, FIRST)
    killed_at(office_id, import_id, "read", 1, tmp_path / "flag")
    with transaction(office_id) as session:
        session.get_one(ImportFile, (office_id, import_id)).tries = MAX_TRIES
    make_late(office_id, import_id)
    jobs.sweep_imports(office_id)
    assert status(office_id, import_id)[0] == "failed"
    assert state(office_id) == EMPTY


@pytest.fixture
def own_office(tmp_path_factory: pytest.TempPathFactory, database_url: str) -> Iterator[int]:
    """An office on a server of the test's own, since killing one of its processes makes PostgreSQL end all the others."""
    root = servers.new_root()
    before = os.environ["DATABASE_URL"]
    dispose_engines()
    try:
        url = servers.shared(root, "postgres", servers.start_postgres)
        commit_for_good(url)
        migrate(url)
        with transaction(None) as session:
            office = Office(code="test", name="架空市", phone="+81300000000")
            session.add(office)
            session.flush()
            office_id = office.id
        yield office_id
    finally:
        dispose_engines()
        os.environ["DATABASE_URL"] = before
        get_settings.cache_clear()
        servers.stop_all(root)


def commit_for_good(url: str) -> None:
    """Lets a commit be on disk before it is told, as on a real server: the tests' own server forgets its last ones when it crashes."""
    engine = create_engine(sqlalchemy_url(url), isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        connection.execute(text("ALTER DATABASE postgres SET synchronous_commit = on"))
    engine.dispose()


@pytest.mark.parametrize(("point", "number"), [("read", 3), ("debts", 1), ("save", 1)], ids=lambda value: str(value))
def test_the_servers_process_is_killed(own_office: int, tmp_path: Path, point: str, number: int) -> None:
    load(own_office, "debts", FIRST, utc_now())
    before = state(own_office)
    import_id = register(own_office, SECOND)
    process = importing(own_office, import_id, point, number, "kill", tmp_path / "flag")
    _, told = process.communicate(timeout=120)
    assert (tmp_path / "flag.hit").exists()
    assert process.returncode == 1, told
    dispose_engines()
    servers.wait_for(server_answers, "PostgreSQL", 60)
    assert state(own_office) == before
    assert status(own_office, import_id)[0] == "running"
    make_late(own_office, import_id)
    jobs.sweep_imports(own_office)
    assert status(own_office, import_id) == ("done", "done")
    assert len(state(own_office)[0]) == 18


def server_answers() -> bool:
    from sqlalchemy.exc import OperationalError

    try:
        with get_engine().connect() as connection:
            return connection.scalar(text("SELECT 1")) == 1
    except OperationalError:
        return False


def waits_for(gate: Connection, table_name: str) -> bool:
    """Whether somebody waits for a lock on the table."""
    waiting = f"SELECT EXISTS (SELECT FROM pg_locks WHERE relation = CAST(:name AS regclass) AND NOT granted AND {HERE})"
    return bool(gate.scalar(text(waiting), {"name": table_name}))


def test_the_worker_is_killed(office_id: int, clean_redis: str) -> None:
    """An RQ worker in the middle of a larger list; the next worker gets the file from the sweeper."""
    data = table(DEBT, *debts(range(30_000)))
    import_id = register(office_id, data)
    assert enqueue("campaigns.jobs.run_import", office_id, import_id)
    command = [sys.executable, "-m", "callcenter.cli", "work", "default"]
    environment = {**os.environ, "CALLCENTER_LOG_LEVEL": "WARNING"}
    with get_engine().begin() as gate:  # whoever writes debts waits here, so that the kill comes before the end
        gate.execute(text("LOCK TABLE debt IN SHARE MODE"))
        first = subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        try:
            servers.wait_for(lambda: waits_for(gate, "debt"), "the import", 120)
        finally:
            first.kill()
            first.wait(60)
    servers.wait_for(lambda: not is_held(office_id), "the server's process to notice")
    assert state(office_id) == EMPTY
    assert status(office_id, import_id)[0] == "running"
    make_late(office_id, import_id)
    jobs.sweep_imports(office_id)
    assert status(office_id, import_id)[0] == "running", "it must have been handed to the queue, not run here"
    second = subprocess.run([*command, "--burst"], env=environment, capture_output=True, timeout=120)
    assert second.returncode == 0, second.stderr
    assert status(office_id, import_id) == ("done", "done")
    assert len(state(office_id)[0]) == 30_000


def test_two_imports_at_once_wait_for_each_other(office_id: int, tmp_path: Path) -> None:
    """The second begins where the first ended, whatever the first was doing when it came."""
    in_turn = expected(office_id, FIRST, SECOND)
    first, second = register(office_id, FIRST), register(office_id, SECOND)
    flag = tmp_path / "flag"
    flag.touch()
    one = importing(office_id, first, "read", 3, "wait", flag)
    servers.wait_for(lambda: (tmp_path / "flag.hit").exists(), "the first import", 60)
    two = importing(office_id, second, "save", 1, "wait", tmp_path / "never")
    servers.wait_for(lambda: status(office_id, second)[0] == "running", "the second import", 60)
    time.sleep(1)
    assert two.poll() is None
    assert not (tmp_path / "never.hit").exists()
    assert state(office_id) == EMPTY
    flag.unlink()
    for process in (one, two):
        _, told = process.communicate(timeout=120)
        assert process.returncode == 0, told
    assert state(office_id) == in_turn


def test_the_same_file_is_run_by_two_processes_once(office_id: int, tmp_path: Path) -> None:
    import_id = register(office_id, FIRST)
    flag = tmp_path / "flag"
    flag.touch()
    one = importing(office_id, import_id, "read", 3, "wait", flag)
    servers.wait_for(lambda: (tmp_path / "flag.hit").exists(), "the first process", 60)
    two = importing(office_id, import_id, "none", 1, "wait", flag)
    time.sleep(2)
    flag.unlink()
    for process in (one, two):
        _, told = process.communicate(timeout=120)
        assert process.returncode == 0, told
    with transaction(office_id) as session:
        row = session.get_one(ImportFile, (office_id, import_id))
        assert (row.status, row.created, row.unchanged, row.rejected) == ("done", 12, 0, 1)


def test_files_nobody_names_do_not_stay(office_id: int) -> None:
    """What a process leaves that ends between storing a file and committing its row."""
    folder = folder_of(office_id)
    for path in folder.iterdir():
        path.unlink()
    result = load(office_id, "debts", FIRST, utc_now())
    kept = set(folder.iterdir())
    assert len(kept) == 2
    with transaction(office_id) as session:
        register_upload(session, "debts", "list.csv", SECOND, now=utc_now(), is_queued=False)
        session.rollback()
    (folder / "0123.rejected.csv").write_text("")
    (folder / "0123.sample").write_text("")
    with transaction(office_id) as session:
        assert remove_strays(session, utc_now() - timedelta(hours=1)) == 0
        assert remove_strays(session, utc_now() + timedelta(minutes=1)) == 2
    assert set(folder.iterdir()) == kept | {folder / "0123.sample"}
    assert result.rejected_file is not None
    assert Path(result.rejected_file).exists()
