"""A script as a picture: where each node stands, and the ways between them. Pure; a page draws it."""

from __future__ import annotations

from dataclasses import dataclass

from dialer.ivr.script import Node, Script

WIDTH, HEIGHT, GAP_X, GAP_Y, MARGIN = 168, 56, 96, 22, 12


@dataclass(frozen=True, slots=True)
class Box:
    """A node at its place; x and y of its upper left corner."""

    node: Node
    x: int
    y: int
    is_reached: bool


@dataclass(frozen=True, slots=True)
class Way:
    """From one box to another; `label` are the keys that lead there ("" without any, "?" another key); `is_back` leads to the left."""

    source: str
    target: str
    label: str
    path: str
    label_x: int
    label_y: int
    is_back: bool


@dataclass(frozen=True, slots=True)
class Picture:
    """Boxes and ways within a size."""

    width: int
    height: int
    boxes: tuple[Box, ...]
    ways: tuple[Way, ...]


def draw(script: Script) -> Picture:
    """Columns by the fewest steps from the beginning; what is never reached stands in a last column."""
    depth = _depths(script)
    last = max(depth.values(), default=0) + 1
    rows: dict[int, int] = {}
    boxes: dict[str, Box] = {}
    for node in script.nodes:
        if node.code in boxes:
            continue
        column = depth.get(node.code, last)
        row = rows.get(column, 0)
        rows[column] = row + 1
        x, y = MARGIN + column * (WIDTH + GAP_X), MARGIN + row * (HEIGHT + GAP_Y)
        boxes[node.code] = Box(node, x, y, node.code in depth)
    ways = tuple(way for node in script.nodes for way in _ways(node, boxes))
    width = max((box.x for box in boxes.values()), default=0) + WIDTH + MARGIN
    height = max((box.y for box in boxes.values()), default=0) + HEIGHT + MARGIN + 20
    return Picture(width, height, tuple(boxes.values()), ways)


def _depths(script: Script) -> dict[str, int]:
    depth: dict[str, int] = {}
    waiting = [(script.nodes[0].code, 0)]
    while waiting:
        code, steps = waiting.pop(0)
        node = script.node(code)
        if node is None or code in depth:
            continue
        depth[code] = steps
        waiting += [(target, steps + 1) for target in node.ways().values()]
    return depth


def _ways(node: Node, boxes: dict[str, Box]) -> list[Way]:
    by_target: dict[str, list[str]] = {}
    for way, target in node.ways().items():
        by_target.setdefault(target, []).append(way)
    found = []
    source = boxes[node.code]
    for target, ways in by_target.items():
        box = boxes.get(target)
        if box is None:
            continue
        label = " ".join(way for way in ways if way)
        found.append(_way(source, box, label))
    return found


def _way(source: Box, target: Box, label: str) -> Way:
    names = (source.node.code, target.node.code)
    if target.x > source.x:
        x1, y1, x2, y2 = source.x + WIDTH, source.y + HEIGHT // 2, target.x, target.y + HEIGHT // 2
        bend = (x2 - x1) // 2
        path = f"M{x1} {y1}C{x1 + bend} {y1} {x2 - bend} {y2} {x2 - 7} {y2}"
        return Way(*names, label, path, x2 - 34, y2 - 6, is_back=False)
    x1, y1, x2, y2 = source.x + 30, source.y + HEIGHT, target.x + 14, target.y + HEIGHT
    low = max(y1, y2) + 14
    path = f"M{x1} {y1}V{low}H{x2}V{y2 + 7}"
    return Way(*names, label, path, (x1 + x2) // 2 + 10, low - 3, is_back=True)
