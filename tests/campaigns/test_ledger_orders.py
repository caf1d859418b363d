"""Lists, payments and reversals in whatever order they are delivered: the debt comes to what a plain ledger says, counted once."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from uuid import uuid4

import pytest
from hypothesis import HealthCheck, Phase, given, note, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule, run_state_machine_as_test
from sqlalchemy import select

from callcenter.auth.models import Office
from callcenter.core.db import transaction
from campaigns.debtors.models import Debt, Debtor
from campaigns.payments.models import Allocation, Payment
from tests.campaigns.import_files import DEBT, PAYMENT, load, table

pytestmark = pytest.mark.slow

FIRST = date(2026, 10, 1)
ASSESSED = 10_000
QUICK = (Phase.explicit, Phase.reuse, Phase.generate)  # each step imports files: looking for the smallest failure takes too long
KEY = {"期別": "1"}
OTHER = {"期別": "2", "調定額": "7000", "収入済額": "0", "未納額": "7000"}  # never paid: the list always holds somebody


@dataclass(frozen=True)
class Posting:
    """A payment of the core system's world: paid, posted, perhaps taken back (as a whole or in part) later; days count from FIRST."""

    paid: int
    posted: int
    yen: int
    back_yen: int = 0
    back_posted: int = 99

    def net_before(self, day: int) -> int:
        """What of it the core system's books hold at the beginning of a day."""
        return (self.yen if self.posted < day else 0) - (self.back_yen if self.back_posted < day else 0)


@st.composite
def postings(draw: st.DrawFn) -> Posting:
    paid = draw(st.integers(0, 25))
    posted = paid + draw(st.integers(0, 5))
    yen = draw(st.sampled_from((1_000, 4_000, 6_000, 10_000, 13_000)))
    back = draw(st.sampled_from((0, 0, yen, 1_000)))
    return Posting(paid, posted, yen, back, posted + draw(st.integers(1, 8)) if back else 99)


def owed_before(world: list[Posting], day: int) -> int:
    return max(ASSESSED - sum(posting.net_before(day) for posting in world), 0)


def day(number: int) -> str:
    return (FIRST + timedelta(days=number)).isoformat()


def moment(number: int) -> datetime:
    return datetime(FIRST.year, FIRST.month, FIRST.day, 1, 0, tzinfo=UTC) + timedelta(days=number)


def list_file(world: list[Posting], as_of: int) -> bytes:
    """The full list of that day: the debt is on it while something is owed."""
    owed = owed_before(world, as_of)
    row = KEY | {"調定額": str(ASSESSED), "収入済額": str(ASSESSED - owed), "未納額": str(owed)}
    return table(DEBT, *([row] if owed else []), OTHER)


def payment_row(number: int, posting: Posting) -> dict[str, str]:
    return KEY | {
        "納付日": day(posting.paid),
        "反映日": day(posting.posted),
        "収納額": str(posting.yen),
        "収納履歴番号": f"P{number}",
    }


def reversal_row(number: int, posting: Posting) -> dict[str, str]:
    return payment_row(number, posting) | {"反映日": day(posting.back_posted), "収納額": str(posting.back_yen), "取消区分": "1"}


def new_office() -> int:
    with transaction(None) as session:
        office = Office(code=uuid4().hex[:20], name="架空市")
        session.add(office)
        session.flush()
        return office.id


def deliver(office_id: int, world: list[Posting], what: str) -> None:
    kind, number = what[0], int(what[1:])
    if kind == "L":
        load(office_id, "debts", list_file(world, number), moment(40), as_of=FIRST + timedelta(days=number))
    else:
        row = payment_row(number, world[number]) if kind == "P" else reversal_row(number, world[number])
        load(office_id, "payments", table(PAYMENT, row), moment(40))


@settings(max_examples=25, deadline=None, phases=QUICK, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data(), world=st.lists(postings(), max_size=3), days=st.lists(st.integers(0, 35), min_size=1, max_size=3, unique=True))
def test_every_order_of_delivery_comes_to_the_truth(
    clean_database: None, data: st.DataObject, world: list[Posting], days: list[int]
) -> None:
    """The core system lives through its days and writes lists and postings; they reach us in any order, but lists in theirs."""
    lists = [f"L{number}" for number in sorted(days)]
    rows = [f"P{n}" for n in range(len(world))] + [f"R{n}" for n, posting in enumerate(world) if posting.back_yen]
    mixed = data.draw(st.permutations([*("L" for _ in lists), *rows]))
    waiting = iter(lists)
    order = [next(waiting) if what == "L" else what for what in mixed]
    note(f"{world} {order}")
    office_id = new_office()
    for what in order:
        deliver(office_id, world, what)
        if data.draw(st.booleans(), label="again"):
            deliver(office_id, world, what)
    net = sum(posting.yen - posting.back_yen for posting in world)
    was_listed = any(owed_before(world, number) for number in days)
    with transaction(office_id) as session:
        debt = session.scalar(select(Debt).where(Debt.term == 1))
        assert (debt is not None) == was_listed
        if debt is None:
            return
        assert debt.outstanding == max(ASSESSED - net, 0)
        assert debt.refund_candidate == max(net - ASSESSED, 0)
        assert debt.status == ("open" if debt.outstanding else "settled")
        assert debt.received == ASSESSED - debt.outstanding
        check_books(list(session.scalars(select(Payment))), list(session.scalars(select(Allocation))), debt)
        assert session.scalars(select(Debtor.is_listed)).one()


def check_books(payments: list[Payment], allocations: list[Allocation], debt: Debt) -> None:
    """Every yen of a payment stands against the debt, is a refund, was taken back, or was in the list already."""
    standing = {row.payment_id: row.principal for row in allocations}
    for payment in payments:
        if payment.status == "unmatched":
            assert payment.is_reversal  # its payment has not come yet
            continue
        assert payment.debt_id == debt.id
        if not payment.is_reversal and not payment.is_listed:
            assert standing.get(payment.id, 0) + payment.refund + payment.reversed == payment.principal
        elif not payment.is_reversal:
            assert payment.id not in standing
            assert payment.refund == 0
    if debt.listed_outstanding is not None:
        assert debt.outstanding == debt.listed_outstanding - sum(standing.values())
    else:
        assert not standing


@dataclass
class Ledger:
    """A plain ledger of the one debt: what the last list told and the postings known since, worked out row by row."""

    told: int | None = None
    told_on: int = 0
    closed_on: int | None = None
    payments: dict[int, Posting] = field(default_factory=dict)
    reversals: dict[int, Posting] = field(default_factory=dict)

    def take_list(self, owed: int, as_of: int) -> None:
        if owed:
            self.told, self.told_on, self.closed_on = owed, as_of, None
        elif self.told is not None and self.state()[2] == "open":
            self.closed_on = as_of

    def state(self) -> tuple[int, int, str]:
        """(outstanding, refund candidate, status)."""
        assert self.told is not None
        owed, is_revived = self.told, False
        money = []
        for number, posting in self.payments.items():
            back = self.reversals.get(number)
            is_new = posting.posted >= self.told_on
            if is_new:
                money.append(posting.yen - (min(back.back_yen, posting.yen) if back else 0))
            elif back and back.back_posted >= self.told_on:
                owed = min(owed + back.back_yen, max(ASSESSED, owed))
            if back and self.closed_on is not None and back.back_posted >= self.closed_on:
                is_revived = True
        rest, over = owed, 0
        for yen in money:
            rest, over = max(rest - yen, 0), over + max(yen - rest, 0)
        if rest == 0:
            return rest, over, "settled"
        return rest, over, "open" if self.closed_on is None or is_revived else "not_listed"


class Deliveries(RuleBasedStateMachine):
    """Lists that tell whatever they like, payments and reversals, once or twice, in any order."""

    @initialize(world=st.lists(postings(), min_size=1, max_size=3))
    def begin(self, world: list[Posting]) -> None:
        self.world, self.ledger, self.as_of = world, Ledger(), 0
        self.office_id = new_office()
        self.last_list: tuple[bytes, int] | None = None

    @rule(owed=st.sampled_from((0, 4_000, 10_000)), days=st.integers(1, 12))
    def a_list(self, owed: int, days: int) -> None:
        self.as_of += days
        row = KEY | {"調定額": str(ASSESSED), "収入済額": str(ASSESSED - owed), "未納額": str(owed)}
        note = {"備考": f"{self.as_of}"}  # another file, whatever it tells
        self.last_list = table(DEBT, *([row] if owed else []), OTHER | note), self.as_of
        load(self.office_id, "debts", self.last_list[0], moment(60), as_of=FIRST + timedelta(days=self.as_of))
        self.ledger.take_list(owed, self.as_of)

    @precondition(lambda self: self.last_list is not None)
    @rule(is_dated=st.booleans())
    def the_list_again(self, is_dated: bool) -> None:
        assert self.last_list is not None
        data, as_of = self.last_list
        load(self.office_id, "debts", data, moment(60), **({"as_of": FIRST + timedelta(days=as_of)} if is_dated else {}))

    @rule(pick=st.integers(0, 2))
    def a_payment(self, pick: int) -> None:
        number = pick % len(self.world)
        load(self.office_id, "payments", table(PAYMENT, payment_row(number, self.world[number])), moment(60))
        self.ledger.payments[number] = self.world[number]

    @rule(pick=st.integers(0, 2))
    def a_reversal(self, pick: int) -> None:
        number = pick % len(self.world)
        if self.world[number].back_yen:
            load(self.office_id, "payments", table(PAYMENT, reversal_row(number, self.world[number])), moment(60))
            self.ledger.reversals[number] = self.world[number]

    @rule(owed=st.sampled_from((4_000, 10_000)))
    def a_rehearsal(self, owed: int) -> None:
        row = KEY | {"調定額": str(ASSESSED), "収入済額": str(ASSESSED - owed), "未納額": str(owed), "備考": "rehearsal"}
        load(self.office_id, "debts", table(DEBT, row, OTHER), moment(60), as_of=FIRST + timedelta(days=self.as_of), is_dry_run=True)

    @invariant()
    def the_debt_is_what_the_ledger_says(self) -> None:
        if self.ledger.told is None:
            return
        with transaction(self.office_id) as session:
            debt = session.scalars(select(Debt).where(Debt.term == 1)).one()
            assert (debt.outstanding, debt.refund_candidate, debt.status) == self.ledger.state()
            check_books(list(session.scalars(select(Payment))), list(session.scalars(select(Allocation))), debt)


def test_whatever_comes_next_the_books_are_right(clean_database: None) -> None:
    run_state_machine_as_test(Deliveries, settings=settings(max_examples=25, stateful_step_count=8, deadline=None, phases=QUICK))
