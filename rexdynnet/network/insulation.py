"""Heat loss of insulated pipes per metre, from their layers to the ground or air.

Every function answers in the form that `rexdynnet.network.spec.Pipe` keeps: a
loss coefficient from the wall's middle (from the water where there is no wall)
to the surroundings, and a coupling to the partner pipe of the same trench.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import acosh, log, pi

from rexdynnet.errors import Finding, InputError

GROUND_SURFACE_m2K_per_W = 0.0685
"""Resistance between ground surface and air, taken as soil (EN 13941)."""


@dataclass(frozen=True)
class Layers:
    """Cross-section of one pipe outside the water.

    Parameters
    ----------
    inner_diameter_m : float
    wall_thickness_m, wall_conductivity_W_per_mK : float
        0 thickness: no wall; the coefficient then starts at the water.
    insulation_thickness_m, insulation_conductivity_W_per_mK : float
    casing_thickness_m, casing_conductivity_W_per_mK : float
    """

    inner_diameter_m: float
    insulation_thickness_m: float = 0.0
    insulation_conductivity_W_per_mK: float = 0.03
    wall_thickness_m: float = 0.0
    wall_conductivity_W_per_mK: float = 50.0
    casing_thickness_m: float = 0.0
    casing_conductivity_W_per_mK: float = 0.4

    @property
    def wall_outer_m(self) -> float:
        """Outer diameter of the service pipe."""
        return self.inner_diameter_m + 2 * self.wall_thickness_m

    @property
    def insulation_outer_m(self) -> float:
        """Outer diameter of the insulation."""
        return self.wall_outer_m + 2 * self.insulation_thickness_m

    @property
    def outer_m(self) -> float:
        """Outer diameter of the casing."""
        return self.insulation_outer_m + 2 * self.casing_thickness_m

    @property
    def resistance_mK_per_W(self) -> float:
        """From the wall's middle to the casing's surface; per metre.

        Hollow cylinders in series (VDI Heat Atlas, section E1).
        """
        return (
            _cylinder(
                self.inner_diameter_m + self.wall_thickness_m,
                self.wall_outer_m,
                self.wall_conductivity_W_per_mK,
            )
            + _cylinder(
                self.wall_outer_m, self.insulation_outer_m, self.insulation_conductivity_W_per_mK
            )
            + _cylinder(self.insulation_outer_m, self.outer_m, self.casing_conductivity_W_per_mK)
        )


@dataclass(frozen=True)
class HeatLoss:
    """Loss to the surroundings and coupling to the partner, W/(m K)."""

    loss_W_per_mK: float
    coupling_W_per_mK: float = 0.0


def _cylinder(inner_m: float, outer_m: float, conductivity_W_per_mK: float) -> float:
    return log(outer_m / inner_m) / (2 * pi * conductivity_W_per_mK)


def loss_in_air(layers: Layers, outer_heat_transfer_W_per_m2K: float | None = None) -> HeatLoss:
    """Loss of a pipe in air, or of one whose surface has the temperature of its surroundings.

    Parameters
    ----------
    layers : Layers
    outer_heat_transfer_W_per_m2K : float or None
        Film at the casing; None: the surroundings' temperature acts at the casing.

    Returns
    -------
    HeatLoss
        W/(m K), without coupling.

    Raises
    ------
    InputError
        There is no resistance at all between water and surroundings.

    Examples
    --------
    CE_0 of DESTEST: insulation 31 mm of 0.026 W/(m K) around a plastic pipe 50 x 4.6 mm.

    >>> pipe = Layers(0.0408, 0.031, 0.026, 0.0046, wall_conductivity_W_per_mK=0.35)
    >>> round(loss_in_air(pipe).loss_W_per_mK, 4)
    0.2008
    """
    resistance = layers.resistance_mK_per_W
    if outer_heat_transfer_W_per_m2K is not None:
        resistance += 1 / (pi * layers.outer_m * outer_heat_transfer_W_per_m2K)
    if not resistance > 0:
        raise InputError(
            Finding(
                "there is no insulation, wall or film between water and surroundings",
                "give insulation_thickness_m, outer_heat_transfer_W_per_m2K or heat_loss_W_per_mK",
                field="insulation_thickness_m",
            )
        )
    return HeatLoss(1 / resistance)


def loss_in_ground(
    layers: Layers,
    ground_conductivity_W_per_mK: float,
    burial_depth_m: float,
    spacing_m: float | None = None,
) -> HeatLoss:
    """Loss of one pipe in the ground, or of each of two equal pipes side by side.

    Parameters
    ----------
    layers : Layers
    ground_conductivity_W_per_mK : float
    burial_depth_m : float
        Depth of the pipe's centre.
    spacing_m : float or None
        Distance of the two centres; None: a single pipe.

    Returns
    -------
    HeatLoss
        Loss to the ground's undisturbed temperature, coupling to the other pipe.

    Raises
    ------
    InputError
        The pipe sticks out of the ground, or the pipes overlap.

    Notes
    -----
    Soil resistance acosh(2 Z/D)/(2 pi k) with the depth Z enlarged by k·0.0685 m²K/W for the
    surface; mutual resistance ln(1 + (2 Z/E)²)/(4 pi k) by the mirror source (EN 13941-1,
    annex on heat loss; Bøhm, Energy and Buildings 33 (2001) 135).

    Examples
    --------
    >>> pipe = Layers(0.0825, 0.03555, 0.029, 0.0032, 50.0, casing_thickness_m=0.003)
    >>> pair = loss_in_ground(pipe, 1.6, 0.8, 0.33)
    >>> round(pair.loss_W_per_mK, 3), round(pair.coupling_W_per_mK, 4)
    (0.269, 0.0137)
    """
    if burial_depth_m <= layers.outer_m / 2:
        raise InputError(
            Finding(
                f"the centre lies {burial_depth_m} m deep, less than the radius of the casing "
                f"({layers.outer_m / 2:.4g} m)",
                "give the depth of the pipe's centre below the surface",
                field="burial_depth_m",
            )
        )
    depth = burial_depth_m + GROUND_SURFACE_m2K_per_W * ground_conductivity_W_per_mK
    soil = acosh(2 * depth / layers.outer_m) / (2 * pi * ground_conductivity_W_per_mK)
    own = layers.resistance_mK_per_W + soil
    if spacing_m is None:
        return HeatLoss(1 / own)
    if spacing_m < layers.outer_m:
        raise InputError(
            Finding(
                f"the centres lie {spacing_m} m apart, less than the casing's diameter "
                f"({layers.outer_m:.4g} m)",
                "give the distance between the centres of the two pipes",
                field="spacing_m",
            )
        )
    mutual = log(1 + (2 * depth / spacing_m) ** 2) / (4 * pi * ground_conductivity_W_per_mK)
    return HeatLoss(1 / (own + mutual), mutual / (own**2 - mutual**2))


@dataclass(frozen=True)
class TwinSection:
    """Two equal service pipes side by side in one insulated casing.

    Parameters
    ----------
    layers : Layers
        Of one service pipe; insulation and casing thickness are not used.
    casing_diameter_m : float
        Outer diameter of the insulation (the casing's own resistance is neglected).
    spacing_m : float
        Distance of the two centres.
    """

    layers: Layers
    casing_diameter_m: float
    spacing_m: float


def loss_of_twin(
    section: TwinSection, ground_conductivity_W_per_mK: float, burial_depth_m: float
) -> HeatLoss:
    """Loss and coupling of a twin pipe in the ground.

    Parameters
    ----------
    section : TwinSection
    ground_conductivity_W_per_mK : float
    burial_depth_m : float
        Depth of the casing's centre.

    Returns
    -------
    HeatLoss
        Of each service pipe.

    Raises
    ------
    InputError
        The service pipes overlap or do not fit into the casing.

    Notes
    -----
    Wallentén, Steady-state heat loss from insulated pipes (Lund, 1991), first-order
    multipole: the sum of both temperatures drives the symmetric, their difference the
    antisymmetric loss factor. The half wall is added in series to both. Against a field
    solution the loss is within 1 %, the antisymmetric part within 6 % (at the usual
    clear distances, where the next order would matter).

    Examples
    --------
    >>> dn50 = TwinSection(Layers(0.0545, 0.0, 0.029, 0.0029), 0.2, 0.0803)
    >>> twin = loss_of_twin(dn50, 1.6, 0.8)
    >>> round(twin.loss_W_per_mK, 3), round(twin.coupling_W_per_mK, 3)
    (0.136, 0.075)
    """
    layers = section.layers
    inner, casing = layers.wall_outer_m / 2, section.casing_diameter_m / 2
    half = section.spacing_m / 2
    if half <= inner or half + inner >= casing:
        raise InputError(
            Finding(
                f"two pipes of {2 * inner:.4g} m with centres {section.spacing_m:.4g} m apart do "
                f"not fit into a casing of {section.casing_diameter_m:.4g} m",
                "check casing_diameter_m and spacing_m (distance between the centres)",
                field="spacing_m",
            )
        )
    insulation = layers.insulation_conductivity_W_per_mK
    ground = ground_conductivity_W_per_mK
    depth = burial_depth_m + GROUND_SURFACE_m2K_per_W * ground
    sigma = (insulation - ground) / (insulation + ground)
    gap = casing**4 - half**4
    dipole = inner / (2 * half)
    symmetric = (
        2 * insulation / ground * log(2 * depth / casing)
        + log(casing**2 / (2 * half * inner))
        + sigma * log(casing**4 / gap)
        - (dipole - 2 * sigma * inner * half**3 / gap) ** 2
        / (1 + dipole**2 + sigma * (2 * inner * casing**2 * half / gap) ** 2)
    )
    gamma = 2 * (1 - sigma**2) / (1 - sigma * (casing / (2 * depth)) ** 2)
    antisymmetric = (
        log(2 * half / inner)
        + sigma * log((casing**2 + half**2) / (casing**2 - half**2))
        - (
            dipole
            - gamma * half * inner / (4 * depth**2)
            + 2 * sigma * inner * casing**2 * half / gap
        )
        ** 2
        / (
            1
            - dipole**2
            - gamma * (inner / (2 * depth)) ** 2
            + 2 * sigma * inner**2 * casing**2 * (casing**4 + half**4) / gap**2
        )
        - gamma * (half / (2 * depth)) ** 2
    )
    half_wall = _cylinder(
        layers.inner_diameter_m + layers.wall_thickness_m,
        layers.wall_outer_m,
        layers.wall_conductivity_W_per_mK,
    )
    together = 1 / (symmetric / (2 * pi * insulation) + half_wall)
    apart = 1 / (antisymmetric / (2 * pi * insulation) + half_wall)
    return HeatLoss(together, (apart - together) / 2)
