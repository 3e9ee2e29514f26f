"""What a command says and returns when it cannot do its work."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import typer

from rexdynnet.errors import InputError, SolverError

NO_SOLUTION = 1
BAD_INPUT = 2
NO_FILE_ACCESS = 3
INTERRUPTED = 130


@contextmanager
def clean_errors() -> Iterator[None]:
    """Print errors that this package raises on purpose, and leave with their exit code."""
    try:
        yield
    except InputError as error:
        count = len(error.findings)
        head = "the input cannot be used" + (f" ({count} findings)" if count > 1 else "")
        typer.echo(f"rexdynnet: {head}", err=True)
        for finding in error.findings:
            typer.echo(f"  {finding}", err=True)
        raise typer.Exit(BAD_INPUT) from None
    except SolverError as error:
        typer.echo(f"rexdynnet: no solution: {error}", err=True)
        raise typer.Exit(NO_SOLUTION) from None
    except BrokenPipeError:
        raise
    except OSError as error:
        place = f" {error.filename}" if error.filename else ""
        typer.echo(
            f"rexdynnet: a file could not be read or written:{place} ({error.strerror or error}); "
            "make room or mend its permissions and give the same command again",
            err=True,
        )
        raise typer.Exit(NO_FILE_ACCESS) from None
    except KeyboardInterrupt:
        typer.echo(
            "rexdynnet: interrupted; a run or study goes on when the same command is given again",
            err=True,
        )
        raise typer.Exit(INTERRUPTED) from None


@contextmanager
def resumable(out: Path) -> Iterator[None]:
    """Say on an interrupt that nothing finished is lost, and leave with its exit code."""
    try:
        yield
    except KeyboardInterrupt:
        typer.echo(
            f"rexdynnet: interrupted; finished runs are kept in {out}, and the same command "
            "goes on from them",
            err=True,
        )
        raise typer.Exit(INTERRUPTED) from None
