"""Writes Asterisk's configuration: the same files for an office's machine and for the tests.

`render(plan)` is pure: file name -> text. Values go into `templates/*.conf` in place of `@@{name}`; a value that could start a line, a
section or a comment of its own is refused.
"""

from __future__ import annotations

import os
import re
import string
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from importlib import resources
from pathlib import Path

from callcenter.core.errors import InvalidInput

FILES = (
    "asterisk.conf",
    "modules.conf",
    "logger.conf",
    "manager.conf",
    "http.conf",
    "rtp.conf",
    "cdr.conf",
    "cel.conf",
    "pjproject.conf",
    "sorcery.conf",
    "pjsip.conf",
    "amd.conf",
    "confbridge.conf",
    "extensions.conf",
)
# The dialplan is one file made of several, so that whoever includes it includes all of it.
PARTS = {"extensions.conf": ("extensions.conf", "extensions_robocall.conf", "extensions_inbound.conf")}
_MADE_BY = "Written by `callcenter telephony render`; changes are lost at the next writing."
_NAME = re.compile(r"[A-Za-z0-9_-]{1,80}", re.ASCII)
_PATH = re.compile(r"/[A-Za-z0-9_./-]{1,200}", re.ASCII)
_VALUE = re.compile(r"[^\r\n\x00;\[\]]*")


class _Template(string.Template):
    delimiter = "@@"


@dataclass(frozen=True, slots=True)
class TrunkPlan:
    """The telephone company's SIP trunk; with a secret it is registered to."""

    name: str
    host: str
    port: int = 5060
    user: str = ""
    secret: str = ""
    codecs: tuple[str, ...] = ("ulaw", "alaw")
    qualify_seconds: int = 30


@dataclass(frozen=True, slots=True)
class PhonePlan:
    """An operator's phone: a browser (`is_browser`), one that registers, or one at a fixed `contact` (sip:…)."""

    name: str
    secret: str = ""
    contact: str = ""
    is_browser: bool = False


@dataclass(frozen=True, slots=True)
class FoldersPlan:
    """Where a self-contained Asterisk keeps its things; None in the plan leaves the distribution's folders."""

    etc: str
    modules: str
    data: str
    state: str
    log: str


@dataclass(frozen=True, slots=True)
class AsteriskPlan:
    """Everything the files are made from."""

    trunk: TrunkPlan
    ami_secret: str
    ami_user: str = "callcenter"
    ami_bind: str = "127.0.0.1"
    ami_port: int = 5038
    ami_permit: str = "127.0.0.1/255.255.255.255"
    sip_bind: str = "0.0.0.0:5060"
    sip_protocol: str = "udp"
    external_address: str = ""
    http_bind: str = "127.0.0.1"
    http_port: int = 8088
    tls_certificate: str = ""
    tls_key: str = ""
    tls_bind: str = ""
    rtp_first: int = 10000
    rtp_last: int = 20000
    phones: tuple[PhonePlan, ...] = field(default=())
    recording_spool: str = "/dev/shm/callcenter"  # noqa: S108 - memory on purpose: no plain sound on a disk
    wait_seconds: int = 20
    sounds: str = "/var/lib/asterisk/sounds/callcenter"
    folders: FoldersPlan | None = None


def render(plan: AsteriskPlan) -> dict[str, str]:
    """All configuration files. Raises InvalidInput for a value that can't be written safely."""
    values = _values(plan)
    folder = resources.files("dialer.telephony.asterisk") / "templates"
    values = {**values, "supervision": _Template((folder / "supervision.conf").read_text("utf-8")).substitute(values)}
    texts = {name: "".join((folder / part).read_text("utf-8") for part in PARTS.get(name, (name,))) for name in FILES}
    return {name: _Template(text).substitute(values) for name, text in texts.items()}


def write(plan: AsteriskPlan, folder: Path) -> list[Path]:
    """Writes the files, readable by their owner only since some carry secrets; each replaced at once or not at all."""
    files = render(plan)
    folder.mkdir(parents=True, exist_ok=True)
    written = []
    for name, text in files.items():
        target, fresh = folder / name, folder / f".{name}.new"
        fresh.unlink(missing_ok=True)
        with os.fdopen(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as file:
            file.write(text)
        fresh.replace(target)
        written.append(target)
    return written


def _values(plan: AsteriskPlan) -> Mapping[str, str]:
    plain = {
        "ami_bind": plan.ami_bind,
        "ami_port": str(plan.ami_port),
        "ami_user": _name(plan.ami_user, "AMI user"),
        "ami_secret": plan.ami_secret,
        "ami_permit": plan.ami_permit,
        "sip_bind": plan.sip_bind,
        "sip_protocol": plan.sip_protocol,
        "http_enabled": "yes" if plan.http_port else "no",
        "http_bind": plan.http_bind,
        "http_port": str(plan.http_port or 8088),
        "recording_spool": _path(plan.recording_spool),
        "rtp_first": str(plan.rtp_first),
        "rtp_last": str(plan.rtp_last),
        "sounds": plan.sounds,
        "wait_seconds": str(plan.wait_seconds),
        "wait_turns": str(4 * plan.wait_seconds),
    }
    if not plan.ami_secret:
        raise InvalidInput("the AMI secret is empty", hint="Set CALLCENTER_AMI_SECRET.")
    return {
        **{key: _value(value, key) for key, value in plain.items()},
        "made_by": _MADE_BY,
        "directories": _section("directories", _folders(plan.folders), arrow="=>") if plan.folders else "",
        "http_tls": _lines(_tls(plan)),
        "sip_external": _lines(_external(plan.external_address)),
        "trunk": "\n".join(_trunk(plan.trunk)),
        "phones": "\n".join(line for phone in plan.phones for line in _phone(phone)),
    }


def _folders(folders: FoldersPlan) -> dict[str, str]:
    return {
        "astetcdir": folders.etc,
        "astmoddir": folders.modules,
        "astvarlibdir": folders.data,
        "astdatadir": folders.data,
        "astdbdir": folders.state,
        "astkeydir": folders.state,
        "astagidir": f"{folders.state}/agi-bin",
        "astspooldir": f"{folders.state}/spool",
        "astrundir": folders.state,
        "astlogdir": folders.log,
    }


def _tls(plan: AsteriskPlan) -> dict[str, str]:
    if not plan.tls_certificate:
        return {}
    return {
        "tlsenable": "yes",
        "tlsbindaddr": plan.tls_bind or "0.0.0.0:8089",
        "tlscertfile": plan.tls_certificate,
        "tlsprivatekey": plan.tls_key,
    }


def _external(address: str) -> dict[str, str]:
    return {"external_media_address": address, "external_signaling_address": address} if address else {}


def _trunk(trunk: TrunkPlan) -> Iterator[str]:
    name, contact = _name(trunk.name, "trunk"), f"sip:{trunk.host}:{trunk.port}"
    auth = {"outbound_auth": f"{name}-auth"} if trunk.secret else {}
    yield _section(
        name,
        {
            "type": "endpoint",
            "context": "callcenter-inbound",
            "transport": "transport-sip",
            "disallow": "all",
            "allow": ",".join(trunk.codecs),
            "aors": name,
            "dtmf_mode": "auto",
            "direct_media": "no",
            "rtp_symmetric": "yes",
            "trust_id_outbound": "yes",
            "send_pai": "yes",
            **({"from_user": trunk.user, "from_domain": trunk.host} if trunk.user else {}),
            **auth,
        },
    )
    yield _section(name, {"type": "aor", "contact": contact, "qualify_frequency": str(trunk.qualify_seconds)})
    yield _section(f"{name}-hosts", {"type": "identify", "endpoint": name, "match": trunk.host})
    if trunk.secret:
        yield _section(
            f"{name}-auth",
            {"type": "auth", "auth_type": "userpass", "username": trunk.user, "password": trunk.secret},
        )
        yield _section(
            f"{name}-registration",
            {
                "type": "registration",
                "transport": "transport-sip",
                "server_uri": contact,
                "client_uri": f"sip:{trunk.user}@{trunk.host}:{trunk.port}",
                "retry_interval": "30",
                **auth,
            },
        )


def _phone(phone: PhonePlan) -> Iterator[str]:
    name = _name(phone.name, "phone")
    browser = {"webrtc": "yes", "rtp_timeout": "3"} if phone.is_browser else {}
    yield _section(
        name,
        {
            "type": "endpoint",
            "context": "callcenter-phone",
            "disallow": "all",
            "allow": "opus,ulaw" if phone.is_browser else "ulaw,alaw",
            "aors": name,
            "direct_media": "no",
            "rtp_symmetric": "yes",
            "force_rport": "yes",
            **({"auth": f"{name}-auth"} if phone.secret else {}),
            **browser,
        },
    )
    where = {"contact": phone.contact} if phone.contact else {"max_contacts": "1", "remove_existing": "yes"}
    yield _section(name, {"type": "aor", **where})
    if phone.secret:
        auth = {"type": "auth", "auth_type": "userpass", "username": name, "password": phone.secret}
        yield _section(f"{name}-auth", auth)


def _section(name: str, entries: Mapping[str, str], *, arrow: str = "=") -> str:
    return f"[{name}]\n{_lines(entries, arrow=arrow)}"


def _lines(entries: Mapping[str, str], *, arrow: str = "=") -> str:
    return "".join(f"{key} {arrow} {_value(value, key)}\n" for key, value in entries.items())


def _name(value: str, what: str) -> str:
    if not _NAME.fullmatch(value):
        raise InvalidInput(f"the name of the {what} has letters, digits, '_' and '-' only, at most 80")
    return value


def _path(value: str) -> str:
    """A path that MixMonitor's options can hold."""
    if not _PATH.fullmatch(value):
        raise InvalidInput("the recordings' spool is an absolute path of letters, digits, '_', '-', '.' and '/'")
    return value


def _value(value: str, what: str) -> str:
    if not _VALUE.fullmatch(value):
        raise InvalidInput(f"the value for {what} may not contain line breaks, ';', '[' or ']'")
    return value
