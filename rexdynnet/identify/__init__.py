"""SpaceMeterNet: the thermal network of a building from its meters.

Examples
--------
>>> from rexdynnet.identify.fit import Criterion
>>> Criterion.LIKELIHOOD.open_loop_weight
0.0
"""

from __future__ import annotations

from rexdynnet.identify.calibrate import (
    Calibration,
    Law,
    Recorded,
    Unknown,
    calibrate,
    calibrated,
)
from rexdynnet.identify.fit import Criterion, FitOptions
from rexdynnet.identify.layout import Layout, read_layout
from rexdynnet.identify.meters import Meters, meters_from, read_meters
from rexdynnet.identify.predict import predict
from rexdynnet.identify.profile import Profile, profile_couplings, with_profiles
from rexdynnet.identify.spacemeter import Identified, Shape, SpaceMeterNet, identify
from rexdynnet.identify.validation import cross_validate, open_loop_error, whiteness

__all__ = [
    "Calibration",
    "Criterion",
    "FitOptions",
    "Identified",
    "Law",
    "Layout",
    "Meters",
    "Profile",
    "Recorded",
    "Shape",
    "SpaceMeterNet",
    "Unknown",
    "calibrate",
    "calibrated",
    "cross_validate",
    "identify",
    "meters_from",
    "open_loop_error",
    "predict",
    "profile_couplings",
    "read_layout",
    "read_meters",
    "whiteness",
    "with_profiles",
]
