"""What the pages of robocall scripts show."""

from __future__ import annotations

from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from callcenter.auth.models import User
from callcenter.core.clock import utc_now
from callcenter.core.settings import get_settings
from callcenter.web.formats import percent
from callcenter.web.i18n import Translate
from dialer.ivr import detection, recordings, versions
from dialer.ivr.checking import Problem
from dialer.ivr.documents import MOST_NODES
from dialer.ivr.models import RobocallScript
from dialer.ivr.script import DEFAULT, Effect, Node, Script, Wording
from dialer.ivr.service import read
from dialer.ivr.tree import HEIGHT, WIDTH, draw
from dialer.telephony.robocall import NodeKind, OnMachine

SHOWN_WORDS = 16


def list_model(session: Session) -> dict[str, Any]:
    """All versions, the built-in script first where the office has none of its code, and the recordings."""
    names = _names(session)
    rows = [_line(row, names) for row in versions.all_versions(session)]
    is_own = any(row["code"] == DEFAULT.code and row["is_active"] for row in rows)
    known = [
        {"name": row.name, "seconds": round(row.milliseconds / 1000, 1), "at": row.created_at, "user": names.get(row.created_by, "")}
        for row in recordings.newest(session)
    ]
    return {"scripts": rows, "built_in": None if is_own else {"title": DEFAULT.title, "nodes": len(DEFAULT.nodes)}, "recordings": known}


def script_model(session: Session, script: Script, row: RobocallScript | None, t: Translate, user_id: int) -> dict[str, Any]:
    """One version: its picture, its findings, and the form where it may be changed."""
    found = versions.problems_of(session, script)
    names = _names(session)
    known = [each.name for each in recordings.newest(session)]
    needs_other = script.wording is Wording.TAX and (row is None or row.created_by in (None, user_id))
    return {
        "script": {
            "code": script.code,
            "version": script.version,
            "title": script.title,
            "wording": script.wording.value,
            "on_machine": script.on_machine.value,
            "message": script.message,
            "message_recording": script.message_recording,
            "href": f"/scripts/{script.code}/{script.version}" if row else "/scripts/built-in",
            "is_built_in": row is None,
            "is_active": row is None or row.is_active,
            "is_used": row is None or row.activated_at is not None,
            "needs_other": needs_other,
            "author": names.get(row.created_by, "") if row else "",
            "activated_by": names.get(row.activated_by, "") if row else "",
        },
        "problems": [{"node": each.node, "text": problem_text(each, t)} for each in found],
        "detector": detector_model(session, t),
        "picture": picture_model(script, t, {each.node for each in found}),
        "nodes": [_node(node, number, script, known, t) for number, node in enumerate(script.nodes)] + _blank(script, known, t),
        "choices": {
            "wording": _options(Wording, script.wording, "script_wording", t),
            "on_machine": _options(OnMachine, script.on_machine, "script_machine", t),
            "message_recording": _named(known, script.message_recording, t("scripts.by_voice")),
        },
    }


def detector_model(session: Session, t: Translate) -> dict[str, Any]:
    """How often answering machines are judged wrongly, in sentences; `is_suspicious`: the detector surely finds more than operators do."""
    own = detection.own_measurement(get_settings().data_dir)
    measured = [_measured(detection.SHIPPED, "shipped", t), _measured(own, "own", t) if own else t("script_detector.not_own")]
    seen = detection.observe(session, utc_now())
    found, heard = seen.by_detector.bounds, seen.by_operators.bounds
    if found is None:
        return {"lines": [*measured, t("script_detector.not_observed")], "is_suspicious": False}
    observed = t("script_detector.observed", **_share(seen.by_detector))
    if heard is not None:
        observed += t("script_detector.operators", **_share(seen.by_operators))
    return {"lines": [*measured, observed], "is_suspicious": heard is not None and found.low > heard.high}


def _measured(measured: detection.Measured, how: str, t: Translate) -> str:
    day = measured.on.isoformat() if measured.on else ""
    parts = [t(f"script_detector.{how}", day=day)]
    parts += [t("script_detector.wrong", **_share(measured.wrong))] if measured.people else []
    parts += [t("script_detector.missed", **_share(measured.missed))] if measured.machines else []
    return "".join(parts)


def _share(share: detection.Share) -> dict[str, str]:
    bounds = share.bounds
    assert bounds is not None
    rate = percent(share.over / share.under)
    return {"n": f"{share.over:,}", "all": f"{share.under:,}", "rate": rate, "low": percent(bounds.low), "high": percent(bounds.high)}


def problem_text(problem: Problem, t: Translate) -> str:
    """A finding in the reader's language, with its place."""
    text = t(f"script_problem.{problem.code}", value=problem.value)
    return f"{problem.node}: {text}" if problem.node else text


def picture_model(script: Script, t: Translate, wrong: set[str]) -> dict[str, Any]:
    """The tree, for an SVG and in words."""
    picture = draw(script)
    return {
        "width": picture.width,
        "height": picture.height,
        "box_width": WIDTH,
        "box_height": HEIGHT,
        "boxes": [
            {
                "code": box.node.code,
                "x": box.x,
                "y": box.y,
                "kind": box.node.kind.value,
                "words": _short(box.node.say) or "–",
                "effect": t(f"script_effect.{box.node.effect.value}") if box.node.effect else "",
                "is_wrong": box.node.code in wrong or not box.is_reached,
            }
            for box in picture.boxes
        ],
        "ways": [
            {"path": way.path, "label": way.label, "x": way.label_x, "y": way.label_y, "is_back": way.is_back} for way in picture.ways
        ],
        "described": " ".join(_said(node, t) for node in script.nodes),
    }


def _said(node: Node, t: Translate) -> str:
    no_key, kind = t("scripts.no_key"), t(f"script_kind.{node.kind.value}")
    ways = "、".join(f"{way or no_key}→{target}" for way, target in node.ways().items())
    return f"{node.code}({kind}): {ways or '–'}。"


def _short(text: str) -> str:
    return text if len(text) <= SHOWN_WORDS else text[: SHOWN_WORDS - 1] + "…"


def _node(node: Node, number: int, script: Script, known: list[str], t: Translate) -> dict[str, Any]:
    return {
        "number": number,
        "code": node.code,
        "is_blank": not node.code,
        "is_menu": node.kind is NodeKind.MENU,
        "say": node.say,
        "key_lines": "\n".join(f"{key} = {target}" for key, target in node.keys.items()),
        "repeats": int(node.repeats),
        "wait_seconds": f"{node.wait_seconds:g}",
        "then": node.then,
        "on_wrong": node.on_wrong,
        "kinds": _options(NodeKind, node.kind, "script_kind", t),
        "recordings": _named(known, node.recording, t("scripts.by_voice")),
        "effects": [
            {"value": "", "label": t("scripts.no_effect"), "is_chosen": node.effect is None},
            *_options(Effect, node.effect, "script_effect", t),
        ],
        "has_sound": bool(node.code and (node.say or node.recording)),
    }


def _blank(script: Script, known: list[str], t: Translate) -> list[dict[str, Any]]:
    if len(script.nodes) >= MOST_NODES:
        return []
    return [_node(Node("", NodeKind.SAY), len(script.nodes), script, known, t)]


def _options(kind: Any, chosen: Any, section: str, t: Translate) -> list[dict[str, Any]]:
    return [{"value": each.value, "label": t(f"{section}.{each.value}"), "is_chosen": each is chosen} for each in kind]


def _named(names: list[str], chosen: str, none: str) -> list[dict[str, Any]]:
    every = sorted({*names, chosen} - {""})
    return [{"value": "", "label": none, "is_chosen": not chosen}] + [{"value": n, "label": n, "is_chosen": n == chosen} for n in every]


def _names(session: Session) -> dict[int | None, str]:
    return {row.id: row.display_name for row in session.execute(select(User.id, User.display_name))}


def _line(row: RobocallScript, names: dict[int | None, str]) -> dict[str, Any]:
    script = read(row)
    return {
        "href": f"/scripts/{row.code}/{row.version}",
        "code": row.code,
        "version": row.version,
        "title": script.title,
        "wording": script.wording.value,
        "nodes": len(script.nodes),
        "is_active": row.is_active,
        "is_used": row.activated_at is not None,
        "at": row.created_at,
        "user": names.get(row.created_by, ""),
    }
