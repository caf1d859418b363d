"""Searching debtors as a supervisor does, by everything somebody may know of them, against the limit of 100 ms at the server.

    python -m benchmarks.search_debtors [--full] [--json]

A town of its own is put straight into the tables (its names follow a steep distribution: the commonest surname is one in fifty), the lists
for searching are written by the job that writes them after an import, and then the page is asked through the whole application: form
posted, results fetched, signed in, on record. Each answer is compared with a plain look at all names, numbers and notices in memory. The
part of a name is also looked for by LIKE alone, in turns, as the peer.
"""

from __future__ import annotations

import argparse
import json
import random
import re
import statistics
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

import polars as pl
from sqlalchemy import text

from benchmarks.scratch import database
from callcenter.core.db import transaction
from callcenter.core.logging import configure_logging
from callcenter.core.text import kana_key, search_key
from campaigns.debtors import search_lists
from campaigns.debtors.search import PAGE
from campaigns.imports.columns import kana_keys, search_keys
from campaigns.imports.staging import create, fill, rows_for_copy

QUICK, FULL, LIMIT_MS = 50_000, 1_000_000, 100.0
PASSWORD = "correct horse battery"
FIRST = (
    "山/ヤマ 川/カワ 中/ナカ 小/コ 大/オオ 高/タカ 松/マツ 竹/タケ 石/イシ 森/モリ 池/イケ 長/ナガ "
    "藤/フジ 井/イ 上/ウエ 村/ムラ 木/キ 田/タ 野/ノ 原/ハラ 西/ニシ 東/ヒガシ 北/キタ 南/ミナミ "
    "吉/ヨシ 佐/サ 黒/クロ 白/シロ 青/アオ 平/ヒラ "
)
LAST = (
    "田/ダ 村/ムラ 山/ヤマ 川/ガワ 野/ノ 原/ハラ 島/シマ 崎/ザキ 沢/サワ 橋/ハシ 木/キ 井/イ 上/ウエ "
    "本/モト 口/グチ 内/ウチ 谷/タニ 林/バヤシ 森/モリ 藤/トウ "
)
GIVEN_FIRST = (
    "太/タ 一/イチ 健/ケン 大/ダイ 翔/ショウ 美/ミ 恵/ケイ 由/ユ 真/マ 和/カズ 幸/サチ 明/アキ 直/ナオ "
    "久/ヒサ 千/チ 智/トモ 裕/ユウ 陽/ヨウ 結/ユ 愛/アイ "
)
GIVEN_LAST = "郎/ロウ 子/コ 美/ミ 介/スケ 太/タ 也/ヤ 樹/キ 衣/イ 香/カ 代/ヨ 江/エ 人/ト 平/ヘイ 奈/ナ 乃/ノ 花/カ "
FOUND = re.compile(r"data-result>([^<]+)<")


@dataclass(frozen=True)
class Town:
    """What was made, for a plain look: a row per debtor; a row per number or notice with the row of its debtor."""

    people: pl.DataFrame
    phones: pl.DataFrame
    notices: pl.DataFrame


def _drawn(draws: random.Random, first: str, last: str, count: int, steep: float) -> tuple[list[str], list[str]]:
    """`count` names out of all pairs of letters, the first ones commoner by `steep`; and their readings."""
    halves = [[word.split("/") for word in text.split()] for text in (first, last)]
    pairs = [(a + b, x + y) for a, x in halves[0] for b, y in halves[1]]
    draws.shuffle(pairs)
    chosen = draws.choices(pairs, [1 / (place + 8) ** steep for place in range(len(pairs))], k=count)
    return [name for name, _ in chosen], [reading for _, reading in chosen]


def make_town(count: int) -> Town:
    """People with a surname and a given name, 1.7 numbers and 2.5 notices each."""
    draws = random.Random(11)
    surnames, surname_readings = _drawn(draws, FIRST, LAST, count, 0.9)
    given, given_readings = _drawn(draws, GIVEN_FIRST, GIVEN_LAST, count, 0.6)
    rows = pl.DataFrame({"a": surnames, "b": given, "c": surname_readings, "d": given_readings}).with_row_index("row")
    people = rows.select(
        pl.col("row").cast(pl.Int64),
        debtor_no=(pl.col("row") * 7 + 13).cast(pl.String).str.zfill(10),
        name=pl.concat_str("a", pl.lit("　"), "b"),
        name_kana=pl.concat_str("c", pl.lit(" "), "d"),
        given="b",
        given_kana="d",
        household_no=(pl.col("row") // 2).cast(pl.String).str.zfill(8),
    )
    people = people.with_columns(name_key=search_keys(people["name"]), kana_key=kana_keys(people["name_kana"]))
    phones = pl.DataFrame({"row": pl.int_range(count * 17 // 10, eager=True) * 10 // 17})
    phones = phones.with_columns(e164=pl.Series([f"+8190{draws.randrange(10**8):08d}" for _ in range(phones.height)]))
    notices = pl.DataFrame({"row": pl.int_range(count * 5 // 2, eager=True) * 2 // 5})
    notices = notices.with_columns(notice_no=pl.Series([f"{draws.randrange(10**11):012d}" for _ in range(notices.height)]))
    return Town(people, phones.unique(["row", "e164"], maintain_order=True), notices)


def load(office_id: int, town: Town) -> None:
    """Straight into the tables; ids follow the rows."""
    staged = {
        "new_debtor": (town.people, ("row", "debtor_no", "name", "name_kana", "name_key", "kana_key", "household_no")),
        "new_phone": (town.phones, ("row", "e164")),
        "new_debt": (town.notices.with_row_index("n"), ("row", "n", "notice_no")),
    }
    with transaction(office_id) as session:
        for table, (frame, columns) in staged.items():
            create(session, table, {name: "bigint" if name in ("row", "n") else "text" for name in columns})
            fill(session, table, columns, rows_for_copy(frame, columns))
        for statement in (
            "RESET ROLE",
            "SET LOCAL session_replication_role = replica",  # the rows are known to belong together
            "SET LOCAL work_mem = '128MB'",
            """INSERT INTO debtor (office_id, debtor_no, name, name_kana, name_key, kana_key, household_no, address)
               SELECT :office, debtor_no, name, name_kana, name_key, kana_key, household_no, '架空市本町二丁目3番4号'
               FROM new_debtor ORDER BY row""",
            "CREATE TEMPORARY TABLE first ON COMMIT DROP AS SELECT min(id) AS id FROM debtor WHERE office_id = :office",
            """INSERT INTO phone_number (office_id, debtor_id, original, e164, line_type)
               SELECT :office, first.id + row, e164, e164, 'mobile' FROM new_phone, first""",
            """INSERT INTO debt (office_id, debtor_id, tax_code, tax_name, levy_year, base_year, term, notice_no, due_on, assessed,
                                 outstanding)
               SELECT :office, first.id + row, '010', '市県民税', 2026, 2026, 1 + n % 90, notice_no, '2026-06-30', 36000, 36000
               FROM new_debt, first""",
        ):
            session.execute(text(statement), {"office": office_id} if ":office" in statement else {})
    with transaction(office_id) as session:
        session.execute(text("RESET ROLE"))
        session.execute(text("ANALYZE debtor, phone_number, debt"))


def half(reading: str) -> str:
    """ﾔﾏﾀﾞ for ヤマダ."""
    import jaconv

    return str(jaconv.z2h(reading, kana=True))


@dataclass(frozen=True)
class Case:
    """Something typed, and who fits, as a plain look tells; `direct`: one alone, whose page opens at once."""

    kind: str
    typed: str
    expected: Callable[[Town], Iterable[str]]


def _people(condition: pl.Expr) -> Callable[[Town], Iterable[str]]:
    return lambda town: town.people.filter(condition)["debtor_no"]


def _owners(frame: str, condition: pl.Expr) -> Callable[[Town], Iterable[str]]:
    return lambda town: town.people.join(getattr(town, frame).filter(condition).select("row").unique(), on="row", how="semi")["debtor_no"]


def cases(town: Town, count: int) -> list[Case]:
    """`count` of each kind, of people drawn at random."""
    draws = random.Random(5)
    made = []
    for _ in range(count):
        one = town.people.row(draws.randrange(town.people.height), named=True)
        phone = town.phones.row(draws.randrange(town.phones.height), named=True)["e164"]
        notice = town.notices.row(draws.randrange(town.notices.height), named=True)["notice_no"]
        name, kana, given = search_key(one["name"]), kana_key(one["name_kana"]), search_key(one["given"])
        reading = kana_key(one["given_kana"])
        by_name = pl.col("name_key").str.starts_with(name[:2]) | pl.col("name_key").str.contains(name[:2], literal=True)
        by_kana = pl.col("kana_key").str.contains(kana, literal=True)
        made += [
            Case("number", one["debtor_no"].lstrip("0"), _people(pl.col("debtor_no") == one["debtor_no"])),
            Case("whole name", one["name"], _people(pl.col("name_key").str.contains(name, literal=True))),
            Case("surname", name[:2], _people(by_name)),
            Case("given name", given, _people(pl.col("name_key").str.contains(given, literal=True))),
            Case("reading", half(one["name_kana"]), _people(by_kana)),
            Case("part of a reading", reading, _people(pl.col("kana_key").str.contains(reading, literal=True))),
            Case("telephone", f"0{phone[3:5]}-{phone[5:9]}-{phone[9:]}", _owners("phones", pl.col("e164") == phone)),
            Case("last four digits", phone[-4:], _owners("phones", pl.col("e164").str.ends_with(phone[-4:]))),
            Case("notice", notice.lstrip("0"), _owners("notices", pl.col("notice_no") == notice)),
            Case("household", one["household_no"], _people(pl.col("household_no") == one["household_no"])),
            Case("nobody", name[1] + given[0] + "龘", lambda _: ()),
        ]
    draws.shuffle(made)
    return made


class Supervisor:
    """Somebody signed in, in the application itself."""

    def __init__(self, office_id: int) -> None:
        from fastapi.testclient import TestClient

        from callcenter.app import create_app
        from callcenter.auth import passwords
        from callcenter.auth.models import User
        from callcenter.web import debtor_search

        configure_logging("ERROR")  # a line for each request is not what is measured
        debtor_search.SEARCHES = debtor_search.parse("100000 per second")
        with transaction(office_id) as session:
            session.add(User(sign_in_name="s", display_name="s", role="supervisor", password_hash=passwords.hash_password(PASSWORD)))
        self.client = TestClient(create_app(), follow_redirects=False)
        self.client.__enter__()
        token = self._token("/login")
        signed = self.client.post("/login", data={"sign_in_name": "s", "password": PASSWORD, "office": "bench", "csrf_token": token})
        assert signed.status_code == 303
        self.token = self._token("/account")

    def _token(self, path: str) -> str:
        found = re.search(r'name="csrf_token" value="([^"]+)"', self.client.get(path).text)
        assert found is not None
        return found[1]

    def search(self, words: str) -> tuple[float, list[str], bool]:
        """Milliseconds from the form to the results; the numbers shown, and whether there are more. A single one is opened at once."""
        began = time.perf_counter()
        led = self.client.post("/debtors/search", data={"words": words, "csrf_token": self.token})
        assert led.status_code == 303, led.text
        is_direct = led.headers["location"] != "/debtors"
        page = self.client.get("/debtors") if not is_direct else None
        took = (time.perf_counter() - began) * 1000
        shown = page or self.client.get("/debtors")
        return took, FOUND.findall(shown.text), f"{PAGE}+人" in shown.text

    def bare(self) -> float:
        """Milliseconds for two requests that only find out who is there and show a page, as a search is two."""
        began = time.perf_counter()
        for _ in range(2):
            assert self.client.get("/account").status_code == 200
        return (time.perf_counter() - began) * 1000


def check(town: Town, case: Case, numbers: list[str], has_more: bool) -> None:
    """What was found is what a plain look finds; of more than a page, a page of them."""
    expected = set(case.expected(town))
    if case.kind in ("number", "notice", "household", "last four digits"):  # digits may be another kind of number of somebody else
        assert expected <= set(numbers) or (has_more and len(numbers) == PAGE), case
    elif len(expected) <= PAGE:
        assert set(numbers) == expected, (case, len(numbers), len(expected))
        assert not has_more
    else:
        assert has_more, case
        assert len(set(numbers) & expected) == PAGE, case


def by_like(office_id: int, typed: str) -> float:
    """Milliseconds for the same part by LIKE alone."""
    began = time.perf_counter()
    with transaction(office_id) as session:
        within = {"name": f"%{search_key(typed)}%", "kana": f"%{kana_key(typed)}%"}
        session.execute(text(f"SELECT id FROM debtor WHERE name_key LIKE :name OR kana_key LIKE :kana LIMIT {PAGE + 1}"), within).all()
    return (time.perf_counter() - began) * 1000


def percentile(values: list[float], share: float) -> float:
    """The value that `share` of them do not exceed."""
    return sorted(values)[min(len(values) - 1, int(len(values) * share))]


def measured(size: int, count: int) -> dict[str, Any]:
    """Figures for a town of `size` debtors, `count` searches of each kind."""
    from callcenter.auth.models import Office
    from callcenter.core.clock import utc_now

    town = make_town(size)
    with transaction(None) as session:
        office = Office(code="bench", name="bench")
        session.add(office)
        session.flush()
        office_id = office.id
    load(office_id, town)
    began = time.perf_counter()
    with transaction(office_id) as session:
        search_lists.refresh(session, utc_now())
    written = time.perf_counter() - began
    with transaction(office_id) as session:
        megabytes = session.scalar(text("SELECT pg_total_relation_size('search_list') / 1e6"))
    somebody = Supervisor(office_id)
    for case in cases(town, 2):  # warm
        somebody.search(case.typed)
    took: dict[str, list[float]] = {}
    peer: list[float] = []
    bare: list[float] = []
    for case in cases(town, count):
        milliseconds, numbers, has_more = somebody.search(case.typed)
        check(town, case, numbers, has_more)
        took.setdefault(case.kind, []).append(milliseconds)
        bare.append(somebody.bare())
        if case.kind == "nobody":
            peer.append(by_like(office_id, case.typed))
    somebody.client.__exit__(None, None, None)
    every = [value for values in took.values() for value in values]
    return {
        "debtors": size,
        "searches": len(every),
        "p50_ms": round(statistics.median(every), 1),
        "p95_ms": round(percentile(every, 0.95), 1),
        "p95_by_kind_ms": {kind: round(percentile(values, 0.95), 1) for kind, values in sorted(took.items())},
        "p50_to_two_bare_pages": round(statistics.median(every) / statistics.median(bare), 2),
        "bare_p95_ms": round(percentile(bare, 0.95), 1),
        "nobody_to_plain_like": round(statistics.median(took["nobody"]) / statistics.median(peer), 3),
        "lists_written_s": round(written, 1),
        "lists_mb": round(float(megabytes), 1),
    }


def run(quick: bool) -> dict[str, Any]:
    """p95 against the limit, and how it grows with ten times the debtors."""
    size, count = (QUICK, 12) if quick else (FULL, 40)
    found = []
    for debtors in (size // 10, size):
        with database():
            found.append(measured(debtors, count))
    small, large = found
    return {
        "benchmark": "search_debtors",
        "p95_to_limit": round(large["p95_ms"] / LIMIT_MS, 3),
        "limit_ms": LIMIT_MS,
        "growth_10x": round(large["p95_ms"] / small["p95_ms"], 2),
        "large": large,
        "small": small,
    }


def main() -> None:
    """Prints the figures."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--full", action="store_true", help=f"{FULL:,} debtors instead of {QUICK:,}")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    found = run(not options.full)
    if options.json:
        print(json.dumps(found))
        return
    for name, value in found.items():
        print(f"{name}: {value}")


if __name__ == "__main__":
    main()
