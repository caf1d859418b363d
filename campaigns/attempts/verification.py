"""Right-party verification during a call: the caller names themselves, then one registered fact is matched blindly, three tries at most.

What was said is kept only as a draft of the operator, until the result is recorded; what was asked and when stays with the attempt.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import delete, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from callcenter.core.errors import Conflict, InvalidInput, NotFound
from callcenter.core.live import publish
from campaigns.attempts.models import Attempt, Draft
from campaigns.debtors.identity import MAX_FAILURES, Method, Registered, matches, methods_for
from campaigns.debtors.models import Debtor

NEEDED = 2  # the name, and one registered fact
SAID = "said."
DRAFT_FIELDS = frozenset({"memo", "branch", "form"})


@dataclass(frozen=True, slots=True)
class Checks:
    """How far the verification is.

    Attributes:
        methods: what can be asked for, best first.
        matched: what agreed; said: what the operator typed for it.
        failures: wrong tries so far; none are left at `MAX_FAILURES`.
        is_inbound: whoever called in was not called by a name, so the name they give is matched like the rest.
    """

    methods: tuple[Method, ...]
    matched: frozenset[Method]
    said: dict[Method, str]
    failures: int
    verified_at: datetime | None
    is_inbound: bool = False

    @property
    def items(self) -> int:
        """How many items agree; whom we called answered to the name, which is the first one."""
        return len(self.matched) + (not self.is_inbound)

    @property
    def tries_left(self) -> int:
        """How many more tries there are."""
        return max(0, MAX_FAILURES - self.failures)

    @property
    def is_enough(self) -> bool:
        """Whether the caller may hear the matter: the name, and one registered fact."""
        return self.items >= NEEDED and (Method.NAME in self.matched or not self.is_inbound)


def read_checks(session: Session, attempt: Attempt, user_id: int) -> Checks:
    """How far the verification of this attempt is."""
    return checks_of(attempt, _person(session, attempt), drafts_of(session, attempt.id, user_id).values())


def checks_of(attempt: Attempt, debtor: Debtor, drafts: Iterable[Draft]) -> Checks:
    """The same from what was read already."""
    said = {Method(draft.field.removeprefix(SAID)): draft.value for draft in drafts if draft.field.startswith(SAID)}
    matched = frozenset(Method(word) for word in attempt.verified_with.split(",") if word in set(Method))
    return Checks(_methods(attempt, debtor), matched, said, attempt.verify_failures, attempt.verified_at, attempt.is_inbound)


def _methods(attempt: Attempt, debtor: Debtor) -> tuple[Method, ...]:
    name = (Method.NAME,) if attempt.is_inbound else ()
    return (*name, *methods_for(_registered(debtor)))


def check(session: Session, attempt_id: int, user_id: int, method: str, said: str, now: datetime) -> tuple[bool, Checks]:
    """Compares what the caller said with what is registered, and counts a wrong one.

    Raises:
        InvalidInput: unreadable, which is no try; or nothing of that kind is registered.
        Conflict: no tries are left, or the call is over.
    """
    attempt = require_own(session, attempt_id, user_id)
    debtor = _person(session, attempt)
    registered = _registered(debtor)
    if method not in _methods(attempt, debtor):
        raise InvalidInput("この項目では照合できません。", hint="ほかの項目で確かめてください。", code="method_unknown")
    if attempt.verify_failures >= MAX_FAILURES:
        raise Conflict("照合は3回までです。", hint="書面での連絡に改めると伝え、通話を終えてください。", code="no_tries_left")
    is_match = matches(registered, Method(method), said)
    if is_match:
        words = [word for word in attempt.verified_with.split(",") if word and word != method]
        attempt.verified_with = ",".join([*words, method])
        save_draft(session, attempt.id, user_id, SAID + method, said[:200], now)
    else:
        attempt.verify_failures += 1
    session.flush()
    return is_match, checks_of(attempt, debtor, drafts_of(session, attempt.id, user_id).values())


def open_matter(session: Session, attempt_id: int, user_id: int, now: datetime) -> Attempt:
    """The caller is the right party: from now on the case may be shown. Again is a no-op.

    Raises:
        Conflict: not enough items agree yet, or the call is over.
    """
    attempt = require_own(session, attempt_id, user_id)
    if attempt.verified_at is not None:
        return attempt
    if not read_checks(session, attempt, user_id).is_enough:
        raise Conflict("まだ本人と確かめられていません。", hint="項目を照合してください。", code="not_verified")
    attempt.verified_at = now
    facts = [word for word in attempt.verified_with.split(",") if word != Method.NAME]
    attempt.verified_with = ",".join((Method.NAME, *facts))[:60]
    session.flush()
    publish(session, "call", user_id)
    return attempt


def require_own(session: Session, attempt_id: int, user_id: int) -> Attempt:
    """The operator's own unfinished attempt, locked.

    Raises:
        NotFound: there is none of that number for this operator.  Conflict: its result has been recorded.
    """
    own = select(Attempt).where(Attempt.id == attempt_id, Attempt.operator_id == user_id).with_for_update()
    attempt = session.scalar(own, execution_options={"populate_existing": True})
    if attempt is None:
        raise NotFound("その案件はありません。", code="no_attempt")
    if attempt.state == "closed":
        raise Conflict("この案件の結果は記録されています。", hint="今の画面に更新してください。", code="already_recorded")
    return attempt


def save_draft(session: Session, attempt_id: int, user_id: int, field: str, value: str, now: datetime) -> None:
    """Keeps what is being typed; the newest value of a field takes the place of the older."""
    row = insert(Draft).values(user_id=user_id, attempt_id=attempt_id, field=field, value=value, saved_at=now)
    session.execute(
        row.on_conflict_do_update(index_elements=["office_id", "user_id", "attempt_id", "field"], set_={"value": value, "saved_at": now})
    )


def drafts_of(session: Session, attempt_id: int, user_id: int) -> dict[str, Draft]:
    """What this operator has typed for this attempt, by field."""
    rows = session.scalars(select(Draft).where(Draft.attempt_id == attempt_id, Draft.user_id == user_id))
    return {row.field: row for row in rows}


def drop_drafts(session: Session, attempt_id: int) -> None:
    """The result is recorded: drafts are gone."""
    session.execute(delete(Draft).where(Draft.attempt_id == attempt_id))


def _person(session: Session, attempt: Attempt) -> Debtor:
    return session.get_one(Debtor, (attempt.office_id, attempt.debtor_id))


def _registered(debtor: Debtor) -> Registered:
    return Registered(debtor.name, debtor.name_kana, debtor.birth_date, debtor.address)
