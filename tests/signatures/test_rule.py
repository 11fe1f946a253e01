"""The rule: probabilities that sum to one, and that move the way the evidence does."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise, product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pausewatch.signatures.features import Features
from pausewatch.signatures.rule import Cause, Circumstances, explain

RUN = Features(
    duration_days=12.0,
    duty=1.0,
    share_of_it_capacity=0.2,
    share_of_load=0.3,
    onset_share=1.0,
    growth_share=0.0,
    diurnal_share=0.01,
    weekend_ratio=1.0,
    weather_share=0.0,
    roughness_share=0.02,
    off_share=1.0,
    night_share=0.33,
    parts_per_week=0.6,
    it_agreement=1.0,
    is_it_metered=True,
    is_utility_metered=True,
    strength=4.0,
)
LAUNCH = replace(
    RUN, diurnal_share=0.35, weekend_ratio=0.7, growth_share=0.8, onset_share=0.1, share_of_it_capacity=0.1
)
PLAIN = Circumstances()


def probability(features: Features, circumstances: Circumstances = PLAIN, cause: Cause = Cause.TRAINING) -> float:
    return next(h.probability for h in explain(features, circumstances) if h.name == cause.value)


def never_falls(values: list[float]) -> bool:
    return all(later >= earlier - 1e-9 * max(abs(earlier), 1e-3) for earlier, later in pairwise(values))


shares = st.floats(0, 2)
features = st.builds(
    Features,
    duration_days=st.floats(0.04, 400),
    duty=st.floats(0, 1),
    share_of_it_capacity=st.floats(0, 3),
    share_of_load=st.floats(0, 50),
    onset_share=shares,
    growth_share=st.floats(-10, 10),
    diurnal_share=shares,
    weekend_ratio=st.floats(0, 3),
    weather_share=shares,
    roughness_share=shares,
    off_share=st.floats(0, 1.5),
    night_share=st.floats(0, 1),
    parts_per_week=st.floats(0, 50),
    it_agreement=st.floats(0, 1.5),
    is_it_metered=st.booleans(),
    is_utility_metered=st.booleans(),
    strength=st.floats(0, 1e6),
)
circumstances = st.builds(Circumstances, *[st.booleans()] * 6)


@settings(max_examples=200, deadline=None)
@given(features, circumstances)
def test_every_hypothesis_is_told_with_probabilities_that_sum_to_one(given_features, given_circumstances):
    told = explain(given_features, given_circumstances)
    assert {h.name for h in told} == {c.value for c in Cause}
    assert sum(h.probability for h in told) == pytest.approx(1.0)
    assert all(0 <= h.probability <= 1 for h in told)
    assert [h.probability for h in told] == sorted((h.probability for h in told), reverse=True)
    assert told == explain(given_features, given_circumstances)


@settings(max_examples=200, deadline=None)
@given(features, circumstances)
def test_a_flatter_load_is_never_less_likely_training(given_features, given_circumstances):
    steps = [replace(given_features, diurnal_share=d, weekend_ratio=1.0) for d in np.linspace(0.5, 0.0, 12)]
    assert never_falls([probability(f, given_circumstances) for f in steps])


@settings(max_examples=200, deadline=None)
@given(features, circumstances)
def test_a_longer_or_larger_load_never_speaks_for_a_launch(given_features, given_circumstances):
    for name, values in (("duration_days", (0.5, 2, 6, 20)), ("share_of_it_capacity", (0.001, 0.02, 0.1, 0.5))):
        ratio = [
            probability(f, given_circumstances) / max(probability(f, given_circumstances, Cause.INFERENCE), 1e-300)
            for f in (replace(given_features, **{name: v}) for v in values)
        ]
        assert never_falls([min(r, 1e250) for r in ratio])


@settings(max_examples=200, deadline=None)
@given(features, circumstances)
def test_training_that_did_not_step_down_is_never_less_likely_training(given_features, given_circumstances):
    stopped = replace(given_circumstances, did_not_step_down=False)
    went_on = replace(given_circumstances, did_not_step_down=True)
    assert probability(given_features, went_on) >= probability(given_features, stopped)
    declared = replace(given_circumstances, declared_training=True)
    plain = replace(given_circumstances, declared_training=False)
    assert probability(given_features, declared) >= probability(given_features, plain)


def test_an_undeclared_run_is_training_like_and_a_launch_is_not():
    assert probability(RUN) > 0.5
    assert probability(LAUNCH) < 0.1
    assert explain(LAUNCH, PLAIN)[0].name == Cause.INFERENCE.value


def test_declared_work_is_explained_but_not_where_training_was_to_stop():
    declared = Circumstances(is_declared=True)
    assert explain(RUN, declared)[0].name == Cause.DECLARED.value
    assert probability(RUN, declared) < 0.2
    unstopped = Circumstances(is_declared=True, did_not_step_down=True)
    assert explain(RUN, unstopped)[0].name == Cause.TRAINING.value


def test_cooling_is_small_warm_and_beside_the_racks():
    fault = replace(RUN, it_agreement=0.05, share_of_load=0.05, weather_share=0.3, diurnal_share=0.2, growth_share=0.1)
    assert explain(fault, PLAIN)[0].name == Cause.COOLING.value
    assert probability(RUN, PLAIN, Cause.COOLING) < 0.05


def test_without_a_utility_meter_cooling_can_not_be_seen():
    assert probability(replace(RUN, is_utility_metered=False), PLAIN, Cause.COOLING) < 0.01


def test_more_at_the_racks_than_the_utility_delivered_is_metering():
    impossible = replace(RUN, it_agreement=1.5)
    assert probability(impossible, PLAIN, Cause.METERING) > 10 * probability(RUN, PLAIN, Cause.METERING)
    assert probability(RUN, Circumstances(is_suspect=True), Cause.METERING) > probability(RUN, PLAIN, Cause.METERING)


def test_chance_explains_only_what_barely_passed_the_threshold():
    weak, strong = replace(RUN, strength=1.0), replace(RUN, strength=3.0)
    assert probability(weak, PLAIN, Cause.CHANCE) > 10 * probability(strong, PLAIN, Cause.CHANCE)


@pytest.mark.parametrize(("duty", "off_share"), list(product((0.3, 0.6), (0.0, 0.1))))
def test_bursts_with_nothing_between_stay_training_like(duty, off_share):
    assert probability(replace(RUN, duty=duty, off_share=off_share, night_share=1.0)) > 0.5


def test_a_tenant_moves_in_rack_by_rack_and_stays():
    tenant = replace(RUN, onset_share=0.3, growth_share=0.3, share_of_it_capacity=0.06)
    assert probability(tenant, PLAIN, Cause.TENANT) > probability(RUN, PLAIN, Cause.TENANT)
    over = Circumstances(is_over=True)
    assert probability(tenant, over, Cause.TENANT) < probability(tenant, PLAIN, Cause.TENANT)
