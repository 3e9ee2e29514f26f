"""A scenario file written anew, with overrides taken over."""

from __future__ import annotations

import os
from collections.abc import Mapping
from copy import deepcopy
from pathlib import Path
from typing import Any

from rexdynnet.errors import InputError
from rexdynnet.network.entries import Entry, read_toml
from rexdynnet.network.write import toml_text
from rexdynnet.study.overrides import overridden
from rexdynnet.study.scenario_files import NAMED


def scenario_document(source: Path) -> Entry:
    """A scenario file as a document, unread.

    Raises
    ------
    InputError
        It is not there or not TOML.
    """
    findings = []
    document = read_toml(source, findings)
    if document is None:
        raise InputError(*findings)
    return document


def scenario_text(source: Path, overrides: Mapping[str, object], folder: Path) -> str:
    """A scenario file with other values, for another folder.

    Parameters
    ----------
    source : Path
        The scenario file.
    overrides : mapping of str to object
        By dotted path.
    folder : Path
        Where the text will be written; the paths in it are made relative to this folder.

    Returns
    -------
    str
        TOML; remarks of the source are not kept.

    Raises
    ------
    InputError
        The source cannot be read, or an override leads nowhere.
    """
    findings = []
    document = overridden(scenario_document(source), overrides, findings)
    if findings:
        raise InputError(*findings)
    values: dict[str, Any] = deepcopy(dict(document.values))
    values["network"] = _moved(values["network"], source, folder)
    if "series" in values:
        values["series"] = [_moved(name, source, folder) for name in values["series"]]
    for section, key, _label in NAMED:
        table = values.get(section)
        if isinstance(table, dict) and isinstance(table.get(key), str):
            table[key] = _moved(table[key], source, folder)
    return toml_text(values)


def _moved(name: str, source: Path, folder: Path) -> str:
    there = os.path.relpath((source.parent / name).resolve(), folder.resolve())
    return Path(there).as_posix()
