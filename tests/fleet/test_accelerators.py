"""The accelerator catalogue: every figure has a source and lies where physics and published runs put it."""

from __future__ import annotations

import pytest

from pausewatch.fleet import Accelerator, lookup
from pausewatch.fleet.accelerators import CATALOGUE, REFERENCE_MODEL, known_model


@pytest.mark.parametrize("chip", CATALOGUE, ids=lambda chip: chip.model)
def test_every_entry_is_sane(chip: Accelerator) -> None:
    assert chip.source
    assert 1e13 < chip.peak_dense_bf16_flops < 1e16
    assert 0 < chip.chip_w < chip.node_w_per_chip < 4 * chip.chip_w
    assert 1e-13 < chip.joule_per_flop(0.35) < 3e-11
    for name in (chip.model, *chip.aliases, chip.model.lower(), chip.model.replace("-", " ")):
        assert lookup(name) is chip


def test_names_are_unique() -> None:
    names = [name.upper() for chip in CATALOGUE for name in (chip.model, *chip.aliases)]
    assert len(names) == len(set(names))
    assert lookup(REFERENCE_MODEL) is not None


@pytest.mark.parametrize(("utilisation", "joule"), [(0.45, 2.4e-12), (0.35, 3.0e-12), (0.20, 5.3e-12)])
def test_h100_energy_per_flop_is_what_published_runs_show(utilisation: float, joule: float) -> None:
    chip = lookup("H100-SXM")
    assert chip is not None
    assert chip.joule_per_flop(utilisation) == pytest.approx(joule, rel=0.05)


def test_unknown_models() -> None:
    assert lookup("H100-SXM-MAX") is None
    assert known_model("h100 sxm5") == "h100 sxm5"
    with pytest.raises(ValueError, match="nearest are H100"):
        known_model("H1000")
