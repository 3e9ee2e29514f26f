"""Errors that name what is wrong and what to do about it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


class RexdynnetError(Exception):
    """Base of every error that this package raises on purpose."""


@dataclass(frozen=True)
class Finding:
    """One thing that is wrong in the user's data, where it is and how to mend it.

    Parameters
    ----------
    what : str
        What is wrong, with the offending value.
    remedy : str
        What the user can do about it.
    file : Path or None
        The file the value came from.
    row : int or None
        One-based line number in that file (the header is line 1).
    field : str or None
        Column or key.
    component : str or None
        Name of the component concerned.

    Examples
    --------
    >>> print(Finding("length_m is -3", "give a positive length", row=4, field="length_m"))
    row 4, field length_m: length_m is -3; give a positive length
    """

    what: str
    remedy: str
    file: Path | None = None
    row: int | None = None
    field: str | None = None
    component: str | None = None

    def __str__(self) -> str:
        place = [
            str(self.file) if self.file is not None else "",
            f"row {self.row}" if self.row is not None else "",
            f"field {self.field}" if self.field is not None else "",
            f"component {self.component}" if self.component is not None else "",
        ]
        head = ", ".join(part for part in place if part)
        return (f"{head}: " if head else "") + f"{self.what}; {self.remedy}"


class InputError(RexdynnetError):
    """The user's data cannot be used; holds every finding, not only the first.

    Parameters
    ----------
    *findings : Finding
        At least one finding.

    Examples
    --------
    >>> raise InputError(Finding("no plant", "add one under [[plants]]"))
    Traceback (most recent call last):
    ...
    rexdynnet.errors.InputError: no plant; add one under [[plants]]
    """

    def __init__(self, *findings: Finding) -> None:
        if not findings:
            raise ValueError("an InputError needs at least one finding")
        self.findings = findings
        super().__init__("\n".join(str(finding) for finding in findings))


class SolverError(RexdynnetError):
    """A numerical solver failed; says where (component, time) and what to try.

    Parameters
    ----------
    what : str
        Which solver failed and how.
    remedy : str
        What to try.
    time_s : float or None
        Simulation time of the failure, in seconds.
    component : str or None
        Name of the component with the largest residual.
    """

    def __init__(
        self, what: str, remedy: str, *, time_s: float | None = None, component: str | None = None
    ) -> None:
        self.what = what
        self.remedy = remedy
        self.time_s = time_s
        self.component = component
        at = [f"at t = {time_s:.6g} s" if time_s is not None else "", component or ""]
        where = ", ".join(part for part in at if part)
        super().__init__(f"{what}{f' ({where})' if where else ''}; {remedy}")
