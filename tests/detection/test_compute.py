"""Compute: FLOP that energy could have bought, bounded by the declared chips."""

from __future__ import annotations

import pytest
from tests.builders import a_site

from pausewatch.detection.compute import days_to_quantity, declared_chips, efficiency
from pausewatch.fleet.accelerators import lookup

H100, A100 = {"model": "H100-SXM", "count": 20000}, {"model": "A100-SXM", "count": 20000}


def test_an_h100_buys_what_the_literature_says():
    """1e24 FLOP is about 1 GWh at the IT load: 3.0e-12 J a FLOP at 35 % utilisation, 5.3 at 20 %."""
    bought = efficiency(a_site(accelerators=[H100]))
    assert 3.6e9 / bought.central == pytest.approx(3.0e-12, rel=0.25)
    assert 3.6e9 / bought.low == pytest.approx(5.3e-12, rel=0.25)
    assert bought.low < bought.central < bought.high


def test_the_bounds_take_the_worst_and_the_best_declared_chip():
    newer, older = efficiency(a_site(accelerators=[H100])), efficiency(a_site(accelerators=[A100]))
    both = efficiency(a_site(accelerators=[H100, A100]))
    assert both.low == min(newer.low, older.low)
    assert both.high == max(newer.high, older.high)
    assert min(newer.central, older.central) < both.central < max(newer.central, older.central)
    many_old = efficiency(a_site(accelerators=[{**H100, "count": 1}, A100]))
    assert many_old.central == pytest.approx(older.central, rel=0.01)


def test_without_a_declared_inventory_a_reference_chip_is_taken_and_no_date_is_given():
    site = a_site(accelerators=[])
    ((chip, count),) = declared_chips(site)
    assert count == 0
    assert chip is not None
    assert efficiency(site).central > 0
    assert days_to_quantity(site, 1e24) is None


def test_the_inventory_reaches_a_quantity_in_proportion():
    small, large = a_site(accelerators=[H100]), a_site(accelerators=[{**H100, "count": 40000}])
    days = days_to_quantity(small, 1e24)
    assert days == pytest.approx(1e24 / (20000 * lookup("H100-SXM").peak_dense_bf16_flops * 0.45) / 86400)
    assert days_to_quantity(large, 1e24) == pytest.approx(days / 2)
    assert days_to_quantity(small, 1e25) == pytest.approx(days * 10)
