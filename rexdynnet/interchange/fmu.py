"""A network as an FMU for co-simulation (FMI 2.0), made by pythonfmu."""

# pythonfmu ships no types: what comes from it is unknown to the checker.
# pyright: reportMissingTypeStubs=false, reportUnknownMemberType=false
# pyright: reportUnknownVariableType=false, reportMissingImports=false

from __future__ import annotations

import json
import sys
from hashlib import sha256
from os import PathLike
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

from rexdynnet.errors import Finding, InputError
from rexdynnet.network.checks import check_network
from rexdynnet.network.graph import Network
from rexdynnet.network.write import write_network
from rexdynnet.signals import Signal
from rexdynnet.simulation.fmu_outputs import GLANCE_S, OutputTable
from rexdynnet.simulation.plant import Inputs
from rexdynnet.simulation.simulate import make_plant

_SCRIPT = '''"""The slave of this FMU."""

from rexdynnet.simulation.fmu_slave import NetworkSlave


class {name}(NetworkSlave):
    """{title}"""
'''


def write_fmu(network: Network, file: str | PathLike[str]) -> Path:
    """Write a network as an FMU for co-simulation.

    Parameters
    ----------
    network : Network
        Without defects.
    file : str or path
        Ends with `.fmu`.

    Returns
    -------
    Path

    Raises
    ------
    InputError
        pythonfmu is missing, the network has defects, or the name is none of an FMU.

    Notes
    -----
    The FMU runs the plug-flow plant: whoever loads it needs a Python with rexdynnet and pythonfmu.
    Inputs that have no default start at a small load.

    Examples
    --------
    >>> from tempfile import TemporaryDirectory
    >>> from rexdynnet.network.random import random_tree
    >>> with TemporaryDirectory() as folder:
    ...     write_fmu(random_tree(2, seed=1), folder + "/tree.fmu").name
    'tree.fmu'
    """
    target = Path(file)
    if target.suffix != ".fmu":
        raise InputError(Finding(f"{target.name} is no FMU", "let the name end with .fmu", target))
    findings = check_network(network)
    if findings:
        raise InputError(*findings)
    try:
        from pythonfmu.builder import FmuBuilder
    except ImportError:
        raise InputError(
            Finding(
                "FMUs are built by pythonfmu, which is not installed",
                "install it with `pip install 'rexdynnet[fmu]'`",
                target,
            )
        ) from None
    target.parent.mkdir(parents=True, exist_ok=True)
    with TemporaryDirectory() as place:
        folder = Path(place)
        inside = (folder / "network", folder / "signals.json")
        write_network(network, inside[0])
        inside[1].write_text(json.dumps(_told(network)), encoding="utf-8")
        # Python keeps modules by name: two networks in one process need two names.
        digest = sha256(repr(sorted(_contents(inside[0]))).encode()).hexdigest()[:8]
        plain = "".join(c if c.isalnum() else "_" for c in network.name) or "network"
        name = f"{plain if plain[0].isalpha() else 'n' + plain}_{digest}"
        script = folder / f"{name}.py"
        script.write_text(_SCRIPT.format(name=name, title=plain), encoding="utf-8")
        before = sys.path.copy()
        try:
            FmuBuilder.build_FMU(
                script, target, inside, canGetAndSetFMUstate=True, canSerializeFMUstate=True
            )
        finally:
            sys.path[:] = before
            sys.modules.pop(name, None)
    return target


def _contents(folder: Path) -> list[tuple[str, bytes]]:
    return [(file.name, file.read_bytes()) for file in folder.iterdir()]


def _told(network: Network) -> dict[str, object]:
    """Start values and the table of outputs."""
    plant = make_plant(network)
    controls, disturbances = _start(plant.controls), _start(plant.disturbances)
    inputs = Inputs(np.array(controls), np.array(disturbances))
    _, output = plant.advance(plant.init(inputs), inputs, inputs, GLANCE_S)
    return {
        "start": [*controls, *disturbances],
        "parameters": [signal.default or 0.0 for signal in plant.parameters],
        "outputs": [[name, list(shape)] for name, shape in OutputTable.from_output(output).shapes],
    }


def _start(signals: tuple[Signal, ...]) -> list[float]:
    """Defaults, and for what must be given a value that any network can meet."""
    usual = {"K": 283.15}
    return [
        signal.default
        if signal.default is not None
        else min(max(usual.get(signal.unit, 0.1 * signal.nominal), signal.lower), signal.upper)
        for signal in signals
    ]
