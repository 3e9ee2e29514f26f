"""What a scenario may set of the predictive controller."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from rexdynnet.errors import Finding, InputError


@dataclass(frozen=True)
class MpcOptions:
    """What a scenario's `[control.options]` may set.

    Parameters
    ----------
    trajectory_every : int
        Control steps between new trajectories.
    trajectory_stride : int
        Control steps in one step of the trajectory.
    tracking_steps : int
        Horizon of the feedback, in control steps.
    iterations : int
        Budget of the feedback's solver.
    trajectory_iterations : int
        Budget of the trajectory's solver.
    cells : int
        Finite volumes per pipe of the model, at most; a pipe has no more than it takes to
        hold half a control step at 0.5 m/s in each.
    substations : int
        About how many equivalent substations the model keeps (see
        `rexdynnet.network.aggregate`); 0: all.
    backoff_K : float
        The model keeps supply temperatures this much above what contracts promise.
    supply_slew_K_per_h : float
        Supply temperatures of balancing plants change no faster.
    offset_free : bool
        Estimate constant errors of the model's temperatures and correct for them.
    machine_code : bool
        Compile the tracking problem's functions, which takes a minute the first time.
    """

    trajectory_every: int = 4
    trajectory_stride: int = 2
    tracking_steps: int = 16
    iterations: int = 20
    trajectory_iterations: int = 40
    cells: int = 1
    substations: int = 6
    backoff_K: float = 1.0
    supply_slew_K_per_h: float = 30.0
    offset_free: bool = True
    machine_code: bool = False

    @classmethod
    def read(cls, options: Mapping[str, object]) -> MpcOptions:
        """Take known names from a mapping.

        Raises
        ------
        InputError
            A name is unknown or a value is of the wrong kind.
        """
        made = cls()
        for name, value in options.items():
            default = getattr(made, name, None)
            if name not in cls.__dataclass_fields__:
                known = ", ".join(cls.__dataclass_fields__)
                raise InputError(
                    Finding(f"mpc has no option '{name}'", f"choose from {known}", field="control")
                )
            if isinstance(default, float) and type(value) is int:
                value = float(value)
            if type(value) is not type(default) or (isinstance(value, int | float) and value < 0):
                raise InputError(
                    Finding(
                        f"option {name} is {value!r}",
                        f"give a value like {default!r}",
                        field=f"control.options.{name}",
                    )
                )
            made = replace(made, **{name: value})
        if not made.supply_slew_K_per_h > 0:
            raise InputError(
                Finding(
                    "supply_slew_K_per_h is 0, so that no temperature could ever change",
                    "give a positive number of kelvins per hour",
                    field="control.options.supply_slew_K_per_h",
                )
            )
        if min(made.trajectory_every, made.trajectory_stride) < 1 or made.tracking_steps < 2:
            raise InputError(
                Finding(
                    "mpc needs at least 1 step between trajectories and 2 tracking steps",
                    "raise trajectory_every, trajectory_stride or tracking_steps",
                    field="control.options",
                )
            )
        return made
