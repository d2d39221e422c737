"""How operators report."""

from __future__ import annotations

from keymatte.engine.shared.errors import NoKeyframes
from keymatte.ops.common import ReportingOperator


class Sample(ReportingOperator):
    """An operator that says what the test wants, and keeps what it reports."""

    def __init__(self, run) -> None:
        self.run = lambda context: run()
        self.reports = []

    def report(self, kind, text) -> None:
        self.reports.append((kind, text))


def fail():
    raise NoKeyframes("clip shot has no keyframe to start from")


def test_a_sentence_is_reported_and_nothing_is_reported_for_none():
    spoken, silent = Sample(lambda: "Added"), Sample(lambda: "")
    assert spoken.execute(None) == silent.execute(None) == {"FINISHED"}
    assert spoken.reports == [({"INFO"}, "Added")]
    assert silent.reports == []


def test_an_error_is_reported_with_what_to_do_now():
    operator = Sample(fail)
    assert operator.execute(None) == {"CANCELLED"}
    assert operator.reports == [
        ({"ERROR"}, "Clip shot has no keyframe to start from. Mark at least one object on one frame first.")
    ]
