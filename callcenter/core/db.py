"""The database: engine, base classes, and `transaction()`, the only place that commits.

Every tenant table carries `office_id`, keys are composite, and forced row-level security lets a transaction see only
the office it named at its begin. The statements run as the role `callcenter_app`, which owns nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import Any

import structlog
from sqlalchemy import (
    BigInteger,
    DateTime,
    Engine,
    ForeignKeyConstraint,
    Identity,
    Integer,
    MetaData,
    create_engine,
    func,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.exc import DBAPIError, OperationalError
from sqlalchemy.orm import DeclarativeBase, Mapped, Session, mapped_column

from callcenter.core.errors import InvalidInput, StoreUnavailable
from callcenter.core.faults import passing
from callcenter.core.settings import get_settings

log = structlog.get_logger(__name__)

APP_ROLE = "callcenter_app"
OFFICE_DEFAULT = text("nullif(current_setting('app.office_id', true), '')::integer")

_engines: dict[str, Engine] = {}
AfterCommit = Callable[[], None]


class Base(DeclarativeBase):
    """Root of all tables."""

    metadata = MetaData(
        naming_convention={
            "ix": "ix_%(table_name)s_%(column_0_N_name)s",
            "uq": "uq_%(table_name)s_%(column_0_N_name)s",
            "ck": "ck_%(table_name)s_%(constraint_name)s",
            "fk": "fk_%(table_name)s_%(column_0_N_name)s",
            "pk": "pk_%(table_name)s",
        }
    )
    type_annotation_map = {  # noqa: RUF012 - SQLAlchemy reads it off the class
        datetime: DateTime(timezone=True),
        dict[str, Any]: JSONB,
        list[Any]: JSONB,
        int: BigInteger,
    }


class OfficeMixin:
    """A tenant table: key `(office_id, id)`; the office is filled in by the database from the transaction."""

    office_id: Mapped[int] = mapped_column(Integer, primary_key=True, server_default=OFFICE_DEFAULT, sort_order=-2)
    # `autoincrement` names the column by which rows added together are told apart: they are inserted in one statement, not one each.
    id: Mapped[int] = mapped_column(BigInteger, Identity(), primary_key=True, autoincrement=True, sort_order=-1)


def within_office(column: str, table: str, *, ondelete: str | None = None) -> ForeignKeyConstraint:
    """A foreign key that cannot point into another office: `(office_id, column) -> table (office_id, id)`."""
    return ForeignKeyConstraint(["office_id", column], [f"{table}.office_id", f"{table}.id"], ondelete=ondelete)


def sqlalchemy_url(url: str) -> str:
    """Turns any usual PostgreSQL address into one for psycopg 3.

    Raises:
        InvalidInput: the address is not one of PostgreSQL.
    """
    for prefix in ("postgresql+psycopg://", "postgresql://", "postgres://"):
        if url.startswith(prefix):
            return "postgresql+psycopg://" + url.removeprefix(prefix)
    raise InvalidInput(
        "DATABASE_URL is not a PostgreSQL address.",
        hint="Expected postgresql://user:password@host:port/name; unset it to use the embedded database.",
        code="bad_database_url",
    )


def get_engine(url: str | None = None) -> Engine:
    """The process's engine for `url`, by default that of the settings.

    Raises:
        StoreUnavailable: no address is known (the embedded database has not been started by this process).
        InvalidInput: the address is malformed.
    """
    if url is None:
        secret = get_settings().database_url
        if secret is None:
            raise StoreUnavailable("No database is open.", hint="Set DATABASE_URL or start through `callcenter`.")
        url = secret.get_secret_value()
    if url not in _engines:
        try:
            _engines[url] = create_engine(
                sqlalchemy_url(url),
                pool_size=10,
                max_overflow=20,
                pool_pre_ping=True,
                hide_parameters=True,  # names and numbers: an error's text gets into logs, a failed job's whole trace does
                connect_args={"connect_timeout": 5},
            )
        except (ValueError, TypeError) as problem:
            raise InvalidInput("DATABASE_URL can't be read.", hint="Expected postgresql://user@host:port/name.") from problem
    return _engines[url]


def dispose_engines() -> None:
    """Closes all pooled connections, for tests, forks and the end of a process."""
    for engine in _engines.values():
        engine.dispose()
    _engines.clear()


def office_of(session: Session) -> int:
    """The office this transaction belongs to."""
    office: int | None = session.info.get("office_id")
    if office is None:
        raise RuntimeError("this transaction names no office")
    return office


def numbers_array(numbers: Iterable[int | None]) -> str:
    """Thousands of ids as PostgreSQL writes an array: the driver would look at each of them, at the cost of a small query."""
    return "{" + ",".join(["NULL" if number is None else str(number) for number in numbers]) + "}"


def texts_array(texts: Iterable[str]) -> str:
    """The same for texts."""
    return "{" + ",".join(['"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"' for text in texts]) + "}"


def after_commit(session: Session, action: AfterCommit) -> None:
    """Runs `action` once the transaction has been committed; never when it was rolled back."""
    session.info.setdefault("after_commit", []).append(action)


def set_office(session: Session, office_id: int | None) -> None:
    """Names the role and the office of the running transaction, until it ends."""
    session.info["office_id"] = office_id
    session.execute(
        select_config,
        {"role": APP_ROLE, "office": "" if office_id is None else str(office_id)},
    )


select_config = text("SELECT set_config('role', :role, true), set_config('app.office_id', :office, true)")


@contextmanager
def transaction(office_id: int | None, *, engine: Engine | None = None) -> Iterator[Session]:
    """One unit of work: commits at the end, rolls back on any error, then runs what was to follow the commit.

    Args:
        office_id: whose rows are visible; None sees no tenant row at all.
        engine: another engine than the process's own.

    Raises:
        StoreUnavailable: the database does not answer.
    """
    session = Session(engine or get_engine(), expire_on_commit=False)
    try:
        try:
            set_office(session, office_id)
        except OperationalError as problem:
            raise StoreUnavailable("The database does not answer.", hint="Check DATABASE_URL and that PostgreSQL is running.") from problem
        yield session
        passing("commit.before")
        session.commit()
        passing("commit.after")
    except BaseException:
        session.rollback()
        raise
    finally:
        session.close()
    for action in session.info.get("after_commit", []):
        action()


def count_anew_after_commit(session: Session, table: str) -> None:
    """Has the statistics of `table` made anew once the transaction is committed: after a large change the old ones mislead every plan of
    a query until autovacuum comes by. As the role that signed in: where that one does not own the table, PostgreSQL leaves it and says so.
    """
    engine = session.get_bind().engine

    def analyze() -> None:
        try:
            with engine.begin() as connection:
                connection.execute(text("SET LOCAL lock_timeout = '2s'"))
                connection.execute(text(f"ANALYZE {table}"))
        except DBAPIError as problem:  # the change is committed, and autovacuum will come by
            log.warning("not_counted_anew", table=table, error=type(problem).__name__)

    after_commit(session, analyze)


def advisory_lock(session: Session, name: str) -> None:
    """Waits for and holds the office's lock `name` until the transaction ends."""
    session.execute(text("SELECT pg_advisory_xact_lock(:office, hashtext(:name))"), {"office": office_of(session), "name": name})


def try_advisory_lock(session: Session, name: str) -> bool:
    """Takes the office's lock `name` until the transaction ends, if nobody else has it."""
    statement = text("SELECT pg_try_advisory_xact_lock(:office, hashtext(:name))")
    return bool(session.scalar(statement, {"office": office_of(session), "name": name}))


def database_now(session: Session) -> datetime:
    """The database's own clock; only for health checks, never for decisions."""
    moment = session.scalar(func.clock_timestamp().select())
    assert isinstance(moment, datetime)
    return moment
