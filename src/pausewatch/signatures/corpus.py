"""The corpus: what episodes looked like when the detector showed them, and what they really were.

An episode is taken as the reports had it at several ages, so that a model learns on what it will see: on its second
day as well as on its thirtieth. Episodes a declaration accounts for are left out: they are explained whatever they look
like.
"""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass, fields

import numpy as np
import numpy.typing as npt
import polars as pl

from pausewatch.signatures.encoding import COLUMNS, encode
from pausewatch.signatures.features import Features
from pausewatch.signatures.rule import Cause, Circumstances

Floats = npt.NDArray[np.float64]

# Days after its first report at which an episode is taken.
AGES = (0, 1, 2, 3, 4, 6, 8, 12, 16, 24, 32, 48)
# Simulated sites that a reviewed finding of a real one counts for.
REVIEWED_WEIGHT = 5.0


@dataclass(frozen=True)
class Example:
    """One episode at one age.

    Args:
        features: what it looked like.
        circumstances: what was known beside.
        cause: what it really was.
        site: a name of its site that no other site of the corpus has.
        age_days: days since its first report.
        is_reviewed: told by a reviewer, not by a simulator.
    """

    features: Features
    circumstances: Circumstances
    cause: Cause
    site: str
    age_days: int
    is_reviewed: bool = False


@dataclass(frozen=True)
class Corpus:
    """Examples, in an order that depends on their making alone."""

    examples: tuple[Example, ...]

    @property
    def vectors(self) -> Floats:
        """Shape (N, len(COLUMNS))."""
        return np.array([encode(e.features, e.circumstances) for e in self.examples]).reshape(-1, len(COLUMNS))

    @property
    def causes(self) -> list[str]:
        """What each example really was."""
        return [e.cause.value for e in self.examples]

    @property
    def weights(self) -> Floats:
        """Weight of each example: every site and cause counts as much as its square root of examples would.

        What a reviewer told of a real site counts for several simulated ones.
        """
        count = Counter((e.site, e.cause) for e in self.examples)
        real = [REVIEWED_WEIGHT if e.is_reviewed else 1.0 for e in self.examples]
        return np.array([w / np.sqrt(count[e.site, e.cause]) for e, w in zip(self.examples, real, strict=True)])

    def sites_by_cause(self) -> dict[str, int]:
        """Return how many sites stand behind each cause."""
        pairs = {(e.site, e.cause.value) for e in self.examples}
        return dict(sorted(Counter(cause for _, cause in pairs).items()))

    def sha256(self) -> str:
        """Return a hash of all examples."""
        told = [
            [e.features.document(), asdict(e.circumstances), e.cause.value, e.site, e.age_days] for e in self.examples
        ]
        return hashlib.sha256(json.dumps(told, sort_keys=True).encode()).hexdigest()

    def frame(self) -> pl.DataFrame:
        """Return the examples as a table, one a row: features, circumstances, then what is known of them."""
        return pl.DataFrame(
            [
                e.features.document()
                | asdict(e.circumstances)
                | {"cause": e.cause.value, "site": e.site, "age_days": e.age_days, "is_reviewed": e.is_reviewed}
                for e in self.examples
            ],
            infer_schema_length=None,
        )

    @staticmethod
    def from_frame(table: pl.DataFrame) -> Corpus:
        """Return the examples of a table that `frame` made."""
        known = [f.name for f in fields(Circumstances)]
        return Corpus(
            tuple(
                Example(
                    Features.from_document(row),
                    Circumstances(**{name: row[name] for name in known}),
                    Cause(row["cause"]),
                    row["site"],
                    row["age_days"],
                    row["is_reviewed"],
                )
                for row in table.iter_rows(named=True)
            )
        )

    def only(self, causes: Sequence[str]) -> Corpus:
        """Return the examples of some causes."""
        return Corpus(tuple(e for e in self.examples if e.cause.value in causes))
