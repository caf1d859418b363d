"""`callcenter telephony check` for Asterisk: tries the connection, the login, the rights, the trunk and the dialplan; calls nobody."""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence

from dialer.telephony.asterisk.link import AmiSettings, log_in
from dialer.telephony.asterisk.wire import WireClient
from dialer.telephony.errors import CarrierError
from dialer.telephony.port import CheckLine

_OLDEST = 18
_NEEDED = ("ConfbridgeMute", "CoreShowChannels", "Getvar", "Hangup", "Originate", "Ping", "PlayDTMF", "Redirect", "Setvar")
_DIALPLAN = (
    ("callcenter-leg", "start"),
    ("callcenter-debtor", "join"),
    ("callcenter-phones", "make"),
    ("callcenter-robocall", "start"),
    ("callcenter-recording", "start"),
    ("callcenter-supervisor", "listen"),
)
_RENDER = "Write the project's configuration with `callcenter telephony render DIR`, include it and reload Asterisk."


def check_asterisk(settings: AmiSettings, trunk: str) -> Sequence[CheckLine]:
    """One line for each thing tried; the first that fails is the last."""
    where = f"{settings.host}:{settings.port}"
    booted = threading.Event()

    def on_event(name: str, _: Mapping[str, str]) -> None:
        if name == "FullyBooted":
            booted.set()

    client = WireClient(settings.host, settings.port, on_event=on_event, timeout=settings.answer_seconds)
    try:
        client.connect()
    except CarrierError as error:
        hint = "Is Asterisk running, manager.conf enabled, and are CALLCENTER_AMI_HOST and CALLCENTER_AMI_PORT right?"
        return [CheckLine("connection", False, f"{where}: {error.message}", hint)]
    lines = [CheckLine("connection", True, where)]
    try:
        log_in(client, settings)
        lines.append(CheckLine("login", True, settings.user))
        if not booted.wait(settings.boot_seconds):
            return [*lines, CheckLine("answers", False, "Asterisk is still starting", "Try again in a moment.")]
        lines += [_version(client, settings), _rights(client, settings), _trunk(client, settings, trunk)]
        lines.append(_dialplan(client, settings))
    except CarrierError as error:
        lines.append(CheckLine("login" if len(lines) == 1 else "answers", False, error.message, error.hint))
    finally:
        client.discard()
    return lines


def _version(client: WireClient, settings: AmiSettings) -> CheckLine:
    response, _ = client.ask("CoreSettings", seconds=settings.answer_seconds)
    version = response.keys.get("AsteriskVersion", "")
    major = "".join(version.partition(".")[0][-2:]) if version else ""
    if major.isdecimal() and int(major) < _OLDEST:
        return CheckLine("version", False, version, f"Asterisk {_OLDEST} or newer is needed.")
    return CheckLine("version", True, version or "not told")


def _rights(client: WireClient, settings: AmiSettings) -> CheckLine:
    response, _ = client.ask("ListCommands", seconds=settings.answer_seconds)
    missing = [name for name in _NEEDED if name not in response.keys]
    if missing:
        hint = "The manager user needs read = system,call,user and write = call,originate,reporting."
        return CheckLine("rights", False, f"the manager user may not use {', '.join(missing)}", hint)
    return CheckLine("rights", True, "originate, redirect, hang up, list channels")


def _trunk(client: WireClient, settings: AmiSettings, trunk: str) -> CheckLine:
    state = _value(client, settings, f"DEVICE_STATE(PJSIP/{trunk})")
    if state in {"INVALID", ""}:
        return CheckLine("trunk", False, f"Asterisk has no PJSIP endpoint {trunk}", "See CALLCENTER_TRUNK and pjsip.conf.")
    if state == "UNAVAILABLE":
        return CheckLine("trunk", False, f"{trunk} does not answer OPTIONS", "Check the network to the telephone company.")
    return CheckLine("trunk", True, f"{trunk} {state}")


def _dialplan(client: WireClient, settings: AmiSettings) -> CheckLine:
    for context, exten in _DIALPLAN:
        if _value(client, settings, f"DIALPLAN_EXISTS({context},{exten},1)") != "1":
            return CheckLine("dialplan", False, f"context {context} is missing", _RENDER)
    return CheckLine("dialplan", True, "complete")


def _value(client: WireClient, settings: AmiSettings, expression: str) -> str:
    response, _ = client.ask("Getvar", {"Variable": expression}, seconds=settings.answer_seconds)
    return str(response.keys.get("Value", ""))
