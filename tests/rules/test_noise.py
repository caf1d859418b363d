"""Tests of differences: against published examples and plain reasoning."""

from __future__ import annotations

from math import comb, isclose

from hypothesis import given
from hypothesis import strategies as st

from reports.noise import _fisher, _fisher_of_many, believed, two_rates


def test_fisher_s_tea_taster() -> None:
    """Three of four cups right on each side: the two-sided chance is 0.4857 (R. A. Fisher, The design of experiments, 1935)."""
    assert isclose(two_rates(3, 4, 1, 4) or 0, 0.4857, abs_tol=1e-4)


def test_many_cases_use_the_normal_distribution() -> None:
    assert isclose(two_rates(300, 1000, 250, 1000) or 0, 0.0122, abs_tol=5e-4)
    assert two_rates(0, 1000, 0, 1000) == 1.0


def test_a_tiny_side_beside_a_large_one_is_tested_exactly() -> None:
    """One of five beside 20 of 2,000: the normal approximation said 3 in 100,000, counting the tables says one in twenty."""
    assert isclose(two_rates(1, 5, 20, 2000) or 0, 1 - comb(1984, 5) / comb(2005, 5), abs_tol=1e-6)
    assert isclose(two_rates(2000 - 20, 2000, 4, 5) or 0, 1 - comb(1984, 5) / comb(2005, 5), abs_tol=1e-6)
    assert (two_rates(3, 5, 20, 2000) or 1) < 0.001


@given(st.integers(0, 300), st.integers(1, 300), st.integers(0, 300), st.integers(1, 300))
def test_logarithms_say_what_whole_numbers_say(hits: int, base: int, other: int, other_base: int) -> None:
    hits, other = min(hits, base), min(other, other_base)
    assert isclose(_fisher_of_many(hits, base, other, other_base), _fisher(hits, base, other, other_base), abs_tol=1e-6)


def test_no_denominator_is_no_test() -> None:
    assert two_rates(0, 0, 1, 2) is None
    assert two_rates(1, 2, 0, 0) is None


def test_benjamini_and_hochberg_s_example() -> None:
    """The fifteen tests of their paper: the four smallest stand at 5 %."""
    chances = [0.0001, 0.0004, 0.0019, 0.0095, 0.0201, 0.0278, 0.0298, 0.0344, 0.0459, 0.3240, 0.4262, 0.5719, 0.6528, 0.7590, 1.0]
    assert believed(chances) == [True] * 4 + [False] * 11


@given(st.integers(0, 60), st.integers(1, 60), st.integers(0, 60), st.integers(1, 60))
def test_a_chance_is_a_chance_and_knows_no_sides(hits: int, base: int, other: int, other_base: int) -> None:
    hits, other = min(hits, base), min(other, other_base)
    chance = two_rates(hits, base, other, other_base)
    assert chance is not None
    assert 0 <= chance <= 1 + 1e-9
    assert isclose(chance, two_rates(other, other_base, hits, base) or 0, abs_tol=1e-9)


@given(st.lists(st.floats(0, 1), max_size=30))
def test_what_stands_is_never_less_likely_than_what_falls(chances: list[float]) -> None:
    stands = believed(chances)
    kept = [chance for chance, stand in zip(chances, stands, strict=True) if stand]
    fallen = [chance for chance, stand in zip(chances, stands, strict=True) if not stand]
    assert not kept or not fallen or max(kept) <= min(fallen)
