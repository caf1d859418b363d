"""How a campaign dials, as kept in `Campaign.options`: lines, ring and writing time, and what predictive dialling may do.

ring_seconds = 30.0          # a debtor's phone rings so long
wrap_up_seconds = 120.0      # an operator may take so long to write a result
max_lines = 0                # of the trunk, for all calls of the campaign; 0: as many as there are
robocall_lines = 0           # of these for automated calls; 0: all that operators leave
abandon_percent = 3.0        # of live answers, each day and each 30 days; 0: never predictive
least_operators = 3          # with fewer at work nothing is predicted
abandon_text = ""            # heard by who answers and finds no operator; empty: the built-in words; may hold {office}
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from typing import Annotated, Any

from pydantic import ConfigDict, Field, TypeAdapter, ValidationError

from callcenter.core.errors import InvalidInput

LAW_PERCENT = 3.0  # of 16 CFR 310.4(b)(4) and Ofcom's persistent misuse statement: no setting goes beyond
BUILT_IN = (
    "こちらは、{office}です。お電話を差し上げましたが、ただ今、担当者がふさがっております。申し訳ございません。あらためてお電話いたします。"
)


@dataclass(frozen=True, slots=True)
class Dialling:
    """See the module."""

    __pydantic_config__ = ConfigDict(extra="ignore")

    ring_seconds: Annotated[float, Field(ge=1, le=90)] = 30.0
    wrap_up_seconds: Annotated[float, Field(ge=5, le=1800)] = 120.0
    max_lines: Annotated[int, Field(ge=0, le=2000)] = 0
    robocall_lines: Annotated[int, Field(ge=0, le=2000)] = 0
    abandon_percent: Annotated[float, Field(ge=0, le=LAW_PERCENT)] = LAW_PERCENT
    least_operators: Annotated[int, Field(ge=2, le=100)] = 3
    abandon_text: Annotated[str, Field(max_length=300)] = ""

    @property
    def words(self) -> str:
        """What an abandoned call hears, with `{office}` in it or not."""
        return self.abandon_text.strip() or BUILT_IN


NAMES = tuple(each.name for each in fields(Dialling))
_ADAPTER: TypeAdapter[Dialling] = TypeAdapter(Dialling)
_DEFAULT = Dialling()


def dialling_of(options: Mapping[str, Any]) -> Dialling:
    """What is kept, each value that can't be read as in the defaults: a running campaign does not stop for one."""
    try:
        return _ADAPTER.validate_python({name: options[name] for name in NAMES if name in options})
    except ValidationError as problem:
        wrong = {str(error["loc"][0]) for error in problem.errors() if error["loc"]}
        return _ADAPTER.validate_python({name: options[name] for name in NAMES if name in options and name not in wrong})


def with_settings(options: Mapping[str, Any], given: Mapping[str, Any]) -> dict[str, Any]:
    """The options with the given settings in them; what is the default is not kept.

    Raises:
        InvalidInput: names the setting and what it may be.
    """
    document = {name: options[name] for name in NAMES if name in options} | dict(given)
    try:
        kept = asdict(_ADAPTER.validate_python(document))
    except ValidationError as problem:
        first = problem.errors()[0]
        place = ".".join(str(part) for part in first["loc"])
        raise InvalidInput(f"{place}: {first['msg']}.", hint="Nothing was changed.", code=f"bad_{place}"[:40]) from problem
    others = {name: value for name, value in options.items() if name not in NAMES}
    return others | {name: value for name, value in kept.items() if value != getattr(_DEFAULT, name)}
