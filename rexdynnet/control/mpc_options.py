"""What a scenario may set of the predictive controller."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import cast

from rexdynnet.control.feedback import FeedbackMode
from rexdynnet.control.tracking import MOVED
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
    feedback : FeedbackMode
        "converged" or "real_time".
    blocks : tuple of int
        Lengths of the blocks of steps over which the feedback holds its controls; empty: it may
        move them at every step.
    demand_spread : float
        Above 0 the feedback plans for three demands, this share below and above the expected
        one, that it meets with the same first move.
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
    feedback: FeedbackMode = FeedbackMode.CONVERGED
    blocks: tuple[int, ...] = ()
    demand_spread: float = 0.0
    trajectory_iterations: int = 30
    cells: int = 1
    substations: int = 6
    backoff_K: float = 2.0
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
            default = cast("object", getattr(made, name, None))
            if name not in cls.__dataclass_fields__:
                known = ", ".join(cls.__dataclass_fields__)
                raise InputError(
                    Finding(f"mpc has no option '{name}'", f"choose from {known}", field="control")
                )
            given = _read_as(value, default)
            if not _same_kind(given, default) or (isinstance(given, int | float) and given < 0):
                raise InputError(
                    Finding(
                        f"option {name} is {value!r}",
                        f"give a value like {default!r}",
                        field=f"control.options.{name}",
                    )
                )
            made = replace(made, **{name: given})
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
        if made.blocks and sum(made.blocks) != made.tracking_steps:
            raise InputError(
                Finding(
                    f"blocks of {sum(made.blocks)} steps in all do not fill "
                    f"{made.tracking_steps} tracking steps",
                    "give lengths whose sum is tracking_steps",
                    field="control.options.blocks",
                )
            )
        return made


def check_weights(weights: Mapping[str, float]) -> None:
    """Refuse a weight that the predictive controller does not have.

    Parameters
    ----------
    weights : mapping of str to float

    Raises
    ------
    InputError
        Names the weight and those that there are.
    """
    known = {*MOVED, "economic"}
    wrong = [name for name in weights if name not in known]
    if wrong:
        raise InputError(
            Finding(
                f"mpc has no weight '{wrong[0]}'",
                f"choose from {', '.join(sorted(known))}",
                field="control.weights",
            )
        )


def _read_as(value: object, default: object) -> object:
    """A value from TOML as an option like the default."""
    if isinstance(default, FeedbackMode):
        return _mode(value)
    if isinstance(default, tuple):
        return _blocks(value)
    if isinstance(default, float) and isinstance(value, int):
        return float(value)
    return value


def _same_kind(value: object, default: object) -> bool:
    """Whether both are of one type; a bool is no int here."""
    return isinstance(value, type(default)) and isinstance(value, bool) == isinstance(default, bool)


def _mode(value: object) -> FeedbackMode:
    for mode in FeedbackMode:
        if value in (mode, mode.value):
            return mode
    names = " or ".join(f'"{mode.value}"' for mode in FeedbackMode)
    raise InputError(
        Finding(f"feedback is {value!r}", f"give {names}", field="control.options.feedback")
    )


def _blocks(value: object) -> tuple[int, ...]:
    given = cast(Sequence[object], value) if isinstance(value, (list, tuple)) else ("none",)
    lengths = tuple(n for n in given if isinstance(n, int) and n > 0)
    if len(lengths) == len(given):
        return lengths
    raise InputError(
        Finding(
            f"blocks is {value!r}",
            "give a list of positive whole numbers such as [1, 1, 2, 4, 8]",
            field="control.options.blocks",
        )
    )
