"""CasADi functions as machine code: written as C, compiled once, kept on disk by content."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from dataclasses import dataclass, field
from enum import Enum
from hashlib import sha256
from pathlib import Path

import casadi as ca

CACHE_VARIABLE = "REXDYNNET_CACHE"
_COMPILERS = ("cc", "gcc", "clang")


class Backend(Enum):
    """What evaluates a function."""

    MACHINE_CODE = "compiled C, loaded from the disk cache"
    VIRTUAL_MACHINE = "CasADi's virtual machine; slower, needs no compiler"


@dataclass(frozen=True)
class CodeOptions:
    """How functions become machine code.

    Parameters
    ----------
    backend : Backend
        `MACHINE_CODE` falls back to the virtual machine where there is no compiler.
    flags : tuple of str
        For the compiler. No fast-math: results must stay those of the virtual machine.
    folder : Path or None
        Where compiled functions are kept; None: `$REXDYNNET_CACHE/functions`, else the
        user's cache folder.
    compiler : str or None
        Name or path; None: `$CC`, else the first of cc, gcc and clang that there is.
    """

    backend: Backend = Backend.MACHINE_CODE
    flags: tuple[str, ...] = ("-O1",)
    folder: Path | None = None
    compiler: str | None = None


@dataclass(frozen=True)
class Compiled:
    """A function and what evaluates it.

    Parameters
    ----------
    function : casadi.Function
        Same name, inputs and outputs as the original.
    backend : Backend
    reason : str
        Why it is not machine code although that was asked for; else empty.
    library : Path or None
        The file it was loaded from.
    """

    function: ca.Function
    backend: Backend
    reason: str = ""
    library: Path | None = field(default=None, compare=False)


def compiled(function: ca.Function, options: CodeOptions | None = None) -> Compiled:
    """Turn a function into machine code, or leave it as it is where that fails.

    Parameters
    ----------
    function : casadi.Function
        Made of SX or of MX that can be written as C.
    options : CodeOptions, optional

    Returns
    -------
    Compiled

    Notes
    -----
    The file's name is a SHA-256 over the serialised function, the flags, the compiler's
    version and CasADi's: what changes any of these is compiled anew, and a file is
    moved into place only when it is complete, so that processes may share the folder.

    Examples
    --------
    >>> x = ca.SX.sym("x")
    >>> square = ca.Function("square", [x], [x * x])
    >>> kept = compiled(square, CodeOptions(Backend.VIRTUAL_MACHINE))
    >>> kept.backend.name, float(kept.function(3.0))
    ('VIRTUAL_MACHINE', 9.0)
    """
    options = options or CodeOptions()
    if options.backend is Backend.VIRTUAL_MACHINE:
        return Compiled(function, Backend.VIRTUAL_MACHINE)
    compiler = find_compiler(options.compiler)
    if compiler is None:
        return Compiled(function, Backend.VIRTUAL_MACHINE, "no C compiler was found")
    try:
        folder = options.folder or default_folder()
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        library = folder / f"{function.name()}_{_key(function, options, compiler)}.so"
        if library.exists():
            loaded = _load(function, library)
            if loaded is not None:
                return Compiled(loaded, Backend.MACHINE_CODE, library=library)
            library.unlink(missing_ok=True)
        _compile(function, compiler, options.flags, library)
        loaded = _load(function, library)
    except (OSError, subprocess.SubprocessError, RuntimeError) as error:
        return Compiled(function, Backend.VIRTUAL_MACHINE, f"compiling failed: {error}")
    if loaded is None:
        return Compiled(function, Backend.VIRTUAL_MACHINE, f"{library} could not be loaded")
    return Compiled(loaded, Backend.MACHINE_CODE, library=library)


def find_compiler(name: str | None = None) -> str | None:
    """Path of a C compiler; None where there is none.

    Parameters
    ----------
    name : str, optional
        Only this one; else `$CC` and then the usual names.
    """
    wanted = [name] if name else [os.environ.get("CC", ""), *_COMPILERS]
    return next((path for path in map(shutil.which, filter(None, wanted)) if path), None)


def default_folder() -> Path:
    """Where compiled functions are kept unless told otherwise."""
    if chosen := os.environ.get(CACHE_VARIABLE):
        return Path(chosen) / "functions"
    base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(base) / "rexdynnet" / "functions"


def _key(function: ca.Function, options: CodeOptions, compiler: str) -> str:
    version = subprocess.run(
        [compiler, "-dumpfullversion", "-dumpmachine"],
        capture_output=True,
        text=True,
        check=False,
        timeout=30,
    ).stdout
    parts = (
        function.serialize(),
        " ".join(options.flags),
        compiler,
        version,
        ca.CasadiMeta.version(),
    )
    return sha256("\0".join(parts).encode()).hexdigest()[:24]


def _compile(function: ca.Function, compiler: str, flags: tuple[str, ...], library: Path) -> None:
    with tempfile.TemporaryDirectory(dir=library.parent, prefix="building_") as name:
        folder = Path(name)
        generator = ca.CodeGenerator("code.c")
        generator.add(function)
        generator.generate(f"{folder}{os.sep}")
        made = folder / "code.so"
        command = [compiler, "-shared", "-fPIC", *flags, str(folder / "code.c"), "-o", str(made)]
        subprocess.run([*command, "-lm"], check=True, capture_output=True, text=True)
        made.replace(library)


def _load(function: ca.Function, library: Path) -> ca.Function | None:
    """Load a library; None where it is broken or of another shape."""
    try:
        loaded = ca.external(function.name(), str(library))
    except RuntimeError:
        return None
    counts = (function.n_in(), function.n_out())
    if counts != (loaded.n_in(), loaded.n_out()):
        return None
    same_in = all(loaded.sparsity_in(i) == function.sparsity_in(i) for i in range(counts[0]))
    same_out = all(loaded.sparsity_out(i) == function.sparsity_out(i) for i in range(counts[1]))
    return loaded if same_in and same_out else None
