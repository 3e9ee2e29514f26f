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
    tracking_steps : int
        Horizon of the feedback.
    iterations : int
        Budget of the feedback's solver.
    machine_code : bool
        Compile the tracking problem's functions, which takes a minute the first time.
    """

    trajectory_every: int = 4
    tracking_steps: int = 16
    iterations: int = 20
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
            if type(value) is not type(default) or (isinstance(value, int) and value < 0):
                raise InputError(
                    Finding(
                        f"option {name} is {value!r}",
                        f"give a value like {default!r}",
                        field=f"control.options.{name}",
                    )
                )
            made = replace(made, **{name: value})
        if made.trajectory_every < 1 or made.tracking_steps < 2:
            raise InputError(
                Finding(
                    "mpc needs at least 1 step between trajectories and 2 tracking steps",
                    "raise trajectory_every or tracking_steps",
                    field="control.options",
                )
            )
        return made
