"""The order of a round: nearest neighbour and 2-opt where coordinates are known, by address otherwise; and its drawing. Pure."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise, takewhile

from campaigns.visits.places import Point

EARTH_METRES = 6_371_000
MOST_PASSES = 60
FOOT = 36


@dataclass(frozen=True, slots=True)
class Place:
    """Somewhere to go: its folded address and, where known, its point."""

    key: str
    point: Point | None


@dataclass(frozen=True, slots=True)
class Drawing:
    """Places on a sheet of `width` × `height`: x and y (None where not known), and a scale bar of `bar` units that is `metres` long."""

    width: int
    height: int
    spots: tuple[tuple[float, float] | None, ...]
    bar: float
    metres: int


def metres(a: Point, b: Point) -> float:
    """The distance on the ground, for places of one town."""
    mid = math.radians((a.latitude + b.latitude) / 2)
    east = math.radians(b.longitude - a.longitude) * math.cos(mid)
    return EARTH_METRES * math.hypot(east, math.radians(b.latitude - a.latitude))


def length(points: Sequence[Point]) -> float:
    """Metres from the first to the last through all of them."""
    return sum(metres(a, b) for a, b in pairwise(points))


def address_order(key: str) -> tuple[tuple[int, int | str], ...]:
    """Sorts 本町2-3 before 本町10-1."""
    return tuple((0, int(part)) if part.isdigit() else (1, part) for part in re.findall(r"\d+|\D+", key))


def visiting_order(places: Sequence[Place]) -> list[int]:
    """The places' numbers in the order in which to go.

    1. Those with a point: from the westernmost to the nearest next one, then 2-opt until no exchange shortens the way.
    2. The others: by address, each after the place that shares most of its address; where none does, at the end.
    """
    known = [number for number, place in enumerate(places) if place.point is not None]
    order = known if len(known) < 2 else _routed(places, known)
    others = sorted(set(range(len(places))) - set(order), key=lambda number: address_order(places[number].key))
    if len(known) < 2:
        return sorted(range(len(places)), key=lambda number: address_order(places[number].key))
    for number in others:
        order.insert(_beside(places, order, number), number)
    return order


def _routed(places: Sequence[Place], known: Sequence[int]) -> list[int]:
    at = {number: point for number in known if (point := places[number].point) is not None}
    start = min(known, key=lambda number: (at[number].longitude, number))
    order, left = [start], set(known) - {start}
    while left:
        here = at[order[-1]]
        nearest = min(left, key=lambda number: (metres(here, at[number]), number))
        order.append(nearest)
        left.remove(nearest)
    return _two_opt(order, at)


def _two_opt(order: list[int], at: dict[int, Point]) -> list[int]:
    """Turns parts of an open way around while that shortens it."""
    for _ in range(MOST_PASSES):
        is_better = False
        for first in range(len(order) - 1):
            for last in range(first + 1, len(order)):
                before = metres(at[order[first - 1]], at[order[first]]) if first else 0.0
                after = metres(at[order[last]], at[order[last + 1]]) if last + 1 < len(order) else 0.0
                turned = metres(at[order[first - 1]], at[order[last]]) if first else 0.0
                turned += metres(at[order[first]], at[order[last + 1]]) if last + 1 < len(order) else 0.0
                if turned < before + after - 1e-6:
                    order[first : last + 1] = reversed(order[first : last + 1])
                    is_better = True
        if not is_better:
            break
    return order


def _beside(places: Sequence[Place], order: Sequence[int], number: int) -> int:
    """Where to put a place without a point: after the last one that shares the most of its address, at least a town's name."""
    shared = [_shared(places[other].key, places[number].key) for other in order]
    town = len(re.split(r"\d", places[number].key)[0])
    best = max(shared, default=0)
    return len(order) - 1 - shared[::-1].index(best) + 1 if best >= max(town, 1) else len(order)


def _shared(one: str, other: str) -> int:
    """How many letters both begin with."""
    return sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], zip(one, other, strict=False)))


def draw(points: Sequence[Point | None], width: int = 640, height: int = 420, margin: int = 48) -> Drawing:
    """Puts points on a sheet, north up, with one scale for both directions; the foot is left to the scale bar."""
    known = [point for point in points if point is not None]
    if not known:
        return Drawing(width, height, (None,) * len(points), 0, 0)
    north, south = max(p.latitude for p in known), min(p.latitude for p in known)
    east, west = max(p.longitude for p in known), min(p.longitude for p in known)
    middle = Point((north + south) / 2, (east + west) / 2)
    wide = metres(Point(middle.latitude, west), Point(middle.latitude, east))
    high = metres(Point(south, middle.longitude), Point(north, middle.longitude))
    scale = min((width - 2 * margin) / max(wide, 50), (height - FOOT - 2 * margin) / max(high, 50))  # units a metre

    def spot(point: Point | None) -> tuple[float, float] | None:
        if point is None:
            return None
        to_east = metres(Point(middle.latitude, middle.longitude), Point(middle.latitude, point.longitude))
        to_north = metres(Point(middle.latitude, middle.longitude), Point(point.latitude, middle.longitude))
        x = width / 2 + math.copysign(to_east, point.longitude - middle.longitude) * scale
        y = (height - FOOT) / 2 - math.copysign(to_north, point.latitude - middle.latitude) * scale
        return round(x, 1), round(y, 1)

    long = next((step for step in (2_000, 1_000, 500, 200, 100, 50, 20) if step * scale <= width / 3), 10)
    return Drawing(width, height, tuple(spot(point) for point in points), round(long * scale, 1), long)
