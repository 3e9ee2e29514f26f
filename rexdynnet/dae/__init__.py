"""Symbolic models: from a network to differential-algebraic equations and their analysis."""

from rexdynnet.dae.assemble import Equations
from rexdynnet.dae.consistent import Point, consistent, defaults
from rexdynnet.dae.index import IndexReport, index1_check
from rexdynnet.dae.linear import LinearModel, linearise
from rexdynnet.dae.model import Dae, build_dae
from rexdynnet.dae.options import DaeOptions, Scheme
from rexdynnet.dae.steady import steady_state

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
