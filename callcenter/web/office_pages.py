"""The office's own settings, for administrators: what it is called, everything it can settle, and the number carriers know it by."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter
from fastapi import Form as Field
from sqlalchemy.orm import Session
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from callcenter.auth import audit
from callcenter.auth.models import Office, Role
from callcenter.auth.permissions import Action
from callcenter.core.clock import utc_now
from callcenter.core.errors import InvalidInput
from callcenter.core.phones import parse_phone
from callcenter.core.settings import get_settings
from callcenter.web import office_options as table
from callcenter.web.dependencies import Form, SignedIn, Tx, may
from callcenter.web.i18n import Translate
from callcenter.web.office_options import BadOption, Option
from callcenter.web.pages import page, shell_of, words_of

router = APIRouter()
Shaper = Annotated[SignedIn, may(Action.SHAPE_OFFICE)]
NAMES = ("name", "name_en", "desk_name", "phone")


@router.get("/office")
def show_office(request: Request, session: Tx, who: Shaper, saved: str = "") -> Response:
    """Names, numbers and everything to settle."""
    return _page(request, session, who, saved=saved)


@router.post("/office/identity")
def change_identity(
    request: Request,
    session: Tx,
    who: Shaper,
    name: Annotated[str, Field(max_length=100)] = "",
    name_en: Annotated[str, Field(max_length=100)] = "",
    desk_name: Annotated[str, Field(max_length=100)] = "",
    phone: Annotated[str, Field(max_length=40)] = "",
) -> Response:
    """What the office is called, and the number debtors may call back."""
    typed = {"name": name.strip(), "name_en": name_en.strip(), "desk_name": desk_name.strip(), "phone": phone.strip()}
    parsed = parse_phone(phone)
    number = "" if not phone.strip() else parsed.e164 if parsed else None
    wrong = [*([] if typed["name"] else ["name"]), *(["phone"] if number is None else [])]
    if wrong:
        return _page(request, session, who, typed=typed, wrong=wrong)
    office = session.get_one(Office, who.office_id, with_for_update=True)
    for key, value in (typed | {"phone": number or ""}).items():
        setattr(office, key, value)
    session.flush()
    _note(session, who, "identity", list(NAMES))
    return RedirectResponse("/office?saved=identity", 303)


@router.post("/office/{group}")
def change_group(request: Request, session: Tx, who: Shaper, form: Form, group: str) -> Response:
    """Everything of one section at once; a value that can't be changes nothing."""
    try:
        wanted = table.group_of(group)
    except InvalidInput:
        return RedirectResponse("/office", 303)
    values: dict[Option, Any] = {}
    wrong = []
    for option in wanted:
        try:
            values[option] = table.read(option, form)
        except BadOption as problem:
            wrong.append(problem.option.key)
    if wrong:
        typed = {option.key: str(form.get(option.key, ""))[:40] for option in wanted}
        return _page(request, session, who, typed=typed, wrong=wrong, sent=values)
    office = session.get_one(Office, who.office_id, with_for_update=True)
    changed = [option.key for option, value in values.items() if table.value_of(option, office.options) != value]
    options = dict(office.options)
    for option, value in values.items():
        options = table.with_value(option, options, value)
    office.options = options
    session.flush()
    if changed:
        _note(session, who, group, changed)
    return RedirectResponse(f"/office?saved={group}", 303)


def _note(session: Session, who: SignedIn, group: str, changed: list[str]) -> None:
    detail = {"group": group, "options": " ".join(changed)}
    audit.record(session, "office.changed", "office", who.office_id, who.user_id, who.address, detail, utc_now())


def _page(
    request: Request,
    session: Session,
    who: SignedIn,
    *,
    typed: dict[str, str] | None = None,
    wrong: list[str] | None = None,
    sent: dict[Option, Any] | None = None,
    saved: str = "",
) -> Response:
    t, typed, wrong = words_of(request), typed or {}, wrong or []
    office = session.get_one(Office, who.office_id)
    held = {option: (sent or {}).get(option, table.value_of(option, office.options)) for option in table.OPTIONS}
    fields = {name: typed.get(name, getattr(office, name)) if "name" in typed else getattr(office, name) for name in NAMES}
    public = get_settings().public_url.rstrip("/") or "https://…"
    return page(
        request,
        "office.html",
        shell_of(request, t("nav.office"), status=t("office.saved") if saved else ""),
        422 if wrong else 200,
        office={"id": office.id, "code": office.code, "is_training": office.is_training, "time_zone": office.time_zone},
        fields=fields,
        addresses=[f"{public}/webhooks/twilio/incoming/{office.id}", f"{public}/webhooks/twilio/replies/{office.id}"],
        groups=[
            {"name": group, "options": [_model(option, held[option], typed, wrong, t) for option in table.group_of(group)]}
            for group in table.GROUPS
        ],
        wrong=wrong,
        saved=saved if saved in ("identity", *table.GROUPS) else "",
    )


def _model(option: Option, value: Any, typed: dict[str, str], wrong: list[str], t: Translate) -> dict[str, Any]:
    word = "role.{}" if option.kind == table.ROLES else f"office_choice.{option.key}_{{}}"
    given = value if option.kind == table.ROLES else (value,)
    return {
        "key": option.key,
        "kind": option.kind,
        "value": typed[option.key] if option.key in wrong else table.shown(option, value),
        "is_on": value is True,
        "choices": [{"value": each, "label": t(word.format(each)), "is_chosen": each in given} for each in option.choices],
        "usual": _usual(option, t),
        "low": option.low,
        "high": option.high,
        "error": t("office.bad_number", low=option.low, high=option.high) if option.key in wrong else "",
    }


def _usual(option: Option, t: Translate) -> str:
    """The default in words."""
    if option.kind == table.SWITCH:
        return t("office.on" if option.default else "office.off")
    if option.kind == table.ROLES:
        return " ".join(t(f"role.{Role(each)}") for each in option.default) or t("office.nobody")
    if option.kind == table.CHOICE:
        return t(f"office_choice.{option.key}_{option.default}")
    return table.shown(option, option.default)
