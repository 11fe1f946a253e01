"""The learned judge."""

from __future__ import annotations

import numpy as np
import pytest
from tests.signatures.episodes import corpus, features, taught

from pausewatch.errors import ModelError
from pausewatch.signatures.corpus import Corpus
from pausewatch.signatures.encoding import COLUMNS, encode
from pausewatch.signatures.model import class_scores, folds, held_out, train
from pausewatch.signatures.rule import Cause, Circumstances, explain


def test_training_is_deterministic() -> None:
    first, second = taught(), train(corpus())
    vectors = corpus().vectors

    assert first.temperature == second.temperature
    assert np.array_equal(first.probabilities(vectors), second.probabilities(vectors))
    assert first.causes == second.causes


def test_it_tells_what_it_was_taught() -> None:
    model = taught()
    said = model.explain(features(), Circumstances())
    daily = model.explain(features(diurnal_share=0.4, growth_share=0.6, onset_share=0.2), Circumstances())

    assert said[0].name == Cause.TRAINING
    assert daily[0].name == Cause.INFERENCE


@pytest.mark.parametrize(
    "known", [Circumstances(), Circumstances(is_drift=True), Circumstances(did_not_step_down=True, is_over=True)]
)
def test_every_hypothesis_is_named_once_and_they_sum_to_one(known: Circumstances) -> None:
    said = taught().explain(features(), known)

    assert sorted(h.name for h in said) == sorted(Cause)
    assert sum(h.probability for h in said) == pytest.approx(1.0)
    assert [h.probability for h in said] == sorted((h.probability for h in said), reverse=True)
    assert all(h.probability > 0 for h in said)


@pytest.mark.parametrize("known", [Circumstances(is_declared=True), Circumstances(declared_training=True)])
def test_declarations_stay_with_the_rule(known: Circumstances) -> None:
    assert taught().explain(features(), known) == explain(features(), known)


def test_untaught_causes_keep_the_rules_probability() -> None:
    model = taught()
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


def test_an_episode_is_encoded_as_its_report_tells_it() -> None:
    told = features(duration_days=1e6, growth_share=-50.00004)
    found = dict(zip(COLUMNS, encode(told, Circumstances(is_drift=True, earlier_days=3.5)), strict=True))

    assert (found["duration_days"], found["growth_share"]) == (1e6, -50.0)
    assert (found["is_drift"], found["is_over"], found["earlier_days"]) == (1.0, 0.0, 3.5)
    # A declaration is the rule's matter.
    assert not {"is_declared", "declared_training"} & found.keys()
