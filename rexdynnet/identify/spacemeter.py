"""`SpaceMeterNet.fit`: from meter series to a thermal network with honest uncertainty."""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import combinations
from pathlib import Path

import pandas as pd

from rexdynnet.identify.fit import Criterion, Fit, FitOptions, Report, fit_structure
from rexdynnet.identify.layout import Layout, check_layout
from rexdynnet.identify.meters import Meters, meters_from, read_meters
from rexdynnet.identify.record import make_record
from rexdynnet.identify.selection import Selection, coupling_probabilities, select_couplings
from rexdynnet.identify.structure import Structure, prior_of, theta_of
from rexdynnet.identify.verdict import Information, estimates, information
from rexdynnet.network.rc import Coupling, Parameter, Quantity, RCNetwork


@dataclass(frozen=True)
class Shape:
    """What the network to be found may consist of.

    Parameters
    ----------
    mass : bool
        A mass node behind the air of each zone.
    sectors_h : tuple of float
        Local hours at which solar sectors peak: two, morning and afternoon, tell
        windows to the east from windows to the west.
    common : bool
        Zones share an unmeasured heat.
    """

    mass: bool = True
    sectors_h: tuple[float, ...] = (9.0, 15.0)
    common: bool = False


@dataclass(frozen=True)
class Identified:
    """A network with the fit that it came from.

    Parameters
    ----------
    network : RCNetwork
    fit : Fit
    information : Information
    options : FitOptions
        Of the fit.
    """

    network: RCNetwork
    fit: Fit
    information: Information
    options: FitOptions


@dataclass(frozen=True)
class SpaceMeterNet:
    """The thermal network of a building from its meters.

    Parameters
    ----------
    shape : Shape
    options : FitOptions
    """

    shape: Shape = field(default_factory=Shape)
    options: FitOptions = field(default_factory=FitOptions)

    @staticmethod
    def fit(
        data: Meters | pd.DataFrame | str | Path,
        layout: Layout | None = None,
        *,
        shape: Shape | None = None,
        options: FitOptions | None = None,
        report: Report | None = None,
    ) -> RCNetwork:
        """Find the thermal network behind meter series.

        Parameters
        ----------
        data : Meters, DataFrame or path
            As of `read_meters`.
        layout : Layout or None
            Which zones may touch, how rows are labelled; None: any two may.
        shape : Shape or None
        options : FitOptions or None
        report : callable or None
            Told about the progress.

        Returns
        -------
        RCNetwork
            With an interval and a verdict for every number.

        Raises
        ------
        InputError
            The meters or the layout are unusable; every finding is named.
        SolverError
            No start of the search led anywhere.
        """
        return identify(data, layout, shape=shape, options=options, report=report).network


def identify(
    data: Meters | pd.DataFrame | str | Path,
    layout: Layout | None = None,
    *,
    shape: Shape | None = None,
    options: FitOptions | None = None,
    report: Report | None = None,
    start: RCNetwork | None = None,
) -> Identified:
    """Find the network as `SpaceMeterNet.fit` does, and keep the fit.

    Parameters
    ----------
    data, layout, shape, options, report
        As of `SpaceMeterNet.fit`.
    start : RCNetwork or None
        The building's network of an earlier record: the search begins there.

    Returns
    -------
    Identified
    """
    plan = layout or Layout()
    meters = _meters(data, plan)
    shape, options = shape or Shape(), options or FitOptions()
    check_layout(plan, meters.zones)
    edges = plan.pairs(meters.zones) if plan.adjacent else tuple(combinations(meters.zones, 2))
    structure = Structure(
        meters.zones, edges, shape.mass, shape.sectors_h, shape.common, meters.unmetered
    )
    unmeasured = shape.common + len(meters.unmetered)
    record = make_record(meters, shape.mass, shape.sectors_h, unmeasured)
    begin = None
    if start is not None:
        begin = theta_of(structure, prior_of(structure, options.beliefs), start)
    if not options.select:
        fit = fit_structure(structure, record, options, begin, report)
        known = information(fit)
        return Identified(network_of(fit, known, meters), fit, known, options)
    chosen = select_couplings(structure, record, options, report, begin)
    fit, known = chosen.fit, chosen.information
    if options.criterion is not Criterion.LIKELIHOOD:
        fit = fit_structure(fit.structure, record, options, start=fit.theta, report=report)
        known = information(fit)
    return Identified(network_of(fit, known, meters, chosen), fit, known, options)


def network_of(
    fit: Fit, known: Information, meters: Meters, selection: Selection | None = None
) -> RCNetwork:
    """The network that a fit stands for.

    Parameters
    ----------
    fit : Fit
    known : Information
    meters : Meters
        It was fitted to.
    selection : Selection or None
        Where couplings were selected: what was dropped, and probabilities.

    Returns
    -------
    RCNetwork
    """
    found = estimates(fit, known)
    chances = coupling_probabilities(fit, known) if selection is None else selection.probability
    couplings = tuple(
        Coupling(one.zone, one.other, number, chances[one], number.value > 0)
        for one, number in found.items()
        if one.quantity is Quantity.COUPLING
    )
    if selection is not None:
        couplings += tuple(
            Coupling(one.zone, one.other, number, chances[one], False)
            for one, number in selection.dropped.items()
        )
    own: dict[Parameter, object] = {
        one: number for one, number in found.items() if one.quantity is not Quantity.COUPLING
    }
    coarse = {
        zone: size for zone, size in zip(meters.zones, meters.resolution_J, strict=True) if size > 0
    }
    days = meters.steps_s.sum() / 86400
    source = f"{len(meters.time)} rows over {days:.1f} days"
    return RCNetwork(
        meters.zones,
        fit.structure.mass,
        fit.structure.sectors_h,
        own,  # pyright: ignore
        couplings,
        meters.unmetered,
        meters.rows,
        coarse,
        source,
    )


def _meters(data: Meters | pd.DataFrame | str | Path, layout: Layout) -> Meters:
    if isinstance(data, Meters):
        return data
    if isinstance(data, pd.DataFrame):
        return meters_from(data, rows=layout.rows, resolution_J=dict(layout.resolution_J))
    return read_meters(data, rows=layout.rows, resolution_J=dict(layout.resolution_J))
