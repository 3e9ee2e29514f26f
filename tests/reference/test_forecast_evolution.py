"""The shipped forecast evolution is that of the measured houses, and holds in later weeks."""

from __future__ import annotations

import numpy as np
import pytest

from rexdynnet.network.entries import read_toml
from rexdynnet.study.forecast_evolution import read_evolution
from tests.data import ROOT, needs_validation, validation

FILE = ROOT / "models/series/heat_load_evolution.toml"


def test_the_shipped_variances_are_those_of_the_shipped_evolution() -> None:
    document = read_toml(FILE, [])
    assert document is not None
    check = document.values["later_third"]
    law = read_evolution(FILE)
    fitted = np.array(check["error_fitted"])
    # later hours are sunnier: the figures are for their regressor
    shares = law.error_variance(0.0), law.error_variance(1.0)
    sun = (fitted[0] - shares[0][0]) / (shares[1] - shares[0])[0]
    np.testing.assert_allclose(law.error_variance(sun), fitted, rtol=0.01)


@pytest.mark.slow
@needs_validation
def test_the_evolution_of_the_first_two_thirds_holds_in_the_last_at_every_lead(
    capsys: pytest.CaptureFixture[str],
) -> None:
    from benchmarks.tools import fit_forecast_evolution as fit

    data = fit.read(validation("heat_load", "houses_2010_2011.csv"))
    found = fit.evidence_of(fit.issue(data))
    shipped = read_evolution(FILE)
    np.testing.assert_allclose(
        found.evolution.error_variance(), shipped.error_variance(), rtol=1e-2
    )
    with capsys.disabled():
        for name, check in (("error", found.errors), ("revision", found.revisions)):
            outside = ", ".join(str(lead) for lead in check.lead_h[~check.inside])
            print(
                f"\n{name}: {check.inside.sum()} of 36 leads inside; outside: {outside or 'none'}"
            )
    assert found.errors.inside.all()
    # what the data say of the martingale: weather forecasts are taken back
    taken_back = {test.lead_h: test for test in found.foreseen}
    assert taken_back[12].p_value < 0.01
    assert taken_back[12].coefficients[2] < 0
    assert all(test.p_value > 0.05 for test in found.truths)
