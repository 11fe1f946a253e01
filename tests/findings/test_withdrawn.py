from __future__ import annotations

from .register_values import assessment, day, record


def test_a_finding_tells_that_it_was_withdrawn_until_it_is_reported_again(register) -> None:
    record(register, 1, assessment())
    assert [f.is_withdrawn for f in register.findings(day(1))] == [False]
    record(register, 2)
    assert [(f.is_withdrawn, f.is_open) for f in register.findings(day(2))] == [(True, False)]
    record(register, 3, assessment())
    assert [f.is_withdrawn for f in register.findings(day(3))] == [False]
    assert [f.is_withdrawn for f in register.findings(day(2))] == [True]
