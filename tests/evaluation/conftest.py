"""What tests of judges share."""

from __future__ import annotations

import pytest


@pytest.fixture
def no_shipped_judge(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the rule be in force at first, whatever is shipped."""
    nothing = tmp_path_factory.mktemp("shipped")
    monkeypatch.setattr("pausewatch.signatures.registry.shipped_models", lambda: nothing)
