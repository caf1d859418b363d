"""What may be dialled: Japanese mobile, fixed and (if wanted) IP numbers in E.164, and nothing else."""

from __future__ import annotations

import polars as pl
import pytest

from callcenter.core.settings import get_settings
from callcenter.web.debtor_words import line_word
from campaigns.compliance.lines import voice_lines
from campaigns.imports.columns import split_phones
from dialer.telephony.errors import CarrierRefused
from dialer.telephony.numbers import NumberFormat, dial_string, is_dialable, require_dialable
from tests.telephony.numbers import bad_numbers
from tests.telephony.sipp import Behaviour, number_of


@pytest.mark.parametrize("number", ["+819012345678", "+818012345678", "+817012345678", "+816012345678", "+81312345678", "+81112345678"])
def test_ordinary_numbers_may_be_dialled(number: str) -> None:
    assert is_dialable(number)


def test_every_number_of_the_rig_may_be_dialled() -> None:
    assert all(is_dialable(number_of(behaviour, n)) for behaviour in Behaviour for n in (0, 1, 999_999))


def test_ip_phones_are_a_setting() -> None:
    assert is_dialable("+815012345678")
    assert not is_dialable("+815012345678", allow_ip=False)


def test_offices_may_close_prefixes() -> None:
    assert not is_dialable("+81312345678", blocked_prefixes=("+813",))


def test_a_thousand_bad_numbers_are_refused() -> None:
    assert [number for number in bad_numbers(1000) if is_dialable(number)] == []


@pytest.mark.parametrize("dials_ip", [True, False])
def test_what_a_list_calls_callable_is_what_a_carrier_dials(monkeypatch: pytest.MonkeyPatch, dials_ip: bool) -> None:
    """A number that is claimed and then refused would be tried in vain again and again, and its debtor never be visited."""
    monkeypatch.setattr(get_settings(), "dial_ip_phones", dials_ip)
    good = [number_of(behaviour, n) for behaviour in Behaviour for n in range(3)] + ["03-1234-5678", "050-1234-5678", "011-200-0000"]
    cells = split_phones(pl.Series(good + bad_numbers(1000)))
    read = cells.filter(pl.col("e164").is_not_null())
    callable_numbers = set(read.filter(pl.col("line_type").is_in(voice_lines()))["e164"])
    assert {number for number in read["e164"] if is_dialable(number, allow_ip=dials_ip)} == callable_numbers
    assert len(read) - len(callable_numbers) > 100


def test_refusal_does_not_repeat_the_number() -> None:
    with pytest.raises(CarrierRefused) as refused:
        require_dialable("+81570012345")
    assert "570012345" not in str(refused.value)


def test_dialled_form() -> None:
    assert dial_string("+81312345678", NumberFormat.NATIONAL) == "0312345678"
    assert dial_string("+81312345678", NumberFormat.E164) == "+81312345678"


@pytest.mark.parametrize(("dials_ip", "told"), [(True, "IP"), (False, "IP（掛けない種類）")])
def test_a_debtor_s_page_says_which_kind_of_number_is_not_called(monkeypatch: pytest.MonkeyPatch, dials_ip: bool, told: str) -> None:
    monkeypatch.setattr(get_settings(), "dial_ip_phones", dials_ip)
    assert line_word("ip", "ja") == told
    assert line_word("mobile", "ja") == "携帯"
    assert line_word("toll_free", "en").endswith("(a kind that is not called)")
