"""Docstrings of public names agree with their signatures, and say shapes and units."""

from __future__ import annotations

import ast
import inspect
import re
import textwrap
from collections.abc import Callable, Iterator
from dataclasses import fields, is_dataclass
from enum import Enum
from types import ModuleType
from typing import Any

import pytest
from numpydoc.docscrape import FunctionDoc, NumpyDocString

import rexdynnet
from rexdynnet import identify, plot, report

MODULES: tuple[ModuleType, ...] = (rexdynnet, identify, plot, report)
ARRAY = re.compile(r"NDArray|ndarray|ArrayLike|Floats|Ints|Array\b")
SHAPE = re.compile(r"shape|\([a-zA-Z0-9_ ]*,[^)]*\)")
UNIT = re.compile(
    r"_(s|h|Kh|barh|K|W|J|m|m2|m3|Pa|Wh|kWh|MWh|EUR|deg|degC|kg|bar|percent|m_per_s|kg_per_s|"
    r"[A-Za-z0-9]+_per_[A-Za-z0-9]+)$"
)
WORDS = re.compile(
    r"standard deviation|unit|share|factor|ratio|level|probability|times|fraction|number|"
    r"tolerance|between|scale|"
    r"aversion|0 to|from 0|SI unit|relative|efficiency|inches|weight|dimensionless|per cent|"
    r"\b(s|K|W|J|m|Pa|kg/s|EUR|bar|kWh|MWh|degrees)\b",
    re.IGNORECASE,
)


def public() -> dict[str, Any]:
    found: dict[str, Any] = {}
    for module in MODULES:
        for name in module.__all__:
            value = getattr(module, name)
            if not inspect.ismodule(value) and callable(value):
                found[f"{module.__name__}.{name}"] = value
    return found


PUBLIC = public()


def is_enum(value: Any) -> bool:
    return inspect.isclass(value) and issubclass(value, Enum)


def parsed(value: Any) -> NumpyDocString:
    return NumpyDocString(inspect.getdoc(value) or "")


def written(value: Any) -> list[str]:
    """Names under Parameters; `a, b : float` names two."""
    parts = (part for each in parsed(value)["Parameters"] for part in each.name.split(","))
    return [name for part in parts if (name := part.strip(" *"))]


def meant(value: Any) -> list[str]:
    if is_dataclass(value) and inspect.isclass(value):
        return [each.name for each in fields(value) if each.init]
    call: Any = value.__init__ if inspect.isclass(value) else value
    if inspect.isclass(value) and hasattr(value, "_fields"):
        return list(value._fields)
    names = list(inspect.signature(call).parameters)
    return [name for name in names if name != "self"]


def functions() -> Iterator[tuple[str, Callable[..., Any]]]:
    for name, value in PUBLIC.items():
        if inspect.isfunction(value):
            yield name, value
        elif inspect.isclass(value) and not is_enum(value):
            for key, member in vars(value).items():
                plain = getattr(member, "__func__", member)
                if inspect.isfunction(plain) and not key.startswith("_"):
                    yield f"{name}.{key}", plain


FUNCTIONS = dict(functions())


@pytest.mark.parametrize("name", PUBLIC)
def test_every_public_name_says_in_one_line_what_it_is(name: str) -> None:
    first = (inspect.getdoc(PUBLIC[name]) or "").partition("\n")[0]
    assert first.endswith((".", "?", ":")), f"{name}: {first!r}"


@pytest.mark.parametrize("name", [n for n, v in PUBLIC.items() if not is_enum(v)])
def test_parameters_are_those_of_the_signature(name: str) -> None:
    value = PUBLIC[name]
    if inspect.isclass(value) and issubclass(value, Exception):
        return
    given, wanted = written(value), meant(value)
    if getattr(value, "_is_protocol", False) or (inspect.isfunction(value) and len(wanted) == 0):
        assert not given
        return
    assert given == wanted


@pytest.mark.parametrize("name", FUNCTIONS)
def test_methods_and_functions_with_parameters_sections_name_them_all(name: str) -> None:
    function = FUNCTIONS[name]
    given = written(function)
    taken = inspect.signature(function).parameters
    wanted = [each for each in taken if each not in ("self", "cls")]
    assert given in ([], wanted)


@pytest.mark.parametrize("name", [n for n in FUNCTIONS if n in PUBLIC])
def test_public_functions_say_what_they_return(name: str) -> None:
    function = FUNCTIONS[name]
    if inspect.signature(function).return_annotation in ("None", None):
        return
    told = FunctionDoc(function)
    assert told["Returns"] or told["Yields"], f"{name} has no Returns section"


def raised(function: Callable[..., Any]) -> set[str]:
    tree = ast.parse(textwrap.dedent(inspect.getsource(function)))
    outer = tree.body[0]
    inner = {
        id(part)
        for node in ast.walk(tree)
        if isinstance(node, ast.FunctionDef) and node is not outer
        for part in ast.walk(node)
    }
    calls = [
        node.exc.func if isinstance(node.exc, ast.Call) else node.exc
        for node in ast.walk(tree)
        if isinstance(node, ast.Raise) and node.exc is not None and id(node) not in inner
    ]
    return {call.id for call in calls if isinstance(call, ast.Name) and call.id[0].isupper()}


@pytest.mark.parametrize("name", [n for n in FUNCTIONS if n in PUBLIC])
def test_public_functions_name_what_they_raise(name: str) -> None:
    function = FUNCTIONS[name]
    told = {each.type for each in parsed(function)["Raises"]}
    assert raised(function) <= told, f"{name} does not tell of {raised(function) - told}"


def described(value: Any) -> Iterator[tuple[str, str, str]]:
    """Name, annotation and description of each documented parameter."""
    if is_dataclass(value) and inspect.isclass(value):
        types = {each.name: str(each.type) for each in fields(value)}
    elif inspect.isclass(value):
        types = {n: str(t) for n, t in getattr(value, "__annotations__", {}).items()}
    else:
        types = {n: str(p.annotation) for n, p in inspect.signature(value).parameters.items()}
    for each in parsed(value)["Parameters"]:
        text = f"{each.type} {' '.join(each.desc)}"
        for part in each.name.split(","):
            yield part.strip(" *"), types.get(part.strip(" *"), ""), text


DESCRIBED = [
    (name, *row) for name, value in PUBLIC.items() if not is_enum(value) for row in described(value)
]


@pytest.mark.parametrize(
    ("name", "parameter", "text"),
    [(n, p, text) for n, p, kind, text in DESCRIBED if ARRAY.search(kind)],
)
def test_arrays_state_their_shape(name: str, parameter: str, text: str) -> None:
    assert SHAPE.search(text), f"{name}: {parameter} : {text}"


@pytest.mark.parametrize(
    ("name", "parameter", "text"),
    [(n, p, text) for n, p, kind, text in DESCRIBED if re.fullmatch(r"float( \| None)?", kind)],
)
def test_numbers_have_a_unit_or_say_what_they_are_a_share_of(
    name: str, parameter: str, text: str
) -> None:
    known = UNIT.search(parameter) or WORDS.search(f"{parameter} {text}")
    assert known, f"{name}: {parameter} : {text}"
