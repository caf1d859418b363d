"""Templates into HTML: one strict environment, autoescape on, the page's language and texts in every context."""

from __future__ import annotations

import hashlib
from functools import cache
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from callcenter.web.formats import FILTERS
from callcenter.web.i18n import LANGUAGES, translator

STATIC = Path(__file__).parent / "static"
TEMPLATES = Path(__file__).parent / "templates"
OF_DICTS = frozenset(dir(dict))


@cache
def static_version() -> str:
    """Changes with any file of ours below static/, so that browsers may keep them for ever (vendored ones by their hashes)."""
    digest = hashlib.sha256()
    own = (path for path in STATIC.rglob("*") if path.is_file() and "vendor" not in path.relative_to(STATIC).parts)
    for path in (*sorted(own), STATIC / "vendor" / "VERSIONS.json"):
        digest.update(path.relative_to(STATIC).as_posix().encode())
        digest.update(path.read_bytes())
    return digest.hexdigest()[:12]


def static_url(path: str) -> str:
    """The address of a file below static/; relative addresses inside it keep the version."""
    return f"/static/{static_version()}/{path}"


class Templates(Environment):
    """The engine, which looks the fields of plain dicts up as such at once, not only after it has looked for an attribute in vain."""

    def getattr(self, obj: Any, attribute: str) -> Any:
        """As the engine's own, for whatever else."""
        if type(obj) is dict and attribute in obj and attribute not in OF_DICTS:
            return obj[attribute]
        return super().getattr(obj, attribute)


@cache
def environment() -> Environment:
    """The templates, compiled once per process."""
    environment = Templates(
        loader=FileSystemLoader(TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        auto_reload=False,
    )
    environment.filters.update(FILTERS)
    environment.globals.update(static_url=static_url, languages=LANGUAGES)
    return environment


def render(template: str, lang: str, **model: Any) -> str:
    """The HTML of `template` for a view model, whose fields each template lists in its first comment.

    Raises UndefinedError for a field that is missing and KeyError for a text that is.
    """
    return environment().get_template(template).render(lang=lang, t=translator(lang), **model)
