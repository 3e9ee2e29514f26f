"""Functions as machine code: same results, kept by content, never a failure."""

from __future__ import annotations

from pathlib import Path

import casadi as ca
import numpy as np
import pytest

from rexdynnet.control.codegen import Backend, CodeOptions, compiled, find_compiler

needs_compiler = pytest.mark.skipif(find_compiler() is None, reason="no C compiler here")


def wave(factor: float = 1.0) -> ca.Function:
    """Something with sparse outputs and transcendental functions."""
    x = ca.SX.sym("x", 4)
    y = factor * ca.sin(x) * ca.exp(-x / 3) + ca.fmax(x, 0.2) ** 1.75
    return ca.Function("wave", [x], [y, ca.jacobian(y, x), ca.hessian(ca.sum1(y), x)[0]])


@needs_compiler
def test_machine_code_gives_what_the_virtual_machine_gives(tmp_path: Path) -> None:
    function = wave()
    made = compiled(function, CodeOptions(folder=tmp_path))
    assert made.backend is Backend.MACHINE_CODE
    for x in np.random.default_rng(1).uniform(-2, 2, (20, 4)):
        for mine, theirs in zip(made.function(x), function(x), strict=True):
            assert mine.sparsity() == theirs.sparsity()
            assert np.max(np.abs(np.array(mine - theirs))) < 1e-12


@needs_compiler
def test_a_function_is_compiled_once_and_a_changed_one_anew(tmp_path: Path) -> None:
    options = CodeOptions(folder=tmp_path)
    first = compiled(wave(), options).library
    assert first is not None
    written = first.stat().st_mtime_ns
    assert compiled(wave(), options).library == first
    assert first.stat().st_mtime_ns == written
    other = compiled(wave(2.0), options)
    assert other.library is not None
    assert other.library != first
    assert float(other.function(1.0)[0][0]) == pytest.approx(float(wave(2.0)(1.0)[0][0]), rel=1e-12)
    assert sorted(tmp_path.iterdir()) == sorted([first, other.library])  # nothing left over


def test_without_a_compiler_the_virtual_machine_evaluates(tmp_path: Path) -> None:
    function = wave()
    made = compiled(function, CodeOptions(folder=tmp_path, compiler="no-such-compiler"))
    assert made.backend is Backend.VIRTUAL_MACHINE
    assert made.reason == "no C compiler was found"
    assert made.function is function


def test_a_compiler_that_fails_is_not_fatal(tmp_path: Path) -> None:
    made = compiled(wave(), CodeOptions(folder=tmp_path, compiler="false"))
    assert made.backend is Backend.VIRTUAL_MACHINE
    assert "failed" in made.reason


@needs_compiler
def test_a_broken_file_in_the_cache_is_replaced(tmp_path: Path) -> None:
    options = CodeOptions(folder=tmp_path)
    library = compiled(wave(), options).library
    assert library is not None
    other = tmp_path / "copy"
    other.mkdir()
    fresh = CodeOptions(folder=other)
    (other / library.name).write_bytes(b"half a file")
    made = compiled(wave(), fresh)
    assert made.backend is Backend.MACHINE_CODE
    assert float(made.function(0.5)[0][1]) == pytest.approx(float(wave()(0.5)[0][1]), rel=1e-12)
