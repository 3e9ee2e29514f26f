"""Advection of heat through a row of cells, first order or limited, either direction."""

from __future__ import annotations

from itertools import pairwise

import casadi as ca

from rexdynnet.dae.options import Scheme
from rexdynnet.physics.ops import maximum, minimum

# Differences below this are taken as smooth, so the limiter stays differentiable at rest.
SMOOTH_BELOW_K = 0.02


def face_temperatures(cells: list[ca.SX], inlet: ca.SX, scheme: Scheme) -> list[ca.SX]:
    """Temperatures at the faces of a row of cells for flow in their order.

    Parameters
    ----------
    cells : list of n SX scalars
        Mean temperatures, from the inlet on.
    inlet : SX scalar
        Temperature that enters.
    scheme : Scheme

    Returns
    -------
    list of n + 1 SX scalars
        The first is the inlet, the last leaves the pipe.

    Notes
    -----
    LIMITED: MUSCL reconstruction, van Leer, J. Comput. Phys. 32 (1979) 101, with the limiter
    of van Albada, van Leer and Roberts, Astron. Astrophys. 108 (1982) 76. The last cell
    has no neighbour downstream; its slope is the smaller of the two upstream ones.
    """
    if scheme is Scheme.UPWIND or len(cells) == 1:
        return [inlet, *cells]
    differences = [2.0 * (cells[0] - inlet)]
    differences += [after - before for before, after in pairwise(cells)]
    slopes = [_van_albada(before, after) for before, after in pairwise(differences)]
    slopes.append(_smaller(differences[-1], differences[-2]))
    return [inlet, *(cell + 0.5 * slope for cell, slope in zip(cells, slopes, strict=True))]


def advection(
    cells: ca.SX, mass_flow: ca.SX, tail: ca.SX, head: ca.SX, scheme: Scheme
) -> tuple[ca.SX, ca.SX, ca.SX]:
    """Net mass flow times temperature into each cell, and what leaves at both ends.

    Parameters
    ----------
    cells : SX (n, 1)
        K, from tail to head.
    mass_flow : SX scalar
        kg/s, positive from tail to head.
    tail, head : SX scalar
        Temperatures of the nodes at the ends.
    scheme : Scheme

    Returns
    -------
    into : SX (n, 1)
        kg K/s.
    leaves_tail, leaves_head : SX scalar
        K, of the water that leaves at each end when it flows that way.
    """
    row = [cells[i] for i in range(cells.numel())]
    forward = face_temperatures(row, tail, scheme)
    backward = face_temperatures(row[::-1], head, scheme)[::-1]
    along, against = maximum(mass_flow, 0.0), maximum(-mass_flow, 0.0)
    into = [
        along * (forward[i] - forward[i + 1]) + against * (backward[i + 1] - backward[i])
        for i in range(len(row))
    ]
    return ca.vertcat(*into), backward[0], forward[-1]


def _van_albada(a: ca.SX, b: ca.SX) -> ca.SX:
    small = SMOOTH_BELOW_K * SMOOTH_BELOW_K
    return (a * (b * b + small) + b * (a * a + small)) / (a * a + b * b + 2.0 * small)


def _smaller(a: ca.SX, b: ca.SX) -> ca.SX:
    return maximum(0.0, minimum(a, b)) + minimum(0.0, maximum(a, b))
