"""Symbolic models: from a network to differential-algebraic equations and their analysis."""

from rexdynnet.dae.assemble import Equations
from rexdynnet.dae.initial import (
    IndexReport,
    Point,
    consistent,
    defaults,
    index1_check,
    steady_state,
)
from rexdynnet.dae.linear import LinearModel, linearise
from rexdynnet.dae.model import Dae, build_dae
from rexdynnet.dae.options import DaeOptions, Scheme

__all__ = [
    "Dae",
    "DaeOptions",
    "Equations",
    "IndexReport",
    "LinearModel",
    "Point",
    "Scheme",
    "build_dae",
    "consistent",
    "defaults",
    "index1_check",
    "linearise",
    "steady_state",
]
