"""The learned judge."""

from __future__ import annotations

import numpy as np
import pytest
from tests.signatures.episodes import corpus, features

from pausewatch.errors import ModelError
from pausewatch.signatures.corpus import Corpus
from pausewatch.signatures.encoding import COLUMNS, encode
from pausewatch.signatures.model import class_scores, folds, held_out, train
from pausewatch.signatures.rule import Cause, Circumstances, explain


def test_training_is_deterministic() -> None:
    first, second = train(corpus()), train(corpus())

    assert first.temperature == second.temperature
    assert np.array_equal(first.estimator.coef_, second.estimator.coef_)
    assert first.causes == second.causes


def test_it_tells_what_it_was_taught() -> None:
    model = train(corpus())
    said = model.explain(features(), Circumstances())
    daily = model.explain(features(diurnal_share=0.4, growth_share=0.6, onset_share=0.2), Circumstances())

    assert said[0].name == Cause.TRAINING
    assert daily[0].name == Cause.INFERENCE


@pytest.mark.parametrize(
    "known", [Circumstances(), Circumstances(is_drift=True), Circumstances(did_not_step_down=True, is_over=True)]
)
def test_every_hypothesis_is_named_once_and_they_sum_to_one(known: Circumstances) -> None:
    said = train(corpus()).explain(features(), known)

    assert sorted(h.name for h in said) == sorted(Cause)
    assert sum(h.probability for h in said) == pytest.approx(1.0)
    assert [h.probability for h in said] == sorted((h.probability for h in said), reverse=True)
    assert all(h.probability > 0 for h in said)


@pytest.mark.parametrize("known", [Circumstances(is_declared=True), Circumstances(declared_training=True)])
def test_declarations_stay_with_the_rule(known: Circumstances) -> None:
    assert train(corpus()).explain(features(), known) == explain(features(), known)


def test_untaught_causes_keep_the_rules_probability() -> None:
    model = train(corpus())
    ruled = {h.name: h.probability for h in explain(features(), Circumstances())}
    said = {h.name: h.probability for h in model.explain(features(), Circumstances())}

    for cause in (Cause.METERING, Cause.TENANT, Cause.DECLARED):
        assert said[cause] == pytest.approx(ruled[cause])


def test_a_corpus_without_training_teaches_too_little() -> None:
    others = corpus().only([Cause.INFERENCE, Cause.COOLING])
    with pytest.raises(ModelError, match="teaches too little"):
        train(others)
    with pytest.raises(ModelError, match="teaches too little"):
        train(Corpus(()))


def test_no_site_is_on_both_sides_of_a_fold() -> None:
    examples = corpus().examples
    for inside, outside in folds(corpus()):
        assert not {examples[i].site for i in inside} & {examples[i].site for i in outside}


def test_scores_are_of_sites_that_were_held_out() -> None:
    chosen, apart, names = held_out(corpus())
    scores = class_scores(chosen, apart, names)

    assert apart.sum(axis=1) == pytest.approx(np.ones(len(apart)))
    assert all(one["recall"] > 0.9 for one in scores.values())


def test_an_encoded_episode_lies_between_bounds_whatever_it_looks_like() -> None:
    wild = features(duration_days=1e6, growth_share=-50.0, diurnal_share=99.0, strength=1e9)
    found = encode(wild, Circumstances(is_drift=True))

    assert found.shape == (len(COLUMNS),)
    assert np.abs(found).max() <= 2.0
