"""The operator's screen as the server knows it: which stage, and the stages before anybody is verified."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy.orm import Session

from callcenter.core.phones import format_national
from callcenter.web import phrases, scripts
from callcenter.web.dependencies import SignedIn
from campaigns.attempts import talk, verification
from campaigns.attempts.models import Attempt
from campaigns.debtors import case as cases
from campaigns.debtors.identity import Method
from campaigns.debtors.models import Debtor
from dialer.agents.queries import AgentView, Screen
from dialer.agents.state import AgentState


@dataclass(frozen=True, slots=True)
class Scene:
    """What is on the operator's screen: `name` is the stage's template."""

    name: str
    screen: Screen

    @property
    def view(self) -> AgentView:
        """The operator's state."""
        return self.screen.view

    @property
    def attempt(self) -> Attempt | None:
        """The case's attempt."""
        return self.screen.attempt

    @property
    def debtor(self) -> Debtor | None:
        """The case's person."""
        return self.screen.debtor

    def said(self) -> dict[str, str]:
        """Each sentence as the office wants it said now, by key."""
        return talk.said(self.screen.talk, scripts.SENTENCES)

    @property
    def is_verified(self) -> bool:
        """Whether the matter may be shown."""
        return self.attempt is not None and self.attempt.verified_at is not None

    @property
    def key(self) -> str:
        """The same key means the same skeleton: talking and wrap-up of one verified case share theirs."""
        kinds = {
            "ringing": "ringing",
            "talking_unverified": "before",
            "talking": "case",
            "wrapup": "case" if self.is_verified else "wrapup",
        }
        if self.name == "incoming":
            return f"incoming:{self.view.incoming_id}"
        if self.name == "preview":
            return f"preview:{self.view.work_item_id}"
        return f"{kinds[self.name]}:{self.view.attempt_id}" if self.name in kinds else f"idle:{self.view.state.value}"


def scene_of(screen: Screen) -> Scene:
    """Which stage it is."""
    return Scene(_stage_name(screen.view, screen.attempt), screen)


def _stage_name(view: AgentView, attempt: Attempt | None) -> str:
    if view.state is AgentState.RESERVED and attempt is None and view.debtor_id is not None:
        return "preview"
    if view.incoming_id is not None:
        return "incoming"
    if attempt is None or attempt.state == "closed":
        return "saved" if view.state is AgentState.TALKING else "idle"
    if view.state is AgentState.TALKING:
        return "talking" if attempt.verified_at is not None else "talking_unverified"
    if view.state is AgentState.WRAP_UP:
        return "wrapup"
    return "ringing" if view.state in (AgentState.RESERVED, AgentState.RINGING) else "idle"


def stage_model(scene: Scene) -> dict[str, Any]:
    """The field `stage` of operator.html."""
    answered = scene.view.answered_at if scene.name in ("talking_unverified", "talking") else None
    return {"name": scene.name, "key": scene.key, "answered_at": answered}


def person_model(session: Session, scene: Scene, lang: str, now: datetime) -> dict[str, Any]:
    """The fields `person` and `earlier` of operator/_person.html: nothing of the matter."""
    debtor = scene.debtor
    assert debtor is not None
    week = cases.count_attempts(session, debtor.id, now - timedelta(days=7))
    earlier = cases.past_attempts(session, debtor.id, count=3, but=scene.view.attempt_id)
    return {
        "person": {
            "name": debtor.name,
            "kana": debtor.name_kana,
            "honorific": phrases.pick(lang, ("御中", "") if debtor.kind == "company" else ("様", "")),
            "tries": phrases.pick(lang, (f"この7日で{week}回目", f"{week} in seven days")) if week else "",
            "good_time": "",
            "manner": "",
            "manner_note": "",
        },
        "earlier": [
            {"at": past.at, "text": text} for past in earlier if (text := phrases.neutral_attempt(lang, past.line_result, past.party))
        ],
    }


def script_model(scene: Scene, who: SignedIn, lang: str) -> dict[str, Any]:
    """The fields `script`, `dodont` and `branches`."""
    debtor = scene.debtor
    assert debtor is not None
    words = {"office": who.office_name, "operator": who.display_name, "name": debtor.name, "phone": format_national(who.office_phone)}
    said = scene.said()
    opening = said["opening_company" if debtor.kind == "company" else "opening"]
    if scene.attempt is not None and scene.attempt.is_inbound:
        opening = said["opening_inbound"]
    return {
        "script": {"opening": opening.format_map(words)},
        "dodont": {"may": phrases.pick(lang, scripts.MAY), "must_not": phrases.pick(lang, scripts.MUST_NOT)},
        "branches": [
            {
                "n": str(number),
                "value": branch.value,
                "label": phrases.pick(lang, branch.label),
                "say": said[f"branch.{branch.value}"].format_map(words),
                "ends": branch.ending is not None,
                "action": phrases.pick(lang, branch.action),
                "consequence": phrases.pick(lang, branch.consequence),
                "is_chosen": False,
            }
            for number, branch in enumerate(scripts.BRANCHES, 1)
        ],
    }


CHECKS: dict[Method, tuple[tuple[str, str], tuple[str, str], str]] = {
    Method.NAME: (
        ("氏名(相手が名のった名)", "Name (as they give it)"),
        ("名のりを聞いて、かなか漢字で入れます。こちらから名を言いません", "Type what they say. Do not say a name yourself"),
        "text",
    ),
    Method.BIRTH_DATE: (("生年月日", "Birth date"), ("例: S55.4.3、19800403", "For example S55.4.3 or 19800403"), "text"),
    Method.ADDRESS: (
        ("住所(町名と番地)", "Address (town and block)"),
        ("生年月日を断られたとき。例: 本町2-3-4", "If the birth date is declined"),
        "text",
    ),
}


def checks_model(checks: verification.Checks, debtor: Debtor, lang: str, failed: str = "") -> dict[str, Any]:
    """The field `checks` of operator/checks.html: what was typed, never what is registered."""
    name = {
        "name": "name",
        "label": phrases.pick(lang, ("氏名(呼びかけに応じた名)", "Name (they answered to it)")),
        "help": "",
        "is_required": True,
        "state": "matched",
        "said": debtor.name_kana or debtor.name,
        "tries_left": checks.tries_left,
        "inputmode": "text",
    }
    entries = [] if checks.is_inbound else [name]
    for method in checks.methods:
        words, hint, mode = CHECKS[method]
        state = "matched" if method in checks.matched else "locked" if not checks.tries_left else "failed" if failed == method else "open"
        entries.append(
            {
                "name": method.value,
                "label": phrases.pick(lang, words),
                "help": phrases.pick(lang, hint),
                "is_required": method is Method.NAME,
                "state": state,
                "said": checks.said.get(method, ""),
                "tries_left": checks.tries_left,
                "inputmode": mode,
            }
        )
    return {
        "matched": min(checks.items, verification.NEEDED),
        "needed": verification.NEEDED,
        "can_go_on": checks.is_enough,
        "remaining": max(0 if checks.is_enough else 1, verification.NEEDED - checks.items),
        "entries": entries,
    }
