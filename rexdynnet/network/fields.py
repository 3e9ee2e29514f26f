"""Kinds of fields that network files have, with the texts that pydantic turns into values."""

from __future__ import annotations

from datetime import UTC, datetime
from enum import Enum
from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

from rexdynnet.network.entries import nearest
from rexdynnet.network.spec import Line, PlantControl, PlantKind, SubstationControl


class Lines(Enum):
    """Which lines a row of nodes.csv or pipes.csv makes."""

    BOTH = "both"
    SUPPLY = "supply"
    RETURN = "return"

    @property
    def line(self) -> Line | None:
        """The single line, None for both."""
        return None if self is Lines.BOTH else Line(self.value)


class Arrangement(Enum):
    """How the two pipes of a trench lie."""

    SINGLE = "single"
    TWIN = "twin"


def _member(kind: type[Enum], value: Any) -> Any:
    if isinstance(value, str):
        word = value.strip().lower().replace(" ", "_")
        for member in kind:
            if member.name.lower() == word:
                return member
        names = [member.name.lower() for member in kind]
        raise ValueError(f"'{value}' is unknown|{nearest(value, names)}")
    return value


def _instant(value: Any) -> Any:
    if isinstance(value, str):
        try:
            value = datetime.fromisoformat(value.strip())
        except ValueError:
            raise ValueError(
                f"'{value}' is not a date with time|write it like 2026-01-15T06:00:00Z"
            ) from None
    if isinstance(value, datetime):
        if value.tzinfo is None:
            raise ValueError(
                "the time has no time zone|write it with one, such as 2026-01-15T06:00:00Z"
            )
        return value.astimezone(UTC)
    raise ValueError(f"{value} is not a date with time|write it like 2026-01-15T06:00:00Z")


def _text(value: Any) -> Any:
    return str(value) if isinstance(value, int | float) and not isinstance(value, bool) else value


Positive = Annotated[float, Field(gt=0)]
NotNegative = Annotated[float, Field(ge=0)]
Share = Annotated[float, Field(gt=0, le=1)]
Name = Annotated[str, BeforeValidator(_text), Field(min_length=1)]
Instant = Annotated[datetime, BeforeValidator(_instant)]
LinesField = Annotated[Lines, BeforeValidator(lambda value: _member(Lines, value))]
ArrangementField = Annotated[Arrangement, BeforeValidator(lambda v: _member(Arrangement, v))]
SubstationControlField = Annotated[
    SubstationControl, BeforeValidator(lambda value: _member(SubstationControl, value))
]
KindField = Annotated[PlantKind, BeforeValidator(lambda value: _member(PlantKind, value))]
ControlField = Annotated[PlantControl, BeforeValidator(lambda value: _member(PlantControl, value))]


class Record(BaseModel):
    """Common rules: nothing unknown, nothing infinite, nothing that changes later."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)
