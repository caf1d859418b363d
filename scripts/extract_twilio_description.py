"""Cuts the part of Twilio's published API description that this project uses out of the whole, for tests/contracts.

    scripts/extract_twilio_description.py twilio_api_v2010.json --version COMMIT > tests/contracts/twilio_api_v2010.json

The whole is `spec/json/twilio_api_v2010.json` of Twilio's repository `twilio/twilio-oai`, COMMIT the state it was taken from. Kept are the
operations below with all the schemas they name; left out is what says nothing about requests and answers: descriptions, examples, tags,
headers for browsers, and Twilio's own marks. An extract run through this again stays the same.
"""

from __future__ import annotations

import argparse
import json
import re
import sys
from pathlib import Path
from typing import Any

ACCOUNT = "/2010-04-01/Accounts/{AccountSid}"
OPERATIONS = {
    "/2010-04-01/Accounts/{Sid}.json": ("get",),
    f"{ACCOUNT}/Calls.json": ("get", "post"),
    f"{ACCOUNT}/Calls/{{Sid}}.json": ("post",),
    f"{ACCOUNT}/Conferences.json": ("get",),
    f"{ACCOUNT}/Conferences/{{ConferenceSid}}/Participants/{{CallSid}}.json": ("post",),
    f"{ACCOUNT}/IncomingPhoneNumbers.json": ("get",),
    f"{ACCOUNT}/Messages.json": ("get", "post"),
    f"{ACCOUNT}/OutgoingCallerIds.json": ("get",),
    f"{ACCOUNT}/Recordings.json": ("get",),
    f"{ACCOUNT}/Recordings/{{Sid}}.json": ("delete",),
}
UNNEEDED = frozenset({"description", "summary", "tags", "example", "examples", "headers", "externalDocs", "deprecated"})
NAMED = frozenset({"properties", "schemas", "paths", "parameters", "responses", "content", "securitySchemes"})
REFERENCE = re.compile(r"#/components/schemas/(.+)")


def trimmed(value: Any, *, keys_are_names: bool = False) -> Any:
    """Without what says nothing about the wire; in a table of names (properties, schemas) every name stays."""
    if isinstance(value, list):
        return [trimmed(one) for one in value]
    if not isinstance(value, dict):
        return value
    if keys_are_names:
        kept = value
    else:
        kept = {key: one for key, one in value.items() if key not in UNNEEDED and not key.startswith("x-")}
        if "description" in value and ("content" in value or len(value) == 1):
            kept["description"] = ""  # a response has to have one
    return {key: trimmed(one, keys_are_names=not keys_are_names and key in NAMED) for key, one in kept.items()}


def referred(value: Any) -> set[str]:
    """The names of the schemas in it."""
    if isinstance(value, list):
        return {name for one in value for name in referred(one)}
    if not isinstance(value, dict):
        return set()
    here = REFERENCE.fullmatch(str(value.get("$ref", "")))
    return {name for one in value.values() for name in referred(one)} | ({here[1]} if here else set())


def extract(whole: dict[str, Any], version: str) -> dict[str, Any]:
    """The operations, and the schemas they need. Raises KeyError for an operation that is not in the description any more."""
    shared = ("servers", "parameters")
    paths = {
        path: {key: whole["paths"][path][key] for key in (*shared, *methods) if key in whole["paths"][path] or key in methods}
        for path, methods in OPERATIONS.items()
    }
    schemas: dict[str, Any] = {}
    wanted = referred(paths)
    while missing := wanted - schemas.keys():
        schemas |= {name: whole["components"]["schemas"][name] for name in missing}
        wanted |= referred(list(schemas.values()))
    about = {"title": whole["info"]["title"], "version": whole["info"]["version"], "license": whole["info"]["license"]}
    return {
        "openapi": whole["openapi"],
        "info": about,
        "x-extract-of": {"repository": "twilio/twilio-oai", "path": "spec/json/twilio_api_v2010.json", "commit": version},
        "servers": whole["servers"],
        "security": whole["security"],
        "paths": trimmed(paths, keys_are_names=True),
        "components": {
            "securitySchemes": trimmed(whole["components"]["securitySchemes"], keys_are_names=True),
            "schemas": trimmed(dict(sorted(schemas.items())), keys_are_names=True),
        },
    }


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("whole", type=Path, help="twilio_api_v2010.json")
    parser.add_argument("--version", required=True, help="the commit it was taken from")
    told = parser.parse_args()
    json.dump(extract(json.loads(told.whole.read_text()), told.version), sys.stdout, indent=1, ensure_ascii=False)
    sys.stdout.write("\n")


if __name__ == "__main__":
    main()
